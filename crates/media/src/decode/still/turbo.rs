//! The four calls of libturbojpeg that decoding needs, alike in libjpeg-turbo 2.1 and 3. Why this library: see
//! `docs/adr/0010-jpeg-decoder.md`.

use libc::{c_char, c_int, c_uchar, c_ulong, c_void};

#[link(name = "turbojpeg")]
#[expect(unsafe_code, reason = "a C library")]
unsafe extern "C" {
    fn tjInitDecompress() -> *mut c_void;
    fn tjDecompressHeader3(
        handle: *mut c_void,
        jpeg: *const c_uchar,
        len: c_ulong,
        width: *mut c_int,
        height: *mut c_int,
        subsampling: *mut c_int,
        colours: *mut c_int,
    ) -> c_int;
    fn tjDecompress2(
        handle: *mut c_void,
        jpeg: *const c_uchar,
        len: c_ulong,
        out: *mut c_uchar,
        width: c_int,
        pitch: c_int,
        height: c_int,
        pixels: c_int,
        flags: c_int,
    ) -> c_int;
    fn tjGetErrorCode(handle: *mut c_void) -> c_int;
    fn tjGetErrorStr2(handle: *mut c_void) -> *mut c_char;
    fn tjDestroy(handle: *mut c_void) -> c_int;
}

/// `TJFLAG_LIMITSCANS`: a progressive file may have 500 scans and no more.
const LIMIT_SCANS: c_int = 1 << 15;

/// How pixels are laid out in memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pixels {
    /// `TJPF_RGB`.
    Rgb = 0,
    /// `TJPF_CMYK`, as stored.
    Cmyk = 11,
}

impl Pixels {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// What a header states.
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// CMYK or YCCK: comes out as CMYK only.
    pub(super) four_colours: bool,
}

/// How decoding ended.
pub(super) enum Outcome {
    Whole,
    /// With a warning: some of the pixels are made up.
    Warned(String),
    Failed,
}

/// A decoder and the file it decodes.
pub(super) struct Decompressor<'a> {
    handle: *mut c_void,
    jpeg: &'a [u8],
}

impl<'a> Decompressor<'a> {
    pub(super) fn new(jpeg: &'a [u8]) -> Option<Self> {
        #[expect(unsafe_code, reason = "a C library")]
        // SAFETY: takes nothing, gives a handle or null.
        let handle = unsafe { tjInitDecompress() };
        (!handle.is_null()).then_some(Self { handle, jpeg })
    }

    pub(super) fn header(&self) -> Option<Header> {
        let (mut width, mut height, mut subsampling, mut colours) = (0, 0, 0, 0);
        let len = c_ulong::try_from(self.jpeg.len()).ok()?;
        #[expect(unsafe_code, reason = "a C library")]
        // SAFETY: the handle lives as long as self; the file's bytes and the four numbers outlive the call.
        let result = unsafe {
            tjDecompressHeader3(
                self.handle,
                self.jpeg.as_ptr(),
                len,
                &raw mut width,
                &raw mut height,
                &raw mut subsampling,
                &raw mut colours,
            )
        };
        if result != 0 {
            return None;
        }
        // TJCS_CMYK, TJCS_YCCK.
        let four_colours = matches!(colours, 3 | 4);
        Some(Header { width: u32::try_from(width).ok()?, height: u32::try_from(height).ok()?, four_colours })
    }

    /// Decodes into `out`, which must have `width * height * pixels.bytes()` bytes of the header's size.
    pub(super) fn decode(&self, header: &Header, pixels: Pixels, out: &mut [u8]) -> Outcome {
        let expected =
            (header.width as usize).checked_mul(header.height as usize).and_then(|n| n.checked_mul(pixels.bytes()));
        let (Ok(width), Ok(height), Ok(len)) =
            (c_int::try_from(header.width), c_int::try_from(header.height), c_ulong::try_from(self.jpeg.len()))
        else {
            return Outcome::Failed;
        };
        if expected != Some(out.len()) {
            return Outcome::Failed;
        }
        #[expect(unsafe_code, reason = "a C library")]
        // SAFETY: the handle lives as long as self; `out` has room for every row (checked above), rows are packed (pitch 0).
        // The library is told the size that the header states and scales to it, so it writes no more than that.
        let result = unsafe {
            tjDecompress2(
                self.handle,
                self.jpeg.as_ptr(),
                len,
                out.as_mut_ptr(),
                width,
                0,
                height,
                pixels as c_int,
                LIMIT_SCANS,
            )
        };
        if result == 0 { Outcome::Whole } else { self.failure() }
    }

    fn failure(&self) -> Outcome {
        #[expect(unsafe_code, reason = "a C library")]
        // SAFETY: the handle lives as long as self; the text belongs to it, ends with zero, and is copied at once.
        unsafe {
            if tjGetErrorCode(self.handle) != 0 {
                return Outcome::Failed;
            }
            let text = tjGetErrorStr2(self.handle);
            Outcome::Warned(std::ffi::CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }
}

impl Drop for Decompressor<'_> {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "a C library")]
        // SAFETY: the handle came from tjInitDecompress and is destroyed once.
        unsafe {
            tjDestroy(self.handle);
        }
    }
}
