//! Files that somebody sends to break the server, each with the answer it must get.

use crate::support::fixtures::eval;
use std::io::Write as _;
use std::process::Command;

/// What a hostile file must lead to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Outcome {
    /// The upload is refused with one of these (status, code).
    Refused(&'static [(u16, i64)]),
    /// The upload is taken and makes no medium (decision 41).
    NoMedium,
    /// The upload is taken; the liveness analysis ends FAILED with one of these codes.
    AnalysisFails(&'static [i64]),
    /// Damaged, but a decoder may make something of it: refused as undecodable (or, where the damage hit the codec's name,
    /// as unsupported), or taken and brought to an end.
    RefusedOrEnded,
    /// Strange and legal: must be analysed to the end.
    Ends,
}

/// Name, bytes, outcome.
pub(crate) type Hostile = (String, Vec<u8>, Outcome);

const UNDECODABLE: Outcome = Outcome::Refused(&[(400, 1510)]);
const UNSUPPORTED: Outcome = Outcome::Refused(&[(400, 4)]);
const OVER_LIMIT: Outcome = Outcome::Refused(&[(413, 1511)]);

/// All of them: at least forty.
pub(crate) fn all() -> Vec<Hostile> {
    let mut files = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, outcome| files.push((name.to_owned(), bytes, outcome));

    add("empty.mp4", vec![], UNDECODABLE);
    add("one_byte.jpg", vec![0xFF], UNSUPPORTED);
    add("text.mp4", b"this is not a video, whatever its name says".to_vec(), UNSUPPORTED);
    add("html.jpg", b"<html><script>alert(1)</script></html>".to_vec(), UNSUPPORTED);
    add("elf.png", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0".to_vec(), UNSUPPORTED);
    add("random.webm", noise(4096, 1), UNSUPPORTED);
    add("rar.zip", b"Rar!\x1a\x07\x01\0some rar bytes".to_vec(), UNSUPPORTED);
    add("animated.gif", eval("stills/variants/animated.gif"), UNSUPPORTED);
    add("picture.bmp", eval("stills/variants/rgb8.bmp"), UNSUPPORTED);
    add("playlist.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n".to_vec(), UNSUPPORTED);
    add("concat.txt", b"ffconcat version 1.0\nfile /etc/passwd\n".to_vec(), UNSUPPORTED);
    add(
        "svg.png",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"file:///etc/passwd\"/></svg>".to_vec(),
        UNSUPPORTED,
    );

    let jpeg = eval("stills/variants/upright.jpg");
    let png = eval("stills/variants/rgb8.png");
    let webp = eval("stills/variants/lossy.webp");
    let mp4 = eval("live/c12_landscape.mp4");
    let webm = eval("live/variants/vp9.webm");
    let avi = eval("live/variants/mjpeg.avi");
    add("head_only.jpg", jpeg[..20].to_vec(), UNDECODABLE);
    add("head_only.png", png[..33].to_vec(), UNDECODABLE);
    add("head_only.webp", webp[..30].to_vec(), UNDECODABLE);
    add("head_only.mp4", mp4[..64].to_vec(), UNDECODABLE);
    add("half.png", png[..png.len() / 2].to_vec(), UNDECODABLE);
    add("half.jpg", jpeg[..jpeg.len() / 2].to_vec(), Outcome::RefusedOrEnded);
    add("half.webp", webp[..webp.len() / 2].to_vec(), UNDECODABLE);
    add("half.mp4", mp4[..mp4.len() / 2].to_vec(), Outcome::RefusedOrEnded);
    add("half.webm", webm[..webm.len() / 2].to_vec(), Outcome::RefusedOrEnded);
    add("no_index.mp4", eval("live/variants/truncated.mp4"), UNDECODABLE);
    add("audio_only.mp4", eval("live/variants/audio_only.mp4"), UNDECODABLE);
    add("one_frame.mp4", eval("live/variants/one_frame.mp4"), Outcome::AnalysisFails(&[1512]));
    add("variable_rate.mp4", eval("live/variants/variable_rate.mp4"), Outcome::Ends);
    add("no_face.jpg", eval("stills/variants/no_face.jpg"), Outcome::AnalysisFails(&[1513]));
    for (seed, (name, good)) in
        [("jpg", &jpeg), ("png", &png), ("webp", &webp), ("mp4", &mp4), ("webm", &webm), ("avi", &avi)]
            .into_iter()
            .enumerate()
    {
        add(&format!("flipped.{name}"), flipped(good, seed as u64 + 1), Outcome::RefusedOrEnded);
    }

    add("huge_header.png", png_header(50_000, 50_000), OVER_LIMIT);
    add("huge_header.jpg", jpeg_header(65_000, 65_000), OVER_LIMIT);
    add("zero_sized.png", png_header(0, 0), UNDECODABLE);
    add("ten_minutes.mp4", ten_minutes(), OVER_LIMIT);
    add("bomb.zip", zip(&[("a.jpg", &vec![0u8; 80 << 20])]), OVER_LIMIT);
    add("ratio.zip", zip(&[("a.jpg", &vec![0u8; 8 << 20])]), OVER_LIMIT);
    add("bomb.gz", gz(&vec![0u8; 80 << 20]), OVER_LIMIT);
    add("many.zip", zip(&(0..501).map(|_| ("a.jpg", &jpeg[..10])).collect::<Vec<_>>()), OVER_LIMIT);
    add("nested.zip", zip(&[("inner.zip", &zip(&[("a.jpg", &jpeg)]))]), UNDECODABLE_OR_UNSUPPORTED);
    add("nested.gz", gz(&gz(&jpeg)), UNDECODABLE_OR_UNSUPPORTED);
    add("broken.zip", zip(&[("a.jpg", &jpeg)])[..200].to_vec(), UNDECODABLE);
    add("no_photos.zip", zip(&[("readme.txt", b"hello")]), Outcome::NoMedium);
    let slips = ["../../../../tmp/oz-slip.jpg", "/tmp/oz-slip.jpg", "C:\\oz-slip.jpg", "a/../../b.jpg"];
    add("slip.zip", zip(&slips.map(|name| (name, &jpeg[..]))), Outcome::Ends);
    files
}

const UNDECODABLE_OR_UNSUPPORTED: Outcome = Outcome::Refused(&[(400, 1510), (400, 4)]);

/// Reproducible noise (xorshift).
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[4]
        })
        .collect()
}

