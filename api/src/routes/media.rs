//! One medium: read, change its tags, delete. They are added below their folder.

use super::{origin, view, with};
use crate::app::{App, to_the_end};
use crate::audit::{self, Deed};
use crate::auth::{Access, user};
use crate::error::{Error, Result};
use crate::hand::Hand;
use crate::ingest::check_tags;
use crate::subjects::open_folder;
use oz_domain::{Action, MediaId, Object};
use oz_http::{Response, Route, any_of, endpoint, json, json_reply};
use oz_store::{AnyConn, Viewer, media};
use oz_wire::{MediaPatch, PayloadError};
use serde_json::json;
use warp::Filter;
use warp::http::StatusCode;
use warp::path::{end, param};

#[rustfmt::skip]
pub(super) fn routes(app: &App) -> Route {
    let id = param::<MediaId>;
    let may = |action| user(app, Object::Media, action);
    any_of([
        endpoint("GET /api/media/{media_id}", id().and(end()).and(warp::get()).and(may(Action::Read)).and(origin(app)).and(with(app)).then(read)),
        endpoint("PATCH /api/media/{media_id}", id().and(end()).and(warp::patch()).and(may(Action::UpdateTags)).and(json()).and(origin(app)).and(with(app)).then(change_tags)),
        endpoint("DELETE /api/media/{media_id}", id().and(end()).and(warp::delete()).and(may(Action::Delete)).and(with(app)).then(remove)),
    ])
}

async fn read(id: MediaId, access: Access, origin: String, app: App) -> Result<Response> {
    let viewer = access.viewer;
    let found = app.db.read(move |conn| media::get(conn, viewer, id)).await?;
    audit::seen(&app, &access, Deed::new(Object::Media, Action::Read, id, found.media.company_id)).await?;
    Ok(json_reply(&view(&app, &access, origin).media(&found)))
}

async fn change_tags(id: MediaId, access: Access, body: MediaPatch, origin: String, app: App) -> Result<Response> {
    let tags = body.tags.ok_or_else(|| PayloadError::missing("tags"))?;
    check_tags("tags", &tags)?;
    let (changer, reader) = (access.viewer, access.reach(Object::Media, Action::Read));
    let found = app
        .write_as(&access, move |conn, hand| {
            let old = media::get(conn, reader, id)?.media;
            open_folder(conn, Viewer::All, old.folder_id)?;
            let new = media::set_tags(conn, changer, id, &tags, hand.now)
                .map_err(|e| Error::forbidden(e, "change this medium"))?;
            let deed = Deed::new(Object::Media, Action::UpdateTags, id, old.company_id).about(old.folder_id);
            let deed = deed.from(json!({"tags": old.tags})).to(json!({"tags": new.media.tags}));
            hand.note(conn, deed)?;
            Ok::<_, Error>(new)
        })
        .await?;
    Ok(json_reply(&view(&app, &access, origin).media(&found)))
}

/// The file is gone before the answer.
async fn remove(id: MediaId, access: Access, app: App) -> Result<StatusCode> {
    let viewer = access.viewer;
    to_the_end(async move {
        let remove = move |conn: &mut AnyConn, hand: &Hand| {
            let row = media::get(conn, viewer, id)?.media;
            let dead = media::delete(conn, viewer, id, hand.now)?;
            let deed = Deed::new(Object::Media, Action::Delete, id, row.company_id).about(row.folder_id);
            hand.note(conn, deed.from(json!({"folder_id": row.folder_id, "tags": row.tags})))?;
            Ok::<_, Error>(dead)
        };
        let dead = app.write_as(&access, remove).await?;
        app.gone(dead).await
    })
    .await
}
