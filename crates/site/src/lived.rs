//! What the site has lived through, so that a clock that was turned back is seen.
//!
//! `last_seen` follows the machine's running time, not its clock: an hour in the year 2040 moves it by an hour. Only a start
//! takes one step, of at most [`STEP`], towards the clock; and not again before the site has run for an hour, so that a
//! program which restarts over and over in that hour does not walk away with it.

use crate::error::Result;
use crate::row::{self, Row};
use crate::schema::license_site;
use diesel::prelude::*;
use oz_domain::Millis;
use oz_store::AnyConn;
use std::time::Duration;

/// The longest step of a start.
pub const STEP: Duration = Duration::from_secs(24 * 3600);
/// How long the site runs from one step to the next.
const BETWEEN: Duration = Duration::from_secs(3600);

/// One life of the program: where it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lived {
    epoch: i64,
    /// `last_seen` at the begin, and how long the program had run then.
    seen: Option<i64>,
    at: Duration,
    /// What the site had run before.
    ran: i64,
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Lived {
    /// Begins a life: takes the step.
    ///
    /// # Errors
    /// Of the database only.
    pub fn begin(conn: &mut AnyConn, now: Millis) -> Result<Self> {
        let row = row::expect(conn)?;
        let seen = row.last_seen.map(|seen| {
            let rested = row.last_step.is_none_or(|step| seen.saturating_sub(step) >= millis(BETWEEN));
            if rested { now.get().clamp(seen, seen.saturating_add(millis(STEP))) } else { seen }
        });
        if seen != row.last_seen {
            diesel::update(license_site::table)
                .set((license_site::last_seen.eq(seen), license_site::last_step.eq(seen)))
                .execute(conn)?;
        }
        Ok(Self { epoch: row.epoch, seen, at: Duration::ZERO, ran: row.ran })
    }

    /// Tells that the program has run for `running`, by a clock that nobody turns.
    ///
    /// # Errors
    /// Of the database only.
    pub fn tick(self, conn: &mut AnyConn, running: Duration) -> Result<Self> {
        let row = row::expect(conn)?;
        let life = self.follow(&row, running);
        let ran = life.ran.saturating_add(millis(running)).max(row.ran);
        let seen =
            life.seen.map(|seen| seen.saturating_add(millis(running.saturating_sub(life.at)))).max(row.last_seen);
        diesel::update(license_site::table)
            .set((license_site::last_seen.eq(seen), license_site::ran.eq(ran)))
            .execute(conn)?;
        Ok(life)
    }

    /// The same life, unless somebody set the time anew meanwhile: then it counts from there.
    fn follow(self, row: &Row, running: Duration) -> Self {
        if row.epoch == self.epoch && self.seen.is_some() == row.last_seen.is_some() {
            return self;
        }
        Self { epoch: row.epoch, seen: row.last_seen, at: running, ran: self.ran }
    }
}

/// Sets the time anew, as a license of a higher revision does.
pub(crate) fn reset(conn: &mut AnyConn, to: Millis) -> Result<()> {
    diesel::update(license_site::table)
        .set((
            license_site::last_seen.eq(Some(to.get())),
            license_site::last_step.eq(None::<i64>),
            license_site::epoch.eq(license_site::epoch + 1),
        ))
        .execute(conn)?;
    Ok(())
}
