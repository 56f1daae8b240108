//! Pictures: what comes out of each file, or how it is refused.

use crate::support::{apart, decoder, decoder_with, eval, eval_bytes, eval_path, ffmpeg, input};
use oz_domain::Picture;
use oz_media::{Error, Format, Limit, Limits, Reason, Sampling, encode_jpeg};

const VARIANTS: &[(&str, Format, (u32, u32))] = &[
    ("blurred.jpg", Format::Jpeg, (1280, 720)),
    ("cmyk.jpg", Format::Jpeg, (1280, 720)),
    ("dark_noisy.jpg", Format::Jpeg, (720, 1280)),
    ("exif_orientation_3.jpg", Format::Jpeg, (1280, 720)),
    ("exif_orientation_6.jpg", Format::Jpeg, (1280, 720)),
    ("exif_orientation_8.jpg", Format::Jpeg, (1280, 720)),
    ("grayscale.jpg", Format::Jpeg, (1280, 720)),
    ("lossless.webp", Format::WebP, (640, 360)),
    ("lossy.webp", Format::WebP, (1280, 720)),
    ("no_face.jpg", Format::Jpeg, (1280, 720)),
    ("palette.png", Format::Png, (640, 360)),
    ("profile.jpg", Format::Jpeg, (512, 512)),
    ("progressive.jpg", Format::Jpeg, (1280, 720)),
    ("rgb16.png", Format::Png, (640, 360)),
    ("rgb8.png", Format::Png, (640, 360)),
    ("rgba8.png", Format::Png, (640, 360)),
    ("same_face_twice.jpg", Format::Jpeg, (1280, 640)),
    ("small_face.jpg", Format::Jpeg, (1280, 720)),
    ("subsampling_444.jpg", Format::Jpeg, (1280, 720)),
    ("tiny_face.jpg", Format::Jpeg, (1280, 720)),
    ("too_dark.jpg", Format::Jpeg, (1280, 720)),
    ("two_faces.jpg", Format::Jpeg, (1280, 720)),
    ("upright.jpg", Format::Jpeg, (1280, 720)),
    ("upside_down.jpg", Format::Jpeg, (1280, 720)),
];

fn variant(name: &str) -> Picture {
    decoder().picture(&eval(&format!("stills/variants/{name}"))).unwrap()
}

/// What FFmpeg's own decoders make of it. Unlike libjpeg and libwebp they do not smooth colours between samples.
fn by_ffmpeg(name: &str) -> Vec<u8> {
    let path = eval_path(&format!("stills/variants/{name}"));
    // Alpha is left out, not blended: FFmpeg does so too.
    ffmpeg(&[
        "-noautorotate",
        "-i",
        path.to_str().unwrap(),
        "-sws_flags",
        "accurate_rnd+full_chroma_int+bilinear",
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        "-",
    ])
}

#[test]
fn every_variant_comes_out_as_it_is() {
    for (name, format, (width, height)) in VARIANTS {
        let (picture, probe) = decoder().picture_and_probe(&eval(&format!("stills/variants/{name}"))).unwrap();
        assert_eq!((probe.format, probe.width, probe.height), (*format, *width, *height), "{name}");
        assert_eq!((picture.width(), picture.height()), (*width, *height), "{name}");
        assert_eq!((probe.duration, probe.frames, probe.has_audio), (None, None, false), "{name}");
        assert_eq!(decoder().probe(&eval(&format!("stills/variants/{name}"))), Ok(probe), "{name}");
    }
}

#[test]
fn the_list_of_variants_is_complete() {
    let refused = ["animated.gif", "rgb8.bmp", "truncated.jpg"];
    for entry in fs_err::read_dir(eval_path("stills/variants")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(VARIANTS.iter().any(|v| v.0 == name) || refused.contains(&name.as_str()), "{name} is not tested");
    }
}

