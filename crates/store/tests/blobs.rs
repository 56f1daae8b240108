//! Every use is counted, and files go when nothing uses them.

use crate::support::{NOW, analysis_row, at, company, folder, medium, open, user};
use oz_domain::{BlobId, GroupId, ImageId, ImageKind, Resolution};
use oz_store::analyses::{AnalysisImage, Outcome};
use oz_store::blobs::{Acquired, NewBlob};
use oz_store::{Error, Viewer, analyses, blobs, folders, media};
use oz_testkit::both_databases;
use serde_json::json;

both_databases! {
    async fn equal_contents_share_a_blob_inside_a_company(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let (one, two) = (company(c)?, company(c)?);
            let new = |company_id| NewBlob { id: BlobId::new(NOW), company_id, name: "n".to_owned(), size: 9 };
            let (first, again, foreign) = (new(one), new(one), new(two));
            assert_eq!(blobs::acquire(c, &first, NOW)?, Acquired { id: first.id, existing: false });
            assert_eq!(blobs::acquire(c, &again, NOW)?, Acquired { id: first.id, existing: true });
            assert_eq!(blobs::acquire(c, &foreign, NOW)?, Acquired { id: foreign.id, existing: false });
            assert_eq!(blobs::release(c, &[first.id])?, []);
            assert_eq!(blobs::known(c, &[first.id, again.id, foreign.id])?.len(), 2);
            let dead = blobs::release(c, &[first.id])?;
            assert_eq!(dead.iter().map(|d| (d.id, d.company_id)).collect::<Vec<_>>(), [(first.id, one)]);
            assert_eq!(blobs::release(c, &[first.id])?, [], "released once too often");
            // The same content comes back: under the new id, whatever became of the old file.
            assert_eq!(blobs::acquire(c, &again, NOW)?, Acquired { id: again.id, existing: false });
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }

    async fn a_used_blob_cannot_go(database: TestDatabase) {
        let db = open(&database).await;
        let gone = db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let folder = folder(c, company, user)?;
            let one = medium(c, &folder, "content")?;
            blobs::release(c, &[one.files[0].blob_id])
        }).await;
        assert!(matches!(&gone, Err(Error::Conflict(what)) if what == "foreign key"), "{gone:?}");
    }

    async fn files_go_with_the_last_folder_that_uses_them(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let (first, second) = (folder(c, company, user)?, folder(c, company, user)?);
            let one = medium(c, &first, "shared")?;
            let alone = medium(c, &first, "alone")?;
            let other = medium(c, &second, "shared")?;
            assert_eq!(one.files[0].blob_id, other.files[0].blob_id);

            // An analysis with a best shot of its own.
            let row = analysis_row(&first, GroupId::new(NOW), NOW, &[one.media.id]);
            analyses::insert(c, std::slice::from_ref(&row))?;
            let shot = NewBlob { id: BlobId::new(NOW), company_id: company, name: "shot".to_owned(), size: 1 };
            let blob_id = blobs::acquire(c, &shot, NOW)?.id;
            let image = AnalysisImage { id: ImageId::new(NOW), analysis_id: row.analysis.id, media_id: one.media.id,
                kind: ImageKind::BestShot, blob_id, mime: "image/jpeg".to_owned(), width: 10, height: 20, time_ms: None, time_created: NOW };
            let outcome = Outcome { resolution: Resolution::Success, results_media: json!([{"a": 0.1}]), results_data: None,
                model_pack: Some("default 1".to_owned()), images: vec![image.clone()] };
            assert!(analyses::finish(c, row.analysis.id, &outcome, at(5))?);
            assert!(!analyses::finish(c, row.analysis.id, &outcome, at(6))?, "an end is written twice");
            assert!(!analyses::fail(c, row.analysis.id, 0, "late", at(7))?);
            assert_eq!(analyses::image(c, Viewer::Company(company), image.id)?, (image.clone(), company));

            let cleaned = folders::clean(c, Viewer::All, second.id, at(8))?;
            assert_eq!(cleaned, []);
            assert!(media::get(c, Viewer::All, other.media.id)?.files.is_empty());

            let mut dead: Vec<_> = folders::delete(c, Viewer::All, first.id)?.into_iter().map(|d| d.name).collect();
            dead.sort();
            assert_eq!(dead, ["alone", "shared", "shot"]);
            assert!(matches!(media::get(c, Viewer::All, alone.media.id), Err(Error::NotFound)));
            assert!(matches!(analyses::image(c, Viewer::All, image.id), Err(Error::NotFound)));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
}
