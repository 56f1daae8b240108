//! Grants for apps and pages. OpenSSL signs, as a customer's app would by other means than ours.

use crate::support::client::Answer;
use crate::support::license::{DAY, after, claims, install, signed, trusted};
use crate::support::license_server::LicenseServer;
use crate::support::server::{Options, until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oz_license::{Audience, Claims, Feature, Grant, Kind, License};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

on_both! {
    an_app_gets_a_grant_for_its_signature,
    a_page_gets_a_grant_through_the_web_adapter,
    what_is_given_to_embed_is_good_and_never_the_servers_own,
}

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().expect("openssl");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A customer's key pair.
struct AppKey {
    file: PathBuf,
    rsa: bool,
}

impl AppKey {
    fn make(folder: &Path, rsa: bool) -> Self {
        let file = folder.join(if rsa { "rsa.pem" } else { "ed25519.pem" });
        let path = file.to_str().expect("UTF-8");
        let bits: &[&str] = if rsa { &["-pkeyopt", "rsa_keygen_bits:2048"] } else { &[] };
        let kind = if rsa { "RSA" } else { "ED25519" };
        openssl(&[&["genpkey", "-algorithm", kind, "-out", path], bits].concat());
        Self { file, rsa }
    }

    fn public(&self) -> String {
        STANDARD.encode(openssl(&["pkey", "-in", self.file.to_str().expect("UTF-8"), "-pubout", "-outform", "DER"]))
    }

    fn sign(&self, text: &str) -> String {
        let (key, message) = (self.file.to_str().expect("UTF-8"), self.file.with_extension("message"));
        fs_err::write(&message, text).expect("a file");
        let message = message.to_str().expect("UTF-8");
        STANDARD.encode(if self.rsa {
            openssl(&["dgst", "-sha256", "-sign", key, message])
        } else {
            openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message])
        })
    }

    /// As the app does it.
    fn sign_nonce(&self, app_id: &str, nonce: &str) -> String {
        self.sign(&format!("oz-sdk-grant/v1\n{app_id}\n{nonce}"))
    }
}

#[track_caller]
fn reason(answer: &Answer, status: u16) -> String {
    answer.expect(status)["details"]["reason"].as_str().expect("a reason").to_owned()
}

