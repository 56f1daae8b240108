//! Proving who logs in: by the password that we keep, or by the one that a directory keeps. An address has one of the two
//! and never crosses to the other (decision 16). And who renews a session, by a token that may have given way to another.

use super::ldap::{Answer, Directory, Mapped, Person};
use super::lockout::{self, Names};
use super::{Entered, Visitor};
use crate::accounts::users::{self as rules, Change, NewUser};
use crate::app::App;
use crate::audit::By;
use crate::error::{Error, Result};
use crate::hand::Hand;
use oz_domain::{Action, AuthSource, CompanyId, Object, UserId};
use oz_http::{ApiError, RequestMeta};
use oz_store::sessions::{self, Session};
use oz_store::users::{self, User};
use oz_store::{AnyConn, Viewer, companies};
use oz_wire::{Code, UserFields};
use std::sync::Arc;
use std::time::Duration;
use warp::Filter;
use warp::filters::BoxedFilter;
use zeroize::Zeroizing;

/// When a log-in that the directory did not answer may be tried again.
const COME_BACK: Duration = Duration::from_secs(5);

/// What somebody at the door says, and what is known of it.
pub(crate) struct Attempt<'a> {
    pub(crate) visitor: Visitor,
    pub(crate) names: &'a Names,
    /// The user who has the address.
    pub(crate) known: Option<User>,
    pub(crate) email: &'a str,
    pub(crate) password: Zeroizing<String>,
}

/// The user whose address and password these are; none when they are wrong, which has been counted.
///
/// # Errors
/// Code 1521 when others have failed meanwhile or too many come at once, 1523 when the directory gives no answer.
pub(crate) async fn prove(app: &App, attempt: Attempt<'_>) -> Result<Option<User>> {
    let elsewhere = attempt.known.as_ref().is_none_or(|user| user.auth_source == AuthSource::Ldap);
    if let Some(directory) = app.auth.directory.as_ref().filter(|_| elsewhere) {
        return by_directory(app, directory, attempt).await;
    }
    let Attempt { visitor, names, known, password, .. } = attempt;
    let right = lockout::prove(app, visitor, names, known.as_ref(), password).await?;
    Ok(known.filter(|_| right))
}

async fn by_directory(app: &App, directory: &Directory, attempt: Attempt<'_>) -> Result<Option<User>> {
    let Attempt { visitor, names, known, email, password } = attempt;
    // Before anything is sent: so many ask the directory at once, and who is turned away has tried no password.
    let place = app.auth.passwords.place(visitor.address)?;
    // One hash beside the directory's answer: what we keep and what it keeps shall not differ in time by that much. Nothing
    // else is wanted of it, so it fails for itself: a wrong password must be counted.
    let (answer, _) = tokio::join!(
        directory.log_in(email, &password),
        app.auth.passwords.verify_at(place.clone(), password.clone(), None)
    );
    let person = match answer {
        Ok(Answer::Welcome(person)) => person,
        Ok(Answer::No) => {
            lockout::refused(app, visitor, names, known.as_ref()).await?;
            return Ok(None);
        }
        Err(error) => {
            return Err(Error::Api(ApiError::internal(Code::Unavailable, error).retry_after(COME_BACK)));
        }
    };
    let (email, keys, now) = (email.trim().to_owned(), app.blobs.keys().clone(), app.now());
    let hand = Hand::console(keys, now).asked_by(visitor);
    let known = known.map(|user| user.id);
    let user = app.db.write(move |conn| follow(conn, &hand, known, &email, &person)).await?;
    app.auth.forget_user(user.id);
    Ok(Some(user))
}

