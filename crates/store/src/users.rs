//! Users: people and machines that log in.

use crate::companies::{containing, lower};
use crate::page::listed;
use crate::schema::users;
use crate::types::{Plain as _, Sql, row};
use crate::{AnyConn, Listed, MultiBackend, Page, Result, Viewer};
use diesel::prelude::*;
use oz_domain::{AnalysisKind, AuthSource, CompanyId, Millis, Role, UserId};
use serde_json::{Map, Value};

row! {
    /// A user.
    User in users by (id) {
        /// The id.
        id: UserId as Sql,
        /// The company; [`crate::companies::SYSTEM`] for roles that belong to none.
        company_id: CompanyId as Sql,
        /// The address, as it was given.
        email: String,
        /// [`email_key`] of the address.
        email_key: String,
        /// Who keeps the password.
        auth_source: AuthSource as Sql,
        /// Argon2id of the password; none for users of a directory.
        password_hash: Option<String>,
        /// What the user may do.
        role: Role as Sql,
        /// First name.
        first_name: String,
        /// Last name.
        last_name: String,
        /// Middle name, or empty.
        middle_name: String,
        /// Whether the user may do anything at all (code 1401).
        is_active: bool,
        /// Whether BIOMETRY may be started.
        can_start_analysis_biometry: bool,
        /// Whether QUALITY may be started.
        can_start_analysis_quality: bool,
        /// Whether COLLECTION may be started.
        can_start_analysis_collection: bool,
        /// Whether DOCUMENTS may be started.
        can_start_analysis_documents: bool,
        /// Free JSON of the clients.
        meta_data: Value as Sql,
        /// Free JSON of the service.
        technical_meta_data: Value as Sql,
        /// When it was made.
        time_created: Millis as Sql,
        /// When it last changed.
        time_updated: Millis as Sql,
    }
}

impl User {
    /// An active user who may start everything and of whom nothing is said yet.
    pub fn new(id: UserId, company_id: CompanyId, role: Role, now: Millis) -> Self {
        Self {
            id,
            company_id,
            email: String::new(),
            email_key: String::new(),
            auth_source: AuthSource::Local,
            password_hash: None,
            role,
            first_name: String::new(),
            last_name: String::new(),
            middle_name: String::new(),
            is_active: true,
            can_start_analysis_biometry: true,
            can_start_analysis_quality: true,
            can_start_analysis_collection: true,
            can_start_analysis_documents: true,
            meta_data: Value::Object(Map::new()),
            technical_meta_data: Value::Object(Map::new()),
            time_created: now,
            time_updated: now,
        }
    }

    pub(crate) const fn times(&self) -> (Millis, Millis) {
        (self.time_created, self.time_updated)
    }

    /// Whether the user may start analyses of this kind (`oz-api.md` 12.1).
    pub const fn can_start(&self, kind: AnalysisKind) -> bool {
        match kind {
            AnalysisKind::Quality => self.can_start_analysis_quality,
            AnalysisKind::Biometry => self.can_start_analysis_biometry,
            AnalysisKind::Collection => self.can_start_analysis_collection,
            AnalysisKind::Documents => self.can_start_analysis_documents,
        }
    }
}

/// The form of an address that is compared: lower case, without blanks around it.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Stores a new user.
///
/// # Errors
/// [`crate::Error::Conflict`] with `users.email_key` when the address is taken, with `foreign key` when there is no such company.
pub fn insert(conn: &mut AnyConn, user: &User) -> Result<()> {
    diesel::insert_into(users::table).values(user.storable()?).execute(conn)?;
    Ok(())
}

fn visible(viewer: Viewer) -> users::BoxedQuery<'static, MultiBackend> {
    let query = users::table.into_boxed();
    match viewer {
        Viewer::All => query,
        Viewer::Company(company) => query.filter(users::company_id.eq(Sql(company))),
        // A user owns itself.
        Viewer::Own { user, .. } => query.filter(users::id.eq(Sql(user))),
        Viewer::Nobody => query.filter(users::id.is_null()),
    }
}

/// One user.
///
/// # Errors
/// [`crate::Error::NotFound`].
pub fn get(conn: &mut AnyConn, viewer: Viewer, id: UserId) -> Result<User> {
    Ok(visible(viewer).filter(users::id.eq(Sql(id))).select(User::as_select()).first(conn)?)
}

