//! `POST /api/folders/{folder_id}/analyses`, and the wait of a single request.

use super::super::view;
use super::create::{Asked, receipt};
use crate::app::App;
use crate::audit::{self, Deed};
use crate::error::{Error, Result};
use crate::idempotency::{claim, key_of, other_request, remember};
use crate::plan::{Ground, enqueue};
use crate::subjects::open_folder;
use oz_domain::{Action, FolderId, GroupId, Object, Status};
use oz_http::{Response, reply_status};
use oz_store::Viewer;
use oz_store::analyses;
use oz_store::folders;
use oz_wire::{Code, StartAnalyses};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use warp::http::StatusCode;

/// How long a single request waits before it looks into the database again: another machine's worker cannot ring here.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Analyses of one folder: each one that ends works out the folder's status anew, so their number must have an end.
const MOST: i64 = 1000;

pub(super) async fn analyses(id: FolderId, asked: Asked, body: StartAnalyses, app: App) -> Result<Response> {
    let Asked { access, key, origin } = asked;
    let hash = Sha256::digest(format!("{body:?}")).to_vec();
    let key = key_of(&app, &access, key, format!("POST /api/folders/{id}/analyses"), hash)?;
    let (now, attempts, caller) = (app.now(), app.settings.analysis_max_attempts, access.clone());
    let ours = app.clone();
    let (found, media, folder, again) = app
        .write_as(&access, move |conn, hand| {
            let folder = open_folder(conn, caller.viewer, id)?;
            let media = oz_store::media::of_folders(conn, &[id])?;
            let first = claim(conn, key.as_ref(), now)?;
            let again = first.is_some();
            let group = match first {
                Some(first) => first["group_id"].as_str().and_then(|t| t.parse().ok()).ok_or_else(other_request)?,
                None => {
                    let present = analyses::count_of_folder(conn, id)?;
                    if present + i64::try_from(body.analyses.len()).unwrap_or(i64::MAX) > MOST {
                        let text = format!("a folder has at most {MOST} analyses; it has {present}");
                        return Err(Error::new(Code::MediaOverLimit, text));
                    }
                    let named: Vec<_> = media.iter().cloned().map(|m| (String::new(), m)).collect();
                    let ground = Ground { access: &caller, folder: &folder, media: &named, now };
                    let planned = ground.plan(&body.analyses)?;
                    enqueue(conn, hand, &ours.license, &planned, attempts)?;
                    let group = planned.first().map_or_else(|| GroupId::new(now), |a| a.analysis.group_id);
                    remember(conn, key.as_ref(), id, &json!({"group_id": group}))?;
                    group
                }
            };
            Ok::<_, Error>((analyses::of_group(conn, id, group)?, media, folder, again))
        })
        .await?;
    app.jobs_added();
    if access.is_capture() {
        let ids: Vec<_> = found.iter().map(|a| json!({"analysis_id": a.analysis.id})).collect();
        return Ok(receipt(&json!(ids)));
    }
    if again {
        // Starts nothing, and shows what came of it meanwhile.
        audit::seen(&app, &access, Deed::new(Object::Folder, Action::Read, id, folder.company_id)).await?;
    }
    let view = view(&app, &access, origin);
    let answer: Vec<_> = found.iter().map(|a| view.analysis(a, &media)).collect();
    Ok(reply_status(StatusCode::CREATED, &answer))
}

/// Waits until nothing of the folder runs any more, at most as long as a single request may take (decision 28).
pub(super) async fn wait_for_end(app: &App, id: FolderId) -> Result<()> {
    let wait = async {
        loop {
            // Interest is registered before looking, so that an end in between is not missed.
            let ended = app.ended.notified();
            let mut ended = std::pin::pin!(ended);
            ended.as_mut().enable();
            let row = app.db.read(move |conn| folders::get(conn, Viewer::All, id)).await?;
            if row.resolution_status != Status::Processing {
                return Ok(());
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, ended).await;
        }
    };
    tokio::time::timeout(app.settings.single_request_timeout, wait).await.unwrap_or(Ok(()))
}
