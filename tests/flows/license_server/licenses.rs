//! Which license holds where, and what belongs together: key, database, heads.

use crate::support::license::{DAY, after, claims, install, signed, site_key};
use crate::support::license_server::LicenseServer;
use crate::support::server::{Options, until};
use diesel::RunQueryDsl as _;
use oz_license::{Binding, Claims, Factor, Factors};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

on_both! {
    every_license_that_does_not_hold_says_why,
    a_license_is_replaced_under_load_and_no_request_fails,
    a_lost_database_is_told_and_begun_anew_only_when_asked,
    a_changed_ledger_is_seen,
    a_ledger_that_was_cut_under_a_running_server_and_grew_again_is_seen,
}

fn put(server: &LicenseServer, claims: &Claims) -> (u16, String) {
    let answer = server.admin().send("PUT", "/api/license", &[], Some(("text/plain", signed(claims).into())));
    (answer.status, answer.json()["error_message"].as_str().unwrap_or_default().to_owned())
}

fn refused_lease(server: &LicenseServer) -> Value {
    let ask = json!({"instance_id": "i", "hostname": "h", "version": "1"});
    server.node().json("POST", "/api/leases", &ask).refused(403, 1500)["details"].clone()
}

fn every_license_that_does_not_hold_says_why(options: Options) {
    let server = LicenseServer::start(options);
    let good = claims(&server);
    assert_eq!(refused_lease(&server), json!({"state": "invalid", "reason": "missing"}));

    let mut other_machine = Factors::default();
    ["a", "b", "c"].iter().for_each(|value| other_machine.add(Factor::NetworkCard, value));
    let fingerprints: Vec<String> = other_machine.prints([7; 16]).iter().map(ToString::to_string).collect();
    let another_site = hex::encode(oz_license::development_key().verifying_key());
    for (claims, said) in [
        (Claims { site_key: Some(another_site), ..good.clone() }, "another license server"),
        (Claims { binding: Some(Binding { fingerprints, threshold: 2 }), ..good.clone() }, "another machine"),
        (Claims { min_version: Some("99.0.0".into()), ..good.clone() }, "does not cover this version"),
        (Claims { issued_at: after(3600), ..good.clone() }, "the clock is behind"),
        (Claims { expires_at: Some(after(-4 * DAY)), ..good.clone() }, "is over"),
    ] {
        let (status, text) = put(&server, &claims);
        assert!(status == 409 && text.contains(said), "{status} {text}, expected {said}");
    }
    // What is good but gives nothing yet is kept, and says so.
    assert_eq!(install(&server, &Claims { site_key: None, ..good.clone() }), "not_activated");
    assert_eq!(refused_lease(&server)["state"], "not_activated");
    assert_eq!(install(&server, &Claims { revision: 5, expires_at: Some(after(-DAY)), ..good.clone() }), "grace");
    let health = server.stranger().get("/api/healthcheck").expect(200);
    assert_eq!(health["checks"]["database"]["status"], "ok", "{health}");
    assert_eq!(
        install(&server, &Claims { revision: 6, expires_at: Some(after(20 * DAY)), ..good.clone() }),
        "renewal_due"
    );
    let license = server.admin().get("/api/license").expect(200);
    assert_eq!((&license["warnings"][0]["code"], &license["days_left"]), (&json!("ends_in_30_days"), &json!(20)));
    let (status, text) = put(&server, &Claims { revision: 4, ..good.clone() });
    assert!(status == 409 && text.contains("not newer than revision 6"), "{text}");

    // One bit of the file, or another form of it.
    let mut text = signed(&Claims { revision: 7, ..good.clone() });
    let middle = text.len() / 2;
    let other = if text.as_bytes()[middle] == b'A' { "B" } else { "A" };
    text.replace_range(middle..=middle, other);
    let admin = server.admin();
    let refused = admin.send("PUT", "/api/license", &[], Some(("text/plain", text.into()))).refused(400, 4);
    assert!(refused["details"]["reason"].is_string(), "{refused}");
    admin.send("PUT", "/api/license", &[], Some(("text/plain", b"hello".to_vec()))).refused(400, 4);
    admin.json("PUT", "/api/license", &json!({"license": "x", "force": 1})).refused(400, 4);
    let in_json = json!({"license": signed(&Claims { revision: 7, ..good.clone() })});
    assert_eq!(admin.json("PUT", "/api/license", &in_json).expect(200)["state"], "active");
    // The next one, too early; and one that would have to be activated first.
    for (next, said) in [
        (Claims { revision: 8, not_before: Some(after(DAY)), ..good.clone() }, "not yet valid"),
        (Claims { revision: 8, site_key: None, ..good.clone() }, "not activated"),
        (Claims { license_id: "L-2".into(), issued_at: after(-120), ..good }, "was signed before"),
    ] {
        let (status, text) = put(&server, &next);
        assert!(status == 409 && text.contains(said), "{status} {text}, expected {said}");
    }
    assert_eq!(server.admin().get("/api/license").expect(200)["license"]["revision"], 7);
}

