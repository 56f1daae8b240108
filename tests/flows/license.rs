//! What the license of an appliance without a license server permits: on trial, with a file, without it.

use crate::support::client::{Client, Part};
use crate::support::fixtures::live_still;
use crate::support::license::{after, signed, unbound};
use crate::support::server::{Options, Server, until};
use oz_license::{ActivationRequest, Claims, Feature, Kind, Limits, Period, Volume};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

on_both! {
    on_trial_everything_goes_and_a_license_that_went_leaves_no_second_trial,
    an_expired_license_stops_analyses_and_nothing_else,
    what_is_not_licensed_is_refused_by_name,
    a_volume_is_given_out_to_the_last_one_and_no_further,
    a_newer_license_takes_over_without_a_failed_request,
    an_appliance_without_a_license_server_is_activated_from_the_command_line,
    a_pipe_in_the_licenses_place_stops_nobody_and_prolongs_nothing,
    another_database_begins_no_second_trial,
}

const PATIENCE: Duration = Duration::from_secs(20);

/// A server whose license is at a path of the test's own.
fn server(options: Options, folder: &Path) -> (Server, PathBuf) {
    let file = folder.join("license.oz");
    let options = options.with("OZ_LICENSE_FILE", file.to_str().expect("a path"));
    (Server::start_new(options), file)
}

/// Asks for the analysis of a selfie photo.
fn ask(client: &Client) -> oz_testkit::client::Answer {
    let payload =
        json!({"folder:meta_data": {}, "media:tags": {"p": ["photo_selfie"]}, "analyses": [{"type": "QUALITY"}]});
    let (payload, still) = (payload.to_string(), live_still());
    client.form("/api/folders/", &[Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &still)])
}

fn install(file: &Path, text: &str) {
    // As an administrator should: never half a file.
    let fresh = file.with_extension("new");
    fs_err::write(&fresh, text).expect("the file");
    fs_err::rename(&fresh, file).expect("its place");
}

/// Waits until the license is so.
fn wait_for(server: &Server, what: impl Fn(&str) -> bool) -> String {
    until("the license's state", PATIENCE, || {
        let health = server.anonymous().get("/api/healthcheck").json();
        health["checks"]["license"]["message"].as_str().filter(|text| what(text)).map(str::to_owned)
    })
}

fn on_trial_everything_goes_and_a_license_that_went_leaves_no_second_trial(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, file) = server(options, folder.path());
    let client = server.client();
    wait_for(&server, |text| text.starts_with("trial: trial until"));
    ask(&client).expect(201);
    let config = client.get("/api/config").expect(200);
    assert_eq!(config["license"]["state"], "trial");
    assert!(server.anonymous_metrics().contains(r#"oz_node_license_state{state="trial"} 1"#));
    // A text that is no license changes nothing, and is told.
    install(&file, "not a license");
    wait_for(&server, |text| text.starts_with("trial:") && text.contains("not a file of this kind"));
    install(&file, &signed(&unbound("first", 1)));
    wait_for(&server, |text| text.starts_with("active"));
    ask(&client).expect(201);
    fs_err::remove_file(&file).expect("it was there");
    wait_for(&server, |text| text.starts_with("invalid: the license is missing"));
    let refused = ask(&client).refused(403, 1500);
    assert_eq!(refused["details"]["state"], "invalid");
    // Put back, it is good again: nothing was lost.
    install(&file, &signed(&unbound("first", 1)));
    wait_for(&server, |text| text.starts_with("active"));
    ask(&client).expect(201);
}

fn an_expired_license_stops_analyses_and_nothing_else(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, file) = server(options, folder.path());
    let client = server.client();
    let kept = ask(&client).expect(201);
    let ends = Claims { expires_at: Some(after(8)), grace_days: 0, ..unbound("ends", 1) };
    install(&file, &signed(&ends));
    wait_for(&server, |text| text.starts_with("renewal_due"));
    wait_for(&server, |text| text.starts_with("expired: the license expired at"));
    ask(&client).refused(403, 1500);
    // The node stays up, data stay readable, and media without analyses are taken.
    assert_eq!(server.anonymous().get("/api/healthcheck").json()["status"], "degraded");
    let path = format!("/api/folders/{}", kept["folder_id"].as_str().expect("an id"));
    assert_eq!(
        client.get(&format!("{path}?with_analyses=true")).expect(200)["analyses"].as_array().map(Vec::len),
        Some(1)
    );
    let boundary = ("multipart/form-data; boundary=x", b"--x--\r\n".to_vec());
    client.send("POST", "/api/folders/?", &[], Some(boundary)).expect(201);
    // Refused ones left nothing behind.
    assert_eq!(client.get("/api/folders/").expect(200)["total"], 2);
}

fn what_is_not_licensed_is_refused_by_name(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, file) = server(options, folder.path());
    let client = server.client();
    let other = Claims { features: [Feature::Biometry].into(), ..unbound("other", 1) };
    install(&file, &signed(&other));
    wait_for(&server, |text| text.starts_with("active"));
    let refused = ask(&client).refused(403, 1501);
    assert_eq!(refused["details"]["feature"], "quality");
}

