//! Tokens for machines, for captures, and for a node without rows.

use crate::support::client::{Client, Part};
use crate::support::fixtures::live_still;
use crate::support::jwt::{HEADER, claims, signed};
use crate::support::server::{CLIENT, Options, Server};
use oz_testkit::on_both;
use serde_json::{Value, json};

on_both! {
    a_service_gets_a_long_life_from_itself_or_from_who_may_give_it,
    a_capture_makes_what_its_user_owns_and_does_nothing_else,
}

fn with(server: &Server, token: &Value) -> Client {
    let mut client = server.anonymous();
    client.token = Some(token.as_str().expect("a token").to_owned());
    client
}

fn user_id(client: &Client) -> String {
    claims(client.token.as_deref().expect("a token"))["sub"].as_str().expect("an id").to_owned()
}

fn folder(client: &Client) -> crate::support::client::Answer {
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}}).to_string();
    client.form("/api/folders/", &[Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &live_still())])
}

fn a_service_gets_a_long_life_from_itself_or_from_who_may_give_it(options: Options) {
    let server = Server::start_new(options);
    let service = server.user("service@example.com", "CLIENT_SERVICE", Some("Bank"));
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    let stranger = server.user("chief@else.example", "CLIENT_ADMIN", Some("Else"));
    let id = user_id(&service);
    let five_years = 5.0 * 365.0 * 86400.0;
    for (client, path) in [
        (&service, "/api/authorize/service_token/".to_owned()),
        (&server.admin(), format!("/api/authorize/service_token/{id}")),
        (&chief, format!("/api/authorize/service_token/{id}/")),
    ] {
        for method in ["GET", "POST"] {
            let answer = client.send(method, &path, &[], None).expect(200);
            assert!(answer.get("expire_token").is_none(), "{answer}");
            assert_eq!(
                (&answer["user"]["user_id"], &answer["user"]["user_type"]),
                (&json!(id), &json!("CLIENT_SERVICE"))
            );
            let token = with(&server, &answer["access_token"]);
            let said = claims(token.token.as_deref().expect("a token"));
            let life = said["exp"].as_f64().expect("seconds") - said["iat"].as_f64().expect("seconds");
            assert!((life - five_years).abs() < 2.0, "{life}");
            assert_eq!(token.get("/api/folders/").status, 200);
            let kinds = token.get("/api/users/sessions?limit=1").expect(200);
            assert_eq!(kinds["items"][0]["kind"], "service");
        }
    }
    chief.get("/api/authorize/service_token").refused(403, 9);
    server.client().get("/api/authorize/service_token").refused(403, 9);
    server.client().get(&format!("/api/authorize/service_token/{id}")).refused(403, 9);
    stranger.get(&format!("/api/authorize/service_token/{id}")).refused(404, 10);
    let person = user_id(&server.client());
    chief.get(&format!("/api/authorize/service_token/{person}")).refused(400, 4);
    chief.get("/api/authorize/service_token/x").refused(404, 10);
}

