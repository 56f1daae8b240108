//! Kills at random moments: what was acknowledged ends with exactly one result, none lost, none twice.
//!
//! One seed in a plain run, twenty with `OZ_SLOW=1`. The moments come from the seed; what the machine does in between
//! does not, so a failure names the seed and prints the log.

use crate::support::client::{Client, Part};
use crate::support::fixtures::live_still;
use crate::support::server::{Options, Server, kill, pause, until};
use oz_testkit::Cluster;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;

const ANALYSES: usize = 200;

fn seeds() -> Vec<u64> {
    let count = if std::env::var_os("OZ_SLOW").is_some() { 20 } else { 1 };
    (1..=count).collect()
}

/// A reproducible stream of moments.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn wait(&mut self, up_to_ms: u64) {
        pause(Duration::from_millis(self.next(up_to_ms) + 1));
    }
}

/// Creates folders with one analysis each; keeps the ids that were acknowledged. Refused connections (the server is
/// down just now) are tried again, as any client does, under one idempotency key.
fn load(client: &Client, from: usize, to: usize) -> Vec<String> {
    let still = live_still();
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}}).to_string();
    let mut acknowledged = Vec::new();
    for number in from..to {
        let key = format!("folder-{number}");
        let folder = until("the folder is acknowledged", Duration::from_secs(60), || {
            let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &still)];
            created(client.try_form("/api/folders/", &[("Idempotency-Key", &key)], &parts).ok()?)
        });
        let id = folder["folder_id"].as_str().expect("folder_id").to_owned();
        let key = format!("analysis-{number}");
        until("the analysis is acknowledged", Duration::from_secs(60), || {
            let body = json!({"analyses": [{"type": "quality"}]}).to_string();
            let path = format!("/api/folders/{id}/analyses/");
            let headers = [("Idempotency-Key", key.as_str())];
            created(client.try_send("POST", &path, &headers, Some(("application/json", body.into()))).ok()?)
        });
        acknowledged.push(id);
    }
    acknowledged
}

/// 201, or `None` for answers that ask for another try.
fn created(answer: crate::support::client::Answer) -> Option<Value> {
    match answer.status {
        201 => Some(answer.json()),
        // A decoding child that was killed three times in a row cannot be told from a file that kills it.
        400 if answer.json()["error_code"] == json!(1510) => None,
        // Busy, stopping, or the database is away: documented to be tried again. 409: the first try still runs.
        409 | 500 | 503 => None,
        other => panic!("status {other}: {}", String::from_utf8_lossy(&answer.bytes)),
    }
}

/// Every folder ends FINISHED with exactly one analysis that has exactly one result.
fn check(client: &Client, folders: &[String], seed: u64) {
    assert_eq!(folders.iter().collect::<HashSet<_>>().len(), folders.len(), "seed {seed}: an id twice");
    for id in folders {
        let folder = until(&format!("seed {seed}: folder {id} ends"), Duration::from_secs(120), || {
            let answer = client.try_send("GET", &format!("/api/folders/{id}?with_analyses=true"), &[], None).ok()?;
            if answer.status == 503 {
                return None;
            }
            let folder = answer.expect(200);
            (folder["resolution_status"] != "PROCESSING").then_some(folder)
        });
        assert_eq!(folder["resolution_status"], "FINISHED", "seed {seed}: {folder}");
        assert_eq!(folder["system_resolution"], "SUCCESS", "seed {seed}: {folder}");
        let analyses = folder["analyses"].as_array().expect("analyses");
        assert_eq!(analyses.len(), 1, "seed {seed}: {folder}");
        assert_eq!(analyses[0]["results_media"].as_array().map(Vec::len), Some(1), "seed {seed}: {folder}");
    }
    let all = client.get("/api/folders/?limit=1000").expect(200);
    assert_eq!(all["total"], json!(folders.len()), "seed {seed}: a folder nobody acknowledged, or one lost");
}

