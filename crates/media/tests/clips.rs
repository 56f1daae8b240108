//! Videos: what comes out of each file, or how it is refused.

use crate::support::{ALL, apart, decoder, eval, eval_path, ffmpeg, input, made, spread};
use oz_media::{Error, Format, Limit, Limits, Reason, Sampling};

const C12: &str = "live/c12_landscape.mp4";

/// File, format, codec, upright size, frames, seconds, degrees turned, whether there is sound.
type Expected = (&'static str, Format, &'static str, (u32, u32), usize, f64, u16, bool);

const VARIANTS: &[Expected] = &[
    ("vp8.webm", Format::WebM, "vp8", (640, 360), 90, 3.0, 0, false),
    ("vp9.webm", Format::WebM, "vp9", (640, 360), 90, 3.0, 0, false),
    ("hevc.mov", Format::Mov, "hevc", (1280, 720), 90, 3.0, 0, false),
    ("mjpeg.avi", Format::Avi, "mjpeg", (640, 360), 90, 3.0, 0, false),
    ("mpeg4_part2.mp4", Format::Mp4, "mpeg4", (640, 360), 90, 3.0, 0, false),
    ("mpeg4_part2.avi", Format::Avi, "mpeg4", (640, 360), 90, 3.0, 0, false),
    ("h264.mkv", Format::Matroska, "h264", (1280, 720), 90, 3.0, 0, false),
    ("h264_10bit.mp4", Format::Mp4, "h264", (640, 360), 90, 3.0, 0, false),
    ("h264_yuv444p.mp4", Format::Mp4, "h264", (640, 360), 90, 3.0, 0, false),
    ("h264_fragmented.mp4", Format::Mp4, "h264", (640, 360), 90, 3.0, 0, false),
    ("rotated_90.mp4", Format::Mp4, "h264", (1280, 720), 90, 3.0, 270, false),
    ("rotated_180.mp4", Format::Mp4, "h264", (1280, 720), 90, 3.0, 180, false),
    ("rotated_270.mp4", Format::Mp4, "h264", (1280, 720), 90, 3.0, 90, false),
    ("variable_rate.mp4", Format::Mp4, "h264", (1280, 720), 50, 2.9, 0, false),
    ("one_frame.mp4", Format::Mp4, "h264", (1280, 720), 1, 0.033, 0, false),
    ("with_audio.mp4", Format::Mp4, "h264", (1280, 720), 90, 3.0, 0, true),
];

#[test]
fn every_variant_comes_out_as_it_is() {
    for (name, format, codec, size, frames, seconds, rotation, sound) in VARIANTS {
        let file = eval(&format!("live/variants/{name}"));
        let probe = decoder().probe(&file).unwrap();
        assert_eq!((probe.format, probe.width, probe.height), (*format, size.0, size.1), "{name}");
        assert_eq!((probe.frames.unwrap() as usize, probe.has_audio), (*frames, *sound), "{name}");
        assert!((probe.duration.unwrap() - seconds).abs() < 0.06, "{name}: {:?}", probe.duration);

        let clip = decoder().clip(&file, &spread(3)).unwrap();
        let facts = &clip.facts;
        assert_eq!((facts.codec.as_str(), facts.rotation, facts.has_audio), (*codec, *rotation, *sound), "{name}");
        assert_eq!((facts.times.len(), facts.signatures.len(), facts.broken_frames), (*frames, *frames, 0), "{name}");
        assert!((facts.duration - seconds).abs() < 0.06, "{name}: {}", facts.duration);
        assert!(facts.times[0] == 0.0 && facts.times.is_sorted(), "{name}: {:?}", facts.times);
        for frame in &clip.frames {
            assert_eq!((frame.picture.width(), frame.picture.height()), *size, "{name}");
            assert_eq!(frame.time, facts.times[frame.index as usize], "{name}");
        }
    }
}

#[test]
fn the_list_of_variants_is_complete() {
    let refused = ["audio_only.mp4", "truncated.mp4", "shot_set.zip", "shot_set.tar.gz"];
    for entry in fs_err::read_dir(eval_path("live/variants")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = VARIANTS.iter().any(|v| v.0 == name) || refused.contains(&name.as_str());
        assert!(known, "{name} is not tested");
    }
}

