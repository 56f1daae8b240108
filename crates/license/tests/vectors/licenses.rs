//! Licenses that the vendor has signed: who may go on with them, and when.

use super::{Vector, Who, hex_of, key, vendor};
use crate::master;
use crate::support::{after, at};
use jiff::Timestamp;
use oz_license::{Binding, Claims, Factor, Factors, Kind, Limits, Period, Purpose, Volume, sign};
use serde_json::json;

pub(super) const APP: &str = "com.bank.app";

pub(super) fn now() -> Timestamp {
    crate::support::now()
}

/// An activated license of one year, for one app of each platform and two origins.
pub(super) fn claims() -> Claims {
    Claims { site_key: Some(hex_of(&key("site"))), ..crate::support::claims() }
}

pub(super) fn app(id: &str) -> Who {
    Who::App { platform: None, app_id: id.into(), signature: None }
}

pub(super) fn page(origin: &str) -> Who {
    Who::Page { origin: origin.into() }
}

/// A text that an app reads.
pub(super) fn reads(name: impl Into<String>, input: String, result: &'static str) -> Vector {
    let (name, vendor_keys) = (name.into(), vec![hex_of(&vendor())]);
    let (what, asker, now) = ("license", app(APP), now());
    Vector { name, what, vendor_keys, now, asker, nonce: None, result, features: None, input }
}

pub(super) fn signed(claims: &Claims) -> String {
    sign(Purpose::License, claims, &vendor()).unwrap()
}

fn master(key: &str) -> String {
    signed(&Claims { kind: Kind::Master, master_key: Some(key.into()), ..claims() })
}

pub(super) fn all() -> Vec<Vector> {
    [kinds(), times(), askers(), masters()].concat()
}

fn kinds() -> Vec<Vector> {
    let of = |kind| signed(&Claims { kind, ..claims() });
    let every = Limits {
        analyses: Some(Volume { count: u64::MAX, period: Period::Total }),
        instances: Some(u32::MAX),
        persons: Some(0),
        devices: Some(u64::MAX),
        overage_percent: u8::MAX,
    };
    let mut machine = Factors::default();
    machine.add(Factor::MachineId, "m1");
    machine.add(Factor::Disk, "d1");
    let fingerprints = machine.prints([7; 16]).iter().map(ToString::to_string).collect();
    let full = Claims {
        revision: u32::MAX,
        customer: oz_license::Customer { id: "C-\u{1}\"\\".into(), name: "Банк \u{1F3E6}\u{2028}\u{7f}".into() },
        file_expires_at: Some(at("2026-12-01T00:00:00.5Z")),
        grace_days: u16::MAX,
        limits: every,
        binding: Some(Binding { fingerprints, threshold: 2 }),
        contact: Some("sales@example.com".into()),
        min_version: Some("0.1.0".into()),
        max_version: Some("9.0.0".into()),
        ..claims()
    };
    let least = json!({"license_id": "L", "revision": 0, "kind": "sdk", "customer": {"id": "", "name": ""},
        "product": "oz-appliance", "issued_at": "2026-01-01T00:00:00Z", "features": []});
    let with_app = |name: &str, value: serde_json::Value| {
        let mut claims = least.clone();
        claims[name] = value;
        sign(Purpose::License, &claims, &vendor()).unwrap()
    };
    let nulls = json!({"license_id": "L", "revision": 1, "kind": "sdk", "customer": {"id": "C", "name": "N"},
        "product": "oz-appliance", "issued_at": "2026-01-01T00:00:00Z", "features": ["lite", "lite"], "not_before": null,
        "expires_at": null, "file_expires_at": null, "binding": null, "site_key": null, "master_key": null,
        "contact": null, "min_version": null, "max_version": null, "apps": {"ios": [APP]},
        "limits": {"analyses": null, "instances": null, "persons": null, "devices": null}});
    let second = key("second vendor");
    let rotated = Vector {
        vendor_keys: vec![hex_of(&vendor()), hex_of(&second)],
        ..reads("the second of two vendor keys", sign(Purpose::License, &claims(), &second).unwrap(), "active")
    };
    let spaced = serde_json::to_string_pretty(&claims()).unwrap();
    vec![
        reads("a server's license", of(Kind::Server), "active"),
        reads("an app's license", of(Kind::Sdk), "active"),
        reads("a page's license", of(Kind::Web), "active"),
        reads("a trial", of(Kind::Trial), "active"),
        reads("every claim there is", signed(&full), "active"),
        reads("only what is required, for an app", with_app("apps", json!({"android": [APP]})), "active"),
        reads("only what is required, for nobody", with_app("revision", json!(1)), "not_covered"),
        reads("null where a claim may be absent", sign(Purpose::License, &nulls, &vendor()).unwrap(), "active"),
        reads("blanks inside the payload", super::sign_bytes(Purpose::License, spaced.as_bytes(), &vendor()), "active"),
        reads("not yet activated", signed(&Claims { site_key: None, ..claims() }), "active"),
        rotated,
    ]
}

