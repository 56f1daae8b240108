//! Leases and grants: what a site signs.

use super::licenses::{APP, ORIGINS, claims, now, page, reads, signed};
use super::{Vector, Who, key, sign_bytes, vendor};
use crate::support::{after, at};
use crate::tamper::{body, with};
use oz_license::{Claims, Kind, Purpose, sign};
use serde_json::{Value, json};

const NODE: &str = "node-1";
const NONCE: &str = "8f14e45fceea167a";

fn base(kind: Purpose) -> Value {
    let mut claims = json!({"license": signed(&claims()), "features": ["quality"],
        "issued_at": now(), "expires_at": after(now(), 600)});
    let own = if kind == Purpose::Lease {
        json!({"lease_id": "S-1", "instance_id": NODE, "counter": 7, "block": 0})
    } else {
        json!({"audience": {"platform": "android", "app_id": APP}, "nonce": NONCE})
    };
    claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    claims
}

fn read(kind: Purpose, name: &str, input: String, result: &'static str) -> Vector {
    let vector = reads(name, input, result);
    if kind == Purpose::Lease {
        return Vector { what: "lease", asker: Who::Node { instance_id: NODE.into() }, ..vector };
    }
    let asker = app("android", APP);
    Vector { what: "grant", asker, nonce: Some(NONCE.into()), ..vector }
}

fn app(platform: &'static str, id: &str) -> Who {
    Who::App { platform: Some(platform), app_id: id.into(), signature: None }
}

fn made(kind: Purpose, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = base(kind);
    change(&mut claims);
    sign(kind, &claims, &key("site")).unwrap()
}

/// What holds for both.
fn common(kind: Purpose) -> Vec<Vector> {
    let over = at("2027-01-04T00:00:00Z");
    let unbound = signed(&Claims { site_key: None, ..claims() });
    let of_another = signed(&Claims { site_key: Some(super::hex_of(&key("another site"))), ..claims() });
    let ahead = |seconds| signed(&Claims { issued_at: after(now(), seconds), not_before: None, ..claims() });
    let forged = sign(Purpose::License, &claims(), &key("site")).unwrap();
    let mut all: Vec<Vector> = [
        ("another license's features", "/features", json!(["quality", "on_device"]), "exceeds"),
        ("all that the license has", "/features", json!(["quality", "biometry", "web"]), "good"),
        ("nothing at all", "/features", json!([]), "good"),
        ("an hour", "/expires_at", json!(after(now(), 3600)), "good"),
        ("more than an hour", "/expires_at", json!(after(now(), 3601)), "exceeds"),
        (
            "a billionth of a second more than an hour",
            "/expires_at",
            json!("2026-06-01T13:00:00.000000001Z"),
            "exceeds",
        ),
        ("its end before its begin", "/expires_at", json!(after(now(), -1)), "time"),
        ("without a license", "/license", Value::Null, "claims"),
        ("a license that is not activated", "/license", json!(unbound), "site"),
        ("a license of another site", "/license", json!(of_another), "site"),
        ("a license signed 5 minutes ahead", "/license", json!(ahead(300)), "good"),
        ("a license signed 301 seconds ahead", "/license", json!(ahead(301)), "time"),
        ("a license by the site itself", "/license", json!(forged), "unknown_key"),
        ("a license that is cut off", "/license", json!(signed(&claims())[..500]), "armour"),
        ("an unknown claim", "/later_claim", json!(1), "claims"),
        ("an unknown feature", "/features", json!(["time_travel"]), "claims"),
        ("a time with an offset", "/expires_at", json!("2026-06-01T13:10:00+01:00"), "claims"),
        ("a time with a useless fraction", "/issued_at", json!("2026-06-01T12:00:00.000Z"), "claims"),
        ("a time with a fraction", "/expires_at", json!("2026-06-01T12:10:00.123456789Z"), "good"),
    ]
    .into_iter()
    .map(|(name, claim, value, result)| read(kind, name, made(kind, |c| *at_claim(c, claim) = value), result))
    .collect();
    let good = made(kind, |_| ());
    let (issued, expires) = (now(), after(now(), 600));
    for (name, moment, result) in [
        ("as it is made", issued, "good"),
        ("5 minutes before it was made", after(issued, -300), "good"),
        ("301 seconds before it was made", after(issued, -301), "time"),
        ("a second before its end", after(expires, -1), "good"),
        ("at its end", expires, "time"),
        ("a second behind its end", after(expires, 1), "time"),
    ] {
        all.push(Vector { now: moment, ..read(kind, name, good.clone(), result) });
    }
    for (name, issued, expires, result) in [
        ("up to a second before the license is over", after(over, -600), after(over, -1), "good"),
        ("up to the moment the license is over", after(over, -600), over, "good"),
        ("a second longer than the license", after(over, -600), after(over, 1), "exceeds"),
        ("before the license begins", at("2026-01-01T23:59:59Z"), at("2026-01-02T00:01:00Z"), "exceeds"),
        ("as the license begins", at("2026-01-02T00:00:00Z"), at("2026-01-02T00:01:00Z"), "good"),
    ] {
        let text = made(kind, |c| (c["issued_at"], c["expires_at"]) = (json!(issued), json!(expires)));
        all.push(Vector { now: issued, ..read(kind, name, text, result) });
    }
    all.extend(texts(kind, &good));
    all
}

