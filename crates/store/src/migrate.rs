//! Bringing the database to the form this program knows.

use crate::conn::{Purpose, Transaction};
use crate::{AnyConn, Error, Result};
use diesel::connection::SimpleConnection as _;
use diesel::migration::{self, Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use std::collections::BTreeSet;

/// A family of tables in all the forms it ever had, for both databases. Names of migrations are unique over all families
/// that share a database.
pub struct Migrations {
    /// For SQLite.
    pub sqlite: EmbeddedMigrations,
    /// For PostgreSQL.
    pub postgres: EmbeddedMigrations,
}

/// The tables of this crate.
pub static TABLES: Migrations =
    Migrations { sqlite: embed_migrations!("migrations/sqlite"), postgres: embed_migrations!("migrations/postgres") };

impl std::fmt::Debug for Migrations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Migrations")
    }
}

/// All families of a database.
pub(crate) type Families = &'static [&'static Migrations];

/// The same as one source: diesel takes what it finds in the database and does not know for unknown.
struct Union(Families);

impl MigrationSource<Sqlite> for Union {
    fn migrations(&self) -> migration::Result<Vec<Box<dyn Migration<Sqlite>>>> {
        let all = self.0.iter().map(|family| MigrationSource::<Sqlite>::migrations(&family.sqlite));
        Ok(all.collect::<migration::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

impl MigrationSource<Pg> for Union {
    fn migrations(&self) -> migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        let all = self.0.iter().map(|family| MigrationSource::<Pg>::migrations(&family.postgres));
        Ok(all.collect::<migration::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

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
pub(crate) fn up(conn: &mut AnyConn, families: Families) -> Result<Vec<String>> {
    refuse_newer(conn, families)?;
    let ran = match conn {
        AnyConn::Pg(c) => {
            c.run_pending_migrations(Union(families)).map(|v| v.iter().map(ToString::to_string).collect())
        }
        AnyConn::Sqlite(c) => {
            c.run_pending_migrations(Union(families)).map(|v| v.iter().map(ToString::to_string).collect())
        }
    };
    ran.map_err(|e| Error::Schema(format!("a migration failed: {e}")))
}

/// Undoes everything. For development and tests.
pub(crate) fn down(conn: &mut AnyConn, families: Families) -> Result<()> {
    let undone = match conn {
        AnyConn::Pg(c) => c.revert_all_migrations(Union(families)).map(|_| ()),
        AnyConn::Sqlite(c) => c.revert_all_migrations(Union(families)).map(|_| ()),
    };
    undone.map_err(|e| Error::Schema(format!("a migration could not be undone: {e}")))
}

/// Names of migrations that have not run. In a write transaction: the list of those that ran is a table, made if missing.
pub(crate) fn pending(conn: &mut AnyConn, families: Families) -> Result<Vec<String>> {
    let (known, applied) = (known(conn, families)?, applied(conn)?);
    Ok(known.difference(&applied).cloned().collect())
}

fn refuse_newer(conn: &mut AnyConn, families: Families) -> Result<()> {
    let (known, applied) = (known(conn, families)?, applied(conn)?);
    match applied.difference(&known).next() {
        None => Ok(()),
        Some(name) => Err(Error::Schema(format!(
            "the database was migrated by a newer version of this program (migration {name}): install that version"
        ))),
    }
}

fn known(conn: &AnyConn, families: Families) -> Result<BTreeSet<String>> {
    let names = match conn {
        AnyConn::Pg(_) => MigrationSource::<Pg>::migrations(&Union(families))
            .map(|v| v.iter().map(|m| m.name().version().to_string()).collect()),
        AnyConn::Sqlite(_) => MigrationSource::<Sqlite>::migrations(&Union(families))
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
