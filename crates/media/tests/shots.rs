//! Shot sets: archives of pictures.

use crate::support::{ALL, apart, decoder, decoder_with, eval, eval_bytes, ffmpeg, input, spread};
use oz_media::{Error, Format, Limit, Limits, Reason, Sampling};
use std::io::{Cursor, Write as _};

pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut writer = zip::ZipWriter::new(&mut out);
    for (name, bytes) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
    out.into_inner()
}

pub(crate) fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        // By hand: the builder refuses names that leave the folder, and those are wanted here.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// A small picture of one grey.
fn grey(level: u8) -> Vec<u8> {
    let filter = format!("color=0x{level:02x}{level:02x}{level:02x}:s=64x48");
    ffmpeg(&["-f", "lavfi", "-i", &filter, "-frames:v", "1", "-c:v", "png", "-f", "image2pipe", "-"])
}

#[test]
fn both_archives_hold_the_same_clip() {
    let [zip, tar] = ["shot_set.zip", "shot_set.tar.gz"].map(|name| {
        let file = eval(&format!("live/variants/{name}"));
        let probe = decoder().probe(&file).unwrap();
        let format = if name.ends_with("zip") { Format::Zip } else { Format::Gz };
        assert_eq!((probe.format, probe.width, probe.height, probe.frames), (format, 1280, 720, Some(25)), "{name}");
        decoder().clip(&file, &ALL).unwrap()
    });
    assert_eq!(zip.facts, tar.facts);
    assert_eq!((zip.frames.len(), zip.facts.codec.as_str(), zip.facts.container.as_str()), (25, "jpeg", "shots-set"));
    assert_eq!((zip.facts.duration, zip.facts.times[24]), (2.5, 2.4000000000000004));
    for (a, b) in zip.frames.iter().zip(&tar.frames) {
        assert_eq!(apart(a.picture.rgb(), b.picture.rgb()).max, 0);
    }
    // The frames are those of c12, by another encoder and decoder.
    let still = decoder().picture(&eval("stills/variants/upright.jpg")).unwrap();
    assert_eq!((still.width(), still.height()), (1280, 720));
    assert!(apart(zip.frames[0].picture.rgb(), zip.frames[24].picture.rgb()).mean > 0.5, "frames differ");
}

#[test]
fn names_order_and_nothing_else() {
    let [dark, middle, bright] = [40, 120, 220].map(grey);
    let entries: &[(&str, &[u8])] = &[
        ("shot_10.png", &bright),
        ("../../etc/shot_2.png", &dark),
        ("shot_9.png", &middle),
        ("readme.txt", b"not a picture"),
        ("__MACOSX/._shot_1.png", &bright),
    ];
    for archive in [zip(entries), tar(entries), gz(&tar(entries))] {
        let clip = decoder().clip(&input(&archive), &ALL).unwrap();
        let levels: Vec<u8> = clip.frames.iter().map(|f| f.picture.rgb()[0]).collect();
        assert_eq!(levels.len(), 3);
        assert!(levels.is_sorted(), "{levels:?}");
        assert_eq!(clip.facts.signatures.len(), 3);
    }
}

#[test]
fn one_picture_in_gz_is_a_set_of_one() {
    let clip = decoder().clip(&input(&gz(&grey(99))), &Sampling::default()).unwrap();
    assert_eq!((clip.frames.len(), clip.facts.duration), (1, 0.1));
}

#[test]
fn a_damaged_picture_does_not_spoil_a_set() {
    let [dark, middle, bright] = [40, 120, 220].map(grey);
    let set = zip(&[("1.png", &dark), ("2.png", &middle[..60]), ("3.png", &bright), ("4.png", &middle)]);
    let clip = decoder().clip(&input(&set), &spread(2)).unwrap();
    assert_eq!((clip.facts.times.len(), clip.facts.broken_frames), (3, 1));
    let chosen: Vec<(u32, u8)> = clip.frames.iter().map(|f| (f.index, f.picture.rgb()[0])).collect();
    assert_eq!(chosen.iter().map(|c| c.0).collect::<Vec<_>>(), [0, 2]);
    assert!(chosen[0].1 < 50 && (100..140).contains(&chosen[1].1), "{chosen:?}");

    let none = zip(&[("1.png", &dark[..60]), ("2.png", &dark[..70])]);
    let refused = decoder().clip(&input(&none), &ALL).unwrap_err();
    assert_eq!(refused, Error::Undecodable { reason: Reason::NoFrame });
    let few = Sampling { at_least: 4, ..ALL };
    assert_eq!(decoder().clip(&input(&set), &few).unwrap_err(), Error::TooFewFrames { came: 3, needed: 4 });
}

#[test]
fn limits_of_archives_are_kept() {
    let jpeg = eval_bytes("stills/variants/upright.jpg");
    let entries: Vec<(&str, &[u8])> = ["1", "2", "3", "4", "5"].map(|n| (n, &jpeg[..])).to_vec();
    let total = jpeg.len() as u64 * 5;
    for archive in [zip(&entries), tar(&entries), gz(&tar(&entries))] {
        let file = input(&archive);
        let over = |limits| match decoder_with(limits).probe(&file) {
            Err(Error::OverLimit { limit, came, allowed }) => (limit, came, allowed),
            other => panic!("{other:?}"),
        };
        assert_eq!(over(Limits { archive_entries: 4, ..Limits::default() }), (Limit::ArchiveEntries, 5, 4));
        let (limit, came, allowed) = over(Limits { archive_bytes: total - 1, ..Limits::default() });
        assert!(limit == Limit::ArchiveBytes && came > allowed && allowed == total - 1, "{came}");
        let (limit, ..) = over(Limits { picture_pixels: 1000, ..Limits::default() });
        assert_eq!(limit, Limit::PicturePixels);
    }
}

#[test]
fn larger_pictures_are_made_small() {
    let clip = decoder().clip(&eval("live/variants/shot_set.zip"), &Sampling { max_side: 320, ..spread(2) }).unwrap();
    let sizes: Vec<_> = clip.frames.iter().map(|f| (f.picture.width(), f.picture.height())).collect();
    assert_eq!(sizes, [(320, 180), (320, 180)]);
    assert_eq!((clip.facts.width, clip.facts.height), (1280, 720));
}
