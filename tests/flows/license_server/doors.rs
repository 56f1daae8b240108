//! Who comes in: tokens, the socket, TLS; and what does not.

use crate::support::license::{after, claims, install, signed};
use crate::support::license_server::LicenseServer;
use crate::support::server::{Options, free_port, kill, until};
use oz_license::{Claims, Kind};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

#[test]
fn every_call_asks_who_is_there() {
    let server = LicenseServer::start(Options::default());
    let node = [
        ("GET", "/api/license"),
        ("POST", "/api/leases"),
        ("PUT", "/api/leases/x"),
        ("DELETE", "/api/leases/x"),
        ("POST", "/api/usage"),
    ];
    let admin = [
        ("PUT", "/api/license"),
        ("POST", "/api/license/restored"),
        ("GET", "/api/license/activation-request"),
        ("GET", "/api/usage"),
        ("GET", "/api/usage/report?period=2026"),
    ];
    for (method, path) in node.iter().chain(&admin) {
        server.stranger().send(method, path, &[], None).refused(401, 6);
    }
    for (method, path) in admin {
        server.node().send(method, path, &[], None).refused(403, 9);
    }
    server.node().get("/api/license").expect(200);
    for open in ["/api/healthcheck", "/api/version", "/metrics", "/"] {
        assert_eq!(server.stranger().get(open).status, 200, "{open}");
    }
    let metrics = String::from_utf8(server.stranger().get("/metrics").bytes).expect("text");
    assert!(metrics.contains(r#"oz_license_state{state="invalid"} 1"#), "{metrics}");
    server.stranger().get("/api/nothing").refused(404, 10);
    server.stranger().send("PATCH", "/api/license", &[], None).refused(405, 1);
}

#[test]
fn who_guesses_is_told_to_wait_and_locks_nobody_out() {
    let server = LicenseServer::start(Options::default());
    let guess = |secret: &str| server.stranger().with_bearer(secret).get("/api/license").status;
    let statuses: Vec<u16> = (0..30).map(|n| guess(&format!("{n:064}"))).collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert!(statuses[10..].contains(&429), "{statuses:?}");
    for wrong in ["", " ", "Bearer", "0"] {
        assert!([401, 429].contains(&guess(wrong)), "{wrong}");
    }
    server.admin().get("/api/license").expect(200);
    let secret = server.admin().bearer.expect("a secret");
    assert!(!server.log_text().contains(&secret) && !server.log_text().contains(&format!("{:064}", 1)));
}

#[test]
fn bodies_are_short_and_have_known_fields() {
    let server = LicenseServer::start(Options::default());
    let (admin, node) = (server.admin(), server.node());
    let long = "x".repeat(64 * 1024 + 1);
    admin.send("PUT", "/api/license", &[], Some(("text/plain", long.clone().into()))).refused(413, 1511);
    let body = json!({"instance_id": "i", "hostname": long, "version": "1"});
    node.json("POST", "/api/leases", &body).refused(413, 1511);
    for (body, field) in [
        (json!({"instance_id": "i", "hostname": "h"}), "version"),
        (json!({"instance_id": "i", "hostname": "h", "version": "1", "wanted": ["everything"]}), "wanted[0]"),
        (json!({"instance_id": 1, "hostname": "h", "version": "1"}), "instance_id"),
        (json!({"instance_id": "i", "hostname": "h", "version": "1", "instances": 9}), "instances"),
    ] {
        let answer = node.json("POST", "/api/leases", &body);
        assert_eq!(answer.status, 400);
        let told = answer.json()["error_message"].to_string();
        assert!(told.contains(field), "{told}");
    }
    assert_eq!(node.send("POST", "/api/leases", &[], Some(("application/json", b"{".to_vec()))).status, 400);
}

#[test]
fn the_socket_needs_no_token_and_serves_the_commands() {
    let server = LicenseServer::start(Options::default());
    let mode = |name: &str| fs_err::metadata(server.data.join(name)).expect(name).permissions().mode() & 0o777;
    assert_eq!(
        [mode("admin.sock"), mode("site.key"), mode("admin.token"), mode("join.secret")],
        [0o660, 0o600, 0o640, 0o640]
    );
    assert_eq!(mode(""), 0o700);

    let text = |arguments: &[&str]| {
        let output = server.command(arguments);
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), format!("{out}{error}"))
    };
    let (good, status) = text(&["status"]);
    assert!(good && status.contains("state      invalid (the license is missing)"), "{status}");
    assert!(status.contains("DEVELOPMENT BUILD"), "{status}");
    let (_, request) = text(&["request"]);
    let request: oz_license::ActivationRequest = serde_json::from_str(&request).expect("a request");
    // The vendor answers it.
    let mut answer = Claims { site_key: None, ..claims(&server) };
    answer.activate(&request).expect("a request that the vendor takes");
    let file = server.data.join("new.license");
    fs_err::write(&file, signed(&answer)).expect("a file");
    let (good, status) = text(&["install", file.to_str().expect("UTF-8")]);
    assert!(good && status.contains("state      active"), "{status}");
    let (good, error) = text(&["restored"]);
    assert!(!good && error.contains("not for another machine"), "{error}");
    let (good, code) = text(&["request", "--qr"]);
    assert!(good && code.lines().count() > 20 && code.contains('█'), "{code}");
    let json: Value = serde_json::from_str(&text(&["status", "--json"]).1).expect("JSON");
    assert_eq!((&json["state"], &json["development"]), (&json!("active"), &json!(true)));

    // A second server on the same folder is refused, and takes nothing over.
    let mut second = LicenseServer::spawn(Options { data: Some(server.data.clone()), ..Options::default() });
    assert!(!second.ended().success());
    assert!(second.log_text().contains("another license server listens"), "{}", second.log_text());
    assert!(text(&["status"]).0);
}

