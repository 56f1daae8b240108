//! What nodes used.

use crate::error::{Refused, Result};
use crate::leases::valid;
use crate::ledger::{self, Kind, New};
use crate::schema::license_totals;
use crate::site::Site;
use crate::standing::standing;
use crate::{files, period};
use diesel::prelude::*;
use oz_domain::Millis;
use oz_license::Feature;
use oz_store::{AnyConn, each};
use std::collections::BTreeMap;

/// Most analyses of one kind in a batch: far more than a node computes between two of them, far less than overflows a sum.
const MOST: i64 = 1_000_000_000;

/// What a node used since its batch before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The node's number of it, from 1.
    pub seq: i64,
    /// Its random name.
    pub id: String,
    /// Analyses.
    pub counts: BTreeMap<Feature, i64>,
}

/// Sums by period and feature.
pub type Totals = BTreeMap<String, BTreeMap<String, i64>>;

/// Counts from the words of the wire.
///
/// # Errors
/// [`Refused::Value`] for a word that is no feature.
pub fn counts_of(words: &BTreeMap<String, i64>) -> Result<BTreeMap<Feature, i64>> {
    let read = |(word, n): (&String, &i64)| {
        let feature = Feature::ALL.into_iter().find(|feature| feature.as_str() == word);
        feature
            .map(|feature| (feature, *n))
            .ok_or(Refused::Value { field: "counts", expected: "features of the license" })
    };
    words.iter().map(read).collect()
}

/// Writes what a node used into the ledger, once for each batch, however often it is told and under whichever name and
/// number. Gives what is left.
///
/// What is used is counted whatever the license is worth by now: it was used.
///
/// # Errors
/// [`Refused::OtherBatch`] when the number was used for another batch; [`Refused::Value`].
pub fn use_up(
    conn: &mut AnyConn,
    site: &Site,
    instance_id: &str,
    batch: &Batch,
    now: Millis,
    present: bool,
) -> Result<Option<i64>> {
    valid("instance_id", instance_id)?;
    valid("batch", &batch.id)?;
    if batch.seq < 1 {
        return Err(Refused::Value { field: "seq", expected: "1 or more" });
    }
    // One of nothing would be an entry for nothing.
    if batch.counts.values().any(|n| !(0..=MOST).contains(n)) || batch.counts.values().all(|n| *n == 0) {
        return Err(Refused::Value { field: "counts", expected: "0 to 1000000000 each, not all of them 0" });
    }
    let standing = standing(conn, site, now, present)?;
    let counts: BTreeMap<String, i64> =
        batch.counts.iter().map(|(feature, n)| (feature.as_str().to_owned(), *n)).collect();
    // Under another name of the same node, too: it was renamed before it heard the answer.
    if ledger::of_batch(conn, &batch.id)?.iter().any(|entry| entry.says(&counts)) {
        return Ok(standing.left);
    }
    if ledger::has_number(conn, instance_id, batch.seq)? {
        return Err(Refused::OtherBatch);
    }
    // Whoever takes the file away for the moment of counting must not get the volume for it.
    let license_id = files::counts_for(conn)?.unwrap_or_else(|| standing.license_id());
    let entry = New {
        kind: Kind::Usage,
        license_id: license_id.clone(),
        instance_id: Some(instance_id.to_owned()),
        batch: Some((batch.seq, batch.id.clone())),
        counts: counts.clone(),
        note: None,
    };
    let entry = ledger::append(conn, now, entry)?;
    add(conn, &license_id, &period::names(Millis::new(entry.time)), &counts)?;
    Ok(standing.left.map(|left| left - counts.values().sum::<i64>()))
}

/// Adds to the sums.
pub(crate) fn add(
    conn: &mut AnyConn,
    license_id: &str,
    periods: &[String],
    counts: &BTreeMap<String, i64>,
) -> Result<()> {
    for period in periods {
        for (feature, n) in counts.iter().filter(|(_, n)| **n != 0) {
            let row = (
                license_totals::license_id.eq(license_id),
                license_totals::period.eq(period),
                license_totals::feature.eq(feature),
                license_totals::n.eq(n),
            );
            each!(&mut *conn, c => diesel::insert_into(license_totals::table)
                .values(row)
                .on_conflict((license_totals::license_id, license_totals::period, license_totals::feature))
                .do_update()
                .set(license_totals::n.eq(license_totals::n + n))
                .execute(c))?;
        }
    }
    Ok(())
}

/// Sums of a period and of those after it: what was used while the clock was ahead is used, and a clock that goes forth and
/// back refills nothing.
pub(crate) fn sums(conn: &mut AnyConn, license_id: &str, period: &str) -> Result<BTreeMap<String, i64>> {
    let rows: Vec<(String, String, i64)> = license_totals::table
        .filter(license_totals::license_id.eq(license_id))
        .filter(license_totals::period.ge(period))
        .select((license_totals::period, license_totals::feature, license_totals::n))
        .load(conn)?;
    let mut sums = BTreeMap::new();
    for (_, feature, n) in rows.into_iter().filter(|(named, _, _)| named.len() == period.len()) {
        *sums.entry(feature).or_default() += n;
    }
    sums.retain(|_, n| *n != 0);
    Ok(sums)
}

/// Sums of all licenses from one period to another, both named alike (`2026-11-25`, `2026-11` or `2026`) and included.
///
/// # Errors
/// [`Refused::Value`] for what names nothing.
pub fn totals(conn: &mut AnyConn, from: &str, to: &str) -> Result<Totals> {
    valid("from", from)?;
    valid("to", to)?;
    let rows: Vec<(String, String, i64)> = license_totals::table
        .filter(license_totals::period.ge(from))
        .filter(license_totals::period.le(to))
        .select((license_totals::period, license_totals::feature, license_totals::n))
        .load(conn)?;
    let mut found = Totals::new();
    for (period, feature, n) in rows.into_iter().filter(|(period, _, n)| period.len() == from.len() && *n != 0) {
        *found.entry(period).or_default().entry(feature).or_default() += n;
    }
    Ok(found)
}
