//! Sessions: who is logged in, with which token, until when (decision 9).
//!
//! A refresh makes a new session of the same family. The old one lives until the new one is used for the first time
//! ([`touch`]); an expire token that comes back after that was stolen, and the whole family ends.

use crate::page::listed;
use crate::schema::{sessions, users};
use crate::types::{Sql, row};
use crate::{AnyConn, Listed, MultiBackend, Page, Result, TimeRange, Viewer};
use diesel::prelude::*;
use oz_domain::{CompanyId, Millis, SessionKind, TokenId, UserId};

row! {
    /// A session.
    Session in sessions by (id) {
        /// The token's id.
        id: TokenId as Sql,
        /// Whose it is.
        user_id: UserId as Sql,
        /// What it is for.
        kind: SessionKind as Sql,
        /// The first session of this chain of refreshes; its own id for a log-in.
        family: TokenId as Sql,
        /// The session that this one replaces, until this one is used.
        predecessor: Option<TokenId> as Sql,
        /// Whether a successor was issued.
        rotated: bool,
        /// SHA-256 of the expire token, when there is one.
        expire_hash: Option<Vec<u8>>,
        /// When it was issued.
        time_created: Millis as Sql,
        /// When it was last used, as far as it was written.
        time_seen: Millis as Sql,
        /// When it ends.
        time_expires: Millis as Sql,
        /// When it was ended early.
        time_revoked: Option<Millis> as Sql,
    }
}

impl Session {
    /// A session that begins a family and cannot be refreshed.
    pub const fn new(id: TokenId, user_id: UserId, kind: SessionKind, now: Millis, time_expires: Millis) -> Self {
        Self {
            id,
            user_id,
            kind,
            family: id,
            predecessor: None,
            rotated: false,
            expire_hash: None,
            time_created: now,
            time_seen: now,
            time_expires,
            time_revoked: None,
        }
    }

    pub(crate) const fn times(&self) -> (Millis, Millis) {
        (self.time_created, self.time_seen)
    }

    /// Whether the session counts at `now`.
    pub fn is_live(&self, now: Millis) -> bool {
        self.time_revoked.is_none() && now < self.time_expires
    }
}

/// What came of a refresh.
#[derive(Debug, Clone, PartialEq)]
pub enum Rotation {
    /// The successor is stored.
    Done(Session),
    /// The session had ended, or its family had; nothing is stored.
    Ended,
    /// The expire token was used after its successor was: the whole family has been ended.
    Reused,
}

/// Stores a new session.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when the user is gone.
pub fn insert(conn: &mut AnyConn, session: &Session) -> Result<()> {
    diesel::insert_into(sessions::table).values(session.clone()).execute(conn)?;
    Ok(())
}

/// The session with this id, whatever its state.
///
/// # Errors
/// [`crate::Error::NotFound`].
pub fn get(conn: &mut AnyConn, id: TokenId) -> Result<Session> {
    Ok(sessions::table.filter(sessions::id.eq(Sql(id))).select(Session::as_select()).first(conn)?)
}

/// The session and its user in one query: what every request needs.
///
/// # Errors
/// [`crate::Error::NotFound`].
pub fn get_with_user(conn: &mut AnyConn, id: TokenId) -> Result<(Session, crate::users::User)> {
    Ok(sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(Sql(id)))
        .select((Session::as_select(), crate::users::User::as_select()))
        .first(conn)?)
}

/// The session with this hash of an expire token, whatever its state.
///
/// # Errors
/// [`crate::Error::NotFound`].
pub fn by_expire_hash(conn: &mut AnyConn, hash: &[u8]) -> Result<Session> {
    Ok(sessions::table.filter(sessions::expire_hash.eq(hash)).select(Session::as_select()).first(conn)?)
}

/// Notes a use: moves the end to `expires` if that is later, and ends the session that this one replaces.
///
/// # Errors
/// [`crate::Error::NotFound`] when the session is gone or ended.
pub fn touch(conn: &mut AnyConn, id: TokenId, now: Millis, expires: Millis) -> Result<Session> {
    let mut session = get(conn, id)?;
    if !session.is_live(now) {
        return Err(crate::Error::NotFound);
    }
    if let Some(old) = session.predecessor.take() {
        end(conn, sessions::table.filter(sessions::id.eq(Sql(old))).into_boxed(), now)?;
    }
    session.time_seen = now;
    session.time_expires = session.time_expires.max(expires);
    diesel::update(sessions::table.filter(sessions::id.eq(Sql(id))))
        .set((
            sessions::predecessor.eq(None::<String>),
            sessions::time_seen.eq(Sql(session.time_seen)),
            sessions::time_expires.eq(Sql(session.time_expires)),
        ))
        .execute(conn)?;
    Ok(session)
}

