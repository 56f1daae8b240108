//! `test-vectors/*.json`: what this crate, the C library and the JavaScript module must all say of the same texts.
//!
//! They are written by this test with `OZ_BLESS=1` (`cargo xtask bless`). Keys come from public texts and Ed25519 has no
//! chance in it, so every run writes the same bytes.

mod licenses;
mod refused;
mod sites;
mod values;

use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use oz_license::{
    ActivationRequest, Asker, Audience, Feature, Grant, Invalid, Lease, License, Purpose, Refusal, State, VendorKeys,
    key_id,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A text, who reads it when, and what must come of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Vector {
    name: String,
    /// `license`, `lease` or `grant`.
    what: &'static str,
    /// The vendor keys that are trusted, hex.
    vendor_keys: Vec<String>,
    now: Timestamp,
    #[serde(flatten)]
    asker: Who,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    /// `active`, `renewal_due`, `grace` for a license; `good` for a lease or grant; else why it is refused.
    result: &'static str,
    /// What may be done; of accepted ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<BTreeSet<Feature>>,
    input: String,
}

/// Who reads it.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Who {
    /// A license, or the grant of an app.
    App {
        /// Of a grant: `android` or `ios`.
        #[serde(skip_serializing_if = "Option::is_none")]
        platform: Option<&'static str>,
        app_id: String,
        /// The customer's signature over the id, base64.
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// A license, or the grant of a page.
    Page { origin: String },
    /// A lease.
    Node { instance_id: String },
}

/// Ends of licenses that accept.
const ACCEPTED: [&str; 4] = ["active", "renewal_due", "grace", "good"];

/// A key from a public text.
pub(super) fn key(of: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(format!("Oz Appliance: test vectors: {of}")).into())
}

/// Who signs licenses: the key that development builds trust, so that a library can be tested as it is built.
pub(super) fn vendor() -> SigningKey {
    oz_license::development_key()
}

pub(super) fn hex_of(key: &SigningKey) -> String {
    hex::encode(key.verifying_key())
}

/// Signs any bytes; [`oz_license::sign`] signs JSON that is well formed.
pub(super) fn sign_bytes(purpose: Purpose, payload: &[u8], by: &SigningKey) -> String {
    let (title, prefix) = match purpose {
        Purpose::Lease => ("OZ LEASE", &b"oz-lease/v1\0"[..]),
        Purpose::Grant => ("OZ GRANT", &b"oz-grant/v1\0"[..]),
        _ => ("OZ LICENSE", &b"oz-license/v1\0"[..]),
    };
    let payload = STANDARD.encode(payload);
    let signature = STANDARD.encode(by.sign(&[prefix, payload.as_bytes()].concat()).to_bytes());
    let kid = key_id(&by.verifying_key());
    let body = format!("{{\"v\":1,\"kid\":\"{kid}\",\"payload\":\"{payload}\",\"sig\":\"{signature}\"}}");
    super::tamper::armoured_as(title, body.as_bytes())
}

impl Vector {
    /// What this crate says.
    fn outcome(&self) -> (&'static str, Option<BTreeSet<Feature>>) {
        let keys = self.vendor_keys.iter().map(|key| hex::decode(key).unwrap().as_slice().try_into().unwrap());
        let keys = VendorKeys::new(keys);
        let (text, nonce) = (self.input.as_bytes(), self.nonce.as_deref().unwrap_or_default());
        let site = |read: Result<BTreeSet<Feature>, Invalid>| match read {
            Ok(features) => ("good", Some(features)),
            Err(invalid) => (invalid.as_str(), None),
        };
        match (self.what, &self.asker) {
            ("lease", Who::Node { instance_id }) => {
                site(Lease::verify(text, &keys, instance_id, self.now).map(|lease| lease.claims.features))
            }
            ("grant", who) => {
                let audience = who.audience();
                site(Grant::verify(text, &keys, (&audience, nonce), self.now).map(|grant| grant.claims.features))
            }
            (_, who) => self.license(License::verify(text, &keys), who),
        }
    }