fn an_app_gets_a_grant_for_its_signature(options: Options) {
    let server = LicenseServer::start(options);
    let folder = tempfile::tempdir().expect("a folder");
    let app = server.stranger();
    let ask = |platform: &str, nonce: &str, signature: Option<String>| {
        let body = json!({"platform": platform, "app_id": "com.bank.app", "sdk_version": "8.1.0", "nonce": nonce,
            "app_signature": signature, "device_hash": "5f".repeat(16)});
        app.json("POST", "/api/sdk/grants", &body)
    };
    let nonce = |n: u8| format!("nonce-0123456789-{n}");
    assert_eq!(reason(&ask("android", &nonce(0), None), 403), "not_covered");
    let mut sdk = Claims { license_id: "L-sdk".into(), kind: Kind::Sdk, ..claims(&server) };
    sdk.apps.android = ["com.bank.app".to_owned()].into();
    install(&server, &sdk);
    assert_eq!(reason(&ask("android", &nonce(0), None), 403), "no_app_key");
    assert_eq!(reason(&ask("ios", &nonce(0), None), 403), "not_covered");

    for (n, rsa) in [(1, true), (2, false)] {
        let key = AppKey::make(folder.path(), rsa);
        let license_id = format!("L-master-{n}");
        let features = [Feature::OnDevice, Feature::Quality].into();
        let master =
            Claims { license_id, kind: Kind::Master, master_key: Some(key.public()), features, ..claims(&server) };
        install(&server, &Claims { expires_at: Some(after(DAY)), ..master.clone() });
        let nonce = nonce(n);
        let signature = key.sign_nonce("com.bank.app", &nonce);
        let given = ask("ios", &nonce, Some(signature.clone())).expect(201);
        let audience = Audience::Ios { app_id: "com.bank.app".into() };
        let text = given["grant"].as_str().expect("grant").as_bytes();
        let grant =
            Grant::verify(text, &trusted(), (&audience, &nonce), after(1)).expect("a grant that the SDK believes");
        assert_eq!(given["features"], json!(["quality", "on_device"]));
        assert!(grant.claims.expires_at <= after(3601));

        assert_eq!(reason(&ask("ios", &nonce, Some(signature.clone())), 403), "nonce_used");
        // Nor is it worth another one for the other platform.
        assert_eq!(reason(&ask("android", &nonce, Some(signature.clone())), 403), "nonce_used");
        assert_eq!(reason(&ask("ios", "another-nonce-0123", Some(signature)), 403), "signature_wrong");
        assert_eq!(reason(&ask("ios", "another-nonce-0123", Some("AAAA".into())), 403), "signature_wrong");
        // What it signs once for use without a network proves nothing here.
        let of_id = key.sign("com.bank.app");
        assert_eq!(reason(&ask("ios", "another-nonce-0123", Some(of_id)), 403), "signature_wrong");
        // Over, and its grace: the next round has another license.
        let over = Claims { revision: 2, grace_days: 0, not_before: Some(after(3600)), ..master };
        install(&server, &over);
        assert_eq!(reason(&ask("ios", "another-nonce-0123", None), 403), "not_yet_valid");
    }
    assert_eq!(server.admin().get("/api/license").expect(200)["devices"], 1, "the phone was counted once");
    for (field, value) in [
        ("nonce", json!("short")),
        ("nonce", json!("a nonce with blanks")),
        ("app_id", json!("a b")),
        ("device_hash", json!("not valid!")),
    ] {
        let mut body = json!({"platform": "ios", "app_id": "a", "sdk_version": "1", "nonce": "0123456789abcdef"});
        body[field] = value;
        assert_eq!(app.json("POST", "/api/sdk/grants", &body).refused(400, 4)["details"]["field"], field);
    }
    let metrics = String::from_utf8(app.get("/metrics").bytes).expect("text");
    assert!(metrics.contains(r#"oz_license_grants_total{outcome="granted"} 2"#), "{metrics}");
    assert!(metrics.contains(r#"oz_license_grants_total{outcome="nonce_used"} 4"#), "{metrics}");
}

fn a_page_gets_a_grant_through_the_web_adapter(options: Options) {
    let server = LicenseServer::start(options);
    let origins = ["https://*.bank.example".to_owned()].into();
    let web = Claims {
        license_id: "L-web".into(),
        kind: Kind::Web,
        origins,
        features: [Feature::Web].into(),
        ..claims(&server)
    };
    install(&server, &Claims { expires_at: Some(after(600)), grace_days: 0, ..web });
    let body = |origin: &str, nonce: &str| -> Value {
        json!({"platform": "web", "origin": origin, "sdk_version": "1.9.2", "nonce": nonce})
    };
    let (good, nonce) = ("https://id.bank.example", "0123456789abcdef");
    let adapter = server.node();
    let refused = server.stranger().json("POST", "/api/sdk/grants", &body(good, nonce));
    assert_eq!(reason(&refused, 401), "no_join_secret");
    for wrong in ["https://bank.example", "http://id.bank.example", "https://a.b.bank.example", "https://evil.example"]
    {
        let refused = adapter.json("POST", "/api/sdk/grants", &body(wrong, nonce));
        assert_eq!(reason(&refused, 403), "not_covered", "{wrong}");
    }
    let given = adapter.json("POST", "/api/sdk/grants", &body(good, nonce)).expect(201);
    let text = given["grant"].as_str().expect("grant").as_bytes();
    let audience = Audience::Web { origin: good.into() };
    let grant = Grant::verify(text, &trusted(), (&audience, nonce), after(1)).expect("a grant that the page believes");
    assert!(grant.claims.expires_at <= after(601), "never past the license's end");
    for same in [good, "https://ID.bank.example"] {
        assert_eq!(reason(&adapter.json("POST", "/api/sdk/grants", &body(same, nonce)), 403), "nonce_used", "{same}");
    }
    adapter.json("POST", "/api/sdk/grants", &body("https://www.bank.example", nonce)).expect(201);
    let both = json!({"platform": "web", "origin": good, "app_id": "a", "sdk_version": "1", "nonce": nonce});
    adapter.json("POST", "/api/sdk/grants", &both).refused(400, 4);
}

fn what_is_given_to_embed_is_good_and_never_the_servers_own(options: Options) {
    let server = LicenseServer::start(options);
    let of = |license_id: &str, kind| {
        let mut claims = Claims { license_id: license_id.into(), kind, ..claims(&server) };
        claims.apps.android = ["com.bank.app".to_owned()].into();
        claims
    };
    install(&server, &of("L-own", Kind::Server));
    let ask = || server.stranger().get("/api/sdk/license?platform=android&app_id=com.bank.app");
    ask().refused(404, 10);
    // The one that will be over is first by its name.
    install(&server, &Claims { expires_at: Some(after(4)), grace_days: 0, ..of("A-old", Kind::Sdk) });
    install(&server, &of("B-new", Kind::Sdk));
    let given = || {
        let answer = ask();
        assert_eq!(answer.status, 200);
        let license = License::verify(&answer.bytes, &trusted()).expect("a license");
        license.claims().license_id.clone()
    };
    until("the old one is over", Duration::from_secs(20), || (given() == "B-new").then_some(()));
    // One that no grant could carry along is not installed.
    let origins = (0..800).map(|n| format!("https://{n:05}.bank.example")).collect();
    let long = Claims { origins, ..of("L-long", Kind::Web) };
    let refused = server.admin().send("PUT", "/api/license", &[], Some(("text/plain", signed(&long).into())));
    assert!(refused.refused(409, 1520)["error_message"].as_str().is_some_and(|text| text.contains("too long")));
}
