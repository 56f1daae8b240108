//! What the vendor is told, by hand: how much was used, and the ends of the ledger around it. No personal data, no host names.

use crate::error::{Refused, Result};
use crate::files::installed;
use crate::ledger::{self, Head};
use crate::row;
use crate::schema::license_ledger;
use crate::site::{Site, timestamp};
use crate::usage::Totals;
use crate::walk::Walk;
use diesel::dsl::count;
use diesel::prelude::*;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use oz_domain::Millis;
use oz_store::AnyConn;
use serde::{Deserialize, Serialize};

/// Entries that are read at once.
const STEP: u32 = 1000;

/// A report. Two of one site fit: the later one begins with the head that the earlier one ended with. If they do not, two
/// ledgers were kept under one key, or the clock was turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Names the ledger.
    pub site_id: String,
    /// The site's public key, hex.
    pub site_key: String,
    /// The license and its revision; empty and 0 without one.
    pub license_id: String,
    /// Its revision.
    pub revision: u32,
    /// The vendor's id of the customer.
    pub customer_id: String,
    /// `2026`, `2026-11` or `2026-11-25`.
    pub period: String,
    /// When the report was made.
    pub made_at: Timestamp,
    /// The end of the ledger before the period.
    pub from: Head,
    /// Its end with the period's last entry.
    pub to: Head,
    /// What was used by the entries themselves: of a year by months, else by days.
    pub totals: Totals,
    /// Nodes that wrote into the ledger.
    pub instances: i64,
    /// Phones seen so far.
    pub devices: i64,
}

/// Reports a year, a month or a day.
///
/// # Errors
/// [`Refused::Value`] for anything else; [`Refused::Ledger`]: nothing is reported of a ledger that was changed.
pub fn report(conn: &mut AnyConn, site: &Site, period: &str, now: Millis) -> Result<Report> {
    let (begin, end, from, to) = bounds(period)
        .ok_or(Refused::Value { field: "period", expected: "a year, month or day: `2026`, `2026-11`, `2026-11-25`" })?;
    let license = installed(conn, site)?.and_then(|file| file.license.ok());
    let claims = license.as_ref().map(|license| license.claims());
    let instances: i64 = license_ledger::table
        .filter(license_ledger::time.ge(begin))
        .filter(license_ledger::time.lt(end))
        .select(count(license_ledger::instance_id).aggregate_distinct())
        .first(conn)?;
    let before = ledger::head_at(conn, begin)?;
    let mut walk = Walk::from(before.clone());
    while !walk.step(conn, STEP)?? {}
    let mut totals = Totals::new();
    for ((_, period, feature), n) in walk.sums {
        if period.len() == from.len() && (&from..=&to).contains(&&period) && n != 0 {
            *totals.entry(period).or_default().entry(feature).or_default() += n;
        }
    }
    Ok(Report {
        site_id: row::expect(conn)?.site_id,
        site_key: hex::encode(site.key.verifying_key().as_bytes()),
        license_id: claims.map(|claims| claims.license_id.clone()).unwrap_or_default(),
        revision: claims.map_or(0, |claims| claims.revision),
        customer_id: claims.map(|claims| claims.customer.id.clone()).unwrap_or_default(),
        period: period.to_owned(),
        made_at: timestamp(now),
        from: before,
        to: ledger::head_before(conn, end)?,
        totals,
        instances,
        devices: crate::devices::count(conn)?,
    })
}

/// Begin and end of a period in milliseconds, and the first and last name of the periods that it is told by.
fn bounds(period: &str) -> Option<(i64, i64, String, String)> {
    let (first, length, from, to): (Date, Span, String, String) = match period.len() {
        4 => (
            format!("{period}-01-01").parse().ok()?,
            Span::new().years(1),
            format!("{period}-01"),
            format!("{period}-12"),
        ),
        7 => (
            format!("{period}-01").parse().ok()?,
            Span::new().months(1),
            format!("{period}-01"),
            format!("{period}-31"),
        ),
        10 => (period.parse().ok()?, Span::new().days(1), period.to_owned(), period.to_owned()),
        _ => return None,
    };
    let at = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond());
    Some((at(first)?, at(first.checked_add(length).ok()?)?, from, to))
}
