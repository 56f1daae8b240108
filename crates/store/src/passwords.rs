//! Passwords: the change of one, those a user had before, and links that set a new one (decisions 12-14).

use crate::schema::{password_history, password_resets, users};
use crate::types::{Sql, row};
use crate::users::User;
use crate::{AnyConn, Error, Result};
use diesel::prelude::*;
use oz_domain::{Millis, UserId};

row! {
    /// A link that sets a new password, once.
    Reset in password_resets by (user_id) {
        /// SHA-256 of the token in the link.
        token_hash: Vec<u8>,
        /// Whose password.
        user_id: UserId as Sql,
        /// When it was made.
        time_created: Millis as Sql,
        /// When it is good for nothing any more.
        time_expires: Millis as Sql,
    }
}

row! {
    /// A password that a user had before.
    Former in password_history by (user_id) {
        /// Whose.
        user_id: UserId as Sql,
        /// When it was given up.
        time_created: Millis as Sql,
        /// Argon2id of it.
        password_hash: String,
    }
}

/// Replaces the password of `user`, as it was read before, by `hash`. Remembers the old one as the newest of `history`; links
/// that were mailed for it are good for nothing any more.
///
/// # Errors
/// [`Error::Conflict`] when the password is not the one that was read any more.
pub fn change(conn: &mut AnyConn, user: &User, hash: &str, history: u32, now: Millis) -> Result<()> {
    let old = users::table.filter(users::id.eq(Sql(user.id))).into_boxed();
    let old = match &user.password_hash {
        Some(hash) => old.filter(users::password_hash.eq(hash.clone())),
        None => old.filter(users::password_hash.is_null()),
    };
    let found: Option<Sql<UserId>> = old.select(users::id).first(conn).optional()?;
    if found.is_none() {
        return Err(Error::Conflict("users.password_hash".to_owned()));
    }
    diesel::update(users::table.filter(users::id.eq(Sql(user.id))))
        .set((users::password_hash.eq(Some(hash)), users::time_updated.eq(Sql(now))))
        .execute(conn)?;
    diesel::delete(password_resets::table.filter(password_resets::user_id.eq(Sql(user.id)))).execute(conn)?;
    if let Some(old) = user.password_hash.clone().filter(|_| history > 0) {
        let former = Former { user_id: user.id, time_created: now, password_hash: old };
        diesel::insert_into(password_history::table).values(former.storable()?).execute(conn)?;
    }
    forget(conn, user.id, history)
}

/// Takes back a link that sets a new password.
///
/// # Errors
/// Of the database only.
pub fn withdraw(conn: &mut AnyConn, user: UserId) -> Result<()> {
    diesel::delete(password_resets::table.filter(password_resets::user_id.eq(Sql(user)))).execute(conn)?;
    Ok(())
}

/// Removes all but the newest `keep` former passwords.
fn forget(conn: &mut AnyConn, user: UserId, keep: u32) -> Result<()> {
    let all = password_history::table.filter(password_history::user_id.eq(Sql(user)));
    let last: Option<i64> = all
        .order(password_history::time_created.desc())
        .offset(i64::from(keep))
        .limit(1)
        .select(password_history::time_created)
        .first(conn)
        .optional()?;
    if let Some(last) = last {
        let old = password_history::table
            .filter(password_history::user_id.eq(Sql(user)))
            .filter(password_history::time_created.le(last));
        diesel::delete(old).execute(conn)?;
    }
    Ok(())
}

/// Hashes of the newest `limit` former passwords.
///
/// # Errors
/// Of the database only.
pub fn former(conn: &mut AnyConn, user: UserId, limit: u32) -> Result<Vec<String>> {
    Ok(password_history::table
        .filter(password_history::user_id.eq(Sql(user)))
        .order(password_history::time_created.desc())
        .limit(i64::from(limit))
        .select(password_history::password_hash)
        .load(conn)?)
}

/// Stores a link; earlier ones of the same user are good for nothing any more.
///
/// # Errors
/// [`Error::Conflict`] with `foreign key` when the user is gone.
pub fn offer(conn: &mut AnyConn, reset: &Reset) -> Result<()> {
    diesel::delete(password_resets::table.filter(password_resets::user_id.eq(Sql(reset.user_id)))).execute(conn)?;
    diesel::insert_into(password_resets::table).values(reset.storable()?).execute(conn)?;
    Ok(())
}

/// The user whom a link that is good at `now` belongs to.
///
/// # Errors
/// [`Error::NotFound`].
pub fn offered(conn: &mut AnyConn, token_hash: &[u8], now: Millis) -> Result<User> {
    Ok(password_resets::table
        .inner_join(users::table)
        .filter(password_resets::token_hash.eq(token_hash))
        .filter(password_resets::time_expires.gt(Sql(now)))
        .select(User::as_select())
        .first(conn)?)
}

/// Removes links that are good for nothing any more; gives their number.
///
/// # Errors
/// Of the database only.
pub fn sweep(conn: &mut AnyConn, now: Millis) -> Result<usize> {
    Ok(diesel::delete(password_resets::table.filter(password_resets::time_expires.le(Sql(now)))).execute(conn)?)
}
