//! What one may not see is not found; what is seen is true.

use crate::support::{NOW, analysis_row, at, company, folder, medium, open, user};
use oz_domain::{FileRole, GroupId, Resolution, Status, UserId};
use oz_store::analyses::{Filter, Outcome};
use oz_store::metadata::{Change, Owner};
use oz_store::{Error, Page, Viewer, analyses, companies, folders, media, metadata, users};
use oz_testkit::both_databases;
use serde_json::{Value, json};

fn object(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().unwrap()
}

both_databases! {
    async fn strangers_find_nothing(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let (mine, theirs) = (company(c)?, company(c)?);
            let (owner, colleague) = (user(c, mine)?, user(c, mine)?);
            let f = folder(c, mine, owner)?;
            let m = medium(c, &f, "x")?;
            let a = analysis_row(&f, GroupId::new(NOW), NOW, &[m.media.id]);
            analyses::insert(c, std::slice::from_ref(&a))?;
            let own = |user: UserId| Viewer::Own { company: mine, user };
            for viewer in [Viewer::All, Viewer::Company(mine), own(owner)] {
                assert_eq!(folders::get(c, viewer, f.id)?.id, f.id);
                assert_eq!(media::get(c, viewer, m.media.id)?, m);
                assert_eq!(analyses::get(c, viewer, a.analysis.id)?.source_media, [m.media.id]);
            }
            for viewer in [Viewer::Nobody, Viewer::Company(theirs), own(colleague), Viewer::Own { company: theirs, user: owner }] {
                let hidden = [
                    folders::get(c, viewer, f.id).is_err(),
                    folders::patch(c, viewer, f.id, &folders::Patch::default(), NOW).is_err(),
                    folders::delete(c, viewer, f.id).is_err(),
                    folders::clean(c, viewer, f.id, NOW).is_err(),
                    media::get(c, viewer, m.media.id).is_err(),
                    media::set_tags(c, viewer, m.media.id, &[], NOW).is_err(),
                    media::delete(c, viewer, m.media.id, NOW).is_err(),
                    analyses::get(c, viewer, a.analysis.id).is_err(),
                    analyses::decide(c, viewer, a.analysis.id, None, None, NOW).is_err(),
                    analyses::delete(c, viewer, a.analysis.id, NOW).is_err(),
                    metadata::change(c, viewer, Owner::Folder(f.id), &Change::Replace(object(json!({}))), NOW).is_err(),
                ];
                assert_eq!(hidden, [true; 11], "{viewer:?}");
            }
            assert!(matches!(users::get(c, own(colleague), owner), Err(Error::NotFound)));
            assert!(users::get(c, Viewer::Company(mine), owner).is_ok());
            assert!(matches!(companies::get(c, Viewer::Company(theirs), mine), Err(Error::NotFound)));
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn a_folder_follows_its_analyses(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let f = folder(c, company, user)?;
            let m = medium(c, &f, "x")?;
            let shows = |c: &mut oz_store::AnyConn| folders::get(c, Viewer::All, f.id).map(|f| (f.resolution_status, f.system_resolution));
            let outcome = |resolution| Outcome { resolution, results_media: json!([]), results_data: Some(json!({"x": 1})), model_pack: None, images: vec![] };
            let (old, new) = (GroupId::new(NOW), GroupId::new(NOW));
            let first = analysis_row(&f, old, at(1), &[m.media.id]);
            analyses::insert(c, std::slice::from_ref(&first))?;
            assert_eq!(shows(c)?, (Status::Processing, Status::Processing));
            assert!(analyses::begin(c, first.analysis.id, at(2))?);
            assert!(matches!(analyses::decide(c, Viewer::All, first.analysis.id, None, None, NOW), Err(Error::Conflict(_))));
            assert!(analyses::finish(c, first.analysis.id, &outcome(Resolution::Declined), at(3))?);
            assert_eq!(shows(c)?, (Status::Finished, Status::Declined));
            let two = [analysis_row(&f, new, at(4), &[]), analysis_row(&f, new, at(4), &[m.media.id])];
            analyses::insert(c, &two)?;
            assert_eq!(shows(c)?, (Status::Processing, Status::Processing));
            assert!(analyses::finish(c, two[0].analysis.id, &outcome(Resolution::Success), at(5))?);
            assert!(analyses::fail(c, two[1].analysis.id, 1513, "no face", at(6))?);
            assert_eq!(shows(c)?, (Status::Failed, Status::Failed));
            analyses::delete(c, Viewer::All, two[1].analysis.id, at(7))?;
            assert_eq!(shows(c)?, (Status::Finished, Status::Success));
            let decided = analyses::decide(c, Viewer::All, first.analysis.id, Some(Resolution::Success), Some("ok"), at(8))?;
            assert_eq!((decided.analysis.status(), decided.analysis.system_status()), (Status::Success, Status::Declined));
            assert_eq!((decided.analysis.attempts, decided.analysis.time_task_received), (1, Some(at(2))));
            let filter = Filter { statuses: vec![Status::Success], ids_exclude: vec![first.analysis.id], ..Filter::default() };
            let found = analyses::of_folders(c, &[f.id], &filter)?;
            assert_eq!(found.iter().map(|a| a.analysis.id).collect::<Vec<_>>(), [two[0].analysis.id]);
            assert_eq!(folders::get(c, Viewer::All, f.id)?.time_updated, at(8));
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn media_keep_what_was_given(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let (f, empty) = (folder(c, company, user)?, folder(c, company, user)?);
            let m = medium(c, &f, "x")?;
            let tagged = media::set_tags(c, Viewer::All, m.media.id, &["b".to_owned(), "\"quoted\"".to_owned()], at(1))?;
            assert_eq!(media::of_folders(c, &[f.id, empty.id])?, std::slice::from_ref(&tagged));
            assert_eq!(tagged.file(FileRole::Original), m.files.first());
            assert_eq!(tagged.file(FileRole::Thumb), None);
            let dead = media::delete(c, Viewer::All, m.media.id, at(2))?;
            assert_eq!(dead.len(), 1);
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn a_folder_outlives_its_owner_and_a_company_its_folders(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let (owner, heir) = (user(c, company)?, user(c, company)?);
            let f = folder(c, company, owner)?;
            metadata::change(c, Viewer::All, Owner::Folder(f.id), &Change::Merge(object(json!({"k": "v"}))), NOW)?;
            let patch = folders::Patch { owner: Some(heir), operator_status: Some(Some(Resolution::Declined)), ..folders::Patch::default() };
            assert_eq!(folders::patch(c, Viewer::All, f.id, &patch, at(1))?.user_id, Some(heir));
            users::delete(c, Viewer::Company(company), heir)?;
            let left = folders::get(c, Viewer::All, f.id)?;
            assert_eq!((left.user_id, left.operator_status), (None, Some(Resolution::Declined)));
            Ok::<_, Error>((company, f.id))
        }).await.unwrap();
        let company_id = db.read(|c| companies::list(c, Viewer::All, Some("STRASSE"), &Page::default())).await.unwrap();
        assert_eq!(company_id.items, []);
        let found = db.read(|c| companies::list(c, Viewer::All, Some("100% & sons_"), &Page::default())).await.unwrap();
        let company = found.items[0].id;
        let kept = db.write(move |c| companies::delete(c, Viewer::All, company)).await;
        assert!(matches!(kept, Err(Error::Conflict(_))), "{kept:?}");
    }
}
