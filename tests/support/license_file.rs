//! Licenses that the development key signs.

use oz_license::{Claims, Feature, Purpose, development_key, sign};
use serde_json::{Value, json};

/// Claims of an appliance's license that needs no activation and never ends.
pub(crate) fn claims(license_id: &str, revision: u32) -> Value {
    json!({
        "license_id": license_id,
        "revision": revision,
        "kind": "trial",
        "customer": {"id": "c-1", "name": "A Bank"},
        "product": "oz-appliance",
        "issued_at": in_seconds(-60),
        "features": Feature::ALL,
    })
}

/// The license file.
pub(crate) fn signed(claims: &Value) -> String {
    let claims: Claims = serde_json::from_value(claims.clone()).expect("claims");
    sign(Purpose::License, &claims, &development_key()).expect("a license")
}

/// The time so many seconds from now, as claims say it.
pub(crate) fn in_seconds(seconds: i64) -> String {
    super::license::after(seconds).to_string()
}
