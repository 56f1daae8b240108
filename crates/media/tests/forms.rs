//! Forms of video that the evaluation files lack, made here, each against FFmpeg's command line: as many frames, the same
//! times, the same pixels.

use crate::support::{ALL, apart, decoder, eval_path, ffmpeg, input, made, reference};
use oz_domain::Clip;
use std::path::Path;

const PATTERN: &str = "testsrc2=s=320x240:r=25";

/// Decodes `bytes` and compares all frames.
fn as_ffmpeg(name: &str, extension: &str, bytes: &[u8]) -> Clip {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip").with_extension(extension);
    fs_err::write(&path, bytes).unwrap();
    let clip = decoder().clip(&input(bytes), &ALL).unwrap_or_else(|e| panic!("{name}: {e}"));
    let times = times(&path);
    assert_eq!(clip.facts.times.len(), times.len(), "{name}: {:?} by FFmpeg {times:?}", clip.facts.times);
    for (ours, theirs) in clip.facts.times.iter().zip(&times) {
        assert!((ours - (theirs - times[0])).abs() < 0.002, "{name}: {:?} by FFmpeg {times:?}", clip.facts.times);
    }
    let numbers: Vec<u32> = clip.frames.iter().map(|f| f.index).collect();
    assert_eq!(numbers.len(), times.len(), "{name}: all are asked for");
    let expected = reference(&path, &numbers, (clip.facts.width, clip.facts.height));
    for (frame, expected) in clip.frames.iter().zip(&expected) {
        let apart = apart(frame.picture.rgb(), expected);
        assert_eq!(apart.max, 0, "{name}, frame {}: {apart:?}", frame.index);
    }
    clip
}

/// Presentation times of all frames that FFmpeg's command line gives out.
fn times(path: &Path) -> Vec<f64> {
    let args = ["-i", path.to_str().unwrap(), "-an", "-vsync", "0", "-enc_time_base", "-1", "-f", "framecrc", "-"];
    let text = String::from_utf8(ffmpeg(&args)).unwrap();
    let base = text.lines().find_map(|l| l.strip_prefix("#tb 0: ")).unwrap();
    let (top, bottom) = base.split_once('/').unwrap();
    let base = top.parse::<f64>().unwrap() / bottom.parse::<f64>().unwrap();
    text.lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split(',').nth(2).unwrap().trim().parse::<f64>().unwrap() * base)
        .collect()
}

#[test]
fn odd_sizes() {
    for size in ["321x243", "33x17", "642x362"] {
        let source = format!("testsrc2=s={size}:r=25");
        for (extension, codec) in [("webm", "libvpx-vp9"), ("webm", "libvpx"), ("avi", "mjpeg"), ("mp4", "mpeg4")] {
            let bytes = made(extension, &["-f", "lavfi", "-i", &source, "-t", "0.4", "-c:v", codec]);
            as_ffmpeg(&format!("{codec} {size}"), extension, &bytes);
        }
    }
}

#[test]
fn deep_full_range_and_other_colours() {
    for (name, extension, args) in [
        ("HEVC, 10 bits", "mp4", ["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"]),
        ("H.264, full range", "mp4", ["-c:v", "libx264", "-pix_fmt", "yuvj420p", "-color_range", "pc"]),
        ("H.264, 4:2:2", "mkv", ["-c:v", "libx264", "-pix_fmt", "yuv422p", "-crf", "20"]),
        ("H.264, grey", "mp4", ["-c:v", "libx264", "-pix_fmt", "gray", "-crf", "20"]),
        ("VP9, 12 bits", "webm", ["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p12le", "-b:v", "200k"]),
        ("H.264, interlaced", "mp4", ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme"]),
        (
            "H.264, many B frames",
            "mp4",
            ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-x264-params", "bframes=8:b-adapt=0:b-pyramid=normal"],
        ),
        ("MPEG-4, B frames", "avi", ["-c:v", "mpeg4", "-pix_fmt", "yuv420p", "-bf", "2"]),
    ] {
        let bytes = made(extension, &[&["-f", "lavfi", "-i", PATTERN, "-t", "1.2"], &args[..]].concat());
        as_ffmpeg(name, extension, &bytes);
    }
}

/// An edit list leaves out the frames in front of the cut, which are decoded all the same.
#[test]
fn edit_lists_are_obeyed() {
    let source = eval_path("live/c12_landscape.mp4");
    let args = ["-ss", "1.05", "-i", source.to_str().unwrap(), "-t", "1", "-c", "copy"];
    let clip = as_ffmpeg("cut by an edit list", "mp4", &made("mp4", &args));
    assert!(clip.facts.times.len() < 60, "the list is ignored: {} frames", clip.facts.times.len());
    assert_eq!(clip.facts.broken_frames, 0);
}

/// A recording that begins in the middle: what cannot be decoded is left out, as FFmpeg does.
#[test]
fn streams_that_begin_anywhere() {
    let args = ["-f", "lavfi", "-i", PATTERN, "-t", "2", "-c:v", "libx264", "-g", "20"];
    let whole = made("ts", &args);
    let packets = whole.len() / 188;
    as_ffmpeg("the second half", "ts", &whole[packets / 2 * 188..]);
}

/// A stream may change its size; the frames that come out do not.
#[test]
fn a_change_of_size_on_the_way() {
    let [small, large] = ["160x120", "320x240"].map(|size| {
        made("ts", &["-f", "lavfi", "-i", &format!("smptebars=s={size}:r=25"), "-t", "0.4", "-c:v", "libx264"])
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.ts");
    fs_err::write(&path, &large).unwrap();
    let clip = decoder().clip(&input(&[small, large].concat()), &ALL).unwrap();
    assert_eq!(clip.facts.times.len(), 20);
    assert!(clip.frames.iter().all(|f| (f.picture.width(), f.picture.height()) == (160, 120)));
    let expected = reference(&path, &[0, 5, 9], (160, 120));
    for (index, expected) in [10, 15, 19].into_iter().zip(&expected) {
        assert_eq!(apart(clip.frames[index].picture.rgb(), expected).max, 0, "frame {index}");
    }
}
