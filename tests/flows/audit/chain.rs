//! What the log tells of those who meddle with the database.

use super::{LIMIT, empty_folder, records, text};
use crate::support::server::{Options, Server, until};
use diesel::RunQueryDsl as _;
use oz_testkit::on_both;
use serde_json::{Value, json};

on_both! { meddling_is_found }

/// Runs a statement behind the product's back.
fn meddle(url: &str, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let db = oz_store::Db::open(url, oz_store::Options::default()).await.expect("the database");
        let done = db.write(move |conn| Ok::<_, oz_store::Error>(diesel::sql_query(statement).execute(conn)?)).await;
        assert!(done.expect("the statement") > 0, "{statement}: no row");
        db.close().await.expect("closed");
    });
}

fn meddling_is_found(options: Options) {
    let mut server = Server::start_new(options.clone());
    let (client, admin) = (server.client(), server.admin());
    for _ in 0..3 {
        empty_folder(&client);
    }
    let sealed = || records(&admin, "action=create").iter().all(|r| r["seq"].is_i64() && r["hash"].is_string());
    until("all is sealed", LIMIT, || sealed().then_some(()));
    assert!(server.stop().success());
    let url = options.database_url.clone();
    let url = url.unwrap_or_else(|| format!("sqlite:{}", server.data.join("oz.sqlite").display()));
    let log = server.log_text();
    let head = log.lines().rev().find(|line| line.contains("audit_head")).expect("a head in the log");
    let head: Value = serde_json::from_str(head).expect("JSON");
    let (head, log) = (text(&head["head"]), server.log.display().to_string());
    let verify = |more: &[&str]| {
        let output = server.command(&[&["admin", "audit", "verify"], more].concat(), "");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), said)
    };
    let fails = |more: &[&str], why: &str| {
        let (code, said) = verify(more);
        assert!(code == Some(1) && said.contains(why), "{code:?} {said}, expected {why}");
    };
    let (code, said) = verify(&["--head", head, "--heads-file", &log]);
    assert!(code == Some(0) && said.contains("are whole and in order"), "{said}");
    let forged = format!("1{head}");
    fails(&["--head", &forged], "is not signed by this key");

    meddle(&url, "UPDATE audit SET address = '192.0.2.9' WHERE seq = 2");
    fails(&[], "record 2 was changed");
    meddle(&url, "UPDATE audit SET address = NULL WHERE seq = 2");
    assert_eq!(verify(&[]).0, Some(0), "as it was: the second record is the command line's");

    meddle(&url, "UPDATE subject_keys SET id = '-' || id");
    fails(&[], "no record tells of an erasure");
    meddle(&url, "UPDATE subject_keys SET id = SUBSTR(id, 2)");
    assert_eq!(verify(&[]).0, Some(0), "the keys are there again");

    // The chain cannot miss its own end; heads do: the kept ones, and those of the journal when the kept ones are gone too.
    meddle(&url, "DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)");
    fails(&[], "its tail was cut off");
    fs_err::remove_file(server.data.join("audit.heads")).expect("kept heads");
    assert_eq!(verify(&[]).0, Some(0));
    fails(&["--head", head], "its tail was cut off");
    fails(&["--heads-file", &log], "its tail was cut off");
    meddle(&url, "DELETE FROM audit WHERE seq = 3");
    fails(&[], "record 3 is missing");

    // What was erased is never read again.
    meddle(&url, "UPDATE subject_keys SET wrapped_key = NULL, time_destroyed = 1");
    let exported = server.command(&["admin", "audit", "export", "--from-seq", "2"], "").stdout;
    let first = exported.split(|b| *b == b'\n').next().and_then(|line| serde_json::from_slice::<Value>(line).ok());
    let first = first.expect("a line of JSON");
    assert_eq!((&first["seq"], &first["erased"], &first["after"]), (&json!(2), &json!(true), &Value::Null));

    // A server signs nothing that contradicts its own signature, and says so; so does whoever speaks with the syslog server.
    fs_err::write(server.data.join("audit.heads"), head).expect("kept heads");
    meddle(&url, "INSERT INTO audit_exports (sink, seq) VALUES ('udp://127.0.0.1:9', 1000)");
    let again = Options { data: Some(server.data.clone()), ..options };
    let mut again = Server::start_with(again.with("OZ_AUDIT_SYSLOG", "udp://127.0.0.1:9"));
    for why in ["the audit log contradicts a head that was signed", "the last record that its syslog server was told"] {
        until(why, LIMIT, || again.log_text().contains(why).then_some(()));
    }
    assert!(again.stop().success());
    assert!(!again.log_text().contains("head of the audit log"));
}
