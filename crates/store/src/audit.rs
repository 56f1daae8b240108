//! The audit log: who did what to which object, in an order that cannot be changed unnoticed (decision 26).
//!
//! Records are written in the transaction of the deed ([`append`]). A sealer then numbers them and chains their hashes
//! ([`seal`]): chaining inside every transaction would make all writers wait for one row. Values are encrypted by the
//! caller with a key of their subject; the hash runs over the ciphertext, so destroying the key breaks no chain.

use crate::page::listed;
use crate::schema::{audit, subject_keys};
use crate::types::{Sql, row};
use crate::{AnyConn, Error, Listed, MultiBackend, Page, Result, TimeRange, Viewer};
use diesel::prelude::*;
use oz_domain::{Action, AuditId, CompanyId, Millis, Object, RequestId, SubjectKeyId, UserId};
use sha2::{Digest as _, Sha256};

row! {
    /// One record.
    Record in audit by (id) {
        /// Its id.
        id: AuditId as Sql,
        /// Its place in the chain, from 1; none until it is sealed.
        seq: Option<i64>,
        /// When it happened.
        time: Millis as Sql,
        /// The company of the object.
        company_id: Option<CompanyId> as Sql,
        /// Who did it; none for the system itself.
        user_id: Option<UserId> as Sql,
        /// The request that did it.
        request_id: Option<RequestId> as Sql,
        /// What was done.
        action: String,
        /// To what kind of object.
        object: String,
        /// To which one.
        object_id: Option<String>,
        /// The key that reads the two values.
        subject_key_id: Option<SubjectKeyId> as Sql,
        /// What it was before, encrypted.
        before_value: Option<Vec<u8>>,
        /// What it was after, encrypted.
        after_value: Option<Vec<u8>>,
        /// SHA-256 over the hash before and this record; none until it is sealed.
        hash: Option<Vec<u8>>,
        /// The address of the client that asked; none for the system itself and for the command line.
        address: Option<String>,
    }
}

impl Record {
    pub(crate) const fn times(&self) -> (Millis, Millis) {
        (self.time, self.time)
    }
}

row! {
    /// The key that encrypts what the log says of one subject.
    SubjectKey in subject_keys by (id) {
        /// Its id.
        id: SubjectKeyId as Sql,
        /// The company of the subject.
        company_id: CompanyId as Sql,
        /// The subject: the id of a folder, a user, a person.
        subject: String,
        /// The key, wrapped by the caller; none once it was destroyed.
        wrapped_key: Option<Vec<u8>>,
        /// When it was made.
        time_created: Millis as Sql,
        /// When it was destroyed.
        time_destroyed: Option<Millis> as Sql,
    }
}

/// Which records are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only by this user.
    pub user: Option<UserId>,
    /// Only on this kind of object.
    pub object: Option<Object>,
    /// Only on this object.
    pub object_id: Option<String>,
    /// Only this deed.
    pub action: Option<Action>,
    /// Only in this time.
    pub time: TimeRange,
}

/// Writes a record; its `seq` and `hash` are none.
///
/// # Errors
/// Of the database only.
pub fn append(conn: &mut AnyConn, record: &Record) -> Result<()> {
    let mut record = record.storable()?;
    (record.seq, record.hash) = (None, None);
    diesel::insert_into(audit::table).values(record).execute(conn)?;
    Ok(())
}

/// Seals at most `limit` records in the order of their times; gives their number. Only one sealer wins at a time.
///
/// # Errors
/// [`Error::Busy`] against another sealer.
pub fn seal(conn: &mut AnyConn, limit: u32) -> Result<usize> {
    let head: Option<(Option<i64>, Option<Vec<u8>>)> = audit::table
        .filter(audit::seq.is_not_null())
        .order(audit::seq.desc())
        .select((audit::seq, audit::hash))
        .first(conn)
        .optional()?;
    let (mut seq, mut hash) = match head {
        Some((Some(seq), Some(hash))) => (seq, hash),
        Some(_) => return Err(Error::Corrupt("the audit log's last record has no hash".to_owned())),
        None => (0, Vec::new()),
    };
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
            .execute(conn)?;
    }
    Ok(waiting.len())
}

