//! Tokens for machines and for captures (`oz-api.md` 3.3, 3.4; decision 11).

use super::authorize::answer;
use super::with;
use crate::app::App;
use crate::audit::Deed;
use crate::auth::{Access, check_active, issue, user};
use crate::error::{Error, Result};
use oz_domain::{Action, Object, Role, SessionKind, UserId};
use oz_http::{Response, Route, any_of, endpoint, json_reply, under};
use oz_store::sessions::{self, Session};
use oz_store::users::{self, User};
use oz_wire::SessionToken;
use std::sync::Arc;
use warp::Filter;
use warp::path::end;

/// Below `/api/authorize`.
pub(super) fn routes(app: &App) -> Route {
    let own = || user(app, Object::ServiceToken, Action::IssueOwn).and(with(app));
    let other = || user(app, Object::ServiceToken, Action::IssueFor).and(with(app));
    // The method is not documented; GET makes one too.
    let service = any_of([
        endpoint("GET /api/authorize/service_token", end().and(warp::get()).and(own()).then(issue_own)),
        endpoint("POST /api/authorize/service_token", end().and(warp::post()).and(own()).then(issue_own)),
        endpoint(
            "GET /api/authorize/service_token/{user_id}",
            warp::path!(UserId).and(warp::get()).and(other()).then(issue_for),
        ),
        endpoint(
            "POST /api/authorize/service_token/{user_id}",
            warp::path!(UserId).and(warp::post()).and(other()).then(issue_for),
        ),
    ]);
    let capture = endpoint(
        "GET /api/authorize/session_token",
        end()
            .and(warp::get())
            .and(user(app, Object::SessionToken, Action::Issue))
            .and(with(app))
            .then(issue_for_capture),
    );
    any_of([under("service_token", service), under("session_token", capture)])
}

async fn issue_own(access: Access, app: App) -> Result<Response> {
    let user = Arc::clone(&access.caller.user);
    service_token(&app, &access, &user, Action::IssueOwn).await
}

async fn issue_for(id: UserId, access: Access, app: App) -> Result<Response> {
    let viewer = access.viewer;
    let target = app.db.read(move |conn| users::get(conn, viewer, id)).await?;
    if target.role != Role::ClientService {
        return Err(Error::value("user_id", target.role.as_str(), "a user with the role CLIENT_SERVICE"));
    }
    check_active(&target)?;
    service_token(&app, &access, &target, Action::IssueFor).await
}

async fn service_token(app: &App, access: &Access, user: &User, action: Action) -> Result<Response> {
    let session = issue::session(&app.settings, user, SessionKind::Service, app.now());
    store(app, access, user, &session, Object::ServiceToken, action).await?;
    Ok(answer(app, user, &session, None))
}

/// A token that an integrator hands to a page or an app of its own client. It has a family of its own: ending it does not
/// end the session that asked for it, and the other way round; it is short enough for that.
async fn issue_for_capture(access: Access, app: App) -> Result<Response> {
    let user = &access.caller.user;
    let session = issue::session(&app.settings, user, SessionKind::Capture, app.now());
    store(&app, &access, user, &session, Object::SessionToken, Action::Issue).await?;
    Ok(json_reply(&SessionToken { session_token: issue::token(&app, user, &session) }))
}

async fn store(
    app: &App,
    access: &Access,
    user: &User,
    session: &Session,
    object: Object,
    action: Action,
) -> Result<()> {
    let session = session.clone();
    let (owner, company) = (user.id, user.company_id);
    let stored = app.write_as(access, move |conn, hand| {
        sessions::insert(conn, &session)?;
        let deed = Deed::new(object, action, session.id, company).about(owner);
        Ok(hand.note(conn, deed)?)
    });
    stored.await
}
