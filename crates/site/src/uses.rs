//! What a node used and the ledger does not have yet: written in the transaction that accepts an analysis, so that neither is
//! there without the other, and told to the ledger in numbered batches.

use crate::error::Result;
use crate::period;
use crate::schema::{license_nodes, license_uses};
use crate::usage::Batch;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oz_domain::Millis;
use oz_license::Feature;
use oz_store::{AnyConn, each};
use std::collections::BTreeMap;

/// Rows may be many when the ledger cannot be reached for days: the database sums them.
const SUM: &str = "CAST(COALESCE(SUM(n), 0) AS BIGINT)";
/// After how long of silence another node tells what a node used: it may have gone for good.
const SILENT: i64 = 3600 * 1000;
/// Whose takings-back wait for a use of anybody's: who takes back may never use anything itself.
const NOBODY: &str = "";

/// Takes back an analysis that failed by our own fault.
///
/// # Errors
/// Of the database only.
pub fn take_back(conn: &mut AnyConn, feature: Feature, now: Millis) -> oz_store::Result<()> {
    note(conn, NOBODY, feature, -1, now)
}

/// Drops takings-back that wait: what failed under one license refills no other one.
///
/// # Errors
/// Of the database only.
pub fn forget_taken_back(conn: &mut AnyConn) -> Result<()> {
    diesel::delete(license_uses::table.filter(license_uses::instance_id.eq(NOBODY))).execute(conn)?;
    Ok(())
}

/// Drops takings-back that wait since an earlier month: they refill no later one.
///
/// # Errors
/// Of the database only.
pub fn forget_last_months(conn: &mut AnyConn, now: Millis) -> Result<()> {
    let waiting = license_uses::table.filter(license_uses::instance_id.eq(NOBODY));
    diesel::delete(waiting.filter(license_uses::time_created.lt(period::month_of(now).get()))).execute(conn)?;
    Ok(())
}

