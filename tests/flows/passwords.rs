//! Passwords that change, that are forgotten, and what they must be.

use crate::support::client::{Answer, Client};
use crate::support::jwt::claims;
use crate::support::mail::Sink;
use crate::support::server::{ADMIN, CLIENT, Options, Server, until};
use crate::support::stored;
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::time::Duration;

on_both! {
    ones_own_password_needs_the_old_one_and_ends_the_other_sessions,
    who_administers_sets_anothers_password_but_not_its_own_so,
    the_policy_holds_everywhere_and_former_passwords_do_not_come_back,
    a_forgotten_password_is_set_by_a_link_once,
    every_deed_is_in_the_audit_log,
}

const NEW: &str = "a new battery staple";

fn user_id(client: &Client) -> String {
    claims(client.token.as_deref().expect("a token"))["sub"].as_str().expect("an id").to_owned()
}

fn change(client: &Client, id: &str, body: &Value) -> Answer {
    client.json("POST", &format!("/api/users/{id}/change-password"), body)
}

fn log_in(server: &Server, password: &str) -> Answer {
    let body = json!({"credentials": {"email": CLIENT.0, "password": password}});
    server.anonymous().json("POST", "/api/authorize/auth", &body)
}

fn ones_own_password_needs_the_old_one_and_ends_the_other_sessions(options: Options) {
    let server = Server::start_new(options);
    let (here, elsewhere) = (server.client(), server.client());
    let id = user_id(&here);
    change(&here, &id, &json!({"new_password": NEW})).refused(400, 3);
    let weak = change(&here, &id, &json!({"old_password": CLIENT.1, "new_password": "short"})).refused(400, 4);
    assert_eq!(weak["details"]["field"], "new_password");
    assert!(!weak.to_string().contains("short\""), "{weak}");
    assert_eq!(change(&here, &id, &json!({"old_password": CLIENT.1, "new_password": NEW})).status, 204);
    assert_eq!(here.get("/api/folders/").status, 200);
    elsewhere.get("/api/folders/").refused(401, 7);
    assert_eq!(log_in(&server, NEW).status, 200);
    log_in(&server, CLIENT.1).refused(401, 7);
    // A wrong one counts as a wrong log-in; so does the one above, whose delay holds here too.
    change(&here, &id, &json!({"old_password": NEW, "new_password": CLIENT.1})).refused(429, 1521);
    let wrong = until("the delay is over", Duration::from_secs(10), || {
        let answer = change(&here, &id, &json!({"old_password": "wrong", "new_password": CLIENT.1}));
        (answer.status != 429).then_some(answer)
    });
    assert_eq!(wrong.refused(400, 4)["details"]["field"], "old_password");
    log_in(&server, NEW).refused(429, 1521);
}

fn who_administers_sets_anothers_password_but_not_its_own_so(options: Options) {
    let server = Server::start_new(options);
    let (client, admin) = (server.client(), server.admin());
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    let stranger = server.user("chief@else.example", "CLIENT_ADMIN", Some("Else"));
    let id = user_id(&client);
    let body = json!({"new_password": NEW});
    change(&stranger, &id, &body).refused(404, 10);
    change(&client, &user_id(&chief), &body).refused(404, 10);
    change(&admin, &user_id(&admin), &body).refused(400, 3);
    change(&admin, "x", &body).refused(404, 10);
    assert_eq!(change(&chief, &id, &body).status, 204);
    client.get("/api/folders/").refused(401, 7);
    assert_eq!(log_in(&server, NEW).status, 200);
    assert_eq!(change(&admin, &id, &json!({"new_password": "yet another staple"})).status, 204);
    assert_eq!(log_in(&server, "yet another staple").status, 200);
    // The call from before 3.33.0 has the same rules.
    let patch = |client: &Client, id: &str, body: Value| client.json("PATCH", &format!("/api/users/{id}"), &body);
    patch(&admin, &user_id(&admin), json!({"password": NEW})).refused(400, 3);
    patch(&chief, &id, json!({"password": "short"})).refused(400, 4);
    assert_eq!(patch(&chief, &id, json!({"password": "the very last staple"})).status, 200);
    assert_eq!(log_in(&server, "the very last staple").status, 200);
    let own = json!({"old_password": CLIENT.1, "password": NEW});
    assert_eq!(patch(&chief, &user_id(&chief), own).status, 200);
    assert_eq!(chief.get("/api/folders/").status, 200);
}

