//! One analysis: read, decide, delete. They are started below their folder.

use super::{origin, view, with};
use crate::app::{App, to_the_end};
use crate::audit::{self, Deed};
use crate::auth::{Access, user};
use crate::error::{Error, Result};
use crate::hand::Hand;
use crate::subjects::open_folder;
use oz_domain::{Action, AnalysisId, Object};
use oz_http::{Response, Route, any_of, endpoint, json, json_reply};
use oz_store::analyses::{self, Analysis, AnalysisWithMedia};
use oz_store::{AnyConn, Viewer};
use oz_wire::{AnalysisPatch, Code};
use serde_json::json;
use warp::Filter;
use warp::http::StatusCode;
use warp::path::{end, param};

#[rustfmt::skip]
pub(super) fn routes(app: &App) -> Route {
    let id = param::<AnalysisId>;
    let may = |action| user(app, Object::Analysis, action);
    any_of([
        endpoint("GET /api/analyses/{analysis_id}", id().and(end()).and(warp::get()).and(may(Action::Read)).and(origin(app)).and(with(app)).then(read)),
        endpoint("PATCH /api/analyses/{analysis_id}", id().and(end()).and(warp::patch()).and(may(Action::Decide)).and(json()).and(origin(app)).and(with(app)).then(decide)),
        endpoint("DELETE /api/analyses/{analysis_id}", id().and(end()).and(warp::delete()).and(may(Action::Delete)).and(with(app)).then(remove)),
    ])
}

async fn read(id: AnalysisId, access: Access, origin: String, app: App) -> Result<Response> {
    let viewer = access.viewer;
    let found = app.db.read(move |conn| analyses::get(conn, viewer, id)).await?;
    audit::seen(&app, &access, Deed::new(Object::Analysis, Action::Read, id, found.analysis.company_id)).await?;
    show(&app, &access, origin, found).await
}

async fn show(app: &App, access: &Access, origin: String, found: AnalysisWithMedia) -> Result<Response> {
    let folder = found.analysis.folder_id;
    let media = app.db.read(move |conn| oz_store::media::of_folders(conn, &[folder])).await?;
    Ok(json_reply(&view(app, access, origin).analysis(&found, &media)))
}

/// An operator's decision (decision 24).
async fn decide(id: AnalysisId, access: Access, body: AnalysisPatch, origin: String, app: App) -> Result<Response> {
    let (decider, reader) = (access.viewer, access.reach(Object::Analysis, Action::Read));
    let found = app
        .write_as(&access, move |conn, hand| {
            let old = analyses::get(conn, reader, id)?.analysis;
            if body.comment.is_some() {
                open_folder(conn, Viewer::All, old.folder_id)?;
            }
            let decided = analyses::decide(conn, decider, id, Some(body.resolution), body.comment.as_deref(), hand.now);
            let new = decided.map_err(|error| match error {
                oz_store::Error::Conflict(what) if what == "analyses.state" => {
                    Error::new(Code::Conflict, "only an analysis that is FINISHED can be decided on")
                }
                other => Error::forbidden(other, "decide on this analysis"),
            })?;
            let said = |a: &Analysis| {
                let resolution = a.operator_resolution.map(|r| r.as_str());
                json!({"resolution": resolution, "comment": a.operator_comment})
            };
            let deed = Deed::new(Object::Analysis, Action::Decide, id, old.company_id).about(old.folder_id);
            hand.note(conn, deed.from(said(&old)).to(said(&new.analysis)))?;
            Ok::<_, Error>(new)
        })
        .await?;
    show(&app, &access, origin, found).await
}

async fn remove(id: AnalysisId, access: Access, app: App) -> Result<StatusCode> {
    let viewer = access.viewer;
    to_the_end(async move {
        let remove = move |conn: &mut AnyConn, hand: &Hand| {
            let row = analyses::get(conn, viewer, id)?.analysis;
            let dead = analyses::delete(conn, viewer, id, hand.now)?;
            let deed = Deed::new(Object::Analysis, Action::Delete, id, row.company_id).about(row.folder_id);
            let before = json!({"folder_id": row.folder_id, "type": row.kind.as_str()});
            hand.note(conn, deed.from(before))?;
            Ok::<_, Error>(dead)
        };
        let dead = app.write_as(&access, remove).await?;
        app.gone(dead).await
    })
    .await
}