fn a_license_is_replaced_under_load_and_no_request_fails(options: Options) {
    let server = LicenseServer::start(options);
    let good = claims(&server);
    install(&server, &good);
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for node in 0..3 {
            let (caller, over, answered) = (server.node(), &over, &answered);
            scope.spawn(move || {
                let ask = json!({"instance_id": format!("n{node}"), "hostname": "h", "version": "1"});
                for seq in 1.. {
                    let lease = caller.json("POST", "/api/leases", &ask).expect(201);
                    let path = format!("/api/leases/{}", lease["lease_id"].as_str().expect("lease_id"));
                    caller.json("PUT", &path, &json!({"counter": 0, "attempt": "1"})).expect(200);
                    let used = json!({"instance_id": format!("n{node}"), "seq": seq, "counts": {"quality": 1}});
                    caller.json("POST", "/api/usage", &used).expect(200);
                    assert_eq!(caller.delete(&path).status, 204);
                    answered.fetch_add(4, Ordering::Relaxed);
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        let mut seen = 0;
        for revision in 2..12 {
            assert_eq!(install(&server, &Claims { revision, ..good.clone() }), "active");
            until("requests were answered under it", Duration::from_secs(30), || {
                (answered.load(Ordering::Relaxed) >= seen + 24).then_some(())
            });
            seen = answered.load(Ordering::Relaxed);
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(server.admin().get("/api/license").expect(200)["license"]["revision"], 11);
}

fn a_lost_database_is_told_and_begun_anew_only_when_asked(options: Options) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let options = Options { data: Some(data.clone()), ..options };
    let mut server = LicenseServer::start(options.clone());
    let key = site_key(&server);
    install(&server, &claims(&server));
    server.stop();

    // The key without its database.
    let empty = oz_testkit::TestDatabase::sqlite();
    let lost = Options { database_url: Some(empty.url().to_owned()), ..options.clone() };
    let mut refusing = LicenseServer::spawn(lost.clone());
    assert!(!refusing.ended().success());
    assert!(refusing.log_text().contains("new-ledger"), "{}", refusing.log_text());
    assert!(refusing.command(&["new-ledger"]).status.success());
    let again = refusing.command(&["new-ledger"]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("there is a ledger"));
    let server = LicenseServer::start(lost);
    assert_eq!(site_key(&server), key);
    let health = server.stranger().get("/api/healthcheck").expect(200);
    assert_eq!(health["checks"]["ledger"]["status"], "ok", "the heads of the lost one are put aside: {health}");
    drop(server);

    // The database without its key.
    fs_err::remove_file(data.join("site.key")).expect("the key");
    let mut refusing = LicenseServer::spawn(options.clone());
    assert!(!refusing.ended().success());
    assert!(refusing.log_text().contains("site.key: missing"), "{}", refusing.log_text());
    assert!(!data.join("site.key").try_exists().expect("the folder"), "none is made in its place");

    // And with another one.
    fs_err::write(data.join("site.key"), "11".repeat(32)).expect("a key");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs_err::set_permissions(data.join("site.key"), private).expect("its rights");
    let mut refusing = LicenseServer::spawn(options);
    assert!(!refusing.ended().success());
    assert!(refusing.log_text().contains("another site key"), "{}", refusing.log_text());
}

fn a_changed_ledger_is_seen(options: Options) {
    let database = options.database_url.clone();
    let mut server = LicenseServer::start(options);
    install(&server, &claims(&server));
    let node = server.node();
    for seq in 1..=5 {
        let used = json!({"instance_id": "i", "seq": seq, "counts": {"quality": 1}});
        node.json("POST", "/api/usage", &used).expect(200);
    }
    let broken = |server: &LicenseServer, said: &str| {
        let health = until("the ledger is known to be broken", Duration::from_secs(20), || {
            Some(server.stranger().get("/api/healthcheck")).filter(|answer| answer.status == 503)
        });
        assert_eq!(health.json()["checks"]["ledger"]["message"], said);
        assert!(server.log_text().contains("the ledger is broken"));
    };
    // A stop tells the head.
    assert!(server.stop().success());
    change(&database, &server.data, "UPDATE license_ledger SET counts = '{\"quality\":0}' WHERE seq = 4");
    server.restart();
    broken(&server, "entry 4 was changed");
    change(&database, &server.data, "UPDATE license_ledger SET counts = '{\"quality\":1}' WHERE seq = 4");
    server.restart();
    until("the ledger is whole again", Duration::from_secs(20), || {
        server.log_text().contains(r#""message":"the ledger is whole""#).then_some(())
    });
    // Changed where no hash tells: the sums that the volume is held against.
    change(&database, &server.data, "UPDATE license_totals SET n = 1");
    server.restart();
    broken(&server, "the sums of what was used are not those of the ledger");
    change(&database, &server.data, "UPDATE license_totals SET n = 5");
    // Cut where no hash tells: the head that was kept does.
    change(&database, &server.data, "DELETE FROM license_ledger WHERE seq > 5");
    server.restart();
    broken(&server, "the ledger ends at entry 5, before a head that was told");
}

fn a_ledger_that_was_cut_under_a_running_server_and_grew_again_is_seen(options: Options) {
    let database = options.database_url.clone();
    let mut server = LicenseServer::start(options);
    install(&server, &claims(&server));
    let use_up = |server: &LicenseServer, numbers: std::ops::Range<i64>| {
        for seq in numbers {
            let used = json!({"instance_id": "i", "seq": seq, "counts": {"quality": 1}});
            server.node().json("POST", "/api/usage", &used).expect(200);
        }
    };
    use_up(&server, 1..6);
    assert!(server.stop().success());
    server.restart();
    until("the ledger is whole", Duration::from_secs(20), || {
        server.log_text().contains(r#""message":"the ledger is whole""#).then_some(())
    });
    change(&database, &server.data, "DELETE FROM license_ledger WHERE seq > 3");
    change(&database, &server.data, "UPDATE license_totals SET n = 1");
    use_up(&server, 10..20);
    let kept =
        |server: &LicenseServer| fs_err::read_to_string(server.data.join("heads")).expect("heads").lines().count();
    let before = kept(&server);
    assert!(server.stop().success());
    assert_eq!(kept(&server), before, "what does not go on from the head that was told is not signed");
    server.restart();
    until("the ledger is known to be broken", Duration::from_secs(20), || {
        Some(server.stranger().get("/api/healthcheck")).filter(|answer| answer.status == 503)
    });
}

fn change(database: &Option<String>, data: &Path, query: &'static str) {
    let file = format!("sqlite://{}", data.join("license.sqlite").display());
    let url = database.clone().unwrap_or(file);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let db = oz_store::Db::open(&url, oz_store::Options::default()).await.expect("the database");
        let changed = db.statement(move |conn| Ok::<_, oz_store::Error>(diesel::sql_query(query).execute(conn)?)).await;
        assert!(changed.expect("a change") > 0, "{query}");
        db.close().await.expect("the end");
    });
}
