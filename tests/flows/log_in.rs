//! Coming in: what a wrong password says, what it costs, and who comes too often.

use crate::support::client::{Answer, Client};
use crate::support::jwt::claims;
use crate::support::server::{ADMIN, CLIENT, Options, Server, until};
use oz_testkit::on_both;
use serde_json::json;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

on_both! {
    a_wrong_password_delays_the_next_try_whether_anybody_has_the_address,
    many_guesses_at_once_tell_no_more_than_one,
    many_right_log_ins_at_once_all_come_in,
    one_neighbourhood_does_not_keep_others_out,
    a_log_in_under_way_does_not_outlive_its_password,
    rates_hold_in_memory,
    rates_hold_in_the_database,
}

/// Log-ins under way from one neighbourhood (`api/src/auth/password.rs`).
const NEAR: usize = 16;

fn log_in(client: &Client, email: &str, password: &str) -> Answer {
    let body = json!({"credentials": {"email": email, "password": password}});
    client.json("POST", "/api/authorize/auth", &body)
}

#[test]
fn a_wrong_log_in_says_nothing_about_what_is_wrong() {
    let server = Server::start();
    let wrong = |email: &str, password: &str| log_in(&server.anonymous(), email, password).refused(401, 7);
    let texts = [
        wrong(CLIENT.0, "wrong password"),
        wrong("nobody@example.com", CLIENT.1),
        wrong(ADMIN.0, ""),
        wrong("", CLIENT.1),
        wrong("long@example.com", &"x".repeat(1025)),
    ];
    assert!(texts.iter().all(|text| text["error_message"] == texts[0]["error_message"]), "{texts:?}");
    // Nobody's password is so long; the body is not even kept.
    let long = log_in(&server.anonymous(), CLIENT.0, &"x".repeat(16 << 10));
    long.refused(413, 1511);
    // Nothing of it reached the log.
    let log = server.log_text();
    assert!(!log.contains("wrong password") && !log.contains("example.com"), "{log}");
}

fn a_wrong_password_delays_the_next_try_whether_anybody_has_the_address(options: Options) {
    let server = Server::start_new(options);
    let client = server.anonymous();
    for email in [CLIENT.0, "nobody@example.com"] {
        log_in(&client, email, "wrong password").refused(401, 7);
        let delayed = log_in(&client, &email.to_uppercase(), CLIENT.1);
        delayed.refused(429, 1521);
        assert_eq!(delayed.header("retry-after"), Some("1"), "{email}");
    }
    // Others come in meanwhile; a right password comes in after the delay, and then nothing is remembered.
    assert_eq!(log_in(&client, ADMIN.0, ADMIN.1).status, 200);
    until("the delay is over", Duration::from_secs(10), || {
        (log_in(&client, CLIENT.0, CLIENT.1).status == 200).then_some(())
    });
    log_in(&client, CLIENT.0, "wrong password").refused(401, 7);
    assert_eq!(log_in(&client, CLIENT.0, CLIENT.1).header("retry-after"), Some("1"), "the first failure again");
}

fn many_guesses_at_once_tell_no_more_than_one(options: Options) {
    let server = Server::start_new(options);
    let start = Instant::now();
    let guesses: Vec<_> = (0..8)
        .map(|guess| {
            let client = server.anonymous();
            std::thread::spawn(move || log_in(&client, CLIENT.0, &format!("wrong password {guess}")).status)
        })
        .collect();
    let statuses: Vec<u16> = guesses.into_iter().map(|guess| guess.join().expect("an answer")).collect();
    let told = statuses.iter().filter(|status| **status == 401).count();
    // On a slow machine a delay may be over before the last guess is looked at: as many as would come one after another.
    let mut allowed = 1;
    while start.elapsed() >= Duration::from_secs((1 << allowed) - 1) {
        allowed += 1;
    }
    assert!((1..=allowed).contains(&told), "{statuses:?} in {:?}", start.elapsed());
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
}

fn many_right_log_ins_at_once_all_come_in(options: Options) {
    let server = Server::start_new(options);
    let comers: Vec<_> = (0..8)
        .map(|_| {
            let client = server.anonymous();
            std::thread::spawn(move || log_in(&client, CLIENT.0, CLIENT.1).status)
        })
        .collect();
    for comer in comers {
        assert_eq!(comer.join().expect("an answer"), 200);
    }
}