/// One bit in about five hundred flipped, the first 64 bytes left alone so that the type is still believed.
fn flipped(good: &[u8], seed: u64) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let random = noise(bytes.len() / 32, seed);
    for pair in random.chunks_exact(2) {
        let at = usize::from(u16::from_le_bytes([pair[0], pair[1]])) * bytes.len() / 65_536;
        if at >= 64 {
            bytes[at] ^= 1 << (pair[0] % 8);
        }
    }
    bytes
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend_from_slice(&width.to_be_bytes());
    chunk.extend_from_slice(&height.to_be_bytes());
    chunk.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend_from_slice(&chunk);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    png.extend_from_slice(&crc.sum().to_be_bytes());
    png
}

fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8];
    jpeg.extend_from_slice(&height.to_be_bytes());
    jpeg.extend_from_slice(&width.to_be_bytes());
    jpeg.extend_from_slice(&[3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    // The start of a scan: a header counts once it is whole.
    jpeg.extend_from_slice(&[0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0, 0x55, 0xAA]);
    jpeg
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut writer = zip::ZipWriter::new(&mut out);
    for (number, (name, bytes)) in entries.iter().enumerate() {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        // Names must differ for the writer; a suffix keeps the slip in front.
        let name = if entries.len() > 100 { format!("{number}-{name}") } else { (*name).to_owned() };
        writer.start_file(name, options).expect("an entry");
        writer.write_all(bytes).expect("its bytes");
    }
    writer.finish().expect("an archive");
    out.into_inner()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("bytes");
    writer.finish().expect("a gz file")
}

/// Ten minutes of grey at one frame a second, made by the ffmpeg command line.
fn ten_minutes() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ten.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "color=gray:s=320x240:r=1", "-t", "600", "-c:v", "mpeg4", "-y"])
        .arg(&path)
        .status()
        .expect("ffmpeg is installed by `cargo xtask test`");
    assert!(made.success());
    fs_err::read(path).expect("the clip")
}
