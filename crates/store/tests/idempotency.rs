//! One key, one answer.

use crate::support::{NOW, at, company, folder, open, user};
use oz_store::idempotency::{Begin, Key, begin, finish, forget, get, sweep};
use oz_store::{Error, Viewer, folders};
use oz_testkit::both_databases;

both_databases! {
    async fn a_key_gives_the_first_answer(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let (user, stranger) = (user(c, company)?, user(c, company)?);
            let folder = folder(c, company, user)?;
            let key = Key { user_id: user, key: "k".to_owned(), request: "POST /api/folders".to_owned(), body_hash: vec![1],
                folder_id: None, status: None, answer: None, time_created: NOW, time_expires: at(1000) };
            assert_eq!(begin(c, &key, NOW)?, Begin::New);
            assert_eq!(begin(c, &key, NOW)?, Begin::Running);
            assert!(finish(c, user, "k", Some(folder.id), 201, "{}")?);
            assert_eq!(begin(c, &key, at(1))?, Begin::Answered { status: 201, answer: "{}".to_owned() });
            assert_eq!(begin(c, &Key { body_hash: vec![2], ..key.clone() }, at(1))?, Begin::Other);
            assert_eq!(begin(c, &Key { request: "POST /api/x".to_owned(), ..key.clone() }, at(1))?, Begin::Other);
            assert_eq!(begin(c, &Key { user_id: stranger, ..key.clone() }, at(1))?, Begin::New, "keys belong to users");
            // Expired: as if it had never been.
            assert_eq!(get(c, user, "k", at(1000))?, None);
            assert_eq!(begin(c, &Key { body_hash: vec![2], time_expires: at(5000), ..key.clone() }, at(1000))?, Begin::New);
            forget(c, user, "k")?;
            assert_eq!(begin(c, &key, NOW)?, Begin::New);
            assert!(finish(c, user, "k", Some(folder.id), 201, "{\"folder\":1}")?);
            // The answer goes with what it speaks of.
            folders::delete(c, Viewer::All, folder.id)?;
            assert_eq!(get(c, user, "k", NOW)?, None);
            assert!(!finish(c, user, "k", None, 201, "{}")?);
            assert_eq!(sweep(c, at(1000))?, 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    async fn of_two_at_once_one_goes_on(database: TestDatabase) {
        let db = open(&database).await;
        let user = db.write(|c| { let company = company(c)?; user(c, company) }).await.unwrap();
        let key = Key { user_id: user, key: "k".to_owned(), request: "POST /".to_owned(), body_hash: vec![1], folder_id: None,
            status: None, answer: None, time_created: NOW, time_expires: at(1000) };
        let tasks: Vec<_> = (0..6).map(|_| {
            let (db, key) = (db.clone(), key.clone());
            tokio::spawn(async move { db.write(move |c| begin(c, &key, NOW)).await.unwrap() })
        }).collect();
        let mut new = 0;
        for task in tasks {
            new += usize::from(task.await.unwrap() == Begin::New);
        }
        assert_eq!(new, 1);
    }
}
