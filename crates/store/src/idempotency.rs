//! First answers to requests that carry an `Idempotency-Key` (decision 31).

use crate::schema::idempotency_keys as keys;
use crate::types::{Sql, row};
use crate::{AnyConn, Result};
use diesel::prelude::*;
use oz_domain::{FolderId, Millis, UserId};

row! {
    /// A key that was used, and the answer once there is one.
    Key in idempotency_keys by (user_id) {
        /// Whose key.
        user_id: UserId as Sql,
        /// The key itself; the caller bounds its length.
        key: String,
        /// Method and path of the request.
        request: String,
        /// SHA-256 of what was asked.
        body_hash: Vec<u8>,
        /// The folder that the answer speaks of; the answer goes with it.
        folder_id: Option<FolderId> as Sql,
        /// Status of the first answer.
        status: Option<i32>,
        /// Body of the first answer.
        answer: Option<String>,
        /// When the key was first used.
        time_created: Millis as Sql,
        /// When it is forgotten.
        time_expires: Millis as Sql,
    }
}

/// What a key means for a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Begin {
    /// First use: go on, then [`finish`].
    New,
    /// The first request has not been answered yet.
    Running,
    /// The first answer.
    Answered {
        /// Its status.
        status: i32,
        /// Its body.
        answer: String,
    },
    /// The key was used for another request.
    Other,
}

/// The key of a user, if it is known at `now`.
///
/// # Errors
/// Of the database only.
pub fn get(conn: &mut AnyConn, user: UserId, key: &str, now: Millis) -> Result<Option<Key>> {
    Ok(keys::table
        .filter(keys::user_id.eq(Sql(user)))
        .filter(keys::key.eq(key))
        .filter(keys::time_expires.gt(Sql(now)))
        .select(Key::as_select())
        .first(conn)
        .optional()?)
}

/// Claims a key, or tells what it stands for. `new` carries no answer.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when the user is gone.
pub fn begin(conn: &mut AnyConn, new: &Key, now: Millis) -> Result<Begin> {
    if let Some(old) = get(conn, new.user_id, &new.key, now)? {
        if old.request != new.request || old.body_hash != new.body_hash {
            return Ok(Begin::Other);
        }
        return Ok(match (old.status, old.answer) {
            (Some(status), Some(answer)) => Begin::Answered { status, answer },
            _ => Begin::Running,
        });
    }
    forget(conn, new.user_id, &new.key)?; // one that has expired
    diesel::insert_into(keys::table).values(new.storable()?).execute(conn)?;
    Ok(Begin::New)
}

/// Stores the first answer. `false` when the key is gone: its folder was erased meanwhile.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when the folder is gone.
pub fn finish(
    conn: &mut AnyConn,
    user: UserId,
    key: &str,
    folder: Option<FolderId>,
    status: i32,
    answer: &str,
) -> Result<bool> {
    let changed = diesel::update(keys::table.filter(keys::user_id.eq(Sql(user))).filter(keys::key.eq(key)))
        .set((keys::folder_id.eq(Sql(folder)), keys::status.eq(Some(status)), keys::answer.eq(Some(answer))))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Gives a key free: its request failed, and may be tried again.
///
/// # Errors
/// Of the database only.
pub fn forget(conn: &mut AnyConn, user: UserId, key: &str) -> Result<()> {
    diesel::delete(keys::table.filter(keys::user_id.eq(Sql(user))).filter(keys::key.eq(key))).execute(conn)?;
    Ok(())
}

/// Removes expired keys; gives their number.
///
/// # Errors
/// Of the database only.
pub fn sweep(conn: &mut AnyConn, now: Millis) -> Result<usize> {
    Ok(diesel::delete(keys::table.filter(keys::time_expires.le(Sql(now)))).execute(conn)?)
}
