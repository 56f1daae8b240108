//! Companies: the tenants.

use crate::page::listed;
use crate::schema::companies;
use crate::types::{Plain as _, Sql, row};
use crate::{AnyConn, Error, Listed, MultiBackend, Page, Result, Viewer};
use diesel::prelude::*;
use oz_domain::{CompanyId, Millis};
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
    let pattern = search.map(|text| {
        let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("%{escaped}%")
    });
    let query = || match &pattern {
        None => visible(viewer),
        Some(pattern) => visible(viewer).filter(lower(companies::name).like(pattern.clone()).escape('\\')),
    };
    listed!(conn, page, Company, companies::time_created, companies::id, query(), |c: &Company| (
        c.time_created,
        c.id.uuid()
    ))
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
