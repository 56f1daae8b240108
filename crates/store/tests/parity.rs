//! Both databases have the same tables, columns, keys and indexes, and `schema.rs` knows them.

use crate::support::open;
use diesel::prelude::*;
use diesel::sql_types::Text;
use oz_store::{AnyConn, Error, Statement};
use oz_testkit::TestDatabase;
use oz_testkit::form::{POSTGRES, SQLITE};
use std::collections::BTreeSet;

/// What the database says of itself, one line a fact.
async fn facts(database: &TestDatabase, questions: &'static [&'static str]) -> BTreeSet<String> {
    let db = open(database).await;
    db.read(move |conn: &mut AnyConn| {
        let mut facts = BTreeSet::new();
        for question in questions {
            facts.extend(Statement::<Text>::new(question).load::<String>(conn)?);
        }
        Ok::<_, Error>(facts)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn both_databases_have_one_form() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    let (sqlite, postgres) = (facts(&sqlite, SQLITE).await, facts(&postgres, POSTGRES).await);
    assert!(sqlite.len() > 150, "too few facts: {}", sqlite.len());
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join("\n");
    assert_eq!(only(&sqlite, &postgres), "", "only in SQLite");
    assert_eq!(only(&postgres, &sqlite), "", "only in PostgreSQL");
}

/// `SELECT` of all columns that `schema.rs` names, typed as it says: fails where a column is missing or of another type.
macro_rules! every_table_can_be_read {
    ($($table:ident),+ $(,)?) => {
        #[tokio::test]
        async fn the_schema_knows_every_column() {
            let databases = [TestDatabase::sqlite(), TestDatabase::postgres()];
            let columns = facts(&databases[0], &SQLITE[..1]).await;
            let mut named = 0;
            $(
                let names = columns_of(&diesel::debug_query::<diesel::sqlite::Sqlite, _>(&oz_store::schema::$table::table.select(oz_store::schema::$table::all_columns)).to_string());
                for name in &names {
                    let start = format!("column {}.{name} ", stringify!($table));
                    assert!(columns.iter().any(|fact| fact.starts_with(&start)), "{start}is not in the database");
                }
                named += names.len();
            )+
            assert_eq!(named, columns.len(), "schema.rs leaves columns out");
            for database in &databases {
                let db = open(database).await;
                db.read(|conn| {
                    $(oz_store::schema::$table::table.count().get_result::<i64>(conn)?;)+
                    Ok::<_, Error>(())
                }).await.unwrap();
            }
        }
    };
}
every_table_can_be_read!(
    companies,
    users,
    sessions,
    folders,
    folder_metadata,
    blobs,
    media,
    media_files,
    analyses,
    analysis_media,
    analysis_images,
    jobs,
    audit,
    subject_keys,
    idempotency_keys,
    audit_exports,
    password_resets,
    password_history,
    counters,
    store_identity,
);

fn columns_of(query: &str) -> Vec<String> {
    let list = query.split("FROM").next().unwrap();
    list.split(',').map(|part| part.rsplit('.').next().unwrap().trim().trim_matches('`').to_owned()).collect()
}
