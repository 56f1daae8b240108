//! Refreshing, reuse, ends.

use crate::support::{NOW, at, company, open, user};
use oz_domain::{SessionKind, TokenId, UserId};
use oz_store::sessions::{
    Rotation, Session, by_expire_hash, get, get_with_user, insert, list, revoke, revoke_user, rotate, sweep, touch,
};
use oz_store::{Error, Page, TimeRange, Viewer};
use oz_testkit::both_databases;

fn session(user_id: UserId, hash: u8) -> Session {
    let id = TokenId::new(NOW);
    Session {
        id,
        user_id,
        kind: SessionKind::Person,
        family: id,
        predecessor: None,
        rotated: false,
        expire_hash: Some(vec![hash]),
        time_created: NOW,
        time_seen: NOW,
        time_expires: at(1000),
        time_revoked: None,
    }
}

both_databases! {
    async fn the_old_pair_dies_on_first_use_of_the_new(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let old = session(user, 1);
            insert(c, &old)?;
            let Rotation::Done(lost) = rotate(c, old.id, &session(user, 2), at(1))? else { panic!() };
            assert!(get(c, old.id)?.is_live(at(1)), "the answer may be lost on the way");
            let Rotation::Done(new) = rotate(c, old.id, &session(user, 3), at(2))? else { panic!() };
            assert!(!get(c, lost.id)?.is_live(at(2)));
            assert_eq!((new.family, by_expire_hash(c, &[3])?.id), (old.id, new.id));
            let used = touch(c, new.id, at(3), at(2000))?;
            assert_eq!((used.time_expires, used.predecessor), (at(2000), None));
            assert!(!get(c, old.id)?.is_live(at(3)));
            assert!(matches!(touch(c, old.id, at(3), at(9)), Err(Error::NotFound)));
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn a_stolen_expire_token_ends_the_family(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let (old, apart) = (session(user, 1), session(user, 9));
            insert(c, &old)?;
            insert(c, &apart)?;
            let Rotation::Done(new) = rotate(c, old.id, &session(user, 2), at(1))? else { panic!() };
            touch(c, new.id, at(2), at(2000))?;
            assert_eq!(rotate(c, old.id, &session(user, 3), at(3))?, Rotation::Reused);
            assert!(!get(c, new.id)?.is_live(at(3)));
            assert!(matches!(touch(c, new.id, at(4), at(5)), Err(Error::NotFound)));
            assert!(get_with_user(c, apart.id)?.0.is_live(at(3)), "another log-in of the user is left alone");
            assert_eq!(rotate(c, new.id, &session(user, 4), at(4))?, Rotation::Ended);
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn sessions_end_and_are_listed(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let (ann, bob) = (user(c, company)?, user(c, company)?);
            let (a, b, own) = (session(ann, 1), session(ann, 2), session(bob, 3));
            for s in [&a, &b, &own] { insert(c, s)?; }
            let bobs = Viewer::Own { company, user: bob };
            assert!(matches!(revoke(c, bobs, a.id, at(1)), Err(Error::NotFound)));
            assert_eq!(list(c, bobs, &[], TimeRange::ANY, at(1), &Page::default())?.items, std::slice::from_ref(&own));
            assert_eq!(revoke_user(c, ann, Some(a.id), at(1))?, [b.id]);
            assert_eq!(list(c, Viewer::Company(company), &[ann], TimeRange::ANY, at(1), &Page::default())?.items, std::slice::from_ref(&a));
            assert_eq!(revoke(c, Viewer::All, a.id, at(1))?, [a.id]);
            assert_eq!(list(c, Viewer::All, &[], TimeRange::ANY, at(1000), &Page { total: true, ..Page::default() })?.total, Some(0));
            assert_eq!(sweep(c, at(1001))?, 3);
            Ok::<_, Error>(())
        }).await.unwrap();
    }
}