#[test]
fn the_api_is_killed_while_analyses_run() {
    for seed in seeds() {
        let mut moments = Moments(seed);
        let data = tempfile::tempdir().expect("a folder");
        let options = Options {
            data: Some(data.path().join("data")),
            port: Some(crate::support::server::free_port()),
            ..Options::default()
        }
        .with("OZ_JOB_LEASE", "2s");
        let mut server = Server::start_new(options.clone());
        let client = server.client();
        let loader = client.clone();
        let load = std::thread::spawn(move || load(&loader, 0, ANALYSES));
        for _ in 0..4 {
            moments.wait(1500);
            server.kill();
            server = Server::start_with(options.clone());
        }
        let folders = load.join().expect("the load ends");
        check(&client, &folders, seed);
        drop(server);
    }
}

#[test]
fn decoding_children_are_killed() {
    for seed in seeds() {
        let mut moments = Moments(seed);
        // Every kill costs the analysis it hits one attempt; ten attempts outlast any streak of bad luck.
        let server = Server::start_new(Options::default().with("OZ_ANALYSIS_MAX_ATTEMPTS", "10"));
        let client = server.client();
        let loader = client.clone();
        let load = std::thread::spawn(move || load(&loader, 0, ANALYSES));
        while !load.is_finished() {
            moments.wait(150);
            let children = server.descendants();
            if !children.is_empty() {
                let which = usize::try_from(moments.next(children.len() as u64)).expect("an index");
                kill(children[which], libc::SIGKILL);
            }
        }
        let folders = load.join().expect("the load ends");
        check(&client, &folders, seed);
    }
}

#[test]
fn a_worker_and_postgresql_are_killed() {
    for seed in seeds() {
        let mut moments = Moments(seed);
        let cluster = Cluster::start_durable().expect("a PostgreSQL cluster");
        let url = cluster.create_database("oz").expect("a database");
        let data = tempfile::tempdir().expect("a folder");
        let options = Options { database_url: Some(url), data: Some(data.path().join("data")), ..Options::default() }
            .with("OZ_PROCESSING", "queue")
            .with("OZ_JOB_LEASE", "2s");
        let server = Server::start_new(options.clone());
        let worker = || Server::start_role(Options { role: Some("work"), ..options.clone() });
        let mut workers = [worker(), worker()];
        let client = server.client();
        let loader = client.clone();
        let load = std::thread::spawn(move || load(&loader, 0, ANALYSES));
        for round in 0..4 {
            moments.wait(1500);
            if round == 2 {
                cluster.kill().expect("PostgreSQL is killed");
                cluster.resume().expect("PostgreSQL comes back");
            } else {
                let which = usize::try_from(moments.next(2)).expect("an index");
                workers[which].kill();
                workers[which] = worker();
            }
        }
        let folders = load.join().expect("the load ends");
        check(&client, &folders, seed);
    }
}

#[test]
fn sigterm_drains_what_runs() {
    let mut server = Server::start();
    let client = server.client();
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}, "analyses": [{"type": "quality"}]}).to_string();
    let still = live_still();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (client, payload, still) = (client.clone(), payload.clone(), still.clone());
            std::thread::spawn(move || {
                client.try_form(
                    "/api/folders/",
                    &[],
                    &[Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &still)],
                )
            })
        })
        .collect();
    until("a call is in the server", Duration::from_secs(10), || {
        server
            .log_text()
            .contains("/api/folders")
            .then_some(())
            .or_else(|| (!server.descendants().is_empty()).then_some(()))
    });
    let status = server.stop();
    assert_eq!(status.code(), Some(0), "{}", server.log_text());
    for call in calls {
        // A call that was accepted is answered whole; one that came too late is refused at the door. None is cut.
        match call.join().expect("the call ends") {
            Ok(answer) => assert!(matches!(answer.status, 201 | 503), "{}", answer.status),
            Err(error) => assert!(matches!(error, ureq::Error::Io(_) | ureq::Error::ConnectionFailed), "{error:?}"),
        }
    }
}
