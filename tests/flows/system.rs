//! Health, metrics, the API's description, disks that are full.

use crate::support::client::{Client, Part};
use crate::support::fixtures::{live_clip, live_still};
use crate::support::mail::Sink;
use crate::support::server::{Options, Server, files_below, until};
use oz_testkit::on_both;
use serde_json::json;
use std::process::Command;
use std::time::Duration;

on_both! {
    health_names_every_part,
    metrics_count_by_template,
    a_full_disk_is_told_and_nothing_is_half_written,
    the_description_holds_under_thousands_of_strange_requests,
}

fn health_names_every_part(options: Options) {
    let server = Server::start_new(options);
    let health = server.anonymous().get("/api/healthcheck").expect(200);
    assert_eq!(health["status"], "ok", "{health}");
    for part in ["database", "storage", "models", "queue", "disk"] {
        assert_eq!(health["checks"][part]["status"], "ok", "{part}: {health}");
        assert!(
            health["checks"][part]["time_ms"].is_u64() && health["checks"][part]["message"].is_string(),
            "{health}"
        );
    }
    let version = server.anonymous().get("/api/version/").expect(200);
    assert!(version["model_pack"].as_str().is_some_and(|p| p.starts_with("default ")), "{version}");
    let config = server.client().get("/api/config").expect(200);
    assert_eq!(config["time_zone"], "UTC");
}

#[test]
fn without_models_health_says_so_and_the_log_says_which() {
    let empty = tempfile::tempdir().expect("a folder");
    let models = empty.path().display().to_string();
    let server = Server::start_unready(Options::default().with("OZ_MODELS_DIR", &models));
    let health = until("the models are known not to come", Duration::from_secs(20), || {
        let health = server.anonymous().try_send("GET", "/api/healthcheck", &[], None).ok()?;
        let body = health.json();
        (health.status == 503 && body["checks"]["models"]["message"] != "still loading").then_some(body)
    });
    assert_eq!(health["checks"]["models"]["status"], "fail", "{health}");
    assert!(server.log_text().contains("manifest.toml"), "{}", server.log_text());
    // Everything else works, and what was ordered waits.
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}}).to_string();
    server
        .client()
        .form("/api/folders/", &[Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &live_still())])
        .expect(201);
}

