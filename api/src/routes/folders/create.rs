//! `POST`: folders with media (and analyses), media into a folder.

use super::super::view;
use super::read::read_folder;
use super::start::wait_for_end;
use crate::app::{App, to_the_end};
use crate::audit::{self, Deed};
use crate::auth::Access;
use crate::error::{Error, Result};
use crate::hand::Hand;
use crate::idempotency::{claim, key_of, remember};
use crate::ingest::{self, Placed};
use crate::plan::{Ground, enqueue};
use crate::subjects::open_folder;
use oz_domain::{Action, FolderId, Object, Status};
use oz_http::{ApiError, Form, Response, UploadGate, UploadLimits, UploadPermit, reply_status};
use oz_store::AnyConn;
use oz_store::blobs::{DeadBlob, NewBlob};
use oz_store::folders::{self, Folder};
use oz_store::media::MediaWithFiles;
use oz_wire::Code;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::{Filter as _, Reply as _};

/// Longest silence inside an upload.
const SILENCE: Duration = Duration::from_secs(30);

/// Bounds of one form.
pub(super) fn limits(app: &App) -> UploadLimits {
    let (file, files) = (app.settings.max_file_size, app.settings.max_files_per_folder as u64);
    UploadLimits {
        file_bytes: file,
        payload_bytes: 1 << 20,
        // Heads of parts and boundaries come on top.
        total_bytes: file.saturating_mul(files).saturating_add(2 << 20),
        idle: SILENCE,
    }
}

/// Room for one more upload, and space on the disk for it: asked before the first byte is read.
pub(super) fn gate(app: &App, gate: &UploadGate) -> BoxedFilter<(UploadPermit,)> {
    let (app, gate) = (app.clone(), gate.clone());
    warp::any()
        .and_then(move || {
            let room = enough_space(&app).and_then(|()| gate.enter()).map_err(warp::Rejection::from);
            async move { room }
        })
        .boxed()
}

fn enough_space(app: &App) -> std::result::Result<(), ApiError> {
    let free = app.blobs.free_bytes().map_err(|e| ApiError::from(Error::from(e)))?;
    if free < app.settings.min_free_space {
        return Err(ApiError::new(Code::NoDiskSpace, "not enough disk space for uploads"));
    }
    Ok(())
}

/// What a request says beside its body.
pub(super) struct Asked {
    pub(super) access: Access,
    pub(super) key: Option<String>,
    pub(super) origin: String,
}

