//! A connection to either database, and the transactions on it.

#![expect(missing_docs, reason = "diesel's derive writes public items without any")]

use crate::{Error, Result};
use diesel::connection::{AnsiTransactionManager, Connection, SimpleConnection as _, TransactionManager};
use diesel::{PgConnection, SqliteConnection};

/// A connection to PostgreSQL or SQLite. Queries written on it run on both.
///
/// Opened by [`crate::Db`] only: the derived `establish` falls back from one database to the other, so that a PostgreSQL
/// that is down would become an SQLite file of that name.
#[derive(diesel::MultiConnection)]
pub enum AnyConn {
    /// PostgreSQL.
    Pg(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// Expands one body for each database, typed natively: for what [`AnyConn`] itself cannot say (upsert, batch insert,
/// native SQL).
#[macro_export]
macro_rules! each {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::AnyConn::Pg($c) => $body,
            $crate::AnyConn::Sqlite($c) => $body,
        }
    };
}

type Manager = <AnyConn as Connection>::TransactionManager;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// One consistent picture of everything; writes fail.
    Read,
    /// Alone (SQLite) or as if alone (PostgreSQL).
    Write,
}

/// An open transaction. Dropped without [`Transaction::commit`], also by a panic, it rolls back.
pub(crate) struct Transaction<'a> {
    conn: &'a mut AnyConn,
    open: bool,
}

impl<'a> Transaction<'a> {
    /// Begins; never inside another one.
    pub(crate) fn begin(conn: &'a mut AnyConn, purpose: Purpose) -> Result<Self> {
        let depth = Manager::transaction_manager_status_mut(conn).transaction_depth()?;
        if depth.is_some() {
            return Err(Error::Nested);
        }
        // SQLite refuses to promote a read snapshot that has become stale, at once and whatever the busy timeout, so a
        // writer takes the lock first. PostgreSQL's default level loses updates of read-then-write.
        match (&mut *conn, purpose) {
            (AnyConn::Sqlite(c), Purpose::Read) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN")?,
            (AnyConn::Sqlite(c), Purpose::Write) => {
                AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?
            }
            (AnyConn::Pg(c), Purpose::Read) => {
                AnsiTransactionManager::begin_transaction_sql(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            }
            (AnyConn::Pg(c), Purpose::Write) => {
                AnsiTransactionManager::begin_transaction_sql(c, "BEGIN ISOLATION LEVEL SERIALIZABLE")?;
            }
        }
        Ok(Self { conn, open: true })
    }

    /// The connection inside the transaction.
    pub(crate) fn conn(&mut self) -> &mut AnyConn {
        self.conn
    }

    /// Commits.
    ///
    /// # Errors
    /// Also when an earlier statement failed and somebody swallowed its error: PostgreSQL answers `COMMIT` of such a
    /// transaction with a silent rollback, so a statement that fails there travels with it.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.open = false;
        let done = match &mut *self.conn {
            // PostgreSQL tells that it is idle again, which diesel's own book follows.
            AnyConn::Pg(c) => c.batch_execute("SAVEPOINT still_alive; COMMIT"),
            AnyConn::Sqlite(_) => Manager::commit_transaction(self.conn),
        };
        if done.is_err() {
            self.open = true; // for the drop to roll back
        }
        Ok(done?)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // A connection that cannot even roll back is noticed by the pool and thrown away.
            let _ = Manager::rollback_transaction(self.conn);
        }
    }
}
