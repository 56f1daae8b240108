//! Both databases have the same form; two families share a database.

use crate::support::{Place, at, site_key, site_of, sql, texts};
use oz_store::{Db, Error, Migrations, Options};
use oz_testkit::{TestDatabase, both_databases};
use std::collections::BTreeSet;
use std::sync::Arc;

static BOTH: &[&Migrations] = &[&oz_store::TABLES, &oz_site::TABLES];

const SQLITE: &[&str] = &[
    "SELECT 'column ' || t.name || '.' || c.name || ' ' || CASE c.type WHEN 'INTEGER' THEN 'number' ELSE lower(c.type) END \
       || CASE WHEN c.\"notnull\" OR c.pk > 0 THEN ' not null' ELSE '' END || CASE WHEN c.pk > 0 THEN ' key' || c.pk ELSE '' END \
     FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name LIKE 'license\\_%' ESCAPE '\\'",
    "SELECT 'index ' || t.name || ' ' || CASE i.origin WHEN 'c' THEN i.name ELSE 'constraint' END \
       || CASE WHEN i.\"unique\" THEN ' unique' ELSE '' END || ' ' \
       || (SELECT group_concat(x.name, ',') FROM pragma_index_xinfo(i.name) x WHERE x.key) \
     FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin <> 'pk' AND t.name LIKE 'license\\_%' ESCAPE '\\'",
];

const POSTGRES: &[&str] = &[
    "SELECT 'column ' || c.table_name || '.' || c.column_name || ' ' \
       || CASE WHEN c.data_type IN ('bigint', 'integer', 'boolean') THEN 'number' WHEN c.data_type = 'bytea' THEN 'blob' \
          ELSE c.data_type END \
       || CASE WHEN c.is_nullable = 'NO' THEN ' not null' ELSE '' END || COALESCE(' key' || k.ordinal_position, '') \
     FROM information_schema.columns c \
     LEFT JOIN information_schema.table_constraints t ON t.table_name = c.table_name AND t.constraint_type = 'PRIMARY KEY' \
     LEFT JOIN information_schema.key_column_usage k ON k.constraint_name = t.constraint_name AND k.column_name = c.column_name \
     WHERE c.table_schema = 'public' AND c.table_name LIKE 'license\\_%'",
    "SELECT 'index ' || t.relname || ' ' || CASE WHEN EXISTS (SELECT 1 FROM pg_constraint n WHERE n.conindid = i.oid) \
         THEN 'constraint' ELSE i.relname END || CASE WHEN x.indisunique THEN ' unique' ELSE '' END || ' ' \
       || (SELECT string_agg(a.attname, ',' ORDER BY k.n) \
           FROM unnest(x.indkey) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) \
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
     JOIN pg_namespace s ON s.oid = t.relnamespace WHERE s.nspname = 'public' AND NOT x.indisprimary AND t.relname LIKE 'license\\_%'",
];

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