#[test]
fn what_is_no_picture_is_refused_with_its_reason() {
    for (name, error) in [
        ("animated.gif", Error::Unsupported { found: "a GIF picture".into() }),
        ("rgb8.bmp", Error::Unsupported { found: "a BMP picture".into() }),
        ("truncated.jpg", Error::Undecodable { reason: Reason::Truncated }),
    ] {
        let file = eval(&format!("stills/variants/{name}"));
        assert_eq!(decoder().picture(&file).unwrap_err(), error, "{name}");
        assert_eq!(decoder().probe(&file).unwrap_err(), error, "{name}");
    }
    let upright = eval("stills/variants/upright.jpg");
    assert!(matches!(decoder().clip(&upright, &Sampling::default()), Err(Error::Unsupported { .. })));
}

/// Losslessly stored pixels come out as they were stored.
#[test]
fn lossless_pixels_are_ffmpegs_to_the_bit() {
    for name in ["rgb8.png", "rgba8.png", "palette.png", "lossless.webp"] {
        let apart = apart(variant(name).rgb(), &by_ffmpeg(name));
        assert_eq!(apart.max, 0, "{name}: {apart:?}");
    }
    // 16 bits are cut, as the reference does; FFmpeg rounds.
    let apart = apart(variant("rgb16.png").rgb(), &by_ffmpeg("rgb16.png"));
    assert!(apart.max <= 1, "{apart:?}");
}

/// Another decoder (FFmpeg's) comes to other last bits and to coarser colours: 0.4 of 255 in the mean, 16 at most.
#[test]
fn lossy_pixels_are_near_ffmpegs() {
    for (name, _, _) in VARIANTS.iter().filter(|v| v.0 != "cmyk.jpg" && (v.0.ends_with("jpg") || v.0 == "lossy.webp")) {
        if name.starts_with("exif") {
            continue;
        }
        let apart = apart(variant(name).rgb(), &by_ffmpeg(name));
        assert!(apart.mean < 0.4 && apart.max <= 16, "{name}: {apart:?}");
    }
}

/// One picture in every form. Each was encoded anew, so the tolerance is its encoder's loss.
#[test]
fn all_forms_show_the_same_picture() {
    let upright = variant("upright.jpg");
    for (name, mean) in [
        ("exif_orientation_3.jpg", 0.5),
        ("exif_orientation_6.jpg", 0.5),
        ("exif_orientation_8.jpg", 0.5),
        ("progressive.jpg", 1.0),
        ("subsampling_444.jpg", 1.0),
        ("cmyk.jpg", 2.0),
        ("lossy.webp", 2.0),
    ] {
        let apart = apart(upright.rgb(), variant(name).rgb());
        assert!(apart.mean < mean, "{name}: {apart:?}");
    }
    let small = variant("rgb8.png");
    for (name, mean) in [("rgba8.png", 0.0), ("rgb16.png", 0.0), ("lossless.webp", 0.0), ("palette.png", 4.0)] {
        let apart = apart(small.rgb(), variant(name).rgb());
        assert!(apart.mean <= mean, "{name}: {apart:?}");
    }
    let gray = variant("grayscale.jpg");
    assert!(gray.rgb().as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b));
}