    fn license(&self, read: Result<License, Invalid>, who: &Who) -> (&'static str, Option<BTreeSet<Feature>>) {
        let signature;
        let asker = match who {
            Who::App { app_id: id, signature: proof, .. } => {
                signature = proof.as_ref().map(|text| STANDARD.decode(text).unwrap());
                Asker::App { id, signature: signature.as_deref() }
            }
            Who::Page { origin } => Asker::Page { origin },
            Who::Node { .. } => panic!("{}: a license is read by an app or a page", self.name),
        };
        match read.map_err(Refusal::File).and_then(|license| Ok((license.admit(asker, self.now)?, license))) {
            Ok((state, license)) => (State::as_str(state), Some(license.claims().features.clone())),
            Err(refusal) => (refusal.as_str(), None),
        }
    }
}

impl Who {
    fn audience(&self) -> Audience {
        match self.clone() {
            Self::App { platform: Some("ios"), app_id, .. } => Audience::Ios { app_id },
            Self::App { app_id, .. } => Audience::Android { app_id },
            Self::Page { origin } => Audience::Web { origin },
            Self::Node { .. } => panic!("no grant for a node"),
        }
    }
}

/// Writes a file with `OZ_BLESS=1`; it must say the same afterwards.
pub(crate) fn keep(path: &Path, text: &str) {
    if std::env::var_os("OZ_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "{} is not what the tests write: run `cargo xtask bless`", path.display());
}

/// Each says what it should, its file says the same, and no name stands twice.
fn compare(file: &str, mut vectors: Vec<Vector>) {
    let (mut names, mut wrong) = (BTreeSet::new(), vec![]);
    for vector in &mut vectors {
        assert!(names.insert(vector.name.clone()), "{file}: {} stands twice", vector.name);
        let (result, features) = vector.outcome();
        if result != vector.result || features.is_some() != ACCEPTED.contains(&result) {
            wrong.push(format!("{}: {result}, not {}", vector.name, vector.result));
        }
        vector.features = features;
    }
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    keep(&Path::new(env!("CARGO_MANIFEST_DIR")).join("test-vectors").join(file), &text);
}

#[test]
fn vectors_of_licenses() {
    compare("licenses.json", licenses::all());
}

#[test]
fn vectors_of_refused_licenses() {
    compare("refused.json", [refused::all(), values::all()].concat());
}

#[test]
fn vectors_of_leases() {
    compare("leases.json", sites::leases());
}

#[test]
fn vectors_of_grants() {
    compare("grants.json", sites::grants());
}

/// What the fuzzer begins with: good texts, and their payloads, which it signs itself.
#[test]
fn seeds_of_the_fuzzer() {
    let all = [licenses::all(), sites::leases(), sites::grants()].concat();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/license");
    for (file, what, name) in [
        ("license", "license", "an app's license"),
        ("license_full", "license", "every claim there is"),
        ("license_nulls", "license", "null where a claim may be absent"),
        ("master_rsa", "license", "master license, RSA"),
        ("master_ed25519", "license", "master license, Ed25519"),
        ("lease", "lease", "as it is made"),
        ("grant", "grant", "as it is made"),
        ("grant_web", "grant", "the page \"https://www.bank.com\""),
    ] {
        let vector = all.iter().find(|vector| vector.what == what && vector.name == name).unwrap();
        let envelope: serde_json::Value = serde_json::from_str(&super::tamper::body(&vector.input)).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        keep(&folder.join(file), &vector.input);
        keep(&folder.join(format!("{file}.json")), &String::from_utf8(payload).unwrap());
    }
    let request = ActivationRequest {
        product: "oz-appliance".into(),
        version: "0.1.0".into(),
        site_key: hex_of(&key("site")),
        fingerprints: ["disk", "machine_id", "network_card"].map(|part| format!("{part}:{:032}:{:064}", 7, 9)).into(),
    };
    keep(&folder.join("request.json"), &serde_json::to_string(&request).unwrap());
}
