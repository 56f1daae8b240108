//! The edge to C: pointers in, a struct out, no panic through.

use jiff::Timestamp;
use oz_license::{Feature, License, MAX_BYTES, State};
use std::collections::BTreeSet;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use crate::{OZ_NEVER, OZ_STATE_ACTIVE, OZ_STATE_GRACE, OZ_STATE_RENEWAL_DUE, OzLicense, OzResult};

/// Longest signature that is looked at: four times that of the largest RSA key.
const MAX_SIGNATURE: usize = 4096;

/// Runs `work`; a panic in it is [`OzResult::Internal`].
pub(crate) fn guarded(work: impl FnOnce() -> Result<(), OzResult>) -> OzResult {
    // Nothing outlives the closure but `out`, which is plain numbers.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => OzResult::Ok,
        Ok(Err(result)) => result,
        Err(_) => OzResult::Internal,
    }
}

/// A file's bytes.
///
/// # Safety
/// `bytes` is null or points to `len` bytes that nobody changes.
pub(crate) unsafe fn file_at<'a>(bytes: *const u8, len: usize) -> Result<&'a [u8], OzResult> {
    if bytes.is_null() || len == 0 {
        return Err(OzResult::NotFound);
    }
    // Before a byte is looked at: a length that is none of ours may be a mistake.
    if len > MAX_BYTES {
        return Err(OzResult::TooLong);
    }
    // SAFETY: not null, and as long as the caller promises.
    Ok(unsafe { slice::from_raw_parts(bytes, len) })
}

/// A signature's bytes; null is none.
///
/// # Safety
/// `bytes` is null or points to `len` bytes that nobody changes.
pub(crate) unsafe fn signature_at<'a>(bytes: *const u8, len: usize) -> Result<Option<&'a [u8]>, OzResult> {
    if bytes.is_null() {
        return if len == 0 { Ok(None) } else { Err(OzResult::BadArgument) };
    }
    if len > MAX_SIGNATURE {
        return Err(OzResult::BadArgument);
    }
    // SAFETY: not null, and as long as the caller promises.
    Ok(Some(unsafe { slice::from_raw_parts(bytes, len) }))
}

/// A text.
///
/// # Safety
/// `text` is null or ends with a zero.
pub(crate) unsafe fn text_at<'a>(text: *const c_char) -> Result<&'a str, OzResult> {
    if text.is_null() {
        return Err(OzResult::BadArgument);
    }
    // SAFETY: not null, and it ends as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| OzResult::BadArgument)
}

/// Seconds since 1970 as a time.
pub(crate) fn moment(seconds: i64) -> Result<Timestamp, OzResult> {
    Timestamp::from_second(seconds).map_err(|_| OzResult::BadArgument)
}

/// Where the caller wants to know what a license says; all zero at first.
pub(crate) struct Out<'a>(Option<&'a mut OzLicense>);

impl Out<'_> {
    /// # Safety
    /// `out` is null or points to an [`OzLicense`] that nobody else uses; it may be uninitialised.
    pub(crate) unsafe fn at(out: *mut OzLicense) -> Self {
        if out.is_null() {
            return Self(None);
        }
        // SAFETY: not null, and the caller's own; written before it is borrowed.
        Self(Some(unsafe {
            out.write(OzLicense { state: 0, features: 0, expires_at: 0, license_id: [0; 64] });
            &mut *out
        }))
    }

    /// Names a license whose signature is right.
    pub(crate) fn license(&mut self, license: &License) {
        self.ends(license.end());
        let Some(out) = &mut self.0 else { return };
        let id = &license.claims().license_id;
        // The last byte stays zero; a character that does not fit is left out as a whole.
        let fits = &id.as_bytes()[..id.floor_char_boundary(out.license_id.len() - 1)];
        for (to, from) in out.license_id.iter_mut().zip(fits) {
            *to = c_char::from_ne_bytes([*from]);
        }
    }

    /// Tells the end.
    pub(crate) fn ends(&mut self, end: Option<Timestamp>) {
        if let Some(out) = &mut self.0 {
            out.expires_at = end.map_or(OZ_NEVER, Timestamp::as_second);
        }
    }

    /// Tells what may be done.
    pub(crate) fn accepted(&mut self, state: State, features: &BTreeSet<Feature>) {
        let Some(out) = &mut self.0 else { return };
        out.state = match state {
            State::Active => OZ_STATE_ACTIVE,
            State::RenewalDue => OZ_STATE_RENEWAL_DUE,
            State::Grace => OZ_STATE_GRACE,
            _ => 0,
        };
        out.features = features.iter().map(|feature| bit(*feature)).sum();
    }
}

const fn bit(feature: Feature) -> u32 {
    match feature {
        Feature::Quality => crate::OZ_FEATURE_QUALITY,
        Feature::Biometry => crate::OZ_FEATURE_BIOMETRY,
        Feature::Collection => crate::OZ_FEATURE_COLLECTION,
        Feature::Documents => crate::OZ_FEATURE_DOCUMENTS,
        Feature::Instant => crate::OZ_FEATURE_INSTANT,
        Feature::Lite => crate::OZ_FEATURE_LITE,
        Feature::Web => crate::OZ_FEATURE_WEB,
        Feature::OnDevice => crate::OZ_FEATURE_ON_DEVICE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_stops_here() {
        let answer = guarded(|| panic!("as a fault of ours would"));
        assert_eq!((answer, answer as u32), (OzResult::Internal, 20));
    }
}
