//! The audit log: who did what to which object, in an order that cannot be changed unnoticed (decision 26).
//!
//! Records are written in the transaction of the deed ([`append`]). A sealer then numbers them and chains their hashes
//! ([`seal`]): chaining inside every transaction would make all writers wait for one row. Values are encrypted by the
//! caller with a key of their subject; the hash runs over the ciphertext, so destroying the key breaks no chain.

mod chain;

pub use chain::{Broken, Head, fits, hash_at, head, seal, sealed, set_told, told, verify, waiting};

use crate::page::listed;
use crate::schema::{audit, subject_keys};
use crate::types::{Sql, row};
use crate::{AnyConn, Listed, MultiBackend, Page, Result, TimeRange, Viewer, each};
use diesel::prelude::*;
use oz_domain::{Action, AuditId, CompanyId, Millis, Object, RequestId, SubjectKeyId, UserId};

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

/// Which records are asked for. Empty lists and open ranges ask for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only on objects of these companies.
    pub companies: Vec<CompanyId>,
    /// Only by these users.
    pub users: Vec<UserId>,
    /// Only on these kinds of objects.
    pub objects: Vec<Object>,
    /// Only on these objects.
    pub object_ids: Vec<String>,
    /// Only these deeds.
    pub actions: Vec<Action>,
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

/// Records that the viewer may see, newest first.
///
/// # Errors
/// [`crate::Error::Cursor`].
pub fn list(conn: &mut AnyConn, viewer: Viewer, filter: &Filter, page: &Page) -> Result<Listed<Record>> {
    let query = || {
        let mut query: audit::BoxedQuery<'static, MultiBackend> = audit::table.into_boxed();
        query = match viewer {
            Viewer::All => query,
            Viewer::Company(company) => query.filter(audit::company_id.eq(Sql(Some(company)))),
            Viewer::Own { user, .. } => query.filter(audit::user_id.eq(Sql(Some(user)))),
            Viewer::Nobody => query.filter(audit::id.is_null()),
        };
        if !filter.companies.is_empty() {
            query = query.filter(audit::company_id.eq_any(texts(&filter.companies)));
        }
        if !filter.users.is_empty() {
            query = query.filter(audit::user_id.eq_any(texts(&filter.users)));
        }
        if !filter.objects.is_empty() {
            query = query.filter(audit::object.eq_any(texts(&filter.objects)));
        }
        if !filter.object_ids.is_empty() {
            query = query.filter(audit::object_id.eq_any(filter.object_ids.clone()));
        }
        if !filter.actions.is_empty() {
            query = query.filter(audit::action.eq_any(texts(&filter.actions)));
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

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// The keys that read the values of some records.
///
/// # Errors
/// Of the database only.
pub fn keys_of(conn: &mut AnyConn, records: &[Record]) -> Result<Vec<SubjectKey>> {
    let mut ids: Vec<SubjectKeyId> = records.iter().filter_map(|r| r.subject_key_id).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(subject_keys::table.filter(subject_keys::id.eq_any(texts(&ids))).select(SubjectKey::as_select()).load(conn)?)
}

/// The key of a subject, or `new` stored as such. A destroyed key stays destroyed.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when the company is gone.
pub fn subject_key(conn: &mut AnyConn, new: &SubjectKey) -> Result<SubjectKey> {
    // Written before it is looked for: PostgreSQL would set those who find nothing in the same page against each other.
    let row = new.storable()?;
    let made = each!(conn, c => diesel::insert_into(subject_keys::table)
        .values(row)
        .on_conflict((subject_keys::company_id, subject_keys::subject))
        .do_nothing()
        .execute(c))?;
    if made == 1 {
        return Ok(new.clone());
    }
    Ok(subject_keys::table
        .filter(subject_keys::company_id.eq(Sql(new.company_id)))
        .filter(subject_keys::subject.eq(&new.subject))
        .select(SubjectKey::as_select())
        .first(conn)?)
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
