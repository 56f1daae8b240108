//! Users: made, changed, removed.

use super::{clean, conflict};
use crate::audit::{self, Deed};
use crate::auth::change as password;
use crate::error::{Error, Result};
use crate::hand::Hand;
use crate::view::object;
use oz_domain::{Action, AnalysisKind, AuthSource, CompanyId, Object, Role, TokenId, UserId};
use oz_store::companies::{self, SYSTEM};
use oz_store::users::{self, User, email_key};
use oz_store::{AnyConn, Viewer, passwords, sessions};
use oz_wire::{Code, PayloadError, UserFields};
use serde_json::{Map, Value, json};

/// Longest address (RFC 5321, 4.5.3.1.3).
const EMAIL: usize = 254;

/// A user that does not exist yet.
#[derive(Clone)]
pub(crate) struct NewUser {
    pub(crate) email: String,
    /// None for users of a directory.
    pub(crate) password_hash: Option<String>,
    pub(crate) source: AuthSource,
    pub(crate) fields: UserFields,
}

/// What changes of a user beside its fields.
#[derive(Clone, Default)]
pub(crate) struct Change {
    pub(crate) email: Option<String>,
    pub(crate) fields: UserFields,
}

/// Makes a user.
pub(crate) fn create(conn: &mut AnyConn, hand: &Hand, new: &NewUser) -> Result<User> {
    let fields = &new.fields;
    let role = fields.role().unwrap_or(Role::Client);
    may_give(hand, role)?;
    let company_id = company_of(conn, hand, role, fields.company_id)?;
    let mut user = User {
        auth_source: new.source,
        password_hash: new.password_hash.clone(),
        ..User::new(UserId::new(hand.now), company_id, role, hand.now)
    };
    set_email(&mut user, &new.email)?;
    set_profile(&mut user, fields)?;
    set_flags(&mut user, fields);
    users::insert(conn, &user).map_err(taken)?;
    let deed = Deed::new(Object::User, Action::Create, user.id, company_id);
    hand.note(conn, deed.to(json!(shown(&user))))?;
    Ok(user)
}

/// Changes a user. Names and data may be changed by whoever may update it; role, flags and address are a right of their
/// own, and nobody gives more than they have.
pub(crate) fn change(conn: &mut AnyConn, hand: &Hand, id: UserId, change: &Change) -> Result<User> {
    let before = users::get(conn, hand.reach(Object::User, Action::Read), id)?;
    users::get(conn, hand.reach(Object::User, Action::Update), id)
        .map_err(|e| Error::forbidden(e, "change this user"))?;
    let fields = &change.fields;
    let mut user = before.clone();
    set_profile(&mut user, fields)?;
    if sets_flags(change) {
        let reach = hand.reach(Object::User, Action::SetRoleOrFlags);
        users::get(conn, reach, id).map_err(|e| Error::forbidden(e, "change role, flags or address of this user"))?;
        // Neither from above nor to above: who may not give a role may not touch one who has it.
        may_give(hand, before.role)?;
        if companies::get(conn, Viewer::All, before.company_id)?.in_deletion {
            return Err(conflict("the user's company is being deleted"));
        }
        if let Some(email) = &change.email {
            // The directory knows its people by their address: with another one the user would be another person's.
            check_local(&before)?;
            set_email(&mut user, email)?;
        }
        set_flags(&mut user, fields);
        set_role(conn, hand, &mut user, fields)?;
    }
    user.time_updated = hand.now;
    if before.role == Role::Admin && (user.role != Role::Admin || !user.is_active) {
        keep_an_admin(conn, &before)?;
    }
    users::update(conn, Viewer::All, &user).map_err(taken)?;
    let is_another = (user.role, user.company_id, user.is_active) != (before.role, before.company_id, before.is_active);
    if is_another {
        // What was given out for the old role must not become the new one's: a service's token lives for years.
        sessions::revoke_user(conn, id, None, hand.now)?;
    }
    if is_another || user.email_key != before.email_key {
        // A link that is under way was for the old role, or went to the old address.
        passwords::withdraw(conn, id)?;
    }
    let (from, to) = audit::difference(&shown(&before), &shown(&user));
    if !to.is_empty() {
        let action = if sets_flags(change) { Action::SetRoleOrFlags } else { Action::Update };
        let deed = Deed::new(Object::User, action, id, before.company_id);
        hand.note(conn, deed.from(json!(from)).to(json!(to)))?;
    }
    Ok(user)
}

/// Removes a user; folders stay with the company.
pub(crate) fn remove(conn: &mut AnyConn, hand: &Hand, id: UserId) -> Result<()> {
    let user = users::get(conn, hand.reach(Object::User, Action::Delete), id)?;
    may_give(hand, user.role)?;
    if user.role == Role::Admin {
        keep_an_admin(conn, &user)?;
    }
    users::delete(conn, Viewer::All, id)?;
    let deed = Deed::new(Object::User, Action::Delete, id, user.company_id);
    hand.note(conn, deed.from(json!(shown(&user))))?;
    Ok(())
}

/// Stores another password, which the policy lets through, and ends the user's sessions. Gives those that ended.
pub(crate) fn set_password(
    conn: &mut AnyConn,
    hand: &Hand,
    id: UserId,
    hash: &str,
    history: u32,
) -> Result<Vec<TokenId>> {
    let user = users::get(conn, hand.reach(Object::User, Action::ChangePassword), id)?;
    check_local(&user)?;
    let change = password::Change { user, hash: hash.to_owned(), history, keep: None };
    Ok(password::write(conn, &hand.keys, hand.by, &change, hand.now)?)
}

