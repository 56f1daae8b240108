//! Files that somebody sends to break the decoder, each with the error it must get, quickly and in little memory.

use crate::shots::{gz, tar, zip};
use crate::support::{ALL, decoder_with, eval_bytes, input, made};
use oz_media::{Decoder, Error, Format, Limit, Limits, Reason};
use std::time::{Duration, Instant};

const DAMAGED: Error = Error::Undecodable { reason: Reason::Damaged };
const TRUNCATED: Error = Error::Undecodable { reason: Reason::Truncated };

fn unsupported(found: &str) -> Error {
    Error::Unsupported { found: found.into() }
}

const fn over(limit: Limit, came: u64, allowed: u64) -> Error {
    Error::OverLimit { limit, came, allowed }
}

/// Reproducible noise (xorshift).
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let chunk = [b"IHDR", &width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &chunk[..], &crc.sum().to_be_bytes()].concat()
}

fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    [&[0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8][..], &sides, &[3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]].concat()
}

/// A lossless WebP that states a size of 14 bits a side.
fn webp_header(width: u32, height: u32) -> Vec<u8> {
    let bits = ((width - 1) | (height - 1) << 14).to_le_bytes();
    [b"RIFF\x18\0\0\0WEBPVP8L\x0c\0\0\0\x2f", &bits[..], &[0; 7]].concat()
}

/// An MP4 whose header states a frame size that its stream does not have.
fn stated_size(mp4: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut bytes = mp4.to_vec();
    // The sample entry, behind its 32-bit size; the name stands among the brands too.
    let entry = |at: &usize| bytes[*at..].starts_with(b"avc1") && bytes[at - 4..at - 2] == [0, 0];
    let at = (4..bytes.len() - 4).find(entry).unwrap();
    let sizes = [width.to_be_bytes(), height.to_be_bytes()].concat();
    bytes[at + 28..at + 32].copy_from_slice(&sizes);
    bytes
}

/// A decoder with an eighth of the usual memory: what is checked after it was allocated fails here in another way.
fn poor() -> Decoder {
    decoder_with(Limits { child_memory: 400 << 20, decode_time: Duration::from_secs(20), ..Limits::default() })
}

fn refused() -> Vec<(&'static str, Vec<u8>, Error)> {
    let jpeg = eval_bytes("stills/variants/upright.jpg");
    let png = eval_bytes("stills/variants/rgb8.png");
    let webp = eval_bytes("stills/variants/lossy.webp");
    let mp4 = eval_bytes("live/c12_landscape.mp4");
    let (many, eight, eighty) = (jpeg[..10].to_vec(), vec![0u8; 8 << 20], vec![0u8; 80 << 20]);
    let names: Vec<String> = (0..501).map(|n| format!("{n}.jpg")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &many[..])).collect();
    let minutes = made("mp4", &["-f", "lavfi", "-i", "color=gray:s=320x240:r=1", "-t", "600", "-c:v", "mpeg4"]);
    let seven = ["-f", "lavfi", "-i", "color=gray:s=320x240:r=1000", "-t", "4", "-c:v", "mpeg4", "-vsync", "0"];
    // Of MPEG-4 part 2 no container states a size that is believed: the decoder refuses each frame.
    let large = ["-f", "lavfi", "-i", "color=gray:s=4400x2400:r=10", "-t", "0.3", "-c:v", "mpeg4"];
    let cover = made("mkv", &["-f", "lavfi", "-i", "sine", "-t", "0.2"]);
    vec![
        ("empty", vec![], Error::Undecodable { reason: Reason::Empty }),
        ("one_byte.jpg", vec![0xFF], unsupported("an unknown kind of file")),
        ("text.mp4", b"this is not a video, whatever its name says".to_vec(), unsupported("text")),
        ("html.jpg", b"<html><script>alert(1)</script></html>".to_vec(), unsupported("text")),
        ("elf.png", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0".to_vec(), unsupported("a program")),
        ("random.webm", noise(4096, 1), unsupported("an unknown kind of file")),
        ("rar.zip", b"Rar!\x1a\x07\x01\0some rar bytes".to_vec(), unsupported("a RAR archive")),
        ("playlist.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n".to_vec(), unsupported("text")),
        ("concat.txt", b"ffconcat version 1.0\nfile /etc/passwd\n".to_vec(), unsupported("text")),
        ("head_only.jpg", jpeg[..20].to_vec(), DAMAGED),
        ("head_only.png", png[..33].to_vec(), TRUNCATED),
        ("head_only.webp", webp[..30].to_vec(), TRUNCATED),
        ("head_only.mp4", mp4[..64].to_vec(), DAMAGED),
        ("half.jpg", jpeg[..jpeg.len() / 2].to_vec(), TRUNCATED),
        ("half.png", png[..png.len() / 2].to_vec(), TRUNCATED),
        ("half.webp", webp[..webp.len() / 2].to_vec(), DAMAGED),
        ("sound.mkv", cover, Error::NoVideoStream),
        ("huge_header.png", png_header(50_000, 50_000), over(Limit::PictureSide, 50_000, 16_384)),
        ("huge_header.jpg", jpeg_header(65_000, 65_000), over(Limit::PictureSide, 65_000, 16_384)),
        ("huge_header.webp", webp_header(16_000, 16_000), over(Limit::PicturePixels, 256_000_000, 50_000_000)),
        ("wide.png", png_header(16_000, 16_000), over(Limit::PicturePixels, 256_000_000, 50_000_000)),
        ("zero_sized.png", png_header(0, 0), DAMAGED),
        ("huge_frames.mp4", stated_size(&mp4, 60_000, 60_000), over(Limit::FramePixels, 3_600_000_000, 4096 * 2304)),
        ("large_frames.mp4", made("mp4", &large), Error::Undecodable { reason: Reason::NoFrame }),
        ("ten_minutes.mp4", minutes, over(Limit::VideoSeconds, 31, 30)),
        ("thousand_a_second.mp4", made("mp4", &seven), over(Limit::VideoFrames, 3601, 3600)),
        ("ratio.zip", zip(&[("a.jpg", &eight)]), over(Limit::ArchiveRatio, 1028, 100)),
        ("bomb.zip", zip(&[("a.jpg", &eighty)]), over(Limit::ArchiveBytes, 80 << 20, 64 << 20)),
        ("many.zip", zip(&many), over(Limit::ArchiveEntries, 501, 500)),
        ("many.tar", tar(&many), over(Limit::ArchiveEntries, 501, 500)),
        ("nested.zip", zip(&[("inner.zip", &zip(&[("a.jpg", &jpeg)]))]), Error::NestedArchive),
        ("nested_rar.zip", zip(&[("inner.rar", b"Rar!\x1a\x07\x01\0some rar bytes")]), Error::NestedArchive),
        ("nested.gz", gz(&gz(&jpeg)), Error::NestedArchive),
        ("nested.tar.gz", gz(&tar(&[("a.tar", &tar(&[("a.jpg", &jpeg)]))])), Error::NestedArchive),
        ("broken.zip", zip(&[("a.jpg", &jpeg)])[..200].to_vec(), TRUNCATED),
        ("half.tar", tar(&[("a.jpg", &jpeg)])[..3000].to_vec(), TRUNCATED),
        ("half.gz", gz(&jpeg)[..3000].to_vec(), TRUNCATED),
        ("no_photos.zip", zip(&[("readme.txt", b"hello")]), Error::NoPictures),
        ("no_photos.tar", tar(&[("readme.txt", b"hello")]), Error::NoPictures),
        ("nothing.zip", zip(&[]), Error::NoPictures),
    ]
}

