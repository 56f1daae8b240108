//! What was used, append-only: each entry's hash covers the entry and the hash before it, so that whoever knows a later head
//! sees any change and any cut.

use crate::error::Result;
use crate::row;
use crate::schema::license_ledger;
use diesel::prelude::*;
use oz_domain::Millis;
use oz_store::{AnyConn, Fields};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an entry tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    /// The ledger was opened.
    #[default]
    Opened,
    /// A license was installed.
    Installed,
    /// The site was restored on another machine.
    Restored,
    /// A node told what it used.
    Usage,
    /// A node paid in advance.
    Block,
    /// A node gave back what it had not used of that.
    Returned,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Installed => "installed",
            Self::Restored => "restored",
            Self::Usage => "usage",
            Self::Block => "block",
            Self::Returned => "returned",
        }
    }
}

/// An entry to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct New {
    pub(crate) kind: Kind,
    pub(crate) license_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) batch: Option<(i64, String)>,
    pub(crate) counts: BTreeMap<String, i64>,
    pub(crate) note: Option<String>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = license_ledger)]
pub struct Entry {
    /// Its place, from 1.
    pub seq: i64,
    /// When it was written, milliseconds since 1970 UTC.
    pub time: i64,
    /// What it tells of: `opened`, `installed`, `restored`, `usage`, `block`, `returned`.
    pub kind: String,
    /// The license it counts for; empty for none.
    pub license_id: String,
    /// Which node.
    pub instance_id: Option<String>,
    /// The node's number of the batch.
    pub batch_seq: Option<i64>,
    /// The batch's random name.
    pub batch: Option<String>,
    /// How much of what, JSON.
    pub counts: String,
    /// Words.
    pub note: Option<String>,
    /// SHA-256 over the hash before it and all of the above.
    pub hash: Vec<u8>,
}

/// The end of the ledger at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Entries up to here.
    pub count: i64,
    /// The last one's hash, hex; empty before the first.
    pub hash: String,
}

impl Head {
    /// Before the first entry.
    pub const fn start() -> Self {
        Self { count: 0, hash: String::new() }
    }

    /// With the entry of a row, if there is one.
    fn of(row: Option<(i64, Vec<u8>)>) -> Self {
        row.map_or_else(Self::start, |(count, hash)| Self { count, hash: hex::encode(hash) })
    }
}

/// Where a ledger does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The entry is not what was written.
    #[error("entry {0} was changed")]
    Changed(i64),
    /// An entry has no place.
    #[error("entry {0} is missing")]
    Missing(i64),
    /// The ledger ends before a head that was told.
    #[error("the ledger ends at entry {0}, before a head that was told")]
    Cut(i64),
    /// The sums that volumes are held against are not those of the entries.
    #[error("the sums of what was used are not those of the ledger")]
    Sums,
    /// The license files are not those that were installed.
    #[error("the license files are not those that were installed")]
    Files,
}

/// The end of the ledger now.
///
/// # Errors
/// Of the database only.
pub fn head(conn: &mut AnyConn) -> Result<Head> {
    let last: Option<(i64, Vec<u8>)> = license_ledger::table
        .order(license_ledger::seq.desc())
        .select((license_ledger::seq, license_ledger::hash))
        .first(conn)
        .optional()?;
    Ok(Head::of(last))
}

/// Writes an entry. Its time never lies before what the site has lived through: what is used while the clock is turned back
/// is used now, and not in a month that was paid long ago.
pub(crate) fn append(conn: &mut AnyConn, now: Millis, new: New) -> Result<Entry> {
    let head = head(conn)?;
    let now = Millis::new(row::expect(conn)?.last_seen.map_or(now.get(), |seen| seen.max(now.get())));
    let (batch_seq, batch) = new.batch.unzip();
    let mut entry = Entry {
        seq: head.count + 1,
        time: now.get(),
        kind: new.kind.as_str().to_owned(),
        license_id: new.license_id,
        instance_id: new.instance_id,
        batch_seq,
        batch,
        counts: serde_json::to_string(&new.counts).map_err(|e| oz_store::Error::Corrupt(e.to_string()))?,
        note: new.note,
        hash: Vec::new(),
    };
    entry.hash = chained(&head.hash, &entry);
    diesel::insert_into(license_ledger::table).values(&entry).execute(conn).map_err(|error| {
        // The place was taken by another writer meanwhile.
        match oz_store::Error::from(error) {
            oz_store::Error::Conflict(what) if what == "license_ledger.seq" || what.ends_with("pkey") => {
                oz_store::Error::Busy
            }
            other => other,
        }
    })?;
    Ok(entry)
}