/// Replaces the session `old` by `successor`, whose family and predecessor are set here. May be repeated until a
/// successor was used: the answer may have been lost on the way.
///
/// # Errors
/// [`crate::Error::NotFound`] when there is no session `old`.
pub fn rotate(conn: &mut AnyConn, old: TokenId, successor: &Session, now: Millis) -> Result<Rotation> {
    let before = get(conn, old)?;
    if before.rotated && before.time_revoked.is_some() {
        end(conn, sessions::table.filter(sessions::family.eq(Sql(before.family))).into_boxed(), now)?;
        return Ok(Rotation::Reused);
    }
    if !before.is_live(now) {
        return Ok(Rotation::Ended);
    }
    // A successor that was never used gives way to this one.
    end(conn, sessions::table.filter(sessions::predecessor.eq(Sql(Some(old)))).into_boxed(), now)?;
    let mut after = successor.clone();
    after.family = before.family;
    after.predecessor = Some(old);
    after.user_id = before.user_id;
    insert(conn, &after)?;
    diesel::update(sessions::table.filter(sessions::id.eq(Sql(old)))).set(sessions::rotated.eq(true)).execute(conn)?;
    Ok(Rotation::Done(after))
}

/// Ends one session with what came of it. Gives the ids that ended.
///
/// # Errors
/// [`crate::Error::NotFound`], also for one that the viewer may not see.
pub fn revoke(conn: &mut AnyConn, viewer: Viewer, id: TokenId, now: Millis) -> Result<Vec<TokenId>> {
    let session: Session = visible(viewer).filter(sessions::id.eq(Sql(id))).select(Session::as_select()).first(conn)?;
    end(conn, sessions::table.filter(sessions::family.eq(Sql(session.family))).into_boxed(), now)
}

/// Ends all sessions of a user, but for the family of `keep`. Gives the ids that ended.
///
/// # Errors
/// Of the database only.
pub fn revoke_user(conn: &mut AnyConn, user: UserId, keep: Option<TokenId>, now: Millis) -> Result<Vec<TokenId>> {
    let mut which = sessions::table.filter(sessions::user_id.eq(Sql(user))).into_boxed();
    if let Some(keep) = keep {
        let family = get(conn, keep)?.family;
        which = which.filter(sessions::family.ne(Sql(family)));
    }
    end(conn, which, now)
}

/// Ends all sessions of a company's users. Gives the ids that ended.
pub(crate) fn revoke_company(conn: &mut AnyConn, company: CompanyId, now: Millis) -> Result<Vec<TokenId>> {
    end(conn, visible(Viewer::Company(company)), now)
}

fn end(conn: &mut AnyConn, which: sessions::BoxedQuery<'static, MultiBackend>, now: Millis) -> Result<Vec<TokenId>> {
    let ids: Vec<Sql<TokenId>> = which.filter(sessions::time_revoked.is_null()).select(sessions::id).load(conn)?;
    let ids: Vec<TokenId> = ids.into_iter().map(|id| id.0).collect();
    diesel::update(sessions::table.filter(sessions::id.eq_any(ids.iter().map(ToString::to_string))))
        .set(sessions::time_revoked.eq(Sql(Some(now))))
        .execute(conn)?;
    Ok(ids)
}

fn visible(viewer: Viewer) -> sessions::BoxedQuery<'static, MultiBackend> {
    let query = sessions::table.into_boxed();
    match viewer {
        Viewer::All => query,
        Viewer::Company(company) => query.filter(
            sessions::user_id.eq_any(users::table.filter(users::company_id.eq(Sql(company))).select(users::id)),
        ),
        Viewer::Own { user, .. } => query.filter(sessions::user_id.eq(Sql(user))),
        Viewer::Nobody => query.filter(sessions::id.is_null()),
    }
}

/// Sessions that count at `now`, of these users (none: of all) and of a time if asked so.
///
/// # Errors
/// [`crate::Error::Cursor`].
pub fn list(
    conn: &mut AnyConn,
    viewer: Viewer,
    whose: &[UserId],
    created: TimeRange,
    now: Millis,
    page: &Page,
) -> Result<Listed<Session>> {
    let query = || {
        let mut query =
            visible(viewer).filter(sessions::time_revoked.is_null()).filter(sessions::time_expires.gt(Sql(now)));
        if !whose.is_empty() {
            query = query.filter(sessions::user_id.eq_any(whose.iter().map(ToString::to_string)));
        }
        if let Some(min) = created.min {
            query = query.filter(sessions::time_created.ge(Sql(min)));
        }
        if let Some(max) = created.max {
            query = query.filter(sessions::time_created.le(Sql(max)));
        }
        query
    };
    listed!(conn, page, Session by (sessions::time_created, sessions::time_seen, sessions::id), query())
}

/// Removes sessions that ended before `before`; until then they show that a token is reused. Gives their number.
///
/// # Errors
/// Of the database only.
pub fn sweep(conn: &mut AnyConn, before: Millis) -> Result<usize> {
    Ok(diesel::delete(sessions::table.filter(sessions::time_expires.lt(Sql(before)))).execute(conn)?)
}
