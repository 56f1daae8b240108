//! Keys and claims that tests begin with.

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use oz_license::{
    Apps, Audience, Claims, Customer, Feature, GrantClaims, Kind, LeaseClaims, License, Limits, Period, Purpose,
    VendorKeys, Volume, sign,
};

pub(crate) fn vendor() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub(crate) fn site() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

pub(crate) fn trusted() -> VendorKeys {
    VendorKeys::new([SigningKey::from_bytes(&[9; 32]).verifying_key(), vendor().verifying_key()])
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A moment so many seconds from another.
pub(crate) fn after(from: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(from.as_second() + seconds).unwrap()
}

pub(crate) fn now() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

/// An activated license of this year.
pub(crate) fn claims() -> Claims {
    Claims {
        license_id: "L-1".into(),
        revision: 3,
        kind: Kind::Server,
        customer: Customer { id: "C-1".into(), name: "A bank".into() },
        product: "oz-appliance".into(),
        issued_at: at("2026-01-01T00:00:00Z"),
        not_before: Some(at("2026-01-02T00:00:00Z")),
        expires_at: Some(at("2027-01-01T00:00:00Z")),
        file_expires_at: None,
        grace_days: 3,
        features: [Feature::Quality, Feature::Biometry, Feature::Web].into(),
        limits: Limits { analyses: Some(Volume { count: 100, period: Period::Day }), ..Limits::default() },
        binding: None,
        site_key: Some(hex::encode(site().verifying_key())),
        apps: Apps { android: ["com.bank.app".into()].into(), ios: ["com.bank.ios".into()].into() },
        origins: ["https://*.bank.com".into(), "https://bank.com:8443".into()].into(),
        master_key: None,
        contact: None,
        min_version: None,
        max_version: None,
    }
}

pub(crate) fn signed(claims: &Claims) -> String {
    sign(Purpose::License, claims, &vendor()).unwrap()
}

pub(crate) fn license(claims: &Claims) -> License {
    License::verify(signed(claims).as_bytes(), &trusted()).unwrap()
}

pub(crate) fn lease() -> LeaseClaims {
    LeaseClaims {
        lease_id: "S-1".into(),
        license: signed(&claims()),
        instance_id: "node-1".into(),
        features: [Feature::Quality].into(),
        issued_at: now(),
        expires_at: after(now(), 600),
        counter: 7,
        block: 0,
    }
}

pub(crate) fn android() -> Audience {
    Audience::Android { app_id: "com.bank.app".into() }
}

pub(crate) fn grant() -> GrantClaims {
    GrantClaims {
        license: signed(&claims()),
        audience: android(),
        nonce: "n-1".into(),
        features: [Feature::Quality].into(),
        issued_at: now(),
        expires_at: after(now(), 600),
    }
}
