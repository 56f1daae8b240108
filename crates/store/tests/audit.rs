//! The chain holds, and shows what was changed behind it.

use crate::support::{NOW, at, company, open};
use diesel::prelude::*;
use oz_domain::{Action, AuditId, CompanyId, Object, SubjectKeyId};
use oz_store::audit::{
    Broken, Filter, Head, Record, SubjectKey, append, destroy_subject_key, fits, hash_at, head, list, seal, set_told,
    subject_key, told, verify, waiting,
};
use oz_store::{AnyConn, Error, Page, Result, Viewer, schema};
use oz_testkit::both_databases;

fn record(n: i64) -> Record {
    Record {
        id: AuditId::new(at(n)),
        seq: None,
        time: at(n),
        company_id: None,
        user_id: None,
        request_id: None,
        action: Action::Update.to_string(),
        object: Object::Folder.to_string(),
        object_id: Some(n.to_string()),
        subject_key_id: None,
        before_value: None,
        after_value: Some(vec![1, 2]),
        hash: None,
        address: Some("192.0.2.1".to_owned()),
    }
}

/// Seals what waits, then walks the whole chain to its end.
fn sealed_and_walked(conn: &mut AnyConn) -> Result<Result<Head, Broken>> {
    seal(conn, 100)?;
    let head = verify(conn, &Head::NONE, 100)?;
    head.map_or_else(|broken| Ok(Err(broken)), |head| verify(conn, &head, 100))
}

fn key(company_id: CompanyId, subject: &str) -> SubjectKey {
    SubjectKey {
        id: SubjectKeyId::new(NOW),
        company_id,
        subject: subject.to_owned(),
        wrapped_key: Some(vec![7]),
        time_created: NOW,
        time_destroyed: None,
    }
}

