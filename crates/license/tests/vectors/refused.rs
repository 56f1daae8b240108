//! Licenses that are refused for what they are.

use super::licenses::{claims, reads, signed};
use super::{Vector, hex_of, key, sign_bytes, vendor};
use crate::tamper::{armoured, armoured_as, body, with};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::Scalar;
use ed25519_dalek::Signer as _;
use oz_license::{Claims, Kind, MAX_BYTES, Purpose, key_id, sign};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

pub(super) fn all() -> Vec<Vector> {
    [around(), envelopes(), signatures(), flips(), spellings(), keys()].concat()
}

/// A license whose last line ends with `==`, so that its last character has four bits that stand for nothing.
fn padded() -> String {
    let of = |n| signed(&Claims { license_id: "L".repeat(n), ..claims() });
    (1..=9).map(of).find(|text| text.contains("==\n")).unwrap()
}

/// With the last bit before the padding set: decoders that are not strict read the same bytes.
fn stray_bit(text: &str) -> String {
    let at = text.rfind("==").unwrap() - 1;
    let next = char::from(text.as_bytes()[at] + 1);
    format!("{}{next}{}", &text[..at], &text[at + 1..])
}

fn around() -> Vec<Vector> {
    let text = padded();
    vec![
        reads("nothing", String::new(), "armour"),
        reads("the last line end is missing", text[..text.len() - 1].to_owned(), "armour"),
        reads("half of it", text[..text.len() / 2].to_owned(), "armour"),
        reads("twice", format!("{text}{text}"), "armour"),
        reads("a blank line before", format!("\n{text}"), "armour"),
        reads("a blank line behind", format!("{text}\n"), "armour"),
        reads("a byte order mark before", format!("\u{feff}{text}"), "armour"),
        reads("line ends of another system", text.replace('\n', "\r\n"), "armour"),
        reads("a blank line inside", text.replacen('\n', "\n\n", 1), "armour"),
        reads("a blank inside", text.replacen('\n', "\n ", 1), "armour"),
        reads("a line of 60", format!("{}\n{}", &text[..88], &text[88..]), "armour"),
        reads("lines of a lease", text.replace("OZ LICENSE", "OZ LEASE"), "armour"),
        reads("no body", armoured("").replace("\n\n", "\n"), "envelope"),
        reads("without padding", text.replace("==\n", "\n"), "armour"),
        reads("more padding", text.replace("==\n", "===\n"), "armour"),
        reads("a stray bit", stray_bit(&text), "armour"),
        reads("the other alphabet", text.replacen("\ne", "\n-", 1), "armour"),
        reads("64 KiB of something else", "a".repeat(MAX_BYTES), "armour"),
        reads("64 KiB and one byte", "a".repeat(MAX_BYTES + 1), "too_long"),
        reads("fewer characters than bytes", "é".repeat(MAX_BYTES / 2) + "a", "too_long"),
    ]
}

fn envelopes() -> Vec<Vector> {
    let text = signed(&claims());
    let envelope = body(&text);
    let respelt = |from: &str, to: &str| {
        assert!(envelope.contains(from));
        armoured(&envelope.replacen(from, to, 1))
    };
    vec![
        reads("the envelope is no JSON", armoured("x"), "envelope"),
        reads("the envelope is an array", armoured("[1,2,3,4]"), "envelope"),
        reads("the envelope is no UTF-8", armoured_as("OZ LICENSE", b"{\"v\":1,\"kid\":\"\xff\"}"), "envelope"),
        reads("a byte order mark in the envelope", armoured(&format!("\u{feff}{envelope}")), "envelope"),
        reads("a blank behind the envelope", armoured(&format!("{envelope} ")), "envelope"),
        reads("a blank in the envelope", respelt("{\"v\":1,", "{\"v\": 1,"), "envelope"),
        reads("an unknown field in the envelope", respelt("{\"v\":1,", "{\"v\":1,\"alg\":\"none\","), "envelope"),
        reads("a field twice in the envelope", respelt("{\"v\":1,", "{\"v\":1,\"v\":1,"), "envelope"),
        reads("a field is missing in the envelope", respelt("{\"v\":1,", "{"), "envelope"),
        reads("an escape in the envelope", respelt("\"kid\"", "\"k\\u0069d\""), "envelope"),
        reads("half a character in the envelope", respelt("\"kid\":\"", "\"kid\":\"\\ud800"), "envelope"),
        reads("v is a fraction", respelt("\"v\":1,", "\"v\":1.0,"), "envelope"),
        reads("v is negative", respelt("\"v\":1,", "\"v\":-1,"), "envelope"),
        reads("v is too large", respelt("\"v\":1,", "\"v\":4294967296,"), "envelope"),
        reads("v is a text", with(&text, |e| e["v"] = json!("1")), "envelope"),
        reads("v is 0", with(&text, |e| e["v"] = json!(0)), "version"),
        reads("a later version", with(&text, |e| e["v"] = json!(2)), "version"),
        reads("the latest version", with(&text, |e| e["v"] = json!(u32::MAX)), "version"),
        reads("another key's name", with(&text, |e| e["kid"] = json!("0011223344556677")), "unknown_key"),
        reads("an empty key's name", with(&text, |e| e["kid"] = json!("")), "unknown_key"),
        reads("a key's name in capitals", with(&text, |e| e["kid"] = json!("ABCDEF0011223344")), "unknown_key"),
        reads("another payload", with(&text, |e| e["payload"] = json!(STANDARD.encode("{}"))), "signature"),
        reads("a payload that is no base64", with(&text, |e| e["payload"] = json!("{}")), "signature"),
    ]
}

