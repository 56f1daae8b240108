//! From a decoder's pixels to upright RGB, and to a signature.
//!
//! swscale with its default flags and no colour space set, which is BT.601 whatever the stream says. That is what the
//! reference does, and the liveness nets are touchy: exact rounding alone moves a score by 0.05.

use super::demux::error;
use crate::Error;
use crate::decode::orientation::Orientation;
use crate::decode::signature::Luma;
use ffmpeg::ffi;
use ffmpeg::format::Pixel;
use ffmpeg::frame;
use ffmpeg::software::scaling;
use ffmpeg_next as ffmpeg;
use oz_domain::FrameSignature;
use std::borrow::Cow;

/// Converts frames to one size.
pub(super) struct Scaler {
    /// Made for frames of one format and size; made anew when they change.
    context: Option<(Source, scaling::Context)>,
    rgb: frame::Video,
}

type Source = (Pixel, u32, u32);

impl Scaler {
    /// For pictures of `width` x `height` as stored, not yet turned.
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        Self { context: None, rgb: frame::Video::new(Pixel::RGB24, width, height) }
    }

    /// Upright width, height and RGB.
    pub(super) fn upright(
        &mut self,
        frame: &frame::Video,
        orientation: Orientation,
    ) -> Result<(u32, u32, Cow<'_, [u8]>), Error> {
        let source = (frame.format(), frame.width(), frame.height());
        let (width, height) = (self.rgb.width(), self.rgb.height());
        if self.context.as_ref().is_none_or(|(of, _)| *of != source) {
            let (format, from_width, from_height) = source;
            let flags = scaling::Flags::BICUBIC;
            let context = scaling::Context::get(format, from_width, from_height, Pixel::RGB24, width, height, flags)
                .map_err(error)?;
            self.context = Some((source, context));
        }
        let Some((_, context)) = &mut self.context else { return Err(Error::DAMAGED) };
        context.run(frame, &mut self.rgb).map_err(error)?;
        let (stored, stride) = (self.rgb.data(0), self.rgb.stride(0));
        let len = width as usize * 3 * height as usize;
        // As nearly always: upright, and rows without padding.
        let rgb = match stored.get(..len) {
            Some(packed) if orientation == Orientation::UPRIGHT && stride == width as usize * 3 => {
                Cow::Borrowed(packed)
            }
            _ => Cow::Owned(orientation.upright(stored, width, height, stride)),
        };
        let (width, height) = orientation.size(width, height);
        Ok((width, height, rgb))
    }
}

/// The stored frame's signature.
pub(super) fn signature(frame: &frame::Video) -> Result<FrameSignature, Error> {
    #[expect(unsafe_code, reason = "where the luma samples lie is told by a C table")]
    // SAFETY: the frame came from a decoder, so its planes have `linesize * height` bytes (less the padding of the last row).
    // What is read of each row ends with its last sample. Bottom-up frames (negative linesize) are refused first.
    unsafe {
        let raw = &*frame.as_ptr();
        let description = ffi::av_pix_fmt_desc_get(frame.format().into());
        if description.is_null() {
            return Err(Error::DAMAGED);
        }
        let first = (*description).comp[0];
        let number = |n: i32| usize::try_from(n).map_err(|_| Error::DAMAGED);
        let (plane, step, offset) = (number(first.plane)?, number(first.step)?, number(first.offset)?);
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let (data, stride) = match (raw.data.get(plane), raw.linesize.get(plane)) {
            (Some(data), Some(stride)) if !data.is_null() => (*data, number(*stride)?),
            _ => return Err(Error::DAMAGED),
        };
        let used = (width * step).checked_sub(offset).ok_or(Error::DAMAGED)?;
        if height == 0 || used + offset > stride {
            return Err(Error::DAMAGED);
        }
        let bytes = std::slice::from_raw_parts(data.add(offset), stride * (height - 1) + used);
        let depth = u32::try_from(first.depth).map_err(|_| Error::DAMAGED)?;
        Ok(Luma { bytes, stride, step, depth, width, height }.signature())
    }
}
