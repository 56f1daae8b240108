//! A forgotten password (decision 12): a link by mail, good once and for half an hour.
//!
//! Asking answers the same whether the address exists, and does the same: one transaction, one job. The job finds out. Who
//! asks too often is answered the same, and nothing comes of it.

use super::authorize::BODY;
use super::with;
use crate::accounts::users::check_local;
use crate::app::{App, to_the_end};
use crate::auth::change::{self, Change};
use crate::auth::{Visitor, check_active, lockout, token, visitor};
use crate::error::{Error, Result};
use crate::work::RestoreMail;
use oz_domain::AuthSource;
use oz_http::{ApiError, Response, Route, any_of, endpoint, json_reply, json_within, under};
use oz_store::counters::{self, Window};
use oz_store::{passwords, users};
use oz_wire::{Code, NewPassword, Restore};
use serde_json::json;
use std::time::Duration;
use warp::Filter;
use warp::http::StatusCode;
use warp::path::end;
use zeroize::Zeroizing;

/// Mails to an address within an hour, asked for from one place.
const MAILS: i64 = 3;
/// Those from anywhere: a few strangers do not use up the owner's, and many do not fill its mailbox.
const MAILS_FROM_ANYWHERE: i64 = 30;
/// Jobs that one place may cause within an hour.
const JOBS: i64 = 20;
const HOUR: Duration = Duration::from_secs(3600);

/// Below `/api/authorize`, under both names that the call may have.
pub(super) fn routes(app: &App) -> Route {
    let ask = || end().and(warp::post()).and(visitor(app)).and(json_within(BODY)).and(with(app)).then(ask);
    let set =
        || warp::path!(String).and(warp::post()).and(visitor(app)).and(json_within(BODY)).and(with(app)).then(set);
    any_of([
        under(
            "auth_restore",
            any_of([
                endpoint("POST /api/authorize/auth_restore", ask()),
                endpoint("POST /api/authorize/auth_restore/{token}", set()),
            ]),
        ),
        under(
            "restore",
            any_of([
                endpoint("POST /api/authorize/restore", ask()),
                endpoint("POST /api/authorize/restore/{token}", set()),
            ]),
        ),
    ])
}

async fn ask(visitor: Visitor, body: Restore, app: App) -> Result<Response> {
    if app.settings.mail.is_none() {
        return Err(Error::new(Code::NotRealized, "mail is not set up here: an administrator sets a new password"));
    }
    let email = body.email;
    let place = oz_http::neighbourhood(visitor.address);
    let name = |kind, parts: &[&str]| app.auth.lockout.name(kind, parts);
    let key = users::email_key(&email);
    let by_place = name("restore_place", &[&place]);
    let (by_pair, by_address) = (name("restore_pair", &[&key, &place]), name("restore", &[&key]));
    to_the_end(async move {
        let now = app.now();
        let hour = Window::Fixed(HOUR);
        let is_job = app.db.write(move |conn| {
            if counters::hit(conn, &by_place, now, hour)?.count > JOBS {
                return Ok(false);
            }
            let by_pair = counters::hit(conn, &by_pair, now, hour)?.count;
            // What this place may not have is not taken from others.
            let asked = by_pair <= MAILS && counters::hit(conn, &by_address, now, hour)?.count <= MAILS_FROM_ANYWHERE;
            let user = users::by_email(conn, &email)?
                .filter(|user| user.auth_source == AuthSource::Local && user.is_active && asked);
            let job = RestoreMail::job(user.map(|user| user.id), visitor.request, now)?;
            oz_jobs::enqueue(conn, &job, now)?;
            Ok::<_, Error>(true)
        });
        if is_job.await? {
            app.jobs_added();
        }
        Ok(json_reply(&json!({})))
    })
    .await
}

async fn set(secret: String, visitor: Visitor, body: NewPassword, app: App) -> Result<StatusCode> {
    let (secret, password) = (Zeroizing::new(secret), Zeroizing::new(body.password));
    let (hash, now) = (token::secret_hash(&secret), app.now());
    let gone = |error| match error {
        oz_store::Error::NotFound => Error::Api(ApiError::not_found("link")),
        other => Error::Store(other),
    };
    let asked = hash.clone();
    let user = app.db.read(move |conn| passwords::offered(conn, &asked, now)).await.map_err(gone)?;
    check_active(&user)?;
    check_local(&user)?;
    // A password that is refused leaves the link as it is.
    let new = change::accept(&app, &user, "password", password).await?;
    let (keys, by, names) =
        (app.blobs.keys().clone(), visitor.by(Some(user.id)), app.auth.lockout.names(&user.email, visitor.address));
    let change = Change { user, hash: new, history: app.settings.password_policy.history, keep: None };
    to_the_end(async move {
        let ended = app.db.write(move |conn| {
            // Of two at once one finds it gone: the change takes the link away.
            passwords::offered(conn, &hash, now)?;
            lockout::passed(conn, &names)?;
            change::write(conn, &keys, by, &change, now)
        });
        app.auth.forget(&ended.await.map_err(gone)?);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
