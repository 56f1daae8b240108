//! Log-in, refresh, log-out (`oz-api.md` 3.1, 3.2; decisions 9, 10, 14).

use super::sessions::end_session;
use super::{restore, tokens, with};
use crate::app::{App, to_the_end};
use crate::audit::{self, Deed};
use crate::auth::enter::{self, Attempt, Renewal, renewal};
use crate::auth::{self, Access, Visitor, check_active, issue, lockout, user, visitor};
use crate::error::{Error, Result};
use crate::view::View;
use oz_domain::{Action, Object, SessionKind};
use oz_http::{ApiError, Response, Route, any_of, endpoint, json_reply, json_within, under};
use oz_store::sessions::{self, Rotation, Session};
use oz_store::users::{self, User};
use oz_store::{AnyConn, Viewer};
use oz_wire::{AuthAnswer, Code, LogIn, Refresh};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::time::{Instant, sleep_until};
use warp::Filter;
use warp::http::StatusCode;
use warp::path::end;
use zeroize::Zeroizing;

/// Longest body in bytes where strangers send addresses and secrets.
pub(super) const BODY: usize = 16 << 10;
/// No log-in is refused sooner when there is a directory: unknown addresses, wrong passwords and those of ours, which take
/// fewer steps, look alike.
const REFUSAL: Duration = Duration::from_millis(500);

pub(super) fn routes(app: &App) -> Route {
    any_of([
        under(
            "auth",
            any_of([
                endpoint(
                    "POST /api/authorize/auth",
                    end().and(warp::post()).and(visitor(app)).and(json_within(BODY)).and(with(app)).then(log_in),
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
                end().and(warp::post()).and(renewal(app)).and(json_within(BODY)).and(with(app)).then(refresh),
            ),
        ),
        tokens::routes(app),
        restore::routes(app),
    ])
}

async fn log_in(visitor: Visitor, body: LogIn, app: App) -> Result<Response> {
    // Whoever hangs up has been told nothing, and is counted all the same.
    to_the_end(async move {
        let start = Instant::now();
        let answer = come_in(visitor, body, &app).await;
        if answer.is_err() && app.auth.directory.is_some() {
            sleep_until(start + REFUSAL).await;
        }
        answer
    })
    .await
}

/// One text for every reason: an answer never says whether an address exists.
fn wrong() -> Error {
    Error::new(Code::AuthInvalid, "wrong e-mail or password")
}

async fn come_in(visitor: Visitor, body: LogIn, app: &App) -> Result<Response> {
    // The time does not say it either: whoever there is or is not, the same queries run and one hash is checked.
    let (email, password) = (body.credentials.email, Zeroizing::new(body.credentials.password));
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
    let attempt = Attempt { visitor, names: &names, known: found, email: &address, password };
    let proven = enter::prove(app, attempt).await?.ok_or_else(wrong)?;
    let (expire_token, session) = renewable(app, &proven)?;
    let (stored, keys, by) = (session.clone(), app.blobs.keys().clone(), visitor.by(Some(proven.id)));
    let user = app
        .db
        .write(move |conn| {
            let now = stored.time_created;
            if let Some(time) = lockout::held(conn, &names, now)? {
                return Err(lockout::wait(time));
            }
            let user = still(conn, &proven)?.ok_or_else(wrong)?;
            // After the delays: a right guess at somebody who is shut out is told no sooner than at others.
            check_active(&user)?;
            lockout::passed(conn, &names)?;
            lockout::came_in(conn, &names, now)?;
            sessions::insert(conn, &stored)?;
            audit::note(conn, &keys, by, now, Deed::new(Object::User, Action::LogIn, user.id, user.company_id))?;
            Ok::<_, Error>(user)
        })
        .await?;
    Ok(answer(app, &user, &session, Some(&expire_token)))
}

/// The user as it is by now; none when what was proven lets nobody in any more. A hash may wait for others long enough for
/// the password to be changed, and a change ends only the sessions that are there.
fn still(conn: &mut AnyConn, proven: &User) -> Result<Option<User>> {
    let user = match users::get(conn, Viewer::All, proven.id) {
        Err(oz_store::Error::NotFound) => return Ok(None),
        other => other?,
    };
    let same = user.password_hash == proven.password_hash
        && (user.auth_source, user.role, user.company_id) == (proven.auth_source, proven.role, proven.company_id);
    Ok(Some(user).filter(|_| same))
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

async fn refresh(who: Renewal, body: Refresh, app: App) -> Result<Response> {
    to_the_end(async move { renew(who, body, &app).await }).await
}

async fn renew(who: Renewal, body: Refresh, app: &App) -> Result<Response> {
    let not_found = || Error::new(Code::AuthInvalid, "Session not found");
    let hash = auth::token::secret_hash(&Zeroizing::new(body.expire_token));
    let Renewal { user, by, replaced } = who;
    let old = match replaced {
        // Only both halves of the pair prove that somebody has used its secret before.
        Some(session) if session.expire_hash.as_deref().is_some_and(|own| own.ct_eq(&hash).into()) => session,
        Some(_) => return Err(not_found()),
        None => match app.db.read(move |conn| sessions::by_expire_hash(conn, &hash)).await {
            Err(oz_store::Error::NotFound) => return Err(not_found()),
            other => other?,
        },
    };
    if old.user_id != user.id {
        return Err(Error::new(Code::AuthForbidden, "You have not access to refresh this session"));
    }
    let (expire_token, successor) = renewable(app, &user)?;
    let (keys, now) = (app.blobs.keys().clone(), app.now());
    let (owner, company) = (user.id, user.company_id);
    let rotation = app.db.write(move |conn| {
        let rotation = sessions::rotate(conn, old.id, &successor, now)?;
        if rotation == Rotation::Reused {
            let deed = Deed::new(Object::Session, Action::Revoke, old.id, company).about(owner);
            audit::note(conn, &keys, by, now, deed)?;
        }
        Ok::<_, oz_store::Error>(rotation)
    });
    match rotation.await? {
        Rotation::Done(session) => Ok(answer(app, &user, &session, Some(&expire_token))),
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