/// The hash of an entry behind the hash `before`, hex.
fn chained(before: &str, entry: &Entry) -> Vec<u8> {
    let mut fields = Fields::of("oz-ledger/v1");
    fields.put(before);
    fields.put(entry.seq.to_be_bytes());
    fields.put(entry.time.to_be_bytes());
    fields.put(&entry.kind);
    fields.put(&entry.license_id);
    fields.maybe(entry.instance_id.as_deref());
    fields.maybe(entry.batch_seq.map(i64::to_be_bytes));
    fields.maybe(entry.batch.as_deref());
    fields.put(&entry.counts);
    fields.maybe(entry.note.as_deref());
    fields.hash()
}

/// Walks the ledger behind `from`, a head that was good, over at most `limit` entries. Gives the last good head: `from`
/// again at the end.
///
/// # Errors
/// Of the database; inside, the first entry that does not fit.
pub fn verify(conn: &mut AnyConn, from: &Head, limit: u32) -> Result<Result<Head, Broken>> {
    Ok(sound(conn, from, limit)?.map(|(_, head)| head))
}

/// [`verify`], with the entries.
pub(crate) fn sound(conn: &mut AnyConn, from: &Head, limit: u32) -> Result<Result<(Vec<Entry>, Head), Broken>> {
    let entries: Vec<Entry> = license_ledger::table
        .filter(license_ledger::seq.gt(from.count))
        .order(license_ledger::seq.asc())
        .limit(i64::from(limit))
        .select(Entry::as_select())
        .load(conn)?;
    let end = head(conn)?;
    if end.count < from.count {
        return Ok(Err(Broken::Cut(end.count)));
    }
    // Nothing stands before the first.
    let before: Option<i64> =
        license_ledger::table.filter(license_ledger::seq.lt(1)).select(license_ledger::seq).first(conn).optional()?;
    if let Some(seq) = before {
        return Ok(Err(Broken::Changed(seq)));
    }
    let mut at = from.clone();
    if entries.is_empty() && end != *from {
        return Ok(Err(Broken::Changed(end.count)));
    }
    for entry in &entries {
        let place = at.count + 1;
        if entry.seq != place {
            return Ok(Err(Broken::Missing(place)));
        }
        let hash = chained(&at.hash, entry);
        if hash != entry.hash {
            return Ok(Err(Broken::Changed(place)));
        }
        at = Head { count: place, hash: hex::encode(hash) };
    }
    Ok(Ok((entries, at)))
}

/// Whether a head is one of this ledger's.
///
/// # Errors
/// Of the database only.
pub fn has(conn: &mut AnyConn, head: &Head) -> Result<bool> {
    let hash: Option<Vec<u8>> =
        license_ledger::table.find(head.count).select(license_ledger::hash).first(conn).optional()?;
    Ok(hash.map_or(*head == Head::start(), |hash| hex::encode(hash) == head.hash))
}

/// The end of the ledger before its first entry of the moment `time` or later.
pub(crate) fn head_at(conn: &mut AnyConn, time: i64) -> Result<Head> {
    let first: Option<i64> = license_ledger::table
        .filter(license_ledger::time.ge(time))
        .order(license_ledger::seq.asc())
        .select(license_ledger::seq)
        .first(conn)
        .optional()?;
    let Some(first) = first else { return head(conn) };
    let before: Option<(i64, Vec<u8>)> = license_ledger::table
        .find(first - 1)
        .select((license_ledger::seq, license_ledger::hash))
        .first(conn)
        .optional()?;
    Ok(Head::of(before))
}

/// The end of the ledger as it was before the moment `time`.
pub(crate) fn head_before(conn: &mut AnyConn, time: i64) -> Result<Head> {
    let last: Option<(i64, Vec<u8>)> = license_ledger::table
        .filter(license_ledger::time.lt(time))
        .order(license_ledger::seq.desc())
        .select((license_ledger::seq, license_ledger::hash))
        .first(conn)
        .optional()?;
    Ok(Head::of(last))
}

/// Entries of the batch with a random name.
pub(crate) fn of_batch(conn: &mut AnyConn, batch: &str) -> Result<Vec<Entry>> {
    Ok(license_ledger::table.filter(license_ledger::batch.eq(batch)).select(Entry::as_select()).load(conn)?)
}

/// Whether a node's number of a batch is taken.
pub(crate) fn has_number(conn: &mut AnyConn, instance_id: &str, batch_seq: i64) -> Result<bool> {
    let found: Option<i64> = license_ledger::table
        .filter(license_ledger::instance_id.eq(instance_id))
        .filter(license_ledger::batch_seq.eq(batch_seq))
        .select(license_ledger::seq)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

impl Entry {
    /// How much of what; nothing where that cannot be read.
    pub(crate) fn counts(&self) -> BTreeMap<String, i64> {
        serde_json::from_str(&self.counts).unwrap_or_default()
    }

    /// Whether it tells of just these counts.
    pub(crate) fn says(&self, counts: &BTreeMap<String, i64>) -> bool {
        self.counts() == *counts
    }
}
