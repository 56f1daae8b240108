//! `GET /api/audit`: the log, for those who may read it.

use super::{page_of, with};
use crate::app::App;
use crate::audit::{self, Deed};
use crate::auth::{Access, user};
use crate::error::Result;
use oz_domain::{Action, Object};
use oz_http::{Response, Route, endpoint, json_reply, query};
use oz_store::audit::{Filter, list};
use oz_store::{TimeRange, companies};
use oz_wire::{AuditPage, ListQuery};
use serde_json::json;
use warp::Filter as _;
use warp::path::end;

pub(super) fn routes(app: &App) -> Route {
    let may_read = user(app, Object::Audit, Action::Read);
    endpoint("GET /api/audit", end().and(warp::get()).and(may_read).and(query()).and(with(app)).then(read))
}

async fn read(access: Access, mut pairs: Vec<(String, String)>, app: App) -> Result<Response> {
    // A record opens what folders hold: whoever comes from outside the company leaves one more.
    let deed = Deed::new(Object::Audit, Action::Read, "", companies::SYSTEM);
    let deed = deed.to(json!({"query": audit::asked(&pairs)}));
    for (name, _) in &mut pairs {
        // A record has one time.
        if let Some(end) = name.strip_prefix("time.") {
            *name = format!("time_created.{end}");
        }
    }
    let query = ListQuery::read(pairs)?;
    let filter = Filter {
        companies: query.words("company_id", "ids, separated by commas")?,
        users: query.words("user_id", "ids, separated by commas")?,
        objects: query.words("object", "kinds of objects, separated by commas")?,
        object_ids: query.list("object_id").into_iter().map(str::to_owned).collect(),
        actions: query.words("action", "actions, separated by commas")?,
        time: TimeRange { min: query.created_min, max: query.created_max },
    };
    let (page, viewer) = (page_of(&query)?, access.viewer);
    let keys = app.blobs.keys().clone();
    let found = app
        .db
        .read(move |conn| {
            let found = list(conn, viewer, &filter, &page)?;
            let items = audit::show(conn, &keys, &found.items)?;
            Ok::<_, oz_store::Error>(AuditPage {
                items,
                total: found.total,
                next_cursor: found.next.map(|c| c.to_string()),
            })
        })
        .await?;
    audit::seen(&app, &access, deed).await?;
    Ok(json_reply(&found))
}