fn a_volume_is_given_out_to_the_last_one_and_no_further(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, file) = server(options, folder.path());
    let analyses = Some(Volume { count: 10, period: Period::Total });
    let few = Claims { limits: Limits { analyses, overage_percent: 20, ..Limits::default() }, ..unbound("few", 1) };
    install(&file, &signed(&few));
    wait_for(&server, |text| text.starts_with("active"));
    // Twelve, overage included; they race, and the ledger takes them over meanwhile.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let client = server.client();
                scope.spawn(move || (0..3).map(|_| ask(&client)).map(|a| (a.status, a.json())).collect::<Vec<_>>())
            })
            .collect();
        let answers = threads.into_iter().flat_map(|thread| thread.join().expect("it ends"));
        answers
            .inspect(|(status, body)| assert!(*status == 201 || body["error_code"] == 1502, "{status} {body}"))
            .map(|(status, _)| status)
            .collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 12);
    wait_for(&server, |text| text.contains("12 of 10 licensed analyses are used"));
    assert_eq!(ask(&server.client()).refused(403, 1502)["details"]["left"], 0);
}

fn a_newer_license_takes_over_without_a_failed_request(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, file) = server(options, folder.path());
    install(&file, &signed(&unbound("swapped", 1)));
    wait_for(&server, |text| text.starts_with("active"));
    let client = server.client();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                ask(&client).expect(201);
                asked += 1;
            }
            asked
        });
        for revision in 2..=4 {
            let analyses = Some(Volume { count: u64::from(revision) * 10_000_000, period: Period::Year });
            let limits = Limits { analyses, ..Limits::default() };
            let next = Claims { limits, ..unbound("swapped", revision) };
            install(&file, &signed(&next));
            // The volume tells which revision holds: each has ten million more.
            let least = u64::from(revision) * 10_000_000 - 1_000_000;
            until("the new volume", PATIENCE, || {
                let metrics = server.anonymous_metrics();
                let left =
                    metrics.lines().find_map(|line| line.strip_prefix("oz_node_license_left{unit=\"analyses\"} "))?;
                left.parse().ok().filter(|left: &u64| *left > least)
            });
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(asking.join().expect("it ends") > 0);
    });
    // An older one does not come back.
    install(&file, &signed(&unbound("swapped", 3)));
    wait_for(&server, |text: &str| text.contains("is not newer than revision 4"));
    let _: Value = ask(&client).expect(201);
}

fn an_appliance_without_a_license_server_is_activated_from_the_command_line(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, file) = server(options, folder.path());
    let said = |action: &[&str]| {
        let output = server.command(&[&["admin", "license"], action].concat(), "");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    let sent = folder.path().join("sent.oz");
    let sent = sent.to_str().expect("a path");
    let claims = Claims { kind: Kind::Server, ..unbound("activated", 1) };
    // Not activated, it takes no trial's place.
    fs_err::write(sent, signed(&claims)).expect("the file");
    let (good, text) = said(&["install", sent]);
    assert!(!good && text.contains("not activated") && matches!(file.try_exists(), Ok(false)), "{text}");
    let output = server.command(&["admin", "license", "request"], "");
    let request: ActivationRequest = serde_json::from_slice(&output.stdout).expect("a request");
    let mut activated = claims;
    activated.activate(&request).expect("a good request");
    fs_err::write(sent, signed(&activated)).expect("the file");
    let (good, text) = said(&["install", sent]);
    assert!(good && text.contains("state      active") && text.contains("license    activated"), "{text}");
    wait_for(&server, |text| text.starts_with("active"));
    ask(&server.client()).expect(201);
    assert_eq!(said(&["status"]).1.lines().next(), text.lines().next());
    // It was not moved.
    let (good, text) = said(&["restored"]);
    assert!(!good && text.contains("not for another machine"), "{text}");
}

fn a_pipe_in_the_licenses_place_stops_nobody_and_prolongs_nothing(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut server, file) = server(options, folder.path());
    install(&file, &signed(&Claims { expires_at: Some(after(10)), grace_days: 0, ..unbound("ends", 1) }));
    wait_for(&server, |text| text.starts_with("renewal_due"));
    fs_err::remove_file(&file).expect("it was there");
    let made = std::process::Command::new("mkfifo").arg(&file).status().expect("mkfifo");
    assert!(made.success());
    wait_for(&server, |text| text.contains("not a regular file"));
    wait_for(&server, |text| text.starts_with("expired: the license expired at"));
    ask(&server.client()).refused(403, 1500);
    assert!(server.stop().success());
}

fn another_database_begins_no_second_trial(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let options = Options { data: Some(data.clone()), ..options };
    let (mut first, _) = server(options.clone(), folder.path());
    wait_for(&first, |text| text.starts_with("trial: trial until"));
    assert!(first.stop().success());
    for entry in fs_err::read_dir(&data).expect("the data folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // What the server itself would ask for, too.
        if name.contains("sqlite") || name == "store.id" {
            fs_err::remove_file(entry.path()).expect("a file");
        }
    }
    let (second, _) = server(Options { database_url: None, ..options }, folder.path());
    wait_for(&second, |text| text.starts_with("invalid: the license is missing"));
    ask(&second.client()).refused(403, 1500);
}