#[test]
fn plain_text_beyond_loopback_is_refused() {
    let open = Options::default().with("OZ_LICENSE_LISTEN", &format!("0.0.0.0:{}", free_port()));
    let mut server = LicenseServer::spawn(open);
    assert!(!server.ended().success());
    let log = server.log_text();
    assert!(log.contains("plain text") && log.contains("OZ_LICENSE_TLS_CERTIFICATE"), "{log}");
    assert!(!server.command(&["check-config"]).status.success());
}

#[test]
fn tls_beyond_loopback_and_a_new_certificate_on_a_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let make = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        fs_err::write(&certificate, made.cert.pem()).expect("a file");
        fs_err::write(&key, made.signing_key.serialize_pem()).expect("a file");
    };
    make();
    let port = free_port();
    let server = LicenseServer::spawn(
        Options::default()
            .with("OZ_LICENSE_LISTEN", &format!("0.0.0.0:{port}"))
            .with("OZ_LICENSE_TLS_CERTIFICATE", &certificate.display().to_string())
            .with("OZ_LICENSE_TLS_KEY", &key.display().to_string()),
    );
    let ask = || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--noproxy", "*", "--cacert"]).arg(&certificate);
        let output = curl.arg(format!("https://localhost:{port}/api/version")).output().expect("curl");
        output.status.success().then_some(output.stdout)
    };
    let version = until("the server answers over TLS", Duration::from_secs(20), ask);
    assert_eq!(serde_json::from_slice::<Value>(&version).expect("JSON")["version"], env!("CARGO_PKG_VERSION"));
    make();
    assert!(ask().is_none(), "another certificate than it shows");
    kill(server.pid(), libc::SIGHUP);
    until("the new certificate is shown", Duration::from_secs(20), ask);
}

#[test]
fn an_sdk_file_is_given_to_whoever_has_the_app() {
    let server = LicenseServer::start(Options::default());
    let mut sdk = Claims { license_id: "L-sdk".into(), kind: Kind::Sdk, ..claims(&server) };
    sdk.apps.android = ["com.bank.app".to_owned()].into();
    install(&server, &sdk);
    let answer = server.stranger().get("/api/sdk/license?platform=android&app_id=com.bank.app");
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"forensics.license\""));
    let read = oz_license::License::verify(&answer.bytes, &crate::support::license::trusted()).expect("a license");
    assert_eq!(read.claims().license_id, "L-sdk");
    assert!(read.claims().expires_at > Some(after(0)));
    for (path, status) in [
        ("platform=ios&app_id=com.bank.app", 404),
        ("platform=android&app_id=com.other.app", 404),
        ("platform=web&origin=https://bank.example", 404),
        ("platform=android", 400),
        ("app_id=com.bank.app", 400),
    ] {
        assert_eq!(server.stranger().get(&format!("/api/sdk/license?{path}")).status, status, "{path}");
    }
    let many: Vec<u16> = (0..200)
        .map(|_| server.stranger().get("/api/sdk/license?platform=android&app_id=com.bank.app").status)
        .collect();
    assert!(many.contains(&429), "a source is held to a rate");
    assert_eq!(server.node().get("/api/sdk/license?platform=android&app_id=com.bank.app").status, 200);
}