/// All eight orientations, in JPEG, PNG and WebP: the block is put in by hand, the pixels are turned by FFmpeg.
#[test]
fn exif_turns_every_format() {
    let filters = ["null", "hflip", "hflip,vflip", "vflip", "transpose=0", "transpose=1", "transpose=3", "transpose=2"];
    let png = eval_path("stills/variants/rgb8.png");
    for (number, filter) in (1u8..).zip(filters) {
        let folder = tempfile::tempdir().unwrap();
        for extension in ["png", "webp", "jpg"] {
            let path = folder.path().join(format!("made.{extension}"));
            let path_text = path.to_str().unwrap();
            ffmpeg(&[
                "-i",
                png.to_str().unwrap(),
                "-frames:v",
                "1",
                "-lossless",
                "1",
                "-q:v",
                "2",
                "-update",
                "1",
                "-y",
                path_text,
            ]);
            let bytes = with_exif(&fs_err::read(&path).unwrap(), extension, number);
            let expected =
                ffmpeg(&["-noautorotate", "-i", path_text, "-vf", filter, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
            let picture = decoder().picture(&input(&bytes)).unwrap();
            let size = if number >= 5 { (360, 640) } else { (640, 360) };
            assert_eq!((picture.width(), picture.height()), size, "{extension} {number}");
            let apart = apart(picture.rgb(), &expected);
            assert!(apart.mean < if extension == "jpg" { 3.0 } else { 0.01 }, "{extension} {number}: {apart:?}");
        }
    }
}

/// The file with an EXIF block that states an orientation.
fn with_exif(file: &[u8], extension: &str, orientation: u8) -> Vec<u8> {
    let tiff = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", &[orientation, 0, 0, 0][..], &[0; 4]].concat();
    match extension {
        "jpg" => {
            let block = [b"Exif\0\0", &tiff[..]].concat();
            let len = u16::try_from(block.len() + 2).unwrap().to_be_bytes();
            [&file[..2], b"\xFF\xE1", &len, &block, &file[2..]].concat()
        }
        "png" => {
            let body = [b"eXIf", &tiff[..]].concat();
            let mut crc = flate2::Crc::new();
            crc.update(&body);
            let len = u32::try_from(tiff.len()).unwrap().to_be_bytes();
            // Behind the header, which is 33 bytes from the beginning.
            [&file[..33], &len, &body, &crc.sum().to_be_bytes(), &file[33..]].concat()
        }
        _ => {
            let size = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
            // Extended form: EXIF flag, sides less one in 24 bits.
            let sides = [&size(639)[..3], &size(359)[..3]].concat();
            let vp8x = [b"VP8X", &size(10)[..], &[8, 0, 0, 0], &sides].concat();
            let exif = [b"EXIF", &size(tiff.len())[..], &tiff].concat();
            let body = [b"WEBP", &vp8x[..], &file[12..], &exif].concat();
            [b"RIFF", &size(body.len())[..], &body].concat()
        }
    }
}

#[test]
fn a_damaged_exif_block_is_upright() {
    let jpeg = eval_bytes("stills/variants/upright.jpg");
    let block = b"\xFF\xE1\0\x10Exif\0\0II*\0\xFF\xFF\xFF\xFF";
    let bytes = [&jpeg[..2], block, &jpeg[2..]].concat();
    let picture = decoder().picture(&input(&bytes)).unwrap();
    assert_eq!(apart(picture.rgb(), variant("upright.jpg").rgb()).max, 0);
}

#[test]
fn limits_of_pictures_are_kept() {
    for name in ["upright.jpg", "rgb8.png", "lossy.webp"] {
        let file = eval(&format!("stills/variants/{name}"));
        let probe = decoder().probe(&file).unwrap();
        let pixels = u64::from(probe.width * probe.height);
        for (limits, limit, came, allowed) in [
            (Limits { picture_pixels: 1000, ..Limits::default() }, Limit::PicturePixels, pixels, 1000),
            (Limits { picture_side: 639, ..Limits::default() }, Limit::PictureSide, probe.width.into(), 639),
            (Limits { file_bytes: 99, ..Limits::default() }, Limit::FileBytes, file.len(), 99),
        ] {
            let refused = decoder_with(limits).picture(&file).unwrap_err();
            assert_eq!(refused, Error::OverLimit { limit, came, allowed }, "{name}");
        }
    }
}

#[test]
fn what_we_encode_decodes_to_the_same_picture() {
    let picture = variant("rgb8.png");
    let jpeg = encode_jpeg(&picture, 95).unwrap();
    let again = decoder().picture(&input(&jpeg)).unwrap();
    assert!(apart(picture.rgb(), again.rgb()).mean < 2.0);
}
