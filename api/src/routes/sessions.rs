//! Who is logged in, and an end to it (decision 10).

use super::{Pairs, page_of, with};
use crate::app::{App, to_the_end};
use crate::audit::Deed;
use crate::auth::{Access, user};
use crate::error::Result;
use oz_domain::{Action, Object, TokenId, UserId};
use oz_http::{Response, Route, any_of, endpoint, json_reply, query, under};
use oz_store::TimeRange;
use oz_store::sessions::{self, Session};
use oz_wire as wire;
use warp::Filter;
use warp::http::StatusCode;
use warp::path::end;

/// Below `/api/users`.
pub(super) fn routes(app: &App) -> Route {
    let may = |action| user(app, Object::Session, action);
    under(
        "sessions",
        any_of([
            endpoint(
                "GET /api/users/sessions",
                end().and(warp::get()).and(may(Action::Read)).and(query()).and(with(app)).then(list),
            ),
            endpoint(
                "DELETE /api/users/sessions/{token_id}",
                warp::path!(TokenId).and(warp::delete()).and(may(Action::Revoke)).and(with(app)).then(revoke),
            ),
        ]),
    )
}

/// All that the caller may see, as every list: one's own, a company's, everybody's. `user_id` narrows it.
async fn list(access: Access, query: Pairs, app: App) -> Result<Response> {
    let query = wire::ListQuery::read(query)?;
    let page = page_of(&query)?;
    let whose: Vec<UserId> = query.words("user_id", "the id of a user")?;
    let created = TimeRange { min: query.created_min, max: query.created_max };
    let (viewer, now) = (access.viewer, app.now());
    let found = app.db.read(move |conn| sessions::list(conn, viewer, &whose, created, now, &page)).await?;
    let show = |session: &Session| wire::Session {
        token_id: session.id,
        session_id: app.settings.legacy_names.then_some(session.id),
        user_id: session.user_id,
        kind: session.kind,
        is_current: session.id == access.caller.session.id,
        time_created: session.time_created.as_seconds(),
        time_seen: session.time_seen.as_seconds(),
        time_expires: session.time_expires.as_seconds(),
    };
    Ok(json_reply(&wire::SessionPage {
        items: found.items.iter().map(show).collect(),
        total: found.total,
        next_cursor: found.next.map(|c| c.to_string()),
    }))
}

async fn revoke(id: TokenId, access: Access, app: App) -> Result<StatusCode> {
    end_session(&app, &access, id).await
}

/// Ends a session with what came of it, for the caller and for whoever else holds its token.
pub(super) async fn end_session(app: &App, access: &Access, id: TokenId) -> Result<StatusCode> {
    let (app, access) = (app.clone(), access.clone());
    let viewer = access.viewer;
    to_the_end(async move {
        let ended = app
            .write_as(&access, move |conn, hand| {
                let ended = sessions::revoke(conn, viewer, id, hand.now)?;
                // Found with the caller's eyes; its owner is looked up for the record alone.
                let (_, owner) = sessions::get_with_user(conn, id)?;
                let deed = Deed::new(Object::Session, Action::Revoke, id, owner.company_id).about(owner.id);
                hand.note(conn, deed)?;
                Ok(ended)
            })
            .await?;
        app.auth.forget(&ended);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
