//! The chain holds, and shows what was changed behind it.

use crate::support::{NOW, at, company, open};
use diesel::prelude::*;
use oz_domain::{Action, AuditId, Object, SubjectKeyId};
use oz_store::audit::{
    Broken, Filter, Head, Record, SubjectKey, append, destroy_subject_key, hash_at, head, list, seal, set_told,
    subject_key, told, verify, waiting,
};
use oz_store::{Error, Page, Viewer, schema};
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
            for n in 5..8 { append(c, &record(n))?; }
            seal(c, 100)?;
            assert_eq!(verify(c, &Head::NONE, 100)?.unwrap().seq, 6);
            assert_ne!(hash_at(c, kept.seq)?, kept.hash);
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
            let new = SubjectKey { id: SubjectKeyId::new(NOW), company_id, subject: "folder".to_owned(), wrapped_key: Some(vec![7]),
                time_created: NOW, time_destroyed: None };
            assert_eq!(subject_key(c, &new)?, new);
            destroy_subject_key(c, company_id, "folder", at(1))?;
            let after = subject_key(c, &SubjectKey { id: SubjectKeyId::new(NOW), ..new.clone() })?;
            assert_eq!((after.id, after.wrapped_key, after.time_destroyed), (new.id, None, Some(at(1))));
            Ok::<_, Error>(())
        }).await.unwrap();
    }
}
