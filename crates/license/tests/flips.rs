//! Every bit counts, and so does every byte around it.

use super::support::{android, claims, grant, lease, license, now, signed, site, trusted, vendor};
use super::tamper::{armoured, body, with};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oz_license::{Claims, Grant, Invalid, Lease, License, MAX_BYTES, Purpose, VendorKeys, sign};
use serde_json::{Value, json};

fn refused_when_flipped(text: &str, is_good: impl Fn(&[u8]) -> bool) {
    let mut bytes = text.as_bytes().to_vec();
    assert!(is_good(&bytes));
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!is_good(&bytes), "bit {bit} of {}", bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn no_flipped_bit_of_a_license_is_accepted() {
    refused_when_flipped(&signed(&claims()), |text| License::verify(text, &trusted()).is_ok());
}

#[test]
fn no_flipped_bit_of_a_lease_is_accepted() {
    let text = sign(Purpose::Lease, &lease(), &site()).unwrap();
    refused_when_flipped(&text, |text| Lease::verify(text, &trusted(), "node-1", now()).is_ok());
}

#[test]
fn no_flipped_bit_of_a_grant_is_accepted() {
    let text = sign(Purpose::Grant, &grant(), &site()).unwrap();
    refused_when_flipped(&text, |text| Grant::verify(text, &trusted(), (&android(), "n-1"), now()).is_ok());
}

/// Why a license is refused.
fn why(text: impl AsRef<[u8]>) -> Invalid {
    License::verify(text.as_ref(), &trusted()).unwrap_err()
}

#[test]
fn what_is_around_the_body_is_exact() {
    let text = signed(&claims());
    for wrong in [
        String::new(),
        text[..text.len() - 1].to_owned(),
        text[..text.len() / 2].to_owned(),
        format!("{text}{text}"),
        format!("\n{text}"),
        format!("{text}\n"),
        text.replace('\n', "\r\n"),
        text.replacen('\n', "\n\n", 1),
        text.replace("OZ LICENSE", "OZ LEASE"),
        armoured(""),
    ] {
        assert!(matches!(why(&wrong), Invalid::Armour | Invalid::Envelope), "{wrong}");
    }
    assert_eq!(why(vec![b'a'; MAX_BYTES + 1]), Invalid::TooLong);
    assert_eq!(why(vec![b'a'; MAX_BYTES]), Invalid::Armour);
}

#[test]
fn what_is_in_the_envelope_is_exact() {
    let text = signed(&claims());
    assert_eq!(with(&text, |_| ()), text, "the helper changes nothing by itself");
    assert_eq!(why(with(&text, |e| e["v"] = json!(2))), Invalid::Version);
    assert_eq!(why(with(&text, |e| e["kid"] = json!("0011223344556677"))), Invalid::UnknownKey);
    let other = oz_license::key_id(&ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key());
    assert_eq!(why(with(&text, |e| e["kid"] = json!(other))), Invalid::Signature);
    assert_eq!(why(with(&text, |e| e["payload"] = json!(STANDARD.encode("{}")))), Invalid::Signature);
    assert_eq!(why(with(&text, |e| e["sig"] = json!(STANDARD.encode([0; 64])))), Invalid::Signature);
    assert_eq!(why(with(&text, |e| e["sig"] = json!(STANDARD.encode([0; 63])))), Invalid::Envelope);
    let envelope = body(&text);
    assert_eq!(why(armoured(&format!("{envelope} "))), Invalid::Envelope);
    assert_eq!(why(armoured(&envelope.replacen("{\"v\":1,", "{\"v\":1,\"w\":1,", 1))), Invalid::Envelope);
    assert_eq!(why(armoured(&envelope.replacen("{\"v\":1,", "{\"v\":1,\"v\":1,", 1))), Invalid::Envelope);
}

#[test]
fn what_was_signed_for_one_purpose_is_nothing_else() {
    for purpose in Purpose::ALL {
        let text = sign(purpose, &claims(), &vendor()).unwrap();
        // Also with the lines of a license around it.
        let read = License::verify(armoured(&body(&text)).as_bytes(), &trusted());
        match purpose {
            Purpose::License => assert!(read.is_ok()),
            _ => assert_eq!(read.unwrap_err(), Invalid::Signature),
        }
    }
}

#[test]
fn claims_are_those_we_know() {
    let text = |change: fn(&mut Value)| {
        let mut value = serde_json::to_value(claims()).unwrap();
        change(&mut value);
        sign(Purpose::License, &value, &vendor()).unwrap()
    };
    assert!(License::verify(text(|_| ()).as_bytes(), &trusted()).is_ok());
    assert_eq!(why(text(|c| c["product"] = json!("oz-toaster"))), Invalid::Product);
    assert_eq!(why(text(|c| c["later_claim"] = json!(1))), Invalid::Claims);
    assert_eq!(why(text(|c| c["limits"]["cores"] = json!(1))), Invalid::Claims);
    assert_eq!(why(text(|c| c["expires_at"] = json!("2027-01-01T01:00:00+01:00"))), Invalid::Claims, "UTC only");
    assert_eq!(why(text(|c| c["site_key"] = json!("ab"))), Invalid::Claims);
    for (no_key, reason) in [
        (format!("02{}", "00".repeat(31)), "no point of the curve"),
        (format!("01{}", "00".repeat(31)), "anybody can sign for the neutral point"),
        (format!("f0{}7f", "ff".repeat(30)), "a second spelling of a point"),
    ] {
        let claims = Claims { site_key: Some(no_key), ..claims() };
        assert_eq!(why(signed(&claims)), Invalid::Claims, "{reason}");
    }
    assert_eq!(why(text(|c| c["binding"] = json!({"fingerprints": [], "threshold": 0}))), Invalid::Claims);
    assert_eq!(why(text(|c| c["binding"] = json!({"fingerprints": ["disk:1:2"], "threshold": 1}))), Invalid::Claims);
    for field in ["license_id", "revision", "kind", "customer", "product", "issued_at", "features"] {
        let mut value = serde_json::to_value(claims()).unwrap();
        value.as_object_mut().unwrap().remove(field);
        assert_eq!(why(sign(Purpose::License, &value, &vendor()).unwrap()), Invalid::Claims, "{field}");
    }
    let least = json!({"license_id": "L", "revision": 1, "kind": "sdk", "customer": {"id": "C", "name": "N"},
        "product": "oz-appliance", "issued_at": "2026-01-01T00:00:00Z", "features": []});
    let least = sign(Purpose::License, &least, &vendor()).unwrap();
    let least = License::verify(least.as_bytes(), &trusted()).unwrap();
    assert_eq!((least.claims().grace_days, least.end()), (3, None));
    assert_eq!(license(&claims()).claims(), &claims());
}

#[test]
fn nothing_is_known_without_keys() {
    assert_eq!(License::verify(signed(&claims()).as_bytes(), &VendorKeys::new([])).unwrap_err(), Invalid::UnknownKey);
}
