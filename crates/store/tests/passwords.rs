//! Passwords change once, are remembered as long as asked, and links work once.

use crate::support::{NOW, at, company, open, user};
use oz_domain::UserId;
use oz_store::passwords::{Reset, change, former, offer, offered, sweep};
use oz_store::{AnyConn, Error, Result, Viewer, users};
use oz_testkit::both_databases;

fn reset(user_id: UserId, hash: u8) -> Reset {
    Reset { token_hash: vec![hash], user_id, time_created: NOW, time_expires: at(1000) }
}

fn read(c: &mut AnyConn, id: UserId) -> Result<users::User> {
    users::get(c, Viewer::All, id)
}

both_databases! {
    async fn the_newest_former_passwords_are_remembered(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let id = user(c, company)?;
            let first = read(c, id)?;
            for (time, hash) in ["a", "b", "c", "d"].into_iter().enumerate() {
                let now = at(i64::try_from(time).unwrap());
                let user = read(c, id)?;
                change(c, &user, hash, 2, now)?;
            }
            assert_eq!(read(c, id)?.password_hash.as_deref(), Some("d"));
            assert_eq!(former(c, id, 5)?, ["c", "b"]);
            assert_eq!(former(c, id, 1)?, ["c"]);
            // Who read it before another changed it is too late.
            assert!(matches!(change(c, &first, "e", 2, at(9)), Err(Error::Conflict(_))));
            let user = read(c, id)?;
            change(c, &user, "e", 0, at(10))?;
            assert_eq!(former(c, id, 5)?, Vec::<String>::new());
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn only_the_last_link_counts_and_only_until_it_was_used(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let (ann, bob) = (user(c, company)?, user(c, company)?);
            for r in [reset(ann, 1), reset(ann, 2), reset(bob, 3)] { offer(c, &r)?; }
            assert!(matches!(offered(c, &[1], NOW), Err(Error::NotFound)));
            assert!(matches!(offered(c, &[2], at(1000)), Err(Error::NotFound)));
            let user = offered(c, &[2], at(999))?;
            assert_eq!(user.id, ann);
            change(c, &user, "a", 0, NOW)?;
            assert!(matches!(offered(c, &[2], NOW), Err(Error::NotFound)));
            assert_eq!(sweep(c, at(1000))?, 1);
            Ok::<_, Error>(())
        }).await.unwrap();
    }
}
