//! Which stored contents there are, and how often each is used (decision 50).
//!
//! The order that keeps files and rows together: a file first lies in place under a fresh [`BlobId`], then its row is
//! written. A released row goes first, then its file. What a crash leaves between is a file without a row, which
//! [`known`] finds.

use crate::schema::blobs;
use crate::types::Sql;
use crate::{AnyConn, Result, each};
use diesel::prelude::*;
use oz_domain::{BlobId, CompanyId, Millis};

/// A content that is about to be used once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBlob {
    /// The id under which the caller has just stored it.
    pub id: BlobId,
    /// Whose it is; companies share nothing.
    pub company_id: CompanyId,
    /// The keyed hash of the content.
    pub name: String,
    /// Length of the content in bytes.
    pub size: i64,
}

/// What to use, and what became of the caller's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquired {
    /// The blob to refer to.
    pub id: BlobId,
    /// The content was there already: the caller's own copy is not needed and is to be removed after the commit.
    pub existing: bool,
}

/// A content that nothing uses any more; its row is gone, its file is to be removed after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadBlob {
    /// Its id.
    pub id: BlobId,
    /// Whose it was.
    pub company_id: CompanyId,
    /// Its name.
    pub name: String,
}

/// Counts one use more of a content, stored before or new.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when the company is gone.
pub fn acquire(conn: &mut AnyConn, new: &NewBlob, now: Millis) -> Result<Acquired> {
    let row = (
        blobs::id.eq(new.id.to_string()),
        blobs::company_id.eq(new.company_id.to_string()),
        blobs::name.eq(new.name.clone()),
        blobs::size.eq(new.size),
        blobs::refs.eq(1),
        blobs::time_created.eq(now.get()),
    );
    let id: Sql<BlobId> = each!(conn, c => diesel::insert_into(blobs::table)
        .values(row)
        .on_conflict((blobs::company_id, blobs::name))
        .do_update()
        .set(blobs::refs.eq(blobs::refs + 1))
        .returning(blobs::id)
        .get_result(c))?;
    Ok(Acquired { id: id.0, existing: id.0 != new.id })
}

/// Counts one use less for each id (once for each time it is listed). Gives those that nothing uses any more.
///
/// Call it after the rows that refer to them are gone.
///
/// # Errors
/// [`crate::Error::Conflict`] when something still refers to a blob whose last use this was.
pub fn release(conn: &mut AnyConn, ids: &[BlobId]) -> Result<Vec<DeadBlob>> {
    let mut dead = Vec::new();
    for id in ids {
        let still_used = diesel::update(blobs::table.filter(blobs::id.eq(Sql(*id))).filter(blobs::refs.gt(1)))
            .set(blobs::refs.eq(blobs::refs - 1))
            .execute(conn)?;
        if still_used > 0 {
            continue;
        }
        let row: Option<(Sql<CompanyId>, String)> = blobs::table
            .filter(blobs::id.eq(Sql(*id)))
            .select((blobs::company_id, blobs::name))
            .first(conn)
            .optional()?;
        if let Some((company, name)) = row {
            diesel::delete(blobs::table.filter(blobs::id.eq(Sql(*id)))).execute(conn)?;
            dead.push(DeadBlob { id: *id, company_id: company.0, name });
        }
    }
    Ok(dead)
}

/// Which of these ids have a row: a file without one is left from a crash.
///
/// # Errors
/// Of the database only.
pub fn known(conn: &mut AnyConn, ids: &[BlobId]) -> Result<Vec<BlobId>> {
    let rows: Vec<Sql<BlobId>> =
        blobs::table.filter(blobs::id.eq_any(ids.iter().map(ToString::to_string))).select(blobs::id).load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

/// Where the content of a blob lies.
///
/// # Errors
/// [`crate::Error::NotFound`].
pub fn get(conn: &mut AnyConn, id: BlobId) -> Result<NewBlob> {
    type Row = (Sql<CompanyId>, String, i64);
    let columns = (blobs::company_id, blobs::name, blobs::size);
    let (company, name, size): Row = blobs::table.filter(blobs::id.eq(Sql(id))).select(columns).first(conn)?;
    Ok(NewBlob { id, company_id: company.0, name, size })
}