/// The hash that chains `record` after the record with hash `before` (empty for the first).
fn chained(before: &[u8], seq: i64, record: &Record) -> Vec<u8> {
    let mut hasher = Sha256::new();
    // Each part with its length, so that no two records read the same; none differs from empty.
    let mut part = |bytes: Option<&[u8]>| match bytes {
        None => hasher.update([0]),
        Some(bytes) => {
            hasher.update([1]);
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        }
    };
    part(Some(b"oz-audit/v1"));
    part(Some(before));
    part(Some(&seq.to_be_bytes()));
    part(Some(record.id.to_string().as_bytes()));
    part(Some(&record.time.get().to_be_bytes()));
    part(record.company_id.map(|id| id.to_string()).as_deref().map(str::as_bytes));
    part(record.user_id.map(|id| id.to_string()).as_deref().map(str::as_bytes));
    part(record.request_id.map(|id| id.to_string()).as_deref().map(str::as_bytes));
    part(Some(record.action.as_bytes()));
    part(Some(record.object.as_bytes()));
    part(record.object_id.as_deref().map(str::as_bytes));
    part(record.subject_key_id.map(|id| id.to_string()).as_deref().map(str::as_bytes));
    part(record.before_value.as_deref());
    part(record.after_value.as_deref());
    part(record.address.as_deref().map(str::as_bytes));
    hasher.finalize().to_vec()
}

/// Walks the chain after the record `after` (0: from the start) over at most `limit` records. Gives the last good place.
///
/// # Errors
/// [`Error::Corrupt`] naming the first place that does not fit.
pub fn verify(conn: &mut AnyConn, after: i64, limit: u32) -> Result<i64> {
    let mut hash: Vec<u8> = if after == 0 {
        Vec::new()
    } else {
        audit::table
            .filter(audit::seq.eq(Some(after)))
            .select(audit::hash)
            .first::<Option<Vec<u8>>>(conn)?
            .unwrap_or_default()
    };
    let records: Vec<Record> = audit::table
        .filter(audit::seq.gt(Some(after)))
        .order(audit::seq.asc())
        .limit(i64::from(limit))
        .select(Record::as_select())
        .load(conn)?;
    let mut seq = after;
    for record in &records {
        hash = chained(&hash, seq + 1, record);
        if record.seq != Some(seq + 1) || record.hash.as_ref() != Some(&hash) {
            return Err(Error::Corrupt(format!("the audit log's chain is broken at {}", seq + 1)));
        }
        seq += 1;
    }
    Ok(seq)
}

/// Records that the viewer may see, newest first.
///
/// # Errors
/// [`Error::Cursor`].
pub fn list(conn: &mut AnyConn, viewer: Viewer, filter: &Filter, page: &Page) -> Result<Listed<Record>> {
    let query = || {
        let mut query: audit::BoxedQuery<'static, MultiBackend> = audit::table.into_boxed();
        query = match viewer {
            Viewer::All => query,
            Viewer::Company(company) => query.filter(audit::company_id.eq(Sql(Some(company)))),
            Viewer::Own { user, .. } => query.filter(audit::user_id.eq(Sql(Some(user)))),
            Viewer::Nobody => query.filter(audit::id.is_null()),
        };
        if let Some(user) = filter.user {
            query = query.filter(audit::user_id.eq(Sql(Some(user))));
        }
        if let Some(object) = filter.object {
            query = query.filter(audit::object.eq(object.as_str()));
        }
        if let Some(id) = &filter.object_id {
            query = query.filter(audit::object_id.eq(id.clone()));
        }
        if let Some(action) = filter.action {
            query = query.filter(audit::action.eq(action.as_str()));
        }
        if let Some(min) = filter.time.min {
            query = query.filter(audit::time.ge(Sql(min)));
        }
        if let Some(max) = filter.time.max {
            query = query.filter(audit::time.le(Sql(max)));
        }
        query
    };
    listed!(conn, page, Record by (audit::time, audit::time, audit::id), query())
}

/// The key of a subject, or `new` stored as such. A destroyed key stays destroyed.
///
/// # Errors
/// [`Error::Conflict`] with `foreign key` when the company is gone.
pub fn subject_key(conn: &mut AnyConn, new: &SubjectKey) -> Result<SubjectKey> {
    let old: Option<SubjectKey> = subject_keys::table
        .filter(subject_keys::company_id.eq(Sql(new.company_id)))
        .filter(subject_keys::subject.eq(&new.subject))
        .select(SubjectKey::as_select())
        .first(conn)
        .optional()?;
    if let Some(old) = old {
        return Ok(old);
    }
    diesel::insert_into(subject_keys::table).values(new.storable()?).execute(conn)?;
    Ok(new.clone())
}

/// Destroys the key of a subject: what the log says of it can never be read again.
///
/// # Errors
/// Of the database only.
pub fn destroy_subject_key(conn: &mut AnyConn, company: CompanyId, subject: &str, now: Millis) -> Result<()> {
    diesel::update(
        subject_keys::table.filter(subject_keys::company_id.eq(Sql(company))).filter(subject_keys::subject.eq(subject)),
    )
    .set((subject_keys::wrapped_key.eq(None::<Vec<u8>>), subject_keys::time_destroyed.eq(Sql(Some(now)))))
    .execute(conn)?;
    Ok(())
}
