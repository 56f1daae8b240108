//! Passwords that change: by their owner, by an administrator (decision 13).

use super::authorize::BODY;
use super::with;
use crate::accounts::users::check_local;
use crate::app::{App, to_the_end};
use crate::auth::change::{self, Change};
use crate::auth::{Access, lockout, user};
use crate::error::{Error, Result};
use oz_domain::{Action, Object, UserId};
use oz_http::{Route, endpoint, json_within};
use oz_store::Viewer;
use oz_store::users;
use oz_wire::{ChangePassword, Code, PayloadError};
use warp::Filter;
use warp::http::StatusCode;
use zeroize::Zeroizing;

/// Below `/api/users`.
pub(super) fn routes(app: &App) -> Route {
    endpoint(
        "POST /api/users/{user_id}/change-password",
        warp::path!(UserId / "change-password")
            .and(warp::post())
            .and(user(app, Object::User, Action::ChangePassword))
            .and(json_within(BODY))
            .and(with(app))
            .then(change_password),
    )
}

async fn change_password(id: UserId, access: Access, body: ChangePassword, app: App) -> Result<StatusCode> {
    let (old, new) = (body.old_password.map(Zeroizing::new), Zeroizing::new(body.new_password));
    set_password(&app, &access, id, "new_password", old, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets the password of a user; `field` is where the new one came in. The call from before 3.33.0 has the same rules.
pub(super) async fn set_password(
    app: &App,
    access: &Access,
    id: UserId,
    field: &str,
    old: Option<Zeroizing<String>>,
    new: Zeroizing<String>,
) -> Result<()> {
    let (reader, changer) =
        (access.reach(Object::User, Action::Read), access.reach(Object::User, Action::ChangePassword));
    let target = app.db.read(move |conn| {
        users::get(conn, reader, id)?;
        users::get(conn, changer, id).map_err(|e| Error::forbidden(e, "change this password"))
    });
    let target = target.await?;
    check_local(&target)?;
    // One's own password is asked for, whatever one may do: a session that somebody left open must not be enough.
    let own = id == access.caller.user.id;
    let names = app.auth.lockout.names(&target.email, access.visitor.address);
    if own {
        prove_own(app, access, old).await?;
    }
    let hash = change::accept(app, &target, field, new).await?;
    let history = app.settings.password_policy.history;
    let keep = own.then_some(access.caller.session.id);
    let change = Change { user: target, hash, history, keep };
    let (app, access) = (app.clone(), access.clone());
    to_the_end(async move {
        let ended = app
            .write_as(&access, move |conn, hand| {
                if own && let Some(time) = lockout::held(conn, &names, hand.now)? {
                    return Err(lockout::wait(time));
                }
                // A new password starts without the failures of the old one.
                lockout::passed(conn, &names)?;
                Ok(change::write(conn, &hand.keys, hand.by, &change, hand.now)?)
            })
            .await?;
        app.auth.forget(&ended);
        Ok(())
    })
    .await
}

/// Asks the caller for its own present password.
pub(super) async fn prove_own(app: &App, access: &Access, old: Option<Zeroizing<String>>) -> Result<()> {
    let old = old.ok_or_else(|| PayloadError::missing("old_password"))?;
    // Whoever hangs up is counted all the same.
    to_the_end(prove(app.clone(), access.clone(), old)).await
}

/// A wrong one counts as a wrong log-in does.
async fn prove(app: App, access: Access, old: Zeroizing<String>) -> Result<()> {
    let (id, visitor, now, own) = (access.caller.user.id, access.visitor, app.now(), app.clone());
    // The row, not the caller: what the caller was is remembered for seconds, and another node may have changed it.
    let found = app.db.read(move |conn| {
        let user = users::get(conn, Viewer::All, id)?;
        let names = own.auth.lockout.names(&user.email, visitor.address);
        let held = lockout::held(conn, &names, now)?;
        Ok::<_, Error>((user, names, held))
    });
    let (user, names, held) = found.await?;
    if let Some(time) = held {
        return Err(lockout::wait(time));
    }
    if lockout::prove(&app, visitor, &names, Some(&user), old).await? {
        return Ok(());
    }
    Err(Error::Api(
        oz_http::ApiError::new(Code::InvalidValue, "old_password: not the present password")
            .with_details(serde_json::json!({"field": "old_password", "expected": "the present password"})),
    ))
}
