//! WebP: of an animation the first frame; transparency is left out.

use super::{Orientation, Stored};
use crate::{Error, Limits};
use image_webp::{DecodingError, UpsamplingMethod, WebPDecoder};
use std::io::Cursor;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, Error> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(error)?;
    let (width, height) = decoder.dimensions();
    let len = limits.check_picture(width, height)?;
    decoder.set_memory_limit(usize::try_from(limits.child_memory / 2).unwrap_or(usize::MAX));
    // libwebp's own choice, so that pixels are the reference's.
    decoder.set_lossy_upsampling(UpsamplingMethod::Bilinear);
    let alpha = decoder.has_alpha();
    let mut stored = vec![0; if alpha { len / 3 * 4 } else { len }];
    if decoder.is_animated() {
        decoder.read_frame(&mut stored).map_err(error)?;
    } else {
        decoder.read_image(&mut stored).map_err(error)?;
    }
    let orientation = match decoder.exif_metadata() {
        Ok(Some(block)) => super::exif_orientation(block),
        _ => Orientation::UPRIGHT,
    };
    let rgb =
        if alpha { stored.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect() } else { stored };
    Ok(Stored { width, height, rgb, orientation })
}

fn error(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Error::TRUNCATED,
        _ => Error::DAMAGED,
    }
}
