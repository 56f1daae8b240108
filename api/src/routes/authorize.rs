//! Log-in, refresh, log-out (`oz-api.md` 3.1, 3.2; decisions 9, 10, 14).

use super::with;
use crate::app::App;
use crate::auth::password::PasswordError;
use crate::auth::{self, Access, check_active, claims, life, user};
use crate::error::{Error, Result};
use crate::view::View;
use oz_domain::{Action, Object, SessionKind, TokenId};
use oz_http::{ApiError, Response, Route, any_of, endpoint, json, json_reply, under};
use oz_store::sessions::{self, Rotation, Session};
use oz_store::users::{self, User};
use oz_wire::{AuthAnswer, Code, LogIn, Refresh};
use std::time::Duration;
use warp::Filter;
use warp::http::StatusCode;
use warp::path::end;

/// When a log-in that found too many others may try again.
const COME_BACK: Duration = Duration::from_secs(2);

pub(super) fn routes(app: &App) -> Route {
    any_of([
        under(
            "auth",
            any_of([
                endpoint("POST /api/authorize/auth", end().and(warp::post()).and(json()).and(with(app)).then(log_in)),
                endpoint(
                    "DELETE /api/authorize/auth",
                    end()
                        .and(warp::delete())
                        .and(user(app, Object::Session, Action::Revoke))
                        .and(with(app))
                        .then(log_out),
                ),
            ]),
        ),
        under(
            "refresh",
            endpoint(
                "POST /api/authorize/refresh",
                end()
                    .and(warp::post())
                    .and(user(app, Object::Session, Action::Read))
                    .and(json())
                    .and(with(app))
                    .then(refresh),
            ),
        ),
    ])
}

async fn log_in(body: LogIn, app: App) -> Result<Response> {
    let (email, password) = (body.credentials.email, zeroize::Zeroizing::new(body.credentials.password));
    // One text for every reason: an answer never says whether an address exists.
    let wrong = || Error::new(Code::AuthInvalid, "wrong e-mail or password");
    if password.len() > auth::password::MAX_BYTES {
        return Err(wrong());
    }
    let found = app.db.read(move |conn| users::by_email(conn, &email)).await?;
    let hash = found.as_ref().and_then(|u| u.password_hash.clone());
    let right = app.auth.passwords.verify(password, hash).await;
    let right = right.map_err(not_hashed)?;
    let user = found.filter(|_| right).ok_or_else(wrong)?;
    check_active(&user)?;
    let (expire_token, session) = new_session(&app, &user)?;
    let stored = session.clone();
    app.db.write(move |conn| sessions::insert(conn, &stored)).await?;
    Ok(answer(&app, &user, &session, &expire_token))
}

/// What the client is told when a password could not be looked at.
pub(super) fn not_hashed(error: PasswordError) -> Error {
    Error::Api(match error {
        PasswordError::Busy => ApiError::new(Code::TooManyRequests, error.to_string()).retry_after(COME_BACK),
        error => ApiError::internal(Code::Unavailable, error),
    })
}

/// A session that is not stored yet, and the secret that renews it.
fn new_session(app: &App, user: &User) -> Result<(zeroize::Zeroizing<String>, Session)> {
    let now = app.now();
    let expire_token =
        auth::token::new_expire_token().map_err(|e| Error::Api(oz_http::ApiError::internal(Code::Unknown, e)))?;
    let id = TokenId::new(now);
    let session = Session {
        id,
        user_id: user.id,
        kind: SessionKind::Person,
        family: id,
        predecessor: None,
        rotated: false,
        expire_hash: Some(auth::token::expire_token_hash(&expire_token)),
        time_created: now,
        time_seen: now,
        time_expires: now.plus(life(&app.settings, user.role, SessionKind::Person)),
        time_revoked: None,
    };
    Ok((expire_token, session))
}

fn answer(app: &App, user: &User, session: &Session, expire_token: &str) -> Response {
    let legacy = app.settings.legacy_names;
    let view = View { origin: String::new(), legacy, details: false };
    json_reply(&AuthAnswer {
        user: view.user(user),
        access_token: app.auth.tokens.issue(&claims(user, session)),
        expire_token: expire_token.to_owned(),
        token_id: session.id,
        session_id: legacy.then_some(session.id),
        expire_date: legacy.then(|| session.time_expires.as_seconds()),
    })
}

async fn refresh(access: Access, body: Refresh, app: App) -> Result<Response> {
    let not_found = || Error::new(Code::AuthInvalid, "Session not found");
    let hash = auth::token::expire_token_hash(&body.expire_token);
    let old = match app.db.read(move |conn| sessions::by_expire_hash(conn, &hash)).await {
        Err(oz_store::Error::NotFound) => return Err(not_found()),
        other => other?,
    };
    let user = &access.caller.user;
    if old.user_id != user.id {
        return Err(Error::new(Code::AuthForbidden, "You have not access to refresh this session"));
    }
    let (expire_token, successor) = new_session(&app, user)?;
    let now = app.now();
    let rotation = app.db.write(move |conn| sessions::rotate(conn, old.id, &successor, now)).await?;
    match rotation {
        Rotation::Done(session) => Ok(answer(&app, user, &session, &expire_token)),
        Rotation::Ended => Err(not_found()),
        Rotation::Reused => {
            // Somebody has the old secret: the whole family ended in the database, and must end here too.
            app.auth.forget_family(old.family);
            tracing::warn!(family = %old.family, "an expire token was used again; its sessions were ended");
            Err(not_found())
        }
    }
}

async fn log_out(access: Access, app: App) -> Result<StatusCode> {
    let (id, now) = (access.caller.session.id, app.now());
    let ended = app.db.write(move |conn| sessions::revoke(conn, access.viewer, id, now)).await?;
    app.auth.forget(&ended);
    Ok(StatusCode::NO_CONTENT)
}
