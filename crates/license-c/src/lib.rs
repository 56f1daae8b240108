//! The C library `liboz_license`: verifies licenses, master licenses and grants for apps. `include/oz_license.h` is made
//! from this file.
//!
//! No IO, no allocation that a caller frees, no state. Whatever comes in, an [`OzResult`] goes out: panics stop here.
#![expect(unsafe_code, reason = "C hands over pointers")]

mod edge;
mod result;

use edge::{Out, guarded, moment, text_at};
use oz_license::{Asker, Audience, Grant, License, VendorKeys};

pub use result::OzResult;

/// The license is good.
pub const OZ_STATE_ACTIVE: u32 = 1;
/// It is good for 30 days or less.
pub const OZ_STATE_RENEWAL_DUE: u32 = 2;
/// It is over; everything goes on for some days of grace.
pub const OZ_STATE_GRACE: u32 = 3;

/// Liveness.
pub const OZ_FEATURE_QUALITY: u32 = 1;
/// Face matching.
pub const OZ_FEATURE_BIOMETRY: u32 = 2;
/// 1:N search.
pub const OZ_FEATURE_COLLECTION: u32 = 4;
/// Documents.
pub const OZ_FEATURE_DOCUMENTS: u32 = 8;
/// Analysis without storing anything.
pub const OZ_FEATURE_INSTANT: u32 = 16;
/// The reduced pipeline.
pub const OZ_FEATURE_LITE: u32 = 32;
/// The web adapter.
pub const OZ_FEATURE_WEB: u32 = 64;
/// Analysis on the phone.
pub const OZ_FEATURE_ON_DEVICE: u32 = 128;

/// A grant is for an Android app.
pub const OZ_PLATFORM_ANDROID: u32 = 1;
/// A grant is for an iOS app.
pub const OZ_PLATFORM_IOS: u32 = 2;
/// A grant is for a web origin.
pub const OZ_PLATFORM_WEB: u32 = 3;

/// An end that never comes.
pub const OZ_NEVER: i64 = i64::MAX;

/// What a license or a grant says. All zero unless the signatures are right; filled in, too, when the file is sound but
/// refused for its time or for the app, so that a message can name the license.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct OzLicense {
    /// `OZ_STATE_…` of the license; 0 if it is refused.
    pub state: u32,
    /// `OZ_FEATURE_…` that may be used, added up; 0 if it is refused.
    pub features: u32,
    /// When the license, without its grace, or the grant ends: seconds since 1970, or `OZ_NEVER`.
    pub expires_at: i64,
    /// The license's id, UTF-8, cut to fit, with a zero behind.
    pub license_id: [std::ffi::c_char; 64],
}

/// Verifies the license that an app carries.
///
/// `bytes`, `len`: the license file. `app_id`: the app's application or bundle id, UTF-8 with a zero behind. `now`: seconds
/// since 1970. `out`: where to write what it says; may be null. A master license needs `oz_license_verify_master`.
///
/// # Safety
/// `bytes` is null or points to `len` bytes, `app_id` is null or ends with a zero, `out` is null or points to an `OzLicense`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oz_license_verify(
    bytes: *const u8,
    len: usize,
    app_id: *const std::ffi::c_char,
    now: i64,
    out: *mut OzLicense,
) -> OzResult {
    // SAFETY: as the caller promises.
    unsafe { oz_license_verify_master(bytes, len, app_id, std::ptr::null(), 0, now, out) }
}

/// Verifies the license that an app carries; of a master license also that the customer signed the app's id.
///
/// `signature`, `signature_len`: the customer's signature over the bytes of `app_id` (RSA PKCS#1 v1.5 with SHA-256, or
/// Ed25519); null and 0 for none. The rest is as in `oz_license_verify`.
///
/// # Safety
/// As `oz_license_verify`; `signature` is null or points to `signature_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oz_license_verify_master(
    bytes: *const u8,
    len: usize,
    app_id: *const std::ffi::c_char,
    signature: *const u8,
    signature_len: usize,
    now: i64,
    out: *mut OzLicense,
) -> OzResult {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (mut out, file, id, signature) = unsafe {
            let out = Out::at(out);
            (out, edge::file_at(bytes, len)?, text_at(app_id)?, edge::signature_at(signature, signature_len)?)
        };
        let now = moment(now)?;
        let license = License::verify(file, &VendorKeys::compiled().map_err(|_| OzResult::Internal)?)?;
        out.license(&license);
        let state = license.admit(Asker::App { id, signature }, now)?;
        out.accepted(state, &license.claims().features);
        Ok(())
    })
}

/// Verifies the grant that an app or a page got for its `nonce`.
///
/// `platform`: `OZ_PLATFORM_…`. `id`: the app's id, or the page's origin. The rest is as in `oz_license_verify`.
///
/// # Safety
/// As `oz_license_verify`; `id` and `nonce` are null or end with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oz_grant_verify(
    bytes: *const u8,
    len: usize,
    platform: u32,
    id: *const std::ffi::c_char,
    nonce: *const std::ffi::c_char,
    now: i64,
    out: *mut OzLicense,
) -> OzResult {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (mut out, file, id, nonce) = unsafe {
            let out = Out::at(out);
            (out, edge::file_at(bytes, len)?, text_at(id)?.to_owned(), text_at(nonce)?)
        };
        let now = moment(now)?;
        let audience = match platform {
            OZ_PLATFORM_ANDROID => Audience::Android { app_id: id },
            OZ_PLATFORM_IOS => Audience::Ios { app_id: id },
            OZ_PLATFORM_WEB => Audience::Web { origin: id },
            _ => return Err(OzResult::BadArgument),
        };
        let keys = VendorKeys::compiled().map_err(|_| OzResult::Internal)?;
        let grant = Grant::verify(file, &keys, (&audience, nonce), now)?;
        out.license(&grant.license);
        out.accepted(grant.license.time_state(now), &grant.claims.features);
        out.ends(Some(grant.claims.expires_at));
        Ok(())
    })
}

/// A sentence about an `OzResult`, English, never null; the library's own, for ever.
#[unsafe(no_mangle)]
pub extern "C" fn oz_license_error_text(result: u32) -> *const std::ffi::c_char {
    OzResult::ALL.into_iter().find(|known| *known as u32 == result).map_or(c"Unknown result", OzResult::text).as_ptr()
}

/// A word for an `OzResult`, for logs, never null; the library's own, for ever.
#[unsafe(no_mangle)]
pub extern "C" fn oz_license_word(result: u32) -> *const std::ffi::c_char {
    OzResult::ALL.into_iter().find(|known| *known as u32 == result).map_or(c"unknown", OzResult::word).as_ptr()
}

/// The version, `major.minor.patch`. With `+dev` behind it the library trusts the development key, which everybody has.
#[unsafe(no_mangle)]
pub extern "C" fn oz_license_version() -> *const std::ffi::c_char {
    const RELEASE: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    const DEVELOPMENT: &str = concat!(env!("CARGO_PKG_VERSION"), "+dev\0");
    let text = if VendorKeys::is_development() { DEVELOPMENT } else { RELEASE };
    text.as_ptr().cast()
}