fn times() -> Vec<Vector> {
    let year = signed(&claims());
    let (begin, end) = (at("2026-01-02T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let (due, over) = (after(end, -30 * 86400), after(end, 3 * 86400));
    let mut all = vec![];
    let mut around = |what: &str, text: &str, moment, results: [&'static str; 3]| {
        for (offset, result) in [-1, 0, 1].into_iter().zip(results) {
            let name = format!("{what}, {offset:+} s");
            all.push(Vector { now: after(moment, offset), ..reads(name, text.to_owned(), result) });
        }
    };
    around("its begin", &year, begin, ["not_yet_valid", "active", "active"]);
    around("30 days before its end", &year, due, ["active", "renewal_due", "renewal_due"]);
    around("its end", &year, end, ["renewal_due", "grace", "grace"]);
    around("the end of its grace", &year, over, ["grace", "expired", "expired"]);
    let none = signed(&Claims { grace_days: 0, ..claims() });
    around("its end without grace", &none, end, ["renewal_due", "expired", "expired"]);
    let file = at("2026-12-01T00:00:00Z");
    let renewed = signed(&Claims { file_expires_at: Some(file), ..claims() });
    around("the end of its file", &renewed, file, ["renewal_due", "grace", "grace"]);
    let half = signed(&Claims { expires_at: Some(at("2027-01-01T00:00:00.5Z")), ..claims() });
    around("half a second before its end", &half, end, ["renewal_due", "renewal_due", "grace"]);
    let early = signed(&Claims { issued_at: begin, not_before: None, ..claims() });
    around("5 minutes before it was signed", &early, after(begin, -300), ["clock_behind", "active", "active"]);
    let forever = signed(&Claims { expires_at: None, ..claims() });
    all.push(Vector { now: at("2999-01-01T00:00:00Z"), ..reads("without an end", forever, "active") });
    let last = signed(&Claims { expires_at: Some(Timestamp::MAX), grace_days: u16::MAX, ..claims() });
    all.push(reads("the last moment there is", last, "active"));
    all
}

fn askers() -> Vec<Vector> {
    let text = signed(&claims());
    let mut all: Vec<Vector> = [
        ("com.bank.ios", "active"),
        ("com.bank.app2", "not_covered"),
        ("com.bank.ap", "not_covered"),
        ("COM.BANK.APP", "not_covered"),
        ("com.bank.app\0", "not_covered"),
        ("", "not_covered"),
    ]
    .into_iter()
    .map(|(id, result)| Vector { asker: app(id), ..reads(format!("the app {id:?}"), text.clone(), result) })
    .collect();
    all.extend(ORIGINS.iter().map(|(origin, covered)| {
        let result = if *covered { "active" } else { "not_covered" };
        Vector { asker: page(origin), ..reads(format!("the page {origin:?}"), text.clone(), result) }
    }));
    all
}

/// Origins, and whether `https://*.bank.com` and `https://bank.com:8443` cover them.
pub(super) const ORIGINS: [(&str, bool); 16] = [
    ("https://www.bank.com", true),
    ("https://WWW.Bank.com", true),
    ("https://a-1.bank.com", true),
    ("https://bank.com:8443", true),
    ("https://bank.com", false),
    ("https://bank.com:443", false),
    ("http://www.bank.com", false),
    ("https://www.bank.com:8443", false),
    ("https://a.b.bank.com", false),
    ("https://.bank.com", false),
    ("https://wwwbank.com", false),
    ("https://www.bank.com.evil.com", false),
    ("https://evil.com/.bank.com", false),
    ("https://evil.com#.bank.com", false),
    ("https://\u{212a}.bank.com", false),
    ("", false),
];

fn masters() -> Vec<Vector> {
    let asks = |name: &str, text: &str, id: &str, proof: Option<&str>, result| {
        let asker = Who::App { platform: None, app_id: id.into(), signature: proof.map(str::to_owned) };
        Vector { asker, ..reads(name, text.to_owned(), result) }
    };
    let (rsa, ed25519) = (master(master::RSA_KEY), master(master::ED25519_KEY));
    let (by_rsa, by_ed25519) = (Some(master::RSA_SIGNATURE), Some(master::ED25519_SIGNATURE));
    let any = "com.any.app";
    let short = master(master::SHORT_KEY);
    vec![
        asks("master license, RSA", &rsa, any, by_rsa, "active"),
        asks("master license, Ed25519", &ed25519, any, by_ed25519, "active"),
        asks("master license, RSA, another app", &rsa, "com.any.apq", by_rsa, "unproven"),
        asks("master license, Ed25519, another app", &ed25519, "com.any.apq", by_ed25519, "unproven"),
        asks("master license, RSA, no signature", &rsa, any, None, "unproven"),
        asks("master license, Ed25519, no signature", &ed25519, any, None, "unproven"),
        asks("master license, empty signature", &rsa, any, Some(""), "unproven"),
        asks("master license, RSA, signature of the other kind", &rsa, any, by_ed25519, "unproven"),
        asks("master license, Ed25519, signature of the other kind", &ed25519, any, by_rsa, "unproven"),
        asks("master license, RSA of 1024 bits", &short, any, Some(master::SHORT_SIGNATURE), "unproven"),
        asks("master license, a listed app without a signature", &rsa, APP, None, "unproven"),
        asks("a signature where none is asked for", &signed(&claims()), APP, by_rsa, "active"),
        Vector { asker: page("https://www.bank.com"), ..reads("master license, a page", rsa.clone(), "active") },
        Vector {
            asker: page("https://any.com"),
            ..reads("master license, a page that it does not list", rsa, "not_covered")
        },
    ]
}
