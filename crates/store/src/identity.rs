//! Which data folder belongs to this database.

use crate::schema::{blobs, store_identity, subject_keys};
use crate::{AnyConn, Result};
use diesel::prelude::*;

/// The database's own text, `new` when it has none.
///
/// # Errors
/// Of the database only.
pub fn get_or_create(conn: &mut AnyConn, new: &str) -> Result<String> {
    if let Some(id) = store_identity::table.select(store_identity::id).first(conn).optional()? {
        return Ok(id);
    }
    diesel::insert_into(store_identity::table).values(store_identity::id.eq(new)).execute(conn)?;
    Ok(new.to_owned())
}

/// Whether the database holds what only the data folder's keys can open.
///
/// # Errors
/// Of the database only.
pub fn needs_keys(conn: &mut AnyConn) -> Result<bool> {
    let files: i64 = blobs::table.count().get_result(conn)?;
    let sealed: i64 = subject_keys::table.filter(subject_keys::wrapped_key.is_not_null()).count().get_result(conn)?;
    Ok(files + sealed > 0)
}