/// Notes `n` analyses.
///
/// # Errors
/// Of the database only.
pub fn note(conn: &mut AnyConn, instance_id: &str, feature: Feature, n: i64, now: Millis) -> oz_store::Result<()> {
    diesel::insert_into(license_uses::table)
        .values((
            license_uses::id.eq(uuid::Uuid::now_v7().to_string()),
            license_uses::instance_id.eq(instance_id),
            license_uses::feature.eq(feature.as_str()),
            license_uses::n.eq(n),
            license_uses::time_created.eq(now.get()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Analyses of all nodes of this database that the ledger does not have yet.
///
/// # Errors
/// Of the database only.
pub fn pending(conn: &mut AnyConn) -> Result<i64> {
    let all = diesel::dsl::sql::<BigInt>(SUM);
    Ok(license_uses::table.select(all).first(conn)?)
}

/// Whose uses this node is to tell: its own, and those of nodes that have been silent for an hour.
///
/// # Errors
/// Of the database only.
pub fn to_tell(conn: &mut AnyConn, instance_id: &str, now: Millis) -> Result<Vec<String>> {
    let mut found: Vec<String> = license_uses::table
        .filter(license_uses::instance_id.ne(NOBODY))
        .select(license_uses::instance_id)
        .distinct()
        .load(conn)?;
    let awake: Vec<String> = license_nodes::table
        .filter(license_nodes::time_seen.gt(now.get() - SILENT))
        // Not one that was alive while the clock was ahead.
        .filter(license_nodes::time_seen.le(now.get() + SILENT))
        .select(license_nodes::instance_id)
        .load(conn)?;
    found.retain(|id| id == instance_id || !awake.contains(id));
    Ok(found)
}

/// Says that a node is alive.
///
/// # Errors
/// Of the database only.
pub fn alive(conn: &mut AnyConn, instance_id: &str, now: Millis) -> Result<()> {
    let row = (
        license_nodes::instance_id.eq(instance_id),
        license_nodes::next_seq.eq(1),
        license_nodes::time_seen.eq(now.get()),
    );
    each!(conn, c => diesel::insert_into(license_nodes::table)
        .values(row)
        .on_conflict(license_nodes::instance_id)
        .do_update()
        .set(license_nodes::time_seen.eq(now.get()))
        .execute(c))?;
    Ok(())
}

/// The batch to tell next: one that was numbered before, as it was, or a new one of all that is noted; none when there is
/// nothing. What was taken back and not used again waits.
///
/// # Errors
/// Of the database only.
pub fn batch(conn: &mut AnyConn, instance_id: &str) -> Result<Option<Batch>> {
    let mine = license_uses::table.filter(license_uses::instance_id.eq(instance_id));
    let numbered: Option<(Option<i64>, Option<String>)> = mine
        .filter(license_uses::batch_seq.is_not_null())
        .order(license_uses::batch_seq.asc())
        .select((license_uses::batch_seq, license_uses::batch))
        .first(conn)
        .optional()?;
    if let Some((Some(seq), Some(id))) = numbered {
        return Ok(Some(Batch { counts: sums(conn, instance_id, Some(seq))?, seq, id }));
    }
    let counts: BTreeMap<Feature, i64> = sums(conn, instance_id, None)?.into_iter().filter(|(_, n)| *n > 0).collect();
    if counts.is_empty() {
        return Ok(None);
    }
    let (seq, id) = (next_number(conn, instance_id)?, uuid::Uuid::now_v7().to_string());
    let words: Vec<&str> = counts.keys().map(|feature| feature.as_str()).collect();
    let new = license_uses::table
        .filter(license_uses::instance_id.eq(instance_id).or(license_uses::instance_id.eq(NOBODY)))
        .filter(license_uses::batch_seq.is_null())
        .filter(license_uses::feature.eq_any(words));
    diesel::update(new)
        .set((
            license_uses::instance_id.eq(instance_id),
            license_uses::batch_seq.eq(Some(seq)),
            license_uses::batch.eq(Some(&id)),
        ))
        .execute(conn)?;
    Ok(Some(Batch { seq, id, counts }))
}

/// The number of a node's next batch, given away by that.
fn next_number(conn: &mut AnyConn, instance_id: &str) -> Result<i64> {
    let next: Option<i64> =
        license_nodes::table.find(instance_id).select(license_nodes::next_seq).first(conn).optional()?;
    let seq = next.unwrap_or(1);
    let row = (
        license_nodes::instance_id.eq(instance_id),
        license_nodes::next_seq.eq(seq + 1),
        license_nodes::time_seen.eq(0),
    );
    each!(&mut *conn, c => diesel::insert_into(license_nodes::table)
        .values(row)
        .on_conflict(license_nodes::instance_id)
        .do_update()
        .set(license_nodes::next_seq.eq(seq + 1))
        .execute(c))?;
    Ok(seq)
}

fn sums(conn: &mut AnyConn, instance_id: &str, seq: Option<i64>) -> Result<BTreeMap<Feature, i64>> {
    let columns = (license_uses::feature, diesel::dsl::sql::<BigInt>(SUM));
    let all = license_uses::table.group_by(license_uses::feature).select(columns);
    let rows: Vec<(String, i64)> = match seq {
        Some(seq) => {
            all.filter(license_uses::instance_id.eq(instance_id)).filter(license_uses::batch_seq.eq(seq)).load(conn)?
        }
        None => all
            .filter(license_uses::instance_id.eq(instance_id).or(license_uses::instance_id.eq(NOBODY)))
            .filter(license_uses::batch_seq.is_null())
            .load(conn)?,
    };
    let mut sums = BTreeMap::new();
    for (word, n) in rows {
        if let Some(feature) = Feature::ALL.into_iter().find(|feature| feature.as_str() == word) {
            *sums.entry(feature).or_insert(0) += n;
        }
    }
    Ok(sums)
}

/// Forgets a batch that the ledger has.
///
/// # Errors
/// Of the database only.
pub fn settled(conn: &mut AnyConn, instance_id: &str, seq: i64) -> Result<()> {
    let told =
        license_uses::table.filter(license_uses::instance_id.eq(instance_id)).filter(license_uses::batch_seq.eq(seq));
    diesel::delete(told).execute(conn)?;
    Ok(())
}

/// Gives what a node with a shared identity noted to the identity it has now. A batch that was numbered gets a number of the
/// new name and keeps its own: the ledger may have it already, when only the answer was lost, and knows it by that.
///
/// # Errors
/// Of the database only.
pub fn rename(conn: &mut AnyConn, from: &str, to: &str) -> Result<()> {
    if from == to {
        return Ok(());
    }
    let noted = license_uses::table.filter(license_uses::instance_id.eq(from));
    let numbered: Vec<Option<i64>> = noted
        .filter(license_uses::batch_seq.is_not_null())
        .select(license_uses::batch_seq)
        .distinct()
        .order(license_uses::batch_seq.asc())
        .load(conn)?;
    for old in numbered {
        let seq = next_number(conn, to)?;
        diesel::update(noted.filter(license_uses::batch_seq.eq(old)))
            .set((license_uses::instance_id.eq(to), license_uses::batch_seq.eq(Some(seq))))
            .execute(conn)?;
    }
    diesel::update(noted).set(license_uses::instance_id.eq(to)).execute(conn)?;
    Ok(())
}
