//! Pictures out: JPEG.

use crate::error::Error;
use oz_domain::Picture;

/// Encodes a picture as JPEG, 4:2:0, `quality` 1-100.
///
/// # Errors
/// [`Error::OverLimit`] when a side is over 65,535 pixels, which JPEG cannot say.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, Error> {
    let longer = picture.width().max(picture.height());
    let side = |side: u32| {
        u16::try_from(side).map_err(|_| Error::over(crate::Limit::PictureSide, longer.into(), u16::MAX.into()))
    };
    let (width, height) = (side(picture.width())?, side(picture.height())?);
    let mut out = Vec::with_capacity(picture.rgb().len() / 12);
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, quality.clamp(1, 100));
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
    encoder
        .encode(picture.rgb(), width, height, jpeg_encoder::ColorType::Rgb)
        .map_err(|e| Error::Unavailable { what: format!("JPEG encoder: {e}") })?;
    Ok(out)
}
