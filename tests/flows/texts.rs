//! Texts that databases disagree about (PostgreSQL keeps no NUL, and compares by locale where it is let): clients must not
//! be able to tell which one is behind.

use crate::support::client::Part;
use crate::support::fixtures::live_still;
use crate::support::server::{CLIENT, Options, Server};
use oz_testkit::on_both;
use serde_json::json;

on_both! {
    strange_texts_come_back_and_are_found,
    a_text_that_cannot_be_stored_is_refused_and_one_that_is_only_looked_for_is_not_there,
}

fn strange_texts_come_back_and_are_found(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let data = json!({
        "nul": "a\u{0}b", "case": "Straße", "signs": "%_\\'\"", "\u{1F600}": "\u{FFFD}", "number": 12_345_678_901_234_567_890_u64,
        "long": "x".repeat(5000), "half": 0.5, "yes": true, "nested": {"a.b": "c"},
    });
    let payload = json!({"folder:meta_data": data, "media:tags": {"p": ["photo_selfie", "a\u{0}b"]}}).to_string();
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("a'%.jpg"), &live_still())];
    let folder = client.form("/api/folders/", &parts).expect(201);
    assert_eq!(folder["meta_data"], data);
    assert_eq!(folder["media"][0]["tags"], json!(["photo_selfie", "a\u{0}b"]));
    let long = format!("long=={}", "x".repeat(5000));
    for (filter, total) in [
        ("nul==a%00b", 1),
        ("nul==a", 0),
        ("case==Stra%C3%9Fe", 1),
        ("case==stra%C3%9Fe", 0),
        ("case==Strasse", 0),
        ("signs==%25_%5C'%22", 1),
        ("signs==%25%25%5C'%22", 0),
        ("%F0%9F%98%80==%EF%BF%BD", 1),
        ("number==12345678901234567890", 1),
        (&long, 1),
        ("half==0.5", 1),
        ("yes==true", 1),
        ("yes==1", 0),
        ("nested.a.b==c", 1),
        ("nothing!=x", 1),
    ] {
        let found = client.get(&format!("/api/folders/?meta_data={filter}")).expect(200);
        assert_eq!(found["total"], total, "{}", &filter[..filter.len().min(40)]);
    }
}

fn a_text_that_cannot_be_stored_is_refused_and_one_that_is_only_looked_for_is_not_there(options: Options) {
    let server = Server::start_new(options);
    let operator = server.user("op@example.com", "OPERATOR", None);
    let client = server.client();
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}, "analyses": [{"type": "quality"}]}).to_string();
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &live_still())];
    let folder = client.form("/api/folders/", &parts).expect(201);
    let path = format!("/api/folders/{}", folder["folder_id"].as_str().expect("folder_id"));
    operator.json("PATCH", &path, &json!({"operator_comment": "a\u{0}b"})).refused(400, 4);
    let path = format!("/api/analyses/{}", folder["analyses"][0]["analysis_id"].as_str().expect("analysis_id"));
    let decision = json!({"resolution": "SUCCESS", "comment": "a\u{0}b"});
    operator.json("PATCH", &path, &decision).refused(400, 4);
    // Nobody has such an address: that is all a client learns.
    let log_in = |email: &str| {
        let body = json!({"credentials": {"email": email, "password": CLIENT.1}});
        server.anonymous().json("POST", "/api/authorize/auth", &body).refused(401, 7)["error_message"].clone()
    };
    assert_eq!(log_in("a\u{0}b@example.com"), log_in("nobody@example.com"));
    assert_eq!(log_in("client@example.com\u{0}"), log_in("nobody.else@example.com"));
}
