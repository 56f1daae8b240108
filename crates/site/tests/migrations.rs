//! Both databases have the same form; two families share a database.

use crate::support::{Place, at, site_key, site_of, sql, texts};
use oz_store::{Db, Error, Migrations, Options};
use oz_testkit::form::{POSTGRES, SQLITE};
use oz_testkit::{TestDatabase, both_databases};
use std::collections::BTreeSet;
use std::sync::Arc;

static BOTH: &[&Migrations] = &[&oz_store::TABLES, &oz_site::TABLES];

async fn facts(database: &TestDatabase, questions: &'static [&'static str]) -> BTreeSet<String> {
    let place = Place::new(database).await;
    let ask = move |c: &mut _, _: &_| {
        let answers = questions.iter().map(|question| texts(c, question)).collect::<Result<Vec<_>, _>>()?;
        Ok(answers.into_iter().flatten().collect())
    };
    place.run(ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_one_form() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    let (sqlite, postgres) = (facts(&sqlite, SQLITE).await, facts(&postgres, POSTGRES).await);
    assert!(sqlite.len() > 55, "too few facts: {}", sqlite.len());
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join("\n");
    assert_eq!(only(&sqlite, &postgres), "", "only in SQLite");
    assert_eq!(only(&postgres, &sqlite), "", "only in PostgreSQL");
}

async fn both_families(database: &TestDatabase) -> Db {
    Db::open(database.url(), Options { families: BOTH, ..Options::default() }).await.unwrap()
}

async fn is_used(db: &Db) -> oz_site::Result<()> {
    let site = Arc::new(site_of(site_key(), Default::default(), "1.2.3"));
    db.write(move |c| oz_site::open(c, &site, at("2026-06-01T00:00:00Z"), true).map(drop)).await
}

both_databases! {
    async fn alone_it_goes_up_and_down(database: TestDatabase) {
        let place = Place::new(&database).await;
        assert_eq!(place.db.migrate().await.unwrap(), Vec::<String>::new());
        place.db.migrate_down().await.unwrap();
        assert!(is_used(&place.db).await.is_err());
        assert_eq!(place.db.migrate().await.unwrap(), ["0101"]);
        is_used(&place.db).await.unwrap();
    }

    async fn with_the_stores_tables_in_one_database(database: TestDatabase) {
        let db = both_families(&database).await;
        let all = db.pending_migrations().await.unwrap();
        assert!(all.len() > 1 && all.last().is_some_and(|name| name == "0101"), "{all:?}");
        assert_eq!(db.migrate().await.unwrap(), all);
        assert!(db.migrate().await.unwrap().is_empty());
        is_used(&db).await.unwrap();
        let viewer = oz_store::Viewer::All;
        db.read(move |c| oz_store::companies::get(c, viewer, oz_store::companies::SYSTEM)).await.unwrap();
        db.migrate_down().await.unwrap();
        assert!(is_used(&db).await.is_err());
        assert_eq!(db.migrate().await.unwrap(), all);
        is_used(&db).await.unwrap();
    }

    async fn a_database_of_the_store_alone_gets_the_site_later(database: TestDatabase) {
        let db = Db::open(database.url(), Options::default()).await.unwrap();
        db.migrate().await.unwrap();
        let both = both_families(&database).await;
        assert_eq!(both.migrate().await.unwrap(), ["0101"]);
        is_used(&both).await.unwrap();
        // A program without the site's tables is older than this database.
        let refused = db.migrate().await;
        assert!(matches!(&refused, Err(Error::Schema(text)) if text.contains("0101")), "{refused:?}");
    }

    async fn a_newer_database_is_refused(database: TestDatabase) {
        let db = both_families(&database).await;
        db.migrate().await.unwrap();
        for newer in ["0099", "0102", "9999"] {
            let add = move |c: &mut _| sql(c, &format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{newer}')"));
            db.write(add).await.unwrap();
            let refused = db.migrate().await;
            assert!(matches!(&refused, Err(Error::Schema(text)) if text.contains(newer)), "{refused:?}");
            db.write(move |c: &mut _| sql(c, &format!("DELETE FROM __diesel_schema_migrations WHERE version = '{newer}'"))).await.unwrap();
        }
        db.migrate().await.unwrap();
    }
}
