//! What the engine refuses to load, and how it says so.

use fs_err::os::unix::fs::symlink;
use oz_models::manifest::{Pack, PackError};
use oz_models::runtime::{Runtime, RuntimeError};
use oz_models::{Engine, EngineOptions, Error};

use crate::support::options;

/// A copy of the pack: a manifest of its own, and links to the nets.
fn copy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs_err::read_dir(options().pack_dir).unwrap() {
        let entry = entry.unwrap();
        let to = dir.path().join(entry.file_name());
        if entry.file_name() == "manifest.toml" {
            fs_err::write(to, fs_err::read(entry.path()).unwrap()).unwrap();
        } else {
            symlink(entry.path().canonicalize().unwrap(), to).unwrap();
        }
    }
    dir
}

fn load(dir: &tempfile::TempDir) -> Result<Engine, Error> {
    Engine::load(&EngineOptions { pack_dir: dir.path().to_owned(), sessions: 1, ..options() })
}

fn edit(dir: &tempfile::TempDir, from: &str, to: &str) {
    let path = dir.path().join("manifest.toml");
    let text = fs_err::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs_err::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_changed_file_is_refused_with_its_name_and_both_hashes() {
    let dir = copy();
    let path = dir.path().join("pad_minifas_v2_27.onnx");
    let mut bytes = fs_err::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::remove_file(&path).unwrap();
    fs_err::write(&path, bytes).unwrap();
    let error = load(&dir).err().unwrap();
    let text = error.to_string();
    let Error::Pack(PackError::WrongHash { path: named, expected, found }) = error else { panic!("{text}") };
    assert_eq!((named, expected.len(), found.len()), (path, 64, 64));
    assert!(expected.starts_with("d3bb1f53") && text.contains(&expected) && text.contains(&found), "{text}");
}

#[test]
fn a_cut_file_is_refused_before_it_is_read() {
    let dir = copy();
    let path = dir.path().join("headpose_0001.onnx");
    fs_err::remove_file(&path).unwrap();
    fs_err::write(&path, b"short").unwrap();
    assert!(matches!(load(&dir), Err(Error::Pack(PackError::WrongSize { found: 5, .. }))));
}

#[test]
fn all_missing_files_are_named_at_once() {
    let dir = copy();
    for file in ["headpose_0001.onnx", "quality_lightqnet.onnx", "embed_mobilefacenet.onnx"] {
        fs_err::remove_file(dir.path().join(file)).unwrap();
    }
    let Err(PackError::Missing(missing)) = Pack::open(dir.path()) else { panic!("loaded") };
    let names: Vec<_> = missing.files.iter().map(|f| f.0.as_str()).collect();
    assert_eq!(names, ["headpose_0001.onnx", "quality_lightqnet.onnx"], "the optional one is not needed");
}

#[test]
fn another_shape_than_the_manifest_says_is_refused() {
    let dir = copy();
    edit(&dir, r#"shape = ["n", "3", "60", "60"]"#, r#"shape = ["n", "3", "64", "64"]"#);
    let text = load(&dir).err().unwrap().to_string();
    assert!(text.contains("headpose_0001.onnx") && text.contains("60, 60") && text.contains("64x64"), "{text}");
}

#[test]
fn names_that_lead_out_of_the_pack_are_refused() {
    let dir = copy();
    edit(&dir, r#"file = "headpose_0001.onnx""#, r#"file = "../headpose_0001.onnx""#);
    assert!(matches!(Pack::open(dir.path()), Err(PackError::Manifest { .. })));
}

#[test]
fn a_pack_without_a_calibration_of_its_own_version_is_refused() {
    let dir = copy();
    edit(&dir, "version = \"2026.11.1\"", "version = \"2099.1\"");
    let text = load(&dir).err().unwrap().to_string();
    assert!(text.contains("2099.1") && text.contains("calibration.toml"), "{text}");
    let built_in = include_str!("../calibration.toml").replace("2026.11.1", "2099.1");
    let path = dir.path().join("calibration.toml");
    fs_err::write(&path, built_in.replacen("version = \"2\"", "version = \"\"", 1)).unwrap();
    assert!(load(&dir).err().unwrap().to_string().contains("needs a version"));
    fs_err::write(&path, &built_in).unwrap();
    assert_eq!(load(&dir).unwrap().version().version, "2099.1");
}

#[test]
fn a_missing_library_is_an_error_and_no_panic() {
    // A process loads one library: a second path is not looked at. So ask another process.
    if std::env::var_os("OZ_TEST_NO_LIBRARY").is_some() {
        let options = EngineOptions { runtime_lib: "/nowhere/libonnxruntime.so".into(), ..options() };
        let Err(Error::Runtime(error @ RuntimeError::Load { .. })) = Engine::load(&options) else { panic!("loaded") };
        assert!(
            error.to_string().contains("/nowhere/libonnxruntime.so") && error.to_string().contains("OZ_RUNTIME_LIB")
        );
        let not_a_library = options.pack_dir.join("manifest.toml");
        assert!(matches!(Runtime::load(&not_a_library), Err(RuntimeError::Load { .. })));
        return;
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "refusals::a_missing_library_is_an_error_and_no_panic"])
        .env("OZ_TEST_NO_LIBRARY", "1")
        .status();
    assert!(status.unwrap().success());
}
