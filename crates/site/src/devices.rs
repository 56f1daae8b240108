//! Phones, by a hash that they make of themselves: counted, never refused.

use crate::error::Result;
use crate::leases::valid;
use crate::schema::license_devices;
use diesel::prelude::*;
use oz_domain::Millis;
use oz_store::{AnyConn, each};

/// Remembers a phone. `true` when it is new.
///
/// # Errors
/// [`crate::Refused::Value`] for what is no hash.
pub fn note_device(conn: &mut AnyConn, device_hash: &str, now: Millis) -> Result<bool> {
    valid("device_hash", device_hash)?;
    let row = (license_devices::device_hash.eq(device_hash), license_devices::time_seen.eq(now.get()));
    let new =
        each!(conn, c => diesel::insert_into(license_devices::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(new == 1)
}

pub(crate) fn count(conn: &mut AnyConn) -> Result<i64> {
    Ok(license_devices::table.count().get_result(conn)?)
}
