//! What the tests share: a decoder, the evaluation files, and what FFmpeg's command line makes of them.

use oz_domain::Picture;
use oz_media::{Decoder, Input, Limits, Sampling};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// One decoder for all tests that do not spoil it.
pub(crate) fn decoder() -> &'static Decoder {
    static SHARED: OnceLock<Decoder> = OnceLock::new();
    SHARED.get_or_init(|| decoder_with(Limits { decode_time: std::time::Duration::from_secs(60), ..Limits::default() }))
}

/// A decoder of one's own.
pub(crate) fn decoder_with(limits: Limits) -> Decoder {
    Decoder::start(Path::new(env!("CARGO_BIN_EXE_oz-decode-media")), &[], limits).expect("the decoding process starts")
}

/// Where a file of the folder shared beside the project lies.
pub(crate) fn eval_path(path: &str) -> PathBuf {
    let shared = std::env::var_os("OZ_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    shared.join("eval").join(path)
}

pub(crate) fn eval_bytes(path: &str) -> Vec<u8> {
    fs_err::read(eval_path(path)).expect("the folder `shared` stands beside the project, or OZ_SHARED names it")
}

pub(crate) fn eval(path: &str) -> Input {
    input(&eval_bytes(path))
}

pub(crate) fn input(bytes: &[u8]) -> Input {
    Input::from_bytes(bytes).expect("a memory file")
}

/// Every frame, at full size.
pub(crate) const ALL: Sampling = Sampling { per_second: 0.0, at_most: 0, spread: 1000, max_side: 4096, at_least: 1 };

/// Frames spread evenly, at full size.
pub(crate) const fn spread(count: u32) -> Sampling {
    Sampling { spread: count, ..ALL }
}

/// Runs FFmpeg's command line and gives what it writes to its standard output.
pub(crate) fn ffmpeg(args: &[&str]) -> Vec<u8> {
    let run = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "fatal"])
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .expect("ffmpeg is installed by `cargo xtask test`");
    assert!(run.status.success(), "ffmpeg {args:?}");
    run.stdout
}

/// A file made by FFmpeg's command line; `args` lack the name of the output.
pub(crate) fn made(extension: &str, args: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made").with_extension(extension);
    let name = path.to_str().expect("plain").to_owned();
    ffmpeg(&[args, &["-y", &name]].concat());
    fs_err::read(path).expect("the file")
}

/// Frames by their numbers as FFmpeg's command line makes them: upright RGB by its default scaler, BT.601 as the
/// reference has it.
pub(crate) fn reference(path: &Path, numbers: &[u32], (width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let numbers: Vec<String> = numbers.iter().map(|n| format!("eq(n,{n})")).collect();
    let filter = format!("select='{}',scale={width}:{height}:in_color_matrix=bt601:flags=bicubic", numbers.join("+"));
    let name = path.to_str().expect("plain");
    let all = ffmpeg(&["-i", name, "-vf", &filter, "-vsync", "0", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    let len = Picture::byte_len(width, height).expect("small");
    assert_eq!(all.len(), len * numbers.len(), "{name}: not the frames that were asked for");
    all.chunks(len).map(<[u8]>::to_vec).collect()
}

/// How far pixels are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Apart {
    pub(crate) max: u8,
    pub(crate) mean: f64,
}

pub(crate) fn apart(a: &[u8], b: &[u8]) -> Apart {
    assert_eq!(a.len(), b.len(), "pictures of different sizes");
    let (max, sum) =
        a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).fold((0, 0u64), |(max, sum), d| (max.max(d), sum + u64::from(d)));
    Apart { max, mean: sum as f64 / a.len() as f64 }
}