fn at_claim<'a>(claims: &'a mut Value, path: &str) -> &'a mut Value {
    let (parent, last) = path.rsplit_once('/').unwrap();
    &mut claims.pointer_mut(parent).unwrap()[last]
}

/// What holds for both as texts.
fn texts(kind: Purpose, good: &str) -> Vec<Vector> {
    let by = |signer| sign(kind, &base(kind), &signer).unwrap();
    let other = if kind == Purpose::Lease { Purpose::Grant } else { Purpose::Lease };
    let (title, wrong) = if kind == Purpose::Lease { ("OZ LEASE", "OZ GRANT") } else { ("OZ GRANT", "OZ LEASE") };
    let retitled = |text: String| text.replace("OZ LICENSE", title);
    let as_other = crate::tamper::armoured_as(title, body(&sign(other, &base(kind), &key("site")).unwrap()).as_bytes());
    let twice = serde_json::to_string(&base(kind)).unwrap().replacen("{", "{\"license\":\"\",", 1);
    vec![
        read(kind, "signed by another site", by(key("another site")), "site"),
        read(kind, "signed by the vendor", by(vendor()), "site"),
        read(kind, "signed for the other purpose", as_other, "signature"),
        read(kind, "lines of the other purpose", good.replace(title, wrong), "armour"),
        read(kind, "cut off", good[..good.len() / 2].to_owned(), "armour"),
        read(kind, "twice", format!("{good}{good}"), "armour"),
        read(kind, "nothing", String::new(), "armour"),
        read(kind, "a license", signed(&claims()), "armour"),
        read(kind, "64 KiB and one byte", "a".repeat(oz_license::MAX_BYTES + 1), "too_long"),
        read(kind, "a later version", retitled(with(good, |e| e["v"] = json!(2))), "version"),
        read(kind, "another key's name", retitled(with(good, |e| e["kid"] = json!("0011223344556677"))), "site"),
        read(
            kind,
            "a wrong signature",
            retitled(with(good, |e| e["sig"] = json!("AAAA".repeat(21) + "AA=="))),
            "signature",
        ),
        read(kind, "a short signature", retitled(with(good, |e| e["sig"] = json!("AAAA"))), "envelope"),
        read(kind, "a claim twice", sign_bytes(kind, twice.as_bytes(), &key("site")), "claims"),
        read(kind, "no UTF-8", sign_bytes(kind, b"{\"license\":\"\xff\"}", &key("site")), "claims"),
    ]
}

