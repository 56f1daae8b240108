//! Where things are, and pictures.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use oz_domain::Picture;
use oz_models::{Engine, EngineOptions};

pub(crate) fn shared() -> PathBuf {
    std::env::var_os("OZ_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from)
}

pub(crate) fn options() -> EngineOptions {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let or = |name: &str, path: PathBuf| std::env::var_os(name).map_or(path, PathBuf::from);
    EngineOptions {
        pack_dir: or("OZ_MODELS_DIR", shared().join("models")),
        runtime_lib: or("OZ_RUNTIME_LIB", root.join(".runtime/libonnxruntime.so")),
        sessions: 2,
        intra_threads: 1,
    }
}

/// One engine for all tests: loading takes a second.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::load(&options()).unwrap())
}

pub(crate) fn golden() -> serde_json::Value {
    serde_json::from_slice(&fs_err::read(shared().join("eval/golden/golden.json")).unwrap()).unwrap()
}

/// A baseline or progressive JPEG without rotation, as RGB; `None` for other formats.
pub(crate) fn picture(path: &Path) -> Option<Picture> {
    use zune_core::bytestream::ZCursor;
    use zune_core::colorspace::ColorSpace;
    use zune_core::options::DecoderOptions;
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(fs_err::read(path).unwrap()), options);
    let rgb = decoder.decode().ok()?;
    let (width, height) = decoder.dimensions()?;
    Picture::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?, Bytes::from(rgb)).ok()
}
