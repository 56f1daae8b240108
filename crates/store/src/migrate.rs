//! Bringing the database to the form this program knows.

use crate::conn::{Purpose, Transaction};
use crate::{AnyConn, Error, Result};
use diesel::connection::SimpleConnection as _;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use std::collections::BTreeSet;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Any constant of ours: all programs that migrate this database ask for the same lock. The session's own limits are for
/// requests; a migration, and the wait for another program's, may take long.
const LOCK: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
    SELECT pg_advisory_lock(7957614812312)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(7957614812312)";

/// Does `work` in one transaction, while no other program migrates: all of it or nothing. Afterwards PostgreSQL's session
/// has its `limits` again.
pub(crate) fn alone<T>(conn: &mut AnyConn, limits: &str, work: impl FnOnce(&mut AnyConn) -> Result<T>) -> Result<T> {
    // SQLite's transaction holds the only write lock. PostgreSQL's must begin after the lock is ours, or it would not
    // see what the one before us did. A connection that breaks gives the lock back.
    if let AnyConn::Pg(c) = conn {
        c.batch_execute(LOCK)?;
    }
    let done = Transaction::begin(conn, Purpose::Write).and_then(|mut transaction| {
        let value = work(transaction.conn())?;
        transaction.commit()?;
        Ok(value)
    });
    let again = match conn {
        AnyConn::Pg(c) => c.batch_execute(UNLOCK).and_then(|()| c.batch_execute(limits)),
        AnyConn::Sqlite(_) => Ok(()),
    };
    let value = done?;
    again?;
    Ok(value)
}

/// Runs what is missing. Gives the names of what ran.
pub(crate) fn up(conn: &mut AnyConn) -> Result<Vec<String>> {
    refuse_newer(conn)?;
    let ran = match conn {
        AnyConn::Pg(c) => c.run_pending_migrations(POSTGRES).map(|v| v.iter().map(ToString::to_string).collect()),
        AnyConn::Sqlite(c) => c.run_pending_migrations(SQLITE).map(|v| v.iter().map(ToString::to_string).collect()),
    };
    ran.map_err(|e| Error::Schema(format!("a migration failed: {e}")))
}

/// Undoes everything. For development and tests.
pub(crate) fn down(conn: &mut AnyConn) -> Result<()> {
    let undone = match conn {
        AnyConn::Pg(c) => c.revert_all_migrations(POSTGRES).map(|_| ()),
        AnyConn::Sqlite(c) => c.revert_all_migrations(SQLITE).map(|_| ()),
    };
    undone.map_err(|e| Error::Schema(format!("a migration could not be undone: {e}")))
}

/// Names of migrations that have not run. In a write transaction: the list of those that ran is a table, made if missing.
pub(crate) fn pending(conn: &mut AnyConn) -> Result<Vec<String>> {
    let (known, applied) = (known(conn)?, applied(conn)?);
    Ok(known.difference(&applied).cloned().collect())
}

fn refuse_newer(conn: &mut AnyConn) -> Result<()> {
    let (known, applied) = (known(conn)?, applied(conn)?);
    match applied.difference(&known).next() {
        None => Ok(()),
        Some(name) => Err(Error::Schema(format!(
            "the database was migrated by a newer version of this program (migration {name}): install that version"
        ))),
    }
}

fn known(conn: &AnyConn) -> Result<BTreeSet<String>> {
    let names = match conn {
        AnyConn::Pg(_) => MigrationSource::<Pg>::migrations(&POSTGRES)
            .map(|v| v.iter().map(|m| m.name().version().to_string()).collect()),
        AnyConn::Sqlite(_) => MigrationSource::<Sqlite>::migrations(&SQLITE)
            .map(|v| v.iter().map(|m| m.name().version().to_string()).collect()),
    };
    names.map_err(|e| Error::Schema(e.to_string()))
}

fn applied(conn: &mut AnyConn) -> Result<BTreeSet<String>> {
    let versions = match conn {
        AnyConn::Pg(c) => c.applied_migrations(),
        AnyConn::Sqlite(c) => c.applied_migrations(),
    };
    Ok(versions.map_err(|e| Error::Schema(e.to_string()))?.iter().map(ToString::to_string).collect())
}
