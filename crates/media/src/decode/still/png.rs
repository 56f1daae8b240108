//! PNG: every colour type comes out as 8-bit RGB; transparency is left out, as the reference does.

use super::{Orientation, Stored};
use crate::{Error, Limits};
use png::{ColorType, DecodingError, Transformations};
use std::io::Cursor;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, Error> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    // What is beside the pixels can be compressed a thousandfold too; none of it is wanted but the orientation.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let header = decoder.read_header_info().map_err(error)?;
    let (width, height) = (header.width, header.height);
    let len = limits.check_picture(width, height)?;
    let memory = usize::try_from(limits.child_memory / 2).unwrap_or(usize::MAX);
    decoder.set_limits(png::Limits { bytes: memory });

    let mut reader = decoder.read_info().map_err(error)?;
    let size = reader.output_buffer_size().ok_or(Error::DAMAGED)?;
    if size > len / 3 * 4 {
        return Err(Error::DAMAGED);
    }
    let mut stored = vec![0; size];
    let frame = reader.next_frame(&mut stored).map_err(error)?;
    let orientation =
        reader.info().exif_metadata.as_ref().map_or(Orientation::UPRIGHT, |e| super::exif_orientation(e.to_vec()));
    let rgb = match frame.color_type {
        ColorType::Rgb => stored,
        ColorType::Rgba => stored.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect(),
        ColorType::Grayscale => stored.iter().flat_map(|g| [*g; 3]).collect(),
        ColorType::GrayscaleAlpha => stored.as_chunks::<2>().0.iter().flat_map(|[g, _]| [*g; 3]).collect(),
        // EXPAND leaves none.
        ColorType::Indexed => return Err(Error::DAMAGED),
    };
    Ok(Stored { width, height, rgb, orientation })
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Error::TRUNCATED,
        _ => Error::DAMAGED,
    }
}
