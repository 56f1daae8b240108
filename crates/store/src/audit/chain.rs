//! The chain: how records are sealed and checked, and how far places outside were told of them.

use super::Record;
use crate::schema::{audit, audit_exports, subject_keys};
use crate::types::Sql;
use crate::{AnyConn, Error, Fields, Result, each};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use oz_domain::{Action, Object};

/// The end of the chain at some moment: who keeps it can tell later whether the log up to there is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Place of the last record.
    pub seq: i64,
    /// Its hash.
    pub hash: Vec<u8>,
}

impl Head {
    /// Before the first record.
    pub const NONE: Self = Self { seq: 0, hash: Vec::new() };
}

/// Where a chain does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The record, or its hash, is not what was sealed.
    #[error("record {0} was changed after it was sealed")]
    Changed(i64),
    /// No record has this place, and later ones are there.
    #[error("record {0} is missing")]
    Missing(i64),
    /// So many records have a place below 1, or one that another record has.
    #[error("{0} records were put beside the chain")]
    Beside(i64),
    /// Nobody can read the record's values any more, and no record says that they were erased.
    #[error("the values of record {0} cannot be read any more, and no record tells of an erasure")]
    Hidden(i64),
}

/// Whether a record waits to be sealed.
///
/// # Errors
/// Of the database only.
pub fn waiting(conn: &mut AnyConn) -> Result<bool> {
    let first: Option<String> = audit::table
        .filter(audit::seq.is_null())
        .order((audit::time.asc(), audit::id.asc()))
        .select(audit::id)
        .first(conn)
        .optional()?;
    Ok(first.is_some())
}

/// The end of the chain.
///
/// # Errors
/// [`Error::Corrupt`] when the last record has no hash.
pub fn head(conn: &mut AnyConn) -> Result<Head> {
    let last: Option<(Option<i64>, Option<Vec<u8>>)> = audit::table
        .filter(audit::seq.is_not_null())
        .order(audit::seq.desc())
        .select((audit::seq, audit::hash))
        .first(conn)
        .optional()?;
    match last {
        None => Ok(Head::NONE),
        Some((Some(seq), Some(hash))) => Ok(Head { seq, hash }),
        Some(_) => Err(Error::Corrupt("the audit log's last record has no hash".to_owned())),
    }
}

/// Seals at most `limit` records in the order of their times; gives their number. Only one sealer wins at a time.
///
/// # Errors
/// [`Error::Busy`] against another sealer.
pub fn seal(conn: &mut AnyConn, limit: u32) -> Result<usize> {
    let Head { mut seq, mut hash } = head(conn)?;
    let waiting: Vec<Record> = audit::table
        .filter(audit::seq.is_null())
        .order((audit::time.asc(), audit::id.asc()))
        .limit(i64::from(limit))
        .select(Record::as_select())
        .load(conn)?;
    for record in &waiting {
        seq += 1;
        hash = chained(&hash, seq, record);
        diesel::update(audit::table.filter(audit::id.eq(Sql(record.id))))
            .set((audit::seq.eq(Some(seq)), audit::hash.eq(Some(&hash))))
            .execute(conn)
            .map_err(|error| match Error::from(error) {
                // The place was taken meanwhile.
                Error::Conflict(_) => Error::Busy,
                other => other,
            })?;
    }
    Ok(waiting.len())
}

/// The hash that chains `record` after the record with hash `before` (empty for the first).
fn chained(before: &[u8], seq: i64, record: &Record) -> Vec<u8> {
    let mut fields = Fields::of("oz-audit/v1");
    fields.put(before);
    fields.put(seq.to_be_bytes());
    fields.put(record.id.to_string());
    fields.put(record.time.get().to_be_bytes());
    fields.maybe(record.company_id.map(|id| id.to_string()));
    fields.maybe(record.user_id.map(|id| id.to_string()));
    fields.maybe(record.request_id.map(|id| id.to_string()));
    fields.put(&record.action);
    fields.put(&record.object);
    fields.maybe(record.object_id.as_deref());
    fields.maybe(record.subject_key_id.map(|id| id.to_string()));
    fields.maybe(record.before_value.as_deref());
    fields.maybe(record.after_value.as_deref());
    fields.maybe(record.address.as_deref());
    fields.hash()
}

