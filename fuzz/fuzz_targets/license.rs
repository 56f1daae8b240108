//! Licenses, leases, grants, activation requests and signatures of master licenses. Bytes are read as they are; what looks
//! like a payload is signed first, too, so that the fuzzer gets behind the signature.
#![no_main]

use ed25519_dalek::SigningKey;
use oz_license::{
    ActivationRequest, Asker, Audience, Claims, Factors, Grant, Lease, License, Purpose, Site, VendorKeys,
    development_key, sign,
};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

static VENDOR: LazyLock<SigningKey> = LazyLock::new(development_key);
/// The site of the test vectors.
static SITE: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_bytes(&Sha256::digest("Oz Appliance: test vectors: site").into()));
static TRUSTED: LazyLock<VendorKeys> = LazyLock::new(|| VendorKeys::new([VENDOR.verifying_key()]));
/// Licenses of the test vectors: a good one, one of a customer with an RSA key, one with an Ed25519 key.
static GOOD: LazyLock<License> = LazyLock::new(|| read(include_bytes!("../seeds/license/license")));
static MASTERS: LazyLock<[License; 2]> = LazyLock::new(|| {
    [read(include_bytes!("../seeds/license/master_rsa")), read(include_bytes!("../seeds/license/master_ed25519"))]
});

fn read(text: &[u8]) -> License {
    License::verify(text, &TRUSTED).expect("what the vendor signed")
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    texts(bytes);
    for master in MASTERS.iter() {
        let _ = master.proves_app("com.any.app", bytes);
    }
    if bytes.first() == Some(&b'{') {
        requests(bytes);
        if let Ok(payload) = serde_json::from_slice::<serde_json::Value>(bytes) {
            for (purpose, key) in [(Purpose::License, &*VENDOR), (Purpose::Lease, &*SITE), (Purpose::Grant, &*SITE)] {
                if let Ok(text) = sign(purpose, &payload, key) {
                    texts(text.as_bytes());
                }
            }
        }
    }
});

/// Whatever is accepted is inside its license and, written again, is read again.
fn texts(text: &[u8]) {
    let now = "2026-06-01T12:00:00Z".parse().expect("a time");
    if let Ok(license) = License::verify(text, &TRUSTED) {
        let site_key = license.site_key().copied();
        let factors = Factors::default();
        let site = Site { now, last_seen: Some(now), factors: &factors, key: site_key.as_ref(), version: "0.1.0" };
        let _ = (license.state(&site), license.time_state(now), license.end());
        let _ = license.admit(Asker::App { id: "com.bank.app", signature: Some(text) }, now);
        let _ = license.admit(Asker::Page { origin: "https://www.bank.com" }, now);
        // Longer only by claims that had their default: too long at most.
        if let Ok(again) = sign(Purpose::License, license.claims(), &VENDOR) {
            assert_eq!(read(again.as_bytes()).claims(), license.claims());
        }
    }
    if let Ok(lease) = Lease::verify(text, &TRUSTED, "node-1", now) {
        assert!(lease.claims.features.is_subset(&lease.license.claims().features));
    }
    let audience = Audience::Android { app_id: "com.bank.app".into() };
    if let Ok(grant) = Grant::verify(text, &TRUSTED, (&audience, "8f14e45fceea167a"), now) {
        assert!(grant.license.covers(&audience));
    }
}

fn requests(bytes: &[u8]) {
    let Ok(request) = serde_json::from_slice::<ActivationRequest>(bytes) else { return };
    let mut claims: Claims = GOOD.claims().clone();
    if claims.activate(&request).is_ok() {
        assert_eq!(claims.site_key.as_ref(), Some(&request.site_key));
    }
}
