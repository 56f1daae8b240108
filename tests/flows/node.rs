//! An API node and its license server: leases, what is told of use, and what happens when one of them is away.

use crate::support::client::{Answer, Client, Part};
use crate::support::fixtures::live_still;
use crate::support::license::{after, claims, install};
use crate::support::license_server::LicenseServer;
use crate::support::server::{Options, Server, until};
use oz_license::{Claims, Period, Volume};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

on_both! {
    a_node_works_on_a_lease_and_tells_what_it_used,
    without_its_license_server_a_node_goes_on_and_tells_later,
    a_copied_data_folder_does_not_make_one_node_of_two,
    one_node_too_many_waits_for_an_instance,
    a_license_that_ends_at_the_server_ends_at_the_node_and_a_new_one_begins,
    a_node_that_lost_its_license_server_gets_no_trial,
    kills_of_either_lose_no_use_and_double_none,
    a_restart_beside_a_silent_license_server_gives_no_more_volume,
    what_answers_in_the_servers_place_takes_no_lease_away,
    a_refusal_holds_when_the_server_is_away,
}

const PATIENCE: Duration = Duration::from_secs(30);

/// A license server with short leases, and the claims of the license that is installed there.
fn license_server(change: impl Fn(&mut Claims)) -> (LicenseServer, Claims) {
    let server = LicenseServer::start(Options::default().with("OZ_LICENSE_LEASE_TTL", "3s"));
    let mut claims = claims(&server);
    change(&mut claims);
    install(&server, &claims);
    (server, claims)
}

/// With this license server.
fn at(options: Options, server: &LicenseServer) -> Options {
    let secret = fs_err::read_to_string(server.data.join("join.secret")).expect("the join secret");
    options.with("OZ_LICENSE_SERVER_URL", &server.base).with("OZ_LICENSE_JOIN_SECRET", secret.trim())
}

fn ask(client: &Client) -> Answer {
    try_ask(client).expect("an answer")
}

fn try_ask(client: &Client) -> Result<Answer, ureq::Error> {
    let payload =
        json!({"folder:meta_data": {}, "media:tags": {"p": ["photo_selfie"]}, "analyses": [{"type": "QUALITY"}]});
    let (payload, still) = (payload.to_string(), live_still());
    client.try_form(
        "/api/folders/",
        &[],
        &[Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &still)],
    )
}

fn wait_for(server: &Server, what: impl Fn(&str) -> bool) -> String {
    until("the license's state", PATIENCE, || {
        let health = server.anonymous().get("/api/healthcheck").json();
        health["checks"]["license"]["message"].as_str().filter(|text| what(text)).map(str::to_owned)
    })
}

/// What the ledger of the license server has counted.
fn counted(server: &LicenseServer) -> i64 {
    let license = server.admin().get("/api/license").expect(200);
    license["used"].as_object().expect("used").values().filter_map(Value::as_i64).sum()
}

fn holders(server: &LicenseServer) -> Vec<String> {
    let license = server.admin().get("/api/license").expect(200);
    let holders = license["leases"].as_array().expect("leases");
    holders.iter().map(|lease| lease["instance_id"].as_str().expect("instance_id").to_owned()).collect()
}

fn a_node_works_on_a_lease_and_tells_what_it_used(options: Options) {
    let (office, _) = license_server(|_| {});
    let mut server = Server::start_new(at(options, &office));
    wait_for(&server, |text| text.starts_with("active: lease of the license server"));
    for _ in 0..3 {
        ask(&server.client()).expect(201);
    }
    until("the use is told", PATIENCE, || (counted(&office) == 3).then_some(()));
    assert_eq!(holders(&office).len(), 1);
    // Whoever stops gives its instance back, and tells what it used last.
    ask(&server.client()).expect(201);
    assert!(server.stop().success());
    assert_eq!((counted(&office), holders(&office).len()), (4, 0));
}

