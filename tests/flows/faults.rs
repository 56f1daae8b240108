//! Kills at random moments: what was acknowledged ends with exactly one result, none lost, none twice.
//!
//! One seed in a plain run, twenty with `OZ_SLOW=1`. The moments come from the seed; what the machine does in between
//! does not, so a failure names the seed and prints the log.

use crate::support::client::{Answer, Client, Part};
use crate::support::fixtures::{eval, live_still};
use crate::support::server::{Options, Server, kill, pause, until};
use crate::support::stored::rows_and_files_agree;
use oz_testkit::{Cluster, TestDatabase, on_both};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::thread::JoinHandle;
use std::time::Duration;

on_both! { sigterm_drains_what_runs }

const ANALYSES: usize = 200;
/// How long a client tries one request: longer than any restart takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Every kill costs the analysis it hits one attempt; ten attempts outlast any streak of bad luck.
const ATTEMPTS: (&str, &str) = ("OZ_ANALYSIS_MAX_ATTEMPTS", "10");

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

/// Path, tags, and what the analysis must say.
type Medium = (&'static str, &'static [&'static str], &'static str);

const STILL: &[&str] = &["photo_selfie"];
const CLIP: &[&str] = &["video_selfie", "video_selfie_blank"];
const CLIPS: [Medium; 2] = [("live/c01.mp4", CLIP, "SUCCESS"), ("sim_replay/replay_c01.mp4", CLIP, "DECLINED")];
const STILLS: [Medium; 4] = [
    ("stills/live/c12_landscape_25.jpg", STILL, "SUCCESS"),
    ("stills/live/c12_landscape_75.jpg", STILL, "SUCCESS"),
    ("stills/sim_print/print_c01.jpg", STILL, "DECLINED"),
    ("stills/live/c12_landscape_25.jpg", STILL, "SUCCESS"),
];

/// A mix: different verdicts, so that one which went to the wrong folder shows; equal contents, so that their uses are
/// counted; and a clip among ten, whose best shots are files that the analysis itself writes.
fn medium(number: usize) -> Medium {
    match number % 20 {
        4 => CLIPS[0],
        14 => CLIPS[1],
        other => STILLS[other % STILLS.len()],
    }
}

/// What was acknowledged, and what must become of it.
struct Ordered {
    folder: String,
    verdict: &'static str,
}

/// Creates folders with one analysis each; keeps the ids that were acknowledged. Refused connections (the server is
/// down just now) are tried again, as any client does, under one idempotency key. Every eighth folder is deleted at once,
/// most often while it is looked at.
fn load(client: &Client, admin: &Client) -> Vec<Ordered> {
    let mut acknowledged = Vec::new();
    for number in 0..ANALYSES {
        let (path, tags, verdict) = medium(number);
        let bytes = eval(path);
        let payload = json!({"media:tags": {"m": tags}}).to_string();
        let key = format!("folder-{number}");
        let folder = until("the folder is acknowledged", PATIENCE, || {
            let parts = [Part("payload", None, payload.as_bytes()), Part("m", Some(path), &bytes)];
            done(201, client.try_form("/api/folders/", &[("Idempotency-Key", &key)], &parts))
        });
        let id = folder["folder_id"].as_str().expect("folder_id").to_owned();
        let key = format!("analysis-{number}");
        until("the analysis is acknowledged", PATIENCE, || {
            let body = json!({"analyses": [{"type": "quality"}]}).to_string();
            let path = format!("/api/folders/{id}/analyses/");
            let headers = [("Idempotency-Key", key.as_str())];
            done(201, client.try_send("POST", &path, &headers, Some(("application/json", body.into()))))
        });
        if number % 8 == 7 {
            until("the folder is deleted", PATIENCE, || {
                let answer = admin.try_send("DELETE", &format!("/api/folders/{id}"), &[], None);
                // The answer to the first try may have been lost.
                let gone = answer.as_ref().is_ok_and(|a| a.status == 404);
                if gone { Some(Value::Null) } else { done(204, answer) }
            });
        } else {
            acknowledged.push(Ordered { folder: id, verdict });
        }
    }
    acknowledged
}

/// The answer that was asked for, or `None` for those that ask for another try. Nothing else is forgiven: a 500 means that
/// the server does not know what happened to it.
fn done(status: u16, answer: Result<Answer, ureq::Error>) -> Option<Value> {
    let answer = answer.ok()?;
    match answer.status {
        // A decoding child that was killed three times in a row cannot be told from a file that kills it.
        400 if answer.json()["error_code"] == json!(1510) => None,
        // Busy, stopping, or the database is away: documented to be tried again. 409: the first try still runs.
        409 | 503 => None,
        _ => Some(answer.expect(status)),
    }
}

/// Every folder ends FINISHED with exactly one analysis that has exactly one result, the one of its own medium.
fn check(client: &Client, ordered: &[Ordered], seed: u64) {
    let ids: HashSet<_> = ordered.iter().map(|o| &o.folder).collect();
    assert_eq!(ids.len(), ordered.len(), "seed {seed}: an id twice");
    for Ordered { folder: id, verdict } in ordered {
        let folder = until(&format!("seed {seed}: folder {id} ends"), Duration::from_secs(120), || {
            let path = format!("/api/folders/{id}?with_analyses=true");
            done(200, client.try_send("GET", &path, &[], None)).filter(|f| f["resolution_status"] != "PROCESSING")
        });
        assert_eq!(folder["resolution_status"], "FINISHED", "seed {seed}: {folder}");
        assert_eq!(folder["system_resolution"], *verdict, "seed {seed}: {folder}");
        let analyses = folder["analyses"].as_array().expect("analyses");
        assert_eq!(analyses.len(), 1, "seed {seed}: {folder}");
        assert_eq!(analyses[0]["results_media"].as_array().map(Vec::len), Some(1), "seed {seed}: {folder}");
    }
    let all = client.get("/api/folders/?limit=1000").expect(200);
    assert_eq!(all["total"], json!(ordered.len()), "seed {seed}: a folder nobody acknowledged, or one lost");
}

/// Starts the load in a thread of its own.
fn begin(server: &Server) -> (Client, JoinHandle<Vec<Ordered>>) {
    let (client, admin) = (server.client(), server.admin());
    let loader = client.clone();
    (client, std::thread::spawn(move || load(&loader, &admin)))
}

#[test]
fn the_api_is_killed_while_analyses_run_on_sqlite() {
    the_api_is_killed(Options::default);
}

#[test]
fn the_api_is_killed_while_analyses_run_on_postgresql() {
    the_api_is_killed(|| Options::on(&TestDatabase::postgres()));
}

fn the_api_is_killed(on: fn() -> Options) {
    for seed in seeds() {
        let mut moments = Moments(seed);
        let data = tempfile::tempdir().expect("a folder");
        let port = Some(crate::support::server::free_port());
        let options = Options { data: Some(data.path().join("data")), port, ..on() }
            .with("OZ_JOB_LEASE", "2s")
            .with(ATTEMPTS.0, ATTEMPTS.1);
        let mut server = Server::start_new(options.clone());
        let (client, load) = begin(&server);
        while !load.is_finished() {
            moments.wait(4000);
            server.kill();
            server = Server::start_with(options.clone());
        }
        let folders = load.join().expect("the load ends");
        check(&client, &folders, seed);
        server.stop();
        rows_and_files_agree(&options, &format!("seed {seed}"));
    }
}

#[test]
fn decoding_children_are_killed() {
    for seed in seeds() {
        let mut moments = Moments(seed);
        let data = tempfile::tempdir().expect("a folder");
        let options =
            Options { data: Some(data.path().join("data")), ..Options::default() }.with(ATTEMPTS.0, ATTEMPTS.1);
        let mut server = Server::start_new(options.clone());
        let (client, load) = begin(&server);
        while !load.is_finished() {
            moments.wait(300);
            let children = server.descendants();
            if !children.is_empty() {
                let which = usize::try_from(moments.next(children.len() as u64)).expect("an index");
                kill(children[which], libc::SIGKILL);
            }
        }
        let folders = load.join().expect("the load ends");
        check(&client, &folders, seed);
        server.stop();
        rows_and_files_agree(&options, &format!("seed {seed}"));
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
            .with("OZ_JOB_LEASE", "2s")
            .with(ATTEMPTS.0, ATTEMPTS.1);
        let mut server = Server::start_new(options.clone());
        let worker = || Server::start_role(Options { role: Some("work"), ..options.clone() });
        let mut workers = [worker(), worker()];
        let (client, load) = begin(&server);
        for round in 0.. {
            if load.is_finished() {
                break;
            }
            moments.wait(5000);
            match round % 4 {
                0 => {
                    cluster.kill().expect("PostgreSQL is killed");
                    cluster.resume().expect("PostgreSQL comes back");
                }
                // In order, which the database tells those who are connected in other words.
                2 => {
                    cluster.stop().expect("PostgreSQL is stopped");
                    cluster.resume().expect("PostgreSQL comes back");
                }
                _ => {
                    let which = usize::try_from(moments.next(2)).expect("an index");
                    workers[which].kill();
                    workers[which] = worker();
                }
            }
        }
        let folders = load.join().expect("the load ends");
        check(&client, &folders, seed);
        workers.iter_mut().chain([&mut server]).for_each(|process| _ = process.stop());
        rows_and_files_agree(&options, &format!("seed {seed}"));
    }
}

fn sigterm_drains_what_runs(options: Options) {
    let mut server = Server::start_new(options);
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
