//! JPEG.

use super::turbo::{Decompressor, Header, Outcome, Pixels};
use super::{FilePicture, Orientation, Stored};
use crate::child::Output;
use crate::{Error, Limits};
use std::io::Cursor;

/// A file whose header has been read and is inside the limits.
pub(super) struct Jpeg<'a> {
    bytes: &'a [u8],
    decompressor: Decompressor<'a>,
    header: Header,
    /// Bytes of its pixels in RGB.
    len: usize,
}

impl<'a> Jpeg<'a> {
    pub(super) fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        // Ours before the library's: that wants to see the whole header, and a file may end behind the size.
        if let Some((width, height)) = stated_size(bytes) {
            limits.check_picture(width, height)?;
        }
        let decompressor = Decompressor::new(bytes).ok_or(Error::Unavailable { what: "JPEG decoder".into() })?;
        let header = decompressor.header().ok_or(Error::DAMAGED)?;
        let len = limits.check_picture(header.width, header.height)?;
        Ok(Self { bytes, decompressor, header, len })
    }

    pub(super) fn decode(&self) -> Result<Stored, Error> {
        let rgb = if self.header.four_colours {
            let mut stored = vec![0; self.len / 3 * 4];
            self.pixels(Pixels::Cmyk, &mut stored)?;
            from_cmyk(&stored)
        } else {
            let mut stored = vec![0; self.len];
            self.pixels(Pixels::Rgb, &mut stored)?;
            stored
        };
        let orientation = orientation(self.bytes);
        Ok(Stored { width: self.header.width, height: self.header.height, rgb, orientation })
    }

    /// Decodes to where its pixels shall stay, if they are to stay as they are stored.
    pub(super) fn decode_to_file(&self, limits: &Limits) -> Result<Option<FilePicture>, Error> {
        if self.header.four_colours || orientation(self.bytes) != Orientation::UPRIGHT {
            return Ok(None);
        }
        let file = Output::filled(self.len, limits.output_bytes, |out| self.pixels(Pixels::Rgb, out))?;
        Ok(Some(FilePicture { width: self.header.width, height: self.header.height, file }))
    }

    fn pixels(&self, pixels: Pixels, out: &mut [u8]) -> Result<(), Error> {
        match self.decompressor.decode(&self.header, pixels, out) {
            Outcome::Whole => Ok(()),
            // libjpeg fills what is missing with grey: half a face is not what the client meant to send.
            Outcome::Warned(text) if text.contains("Premature end of JPEG file") => Err(Error::TRUNCATED),
            // Stray bytes between segments, which some cameras write, and single damaged blocks.
            Outcome::Warned(_) => Ok(()),
            Outcome::Failed => Err(Error::DAMAGED),
        }
    }
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