fn signatures() -> Vec<Vector> {
    let text = signed(&claims());
    let with_sig = |sig: Value| with(&text, |e| e["sig"] = sig);
    let sig = |bytes: &[u8]| with_sig(json!(STANDARD.encode(bytes)));
    let envelope: Value = serde_json::from_str(&body(&text)).unwrap();
    let good = STANDARD.decode(envelope["sig"].as_str().unwrap()).unwrap();
    // S and the order of the group: the same number, but not the one spelling (RFC 8032, section 5.1.7).
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let (mut more, mut carry) = (good.clone(), 0);
    for (byte, add) in more[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    // R is the neutral point and S is 0.
    let neutral = [&[1][..], &[0; 63]].concat();
    let agreeing = sig(&with_neutral_r(envelope["payload"].as_str().unwrap()));
    let other = key("somebody else");
    let forged = sign(Purpose::License, &claims(), &other).unwrap();
    let renamed = with(&forged, |e| e["kid"] = json!(key_id(&vendor().verifying_key())));
    let by = |purpose| armoured(&body(&sign(purpose, &claims(), &vendor()).unwrap()));
    // Signed, but not base64 in its one spelling.
    let stray = |payload: &str| {
        let sig = vendor().sign(&[b"oz-license/v1\0", payload.as_bytes()].concat()).to_bytes();
        with(&text, |e| (e["payload"], e["sig"]) = (json!(payload), json!(STANDARD.encode(sig))))
    };
    vec![
        reads("signed by somebody else", forged, "unknown_key"),
        reads("signed by somebody else under the vendor's name", renamed, "signature"),
        reads("signed by the site", sign(Purpose::License, &claims(), &key("site")).unwrap(), "unknown_key"),
        reads("signed as a lease", by(Purpose::Lease), "signature"),
        reads("signed as a grant", by(Purpose::Grant), "signature"),
        reads("signed as a usage report", by(Purpose::Usage), "signature"),
        reads("signed as a model pack", by(Purpose::Models), "signature"),
        reads("a signature of zeros", sig(&[0; 64]), "signature"),
        reads("a signature of the neutral point", sig(&neutral), "signature"),
        reads("a signature of the neutral point that adds up", agreeing, "signature"),
        reads("a signature with a larger S", sig(&more), "signature"),
        reads("a short signature", sig(&good[..63]), "envelope"),
        reads("a long signature", sig(&[&good[..], &[0]].concat()), "envelope"),
        reads("no signature", sig(&[]), "envelope"),
        reads("null for a signature", with_sig(Value::Null), "envelope"),
        reads("a stray bit in the signature's base64", with_sig(json!(stray_bit(&STANDARD.encode(&good)))), "envelope"),
        reads("a stray bit in the payload's base64", stray("e31="), "envelope"),
        reads("a payload without padding", stray("e30"), "envelope"),
        reads("an empty payload", stray(""), "claims"),
    ]
}

/// A signature by the vendor whose R is the neutral point. S·B = R + k·A holds; only a strict verifier refuses it.
fn with_neutral_r(payload: &str) -> Vec<u8> {
    let (key, mut r) = (vendor(), [0; 32]);
    r[0] = 1;
    let hashed = [&r[..], key.verifying_key().as_bytes(), b"oz-license/v1\0", payload.as_bytes()].concat();
    let k = Scalar::from_bytes_mod_order_wide(&Sha512::digest(hashed).into());
    [r, (k * key.to_scalar()).to_bytes()].concat()
}

/// Some flipped bits; each implementation's own tests flip every one.
fn flips() -> Vec<Vector> {
    let text = signed(&claims());
    let flipped = |at: usize, bit: u8| {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        String::from_utf8(bytes).unwrap()
    };
    let end = text.len();
    let places = [
        (0, 0, "armour"),
        (11, 5, "armour"),
        (28, 1, "armour"),
        (29, 0, "envelope"),
        (91, 2, "armour"),
        (96, 0, "signature"),
        (300, 1, "envelope"),
        (end - 90, 0, "envelope"),
        (end - 1, 2, "armour"),
    ];
    let read = |(at, bit, result)| reads(format!("bit {bit} of byte {at}"), flipped(at, bit), result);
    places.map(read).to_vec()
}

/// The payload after a change, signed.
pub(super) fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::to_value(claims()).unwrap();
    change(&mut value);
    sign(Purpose::License, &value, &vendor()).unwrap()
}

