//! `POST /api/subjects/export` and `/api/subjects/erase` (decision 44).

use super::{view, with};
use crate::app::{App, to_the_end};
use crate::audit::Deed;
use crate::auth::{Access, user};
use crate::error::{Error, Result};
use crate::hand::Hand;
use crate::subjects::{Subject, archive, erase_folder};
use crate::view::View;
use oz_domain::{Action, CompanyId, FolderId, Object};
use oz_http::{Response, Route, any_of, download, endpoint, json, json_reply, under};
use oz_store::AnyConn;
use oz_store::blobs::DeadBlob;
use oz_store::companies::SYSTEM;
use oz_wire::{Code, Erased, SubjectRequest};
use serde_json::json;
use std::collections::BTreeMap;
use warp::Filter;
use warp::path::end;

pub(super) fn routes(app: &App) -> Route {
    let may = |action| end().and(warp::post()).and(user(app, Object::Subject, action)).and(json()).and(with(app));
    any_of([
        under("export", endpoint("POST /api/subjects/export", may(Action::Export).then(export))),
        under("erase", endpoint("POST /api/subjects/erase", may(Action::Erase).then(erase))),
    ])
}

/// All that is kept of the subject, as a ZIP archive.
async fn export(access: Access, body: SubjectRequest, app: App) -> Result<Response> {
    let subject = Subject::of(body, access.viewer)?;
    // Each holds a thread for as long as its client reads.
    let permit = app.exports.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Error::new(Code::TooManyRequests, "too many archives at once: try again later"))?;
    let viewer = access.viewer;
    let found = app
        .write_as(&access, move |conn, hand| {
            let found = subject.folders(conn, viewer)?;
            note(conn, hand, Action::Export, &found)?;
            Ok::<_, Error>(found)
        })
        .await?;
    let ids = found.into_keys().collect();
    // A link in an archive would be good for whoever finds it.
    let view = View { links: None, ..view(&app, &access, String::new()) };
    Ok(download("application/zip", "subject.zip", archive(app, permit, viewer, ids, view)))
}

/// Erases the subject. The answer comes when the files are gone.
async fn erase(access: Access, body: SubjectRequest, app: App) -> Result<Response> {
    let subject = Subject::of(body, access.viewer)?;
    let viewer = access.viewer;
    to_the_end(async move {
        let change = move |conn: &mut AnyConn, hand: &Hand| {
            let found = subject.folders(conn, viewer)?;
            let mut dead: Vec<DeadBlob> = Vec::new();
            for id in found.keys() {
                dead.extend(erase_folder(conn, hand, viewer, *id)?);
            }
            note(conn, hand, Action::Erase, &found)?;
            Ok::<_, Error>((found, dead))
        };
        let (found, dead) = app.write_as(&access, change).await?;
        let gone = app.gone(dead).await;
        app.scrub().await;
        gone?;
        Ok(json_reply(&Erased { folder_ids: found.into_keys().collect() }))
    })
    .await
}

/// One record in each company, with the folders and without what the subject is called.
fn note(conn: &mut AnyConn, hand: &Hand, action: Action, found: &BTreeMap<FolderId, CompanyId>) -> Result<()> {
    let mut of_company: BTreeMap<CompanyId, Vec<FolderId>> = BTreeMap::new();
    for (folder, company) in found {
        of_company.entry(*company).or_default().push(*folder);
    }
    if of_company.is_empty() {
        of_company.insert(SYSTEM, Vec::new());
    }
    for (company, folders) in of_company {
        hand.note(conn, Deed::new(Object::Subject, action, "", company).to(json!({"folders": folders})))?;
    }
    Ok(())
}