/// `POST /api/folders`.
pub(super) async fn folder(asked: Asked, room: UploadPermit, form: Form, app: App) -> Result<Response> {
    let Asked { access, key, origin } = asked;
    let user = access.caller.user.clone();
    let company = user.company_id;
    let mut upload = ingest::read(&app, company, form).await?;
    // The files are here: whoever waits for verdicts takes no room from those who upload.
    drop(room);
    let now = app.now();
    let id = FolderId::new(now);
    let row = Folder {
        id,
        company_id: company,
        user_id: Some(user.id),
        resolution_status: Status::Initial,
        system_resolution: Status::Initial,
        operator_status: None,
        operator_comment: None,
        resolution_endpoint: None,
        is_cleaned: false,
        meta_data: Value::Object(upload.payload.folder_meta_data.clone()),
        technical_meta_data: json!({}),
        time_created: now,
        time_updated: now,
    };
    let key = key_of(&app, &access, key, "POST /api/folders".to_owned(), upload.digest.clone())?;
    let wanted = upload.payload.analyses.take();
    let single = wanted.is_some();
    let attempts = app.settings.analysis_max_attempts;
    let (ours, who) = (app.clone(), access.clone());
    // From the first file in its place on: a client that leaves must not leave files without rows.
    let first = to_the_end(async move {
        let placed = Arc::new(upload.place(id, company, now).await?);
        let ground = Ground { access: &who, folder: &row, media: &placed.media, now };
        let planned = match wanted.as_deref().map(|wanted| ground.plan(wanted)).transpose() {
            Ok(planned) => planned,
            Err(error) => {
                drop_files(&ours, placed.blobs()).await;
                return Err(error);
            }
        };
        let (shared, desk) = (Arc::clone(&placed), ours.clone());
        let change = move |conn: &mut AnyConn, hand: &Hand| {
            if let Some(first) = claim(conn, key.as_ref(), now)? {
                let first: Option<FolderId> = first["folder_id"].as_str().and_then(|t| t.parse().ok());
                return Ok((first, shared.blobs().to_vec()));
            }
            folders::insert(conn, &row)?;
            let copies = shared.insert(conn, now)?;
            let media: Vec<Value> = shared.media.iter().map(|(_, m)| said(m)).collect();
            let after = json!({"user_id": row.user_id, "meta_data": row.meta_data, "media": media});
            hand.note(conn, Deed::new(Object::Folder, Action::Create, id, company).to(after))?;
            if let Some(planned) = &planned {
                enqueue(conn, hand, &desk.license, planned, attempts)?;
            }
            remember(conn, key.as_ref(), id, &json!({"folder_id": id}))?;
            Ok::<_, Error>((None, copies))
        };
        let written = ours.write_as(&who, change).await;
        let first = settle(&ours, &placed, written).await?;
        ours.jobs_added();
        Ok(first)
    })
    .await?;
    let id = first.unwrap_or(id);
    let mut response = if access.is_capture() {
        receipt(&json!({"folder_id": id}))
    } else {
        if single {
            wait_for_end(&app, id).await?;
        }
        if first.is_some() {
            // Makes nothing, and shows what came of it meanwhile.
            audit::seen(&app, &access, Deed::new(Object::Folder, Action::Read, id, company)).await?;
        }
        reply_status(StatusCode::CREATED, &read_folder(&app, &access, origin, id, single).await?).into_response()
    };
    if let Ok(location) = HeaderValue::from_str(&format!("/api/folders/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Removes the files that no row refers to: copies of contents that were there, or all of them when nothing was written.
async fn settle<T>(app: &App, placed: &Placed, written: Result<(T, Vec<NewBlob>)>) -> Result<T> {
    match written {
        Ok((value, copies)) => {
            drop_files(app, &copies).await;
            Ok(value)
        }
        // A lost connection leaves open whether the write took place: the sweeper, which asks the database, decides.
        Err(error @ Error::Store(oz_store::Error::Unavailable(_))) => Err(error),
        Err(error) => {
            drop_files(app, placed.blobs()).await;
            Err(error)
        }
    }
}

async fn drop_files(app: &App, blobs: &[NewBlob]) {
    let dead = blobs.iter().map(|b| DeadBlob { id: b.id, company_id: b.company_id, name: b.name.clone() });
    app.remove_files(dead.collect()).await;
}

/// `POST /api/folders/{folder_id}/media`.
pub(super) async fn media(
    id: FolderId,
    access: Access,
    origin: String,
    _room: UploadPermit,
    form: Form,
    app: App,
) -> Result<Response> {
    let viewer = access.viewer;
    let folder = app.db.read(move |conn| open_folder(conn, viewer, id)).await?;
    let mut upload = ingest::read(&app, folder.company_id, form).await?;
    let (now, most) = (app.now(), app.settings.max_files_per_folder);
    let (ours, who) = (app.clone(), access.clone());
    let placed = to_the_end(async move {
        let placed = Arc::new(upload.place(id, folder.company_id, now).await?);
        let shared = Arc::clone(&placed);
        let change = move |conn: &mut AnyConn, hand: &Hand| {
            // Looked at again: the folder may have been erased, or filled, while the files came.
            open_folder(conn, viewer, id)?;
            let present = oz_store::media::of_folders(conn, &[id])?.len();
            if present + shared.media.len() > most {
                let text = format!("a folder holds at most {most} files; it has {present}");
                return Err(Error::new(Code::MediaOverLimit, text));
            }
            let copies = shared.insert(conn, now)?;
            for (_, new) in &shared.media {
                let deed = Deed::new(Object::Media, Action::Create, new.media.id, new.media.company_id).about(id);
                hand.note(conn, deed.to(said(new)))?;
            }
            Ok(((), copies))
        };
        let written = ours.write_as(&who, change).await;
        settle(&ours, &placed, written).await?;
        Ok(placed)
    })
    .await?;
    if access.is_capture() {
        let ids: Vec<Value> = placed.media.iter().map(|(_, m)| json!({"media_id": m.media.id})).collect();
        return Ok(receipt(&json!(ids)));
    }
    let view = view(&app, &access, origin);
    let answer: Vec<_> = placed.media.iter().map(|(_, m)| view.media(m)).collect();
    Ok(reply_status(StatusCode::CREATED, &answer))
}

/// What a capture is answered: ids. Whoever holds the phone, or its token, learns no verdict and sees no file
/// ([ADR 32](../../../../docs/adr/0032-accounts.md)).
pub(super) fn receipt(ids: &Value) -> Response {
    reply_status(StatusCode::CREATED, ids)
}

/// What the audit log says of a new medium.
fn said(new: &MediaWithFiles) -> Value {
    let media = &new.media;
    json!({"media_id": media.id, "folder_id": media.folder_id, "type": media.kind.as_str(), "tags": media.tags})
}