pub(super) fn leases() -> Vec<Vector> {
    let kind = Purpose::Lease;
    let of_kind = |kind, key: Option<&str>| signed(&Claims { kind, master_key: key.map(str::to_owned), ..claims() });
    let mut all = common(kind);
    all.extend(
        [
            ("another node", "/instance_id", json!("node-2"), "audience"),
            ("the largest numbers", "/counter", json!(u64::MAX), "good"),
            ("a counter below nothing", "/counter", json!(-1), "claims"),
            ("a counter that is a fraction", "/counter", json!(0.5), "claims"),
            ("a trial's license", "/license", json!(of_kind(Kind::Trial, None)), "good"),
            ("an app's license", "/license", json!(of_kind(Kind::Sdk, None)), "exceeds"),
            ("a page's license", "/license", json!(of_kind(Kind::Web, None)), "exceeds"),
            ("a master license", "/license", json!(of_kind(Kind::Master, Some(crate::master::RSA_KEY))), "exceeds"),
            ("a block that is a text", "/block", json!("0"), "claims"),
        ]
        .into_iter()
        .map(|(name, claim, value, result)| read(kind, name, made(kind, |c| *at_claim(c, claim) = value), result)),
    );
    all
}

pub(super) fn grants() -> Vec<Vector> {
    let kind = Purpose::Grant;
    let mut all = common(kind);
    let grant = |name: &str, signed_for: Value, asker: Who, result| Vector {
        asker,
        ..read(kind, name, made(kind, |c| c["audience"] = signed_for), result)
    };
    let android = |id: &str| json!({"platform": "android", "app_id": id});
    let ios = |id: &str| json!({"platform": "ios", "app_id": id});
    all.extend([
        grant("an iOS app", ios("com.bank.ios"), app("ios", "com.bank.ios"), "good"),
        grant("an id of the other platform", ios(APP), app("ios", APP), "exceeds"),
        grant("the same id, made for the other platform", ios(APP), app("android", APP), "audience"),
        grant("an app that the license does not list", android("com.evil"), app("android", "com.evil"), "exceeds"),
        grant("another app", android(APP), app("android", "com.evil"), "audience"),
        grant("an unknown platform", json!({"platform": "windows", "app_id": APP}), app("android", APP), "claims"),
        grant("a page with an app's id", json!({"platform": "web", "app_id": APP}), app("android", APP), "claims"),
        grant(
            "more about the app",
            json!({"platform": "android", "app_id": APP, "v": 1}),
            app("android", APP),
            "claims",
        ),
        grant("no platform", json!({"app_id": APP}), app("android", APP), "claims"),
    ]);
    for (origin, covered) in ORIGINS {
        let name = format!("the page {origin:?}");
        let web = json!({"platform": "web", "origin": origin});
        all.push(grant(&name, web, page(origin), if covered { "good" } else { "exceeds" }));
    }
    let www = json!({"platform": "web", "origin": "https://www.bank.com"});
    all.push(grant("another page of the same license", www.clone(), page("https://app.bank.com"), "audience"));
    all.push(grant("the same page in capitals", www, page("https://WWW.bank.com"), "audience"));
    let good = made(kind, |_| ());
    for (name, nonce) in [("another nonce", "8f14e45fceea167b"), ("half the nonce", "8f14"), ("no nonce", "")] {
        all.push(Vector { nonce: Some(nonce.into()), ..read(kind, name, good.clone(), "audience") });
    }
    let master = Claims { kind: Kind::Master, master_key: Some(crate::master::RSA_KEY.into()), ..claims() };
    let text = made(kind, |c| (c["license"], c["audience"]) = (json!(signed(&master)), ios("com.any.app")));
    all.push(Vector { asker: app("ios", "com.any.app"), ..read(kind, "any app under a master license", text, "good") });
    all
}
