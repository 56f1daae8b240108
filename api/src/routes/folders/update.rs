//! `PATCH` and `DELETE` of a folder.

use super::read::read_folder;
use crate::app::{App, to_the_end};
use crate::audit::{self, Deed};
use crate::auth::Access;
use crate::error::{Error, Result};
use crate::hand::Hand;
use crate::subjects::open_folder;
use oz_domain::{Action, FolderId, Object};
use oz_http::{Response, json_reply};
use oz_store::audit::destroy_subject_key;
use oz_store::folders::{self, Folder, Patch};
use oz_store::metadata::{self, Change, Owner};
use oz_store::{AnyConn, Viewer, users};
use oz_wire::FolderPatch;
use serde_json::{Value, json};
use warp::http::StatusCode;

/// Longest remark of an operator, characters.
const REMARK: usize = 4000;

/// `PATCH /api/folders/{folder_id}`: each field has a permission of its own.
pub(super) async fn change(
    id: FolderId,
    access: Access,
    body: FolderPatch,
    origin: String,
    app: App,
) -> Result<Response> {
    let old = body.resolution_suggest.filter(|_| app.settings.legacy_names);
    let operator_status = body.operator_status.or(old);
    let decides = operator_status.is_some() || body.operator_comment.is_some();
    let decider = access.reach(Object::Folder, Action::OperatorDecision);
    let giver = access.reach(Object::Folder, Action::ChangeOwner);
    let updater = access.reach(Object::Folder, Action::Update);
    if let Some(Some(remark)) = &body.operator_comment
        && remark.chars().count() > REMARK
    {
        return Err(Error::value("operator_comment", remark, "at most 4000 characters"));
    }
    // Who changes something is on record for it; who only gets the answer has read it.
    let reads = !decides && body.user_id.is_none() && body.meta_data.is_none();
    let viewer = access.viewer;
    let company = app
        .write_as(&access, move |conn, hand| {
            let now = hand.now;
            let noted = |conn: &mut AnyConn, action, company, before, after| {
                hand.note(conn, Deed::new(Object::Folder, action, id, company).from(before).to(after))
            };
            // Who may not see it must not learn that it is there; who sees it is told what is missing.
            let says = body.meta_data.is_some() || matches!(body.operator_comment, Some(Some(_)));
            let folder = if says { open_folder(conn, viewer, id)? } else { folders::get(conn, viewer, id)? };
            if let Some(owner) = body.user_id {
                folders::get(conn, giver, id).map_err(|e| Error::forbidden(e, "give this folder to another"))?;
                // Nobody gets a folder of a company that is not theirs, whoever gives it.
                users::get(conn, Viewer::Company(folder.company_id), owner).map_err(|error| match error {
                    oz_store::Error::NotFound => {
                        Error::value("user_id", &owner.to_string(), "a user of the folder's company")
                    }
                    other => Error::Store(other),
                })?;
                folders::patch(conn, giver, id, &Patch { owner: Some(owner), ..Patch::default() }, now)?;
                let (before, after) = (json!({"user_id": folder.user_id}), json!({"user_id": owner}));
                noted(conn, Action::ChangeOwner, folder.company_id, before, after)?;
            }
            if decides {
                let patch =
                    Patch { operator_status, operator_comment: body.operator_comment.clone(), ..Patch::default() };
                folders::patch(conn, decider, id, &patch, now)
                    .map_err(|e| Error::forbidden(e, "decide on this folder"))?;
                let after = said(&folders::get(conn, viewer, id)?);
                noted(conn, Action::OperatorDecision, folder.company_id, said(&folder), after)?;
            }
            if let Some(new) = &body.meta_data {
                let change = Change::Merge(new.clone());
                metadata::change(conn, updater, Owner::Folder(id), &change, now)
                    .map_err(|e| Error::forbidden(e, "change this folder"))?;
                let after = folders::get(conn, viewer, id)?.meta_data;
                let (before, after) = (json!({"meta_data": folder.meta_data}), json!({"meta_data": after}));
                noted(conn, Action::Update, folder.company_id, before, after)?;
            }
            Ok::<_, Error>(folder.company_id)
        })
        .await?;
    let folder = read_folder(&app, &access, origin, id, false).await?;
    if reads {
        audit::seen(&app, &access, Deed::new(Object::Folder, Action::Read, id, company)).await?;
    }
    Ok(json_reply(&folder))
}

/// What an operator has said of a folder.
fn said(folder: &Folder) -> Value {
    let status = folder.operator_status.map(|status| status.as_str());
    json!({"operator_status": status, "operator_comment": folder.operator_comment})
}

/// `DELETE /api/folders/{folder_id}`: the files are gone before the answer.
pub(super) async fn remove(id: FolderId, access: Access, app: App) -> Result<StatusCode> {
    let viewer = access.viewer;
    to_the_end(async move {
        let remove = move |conn: &mut AnyConn, hand: &Hand| {
            let company = folders::get(conn, viewer, id)?.company_id;
            let dead = folders::delete(conn, viewer, id)?;
            hand.note(conn, Deed::new(Object::Folder, Action::Delete, id, company))?;
            // Nobody could find the folder any more to erase what the audit log says of its person.
            destroy_subject_key(conn, company, &id.to_string(), hand.now)?;
            Ok::<_, Error>(dead)
        };
        let dead = app.write_as(&access, remove).await?;
        app.gone(dead).await
    })
    .await
}
