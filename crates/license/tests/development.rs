//! The license of tests and benches: everything, for ever, on any machine, for builds that trust the development key.

use crate::vectors::keep;
use oz_license::{Claims, Feature, License, Purpose, State, VendorKeys, development_key, sign};
use serde_json::json;
use std::path::Path;

#[test]
fn the_development_license_is_what_the_development_key_signs() {
    let claims: Claims = serde_json::from_value(json!({
        "license_id": "development",
        "revision": 1,
        "kind": "trial",
        "customer": {"id": "development", "name": "Development"},
        "product": "oz-appliance",
        "issued_at": "2026-01-01T00:00:00Z",
        "features": Feature::ALL,
    }))
    .unwrap();
    let text = sign(Purpose::License, &claims, &development_key()).unwrap();
    keep(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/development.oz")), &text);
    let keys = VendorKeys::new([development_key().verifying_key()]);
    let license = License::verify(text.as_bytes(), &keys).unwrap();
    assert_eq!(license.time_state("2100-01-01T00:00:00Z".parse().unwrap()), State::Active);
}
