//! Companies: the tenants.

use crate::page::listed;
use crate::schema::{companies, folders, subject_keys, users};
use crate::types::{Plain as _, Sql, row};
use crate::{AnyConn, Error, Listed, MultiBackend, Page, Result, Viewer};
use diesel::prelude::*;
use oz_domain::{CompanyId, FolderId, Millis, TokenId};
use serde_json::Value;

/// The company that users without one (ADMIN, OPERATOR) and their objects belong to; `system_company` on the wire.
/// Every database has it.
pub const SYSTEM: CompanyId = CompanyId::from_uuid(uuid::Uuid::nil());

row! {
    /// A company.
    Company in companies by (id) {
        /// Its id.
        id: CompanyId as Sql,
        /// Its name.
        name: String,
        /// The key that signs webhooks, wrapped by the caller.
        webhook_secret: Option<Vec<u8>>,
        /// Hosts that webhooks may go to; empty means the setting decides.
        webhook_hosts: Vec<String> as Sql,
        /// Whether it is being deleted.
        in_deletion: bool,
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

impl Company {
    pub(crate) const fn times(&self) -> (Millis, Millis) {
        (self.time_created, self.time_updated)
    }
}

/// Stores a new company.
///
/// # Errors
/// [`Error::Conflict`] when the id is taken.
pub fn insert(conn: &mut AnyConn, company: &Company) -> Result<()> {
    diesel::insert_into(companies::table).values(company.storable()?).execute(conn)?;
    Ok(())
}

fn visible(viewer: Viewer) -> companies::BoxedQuery<'static, MultiBackend> {
    let query = companies::table.into_boxed();
    match viewer {
        Viewer::All => query,
        // Members see their company, whatever their reach inside it.
        Viewer::Company(company) | Viewer::Own { company, .. } => query.filter(companies::id.eq(Sql(company))),
        Viewer::Nobody => query.filter(companies::id.is_null()),
    }
}

/// One company.
///
/// # Errors
/// [`Error::NotFound`].
pub fn get(conn: &mut AnyConn, viewer: Viewer, id: CompanyId) -> Result<Company> {
    Ok(visible(viewer).filter(companies::id.eq(Sql(id))).select(Company::as_select()).first(conn)?)
}

/// Companies whose name contains `search` (without regard to case).
///
/// # Errors
/// [`Error::Cursor`].
pub fn list(conn: &mut AnyConn, viewer: Viewer, search: Option<&str>, page: &Page) -> Result<Listed<Company>> {
    if search.is_some_and(|text| !text.storable()) {
        return Err(Error::Text);
    }
    let pattern = search.map(containing);
    let query = || match &pattern {
        None => visible(viewer),
        Some(pattern) => visible(viewer).filter(lower(companies::name).like(pattern.clone()).escape('\\')),
    };
    listed!(conn, page, Company by (companies::time_created, companies::time_updated, companies::id), query())
}

/// Companies of this name, without regard to case (of ASCII letters, on SQLite).
///
/// # Errors
/// Of the database only.
pub fn named(conn: &mut AnyConn, name: &str) -> Result<Vec<Company>> {
    if !name.storable() {
        return Ok(Vec::new()); // none could be stored with it
    }
    // Compared here: SQLite's lower case knows ASCII only, and who is called like another could be taken for it.
    let all: Vec<Company> = companies::table.select(Company::as_select()).load(conn)?;
    let wanted = name.to_lowercase();
    Ok(all.into_iter().filter(|company| company.name.to_lowercase() == wanted).collect())
}

/// The pattern for texts that contain `text`, to be compared in lower case, with `\` as the escape.
pub(crate) fn containing(text: &str) -> String {
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

diesel::define_sql_function! {
    /// Lower case; ASCII letters only on SQLite.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Stores a changed company; its id and time of creation stay.
///
/// # Errors
/// [`Error::NotFound`].
pub fn update(conn: &mut AnyConn, viewer: Viewer, company: &Company) -> Result<()> {
    get(conn, viewer, company.id)?;
    let company = company.storable()?;
    diesel::update(companies::table.filter(companies::id.eq(Sql(company.id))))
        .set((
            companies::name.eq(&company.name),
            companies::webhook_secret.eq(&company.webhook_secret),
            companies::webhook_hosts.eq(Sql(company.webhook_hosts.clone())),
            companies::in_deletion.eq(company.in_deletion),
            companies::meta_data.eq(Sql(company.meta_data.clone())),
            companies::technical_meta_data.eq(Sql(company.technical_meta_data.clone())),
            companies::time_updated.eq(Sql(company.time_updated)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes a company that nothing belongs to any more.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] while users, folders or files belong to it, and for the system company.
pub fn delete(conn: &mut AnyConn, viewer: Viewer, id: CompanyId) -> Result<()> {
    get(conn, viewer, id)?;
    if id == SYSTEM {
        return Err(Error::Conflict("companies.system".to_owned()));
    }
    diesel::delete(companies::table.filter(companies::id.eq(Sql(id)))).execute(conn)?;
    Ok(())
}

/// What still belongs to a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Folders.
    pub folders: i64,
    /// Users.
    pub users: i64,
}

/// Counts what still belongs to a company.
///
/// # Errors
/// Of the database only.
pub fn left(conn: &mut AnyConn, id: CompanyId) -> Result<Left> {
    Ok(Left {
        folders: folders::table.filter(folders::company_id.eq(Sql(id))).count().get_result(conn)?,
        users: users::table.filter(users::company_id.eq(Sql(id))).count().get_result(conn)?,
    })
}

/// The next folders of a company that is being emptied.
///
/// # Errors
/// Of the database only.
pub fn next_folders(conn: &mut AnyConn, id: CompanyId, limit: i64) -> Result<Vec<FolderId>> {
    let ids: Vec<Sql<FolderId>> =
        folders::table.filter(folders::company_id.eq(Sql(id))).select(folders::id).limit(limit).load(conn)?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

/// Closes a company: it is marked, and none of its users can do anything any more. Gives the sessions that ended.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] for the system company.
pub fn close(conn: &mut AnyConn, viewer: Viewer, id: CompanyId, now: Millis) -> Result<Vec<TokenId>> {
    get(conn, viewer, id)?;
    if id == SYSTEM {
        return Err(Error::Conflict("companies.system".to_owned()));
    }
    diesel::update(companies::table.filter(companies::id.eq(Sql(id))))
        .set((companies::in_deletion.eq(true), companies::time_updated.eq(Sql(now))))
        .execute(conn)?;
    diesel::update(users::table.filter(users::company_id.eq(Sql(id)))).set(users::is_active.eq(false)).execute(conn)?;
    crate::sessions::revoke_company(conn, id, now)
}

/// Removes a closed company with its users and keys; its folders and files must be gone.
///
/// # Errors
/// [`Error::Conflict`] with `foreign key` while folders or files are left.
pub fn finish(conn: &mut AnyConn, id: CompanyId) -> Result<()> {
    diesel::delete(users::table.filter(users::company_id.eq(Sql(id)))).execute(conn)?;
    diesel::delete(subject_keys::table.filter(subject_keys::company_id.eq(Sql(id)))).execute(conn)?;
    delete(conn, Viewer::All, id)
}
