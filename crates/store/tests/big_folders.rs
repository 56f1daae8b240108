//! A folder may hold more analyses than a statement can have values.

use crate::support::{NOW, analysis_row, at, company, folder, medium, open, user};
use diesel::prelude::*;
use oz_domain::{FolderId, GroupId, MediaId, Resolution, Status};
use oz_store::analyses::{self, Outcome};
use oz_store::{AnyConn, Error, Result, Viewer, folders};
use oz_testkit::both_databases;
use serde_json::json;

/// More than SQLite's 32,766.
const MANY: i32 = 33_000;

/// Copies of the folder's one analysis, each with its medium.
fn multiply(conn: &mut AnyConn, folder: FolderId) -> Result<()> {
    const COLUMNS: &str = "folder_id, company_id, group_id, kind, state, resolution, operator_resolution, operator_comment, \
        params, thresholds, results_media, results_data, error_code, error_message, model_pack, attempts, meta_data, \
        technical_meta_data, time_created, time_updated, time_task_send_to_broker, time_task_received, time_task_finished";
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 10001 UNION ALL SELECT i + 1 FROM n WHERE i < {})", 10_000 + MANY);
    let id = "'00000000-0000-7000-8000-0000000' || n.i";
    for sql in [
        format!(
            "{numbers} INSERT INTO analyses (id, {COLUMNS}) SELECT {id}, {COLUMNS} FROM n, analyses WHERE folder_id = '{folder}'"
        ),
        format!(
            "{numbers} INSERT INTO analysis_media (analysis_id, media_id, position) SELECT {id}, m.id, 0 FROM n, media m \
             WHERE m.folder_id = '{folder}'"
        ),
    ] {
        diesel::sql_query(sql).execute(conn)?;
    }
    Ok(())
}

both_databases! {
    async fn a_folder_with_very_many_analyses_is_read_and_ends(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let folder = folder(c, company, user)?;
            let medium: MediaId = medium(c, &folder, "content")?.media.id;
            let first = analysis_row(&folder, GroupId::new(NOW), at(0), &[medium]);
            analyses::insert(c, std::slice::from_ref(&first))?;
            multiply(c, folder.id)?;
            let all = analyses::of_folders(c, &[folder.id], &analyses::Filter::default())?;
            assert_eq!(all.len(), MANY as usize + 1);
            assert!(all.iter().all(|a| a.source_media == [medium]));
            assert_eq!(analyses::count_of_folder(c, folder.id)?, i64::from(MANY) + 1);
            // A later group decides the verdict, all of them the progress.
            let later = analysis_row(&folder, GroupId::new(at(1)), at(1), &[medium]);
            analyses::insert(c, std::slice::from_ref(&later))?;
            let outcome = Outcome {
                resolution: Resolution::Declined, results_media: json!([]), results_data: None, model_pack: None, images: vec![],
            };
            assert!(analyses::finish(c, later.analysis.id, &outcome, at(2))?);
            let shown = folders::get(c, Viewer::All, folder.id)?;
            assert_eq!((shown.resolution_status, shown.system_resolution), (Status::Processing, Status::Declined));
            let group = analyses::of_group(c, folder.id, later.analysis.group_id)?;
            assert_eq!(group.iter().map(|a| a.analysis.id).collect::<Vec<_>>(), [later.analysis.id]);
            assert_eq!(group[0].source_media, [medium]);
            Ok::<_, Error>(())
        }).await.unwrap();
    }
}
