//! The time for trying the product out, in an API without a license server: once in the life of its database.

use crate::error::Result;
use crate::schema::license_site;
use crate::{lived, row};
use diesel::prelude::*;
use oz_domain::Millis;
use oz_store::AnyConn;

/// How far clocks may differ, milliseconds.
const SKEW: i64 = 300_000;

/// Begins the trial where no license was ever seen and none has begun. Moves its begin, once, when the clock was ahead at the
/// first start; how long it may last all the same is bound by how long the site has run.
///
/// # Errors
/// Of the database only.
pub fn begin_trial(conn: &mut AnyConn, now: Millis) -> Result<()> {
    let row = row::expect(conn)?;
    if row.licensed {
        return Ok(());
    }
    let moves = match row.trial_started {
        None => false,
        Some(started) if now.get() < started.saturating_sub(SKEW) && !row.trial_moved => true,
        Some(_) => return Ok(()),
    };
    diesel::update(license_site::table)
        .set((license_site::trial_started.eq(Some(now.get())), license_site::trial_moved.eq(moves)))
        .execute(conn)?;
    lived::reset(conn, now)
}