fn without_its_license_server_a_node_goes_on_and_tells_later(options: Options) {
    let (mut office, _) = license_server(|_| {});
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { data: Some(folder.path().to_owned()), ..at(options, &office) };
    let mut server = Server::start_new(options.clone());
    wait_for(&server, |text| text.starts_with("active"));
    office.kill();
    wait_for(&server, |text| text.contains("work goes on until"));
    ask(&server.client()).expect(201);
    // A restart in between: the lease and the counts are kept.
    server.kill();
    let server = Server::start_with(options);
    wait_for(&server, |text| text.starts_with("active") && text.contains("work goes on until"));
    ask(&server.client()).expect(201);
    office.restart();
    until("the use is told", PATIENCE, || (counted(&office) == 2).then_some(()));
    wait_for(&server, |text| text.starts_with("active") && !text.contains("work goes on until"));
}

fn a_copied_data_folder_does_not_make_one_node_of_two(options: Options) {
    let (office, _) = license_server(|_| {});
    let first = Server::start_new(at(options.clone(), &office));
    wait_for(&first, |text| text.starts_with("active"));
    let copy = tempfile::tempdir().expect("a folder");
    for name in ["instance.id", "lease.json"] {
        fs_err::copy(first.data.join(name), copy.path().join(name)).expect("a copy");
    }
    // Each node on a database of its own, as two machines from one image would be.
    let copied = Options { data: Some(copy.path().to_owned()), database_url: None, ..at(options, &office) };
    let second = Server::start_new(copied);
    until("both have a lease of their own", PATIENCE, || (holders(&office).len() == 2).then_some(()));
    let name = |data: &Path| fs_err::read_to_string(data.join("instance.id")).expect("a name");
    assert_ne!(name(&first.data), name(copy.path()));
    ask(&first.client()).expect(201);
    ask(&second.client()).expect(201);
    until("both are counted", PATIENCE, || (counted(&office) == 2).then_some(()));
}

fn one_node_too_many_waits_for_an_instance(options: Options) {
    let (office, _) = license_server(|claims| claims.limits.instances = Some(1));
    let mut first = Server::start_new(at(options.clone(), &office));
    wait_for(&first, |text| text.starts_with("active"));
    let other = Options { database_url: None, ..at(options, &office) };
    let second = Server::start_new(other);
    wait_for(&second, |text| text.starts_with("no_lease: all 1 instances"));
    let refused = ask(&second.client()).refused(403, 1500);
    assert_eq!(refused["details"]["state"], "no_lease");
    // A node that dies frees its instance when its lease is over.
    first.kill();
    wait_for(&second, |text| text.starts_with("active"));
    ask(&second.client()).expect(201);
}

fn a_license_that_ends_at_the_server_ends_at_the_node_and_a_new_one_begins(options: Options) {
    let (office, mut claims) = license_server(|claims| {
        claims.expires_at = Some(after(12));
        claims.grace_days = 0;
    });
    let server = Server::start_new(at(options, &office));
    wait_for(&server, |text| text.starts_with("expired"));
    ask(&server.client()).refused(403, 1500);
    (claims.revision, claims.expires_at) = (2, None);
    install(&office, &claims);
    wait_for(&server, |text| text.starts_with("active"));
    ask(&server.client()).expect(201);
}

fn a_node_that_lost_its_license_server_gets_no_trial(options: Options) {
    let (office, _) = license_server(|_| {});
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("no.oz");
    let options = Options { data: Some(folder.path().join("data")), ..options }
        .with("OZ_LICENSE_FILE", nowhere.to_str().expect("a path"));
    let server = Server::start_new(at(options.clone(), &office));
    wait_for(&server, |text| text.starts_with("active"));
    drop(server);
    let server = Server::start_with(options);
    wait_for(&server, |text| text.starts_with("invalid: the license is missing"));
    ask(&server.client()).refused(403, 1500);
}

