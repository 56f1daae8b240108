//! Decoded pictures: what decoders give and models take.

use bytes::Bytes;

/// A decoded picture: upright, packed RGB, 8 bits a channel, rows from top to bottom without padding.
///
/// The bytes are shared: a clone costs a counter. They may lie in a sealed memory file that a decoding child filled.
#[derive(Clone)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Bytes,
}

/// The bytes do not fit the stated size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {width}x{height} RGB picture has {expected} bytes, {came} came")]
pub struct PictureError {
    /// Stated width in pixels.
    pub width: u32,
    /// Stated height in pixels.
    pub height: u32,
    /// Bytes such a picture has (0 when the size is empty or too big to count).
    pub expected: usize,
    /// Bytes that came.
    pub came: usize,
}

impl Picture {
    /// Takes `rgb` as a picture.
    ///
    /// # Errors
    /// When a side is zero or the length is not `3 * width * height`.
    pub fn new(width: u32, height: u32, rgb: Bytes) -> Result<Self, PictureError> {
        let expected = Self::byte_len(width, height).unwrap_or(0);
        if expected == 0 || rgb.len() != expected {
            return Err(PictureError { width, height, expected, came: rgb.len() });
        }
        Ok(Self { width, height, rgb })
    }

    /// `3 * width * height`, or `None` when that does not fit.
    pub fn byte_len(width: u32, height: u32) -> Option<usize> {
        (width as usize).checked_mul(height as usize)?.checked_mul(3)
    }

    /// Width in pixels, at least 1.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// All pixels: R, G, B of the top left pixel first.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// One row of pixels. Panics when `y` is not below the height, as a slice does.
    pub fn row(&self, y: u32) -> &[u8] {
        let stride = self.width as usize * 3;
        &self.rgb[y as usize * stride..][..stride]
    }
}

impl std::fmt::Debug for Picture {
    // Never the pixels: they are a person's face.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(Picture::new(2, 1, Bytes::from_static(&[0; 6])).is_ok());
        assert!(Picture::new(2, 1, Bytes::from_static(&[0; 5])).is_err());
        assert!(Picture::new(0, 1, Bytes::new()).is_err());
        assert!(Picture::new(u32::MAX, u32::MAX, Bytes::new()).is_err());
    }
}