/// A quarter of the places is the most that one network gets, whichever of its addresses ask.
fn one_neighbourhood_does_not_keep_others_out(options: Options) {
    let server = Server::start_new(options.with("OZ_TRUSTED_PROXIES", "127.0.0.1"));
    // All at once: right passwords, so that nobody waits for a failure.
    let crowd = |addresses: Vec<String>| -> Vec<Answer> {
        let door = Arc::new(Barrier::new(addresses.len()));
        let comers: Vec<_> = addresses
            .into_iter()
            .map(|address| {
                let (client, door) = (server.anonymous(), Arc::clone(&door));
                std::thread::spawn(move || {
                    let body = json!({"credentials": {"email": CLIENT.0, "password": CLIENT.1}}).to_string();
                    let headers = [("X-Forwarded-For", address.as_str())];
                    door.wait();
                    client.send("POST", "/api/authorize/auth", &headers, Some(("application/json", body.into())))
                })
            })
            .collect();
        comers.into_iter().map(|comer| comer.join().expect("an answer")).collect()
    };
    let network = |count: usize| (0..count).map(|n| format!("2001:db8::{:x}", n + 1));
    // As many as it may have, and as many from this very machine, which is counted with all others only.
    let many = crowd(network(NEAR).chain((0..NEAR + 1).map(|_| "127.0.0.1".to_owned())).collect());
    assert!(many.iter().all(|answer| answer.status == 200), "{many:?}");
    // Four times as many as fit, and one from elsewhere among them.
    let mut many = crowd(network(4 * NEAR).chain(["2001:db8:0:1::1".to_owned()]).collect());
    assert_eq!(many.pop().map(|answer| answer.status), Some(200), "somebody from elsewhere");
    let (welcome, refused): (Vec<_>, Vec<_>) = many.iter().partition(|answer| answer.status == 200);
    assert!(welcome.len() >= NEAR && !refused.is_empty(), "{} came in, of {}", welcome.len(), many.len());
    for answer in refused {
        let told = answer.refused(429, 1521);
        assert!(told["error_message"].as_str().is_some_and(|text| text.contains("log-ins at once")), "{told}");
    }
    // The room comes back.
    assert!(crowd(network(NEAR).collect()).iter().all(|answer| answer.status == 200));
}

/// Whichever comes first: a log-in with the old password is refused, or its session ends with the password.
fn a_log_in_under_way_does_not_outlive_its_password(options: Options) {
    let server = Server::start_new(options);
    let (admin, client) = (server.admin(), server.client());
    let id = claims(client.token.as_deref().expect("a token"))["sub"].as_str().expect("an id").to_owned();
    let comers: Vec<_> = (0..8)
        .map(|_| {
            let client = server.anonymous();
            std::thread::spawn(move || {
                let answer = log_in(&client, CLIENT.0, CLIENT.1);
                (answer.status, answer.json()["access_token"].as_str().map(str::to_owned))
            })
        })
        .collect();
    let change = json!({"new_password": "a new battery staple"});
    assert_eq!(admin.json("POST", &format!("/api/users/{id}/change-password"), &change).status, 204);
    for comer in comers {
        let (status, token) = comer.join().expect("an answer");
        assert!([200, 401, 429].contains(&status), "{status}");
        assert_eq!(token.is_some(), status == 200);
        if let Some(token) = token {
            let mut client = server.anonymous();
            client.token = Some(token);
            client.get("/api/folders/").refused(401, 7);
        }
    }
}

/// Interleaved, so that whatever else the machine does falls on both; medians, so that one hiccup counts for nothing.
#[test]
fn an_unknown_address_takes_as_long_as_a_wrong_password() {
    const USERS: usize = 16;
    const ROUNDS: usize = 3;
    let server = Server::start();
    let client = server.anonymous();
    let known = |n| format!("known{n}@example.com");
    (0..USERS).for_each(|n| server.add_user(&known(n), "CLIENT", Some("Bank")));
    let mut times = [Vec::new(), Vec::new()];
    for n in (0..USERS).cycle().take(USERS * ROUNDS) {
        for (kind, email) in [known(n), format!("unknown{n}@example.com")].iter().enumerate() {
            // Delayed by the round before: not measured, and waited for.
            let took = until("the delay is over", Duration::from_secs(20), || {
                let start = Instant::now();
                let status = log_in(&client, email, "wrong password").status;
                (status == 401).then(|| start.elapsed())
            });
            times[kind].push(took.as_secs_f64());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    let ratio = known / unknown;
    assert!((0.8..1.25).contains(&ratio), "known {known} s, unknown {unknown} s");
}

fn rates_hold_in_memory(options: Options) {
    rates_hold_for_each_class_apart(options, "false");
}

fn rates_hold_in_the_database(options: Options) {
    rates_hold_for_each_class_apart(options, "true");
}

fn rates_hold_for_each_class_apart(options: Options, shared: &str) {
    let rates = r#"{"auth":"3/h","rest_unauthorized":"2/h","rps_with_token":"4/h"}"#;
    let server = Server::start_new(options.with("OZ_THROTTLING_RATES", rates).with("OZ_THROTTLING_SHARED", shared));
    let client = server.client();
    for _ in 0..4 {
        assert_eq!(client.get("/api/folders/").status, 200);
    }
    let refused = client.get("/api/folders/");
    refused.refused(429, 1521);
    let wait: u64 = refused.header("retry-after").and_then(|t| t.parse().ok()).expect("seconds");
    assert!((1..=3600).contains(&wait), "{wait}");
    // Another token has its own count, and so has each class.
    let other = server.admin();
    assert_eq!(other.get("/api/folders/").status, 200);
    for _ in 0..2 {
        server.anonymous().get("/api/folders/").refused(401, 6);
    }
    server.anonymous().get("/api/folders/").refused(429, 1521);
    assert_eq!(other.get("/api/folders/").status, 200);
    assert_eq!(log_in(&server.anonymous(), CLIENT.0, CLIENT.1).status, 200);
    log_in(&server.anonymous(), CLIENT.0, CLIENT.1).refused(429, 1521);
}