fn kills_of_either_lose_no_use_and_double_none(options: Options) {
    let rounds: u64 = if std::env::var_os("OZ_SLOW").is_some() { 200 } else { 10 };
    let (mut office, _) = license_server(|claims| claims.limits.analyses = None);
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { data: Some(folder.path().to_owned()), ..at(options, &office) };
    let mut server = Server::start_new(options.clone());
    let mut acknowledged = 0;
    for round in 0..rounds {
        wait_for(&server, |text| text.starts_with("active"));
        let client = server.client();
        let asking =
            std::thread::spawn(move || (0..6).filter(|_| try_ask(&client).is_ok_and(|a| a.status == 201)).count());
        // Somewhere in the middle of requests, of batches, of answers.
        let moment = Duration::from_millis(400 + (round * 2_654_435_761) % 2_900);
        oz_testkit::server::pause(moment);
        if round % 2 == 0 {
            server.kill();
            acknowledged += asking.join().expect("it ends");
            server = Server::start_with(options.clone());
        } else {
            office.kill();
            acknowledged += asking.join().expect("it ends");
            office.restart();
        }
    }
    wait_for(&server, |text| text.starts_with("active"));
    let total = server.client().get("/api/folders/").expect(200)["total"].as_i64().expect("a total");
    assert!(total >= i64::try_from(acknowledged).expect("a number"), "{total} folders, {acknowledged} acknowledged");
    // The end of a node tells what is left.
    assert!(server.stop().success());
    until("all use is told", PATIENCE, || (counted(&office) == total).then_some(()));
}

fn a_restart_beside_a_silent_license_server_gives_no_more_volume(options: Options) {
    let few = Some(Volume { count: 3, period: Period::Month });
    let (mut office, _) = license_server(|claims| claims.limits.analyses = few);
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options { data: Some(folder.path().to_owned()), ..at(options, &office) };
    let mut server = Server::start_new(options.clone());
    wait_for(&server, |text| text.starts_with("active"));
    ask(&server.client()).expect(201);
    until("the use is told", PATIENCE, || (counted(&office) == 1).then_some(()));
    office.kill();
    server.kill();
    let mut server = Server::start_with(options.clone());
    wait_for(&server, |text| text.starts_with("active") && text.contains("work goes on until"));
    for _ in 0..2 {
        ask(&server.client()).expect(201);
    }
    ask(&server.client()).refused(403, 1502);
    server.kill();
    let server = Server::start_with(options);
    wait_for(&server, |text| text.starts_with("active") && text.contains("work goes on until"));
    ask(&server.client()).refused(403, 1502);
}

fn what_answers_in_the_servers_place_takes_no_lease_away(options: Options) {
    let (mut office, _) = license_server(|_| {});
    let mut server = Server::start_new(at(options, &office));
    wait_for(&server, |text| text.starts_with("active"));
    let name = || fs_err::read_to_string(server.data.join("instance.id")).expect("a name");
    let before = name();
    office.kill();
    // A proxy with a wrong route.
    let address = office.base.trim_start_matches("http://").to_owned();
    let listener = until("the port is free", PATIENCE, || std::net::TcpListener::bind(&address).ok());
    let answered = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&answered);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            counting.fetch_add(1, Ordering::Relaxed);
        }
    });
    until("it was asked a few times", PATIENCE, || (answered.load(Ordering::Relaxed) > 3).then_some(()));
    wait_for(&server, |text| text.starts_with("active") && text.contains("work goes on until"));
    ask(&server.client()).expect(201);
    assert_eq!(name(), before);
    // The lease was not given back, as nobody was there to take it; it is not worked with again all the same.
    assert!(server.stop().success());
    assert!(matches!(server.data.join("lease.json").try_exists(), Ok(false)));
}

fn a_refusal_holds_when_the_server_is_away(options: Options) {
    let (mut office, mut claims) = license_server(|_| {});
    let server = Server::start_new(at(options, &office));
    wait_for(&server, |text| text.starts_with("active"));
    (claims.revision, claims.limits.instances) = (2, Some(0));
    install(&office, &claims);
    wait_for(&server, |text| text.starts_with("no_lease: all 0 instances"));
    office.kill();
    wait_for(&server, |text| text.starts_with("no_lease: there is no lease"));
    ask(&server.client()).refused(403, 1500);
}