/// The users with these ids, in no order.
///
/// # Errors
/// Of the database only.
pub fn by_ids(conn: &mut AnyConn, ids: &[UserId]) -> Result<Vec<User>> {
    Ok(users::table
        .filter(users::id.eq_any(ids.iter().map(ToString::to_string)))
        .select(User::as_select())
        .load(conn)?)
}

/// The user with this address, if there is one: for log-in.
///
/// # Errors
/// Of the database only.
pub fn by_email(conn: &mut AnyConn, email: &str) -> Result<Option<User>> {
    if !email.storable() {
        return Ok(None); // nobody could be stored with it
    }
    Ok(users::table.filter(users::email_key.eq(email_key(email))).select(User::as_select()).first(conn).optional()?)
}

/// Which users are asked for. Nothing given asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of these companies.
    pub companies: Vec<CompanyId>,
    /// Only these.
    pub ids: Vec<UserId>,
    /// Only of these roles.
    pub roles: Vec<Role>,
    /// Only active ones, or only others.
    pub is_active: Option<bool>,
    /// Only with this text in the address or a name, without regard to case.
    pub search: Option<String>,
}

/// Users, a page of them.
///
/// # Errors
/// [`crate::Error::Cursor`]; [`crate::Error::Text`] for a search that no stored text can have.
pub fn list(conn: &mut AnyConn, viewer: Viewer, filter: &Filter, page: &Page) -> Result<Listed<User>> {
    if filter.search.as_ref().is_some_and(|text| !text.storable()) {
        return Err(crate::Error::Text);
    }
    let query = || {
        let mut query = visible(viewer);
        if !filter.companies.is_empty() {
            query = query.filter(users::company_id.eq_any(texts(&filter.companies)));
        }
        if !filter.ids.is_empty() {
            query = query.filter(users::id.eq_any(texts(&filter.ids)));
        }
        if !filter.roles.is_empty() {
            query = query.filter(users::role.eq_any(texts(&filter.roles)));
        }
        if let Some(active) = filter.is_active {
            query = query.filter(users::is_active.eq(active));
        }
        if let Some(text) = &filter.search {
            let p = || containing(text);
            query = query.filter(
                users::email_key.like(p()).escape('\\').or(lower(users::first_name).like(p()).escape('\\')).or(lower(
                    users::last_name,
                )
                .like(p())
                .escape('\\')),
            );
        }
        query
    };
    listed!(conn, page, User by (users::time_created, users::time_updated, users::id), query())
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// How many active users have a role: the last ADMIN must stay.
///
/// # Errors
/// Of the database only.
pub fn active_with(conn: &mut AnyConn, role: Role) -> Result<i64> {
    Ok(users::table.filter(users::role.eq(Sql(role))).filter(users::is_active.eq(true)).count().get_result(conn)?)
}

/// Stores a changed user; id, time of creation and source of the password stay.
///
/// # Errors
/// [`crate::Error::NotFound`]; [`crate::Error::Conflict`] as [`insert`].
pub fn update(conn: &mut AnyConn, viewer: Viewer, user: &User) -> Result<()> {
    get(conn, viewer, user.id)?;
    let user = user.storable()?;
    diesel::update(users::table.filter(users::id.eq(Sql(user.id))))
        .set((
            users::company_id.eq(Sql(user.company_id)),
            users::email.eq(&user.email),
            users::email_key.eq(&user.email_key),
            users::password_hash.eq(&user.password_hash),
            users::role.eq(Sql(user.role)),
            users::first_name.eq(&user.first_name),
            users::last_name.eq(&user.last_name),
            users::middle_name.eq(&user.middle_name),
            users::is_active.eq(user.is_active),
            users::can_start_analysis_biometry.eq(user.can_start_analysis_biometry),
            users::can_start_analysis_quality.eq(user.can_start_analysis_quality),
            users::can_start_analysis_collection.eq(user.can_start_analysis_collection),
            users::can_start_analysis_documents.eq(user.can_start_analysis_documents),
            users::meta_data.eq(Sql(user.meta_data.clone())),
            users::technical_meta_data.eq(Sql(user.technical_meta_data.clone())),
            users::time_updated.eq(Sql(user.time_updated)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes a user with its sessions. Its folders stay, without an owner.
///
/// # Errors
/// [`crate::Error::NotFound`].
pub fn delete(conn: &mut AnyConn, viewer: Viewer, id: UserId) -> Result<()> {
    get(conn, viewer, id)?;
    diesel::delete(users::table.filter(users::id.eq(Sql(id)))).execute(conn)?;
    Ok(())
}
