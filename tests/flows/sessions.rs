//! Log-in, refresh, log-out, and what a token is good for.

use crate::support::client::Client;
use crate::support::jwt::{HEADER, claims, signed};
use crate::support::server::{CLIENT, Options, Server, until};
use crate::support::stored;
use oz_testkit::on_both;
use serde_json::json;
use std::time::Duration;

on_both! {
    a_token_comes_is_renewed_once_and_ends,
    a_secret_that_was_used_twice_ends_its_family,
    a_thief_is_out_when_the_owner_comes_with_its_old_pair,
    a_session_ends_in_time_unless_it_is_used,
    sessions_are_seen_and_ended_as_far_as_one_reaches,
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

/// Two thefts in a row, even: the owner's pair is dead when it comes back, and that it comes back tells of them.
fn a_thief_is_out_when_the_owner_comes_with_its_old_pair(options: Options) {
    let server = Server::start_new(options.clone());
    let body = json!({"credentials": {"email": CLIENT.0, "password": CLIENT.1}});
    let first = server.anonymous().json("POST", "/api/authorize/auth", &body).expect(200);
    let other = server.client();
    let refresh = |client: &Client, pair: &serde_json::Value| {
        client.json("POST", "/api/authorize/refresh", &json!({"expire_token": pair["expire_token"]}))
    };
    let come = |pair: &serde_json::Value| with(&server, pair["access_token"].as_str().expect("a token"));
    let owner = come(&first);
    let (mut pair, mut thief) = (first.clone(), come(&first));
    for _ in 0..2 {
        pair = refresh(&thief, &pair).expect(200);
        thief = come(&pair);
        assert_eq!(thief.get("/api/folders/").status, 200);
    }
    owner.get("/api/folders/").refused(401, 7);
    // Half of the pair proves nothing.
    refresh(&owner, &pair).refused(401, 7);
    refresh(&server.anonymous(), &first).refused(401, 6);
    assert_eq!(thief.get("/api/folders/").status, 200);
    refresh(&owner, &first).refused(401, 7);
    thief.get("/api/folders/").refused(401, 7);
    refresh(&thief, &pair).refused(401, 7);
    assert_eq!(other.get("/api/folders/").status, 200, "another log-in of the owner goes on");
    assert!(stored::deeds(&options, &server.data).iter().any(|deed| deed == "revoke session"));
}

fn with(server: &Server, token: impl Into<String>) -> Client {
    let mut client = server.anonymous();
    client.token = Some(token.into());
    client
}

#[test]
fn a_token_that_was_touched_is_no_token() {
    let server = Server::start();
    let token = server.client().token.expect("a token");
    let said = claims(&token);
    let get = |token: String| with(&server, token).get("/api/folders/");
    assert_eq!(get(signed(&server, HEADER, &said)).status, 200, "what the server would sign is good");
    // Another algorithm, even signed by our own key.
    for alg in ["none", "HS384", "ES256", "es384"] {
        let header = format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
        get(signed(&server, &header, &said)).refused(401, 7);
        let unsigned = signed(&server, &header, &said);
        get(unsigned.rsplit_once('.').expect("a signature").0.to_owned() + ".").refused(401, 7);
    }
    get(signed(&server, r#"{"typ":"JWT","alg":"ES384"}"#, &said)).refused(401, 7);
    // Another user, another session, another purpose: signed, but not as the row says.
    for (name, value) in [("sub", &said["jti"]), ("jti", &said["sub"]), ("purpose", &json!("capture"))] {
        let mut other = said.clone();
        other[name] = value.clone();
        get(signed(&server, HEADER, &other)).refused(401, 7);
    }
    // A changed claim under the old signature.
    let mut admin = said.clone();
    admin["role"] = json!("ADMIN");
    let [forged, real] = [signed(&server, HEADER, &admin), token.clone()];
    let body = forged.rsplit_once('.').expect("a signature").0;
    let signature = real.rsplit_once('.').expect("a signature").1;
    get(format!("{body}.{signature}")).refused(401, 7);
    // Another node's key.
    let elsewhere = Server::start();
    get(signed(&elsewhere, HEADER, &said)).refused(401, 7);
    for nonsense in ["x", "a.b.c", &"a".repeat(5000)] {
        get(nonsense.to_owned()).refused(401, 7);
    }
    server.anonymous().get("/api/folders/").refused(401, 6);
    // Both are documented spellings of the header.
    let answer = server.anonymous().send("GET", "/api/folders", &[("X-Forensics-Access-Token", &token)], None);
    assert_eq!(answer.status, 200);
    assert!(!server.log_text().contains(&token));
}

#[test]
fn the_row_is_the_truth_not_the_clock_of_another_node() {
    let server = Server::start();
    let said = claims(&server.client().token.expect("a token"));
    for seconds in [300, -3600] {
        let mut other = said.clone();
        for name in ["iat", "exp"] {
            other[name] = json!(said[name].as_i64().expect("seconds") + seconds);
        }
        assert_eq!(with(&server, signed(&server, HEADER, &other)).get("/api/folders/").status, 200, "{seconds}");
    }
}

fn a_session_ends_in_time_unless_it_is_used(options: Options) {
    let server = Server::start_new(options.with("OZ_SESSION_TTL", "2s"));
    let (unused, used) = (server.client(), server.client());
    let capture = used.get("/api/authorize/session_token").expect(200);
    let capture = with(&server, capture["session_token"].as_str().expect("a token"));
    // A token of a capture ends whatever is done with it. It is younger than the others.
    until("it ends", Duration::from_secs(20), || {
        assert_eq!(used.get("/api/folders/").status, 200, "every use begins its life anew");
        (capture.json("POST", "/api/folders/", &json!({})).status == 401).then_some(())
    });
    capture.json("POST", "/api/folders/", &json!({})).refused(401, 8);
    unused.get("/api/folders/").refused(401, 8);
}

fn sessions_are_seen_and_ended_as_far_as_one_reaches(options: Options) {
    let server = Server::start_new(options);
    let (ann, admin) = (server.client(), server.admin());
    let again = server.client();
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    let stranger = server.user("chief@else.example", "CLIENT_ADMIN", Some("Else"));
    let own = ann.get("/api/users/sessions").expect(200);
    assert_eq!((own["total"].as_i64(), own["items"].as_array().map(Vec::len)), (Some(2), Some(2)));
    let current: Vec<_> = own["items"].as_array().into_iter().flatten().filter(|s| s["is_current"] == true).collect();
    let mine = claims(ann.token.as_deref().expect("a token"));
    assert_eq!((current.len(), &current[0]["token_id"]), (1, &mine["jti"]));
    assert_eq!((&current[0]["session_id"], &current[0]["kind"]), (&mine["jti"], &json!("person")));
    assert!(current[0]["time_expires"].as_f64() > current[0]["time_created"].as_f64());
    // Both ways to page, and no count when none is asked for.
    let first = ann.get("/api/users/sessions/?limit=1&total_omit=true").expect(200);
    assert!(first.get("total").is_none());
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let next = ann.get(&format!("/api/users/sessions/?limit=1&cursor={cursor}")).expect(200);
    assert_eq!(next["items"], ann.get("/api/users/sessions/?limit=1&offset=1").expect(200)["items"]);
    assert_eq!(next["items"].as_array().map(Vec::len), Some(1));
    // The company, everybody, and nobody of another company.
    let user = mine["sub"].as_str().expect("an id");
    let of_ann = format!("/api/users/sessions?user_id={user}");
    for (client, all, anns) in [(&admin, 5, 2), (&chief, 3, 2), (&stranger, 1, 0)] {
        assert_eq!(client.get("/api/users/sessions").expect(200)["total"], all);
        assert_eq!(client.get(&of_ann).expect(200)["total"], anns);
    }
    admin.get("/api/users/sessions?user_id=x").refused(400, 4);
    let id =
        |client: &Client| claims(client.token.as_deref().expect("a token"))["jti"].as_str().expect("an id").to_owned();
    let end = |client: &Client, of: &Client| client.delete(&format!("/api/users/sessions/{}", id(of)));
    end(&stranger, &ann).refused(404, 10);
    end(&ann, &chief).refused(404, 10);
    ann.delete("/api/users/sessions/x").refused(404, 10);
    assert_eq!(end(&ann, &again).status, 204);
    again.get("/api/folders/").refused(401, 7);
    assert_eq!(end(&chief, &ann).status, 204);
    ann.get("/api/folders/").refused(401, 7);
    assert_eq!(end(&admin, &stranger).status, 204);
    stranger.get("/api/folders/").refused(401, 7);
    assert_eq!(admin.get(&of_ann).expect(200)["total"], 0);
}
