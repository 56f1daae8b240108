//! The audit log: what is recorded, and who reads it.

mod chain;
mod syslog;

use crate::support::client::{Client, Part};
use crate::support::fixtures::live_still;
use crate::support::server::{Options, Server, files_below, free_port, until};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::time::Duration;

on_both! {
    who_did_what_when_and_from_where_is_recorded,
    a_changed_setting_is_recorded_once,
}

/// Names a person: it may stand in no raw file and no message.
const NUMBER: &str = "870101300123";
const REQUEST: &str = "018f3b5e-7c1a-7000-8000-0123456789ab";
const LIMIT: Duration = Duration::from_secs(30);

fn photo_folder(client: &Client) -> Value {
    let payload = json!({"folder:meta_data": {"iin": NUMBER}, "media:tags": {"p": ["photo_selfie"]}}).to_string();
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &live_still())];
    client.form_with("/api/folders/", &[("X-Request-Id", REQUEST)], &parts).expect(201)
}

fn empty_folder(client: &Client) {
    let boundary = ("multipart/form-data; boundary=x", b"--x--\r\n".to_vec());
    client.send("POST", "/api/folders/", &[], Some(boundary)).expect(201);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Records that the query finds, newest first.
fn records(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/api/audit?{query}")).expect(200);
    page["items"].as_array().expect("items").clone()
}

/// The one record that the query finds.
#[track_caller]
fn record(client: &Client, query: &str) -> Value {
    let mut found = records(client, query);
    assert_eq!(found.len(), 1, "{query}: {found:?}");
    found.remove(0)
}

fn who_did_what_when_and_from_where_is_recorded(options: Options) {
    let mut server = Server::start_new(options);
    let (client, admin) = (server.client(), server.admin());
    let operator = server.user("op@example.com", "OPERATOR", None);
    let boss = server.user("boss@example.com", "CLIENT_ADMIN", Some("Bank"));
    let stranger = server.user("boss@example.org", "CLIENT_ADMIN", Some("Shop"));

    let folder = photo_folder(&client);
    let (id, medium) = (text(&folder["folder_id"]), text(&folder["media"][0]["media_id"]));
    let made = record(&boss, &format!("object=folder&object_id={id}&action=create"));
    assert_eq!((&made["user_id"], &made["address"]), (&folder["user_id"], &json!("127.0.0.1")));
    assert_eq!((&made["request_id"], &made["company_id"]), (&json!(REQUEST), &folder["company_id"]));
    assert_eq!((&made["before"], &made["after"]["meta_data"]["iin"]), (&Value::Null, &json!(NUMBER)));
    let late = made["time_created"].as_f64().zip(folder["time_created"].as_f64()).map(|(a, b)| (a - b).abs());
    assert!(late.is_some_and(|seconds| seconds < 60.0), "{made}");

    client.json("PATCH", &format!("/api/media/{medium}"), &json!({"tags": ["photo_selfie", "own"]})).expect(200);
    let tags = record(&boss, &format!("object_id={medium}&action=update_tags"));
    assert_eq!(tags["before"], json!({"tags": ["photo_selfie"]}));
    assert_eq!(tags["after"], json!({"tags": ["photo_selfie", "own"]}));

    let analyses = format!("/api/folders/{id}/analyses/");
    let started = client.json("POST", &analyses, &json!({"analyses": [{"type": "QUALITY"}]})).expect(201);
    let analysis = text(&started[0]["analysis_id"]);
    client.finished(analysis);
    let decision = json!({"resolution": "DECLINED", "comment": "a mask"});
    operator.json("PATCH", &format!("/api/analyses/{analysis}"), &decision).expect(200);
    let decided = record(&boss, &format!("object=analysis&object_id={analysis}&action=decide"));
    assert_eq!(decided["before"], json!({"resolution": null, "comment": null}));
    assert_eq!(decided["after"], decision);
    assert_eq!(record(&boss, &format!("object_id={analysis}&action=start"))["after"]["folder_id"], json!(id));

    downloads_and_reads(&server, &folder, [&client, &operator, &boss]);
    the_log_is_for_few(&folder, [&client, &operator, &boss, &stranger, &admin]);

    // What is told is sealed first.
    until("the log is exported", Duration::from_secs(10), || {
        let lines = exported(&server);
        (lines.contains(NUMBER) && lines.contains("a mask")).then_some(())
    });
    // Of what was deleted nobody reads anything in the file.
    admin.delete(&format!("/api/folders/{id}")).expect(204);
    assert!(server.stop().success());
    for file in files_below(&server.data) {
        let bytes = fs_err::read(&file).expect("a file");
        let found = [NUMBER, "a mask"].iter().find(|word| bytes.windows(word.len()).any(|w| w == word.as_bytes()));
        assert_eq!(found, None, "{}", file.display());
    }
    // With the folder went what the log said of its person.
    let lines = exported(&server);
    assert!(!lines.contains(NUMBER) && !lines.contains("a mask") && lines.contains(r#""erased":true"#), "{lines}");
}

fn exported(server: &Server) -> String {
    let exported = server.command(&["admin", "audit", "export"], "");
    assert!(exported.status.success(), "{exported:?}");
    String::from_utf8(exported.stdout).expect("text")
}

/// Everybody's downloads once each, and what those see who are of no company.
fn downloads_and_reads(server: &Server, folder: &Value, [client, operator, boss]: [&Client; 3]) {
    let (id, medium) = (text(&folder["folder_id"]), text(&folder["media"][0]["media_id"]));
    let url = text(&folder["media"][0]["original_url"]);
    let file = &url[server.base.len()..];
    let downloads = || records(boss, &format!("object=media&object_id={medium}&action=download"));
    assert_eq!(client.send("HEAD", file, &[], None).status, 200);
    assert_eq!(downloads().len(), 0);
    client.get(file);
    for range in ["bytes=0-9", "bytes=10-19"] {
        assert_eq!(client.send("GET", file, &[("Range", range)], None).status, 206);
    }
    let first = downloads();
    assert_eq!((first.len(), &first[0]["after"]["folder_id"]), (1, &json!(id)));
    // Another person, from whichever part on, and the same person anew.
    assert_eq!(operator.send("GET", file, &[("Range", "bytes=5-")], None).status, 206);
    client.get(file);
    assert_eq!(downloads().len(), 3);

    let reads = |object_id: &str| records(boss, &format!("action=read&object_id={object_id}"));
    for reader in [client, boss] {
        reader.get(&format!("/api/folders/{id}")).expect(200);
    }
    assert_eq!(reads(id).len(), 0, "their own");
    for path in ["", "/media", "/analyses"] {
        operator.get(&format!("/api/folders/{id}{path}")).expect(200);
    }
    operator.get(&format!("/api/media/{medium}")).expect(200);
    assert_eq!((reads(id).len(), reads(medium).len()), (3, 1));
    operator.get(&format!("/api/folders/?meta_data=iin=={NUMBER}")).expect(200);
    let search = records(boss, "object=folder&action=read").remove(0);
    assert_eq!((&search["object_id"], &search["after"]["folders"]), (&Value::Null, &json!([id])));
    // The query is not the company's: it may name others.
    assert!(search["after"].get("query").is_none(), "{search}");
}

/// A company's own records for its CLIENT_ADMIN, all for ADMIN, none for the others.
fn the_log_is_for_few(folder: &Value, [client, operator, boss, stranger, admin]: [&Client; 5]) {
    for nobody in [client, operator] {
        nobody.get("/api/audit").refused(403, 9);
    }
    let (id, company) = (text(&folder["folder_id"]), text(&folder["company_id"]));
    let system = "company_id=00000000-0000-0000-0000-000000000000";
    let search = records(admin, &format!("object=folder&action=read&{system}")).remove(0);
    assert_eq!(search["after"]["query"], json!({"meta_data": ["iin"]}));
    assert!(records(stranger, "").iter().all(|r| r["company_id"] != json!(company)));
    assert_eq!(records(stranger, &format!("company_id={company}")).len(), 0);
    assert_eq!(records(stranger, &format!("object_id={id}")).len(), 0);
    assert!(records(boss, "").iter().all(|r| r["company_id"] == json!(company)));
    let settings = record(admin, "object=config");
    let database = text(&settings["after"]["listen"]);
    assert!(database.starts_with("127.0.0.1:") && settings["user_id"].is_null(), "{settings}");
    assert_eq!(records(boss, "object=config").len(), 0);

    // Pages, by cursor and by number; times in both spellings.
    let query = format!("company_id={company}&object=folder,analysis");
    let all = admin.get(&format!("/api/audit/?{query}")).expect(200);
    let (items, total) = (all["items"].as_array().expect("items"), all["total"].as_u64());
    assert_eq!(total, Some(items.len() as u64));
    let first = admin.get(&format!("/api/audit?{query}&limit=1&total_omit=true")).expect(200);
    assert!(first.get("total").is_none());
    let second = admin.get(&format!("/api/audit?{query}&limit=1&cursor={}", text(&first["next_cursor"]))).expect(200);
    assert_eq!(
        (&first["items"][0]["audit_id"], &second["items"][0]["audit_id"]),
        (&items[0]["audit_id"], &items[1]["audit_id"])
    );
    assert_eq!(records(admin, &format!("{query}&limit=1&offset=1"))[0]["audit_id"], items[1]["audit_id"]);
    assert_eq!(records(admin, &format!("{query}&time.max=1000")).len(), 0);
    assert_eq!(records(admin, &format!("{query}&time_created.min=1000")).len(), items.len());
    admin.get("/api/audit?object=cat").refused(400, 4);
    let by = text(&folder["user_id"]);
    assert!(records(admin, &format!("user_id={by}")).iter().all(|r| r["user_id"] == json!(by)));
}

fn a_changed_setting_is_recorded_once(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let private = format!("127.0.0.1:{}", free_port());
    let options = Options { data: Some(folder.path().join("data")), port: Some(free_port()), ..options };
    let options = options.with("OZ_METRICS_LISTEN", &private);
    let settings = |server: &Server| records(&server.admin(), "object=config&action=update");
    let mut server = Server::start_new(options.clone());
    let first = settings(&server).remove(0);
    assert_eq!((&first["after"]["session_ttl"], &first["after"]["metrics_listen"]), (&json!("15m"), &json!(private)));
    // A secret is a mark, and one that is not set is not there.
    let database = first["after"]["database_url"].as_str().map(|shown| shown.starts_with("*** ") && shown.len() == 12);
    assert_eq!(database, options.database_url.as_ref().map(|_| true), "{first}");
    for _ in 0..2 {
        assert!(server.stop().success());
        server = Server::start_with(options.clone().with("OZ_SESSION_TTL", "20m"));
        let all = settings(&server);
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(
            (&all[0]["before"], &all[0]["after"]),
            (&json!({"session_ttl": "15m"}), &json!({"session_ttl": "20m"}))
        );
    }
}
