//! What runs away is stopped, what may take long is not, and texts that one database refuses are refused by both.

use crate::support::{NOW, at, company, folder, medium, open, user, user_row};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oz_domain::MediaId;
use oz_store::metadata::{Change, Owner};
use oz_store::{AnyConn, Db, Error, Options, Result, Statement, Viewer, companies, folders, media, metadata, users};
use oz_testkit::{Cluster, TestDatabase, both_databases};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Never ends by itself.
fn run_away(conn: &mut AnyConn) -> Result<i64> {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i % 7 + 1 FROM n) SELECT count(*) FROM n";
    Ok(Statement::<BigInt>::new(endless).get_result(conn)?)
}

both_databases! {
    async fn a_query_that_runs_away_is_stopped(database: TestDatabase) {
        open(&database).await;
        let limit = Duration::from_millis(200);
        let db = Db::open(database.url(), Options { query_limit: limit, connections: 1, ..Options::default() }).await.unwrap();
        let read = db.read(run_away).await;
        assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
        let before = Instant::now();
        let written = db.write(|c| company(c).and_then(|_| run_away(c))).await;
        assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
        assert!(before.elapsed() < limit * 20, "tried again and again");
        // The connection, or its successor, works on, and nothing half-done stays.
        let all = db.read(|c| companies::list(c, Viewer::All, None, &oz_store::Page::default())).await.unwrap();
        assert_eq!(all.items.len(), 1);
        db.write(company).await.unwrap();
    }

    async fn a_nul_is_refused_wherever_it_stands(database: TestDatabase) {
        let db = open(&database).await;
        assert!(db.read(|c| users::by_email(c, "a\0@example.com")).await.unwrap().is_none());
        type Try = fn(&mut AnyConn) -> Result<()>;
        let tries: [(&str, Try); 5] = [
            ("a user", |c| users::insert(c, &user_row(companies::SYSTEM, "a\0@example.com"))),
            ("a changed user", |c| {
                let mut row = user_row(companies::SYSTEM, "ann@example.com");
                users::insert(c, &row)?;
                row.first_name = "A\0".to_owned();
                users::update(c, Viewer::All, &row)
            }),
            ("a search", |c| companies::list(c, Viewer::All, Some("\0"), &oz_store::Page::default()).map(|_| ())),
            ("a comment", |c| {
                let company = company(c)?;
                let user = user(c, company)?;
                let folder = folder(c, company, user)?;
                let patch = folders::Patch { operator_comment: Some(Some("\0".to_owned())), ..folders::Patch::default() };
                folders::patch(c, Viewer::All, folder.id, &patch, at(1)).map(|_| ())
            }),
            ("a file's name", |c| {
                let company = company(c)?;
                let user = user(c, company)?;
                let folder = folder(c, company, user)?;
                let mut new = medium(c, &folder, "content")?;
                new.media.id = MediaId::new(NOW);
                new.media.original_name = Some("me\0.mp4".to_owned());
                media::insert(c, &new)
            }),
        ];
        for (what, attempt) in tries {
            let done = db.write(attempt).await;
            assert!(matches!(done, Err(Error::Text)), "{what}: {done:?}");
        }
        // A value that slips through to the database is told the same way there.
        let slipped = db.read(|c| Ok::<_, Error>(oz_store::schema::users::table
            .filter(oz_store::schema::users::email_key.eq("\0")).count().get_result::<i64>(c)?)).await;
        assert!(matches!(slipped, Err(Error::Text) | Ok(0)), "{slipped:?}");
    }

    async fn metadata_may_hold_a_nul(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let folder = folder(c, company, user)?;
            let value = json!({"k\0": "v\0", "deep": {"\0": [1, "\0"]}});
            let Value::Object(new) = value.clone() else { return Err(Error::NotFound) };
            metadata::change(c, Viewer::All, Owner::Folder(folder.id), &Change::Replace(new), at(1))?;
            assert_eq!(metadata::get(c, Viewer::All, Owner::Folder(folder.id))?, value);
            Ok::<_, Error>(())
        }).await.unwrap();
    }
}

/// Waits until another session of this database has waited for an advisory lock longer than `Options::query_limit` lets it.
fn somebody_waits(conn: &mut AnyConn) -> Result<()> {
    let start = Instant::now();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory' \
        AND clock_timestamp() - query_start > interval '300 milliseconds'";
    while Statement::<BigInt>::new(waiting).get_result::<i64>(conn)? == 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "nobody waits");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_may_wait_for_another_one() {
    let database = TestDatabase::postgres();
    let (holder, locked) =
        (Db::open(database.url(), Options::default()).await.unwrap(), tokio::sync::oneshot::channel());
    let (tell, told) = locked;
    let holding = tokio::spawn(async move {
        holder
            .statement(move |c| {
                c.batch_execute("SELECT pg_advisory_lock(7957614812312)")?;
                tell.send(()).unwrap();
                somebody_waits(c)?;
                Ok::<_, Error>(c.batch_execute("SELECT pg_advisory_unlock(7957614812312)")?)
            })
            .await
    });
    told.await.unwrap();
    let options = Options { query_limit: Duration::from_millis(100), connections: 1, ..Options::default() };
    let db = Db::open(database.url(), options).await.unwrap();
    assert_eq!(db.migrate().await.unwrap(), ["0001", "0002"]);
    holding.await.unwrap().unwrap();
    // The limit is back on the very connection that migrated.
    let stopped = db.read(run_away).await;
    assert!(matches!(stopped, Err(Error::Unavailable(_))), "{stopped:?}");
}

#[tokio::test]
async fn a_server_must_show_the_right_certificate() {
    let cluster = Cluster::start_tls().unwrap();
    let url = cluster.create_database("tls").unwrap().replace("127.0.0.1", "localhost");
    let open = |authority: &std::path::Path| {
        let url = format!("{url}?sslmode=verify-full&sslrootcert={}", authority.display());
        async move { Db::open(&url, Options { patience: Duration::from_secs(2), ..Options::default() }).await }
    };
    let db = open(&cluster.certificate()).await.unwrap();
    let encrypted = db
        .read(|c| {
            let ssl = "SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl";
            Ok::<_, Error>(Statement::<BigInt>::new(ssl).get_result::<i64>(c)?)
        })
        .await;
    assert_eq!(encrypted.unwrap(), 1);
    let wrong = open(&cluster.other_certificate()).await;
    assert!(matches!(&wrong, Err(Error::Unavailable(why)) if why.contains("certificate")), "{wrong:?}");
}