fn metrics_count_by_template(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    client.get("/api/folders/00000000-0000-7000-8000-000000000000");
    let metrics = crate::support::client::Client::new(&server.metrics);
    let text = String::from_utf8(metrics.get("/metrics").bytes).expect("text");
    assert!(text.contains(r#"oz_http_requests_total{route="GET /api/folders/{folder_id}",status="404"} 1"#), "{text}");
    assert!(text.contains(r#"oz_jobs{lane="inference",state="ready"} 0"#), "{text}");
    assert_eq!((metrics.get("/readyz").status, metrics.get("/livez").status), (200, 200));
    // The public listener has none of it.
    client.get("/metrics").refused(404, 10);
}

#[test]
fn paths_and_methods_are_told_apart() {
    let server = Server::start();
    let client = server.client();
    client.get("/api/nothing").refused(404, 10);
    let wrong = client.json("PUT", "/api/folders/", &json!({}));
    wrong.refused(405, 1);
    assert_eq!(wrong.header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    let octets = Some(("application/octet-stream", vec![1, 2, 3]));
    client.send("POST", "/api/folders/", &[], octets).refused(501, 2);
}

#[test]
fn the_description_is_the_committed_one() {
    let served = Server::start().anonymous().get("/api/openapi.json").expect(200);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let committed: serde_json::Value =
        serde_json::from_slice(&fs_err::read(path).expect("docs/openapi.json")).expect("JSON");
    assert!(served == committed, "docs/openapi.json differs: run `cargo xtask bless`");
}

/// A small disk of its own for the data folder.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn of(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mount = Command::new("mount");
        let done =
            mount.args(["-t", "tmpfs", "-o"]).arg(format!("size={size}")).arg("tmpfs").arg(folder.path()).status();
        assert!(done.expect("mount").success(), "this test mounts a small disk: run it as root");
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn a_full_disk_is_told_and_nothing_is_half_written(options: Options) {
    let disk = SmallDisk::of("24m");
    let data = disk.0.path().join("data");
    let server = Server::start_new(Options { data: Some(data.clone()), ..options }.with("OZ_MIN_FREE_SPACE", "0"));
    let (client, admin) = (server.client(), server.admin());
    let send = |number: usize| {
        // Different bytes each time: equal ones would be stored once.
        let mut clip = live_clip();
        clip.extend_from_slice(&[0, 0, 0, 12, b'f', b'r', b'e', b'e', 0, 0, 0, u8::try_from(number).expect("small")]);
        client.form("/api/folders/", &[Part("v", Some("v.mp4"), &clip)])
    };
    let mut made = Vec::new();
    let refused = loop {
        let answer = send(made.len());
        if answer.status != 201 {
            break answer;
        }
        made.push(answer.json()["folder_id"].as_str().expect("folder_id").to_owned());
        assert!(made.len() < 200, "the disk never fills");
    };
    refused.refused(507, 1522);
    let spool = until("the spool is empty", Duration::from_secs(5), || {
        Some(files_below(&data.join("spool"))).filter(Vec::is_empty)
    });
    assert!(spool.is_empty());
    let listed = client.get("/api/folders/?limit=1000").expect(200);
    assert_eq!(listed["total"], json!(made.len()), "a refused folder is there, or an acknowledged one is not");
    // Space comes back, and so does the service, by itself.
    for id in &made[..made.len() / 2] {
        admin.delete(&format!("/api/folders/{id}")).expect(204);
    }
    assert_eq!(send(150).status, 201);
}

#[test]
fn uploads_stop_before_the_disk_is_full() {
    let disk = SmallDisk::of("64m");
    let options = Options { data: Some(disk.0.path().join("data")), ..Options::default() };
    let server = Server::start_new(options.with("OZ_MIN_FREE_SPACE", "1GiB"));
    let health = server.anonymous().get("/api/healthcheck").expect(200);
    assert_eq!((&health["status"], &health["checks"]["disk"]["status"]), (&json!("degraded"), &json!("degraded")));
    server.client().form("/api/folders/", &[Part("p", Some("p.jpg"), &live_still())]).refused(507, 1522);
}

fn the_description_holds_under_thousands_of_strange_requests(options: Options) {
    // With mail: without it, asking for a new password is answered with 501, as it should be.
    let sink = Sink::start();
    let server = Server::start_new(sink.options(options));
    // Whoever may do most inside one company.
    let boss = server.user("boss@example.com", "CLIENT_ADMIN", Some("Bank"));
    let examples = if std::env::var_os("OZ_SLOW").is_some() { "200" } else { "20" };
    strange_requests(&server, &boss, "examples,coverage,fuzzing,stateful", examples);
}

#[test]
fn the_description_holds_for_every_role() {
    let sink = Sink::start();
    let server = Server::start_new(sink.options(Options::default()));
    let examples = if std::env::var_os("OZ_SLOW").is_some() { "50" } else { "3" };
    for role in ["ADMIN", "OPERATOR", "CLIENT", "CLIENT_OPERATOR", "CLIENT_SERVICE"] {
        let company = (!["ADMIN", "OPERATOR"].contains(&role)).then_some("Bank");
        let caller = server.user(&format!("a-{}@example.com", role.to_lowercase()), role, company);
        strange_requests(&server, &caller, "examples,fuzzing", examples);
    }
}

/// Sends requests that the description makes up: no answer may be a 5xx, or one that is not described.
fn strange_requests(server: &Server, caller: &Client, phases: &str, examples: &str) {
    let venv = std::env::var("OZ_VENV").expect("OZ_VENV: set by `cargo xtask test`");
    let token = caller.token.as_deref().expect("a token");
    let mut schemathesis = Command::new(format!("{venv}/bin/schemathesis"));
    schemathesis
        .args(["run", &format!("{}/api/openapi.json", server.base)])
        .args(["--header", &format!("X-Forensic-Access-Token: {token}")])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        // Logging out, ending its session or switching itself off would make every later request a 401.
        .args(["--exclude-operation-id-regex", "_authorize_auth$|^delete_users_|^patch_users_"])
        .args(["--phases", phases, "--max-examples", examples, "--seed", "1", "--no-color"])
        .current_dir(server.data.parent().expect("a folder"));
    let output = schemathesis.output().expect("schemathesis");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
    assert_eq!(caller.get("/api/config").status, 200, "the caller was shut out on the way: {told}");
}
