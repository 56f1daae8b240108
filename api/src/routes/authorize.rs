//! Log-in, refresh, log-out (`oz-api.md` 3.1, 3.2; decisions 9, 10, 14).

use super::sessions::end_session;
use super::{restore, tokens, with};
use crate::app::App;
use crate::audit::{self, Deed};
use crate::auth::{self, Access, Visitor, check_active, enter, issue, lockout, user, visitor};
use crate::error::{Error, Result};
use crate::view::View;
use oz_domain::{Action, Object, SessionKind};
use oz_http::{ApiError, Response, Route, any_of, endpoint, json, json_reply, under};
use oz_store::sessions::{self, Rotation, Session};
use oz_store::users::{self, User};
use oz_wire::{AuthAnswer, Code, LogIn, Refresh};
use warp::Filter;
use warp::http::StatusCode;
use warp::path::end;
use zeroize::Zeroizing;

pub(super) fn routes(app: &App) -> Route {
    any_of([
        under(
            "auth",
            any_of([
                endpoint(
                    "POST /api/authorize/auth",
                    end().and(warp::post()).and(visitor(app)).and(json()).and(with(app)).then(log_in),
                ),
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
        tokens::routes(app),
        restore::routes(app),
    ])
}

async fn log_in(visitor: Visitor, body: LogIn, app: App) -> Result<Response> {
    let (email, password) = (body.credentials.email, Zeroizing::new(body.credentials.password));
    // One text for every reason: an answer never says whether an address exists. Its time does not either: whoever there is
    // or is not, the same queries run and one hash is checked.
    let wrong = || Error::new(Code::AuthInvalid, "wrong e-mail or password");
    if password.len() > auth::password::MAX_BYTES {
        return Err(wrong());
    }
    let names = app.auth.lockout.names(&email, visitor.address);
    let (asked, address, now) = (names.clone(), email.clone(), app.now());
    let (found, held) = app
        .db
        .read(move |conn| Ok::<_, Error>((users::by_email(conn, &email)?, lockout::held(conn, &asked, now)?)))
        .await?;
    if let Some(time) = held {
        return Err(lockout::wait(time));
    }
    let user = enter::prove(&app, visitor, &names, found, &address, password).await?.ok_or_else(wrong)?;
    check_active(&user)?;
    let (expire_token, session) = renewable(&app, &user)?;
    let (stored, keys, by) = (session.clone(), app.blobs.keys().clone(), visitor.by(Some(user.id)));
    let deed = (user.id, user.company_id);
    app.db
        .write(move |conn| {
            let now = stored.time_created;
            if let Some(time) = lockout::held(conn, &names, now)? {
                return Err(lockout::wait(time));
            }
            lockout::passed(conn, &names)?;
            sessions::insert(conn, &stored)?;
            audit::note(conn, &keys, by, now, Deed::new(Object::User, Action::LogIn, deed.0, deed.1))?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(answer(&app, &user, &session, Some(&expire_token)))
}

/// A person's session that is not stored yet, and the secret that renews it.
fn renewable(app: &App, user: &User) -> Result<(Zeroizing<String>, Session)> {
    let secret = auth::token::new_secret().map_err(|e| Error::Api(ApiError::internal(Code::Unknown, e)))?;
    let mut session = issue::session(&app.settings, user, SessionKind::Person, app.now());
    session.expire_hash = Some(auth::token::secret_hash(&secret));
    Ok((secret, session))
}

/// What whoever gets a token is told.
pub(super) fn answer(app: &App, user: &User, session: &Session, expire_token: Option<&str>) -> Response {
    let legacy = app.settings.legacy_names;
    let view = View::plain(legacy);
    json_reply(&AuthAnswer {
        user: view.user(user),
        access_token: issue::token(app, user, session),
        expire_token: expire_token.map(str::to_owned),
        token_id: session.id,
        session_id: legacy.then_some(session.id),
        expire_date: legacy.then(|| session.time_expires.as_seconds()),
    })
}

async fn refresh(access: Access, body: Refresh, app: App) -> Result<Response> {
    let not_found = || Error::new(Code::AuthInvalid, "Session not found");
    let hash = auth::token::secret_hash(&body.expire_token);
    let old = match app.db.read(move |conn| sessions::by_expire_hash(conn, &hash)).await {
        Err(oz_store::Error::NotFound) => return Err(not_found()),
        other => other?,
    };
    let user = &access.caller.user;
    if old.user_id != user.id {
        return Err(Error::new(Code::AuthForbidden, "You have not access to refresh this session"));
    }
    let (expire_token, successor) = renewable(&app, user)?;
    let now = app.now();
    let rotation = app.db.write(move |conn| sessions::rotate(conn, old.id, &successor, now)).await?;
    match rotation {
        Rotation::Done(session) => Ok(answer(&app, user, &session, Some(&expire_token))),
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
    let id = access.caller.session.id;
    end_session(&app, &access, id).await
}
