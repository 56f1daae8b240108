// Licenses of Oz Appliance: verifies the license, master license or grant that an app carries. Thread-safe.

#ifndef OZ_LICENSE_H
#define OZ_LICENSE_H

// Made by cbindgen from crates/license-c/src; `cargo xtask bless` writes it anew.

#include <stddef.h>
#include <stdint.h>

// The license is good.
#define OZ_STATE_ACTIVE 1

// It is good for 30 days or less.
#define OZ_STATE_RENEWAL_DUE 2

// It is over; everything goes on for some days of grace.
#define OZ_STATE_GRACE 3

// Liveness.
#define OZ_FEATURE_QUALITY 1

// Face matching.
#define OZ_FEATURE_BIOMETRY 2

// 1:N search.
#define OZ_FEATURE_COLLECTION 4

// Documents.
#define OZ_FEATURE_DOCUMENTS 8

// Analysis without storing anything.
#define OZ_FEATURE_INSTANT 16

// The reduced pipeline.
#define OZ_FEATURE_LITE 32

// The web adapter.
#define OZ_FEATURE_WEB 64

// Analysis on the phone.
#define OZ_FEATURE_ON_DEVICE 128

// A grant is for an Android app.
#define OZ_PLATFORM_ANDROID 1

// A grant is for an iOS app.
#define OZ_PLATFORM_IOS 2

// A grant is for a web origin.
#define OZ_PLATFORM_WEB 3

// An end that never comes.
#define OZ_NEVER INT64_MAX

// What came of a verification. A number keeps its meaning for ever.
enum OzResult
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Good.
  OZ_RESULT_OK = 0,
  // There are no bytes.
  OZ_RESULT_NOT_FOUND = 1,
  // Longer than 64 KiB.
  OZ_RESULT_TOO_LONG = 2,
  // Not a file of this kind, or damaged.
  OZ_RESULT_ARMOUR = 3,
  // The envelope is damaged.
  OZ_RESULT_ENVELOPE = 4,
  // Made for a later version.
  OZ_RESULT_VERSION = 5,
  // Signed by a key that is not known here.
  OZ_RESULT_UNKNOWN_KEY = 6,
  // The signature is wrong.
  OZ_RESULT_SIGNATURE = 7,
  // The claims cannot be read.
  OZ_RESULT_CLAIMS = 8,
  // For another product.
  OZ_RESULT_PRODUCT = 9,
  // A grant that gives more than its license has.
  OZ_RESULT_EXCEEDS = 10,
  // A grant that was not made by the site that its license names.
  OZ_RESULT_SITE = 11,
  // A grant for another app, origin or nonce.
  OZ_RESULT_AUDIENCE = 12,
  // A grant that is not valid at this time.
  OZ_RESULT_TIME = 13,
  // A license that was signed in the future: the clock is behind.
  OZ_RESULT_CLOCK_BEHIND = 14,
  // A license that begins later.
  OZ_RESULT_NOT_YET_VALID = 15,
  // A license that is over, with its grace.
  OZ_RESULT_EXPIRED = 16,
  // A license for other apps.
  OZ_RESULT_NOT_COVERED = 17,
  // A master license without the customer's signature over this app's id.
  OZ_RESULT_UNPROVEN = 18,
  // A null pointer, a text that is not UTF-8, an unknown platform, a time that is none.
  OZ_RESULT_BAD_ARGUMENT = 19,
  // A fault of the library, or a build with vendor keys that are none.
  OZ_RESULT_INTERNAL = 20,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum OzResult OzResult;
#else
typedef uint32_t OzResult;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a license or a grant says. All zero unless the signatures are right; filled in, too, when the file is sound but
// refused for its time or for the app, so that a message can name the license.
typedef struct {
  // `OZ_STATE_…` of the license; 0 if it is refused.
  uint32_t state;
  // `OZ_FEATURE_…` that may be used, added up; 0 if it is refused.
  uint32_t features;
  // When the license, without its grace, or the grant ends: seconds since 1970, or `OZ_NEVER`.
  int64_t expires_at;
  // The license's id, UTF-8, cut to fit, with a zero behind.
  char license_id[64];
} OzLicense;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Verifies the license that an app carries.
//
// `bytes`, `len`: the license file. `app_id`: the app's application or bundle id, UTF-8 with a zero behind. `now`: seconds
// since 1970. `out`: where to write what it says; may be null. A master license needs `oz_license_verify_master`.
//
// # Safety
// `bytes` is null or points to `len` bytes, `app_id` is null or ends with a zero, `out` is null or points to an `OzLicense`.
OzResult oz_license_verify(const uint8_t *bytes,
                           size_t len,
                           const char *app_id,
                           int64_t now,
                           OzLicense *out);

// Verifies the license that an app carries; of a master license also that the customer signed the app's id.
//
// `signature`, `signature_len`: the customer's signature over the bytes of `app_id` (RSA PKCS#1 v1.5 with SHA-256, or
// Ed25519); null and 0 for none. The rest is as in `oz_license_verify`.
//
// # Safety
// As `oz_license_verify`; `signature` is null or points to `signature_len` bytes.
OzResult oz_license_verify_master(const uint8_t *bytes,
                                  size_t len,
                                  const char *app_id,
                                  const uint8_t *signature,
                                  size_t signature_len,
                                  int64_t now,
                                  OzLicense *out);

// Verifies the grant that an app or a page got for its `nonce`.
//
// `platform`: `OZ_PLATFORM_…`. `id`: the app's id, or the page's origin. The rest is as in `oz_license_verify`.
//
// # Safety
// As `oz_license_verify`; `id` and `nonce` are null or end with a zero.
OzResult oz_grant_verify(const uint8_t *bytes,
                         size_t len,
                         uint32_t platform,
                         const char *id,
                         const char *nonce,
                         int64_t now,
                         OzLicense *out);

// A sentence about an `OzResult`, English, never null; the library's own, for ever.
const char *oz_license_error_text(uint32_t result);

// A word for an `OzResult`, for logs, never null; the library's own, for ever.
const char *oz_license_word(uint32_t result);

// The version, `major.minor.patch`. With `+dev` behind it the library trusts the development key, which everybody has.
const char *oz_license_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OZ_LICENSE_H */