/// Walks the chain after `from`, a head that was good, over at most `limit` records. Gives the last good head: `from` again
/// at the end, where also what no walk meets is looked for.
///
/// # Errors
/// Of the database; inside, the first place that does not fit.
pub fn verify(conn: &mut AnyConn, from: &Head, limit: u32) -> Result<Result<Head, Broken>> {
    let mut head = from.clone();
    let records = sealed(conn, from.seq, limit)?;
    if records.is_empty()
        && let Some(broken) = unseen(conn, from.seq)?
    {
        return Ok(Err(broken));
    }
    for record in records {
        let seq = head.seq + 1;
        if record.seq != Some(seq) {
            return Ok(Err(Broken::Missing(seq)));
        }
        head = Head { seq, hash: chained(&head.hash, seq, &record) };
        if record.hash.as_ref() != Some(&head.hash) {
            return Ok(Err(Broken::Changed(seq)));
        }
    }
    Ok(Ok(head))
}

/// What is wrong although each place up to the `last` holds its record.
fn unseen(conn: &mut AnyConn, last: i64) -> Result<Option<Broken>> {
    let places: i64 = audit::table.filter(audit::seq.le(Some(last))).count().get_result(conn)?;
    Ok(if places == last { hidden(conn)?.map(Broken::Hidden) } else { Some(Broken::Beside(places - last)) })
}

/// The first record whose key is gone without a record of it: of the erasure or removal of its subject, or of the end of its company.
fn hidden(conn: &mut AnyConn) -> Result<Option<i64>> {
    let erasure = diesel::alias!(audit as erasure);
    let erased = erasure
        .filter(erasure.field(audit::action).eq_any([Action::ErasePi.to_string(), Action::Delete.to_string()]))
        .filter(erasure.field(audit::company_id).eq(audit::company_id))
        .filter(erasure.field(audit::object_id).eq(subject_keys::subject.nullable()));
    let closed = erasure
        .filter(erasure.field(audit::object).eq(Object::Company.to_string()))
        .filter(erasure.field(audit::action).eq(Action::Delete.to_string()))
        .filter(erasure.field(audit::object_id).eq(audit::company_id));
    let first: Option<Option<i64>> = audit::table
        .left_join(subject_keys::table.on(audit::subject_key_id.eq(subject_keys::id.nullable())))
        .filter(audit::seq.is_not_null())
        .filter(audit::subject_key_id.is_not_null())
        .filter(subject_keys::wrapped_key.is_null())
        .filter(not(exists(erased)))
        .filter(not(exists(closed)))
        .order(audit::seq.asc())
        .select(audit::seq)
        .first(conn)
        .optional()?;
    Ok(first.flatten())
}

/// Whether a head that was told still names the record that it named.
///
/// # Errors
/// Of the database only.
pub fn fits(conn: &mut AnyConn, told: &Head) -> Result<bool> {
    match hash_at(conn, told.seq) {
        Err(Error::NotFound) => Ok(false),
        hash => Ok(hash? == told.hash),
    }
}

/// At most `limit` sealed records after a place, in their order.
///
/// # Errors
/// Of the database only.
pub fn sealed(conn: &mut AnyConn, after: i64, limit: u32) -> Result<Vec<Record>> {
    Ok(audit::table
        .filter(audit::seq.gt(Some(after)))
        .order(audit::seq.asc())
        .limit(i64::from(limit))
        .select(Record::as_select())
        .load(conn)?)
}

/// The hash of the record at a place.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn hash_at(conn: &mut AnyConn, seq: i64) -> Result<Vec<u8>> {
    let hash: Option<Vec<u8>> = audit::table.filter(audit::seq.eq(Some(seq))).select(audit::hash).first(conn)?;
    hash.ok_or(Error::NotFound)
}

/// How far a place outside was told: the last record's place, 0 for none.
///
/// # Errors
/// Of the database only.
pub fn told(conn: &mut AnyConn, sink: &str) -> Result<i64> {
    let found = audit_exports::table.find(sink).select(audit_exports::seq).first(conn).optional()?;
    Ok(found.unwrap_or(0))
}

/// Remembers that a place outside was told up to `seq`.
///
/// # Errors
/// Of the database only.
pub fn set_told(conn: &mut AnyConn, sink: &str, seq: i64) -> Result<()> {
    each!(conn, c => diesel::insert_into(audit_exports::table)
        .values((audit_exports::sink.eq(sink), audit_exports::seq.eq(seq)))
        .on_conflict(audit_exports::sink)
        .do_update()
        .set(audit_exports::seq.eq(seq))
        .execute(c))?;
    Ok(())
}
