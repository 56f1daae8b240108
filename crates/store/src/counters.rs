//! Counters with a name and an end: failed log-ins, throttling (decisions 14, 15).
//!
//! Counting is one statement, so that nothing is lost between nodes. Names hold keyed hashes, never addresses; the caller
//! makes them.

use crate::schema::counters;
use crate::types::{Sql, row};
use crate::{AnyConn, Result, each};
use diesel::dsl::case_when;
use diesel::prelude::*;
use oz_domain::Millis;
use std::time::Duration;

row! {
    /// A counter.
    Counter in counters by (count) {
        /// What is counted.
        name: String,
        /// How often, since it started.
        count: i64,
        /// When it started; for [`Window::Sliding`] the last count.
        time_started: Millis as Sql,
        /// When it is forgotten.
        time_expires: Millis as Sql,
    }
}

/// When a counter starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// So long after its first count.
    Fixed(Duration),
    /// So long after its last count.
    Sliding(Duration),
}

/// Counts one more under `name`, or the first again when the old window is over.
///
/// # Errors
/// Of the database only.
pub fn hit(conn: &mut AnyConn, name: &str, now: Millis, window: Window) -> Result<Counter> {
    let now = now.get();
    // The old start and end stay while the old window lasts, unless every count moves them.
    let (life, lasts_beyond) = match window {
        Window::Fixed(life) => (life, now),
        Window::Sliding(life) => (life, i64::MAX),
    };
    let end = Millis::new(now).plus(life).get();
    let row = (
        counters::name.eq(name),
        counters::count.eq(1),
        counters::time_started.eq(now),
        counters::time_expires.eq(end),
    );
    Ok(each!(conn, c => diesel::insert_into(counters::table)
        .values(row)
        .on_conflict(counters::name)
        .do_update()
        .set((
            counters::count.eq(case_when(counters::time_expires.gt(now), counters::count + 1).otherwise(1)),
            counters::time_started
                .eq(case_when(counters::time_expires.gt(lasts_beyond), counters::time_started).otherwise(now)),
            counters::time_expires
                .eq(case_when(counters::time_expires.gt(lasts_beyond), counters::time_expires).otherwise(end)),
        ))
        .returning(counters::all_columns)
        .get_result(c))?)
}

/// Those of the named counters whose window lasts at `now`, in no order.
///
/// # Errors
/// Of the database only.
pub fn get(conn: &mut AnyConn, names: &[&str], now: Millis) -> Result<Vec<Counter>> {
    Ok(counters::table
        .filter(counters::name.eq_any(names.iter().map(ToString::to_string)))
        .filter(counters::time_expires.gt(now.get()))
        .select(Counter::as_select())
        .load(conn)?)
}

/// Forgets the named counters.
///
/// # Errors
/// Of the database only.
pub fn clear(conn: &mut AnyConn, names: &[&str]) -> Result<()> {
    let which = counters::table.filter(counters::name.eq_any(names.iter().map(ToString::to_string)));
    diesel::delete(which).execute(conn)?;
    Ok(())
}

/// Removes counters whose window is over; gives their number.
///
/// # Errors
/// Of the database only.
pub fn sweep(conn: &mut AnyConn, now: Millis) -> Result<usize> {
    Ok(diesel::delete(counters::table.filter(counters::time_expires.le(now.get()))).execute(conn)?)
}
