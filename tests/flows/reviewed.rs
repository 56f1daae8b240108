//! What hostile reviewers got away with once (`docs/SECURITY.md`).

use crate::support::client::{Client, Part};
use crate::support::fixtures::live_still;
use crate::support::server::{Options, Server, files_below};
use oz_testkit::on_both;
use serde_json::{Value, json};

on_both! {
    an_answer_to_a_change_of_nothing_is_a_read_on_record, who_was_erased_leaves_nothing_new,
    a_file_that_stays_is_told, companies_are_called_differently
}

/// A folder with a photo and what a person is known by.
fn folder(client: &Client) -> Value {
    let payload = json!({"folder:meta_data": {"iin": "900101300123"}, "media:tags": {"p": ["photo_selfie"]},
        "analyses": [{"type": "quality"}]});
    let (payload, still) = (payload.to_string(), live_still());
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &still)];
    client.form("/api/folders/", &parts).expect(201)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn an_answer_to_a_change_of_nothing_is_a_read_on_record(options: Options) {
    let server = Server::start_new(options);
    let operator = server.user("op@example.com", "OPERATOR", None);
    let (admin, client) = (server.admin(), server.client());
    let folder = folder(&client);
    let id = text(&folder["folder_id"]);
    let reads = |of: &str| admin.get(&format!("/api/audit?object_id={of}&action=read")).expect(200)["items"].clone();
    assert_eq!(reads(id), json!([]));
    operator.json("PATCH", &format!("/api/folders/{id}"), &json!({})).expect(200);
    assert_eq!(reads(id).as_array().map(Vec::len), Some(1));
    client.json("PATCH", &format!("/api/folders/{id}"), &json!({})).expect(200);
    assert_eq!(reads(id).as_array().map(Vec::len), Some(1), "one's own is one's own");
    // Asked again by its key, a start starts nothing and shows the verdict.
    let start = json!({"analyses": [{"type": "quality"}]});
    let path = format!("/api/folders/{id}/analyses/");
    for reads_so_far in [1, 2] {
        let body = Some(("application/json", start.to_string().into_bytes()));
        admin.send("POST", &path, &[("Idempotency-Key", "k-1")], body).expect(201);
        assert_eq!(reads(id).as_array().map(Vec::len), Some(reads_so_far));
    }
    let user = text(&folder["user_id"]);
    admin.json("PATCH", &format!("/api/users/{user}"), &json!({})).expect(200);
    assert_eq!(reads(user).as_array().map(Vec::len), Some(1));
}

fn who_was_erased_leaves_nothing_new(options: Options) {
    let server = Server::start_new(options);
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    let operator = server.user("op@example.com", "OPERATOR", None);
    let folder = folder(&server.client());
    let id = text(&folder["folder_id"]);
    let analysis = text(&folder["analyses"][0]["analyse_id"]);
    let medium = text(&folder["media"][0]["media_id"]);
    chief.json("POST", "/api/subjects/erase", &json!({"iin": "900101300123"})).expect(200);
    let start = json!({"analyses": [{"type": "quality", "meta_data": {"name": "Ivanov"}}]});
    chief.json("POST", &format!("/api/folders/{id}/analyses/"), &start).refused(409, 1520);
    let decision = json!({"resolution": "DECLINED", "comment": "Ivanov"});
    let decided = operator.json("PATCH", &format!("/api/analyses/{analysis}"), &decision);
    assert!([404, 409].contains(&decided.status), "{decided:?}");
    let tagged = chief.json("PATCH", &format!("/api/media/{medium}"), &json!({"tags": ["Ivanov"]}));
    assert!([404, 409].contains(&tagged.status), "{tagged:?}");
}

fn a_file_that_stays_is_told(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}}).to_string();
    let still = live_still();
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &still)];
    let folder = client.form("/api/folders/", &parts).expect(201);
    let [file] = &files_below(&server.data.join("blobs"))[..] else { panic!("one file") };
    // What cannot be removed, by whomever: a folder that is not empty.
    fs_err::remove_file(file).expect("removable");
    fs_err::create_dir(file).expect("a folder in its place");
    fs_err::write(file.join("inside"), "").expect("a file inside");
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    chief.json("DELETE", &format!("/api/folders/{}", text(&folder["folder_id"])), &json!({})).refused(503, 1523);
}

fn companies_are_called_differently(options: Options) {
    let server = Server::start_new(options);
    let admin = server.admin();
    admin.json("POST", "/api/companies", &json!({"name": "Банк"})).expect(201);
    for name in ["Банк", "банк", "БАНК"] {
        admin.json("POST", "/api/companies", &json!({"name": name})).refused(409, 1520);
    }
}

#[test]
fn ones_own_address_needs_the_password_whatever_is_sent_beside() {
    let options = Options::default().with("OZ_LEGACY_NAMES", "false");
    let server = Server::start_new(options);
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    let me = chief.get("/api/users/?limit=50").expect(200);
    let me = me["items"].as_array().expect("items").iter().find(|u| u["email"] == "chief@example.com").cloned();
    let me = me.expect("it sees itself");
    let path = format!("/api/users/{}", text(&me["user_id"]));
    chief.json("PATCH", &path, &json!({"email": "evil@example.com", "password": "x"})).refused(400, 3);
    assert_eq!(chief.get(&path).expect(200)["email"], "chief@example.com");
}
