//! What decoding costs, beside what FFmpeg's command line spends on the same file: `cargo bench -p oz-media`.
//!
//! A child has one thread and nobody collects its times, so its cost is the shortest time of many runs by the clock. What
//! FFmpeg spends is told by the kernel (user and system, all threads); the smallest of as many runs counts.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints")]

use oz_media::{Decoder, Input, Limits, Sampling};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const RUNS: usize = 25;

fn main() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.mp4");
    let name = clip.to_str().unwrap();
    let source = "testsrc2=s=1280x720:r=30,noise=alls=12:allf=t";
    let made = [
        "-v", "error", "-f", "lavfi", "-i", source, "-t", "4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-b:v", "4M",
        "-y", name,
    ];
    assert!(Command::new("ffmpeg").args(made).status().unwrap().success());

    let start = Instant::now();
    let decoder = Decoder::start(Path::new(env!("CARGO_BIN_EXE_oz-decode-media")), &[], Limits::default()).unwrap();
    println!("start of the process children come from: {:?}", start.elapsed());
    let file = Input::from_bytes(&fs_err::read(&clip).unwrap()).unwrap();

    let tiny = Input::from_bytes(&tiny_png()).unwrap();
    println!("one job on a 1x1 picture (fork, sandbox, answer): {:?}", least(|| drop(decoder.picture(&tiny).unwrap())));
    println!("probe of the clip: {:?}", least(|| assert!(decoder.probe(&file).is_ok())));
    let none = Sampling { per_second: 0.0, spread: 0, ..Sampling::default() };
    let bare = least(|| drop(decoder.clip(&file, &none).unwrap()));
    println!("4 s of 1280x720 H.264, no frame converted: {bare:?}");
    let usual = least(|| drop(decoder.clip(&file, &Sampling::default()).unwrap()));
    println!("the same, 10 frames a second and 10 spread: {usual:?}");

    let one = (0..RUNS).map(|_| spent(&["-threads", "1", "-i", name, "-f", "null", "-"])).min().unwrap();
    let usual_ffmpeg = (0..RUNS).map(|_| spent(&["-i", name, "-f", "null", "-"])).min().unwrap();
    println!("ffmpeg -i clip -f null -: {usual_ffmpeg:?} (one thread: {one:?})");
    let ratio = bare.as_secs_f64() / usual_ffmpeg.as_secs_f64();
    println!("ratio of decoding: {ratio:.2} (one thread: {:.2}); at most 1.1", bare.as_secs_f64() / one.as_secs_f64());
    if ratio <= 1.1 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn least(mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..RUNS).map(time).min().unwrap_or_default()
}

/// User and system time of one run of FFmpeg.
fn spent(args: &[&str]) -> Duration {
    let before = children();
    assert!(Command::new("ffmpeg").args(["-nostdin", "-v", "error"]).args(args).status().unwrap().success());
    children() - before
}

/// Times of all processes that ended under this one: fields 16 and 17 of its line in /proc, hundredths of a second.
fn children() -> Duration {
    let line = fs_err::read_to_string("/proc/self/stat").unwrap();
    let fields = line.rsplit(") ").next().unwrap().split(' ');
    let ticks: u64 = fields.skip(13).take(2).map(|f| f.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn tiny_png() -> Vec<u8> {
    let mut out = vec![];
    let mut writer = png::Encoder::new(&mut out, 1, 1).write_header().unwrap();
    writer.write_image_data(&[7]).unwrap();
    writer.finish().unwrap();
    out
}
