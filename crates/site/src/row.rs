//! The one row that says which site this database belongs to, and what it has lived through.

use crate::error::{Refused, Result};
use crate::ledger::{self, Kind, New};
use crate::lived;
use crate::schema::license_site;
use crate::site::Site;
use crate::standing::SKEW;
use diesel::prelude::*;
use oz_domain::Millis;
use oz_store::AnyConn;
use std::collections::BTreeMap;

/// What a site remembers of itself. Times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = license_site)]
pub struct Row {
    /// Names the ledger.
    pub site_id: String,
    /// The short name of the key that belongs to it.
    pub key_id: String,
    /// Whether a license was ever seen.
    pub licensed: bool,
    /// When the trial began.
    pub trial_started: Option<i64>,
    /// Whether the trial's begin was moved once.
    pub trial_moved: bool,
    /// The latest time that the site has lived through.
    pub last_seen: Option<i64>,
    /// Where the last step at a start led.
    pub last_step: Option<i64>,
    /// How often `last_seen` was set back.
    pub epoch: i64,
    /// Milliseconds that the site has run.
    pub ran: i64,
    /// When it was restored on another machine.
    pub moved_at: Option<i64>,
}

impl Row {
    /// Whether it was later before.
    pub fn clock_was_turned_back(&self, now: Millis) -> bool {
        self.last_seen.is_some_and(|seen| now.get() < seen.saturating_sub(SKEW))
    }
}

/// The site's row; none before [`open`].
///
/// # Errors
/// Of the database only.
pub fn row(conn: &mut AnyConn) -> Result<Option<Row>> {
    Ok(license_site::table.select(Row::as_select()).first(conn).optional()?)
}

pub(crate) fn expect(conn: &mut AnyConn) -> Result<Row> {
    row(conn)?.ok_or_else(|| oz_store::Error::Corrupt("the site has no row".to_owned()).into())
}

/// Opens the ledger for the site's key: a fresh one where there is none and `may_make`.
///
/// # Errors
/// [`Refused::NotInstalled`] when the database belongs to another key, or is empty and none may be made: whoever lost it
/// must say so ([`open_anew`]).
pub fn open(conn: &mut AnyConn, site: &Site, now: Millis, may_make: bool) -> Result<Row> {
    match row(conn)? {
        Some(row) if row.key_id == site.key_id() => Ok(row),
        Some(_) => Err(Refused::NotInstalled(
            "the database belongs to another site key: restore the key and the database of the same backup".to_owned(),
        )),
        None if may_make => make(conn, site, now, "new"),
        None => Err(Refused::NotInstalled(
            "the site key is there and its database is not: restore the database; if it is lost, say so once by `new-ledger`"
                .to_owned(),
        )),
    }
}

/// Opens an empty ledger for a key whose ledger was lost. It says so in its first entry, which the vendor sees in the next
/// report.
///
/// # Errors
/// [`Refused::NotInstalled`] when there is a ledger.
pub fn open_anew(conn: &mut AnyConn, site: &Site, now: Millis) -> Result<Row> {
    match row(conn)? {
        Some(_) => Err(Refused::NotInstalled("there is a ledger".to_owned())),
        None => make(conn, site, now, "the ledger before this one was lost"),
    }
}

fn make(conn: &mut AnyConn, site: &Site, now: Millis, note: &str) -> Result<Row> {
    let site_id = uuid::Uuid::now_v7().to_string();
    diesel::insert_into(license_site::table)
        .values((
            license_site::id.eq(1),
            license_site::site_id.eq(&site_id),
            license_site::key_id.eq(site.key_id()),
            license_site::licensed.eq(false),
            license_site::trial_moved.eq(false),
            license_site::epoch.eq(0),
            license_site::ran.eq(0),
            license_site::time_created.eq(now.get()),
        ))
        .execute(conn)?;
    let first = New {
        kind: Kind::Opened,
        counts: BTreeMap::new(),
        note: Some(format!("{note}; site {site_id}")),
        ..New::default()
    };
    ledger::append(conn, now, first)?;
    expect(conn)
}

/// Remembers that a license was seen: from now on there is no trial.
///
/// # Errors
/// Of the database only.
pub fn licensed(conn: &mut AnyConn, now: Millis) -> Result<()> {
    if expect(conn)?.licensed {
        return Ok(());
    }
    diesel::update(license_site::table).set(license_site::licensed.eq(true)).execute(conn)?;
    // A trial's time is no measure any more.
    lived::reset(conn, now)
}
