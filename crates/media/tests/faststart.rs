//! MP4 with its index at the end: the index comes in front and nothing else changes.

use crate::support::{decoder, eval, eval_path, ffmpeg, input, made};
use oz_media::{Error, Reason};

/// Kinds of the boxes of a file.
fn boxes(bytes: &[u8]) -> Vec<String> {
    let mut kinds = vec![];
    let mut at = 0;
    while at < bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        kinds.push(String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned());
        assert!(size >= 8, "a box without a size");
        at += size;
    }
    kinds
}

/// Time stamps and checksums of all packets, by FFmpeg.
fn packets(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip");
    fs_err::write(&path, bytes).unwrap();
    let name = path.to_str().unwrap();
    String::from_utf8(ffmpeg(&["-i", name, "-map", "0", "-c", "copy", "-f", "framemd5", "-"])).unwrap()
}

#[test]
fn an_index_at_the_end_comes_in_front_and_packets_stay_bit_for_bit() {
    let (clip, sound) = (eval_path("live/c12_landscape.mp4"), eval_path("live/variants/with_audio.mp4"));
    for extension in ["mp4", "mov"] {
        for source in [&clip, &sound] {
            // Without the flag FFmpeg writes the index last.
            let late = made(extension, &["-i", source.to_str().unwrap(), "-map", "0", "-c", "copy"]);
            let kinds = boxes(&late);
            assert!(place(&kinds, "moov") > place(&kinds, "mdat"), "{kinds:?}");
            let early = decoder().remux_for_playback(&input(&late)).unwrap().expect("moved");
            let kinds = boxes(&early);
            assert!(place(&kinds, "moov") < place(&kinds, "mdat"), "{kinds:?}");
            assert_eq!(early.len(), late.len());
            assert_eq!(packets(&early), packets(&late), "{extension}");
            // And there is nothing more to do.
            assert_eq!(decoder().remux_for_playback(&input(&early)), Ok(None));
        }
    }
}

fn place(kinds: &[String], kind: &str) -> usize {
    kinds.iter().position(|k| k == kind).unwrap()
}

#[test]
fn what_plays_already_is_left_alone() {
    let faststart = ["-f", "lavfi", "-i", "testsrc=s=320x240:r=25", "-t", "1", "-movflags", "+faststart"];
    let early = made("mp4", &faststart);
    assert_eq!(decoder().remux_for_playback(&input(&early)), Ok(None));
    // Cut inside its media data: what there is plays.
    assert_eq!(decoder().remux_for_playback(&input(&early[..early.len() - 100])), Ok(None));
    for other in ["live/variants/h264_fragmented.mp4", "live/variants/vp9.webm", "stills/variants/upright.jpg"] {
        assert_eq!(decoder().remux_for_playback(&eval(other)), Ok(None), "{other}");
    }
}

#[test]
fn a_lost_index_is_an_error() {
    let refused = decoder().remux_for_playback(&eval("live/variants/truncated.mp4")).unwrap_err();
    assert_eq!(refused, Error::Undecodable { reason: Reason::Truncated });
}