#[test]
fn every_live_clip_decodes_whole() {
    for entry in fs_err::read_dir(eval_path("live")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "mp4") {
            continue;
        }
        let clip = decoder().clip(&input(&fs_err::read(&path).unwrap()), &Sampling::default()).unwrap();
        let counted = String::from_utf8(
            std::process::Command::new("ffprobe")
                .args([
                    "-v",
                    "error",
                    "-select_streams",
                    "v",
                    "-count_frames",
                    "-show_entries",
                    "stream=nb_read_frames",
                    "-of",
                    "csv=p=0",
                ])
                .arg(&path)
                .output()
                .unwrap()
                .stdout,
        )
        .unwrap();
        assert_eq!(clip.facts.times.len().to_string(), counted.trim(), "{}", path.display());
        assert_eq!(clip.facts.broken_frames, 0, "{}", path.display());
        // The grid of ten a second and the ten of the reference.
        let expected = (clip.facts.duration * 10.0) as usize;
        assert!((expected..expected + 12).contains(&clip.frames.len()), "{}: {}", path.display(), clip.frames.len());
    }
}

#[test]
fn what_has_no_picture_is_refused_with_its_reason() {
    for (name, error) in
        [("audio_only.mp4", Error::NoVideoStream), ("truncated.mp4", Error::Undecodable { reason: Reason::Damaged })]
    {
        let file = eval(&format!("live/variants/{name}"));
        assert_eq!(decoder().probe(&file).unwrap_err(), error, "{name}");
        assert_eq!(decoder().clip(&file, &ALL).unwrap_err(), error, "{name}");
    }
    let few = Sampling { at_least: 2, ..ALL };
    let refused = decoder().clip(&eval("live/variants/one_frame.mp4"), &few).unwrap_err();
    assert_eq!(refused, Error::TooFewFrames { came: 1, needed: 2 });
    assert!(matches!(decoder().picture(&eval(C12)), Err(Error::Unsupported { .. })));
}

/// The turned files are encoded anew from c12, so they are near it and not equal: mean under 2 of 255. A picture turned the
/// wrong way is 40 and more away.
#[test]
fn turned_clips_stand_upright() {
    let upright = decoder().clip(&eval(C12), &ALL).unwrap();
    for degrees in [90, 180, 270] {
        let turned = decoder().clip(&eval(&format!("live/variants/rotated_{degrees}.mp4")), &spread(4)).unwrap();
        for frame in &turned.frames {
            let same = &upright.frames[frame.index as usize];
            let near = apart(frame.picture.rgb(), same.picture.rgb());
            assert!(near.mean < 2.0, "{degrees}, frame {}: {near:?}", frame.index);
            let cells = upright.facts.signatures[frame.index as usize];
            let near = apart(&turned.facts.signatures[frame.index as usize], &cells);
            assert!(near.max <= 4, "{degrees}, signature {}: {near:?}", frame.index);
        }
    }
}

#[test]
fn signatures_are_the_means_of_the_luma() {
    let clip = decoder().clip(&eval(C12), &spread(1)).unwrap();
    let path = eval_path(C12);
    let args = ["-i", path.to_str().unwrap(), "-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo", "-"];
    // Gray comes out in full range; the luma itself is in 16..235.
    let luma: Vec<f64> = ffmpeg(&args).iter().map(|g| 16.0 + f64::from(*g) * 219.0 / 255.0).collect();
    for (i, cell) in clip.facts.signatures[0].iter().enumerate() {
        let (left, top) = (i % 8 * 160, i / 8 * 90);
        let mean = (top..top + 90).flat_map(|y| &luma[y * 1280 + left..][..160]).sum::<f64>() / (160.0 * 90.0);
        assert!((mean - f64::from(*cell)).abs() < 2.0, "cell {i}: {cell}, by ffmpeg {mean}");
    }
}

