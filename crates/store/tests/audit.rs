//! The chain holds, and shows what was changed behind it.

use crate::support::{NOW, at, company, open};
use diesel::prelude::*;
use oz_domain::{Action, AuditId, Object, SubjectKeyId};
use oz_store::audit::{Filter, Record, SubjectKey, append, destroy_subject_key, list, seal, subject_key, verify};
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
            for n in 0..5 { append(c, &record(n))?; }
            assert_eq!(verify(c, 0, 100)?, 0);
            assert_eq!((seal(c, 3)?, seal(c, 100)?, seal(c, 100)?), (3, 2, 0));
            assert_eq!((verify(c, 0, 100)?, verify(c, 2, 2)?), (5, 4));
            let page = list(c, Viewer::All, &Filter { object_id: Some("3".to_owned()), ..Filter::default() }, &Page::default())?;
            assert_eq!(page.items.iter().map(|r| r.seq).collect::<Vec<_>>(), [Some(4)]);
            diesel::update(schema::audit::table.filter(schema::audit::seq.eq(Some(4)))).set(schema::audit::object_id.eq(Some("7"))).execute(c)?;
            let broken = verify(c, 0, 100);
            assert!(matches!(&broken, Err(Error::Corrupt(text)) if text.ends_with(" 4")), "{broken:?}");
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn a_removed_record_breaks_the_chain(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            for n in 0..5 { append(c, &record(n))?; }
            seal(c, 100)?;
            diesel::delete(schema::audit::table.filter(schema::audit::seq.eq(Some(2)))).execute(c)?;
            assert!(matches!(verify(c, 0, 100), Err(Error::Corrupt(_))));
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
