//! Frames against FFmpeg's command line, pixel for pixel: the liveness nets judge by pixels, and the reference's come
//! from FFmpeg's default scaler.

use crate::support::{apart, decoder, eval, eval_path, reference, spread};
use oz_media::Sampling;

/// Frames spread over a clip; `max` and `mean` are how far a channel may be away, of 255.
fn as_ffmpeg(path: &str, sampling: &Sampling, max: u8, mean: f64) {
    let clip = decoder().clip(&eval(path), sampling).unwrap();
    let numbers: Vec<u32> = clip.frames.iter().map(|f| f.index).collect();
    let first = &clip.frames[0].picture;
    let expected = reference(&eval_path(path), &numbers, (first.width(), first.height()));
    for (frame, expected) in clip.frames.iter().zip(&expected) {
        let apart = apart(frame.picture.rgb(), expected);
        assert!(apart.max <= max && apart.mean <= mean, "{path}, frame {}: {apart:?}", frame.index);
    }
}

/// Tolerance: none. Same decoder, same scaler, same bits.
#[test]
fn frames_are_ffmpegs_to_the_bit() {
    for path in [
        "live/c12_landscape.mp4",
        "live/c07_portrait.mp4",
        "live/c03.mp4",
        "live/variants/vp8.webm",
        "live/variants/vp9.webm",
        "live/variants/hevc.mov",
        "live/variants/mjpeg.avi",
        "live/variants/mpeg4_part2.mp4",
        "live/variants/mpeg4_part2.avi",
        "live/variants/h264.mkv",
        "live/variants/h264_10bit.mp4",
        "live/variants/h264_yuv444p.mp4",
        "live/variants/h264_fragmented.mp4",
        "live/variants/variable_rate.mp4",
        "live/variants/rotated_90.mp4",
        "live/variants/rotated_180.mp4",
        "live/variants/rotated_270.mp4",
    ] {
        as_ffmpeg(path, &spread(5), 0, 0.0);
    }
}

/// Reduced frames too.
#[test]
fn reduced_frames_are_ffmpegs_to_the_bit() {
    for path in ["live/c12_landscape.mp4", "live/c07_portrait.mp4", "live/variants/vp9.webm"] {
        as_ffmpeg(path, &Sampling { max_side: 320, ..spread(3) }, 0, 0.0);
    }
}
