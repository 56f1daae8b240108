//! Users (`oz-api.md` 4).

use super::passwords::{prove_own, set_password};
use super::{page_of, view, with};
use crate::accounts::users::{self as rules, Change, NewUser};
use crate::app::{App, to_the_end};
use crate::audit::{self, Deed};
use crate::auth::policy::{Owner, check_password};
use crate::auth::{Access, user};
use crate::error::{Error, Result};
use oz_domain::{Action, AuthSource, CompanyId, Object, Role, Scope, UserId};
use oz_http::{Response, Route, any_of, endpoint, json, json_reply, query, reply_status};
use oz_store::companies::SYSTEM;
use oz_store::users::{self, User, email_key};
use oz_wire::{ListQuery, UserPage, UserPatch};
use serde_json::{Map, Value};
use warp::Filter;
use warp::http::StatusCode;
use warp::path::{end, param};
use zeroize::Zeroizing;

#[rustfmt::skip]
pub(super) fn routes(app: &App) -> Route {
    let id = param::<UserId>;
    let may = |action| user(app, Object::User, action);
    any_of([
        endpoint("POST /api/users", end().and(warp::post()).and(may(Action::Create)).and(json()).and(with(app)).then(create)),
        endpoint("GET /api/users", end().and(warp::get()).and(may(Action::Read)).and(query()).and(with(app)).then(list)),
        endpoint("GET /api/users/{user_id}", id().and(end()).and(warp::get()).and(may(Action::Read)).and(with(app)).then(read)),
        endpoint("PATCH /api/users/{user_id}", id().and(end()).and(warp::patch()).and(may(Action::Read)).and(json()).and(with(app)).then(change)),
        endpoint("DELETE /api/users/{user_id}", id().and(end()).and(warp::delete()).and(may(Action::Delete)).and(with(app)).then(remove)),
    ])
}

fn show(app: &App, access: &Access, user: &User) -> oz_wire::User {
    view(app, access, String::new()).user(user)
}

async fn create(access: Access, body: oz_wire::NewUser, app: App) -> Result<Response> {
    let oz_wire::NewUser { credentials, profile } = body;
    let password = Zeroizing::new(credentials.password);
    let names = [&profile.first_name, &profile.last_name, &profile.middle_name];
    let owner = Owner { email: &credentials.email, names: names.map(|name| name.as_deref().unwrap_or_default()) };
    check_password(&app.settings.password_policy, &password, owner)
        .map_err(|weak| weak.in_field("credentials.password"))?;
    let new = NewUser {
        email: credentials.email,
        password_hash: Some(app.auth.passwords.hash(password).await?),
        source: AuthSource::Local,
        fields: if app.settings.legacy_names { profile } else { profile.without_old_names() },
    };
    let made = app.write_as(&access, move |conn, hand| rules::create(conn, hand, &new)).await?;
    Ok(reply_status(StatusCode::CREATED, &show(&app, &access, &made)))
}

async fn list(access: Access, pairs: Vec<(String, String)>, app: App) -> Result<Response> {
    const IDS: &str = "ids, separated by commas";
    let asked = audit::asked(&pairs);
    let query = ListQuery::read(pairs)?;
    let filter = users::Filter {
        companies: query.words::<CompanyId>("company_id", IDS)?,
        ids: query.words::<UserId>("user_id", IDS)?,
        roles: query.words::<Role>("user_type", "roles, separated by commas")?,
        is_active: query.choice("is_active")?,
        search: query.text("search_text"),
    };
    let (viewer, page) = (access.viewer, page_of(&query)?);
    let found = app.db.read(move |conn| users::list(conn, viewer, &filter, &page)).await?;
    let deed = Deed::new(Object::User, Action::Read, "", SYSTEM);
    audit::seen(&app, &access, deed.to(serde_json::json!({"query": asked}))).await?;
    Ok(json_reply(&UserPage {
        items: found.items.iter().map(|user| show(&app, &access, user)).collect(),
        total: found.total,
        next_cursor: found.next.map(|cursor| cursor.to_string()),
    }))
}

async fn read(id: UserId, access: Access, app: App) -> Result<Response> {
    let viewer = access.viewer;
    let found = app.db.read(move |conn| users::get(conn, viewer, id)).await?;
    if id != access.caller.user.id {
        audit::seen(&app, &access, Deed::new(Object::User, Action::Read, id, found.company_id)).await?;
    }
    Ok(json_reply(&show(&app, &access, &found)))
}

async fn change(id: UserId, access: Access, body: Map<String, Value>, app: App) -> Result<Response> {
    let UserPatch { profile, email, password, old_password } = UserPatch::read(body)?;
    // Not asked for, not a password.
    let password = password.filter(|_| app.settings.legacy_names);
    let fields = if app.settings.legacy_names { profile } else { profile.without_old_names() };
    // Whoever has the address can have the password mailed: one's own is asked for first, as for a new password.
    if let Some(email) = &email
        && id == access.caller.user.id
        && access.scope(Object::User, Action::SetRoleOrFlags) != Scope::None
        && email_key(email) != access.caller.user.email_key
        && password.is_none()
    {
        prove_own(&app, &access, old_password.clone().map(Zeroizing::new)).await?;
    }
    // The call from before 3.33.0; the new one has the same rules (decision 13).
    if let Some(password) = password {
        set_password(&app, &access, id, "password", old_password.map(Zeroizing::new), Zeroizing::new(password)).await?;
    }
    let change = Change { email, fields };
    let changed = to_the_end({
        let (app, access) = (app.clone(), access.clone());
        async move {
            let changed = app.write_as(&access, move |conn, hand| rules::change(conn, hand, id, &change)).await?;
            app.auth.forget_user(id);
            Ok(changed)
        }
    });
    let changed = changed.await?;
    if id != access.caller.user.id {
        // The answer shows all of the user, also where nothing was changed.
        audit::seen(&app, &access, Deed::new(Object::User, Action::Read, id, changed.company_id)).await?;
    }
    Ok(json_reply(&show(&app, &access, &changed)))
}

async fn remove(id: UserId, access: Access, app: App) -> Result<StatusCode> {
    to_the_end(async move {
        app.write_as(&access, move |conn, hand| rules::remove(conn, hand, id)).await?;
        app.auth.forget_user(id);
        Ok::<_, Error>(StatusCode::NO_CONTENT)
    })
    .await
}
