//! Opening connections, and keeping them.

use crate::url::Address;
use crate::{AnyConn, Options, limit};
use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::r2d2::{self, ManageConnection, Pool, PooledConnection, R2D2Connection as _};
use diesel::{PgConnection, SqliteConnection};
use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long PostgreSQL waits for a lock.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// How long PostgreSQL lets a transaction do nothing.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// A connection on loan.
pub(crate) type Loan = PooledConnection<Opener>;

/// Opens connections of one kind.
pub(crate) struct Opener {
    address: Address,
    /// Statements that make a fresh connection ours, in order.
    settings: Vec<String>,
}

impl Opener {
    pub(crate) fn new(address: Address, options: &Options, read_only: bool) -> Self {
        let mut settings = match address {
            Address::Postgres(_) => vec![session(options)],
            Address::Sqlite(_) => pragmas(options),
        };
        if read_only {
            settings.push("PRAGMA query_only = ON".to_owned());
        }
        Self { address, settings }
    }
}

/// Limits of a PostgreSQL session: a query that runs away, a lock that is never given back, a transaction that its owner
/// forgot must not hold connections until none is left.
pub(crate) fn session(options: &Options) -> String {
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
        millis(options.query_limit),
        millis(LOCK_LIMIT),
        millis(IDLE_LIMIT)
    )
}

/// At least 1 (0 is no limit to PostgreSQL), at most what it takes.
fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX).max(1)
}

fn pragmas(options: &Options) -> Vec<String> {
    vec![
        format!("PRAGMA busy_timeout = {}", options.busy_timeout.as_millis()),
        "PRAGMA journal_mode = WAL".to_owned(),
        format!("PRAGMA synchronous = {}", if options.flush { "FULL" } else { "NORMAL" }),
        "PRAGMA foreign_keys = ON".to_owned(),
        "PRAGMA wal_autocheckpoint = 1000".to_owned(),
        // What is deleted is overwritten, so that erasure reaches free pages too (decision 26).
        "PRAGMA secure_delete = ON".to_owned(),
        "PRAGMA temp_store = MEMORY".to_owned(),
        "PRAGMA cache_size = -8192".to_owned(),
        "PRAGMA mmap_size = 268435456".to_owned(),
    ]
}

impl ManageConnection for Opener {
    type Connection = AnyConn;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<AnyConn, r2d2::Error> {
        match &self.address {
            Address::Postgres(url) => {
                let mut conn = PgConnection::establish(url).map_err(r2d2::Error::ConnectionError)?;
                self.settings.iter().try_for_each(|s| conn.batch_execute(s)).map_err(r2d2::Error::QueryError)?;
                Ok(AnyConn::Pg(conn))
            }
            Address::Sqlite(path) => {
                let bad = |e: String| r2d2::Error::ConnectionError(diesel::ConnectionError::BadConnection(e));
                made_private(path).map_err(|e| bad(e.to_string()))?;
                let path = path.to_str().ok_or_else(|| bad("the path is not UTF-8".to_owned()))?;
                limit::install();
                let mut conn = SqliteConnection::establish(path).map_err(r2d2::Error::ConnectionError)?;
                self.settings.iter().try_for_each(|s| conn.batch_execute(s)).map_err(r2d2::Error::QueryError)?;
                Ok(AnyConn::Sqlite(conn))
            }
        }
    }

    fn is_valid(&self, conn: &mut AnyConn) -> Result<(), r2d2::Error> {
        conn.ping().map_err(r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut AnyConn) -> bool {
        std::thread::panicking() || conn.is_broken()
    }
}

/// Makes the file with rights for its owner only; SQLite gives the log and the index beside it the same.
///
/// Only once in a process, and never opens a file that is there: closing any descriptor of a file drops every lock that
/// the process has on it (POSIX, `fcntl`), SQLite's too. Then another program takes itself for the last one and removes
/// the log, with all that was committed into it.
fn made_private(path: &Path) -> std::io::Result<()> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    match fs_err::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// A pool of `size` connections, opened when first needed.
pub(crate) fn pool(opener: Opener, size: u32, wait: Duration) -> Pool<Opener> {
    // A file does not go away; a server may have restarted since the connection was last used.
    let may_break = matches!(opener.address, Address::Postgres(_));
    Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(may_break)
        .connection_timeout(wait)
        .idle_timeout(None)
        .max_lifetime(None)
        .build_unchecked(opener)
}
