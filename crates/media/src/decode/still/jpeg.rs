//! JPEG.

use super::turbo::{Decompressor, Outcome, Pixels};
use super::{Orientation, Stored};
use crate::{Error, Limits};
use std::io::Cursor;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, Error> {
    // Ours before the library's: that wants to see the whole header, and a file may end behind the size.
    if let Some((width, height)) = stated_size(bytes) {
        limits.check_picture(width, height)?;
    }
    let decompressor = Decompressor::new(bytes).ok_or(Error::Unavailable { what: "JPEG decoder".into() })?;
    let header = decompressor.header().ok_or(Error::DAMAGED)?;
    let len = limits.check_picture(header.width, header.height)?;
    let pixels = if header.four_colours { Pixels::Cmyk } else { Pixels::Rgb };
    let mut stored = vec![0; len / 3 * pixels.bytes()];
    match decompressor.decode(&header, pixels, &mut stored) {
        Outcome::Whole => {}
        // libjpeg fills what is missing with grey: half a face is not what the client meant to send.
        Outcome::Warned(text) if text.contains("Premature end of JPEG file") => return Err(Error::TRUNCATED),
        // Stray bytes between segments, which some cameras write, and single damaged blocks.
        Outcome::Warned(_) => {}
        Outcome::Failed => return Err(Error::DAMAGED),
    }
    let rgb = if header.four_colours { from_cmyk(&stored) } else { stored };
    let orientation = orientation(bytes);
    Ok(Stored { width: header.width, height: header.height, rgb, orientation })
}

/// Width and height of the first frame header, found by walking the segments in front of it.
fn stated_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.get(2..)?;
    loop {
        let marker = *rest.strip_prefix(b"\xFF")?.first()?;
        if marker == 0xFF {
            // Filling.
            rest = &rest[1..];
            continue;
        }
        let (len, segment) = rest[2..].split_first_chunk::<2>()?;
        match marker {
            // Start of frame; between them are tables.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                let [_, h1, h2, w1, w2] = *segment.first_chunk::<5>()?;
                return Some((u16::from_be_bytes([w1, w2]).into(), u16::from_be_bytes([h1, h2]).into()));
            }
            // Pixels, or what has no length.
            0xD0..=0xDA | 0x01 => return None,
            _ => rest = rest.get(2 + usize::from(u16::from_be_bytes(*len)).max(2)..)?,
        }
    }
}

fn orientation(bytes: &[u8]) -> Orientation {
    exif::Reader::new()
        .read_from_container(&mut Cursor::new(bytes))
        .ok()
        .and_then(|exif| exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?.value.get_uint(0))
        .map_or(Orientation::UPRIGHT, Orientation::from_exif)
}

/// Inverted CMYK, the only kind that is met in JPEG (Adobe writes it), by the same whole numbers as OpenCV.
fn from_cmyk(cmyk: &[u8]) -> Vec<u8> {
    cmyk.as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[c, m, y, k]| {
            let k = u32::from(k);
            [c, m, y].map(|ink| u8::try_from(k - (((255 - u32::from(ink)) * k) >> 8)).unwrap_or(u8::MAX))
        })
        .collect()
}