both_databases! {
    async fn a_changed_record_breaks_the_chain(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            assert_eq!(head(c)?, Head::NONE);
            for n in 0..5 { append(c, &record(n))?; }
            assert_eq!(verify(c, &Head::NONE, 100)?, Ok(Head::NONE));
            assert!(waiting(c)?);
            assert_eq!((seal(c, 3)?, seal(c, 100)?, seal(c, 100)?), (3, 2, 0));
            assert!(!waiting(c)?);
            let third = Head { seq: 3, hash: hash_at(c, 3)? };
            let last = head(c)?;
            assert_eq!((verify(c, &Head::NONE, 3)?, verify(c, &third, 100)?, verify(c, &last, 100)?), (Ok(third), Ok(last.clone()), Ok(last)));
            let filter = Filter { object_ids: vec!["3".to_owned()], objects: vec![Object::Folder], actions: vec![Action::Update], ..Filter::default() };
            let page = list(c, Viewer::All, &filter, &Page::default())?;
            assert_eq!(page.items.iter().map(|r| r.seq).collect::<Vec<_>>(), [Some(4)]);
            diesel::update(schema::audit::table.filter(schema::audit::seq.eq(Some(4)))).set(schema::audit::object_id.eq(Some("7"))).execute(c)?;
            assert_eq!(verify(c, &Head::NONE, 100)?, Err(Broken::Changed(4)));
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn a_removed_record_breaks_the_chain(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            for n in 0..5 { append(c, &record(n))?; }
            seal(c, 100)?;
            diesel::delete(schema::audit::table.filter(schema::audit::seq.eq(Some(2)))).execute(c)?;
            assert_eq!(verify(c, &Head::NONE, 100)?, Err(Broken::Missing(2)));
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn a_cut_tail_shows_against_a_head(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            for n in 0..5 { append(c, &record(n))?; }
            seal(c, 100)?;
            let kept = head(c)?;
            diesel::delete(schema::audit::table.filter(schema::audit::seq.ge(Some(4)))).execute(c)?;
            // The chain alone is whole; the head that was kept lies behind its end, or names another record later.
            assert_eq!(verify(c, &Head::NONE, 100)?.unwrap().seq, 3);
            assert!(matches!(hash_at(c, kept.seq), Err(Error::NotFound)));
            assert!(!fits(c, &kept)?);
            for n in 5..8 { append(c, &record(n))?; }
            seal(c, 100)?;
            assert_eq!(verify(c, &Head::NONE, 100)?.unwrap().seq, 6);
            assert!(!fits(c, &kept)?);
            let end = head(c)?;
            assert!(fits(c, &end)?);
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn records_beside_the_chain_are_found(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            for n in 0..5 { append(c, &record(n))?; }
            assert!(sealed_and_walked(c)?.is_ok());
            for (n, place) in [(5, -7), (6, 0)] {
                append(c, &record(n))?;
                let beside = (schema::audit::seq.eq(Some(place)), schema::audit::hash.eq(Some(vec![7; 32])));
                diesel::update(schema::audit::table.filter(schema::audit::seq.is_null())).set(beside).execute(c)?;
            }
            assert_eq!(sealed_and_walked(c)?, Err(Broken::Beside(2)));
            diesel::delete(schema::audit::table.filter(schema::audit::seq.lt(Some(1)))).execute(c)?;
            assert!(sealed_and_walked(c)?.is_ok());
            diesel::sql_query("DROP INDEX audit__seq").execute(c)?;
            append(c, &record(7))?;
            diesel::update(schema::audit::table.filter(schema::audit::seq.is_null())).set(schema::audit::seq.eq(Some(2))).execute(c)?;
            assert!(sealed_and_walked(c)?.is_err(), "a place twice");
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn a_key_goes_with_a_record_only(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company_id = company(c)?;
            let (one, other) = (subject_key(c, &key(company_id, "1"))?, subject_key(c, &key(company_id, "2"))?);
            let of = |n, key: &SubjectKey| Record { company_id: Some(company_id), subject_key_id: Some(key.id), ..record(n) };
            append(c, &of(1, &one))?;
            append(c, &of(2, &other))?;
            assert_eq!(sealed_and_walked(c)?.map(|end| end.seq), Ok(2));
            destroy_subject_key(c, company_id, "2", at(3))?;
            assert_eq!(sealed_and_walked(c)?, Err(Broken::Hidden(2)));
            // The erasure of another one excuses nothing; its own does, and the end of the company excuses all.
            let told = |n, object: Object, action: Action, id: String| Record {
                object: object.to_string(), action: action.to_string(), object_id: Some(id), company_id: Some(company_id), ..record(n)
            };
            append(c, &told(4, Object::Folder, Action::ErasePi, "1".to_owned()))?;
            assert_eq!(sealed_and_walked(c)?, Err(Broken::Hidden(2)));
            append(c, &told(5, Object::Folder, Action::ErasePi, "2".to_owned()))?;
            assert_eq!(sealed_and_walked(c)?.map(|end| end.seq), Ok(4));
            diesel::delete(schema::subject_keys::table).execute(c)?;
            assert_eq!(sealed_and_walked(c)?, Err(Broken::Hidden(1)));
            append(c, &told(6, Object::Company, Action::Delete, company_id.to_string()))?;
            assert_eq!(sealed_and_walked(c)?.map(|end| end.seq), Ok(5));
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn sealers_and_writers_at_once_leave_one_whole_chain(database: TestDatabase) {
        let db = open(&database).await;
        let mut all = tokio::task::JoinSet::new();
        for task in 0..6 {
            let db = db.clone();
            all.spawn(async move {
                for n in 0..10 {
                    let record = record(task * 100 + n);
                    if task % 3 == 0 {
                        // Busy is no error: another one seals.
                        match db.write(|c| seal(c, 4)).await {
                            Ok(_) | Err(Error::Busy) => {}
                            Err(error) => panic!("{error}"),
                        }
                    } else {
                        db.write(move |c| append(c, &record)).await.unwrap();
                    }
                }
            });
        }
        while let Some(done) = all.join_next().await { done.unwrap(); }
        while db.write(|c| seal(c, 100)).await.unwrap() > 0 {}
        let last = db.read(|c| verify(c, &Head::NONE, 1000)).await.unwrap();
        assert_eq!(last.map(|head| head.seq), Ok(40));
    }

    async fn how_far_others_were_told_is_kept(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            assert_eq!(told(c, "udp://siem:514")?, 0);
            set_told(c, "udp://siem:514", 3)?;
            set_told(c, "udp://siem:514", 7)?;
            assert_eq!((told(c, "udp://siem:514")?, told(c, "other")?), (7, 0));
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn a_destroyed_key_stays_destroyed(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company_id = company(c)?;
            let new = key(company_id, "folder");
            assert_eq!(subject_key(c, &new)?, new);
            destroy_subject_key(c, company_id, "folder", at(1))?;
            let after = subject_key(c, &SubjectKey { id: SubjectKeyId::new(NOW), ..new.clone() })?;
            assert_eq!((after.id, after.wrapped_key, after.time_destroyed), (new.id, None, Some(at(1))));
            Ok::<_, Error>(())
        }).await.unwrap();
    }
}