/// Payloads that are well signed, but not JSON that means one thing.
fn spellings() -> Vec<Vector> {
    let json = serde_json::to_string(&claims()).unwrap();
    let respelt = |from: &str, to: &str| {
        assert!(json.contains(from));
        sign_bytes(Purpose::License, json.replacen(from, to, 1).as_bytes(), &vendor())
    };
    let raw = |bytes: &[u8]| sign_bytes(Purpose::License, bytes, &vendor());
    vec![
        reads("no JSON", raw(b"license"), "claims"),
        reads("an array", raw(b"[]"), "claims"),
        reads("null", raw(b"null"), "claims"),
        reads("half a payload", raw(&json.as_bytes()[..json.len() / 2]), "claims"),
        reads("something behind the payload", raw(format!("{json}{{}}").as_bytes()), "claims"),
        reads("a byte order mark in the payload", raw(format!("\u{feff}{json}").as_bytes()), "claims"),
        reads(
            "a text that is no UTF-8",
            raw(&json.as_bytes().iter().map(|b| if *b == b'k' { 0xff } else { *b }).collect::<Vec<_>>()),
            "claims",
        ),
        reads("a claim twice", respelt("\"revision\":3", "\"revision\":3,\"revision\":3"), "claims"),
        reads(
            "a claim twice, one with an escape",
            respelt("\"revision\":3", "\"revision\":3,\"r\\u0065vision\":4"),
            "claims",
        ),
        reads(
            "a limit twice",
            respelt("\"overage_percent\":0", "\"overage_percent\":0,\"overage_percent\":9"),
            "claims",
        ),
        reads("a whole number as a fraction", respelt("\"revision\":3", "\"revision\":3.0"), "claims"),
        reads("a whole number with an exponent", respelt("\"revision\":3", "\"revision\":3e0"), "claims"),
        reads("minus nothing", respelt("\"revision\":3", "\"revision\":-0"), "claims"),
        reads("a count above 64 bits", respelt("\"count\":100", "\"count\":18446744073709551616"), "claims"),
        reads("half a character", respelt("A bank", "\\ud800"), "claims"),
        reads("a line end in a text", respelt("A bank", "A\nbank"), "claims"),
    ]
}

/// Keys inside a license.
fn keys() -> Vec<Vector> {
    let site = |key: &str| changed(|c| c["site_key"] = json!(key));
    let own = hex_of(&key("site"));
    let master = |kind, key: Option<&str>| signed(&Claims { kind, master_key: key.map(str::to_owned), ..claims() });
    let ed25519 = crate::master::ED25519_KEY;
    let spki = |key: &[u8]| STANDARD.encode([&STANDARD.decode(ed25519).unwrap()[..12], key].concat());
    let second_spelling = [&[0xf0][..], &[0xff; 30], &[0x7f]].concat();
    vec![
        reads("a site key in capitals", site(&own.to_uppercase()), "active"),
        reads("a short site key", site(&own[2..]), "claims"),
        reads("a long site key", site(&format!("{own}00")), "claims"),
        reads("half a digit", site(&own[1..]), "claims"),
        reads("a site key that is no hex", site(&format!("{}g", &own[..63])), "claims"),
        reads("an empty site key", site(""), "claims"),
        reads("a site key that is no point", site(&format!("02{}", "00".repeat(31))), "claims"),
        reads("a site key of the neutral point", site(&format!("01{}", "00".repeat(31))), "claims"),
        reads("a site key of order 2", site(&format!("ec{}7f", "ff".repeat(30))), "claims"),
        reads("a site key of order 4", site(&"00".repeat(32)), "claims"),
        reads(
            "a site key of order 8",
            site("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
            "claims",
        ),
        reads("a site key in a second spelling", site(&hex::encode(&second_spelling)), "claims"),
        reads("a master license without a key", master(Kind::Master, None), "claims"),
        reads("a key without a master license", master(Kind::Sdk, Some(ed25519)), "claims"),
        reads("a master key that is none", master(Kind::Master, Some("AAAA")), "claims"),
        reads("a master key without padding", master(Kind::Master, Some(ed25519.trim_end_matches('='))), "claims"),
        reads("half a master key", master(Kind::Master, Some(&ed25519[..56])), "claims"),
        reads(
            "a master key of the neutral point",
            master(Kind::Master, Some(&spki(&[&[1][..], &[0; 31]].concat()))),
            "claims",
        ),
        reads("a master key in a second spelling", master(Kind::Master, Some(&spki(&second_spelling))), "claims"),
    ]
}
