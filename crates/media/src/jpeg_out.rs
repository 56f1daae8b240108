//! Pictures out: JPEG, by the library that reads them (`docs/adr/0010-jpeg-decoder.md`). What is encoded are pixels of our
//! own, never a stranger's file, so this needs no child.

use crate::error::{Error, Limit};
use libc::{c_int, c_uchar, c_ulong, c_void};
use oz_domain::Picture;

/// `TJPF_RGB`.
const RGB: c_int = 0;
/// `TJSAMP_420`.
const HALF_COLOUR: c_int = 2;
/// `TJFLAG_NOREALLOC`: the library writes into our buffer or fails.
const OUR_BUFFER: c_int = 1 << 10;

#[link(name = "turbojpeg")]
#[expect(unsafe_code, reason = "a C library")]
unsafe extern "C" {
    fn tjInitCompress() -> *mut c_void;
    fn tjBufSize(width: c_int, height: c_int, subsampling: c_int) -> c_ulong;
    fn tjCompress2(
        handle: *mut c_void,
        pixels: *const c_uchar,
        width: c_int,
        pitch: c_int,
        height: c_int,
        format: c_int,
        jpeg: *mut *mut c_uchar,
        len: *mut c_ulong,
        subsampling: c_int,
        quality: c_int,
        flags: c_int,
    ) -> c_int;
    fn tjDestroy(handle: *mut c_void) -> c_int;
}

/// Encodes a picture as JPEG, 4:2:0, `quality` 1-100.
///
/// # Errors
/// [`Error::OverLimit`] when a side is over 65,500 pixels, which JPEG (as libjpeg writes it) cannot say;
/// [`Error::Unavailable`] without memory.
pub fn encode_jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, Error> {
    const LONGEST: u32 = 65_500;
    let longer = picture.width().max(picture.height());
    let side = |side: u32| {
        let fits = c_int::try_from(side).ok().filter(|_| side <= LONGEST);
        fits.ok_or_else(|| Error::over(Limit::PictureSide, longer.into(), LONGEST.into()))
    };
    let (width, height) = (side(picture.width())?, side(picture.height())?);
    let failed = || Error::Unavailable { what: "JPEG encoder".into() };
    #[expect(unsafe_code, reason = "a C library")]
    // SAFETY: takes three numbers.
    let room = unsafe { tjBufSize(width, height, HALF_COLOUR) };
    let mut out = vec![0_u8; usize::try_from(room).map_err(|_| failed())?];
    let (mut start, mut len) = (out.as_mut_ptr(), room);
    #[expect(unsafe_code, reason = "a C library")]
    // SAFETY: the handle is made and destroyed here. A picture has exactly width * height * 3 bytes, rows are packed (pitch
    // 0). `out` has the room that the library says it needs at most, and OUR_BUFFER keeps it from taking another.
    let result = unsafe {
        let handle = tjInitCompress();
        if handle.is_null() {
            return Err(failed());
        }
        let quality = c_int::from(quality.clamp(1, 100));
        let pixels = picture.rgb().as_ptr();
        let result = tjCompress2(
            handle,
            pixels,
            width,
            0,
            height,
            RGB,
            &raw mut start,
            &raw mut len,
            HALF_COLOUR,
            quality,
            OUR_BUFFER,
        );
        tjDestroy(handle);
        result
    };
    if result != 0 {
        return Err(failed());
    }
    out.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    Ok(out)
}
