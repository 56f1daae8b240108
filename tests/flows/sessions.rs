//! Log-in, refresh, log-out, and what a token is good for.

use crate::support::server::{CLIENT, Options, Server};
use oz_testkit::on_both;
use serde_json::json;

on_both! {
    a_token_comes_is_renewed_once_and_ends,
    a_secret_that_was_used_twice_ends_its_family,
    a_wrong_log_in_says_nothing_about_what_is_wrong,
}

fn a_token_comes_is_renewed_once_and_ends(options: Options) {
    let server = Server::start_new(options);
    let body = json!({"credentials": {"email": "CLIENT@example.com ", "password": CLIENT.1}});
    let answer = server.anonymous().json("POST", "/api/authorize/auth", &body).expect(200);
    assert_eq!(answer["user"]["user_type"], "CLIENT");
    assert_eq!(answer["token_id"], answer["session_id"]);
    let mut client = server.anonymous();
    client.token = answer["access_token"].as_str().map(str::to_owned);
    let listed = client.get("/api/folders/");
    assert_eq!(listed.status, 200);
    assert!(listed.header("x-token-expires").and_then(|t| t.parse::<i64>().ok()).is_some_and(|t| t > 1_700_000_000));
    client.json("POST", "/api/authorize/refresh", &json!({})).refused(400, 3);
    client.json("POST", "/api/authorize/refresh", &json!({"expire_token": "x"})).refused(401, 7);
    let secret = json!({"expire_token": answer["expire_token"]});
    let renewed = client.json("POST", "/api/authorize/refresh", &secret).expect(200);
    let mut fresh = server.anonymous();
    fresh.token = renewed["access_token"].as_str().map(str::to_owned);
    assert_eq!(fresh.get("/api/folders/").status, 200);
    // The old pair dies on the first use of the new one; its secret, used again, ends the family: it was stolen.
    client.get("/api/folders/").refused(401, 7);
    let log_out = fresh.delete("/api/authorize/auth");
    assert_eq!(log_out.status, 204);
    fresh.get("/api/folders/").refused(401, 7);
}

fn a_secret_that_was_used_twice_ends_its_family(options: Options) {
    let server = Server::start_new(options);
    let body = json!({"credentials": {"email": CLIENT.0, "password": CLIENT.1}});
    let first = server.anonymous().json("POST", "/api/authorize/auth", &body).expect(200);
    let with = |token: &serde_json::Value| {
        let mut client = server.anonymous();
        client.token = token.as_str().map(str::to_owned);
        client
    };
    let secret = json!({"expire_token": first["expire_token"]});
    let second = with(&first["access_token"]).json("POST", "/api/authorize/refresh", &secret).expect(200);
    let owner = with(&second["access_token"]);
    assert_eq!(owner.get("/api/folders/").status, 200);
    owner.json("POST", "/api/authorize/refresh", &secret).refused(401, 7);
    owner.get("/api/folders/").refused(401, 7);
}

fn a_wrong_log_in_says_nothing_about_what_is_wrong(options: Options) {
    let server = Server::start_new(options);
    let log_in = |email: &str, password: &str| {
        let body = json!({"credentials": {"email": email, "password": password}});
        server.anonymous().json("POST", "/api/authorize/auth", &body).refused(401, 7)
    };
    assert_eq!(
        log_in(CLIENT.0, "wrong password")["error_message"],
        log_in("nobody@example.com", CLIENT.1)["error_message"]
    );
    assert_eq!(log_in(CLIENT.0, "")["error_message"], log_in("", CLIENT.1)["error_message"]);
    let mut client = server.anonymous();
    client.get("/api/folders/").refused(401, 6);
    for nonsense in ["x", "a.b.c", &"a".repeat(5000)] {
        client.token = Some(nonsense.to_owned());
        client.get("/api/folders/").refused(401, 7);
    }
    // Both are documented spellings of the header.
    let token = server.client().token.expect("a token");
    let answer = server.anonymous().send("GET", "/api/folders", &[("X-Forensics-Access-Token", &token)], None);
    assert_eq!(answer.status, 200);
    // Nothing of it reached the log.
    let log = server.log_text();
    assert!(!log.contains("wrong password") && !log.contains("example.com") && !log.contains(&token), "{log}");
}
