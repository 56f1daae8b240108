//! Real media, from the folder shared beside the project (or `OZ_SHARED`). Read in place, never copied into the project.
#![expect(clippy::expect_used, reason = "what goes wrong here ends the test")]

use std::path::PathBuf;

/// The shared folder.
pub fn shared() -> PathBuf {
    let found = std::env::var_os("OZ_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    fs_err::canonicalize(found).expect("the folder `shared` stands beside the project, or OZ_SHARED names it")
}

/// The bytes of a file in `eval`.
pub fn eval(path: &str) -> Vec<u8> {
    fs_err::read(shared().join("eval").join(path)).expect("an evaluation file")
}

/// A real person, 1280x720 H.264.
pub fn live_clip() -> Vec<u8> {
    eval("live/c12_landscape.mp4")
}

/// A still frame of a real person.
pub fn live_still() -> Vec<u8> {
    eval("stills/live/c12_landscape_25.jpg")
}
