//! Leases and grants: never more than the license, never for somebody else, never for long.

use super::support::{after, android, at, claims, grant, lease, now, signed, site, trusted, vendor};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use oz_license::{
    Audience, Claims, Feature, Grant, GrantClaims, Invalid, Kind, Lease, LeaseClaims, Purpose, covers_origin, sign,
};

fn read(lease: &LeaseClaims, now: Timestamp) -> Option<Invalid> {
    let text = sign(Purpose::Lease, lease, &site()).unwrap();
    Lease::verify(text.as_bytes(), &trusted(), "node-1", now).err()
}

#[test]
fn a_lease_is_good_for_its_time() {
    let end = lease().expires_at;
    assert_eq!([-1, 0, 1].map(|s| read(&lease(), after(end, s))), [None, Some(Invalid::Time), Some(Invalid::Time)]);
    let early = after(lease().issued_at, -300);
    assert_eq!([-1, 0].map(|s| read(&lease(), after(early, s))), [Some(Invalid::Time), None]);
}

#[test]
fn a_lease_is_inside_its_license() {
    let with = |change: fn(&mut LeaseClaims)| {
        let mut lease = lease();
        change(&mut lease);
        read(&lease, now())
    };
    assert_eq!(with(|l| l.expires_at = after(l.issued_at, 3600)), None);
    assert_eq!(with(|l| l.expires_at = after(l.issued_at, 3601)), Some(Invalid::Exceeds));
    assert_eq!(with(|l| _ = l.features.insert(Feature::Biometry)), None);
    assert_eq!(with(|l| _ = l.features.insert(Feature::OnDevice)), Some(Invalid::Exceeds));
    assert_eq!(with(|l| l.instance_id = "node-2".into()), Some(Invalid::Audience));
    // Never past the license's end and its grace.
    let over = at("2027-01-04T00:00:00Z");
    let last = |end: i64| {
        let (issued_at, expires_at) = (after(over, -600), after(over, end));
        read(&LeaseClaims { issued_at, expires_at, ..lease() }, issued_at)
    };
    assert_eq!([-1, 0, 1].map(last), [None, None, Some(Invalid::Exceeds)]);
    let before = at("2026-01-01T23:59:59Z");
    let early = LeaseClaims { issued_at: before, expires_at: after(before, 60), ..lease() };
    assert_eq!(read(&early, before), Some(Invalid::Exceeds), "the license has not begun");
}

#[test]
fn only_the_licensed_site_signs() {
    let by = |key: &SigningKey| {
        let text = sign(Purpose::Lease, &lease(), key).unwrap();
        Lease::verify(text.as_bytes(), &trusted(), "node-1", now()).err()
    };
    assert_eq!(by(&site()), None);
    assert_eq!(by(&SigningKey::from_bytes(&[3; 32])), Some(Invalid::Site));
    assert_eq!(by(&vendor()), Some(Invalid::Site), "not even the vendor");
    let unbound = signed(&Claims { site_key: None, ..claims() });
    assert_eq!(read(&LeaseClaims { license: unbound, ..lease() }, now()), Some(Invalid::Site));
    let forged = Claims { features: [Feature::OnDevice].into(), ..claims() };
    let forged = sign(Purpose::License, &forged, &site()).unwrap();
    assert_eq!(read(&LeaseClaims { license: forged, ..lease() }, now()), Some(Invalid::UnknownKey));
    // A grant is no lease, whoever signed it.
    let text = sign(Purpose::Grant, &lease(), &site()).unwrap();
    assert_eq!(Lease::verify(text.as_bytes(), &trusted(), "node-1", now()).unwrap_err(), Invalid::Armour);
}

#[test]
fn a_grant_answers_one_question() {
    let text = sign(Purpose::Grant, &grant(), &site()).unwrap();
    let read = |audience: &Audience, nonce| Grant::verify(text.as_bytes(), &trusted(), (audience, nonce), now()).err();
    assert_eq!(read(&android(), "n-1"), None);
    assert_eq!(read(&android(), "n-2"), Some(Invalid::Audience));
    let ios = Audience::Ios { app_id: "com.bank.app".into() };
    assert_eq!(read(&ios, "n-1"), Some(Invalid::Audience), "the same id on the other platform");
}

#[test]
fn a_grant_is_for_what_the_license_lists() {
    let read = |audience: Audience, kind: Kind| {
        let master_key = (kind == Kind::Master).then(|| super::master::ED25519_KEY.to_owned());
        let license = signed(&Claims { kind, master_key, ..claims() });
        let grant = GrantClaims { license, audience: audience.clone(), ..grant() };
        let text = sign(Purpose::Grant, &grant, &site()).unwrap();
        Grant::verify(text.as_bytes(), &trusted(), (&audience, "n-1"), now()).err()
    };
    let ios = |app_id: &str| Audience::Ios { app_id: app_id.into() };
    let web = |origin: &str| Audience::Web { origin: origin.into() };
    assert_eq!(read(ios("com.bank.ios"), Kind::Sdk), None);
    assert_eq!(read(ios("com.bank.app"), Kind::Sdk), Some(Invalid::Exceeds));
    assert_eq!(read(ios("com.any.app"), Kind::Master), None);
    assert_eq!(read(web("https://www.bank.com"), Kind::Web), None);
    assert_eq!(read(web("https://evil.com"), Kind::Web), Some(Invalid::Exceeds));
}

#[test]
fn origins_are_whole() {
    for (pattern, origin) in [
        ("https://bank.com", "https://bank.com"),
        ("https://bank.com", "https://BANK.com"),
        ("https://*.bank.com", "https://www.bank.com"),
        ("https://*.bank.com:8443", "https://www.bank.com:8443"),
    ] {
        assert!(covers_origin(pattern, origin), "{pattern} {origin}");
    }
    for (pattern, origin) in [
        ("https://bank.com", "http://bank.com"),
        ("https://bank.com", "https://bank.com:8443"),
        ("https://bank.com", "https://bank.com.evil.com"),
        ("https://*.bank.com", "https://bank.com"),
        ("https://*.bank.com", "https://a.b.bank.com"),
        ("https://*.bank.com", "https://.bank.com"),
        ("https://*.bank.com", "https://evil.com/.bank.com"),
        ("https://*.bank.com", "https://evil.com#.bank.com"),
        ("https://*.bank.com", "http://www.bank.com"),
        ("*", "https://bank.com"),
    ] {
        assert!(!covers_origin(pattern, origin), "{pattern} {origin}");
    }
}
