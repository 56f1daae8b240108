//! Phones, by a hash that they make of themselves: counted, never refused.

use crate::error::Result;
use crate::leases::valid;
use crate::schema::license_devices;
use crate::usage;
use diesel::prelude::*;
use oz_domain::Millis;
use oz_store::{AnyConn, each};
use std::collections::BTreeMap;

/// Where their number is kept, beside the sums of what was used: a row to read instead of a table to count. No period has
/// such a name or one as long.
const KEPT: &str = "all-devices";
const WORD: &str = "devices";
/// The license that nothing is used under.
pub(crate) const NOBODY: &str = "";

/// Remembers a phone. `true` when it is new.
///
/// # Errors
/// [`crate::Refused::Value`] for what is no hash.
pub fn note_device(conn: &mut AnyConn, device_hash: &str, now: Millis) -> Result<bool> {
    valid("device_hash", device_hash)?;
    let row = (license_devices::device_hash.eq(device_hash), license_devices::time_seen.eq(now.get()));
    let new =
        each!(conn, c => diesel::insert_into(license_devices::table).values(row).on_conflict_do_nothing().execute(c))?;
    if new == 1 {
        usage::add(conn, NOBODY, &[KEPT.to_owned()], &BTreeMap::from([(WORD.to_owned(), 1)]))?;
    }
    Ok(new == 1)
}

pub(crate) fn count(conn: &mut AnyConn) -> Result<i64> {
    Ok(usage::sums(conn, NOBODY, KEPT)?.get(WORD).copied().unwrap_or(0))
}
