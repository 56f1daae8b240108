//! Up, down, up again; several at once; never from the future.

use crate::support::{company, open};
use diesel::prelude::*;
use oz_store::{AnyConn, Db, Error, Options};
use oz_testkit::both_databases;

both_databases! {
    async fn up_down_up(database: TestDatabase) {
        let db = Db::open(database.url(), Options::default()).await.unwrap();
        assert_eq!(db.pending_migrations().await.unwrap(), ["0001", "0002"]);
        assert_eq!(db.migrate().await.unwrap(), ["0001", "0002"]);
        assert_eq!(db.migrate().await.unwrap(), Vec::<String>::new());
        db.write(company).await.unwrap();
        db.migrate_down().await.unwrap();
        assert!(db.write(company).await.is_err());
        db.migrate().await.unwrap();
        db.write(company).await.unwrap();
        assert!(db.pending_migrations().await.unwrap().is_empty());
    }

    async fn several_programs_at_once(database: TestDatabase) {
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let db = Db::open(database.url(), Options::default()).await.unwrap();
            tasks.push(tokio::spawn(async move { db.migrate().await.unwrap().len() }));
        }
        let mut ran = 0;
        for task in tasks {
            ran += task.await.unwrap();
        }
        assert_eq!(ran, 2);
    }

    async fn a_newer_database_is_refused(database: TestDatabase) {
        let db = open(&database).await;
        let add = |c: &mut AnyConn| Ok(diesel::sql_query(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").execute(c)?);
        db.write::<_, Error>(add).await.unwrap();
        let refused = db.migrate().await;
        assert!(matches!(&refused, Err(Error::Schema(text)) if text.contains("9999")), "{refused:?}");
    }
}