/// Who has no password here cannot get one.
pub(crate) fn check_local(user: &User) -> Result<()> {
    if user.auth_source == AuthSource::Local {
        return Ok(());
    }
    Err(conflict("the password of this user is kept by the directory"))
}

/// A role that this hand may give, or take from somebody.
fn may_give(hand: &Hand, role: Role) -> Result<()> {
    if role.is_system() && hand.role() != Role::Admin {
        let text = format!("{} may not make or change {role}", hand.role());
        return Err(Error::new(Code::AuthForbidden, text));
    }
    Ok(())
}

/// The company of a new user, or of one that gets another role.
fn company_of(conn: &mut AnyConn, hand: &Hand, role: Role, asked: Option<CompanyId>) -> Result<CompanyId> {
    if role.is_system() {
        // A value given for them is not saved (`oz-api.md` 4).
        return Ok(SYSTEM);
    }
    let reach = hand.reach(Object::User, Action::Create);
    let id = match (asked, reach) {
        (Some(id), _) => id,
        (None, Viewer::Company(own)) => own,
        (None, _) => return Err(PayloadError::missing("profile.company_id").into()),
    };
    let expected = "a company that may have users, one that you may make users in";
    let wrong = || Error::value("profile.company_id", &id.to_string(), expected);
    let company = companies::get(conn, reach, id).map_err(|error| match error {
        oz_store::Error::NotFound => wrong(),
        other => other.into(),
    })?;
    if id == SYSTEM || company.in_deletion {
        return Err(wrong());
    }
    Ok(id)
}

fn sets_flags(change: &Change) -> bool {
    let f = &change.fields;
    let starts = AnalysisKind::ALL.iter().any(|kind| f.can_start(*kind).is_some());
    let old = f.is_admin.is_some() || f.is_service.is_some();
    change.email.is_some() || old || f.role().is_some() || f.company_id.is_some() || f.is_active.is_some() || starts
}

fn set_role(conn: &mut AnyConn, hand: &Hand, user: &mut User, fields: &UserFields) -> Result<()> {
    // Before 6.0.1 a role was taken away by its flag.
    let taken_away = (fields.is_admin == Some(false) && user.role == Role::ClientAdmin)
        || (fields.is_service == Some(false) && user.role == Role::ClientService);
    let role = fields.role().unwrap_or(if taken_away { Role::Client } else { user.role });
    may_give(hand, role)?;
    if role.is_system() {
        user.company_id = SYSTEM;
    } else if user.role.is_system() {
        user.company_id = company_of(conn, hand, role, fields.company_id)?;
    } else if let Some(other) = fields.company_id.filter(|id| *id != user.company_id) {
        // What the user made belongs to the company and would stay behind, without its owner.
        return Err(Error::value("company_id", &other.to_string(), "the user's own company: users do not move"));
    }
    user.role = role;
    Ok(())
}

fn set_email(user: &mut User, email: &str) -> Result<()> {
    let email = email.trim();
    let parts = email.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
    if parts.is_none() || email.len() > EMAIL || email.chars().any(|c| c.is_control() || c.is_whitespace()) {
        // The address itself is not repeated: it is a person's.
        let came = format!("{} characters", email.chars().count());
        return Err(Error::value("credentials.email", &came, "an address of at most 254 bytes"));
    }
    (user.email, user.email_key) = (email.to_owned(), email_key(email));
    Ok(())
}

fn set_profile(user: &mut User, fields: &UserFields) -> Result<()> {
    for (field, given, kept) in [
        ("first_name", &fields.first_name, &mut user.first_name),
        ("last_name", &fields.last_name, &mut user.last_name),
        ("middle_name", &fields.middle_name, &mut user.middle_name),
    ] {
        if let Some(name) = given {
            *kept = clean(field, name, 0)?;
        }
    }
    if let (Some(new), Value::Object(data)) = (&fields.meta_data, &mut user.meta_data) {
        data.extend(new.clone());
    }
    Ok(())
}

fn set_flags(user: &mut User, fields: &UserFields) {
    let can = |kind, now| fields.can_start(kind).unwrap_or(now);
    user.can_start_analysis_quality = can(AnalysisKind::Quality, user.can_start_analysis_quality);
    user.can_start_analysis_biometry = can(AnalysisKind::Biometry, user.can_start_analysis_biometry);
    user.can_start_analysis_collection = can(AnalysisKind::Collection, user.can_start_analysis_collection);
    user.can_start_analysis_documents = can(AnalysisKind::Documents, user.can_start_analysis_documents);
    user.is_active = fields.is_active.unwrap_or(user.is_active);
}

/// Without an active ADMIN nobody could ever help again.
fn keep_an_admin(conn: &mut AnyConn, leaving: &User) -> Result<()> {
    if leaving.is_active && users::active_with(conn, Role::Admin)? < 2 {
        return Err(conflict("this is the last active ADMIN"));
    }
    Ok(())
}

fn taken(error: oz_store::Error) -> Error {
    match error {
        oz_store::Error::Conflict(what) if what == "users.email_key" => {
            conflict("credentials.email: this address is taken")
        }
        other => other.into(),
    }
}

/// What the audit log keeps of a user: everything but the password.
fn shown(user: &User) -> Map<String, Value> {
    object(&json!({
        "email": user.email,
        "user_type": user.role,
        "company_id": user.company_id,
        "auth_source": user.auth_source,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "middle_name": user.middle_name,
        "is_active": user.is_active,
        "can_start_analysis_quality": user.can_start_analysis_quality,
        "can_start_analysis_biometry": user.can_start_analysis_biometry,
        "can_start_analysis_collection": user.can_start_analysis_collection,
        "can_start_analysis_documents": user.can_start_analysis_documents,
        "meta_data": user.meta_data,
    }))
}
