//! Reads see one picture, writes are as if alone, and nothing half-done stays.

use crate::support::{NOW, company, open, user_row};
use diesel::prelude::*;
use oz_domain::CompanyId;
use oz_store::companies;
use oz_store::schema::companies as table;
use oz_store::{AnyConn, Backend, Db, Error, Options, Result, Viewer};
use oz_testkit::{TestDatabase, both_databases};

/// A counter kept in a company's name: read, then written.
fn count_up(conn: &mut AnyConn) -> Result<()> {
    let mut company = companies::get(conn, Viewer::All, companies::SYSTEM)?;
    let n: u32 = company.name.parse().unwrap_or(0);
    company.name = (n + 1).to_string();
    companies::update(conn, Viewer::All, &company)
}

both_databases! {
    async fn no_update_is_lost(database: TestDatabase) {
        let db = open(&database).await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    for _ in 0..25 {
                        db.write(count_up).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let counter = db.read(|c| companies::get(c, Viewer::All, companies::SYSTEM)).await.unwrap();
        assert_eq!(counter.name, "200");
    }

    async fn a_read_cannot_write(database: TestDatabase) {
        let db = open(&database).await;
        let done: Result<CompanyId> = db.read(company).await;
        assert!(matches!(done, Err(Error::Database(_))), "{done:?}");
    }

    async fn a_read_sees_one_picture(database: TestDatabase) {
        let db = open(&database).await;
        let (other, names) = (db.clone(), |c: &mut AnyConn| companies::get(c, Viewer::All, companies::SYSTEM).map(|r| r.name));
        let runtime = tokio::runtime::Handle::current();
        let (before, after) = db
            .read(move |conn| {
                let before = names(conn)?;
                runtime.block_on(other.write(count_up))?;
                Ok::<_, Error>((before, names(conn)?))
            })
            .await
            .unwrap();
        assert_eq!(before, after);
    }

    async fn a_failed_write_leaves_nothing(database: TestDatabase) {
        let db = open(&database).await;
        let failed: Result<()> = db.write(|c| { company(c)?; Err(Error::NotFound) }).await;
        assert!(matches!(failed, Err(Error::NotFound)));
        assert_eq!(companies_in(&db).await, 1);
    }

    async fn a_panic_leaves_nothing_and_harms_nobody(database: TestDatabase) {
        let db = open(&database).await;
        let other = db.clone();
        let gone = tokio::spawn(async move {
            other.write(|c| { company(c)?; if companies::SYSTEM.uuid().is_nil() { panic!("on purpose") } Ok::<_, Error>(()) }).await
        });
        assert!(gone.await.unwrap_err().is_panic());
        assert_eq!(companies_in(&db).await, 1);
        db.write(company).await.unwrap();
        assert_eq!(companies_in(&db).await, 2);
    }

    async fn a_swallowed_error_cannot_commit_half(database: TestDatabase) {
        let db = open(&database).await;
        let done = db
            .write(|c| {
                let id = company(c)?;
                let same = companies::get(c, Viewer::All, id)?;
                let twice = companies::insert(c, &same);
                assert!(matches!(twice, Err(Error::Conflict(_))));
                Ok::<_, Error>(())
            })
            .await;
        // SQLite undoes the one statement, PostgreSQL everything: either way what was told is what is there.
        assert_eq!(companies_in(&db).await, if done.is_ok() { 2 } else { 1 });
        assert_eq!(done.is_ok(), db.backend() == Backend::Sqlite);
    }

    async fn a_conflict_names_the_columns(database: TestDatabase) {
        let db = open(&database).await;
        let add = |email: &'static str| db.write(move |c| oz_store::users::insert(c, &user_row(companies::SYSTEM, email)));
        add("Ann@Example.com").await.unwrap();
        let twice = add(" ann@example.COM").await;
        assert!(matches!(&twice, Err(Error::Conflict(what)) if what == "users.email_key"), "{twice:?}");
        let nowhere = db.write(|c| oz_store::users::insert(c, &user_row(CompanyId::new(NOW), "bob@example.com"))).await;
        assert!(matches!(&nowhere, Err(Error::Conflict(what)) if what == "foreign key"), "{nowhere:?}");
        let found = db.read(|c| oz_store::users::by_email(c, "ANN@example.com")).await.unwrap().unwrap();
        assert_eq!(found.email, "Ann@Example.com");
        assert!(!format!("{found:?}").contains("xample"), "a row's debug text shows personal data");
    }

    async fn a_closed_database_says_so(database: TestDatabase) {
        let db = open(&database).await;
        db.write(company).await.unwrap();
        db.health().await.unwrap();
        db.close().await.unwrap();
        if let Some(path) = database.path() {
            let log = path.with_extension("db-wal");
            assert_eq!(std::fs::metadata(log).map_or(0, |m| m.len()), 0, "the write-ahead log is not empty");
        }
        assert!(matches!(db.health().await, Err(Error::Unavailable(_))));
        db.close().await.unwrap();
    }
}

async fn companies_in(db: &Db) -> i64 {
    db.read(|c| Ok::<_, Error>(table::table.count().get_result(c)?)).await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_away_is_no_new_file() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let options = Options { patience: std::time::Duration::from_millis(300), ..Options::default() };
    let away = Db::open("postgres://oz@127.0.0.1:1/none", options).await;
    assert!(matches!(away, Err(Error::Unavailable(_))), "{away:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_database_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = TestDatabase::sqlite();
    let db = open(&database).await;
    db.write(company).await.unwrap();
    for entry in std::fs::read_dir(database.path().unwrap().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
    }
}

/// Another program that opens and closes the file must find our locks, or it takes itself for the last one and removes the
/// log with all that was committed into it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_its_locks_however_many_connections_are_opened() {
    use std::os::unix::fs::MetadataExt as _;
    let database = oz_testkit::TestDatabase::sqlite();
    let db = crate::support::open(&database).await;
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(3));
    let at_once = (0..3).map(|_| {
        let (db, barrier) = (db.clone(), barrier.clone());
        tokio::spawn(async move {
            let wait = move |_: &mut oz_store::AnyConn| {
                barrier.wait();
                Ok::<_, oz_store::Error>(())
            };
            db.read(wait).await
        })
    });
    for one in at_once.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    let inode = fs_err::metadata(database.path().unwrap()).unwrap().ino();
    let locks = fs_err::read_to_string("/proc/locks").unwrap();
    assert!(locks.lines().any(|line| line.contains(&format!(":{inode} "))), "{locks}");
}
