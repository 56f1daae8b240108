//! The time for trying the product out, in an API without a license server: once in the life of its database.

use crate::error::Result;
use crate::row;
use crate::schema::license_site;
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
    let set = (license_site::trial_started.eq(Some(now.get())), license_site::last_seen.eq(Some(now.get())));
    match row.trial_started {
        None => {
            diesel::update(license_site::table).set(set).execute(conn)?;
        }
        Some(started) if now.get() < started - SKEW && !row.trial_moved => {
            let moved = (license_site::trial_moved.eq(true), license_site::epoch.eq(row.epoch + 1));
            diesel::update(license_site::table).set((set, moved)).execute(conn)?;
        }
        Some(_) => {}
    }
    Ok(())
}
