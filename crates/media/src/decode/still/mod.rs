//! Still pictures to upright RGB.

mod jpeg;
mod png;
mod turbo;
mod webp;

use super::orientation::Orientation;
use crate::child::Output;
use crate::{Error, Format, Limits};
use jpeg::Jpeg;
use std::os::fd::OwnedFd;

/// A decoded picture, upright.
pub(crate) struct Still {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgb: Vec<u8>,
}

/// A decoded picture, upright, in a sealed memory file.
pub(crate) struct FilePicture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) file: OwnedFd,
}

/// Pixels as they are stored.
struct Stored {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
    orientation: Orientation,
}

/// Decodes one picture. Its header is checked against the limits before memory for its pixels is asked for.
pub(crate) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<Still, Error> {
    let stored = match format {
        Format::Jpeg => Jpeg::open(bytes, limits)?.decode()?,
        Format::Png => png::decode(bytes, limits)?,
        Format::WebP => webp::decode(bytes, limits)?,
        _ => return Err(Error::Unsupported { found: format.mime().into() }),
    };
    if stored.orientation == Orientation::UPRIGHT {
        return Ok(Still { width: stored.width, height: stored.height, rgb: stored.rgb });
    }
    let stride = stored.width as usize * 3;
    let rgb = stored.orientation.upright(&stored.rgb, stored.width, stored.height, stride);
    let (width, height) = stored.orientation.size(stored.width, stored.height);
    Ok(Still { width, height, rgb })
}

/// Decodes one picture into a memory file.
pub(crate) fn decode_to_file(bytes: &[u8], format: Format, limits: &Limits) -> Result<FilePicture, Error> {
    // Most pictures by far: their pixels are written once, to where they are read.
    if format == Format::Jpeg
        && let Some(picture) = Jpeg::open(bytes, limits)?.decode_to_file(limits)?
    {
        return Ok(picture);
    }
    let still = decode(bytes, format, limits)?;
    let mut output = Output::new(limits.output_bytes)?;
    output.append(&still.rgb)?;
    Ok(FilePicture { width: still.width, height: still.height, file: output.seal()? })
}

/// The orientation that an EXIF block states; upright when it is damaged.
fn exif_orientation(block: Vec<u8>) -> Orientation {
    exif::Reader::new()
        .read_raw(block)
        .ok()
        .and_then(|exif| exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?.value.get_uint(0))
        .map_or(Orientation::UPRIGHT, Orientation::from_exif)
}