#[test]
fn every_hostile_file_gets_its_error() {
    let decoder = poor();
    let mut wrong = vec![];
    for (name, bytes, error) in refused() {
        let file = input(&bytes);
        let start = Instant::now();
        let mut answers = vec![decoder.probe(&file).map(|_| ())];
        if file.sniff().is_ok_and(|f| matches!(f.kind(), oz_domain::MediaKind::Image)) {
            answers.push(decoder.picture(&file).map(|_| ()));
        } else {
            answers.push(decoder.clip(&file, &ALL).map(|_| ()));
        }
        if start.elapsed() > Duration::from_secs(5) {
            wrong.push(format!("{name}: took {:?}", start.elapsed()));
        }
        for answer in answers {
            if answer.as_ref() != Err(&error) {
                wrong.push(format!("{name}: {answer:?} instead of {error:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Bombs in GZ are not measured before they are inflated: what was counted until then is told.
#[test]
fn bombs_in_gz_are_stopped_on_the_way() {
    let decoder = poor();
    let over = |bomb: &[u8]| match decoder.probe(&input(bomb)) {
        Err(Error::OverLimit { limit, came, allowed }) => (limit, came, allowed),
        other => panic!("{other:?}"),
    };
    let (limit, came, allowed) = over(&gz(&vec![0u8; 80 << 20]));
    assert!(limit == Limit::ArchiveRatio && came > allowed && came < 2 * allowed, "{limit:?} {came}");
    // A TAR says beforehand what is in it.
    let stated = over(&gz(&tar(&[("a.jpg", &vec![0u8; 80 << 20])])));
    assert_eq!(stated, (Limit::ArchiveBytes, 80 << 20, 64 << 20));
    // Within the limit of bytes, and compressed too well.
    let skipped = over(&gz(&tar(&[("a.jpg", b"x"), ("b.txt", &vec![0u8; 60 << 20])])));
    assert_eq!(skipped.0, Limit::ArchiveRatio);
}

/// The header is all there is: what it states must not be allocated. Where a limit does not forbid the size, memory does.
#[test]
fn limits_come_before_memory() {
    let lax = |child_memory| {
        decoder_with(Limits { picture_pixels: u64::MAX, picture_side: u32::MAX, child_memory, ..Limits::default() })
    };
    let start = Instant::now();
    // 7.5 GB of pixels: the process dies of it, and nothing else does.
    let begun = [&png_header(50_000, 50_000), &b"\0\0\0\x10IDAT\x78\x01"[..], &[0; 14]].concat();
    assert_eq!(lax(400 << 20).picture(&input(&begun)).unwrap_err(), Error::Crashed);
    assert!(start.elapsed() < Duration::from_secs(3));
    let strict = decoder_with(Limits { child_memory: 400 << 20, ..Limits::default() });
    for header in [png_header(50_000, 50_000), jpeg_header(50_000, 50_000)] {
        let start = Instant::now();
        let refused = strict.picture(&input(&header)).unwrap_err();
        assert_eq!(refused, over(Limit::PictureSide, 50_000, 16_384));
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
}

/// Bits flipped all over: any error or result will do, but no crash, no hang, and the next file is fine.
#[test]
fn flipped_bits_crash_nothing() {
    let decoder = decoder_with(Limits { decode_time: Duration::from_secs(30), ..Limits::default() });
    let files = [
        "stills/variants/upright.jpg",
        "stills/variants/progressive.jpg",
        "stills/variants/rgb8.png",
        "stills/variants/lossy.webp",
        "stills/variants/lossless.webp",
        "live/variants/h264_10bit.mp4",
        "live/variants/hevc.mov",
        "live/variants/vp8.webm",
        "live/variants/vp9.webm",
        "live/variants/mjpeg.avi",
        "live/variants/mpeg4_part2.avi",
        "live/variants/h264_fragmented.mp4",
        "live/variants/shot_set.tar.gz",
    ];
    for (seed, name) in (1u64..).zip(files) {
        for share in [64, 4096] {
            let mut bytes = eval_bytes(name);
            for pair in noise(2 * bytes.len() / share, seed).as_chunks::<2>().0 {
                let at = usize::from(u16::from_le_bytes(*pair)) * bytes.len() / 65_536;
                // The first bytes are left alone, so that the type is still believed.
                if at >= 64 {
                    bytes[at] ^= 1 << (pair[0] % 8);
                }
            }
            let file = input(&bytes);
            let (probed, decoded) = (
                decoder.probe(&file).map(|_| ()),
                match file.sniff().unwrap() {
                    Format::Jpeg | Format::Png | Format::WebP => decoder.picture(&file).map(|_| ()),
                    _ => decoder.clip(&file, &ALL).map(|_| ()),
                },
            );
            for answer in [probed, decoded] {
                let bad = matches!(answer, Err(Error::Crashed | Error::Timeout | Error::Unavailable { .. }));
                assert!(!bad, "{name}, one bit in {share} bytes: {answer:?}");
            }
        }
    }
}

/// Cut at every twentieth part.
#[test]
fn cut_files_crash_nothing() {
    let decoder = decoder_with(Limits::default());
    for name in [
        "stills/variants/progressive.jpg",
        "stills/variants/rgb16.png",
        "stills/variants/lossless.webp",
        "live/variants/h264.mkv",
        "live/variants/mjpeg.avi",
    ] {
        let whole = eval_bytes(name);
        for part in (1..20).map(|n| whole.len() * n / 20) {
            let answer = decoder.probe(&input(&whole[..part]));
            let bad = matches!(answer, Err(Error::Crashed | Error::Timeout | Error::Unavailable { .. }));
            assert!(!bad, "{name} cut at {part}: {answer:?}");
        }
    }
}

/// Found by fuzzing: ffmpeg-next takes what a file says of its encoder for UTF-8 without looking.
#[test]
fn the_encoders_name_may_be_no_text() {
    let clip = made("mp4", &["-f", "lavfi", "-i", "color=gray:s=64x64:r=10", "-t", "0.3", "-c:v", "mpeg4"]);
    let at = clip.windows(4).rposition(|w| w == b"Lavf").unwrap();
    let end = at + clip[at..].iter().position(|b| *b < b' ').unwrap_or(clip.len() - at);
    let mut bytes = clip.clone();
    // A character of four bytes, of which one is there.
    bytes[end - 1] = 0xF4;
    let encoder = decoder_with(Limits::default()).clip(&input(&bytes), &ALL).unwrap().facts.encoder.unwrap();
    assert!(encoder.starts_with("Lavf") && encoder.ends_with('\u{FFFD}'), "{encoder}");
}

/// Frames within the limit of pixels, and more of them than fit into memory: not a clip with a few frames less.
#[test]
fn too_little_memory_is_told() {
    let source = "testsrc=s=4000x2200:r=10";
    let large = ["-f", "lavfi", "-i", source, "-t", "1.6", "-c:v", "libx264", "-preset", "ultrafast", "-refs", "16"];
    let file = input(&made("mp4", &large));
    let little = 400 << 20;
    let decoder = decoder_with(Limits { child_memory: little, ..Limits::default() });
    let refused = decoder.clip(&file, &ALL).unwrap_err();
    assert_eq!(refused, over(Limit::Memory, little + 1, little));
    let enough = decoder_with(Limits { decode_time: Duration::from_secs(30), ..Limits::default() });
    assert_eq!(enough.clip(&file, &ALL).unwrap().facts.broken_frames, 0);
}