/// The values of a deed are sealed; the deed itself is not.
fn every_deed_is_in_the_audit_log(options: Options) {
    let server = Server::start_new(options.clone());
    let (admin, client) = (server.admin(), server.client());
    let service = server.user("service@example.com", "CLIENT_SERVICE", Some("Bank"));
    let count = |deed: &str| stored::deeds(&options, &server.data).iter().filter(|found| *found == deed).count();
    assert_eq!((count("log_in user"), count("issue_for service_token")), (3, 0));
    for (deed, answer) in [
        ("issue_for service_token", admin.get(&format!("/api/authorize/service_token/{}", user_id(&service)))),
        ("issue_own service_token", service.get("/api/authorize/service_token")),
        ("issue session_token", client.get("/api/authorize/session_token")),
        ("change_password user", change(&admin, &user_id(&client), &json!({"new_password": NEW}))),
        ("revoke session", service.delete("/api/authorize/auth")),
    ] {
        assert!([200, 204].contains(&answer.status), "{deed}: {}", answer.status);
        assert_eq!(count(deed), 1, "{deed}");
    }
    // What was refused is no deed.
    change(&admin, &user_id(&client), &json!({"new_password": "short"})).refused(400, 4);
    log_in(&server, CLIENT.1).refused(401, 7);
    assert_eq!((count("change_password user"), count("log_in user")), (1, 3));
}

fn the_policy_holds_everywhere_and_former_passwords_do_not_come_back(options: Options) {
    let policy = r#"{"min_length":12,"deny_common":true,"history":2}"#;
    let server = Server::start_new(options.with("OZ_PASSWORD_POLICY", policy));
    let client = server.client();
    let id = user_id(&client);
    let to = |old: &str, new: &str| change(&client, &id, &json!({"old_password": old, "new_password": new}));
    to(CLIENT.1, "password123456").refused(400, 4);
    to(CLIENT.1, "client@example.com").refused(400, 4);
    to(CLIENT.1, CLIENT.1).refused(400, 4);
    assert_eq!(to(CLIENT.1, NEW).status, 204);
    to(NEW, CLIENT.1).refused(400, 4);
    assert_eq!(to(NEW, "yet another staple").status, 204);
    assert_eq!(to("yet another staple", CLIENT.1).status, 204, "two are remembered");
}

fn a_forgotten_password_is_set_by_a_link_once(options: Options) {
    let sink = Sink::start();
    let server = Server::start_new(sink.options(options));
    let (client, anonymous) = (server.client(), server.anonymous());
    let ask = |path: &str, email: &str| anonymous.json("POST", path, &json!({"email": email})).expect(200);
    // Nobody's address first: it is answered alike, and its job is done before the other's.
    assert_eq!(ask("/api/authorize/auth_restore", "nobody@example.com"), ask("/api/authorize/restore/", CLIENT.0));
    let link = |text: &str| {
        let start = text.find("https://bank.example/restore?token=").expect("a link") + 35;
        text[start..].split_whitespace().next().expect("a token").to_owned()
    };
    let mail = sink.next();
    assert_eq!(mail.to, CLIENT.0);
    let stale = link(&mail.text);
    ask("/api/authorize/auth_restore", &CLIENT.0.to_uppercase());
    let token = link(&sink.next().text);
    let set = |token: &str, password: &str| {
        anonymous.json("POST", &format!("/api/authorize/auth_restore/{token}"), &json!({"password": password}))
    };
    set(&stale, NEW).refused(404, 10);
    set("x", NEW).refused(404, 10);
    // A refused password leaves the link good.
    set(&token, "short").refused(400, 4);
    assert_eq!(client.get("/api/folders/").status, 200);
    assert_eq!(set(&token, NEW).status, 204);
    set(&token, "yet another staple").refused(404, 10);
    client.get("/api/folders/").refused(401, 7);
    assert_eq!(log_in(&server, NEW).status, 200);
    // Three mails within an hour, then silence; another's mail shows that its turn has passed.
    ask("/api/authorize/auth_restore", CLIENT.0);
    sink.next();
    ask("/api/authorize/auth_restore", CLIENT.0);
    ask("/api/authorize/auth_restore", ADMIN.0);
    assert_eq!(sink.next().to, ADMIN.0);
    assert!(sink.is_empty());
    let log = server.log_text();
    assert!(!log.contains("example.com") && !log.contains(&token) && !log.contains(NEW), "{log}");
}

#[test]
fn without_mail_an_administrator_helps() {
    let server = Server::start();
    for path in ["/api/authorize/auth_restore", "/api/authorize/restore"] {
        server.anonymous().json("POST", path, &json!({"email": CLIENT.0})).refused(501, 2);
    }
}