#[test]
fn a_variable_rate_keeps_its_times() {
    let path = eval_path("live/variants/variable_rate.mp4");
    let listed = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    let listed: Vec<f64> = String::from_utf8(listed.stdout)
        .unwrap()
        .split(['\n', ','])
        .filter(|t| !t.is_empty())
        .map(|t| t.parse().unwrap())
        .collect();
    let clip = decoder().clip(&eval("live/variants/variable_rate.mp4"), &Sampling::default()).unwrap();
    assert_eq!(clip.facts.times.len(), listed.len());
    for (ours, theirs) in clip.facts.times.iter().zip(&listed) {
        assert!((ours - (theirs - listed[0])).abs() < 1e-5, "{ours} {theirs}");
    }
    let steps: Vec<f64> = listed.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(steps.iter().any(|s| *s > 1.5 * steps[0]), "the file has one rate");
}

#[test]
fn mpeg_streams_decode() {
    for (extension, codec, format) in [
        ("mpg", "mpeg2video", Format::MpegPs),
        ("mpg", "mpeg1video", Format::MpegPs),
        ("ts", "mpeg2video", Format::MpegTs),
        ("ts", "libx264", Format::MpegTs),
    ] {
        let bytes = made(extension, &["-f", "lavfi", "-i", "testsrc=s=320x240:r=25", "-t", "1", "-c:v", codec]);
        let file = input(&bytes);
        assert_eq!(file.sniff(), Ok(format), "{extension} {codec}");
        let probe = decoder().probe(&file).unwrap();
        assert_eq!((probe.width, probe.height, probe.frames), (320, 240, Some(25)), "{extension} {codec}");
        let clip = decoder().clip(&file, &ALL).unwrap();
        assert_eq!((clip.frames.len(), clip.facts.broken_frames), (25, 0), "{extension} {codec}");
    }
}

#[test]
fn codecs_that_are_not_taken_are_named() {
    for (extension, codec) in [("mkv", "ffv1"), ("mov", "prores_ks"), ("avi", "msmpeg4v2")] {
        let bytes = made(extension, &["-f", "lavfi", "-i", "testsrc=s=320x240:r=25", "-t", "0.2", "-c:v", codec]);
        let Err(Error::Unsupported { found }) = decoder().probe(&input(&bytes)) else { panic!("{codec} is taken") };
        assert!(found.ends_with(" video") && found.len() > 7, "{found}");
    }
}

/// What is handed over is what was asked for: pixels of the chosen frames and a row of numbers for each other one.
#[test]
fn only_frames_that_are_asked_for_are_converted() {
    let file = eval(C12);
    let frame = 1280 * 720 * 3;
    for (sampling, frames) in [(spread(1), 1), (spread(7), 7), (Sampling { spread: 0, ..ALL }, 0)] {
        // With room for these frames and not for one more, another converted one would be an error.
        let limits = Limits { output_bytes: frames * frame + 150 * 72 + (1 << 20), ..Limits::default() };
        let clip = crate::support::decoder_with(limits).clip(&file, &sampling).unwrap();
        assert_eq!((clip.frames.len() as u64, clip.facts.signatures.len()), (frames, 150));
    }
}

#[test]
fn limits_of_videos_are_kept() {
    let clip = eval(C12);
    for (limits, limit, came, allowed) in [
        (Limits { video_seconds: 3, ..Limits::default() }, Limit::VideoSeconds, 4, 3),
        (Limits { video_frames: 100, ..Limits::default() }, Limit::VideoFrames, 101, 100),
        (Limits { frame_pixels: 640 * 480, ..Limits::default() }, Limit::FramePixels, 1280 * 720, 640 * 480),
        (Limits { file_bytes: 1000, ..Limits::default() }, Limit::FileBytes, clip.len(), 1000),
    ] {
        let decoder = crate::support::decoder_with(limits);
        let Err(error) = decoder.probe(&clip) else { panic!("{limit:?} is not kept by probe") };
        assert_eq!(error, Error::OverLimit { limit, came, allowed });
        assert_eq!(decoder.clip(&clip, &ALL).unwrap_err(), error);
    }
}
