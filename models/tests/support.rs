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

/// A JPEG or a PNG, upright; `None` for other formats.
pub(crate) fn picture(path: &Path) -> Option<Picture> {
    let bytes = fs_err::read(path).unwrap();
    let (width, height, rgb) = if bytes.starts_with(b"\x89PNG") { png(&bytes)? } else { jpeg(&bytes)? };
    let (width, height, rgb) = upright(width, height, rgb, orientation(&bytes));
    Picture::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?, Bytes::from(rgb)).ok()
}

fn jpeg(bytes: &[u8]) -> Option<(usize, usize, Vec<u8>)> {
    use zune_core::bytestream::ZCursor;
    use zune_core::colorspace::ColorSpace;
    use zune_core::options::DecoderOptions;
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let rgb = decoder.decode().ok()?;
    let (width, height) = decoder.dimensions()?;
    Some((width, height, rgb))
}

fn png(bytes: &[u8]) -> Option<(usize, usize, Vec<u8>)> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let mut out = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut out).ok()?;
    out.truncate(info.buffer_size());
    let rgb = match info.color_type {
        png::ColorType::Rgb => out,
        png::ColorType::Rgba => out.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
        png::ColorType::Grayscale => out.iter().flat_map(|v| [*v; 3]).collect(),
        _ => return None,
    };
    Some((info.width as usize, info.height as usize, rgb))
}

/// The EXIF orientation, 1 (upright) where there is none.
fn orientation(bytes: &[u8]) -> u32 {
    let exif = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(bytes));
    let field = |e: exif::Exif| e.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?.value.get_uint(0);
    exif.ok().and_then(field).unwrap_or(1)
}

/// Turns the pixels as EXIF orientations 3, 6 and 8 say; the set has no mirrored ones.
fn upright(width: usize, height: usize, rgb: Vec<u8>, orientation: u32) -> (usize, usize, Vec<u8>) {
    let (w, h) = if matches!(orientation, 6 | 8) { (height, width) } else { (width, height) };
    let from = |x: usize, y: usize| match orientation {
        3 => (width - 1 - x, height - 1 - y),
        6 => (y, height - 1 - x),
        8 => (width - 1 - y, x),
        _ => (x, y),
    };
    let places = (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
    let pixel = |(x, y): (usize, usize)| {
        let (x, y) = from(x, y);
        let at = (y * width + x) * 3;
        [rgb[at], rgb[at + 1], rgb[at + 2]]
    };
    (w, h, places.flat_map(pixel).collect())
}