/// Makes the user of a person, or lets the one there is follow the directory.
fn follow(conn: &mut AnyConn, hand: &Hand, known: Option<UserId>, email: &str, person: &Person) -> Result<User> {
    let Mapped { role, company } = &person.is;
    let fields = UserFields {
        user_type: Some(*role),
        company_id: company.as_deref().map(|name| company_named(conn, name)).transpose()?,
        first_name: Some(bounded(&person.first_name)),
        last_name: Some(bounded(&person.last_name)),
        ..UserFields::default()
    };
    let Some(id) = known else {
        let new = NewUser { email: email.to_owned(), password_hash: None, source: AuthSource::Ldap, fields };
        return rules::create(conn, hand, &new);
    };
    let user = users::get(conn, Viewer::All, id)?;
    let same = user.role == *role
        && fields.company_id.is_none_or(|id| id == user.company_id)
        && fields.first_name.as_ref() == Some(&user.first_name)
        && fields.last_name.as_ref() == Some(&user.last_name);
    if same { Ok(user) } else { rules::change(conn, hand, id, &Change { email: None, fields }) }
}

/// A name as we keep names: the directory's may be of any length.
fn bounded(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(256).collect::<String>().trim().to_owned()
}

/// The company that the map names by id or by name.
fn company_named(conn: &mut AnyConn, name: &str) -> Result<CompanyId> {
    if let Ok(id) = name.parse::<CompanyId>() {
        return Ok(id);
    }
    let mut named = companies::named(conn, name)?.into_iter().filter(|c| !c.in_deletion);
    match (named.next(), named.next()) {
        (Some(company), None) => Ok(company.id),
        (None, _) => Err(unmapped("no company has the name that ldap_group_role_map gives")),
        (Some(_), Some(_)) => {
            Err(unmapped("several companies have the name that ldap_group_role_map gives: use the id"))
        }
    }
}

/// The map does not fit our companies: an administrator must know, the person is told nothing of it.
fn unmapped(why: &str) -> Error {
    tracing::error!(why, "a user of the directory cannot be let in");
    Error::new(Code::AuthInvalid, "wrong e-mail or password")
}

/// Who wants to renew a session.
pub(crate) struct Renewal {
    pub(crate) user: Arc<User>,
    pub(crate) by: By,
    /// The session of the token, when another took its place and it ended: all that is left to find out is whether this is
    /// the owner, whose secret a thief has used.
    pub(crate) replaced: Option<Session>,
}

/// Anybody who may renew a session, and whoever could until its successor was used.
pub(crate) fn renewal(app: &App) -> BoxedFilter<(Renewal,)> {
    let app = app.clone();
    oz_http::access_token()
        .and(oz_http::meta())
        .and_then(move |token: Option<String>, meta: RequestMeta| {
            let app = app.clone();
            async move { renews(&app, token, &meta).await.map_err(|e| ApiError::from(e).into()) as Entered<_> }
        })
        .boxed()
}

async fn renews(app: &App, token: Option<String>, meta: &RequestMeta) -> Result<Renewal> {
    match super::enter(app, token.clone(), meta, Object::Session, Action::Read).await {
        Ok(access) => Ok(Renewal { by: access.by(), user: access.caller.user, replaced: None }),
        // Refused, and counted as such.
        Err(Error::Api(refusal)) if refusal.code() == Code::AuthInvalid => {
            replaced(app, token, meta).await?.ok_or(Error::Api(refusal))
        }
        Err(error) => Err(error),
    }
}

async fn replaced(app: &App, token: Option<String>, meta: &RequestMeta) -> Result<Option<Renewal>> {
    let Some(claims) = token.and_then(|token| app.auth.tokens.verify(&token)) else { return Ok(None) };
    let found = app.db.read(move |conn| sessions::get_with_user(conn, claims.jti)).await;
    let (session, user) = match found {
        Err(oz_store::Error::NotFound) => return Ok(None),
        other => other?,
    };
    let gave_way = session.rotated && session.time_revoked.is_some() && session.user_id == claims.sub;
    let by = Visitor::of(meta).by(None);
    Ok(gave_way.then(|| Renewal { user: Arc::new(user), by, replaced: Some(session) }))
}