fn a_capture_makes_what_its_user_owns_and_does_nothing_else(options: Options) {
    let server = Server::start_new(options);
    for (role, company) in
        [("CLIENT", Some("Bank")), ("CLIENT_ADMIN", Some("Bank")), ("CLIENT_SERVICE", Some("Bank")), ("ADMIN", None)]
    {
        let user = server.user(&format!("its-{role}@example.com"), role, company);
        let answer = user.get("/api/authorize/session_token/").expect(200);
        let said = claims(answer["session_token"].as_str().expect("a token"));
        assert_eq!(said["purpose"], "capture");
        assert!(said["exp"].as_i64().expect("exp") - said["iat"].as_i64().expect("iat") <= 900);
        let capture = with(&server, &answer["session_token"]);
        let made = folder(&capture).expect(201);
        let id = made["folder_id"].as_str().expect("an id");
        // Ids and nothing else: whoever holds the phone learns no verdict.
        assert_eq!(made, json!({"folder_id": id}));
        let at = |rest: &str| format!("/api/folders/{id}/{rest}");
        capture.form(&at("media/"), &[Part("q", Some("q.jpg"), &live_still())]).expect(201);
        let asked = json!({"analyses": [{"type": "QUALITY"}]});
        let started = capture.json("POST", &at("analyses/"), &asked).expect(201);
        assert_eq!(started, json!([{"analysis_id": started[0]["analysis_id"]}]));
        // Another's folder is not there, though its user might reach it.
        let foreign = folder(&server.client()).expect(201);
        let foreign = format!("/api/folders/{}/analyses/", foreign["folder_id"].as_str().expect("an id"));
        capture.json("POST", &foreign, &asked).refused(404, 10);
        // Nothing is read, changed, deleted, issued or ended.
        for path in [
            "/api/folders/",
            &at(""),
            &at("analyses"),
            "/api/config",
            "/api/users/sessions",
            "/api/authorize/session_token",
            "/api/authorize/service_token",
        ] {
            capture.get(path).refused(403, 9);
        }
        capture.delete(&at("")).refused(403, 9);
        capture.delete("/api/authorize/auth").refused(403, 9);
        capture.json("POST", "/api/authorize/refresh", &json!({"expire_token": "x"})).refused(403, 9);
        let own = format!("/api/users/{}/change-password", user_id(&user));
        capture.json("POST", &own, &json!({"new_password": "correct horse"})).refused(403, 9);
        // Without its purpose it is no token at all.
        let mut person = said.clone();
        person.as_object_mut().expect("claims").remove("purpose");
        with(&server, &json!(signed(&server, HEADER, &person))).get("/api/folders/").refused(401, 7);
        // It ends alone.
        let end = format!("/api/users/sessions/{}", said["jti"].as_str().expect("an id"));
        assert_eq!(user.delete(&end).status, 204);
        folder(&capture).refused(401, 7);
        assert_eq!(user.get("/api/folders/").status, 200);
    }
    server.user("operator@example.com", "OPERATOR", None).get("/api/authorize/session_token").refused(403, 9);
}

#[test]
fn a_node_without_rows_believes_a_signature_until_its_end() {
    let server = Server::start();
    let key = server.data.join("secrets/jwt.pem").display().to_string();
    let stateless = Options::default().with("OZ_JWT_PRIVATE_KEY_PATH", &key).with("OZ_APP_COMPONENTS", "stateless");
    let node = Server::start_with(stateless.clone());
    let token = server.client().token.expect("a token");
    let said = claims(&token);
    let get = |claims: &Value| with(&node, &json!(signed(&server, HEADER, claims))).get("/api/config");
    assert_eq!(get(&said).status, 200);
    let moved = |iat: i64, exp: i64| {
        let mut other = said.clone();
        other["iat"] = json!(said["iat"].as_i64().expect("iat") + iat);
        other["exp"] = json!(said["exp"].as_i64().expect("exp") + exp);
        other
    };
    // A clock five minutes ahead is forgiven (less what this test has taken); more is not, and neither is a long life.
    assert_eq!(get(&moved(290, 290)).status, 200);
    get(&moved(400, 400)).refused(401, 7);
    get(&moved(0, 60)).refused(401, 7);
    get(&moved(-2000, -2000)).refused(401, 8);
    with(&node, &json!(token.replace('.', "x"))).get("/api/config").refused(401, 7);
    node.anonymous().get("/api/config").refused(401, 6);
    // It has no rows, so nothing that needs them.
    let body = json!({"credentials": {"email": CLIENT.0, "password": CLIENT.1}});
    node.anonymous().json("POST", "/api/authorize/auth", &body).refused(404, 10);
    // Without any authorization only when it is said, and never on a node with rows; health tells.
    let open = Server::start_with(stateless.with("OZ_AUTHORIZE_DISABLED_STATELESS", "true"));
    assert_eq!(open.anonymous().get("/api/config").status, 200);
    let health = open.anonymous().get("/api/healthcheck").expect(200);
    assert_eq!(
        (&health["status"], &health["checks"]["authorization"]["status"]),
        (&json!("degraded"), &json!("degraded"))
    );
    let full = Server::start_new(Options::default().with("OZ_AUTHORIZE_DISABLED_STATELESS", "true"));
    full.anonymous().get("/api/config").refused(401, 6);
}
