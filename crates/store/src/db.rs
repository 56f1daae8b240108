//! The one way to the database: [`Db::read`] and [`Db::write`].

use crate::conn::{Purpose, Transaction};
use crate::migrate::{Migrations, TABLES};
use crate::pool::{Loan, Opener, pool, session};
use crate::url::Address;
use crate::{AnyConn, Error, Result, WriteError, limit, migrate};
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::Pool;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How the database is opened. [`Options::default`] suits a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections to PostgreSQL, or readers of SQLite (which has exactly one writer besides).
    pub connections: u32,
    /// How long a caller waits for a connection before [`Error::Unavailable`].
    pub patience: Duration,
    /// How long SQLite waits for the lock of another process.
    pub busy_timeout: Duration,
    /// How long the database works for one caller before it breaks off with [`Error::Unavailable`]; migrations have no limit.
    pub query_limit: Duration,
    /// How often a write that lost against others is tried in all before [`Error::Busy`].
    pub attempts: u32,
    /// Whether SQLite waits for the disk at every commit: what was answered then outlives a failing power supply.
    pub flush: bool,
    /// The tables that the database has.
    pub families: &'static [&'static Migrations],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 8,
            patience: Duration::from_secs(5),
            busy_timeout: Duration::from_secs(5),
            query_limit: Duration::from_secs(30),
            attempts: 30,
            flush: false,
            families: OURS,
        }
    }
}

/// What a database has unless told otherwise.
static OURS: &[&Migrations] = &[&TABLES];

/// First and longest pause between two attempts of a write.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(250));

/// Which database is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// The database. Clones share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    backend: Backend,
    attempts: u32,
    families: &'static [&'static Migrations],
    /// Statement that limits a PostgreSQL session.
    limits: String,
    readers: Lane,
    writers: Lane,
}

/// A pool and as many permits as it has connections.
///
/// The permit is awaited before a blocking thread is taken, so that waiting requests do not fill the thread pool.
#[derive(Clone)]
struct Lane {
    pool: Pool<Opener>,
    permits: Arc<Semaphore>,
    patience: Duration,
    limit: Duration,
    size: u32,
}

/// Tables with what is said of persons.
const PERSONAL: &str =
    "VACUUM folders, folder_metadata, media, media_files, analyses, analysis_images, idempotency_keys, subject_keys";

impl Db {
    /// Opens the database at `url` (`sqlite:///path`, `sqlite:path`, `postgres://…`) and makes one connection to see
    /// that it can be reached. Migrates nothing.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Unavailable`].
    pub async fn open(url: &str, options: Options) -> Result<Self> {
        let address = Address::parse(url)?;
        let lane = |opener, size| Lane {
            pool: pool(opener, size, options.patience),
            permits: Arc::new(Semaphore::new(size as usize)),
            patience: options.patience,
            limit: options.query_limit,
            size,
        };
        let size = options.connections.max(1);
        let (backend, readers, writers) = match &address {
            Address::Sqlite(_) => (
                Backend::Sqlite,
                lane(Opener::new(address.clone(), &options, true), size),
                lane(Opener::new(address.clone(), &options, false), 1),
            ),
            Address::Postgres(_) => {
                let both = lane(Opener::new(address.clone(), &options, false), size);
                (Backend::Postgres, both.clone(), both)
            }
        };
        let (attempts, limits) = (options.attempts.max(1), session(&options));
        let db = Self(Arc::new(Inner { backend, attempts, families: options.families, limits, readers, writers }));
        // The writer first: it makes the file and its write-ahead log, which a reader could not.
        db.on(&db.0.writers, |_| Ok::<_, Error>(())).await?;
        Ok(db)
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// Runs `query` on one consistent picture of the database. Writing in it fails.
    ///
    /// The closure runs on a blocking thread; it must not touch network or files, and it runs to its end even when the
    /// caller goes away.
    ///
    /// # Errors
    /// What the closure says, or [`Error::Unavailable`].
    pub async fn read<T, E>(&self, query: impl FnOnce(&mut AnyConn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.on(&self.0.readers, move |conn| {
            let mut transaction = Transaction::begin(conn, Purpose::Read)?;
            let value = query(transaction.conn())?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }

    /// Runs `change` in a transaction, alone (SQLite) or as if alone (PostgreSQL), and commits unless it fails.
    ///
    /// It may run several times until it has won against others, so it does nothing but queries. When the caller goes
    /// away in the middle, the attempt under way may still commit.
    ///
    /// # Errors
    /// What the closure says; [`Error::Busy`] when others won every time; [`Error::Unavailable`], after which it is
    /// unknown whether the change took place if the connection broke while committing.
    pub async fn write<T, E>(
        &self,
        change: impl Fn(&mut AnyConn) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: WriteError,
    {
        let change = Arc::new(change);
        for attempt in 0..self.0.attempts {
            let change = Arc::clone(&change);
            let done: Result<T, E> = self
                .on(&self.0.writers, move |conn| {
                    let mut transaction = Transaction::begin(conn, Purpose::Write)?;
                    let value = change(transaction.conn())?;
                    transaction.commit()?;
                    Ok(value)
                })
                .await;
            match done {
                Err(e) if matches!(e.store(), Some(Error::Busy)) => pause(attempt).await,
                done => return done,
            }
        }
        Err(Error::Busy.into())
    }

    /// Runs statements that are each a transaction of their own: the queue's claim, which must not be repeated because
    /// others moved. Everything else goes through [`Db::write`].
    ///
    /// # Errors
    /// What the closure says, or [`Error::Unavailable`].
    pub async fn statement<T, E>(
        &self,
        statement: impl FnOnce(&mut AnyConn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.on(&self.0.writers, statement).await
    }

    /// Brings the database to the newest form; gives the names of the migrations that ran. Programs that start at once
    /// wait for each other.
    ///
    /// # Errors
    /// [`Error::Schema`] when a migration fails (then nothing changed) or the database is newer than this program.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        let families = self.0.families;
        self.migrating(move |conn| migrate::up(conn, families)).await
    }

    /// Names of migrations that have not run.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        let families = self.0.families;
        self.write(move |conn| migrate::pending(conn, families)).await
    }

    /// Removes every table. For development and tests.
    ///
    /// # Errors
    /// As [`Db::migrate`].
    pub async fn migrate_down(&self) -> Result<()> {
        let families = self.0.families;
        self.migrating(move |conn| migrate::down(conn, families)).await
    }

    /// Whether the database answers a query now.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn health(&self) -> Result<()> {
        self.read(|conn| Ok(diesel::sql_query("SELECT 1").execute(conn).map(|_| ())?)).await
    }

    /// Lets SQLite rebuild its statistics where they are stale; PostgreSQL does so by itself.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn optimize(&self) -> Result<()> {
        self.statement(|conn| match conn {
            AnyConn::Sqlite(c) => Ok(c.batch_execute("PRAGMA analysis_limit = 1000; PRAGMA optimize;")?),
            AnyConn::Pg(_) => Ok(()),
        })
        .await
    }

    /// Moves the write-ahead log into the file and empties it, so that nothing deleted stays in it (decision 26).
    ///
    /// # Errors
    /// As [`Db::write`]. [`Error::Busy`] when a reader holds the log.
    pub async fn checkpoint(&self) -> Result<()> {
        self.statement(|conn| match conn {
            AnyConn::Sqlite(c) => checkpoint(c),
            AnyConn::Pg(_) => Ok(()),
        })
        .await
    }

    /// Makes sure that deleted values are in no free page and in no log (decision 26): SQLite overwrites them when they are
    /// deleted and keeps them in its log until then; PostgreSQL keeps dead rows until it vacuums.
    ///
    /// # Errors
    /// As [`Db::checkpoint`].
    pub async fn scrub(&self) -> Result<()> {
        self.statement(|conn| match conn {
            AnyConn::Sqlite(c) => checkpoint(c),
            AnyConn::Pg(c) => Ok(c.batch_execute(PERSONAL)?),
        })
        .await
    }

    /// Waits until nobody uses the database, then empties the write-ahead log. Later calls are [`Error::Unavailable`].
    ///
    /// # Errors
    /// As [`Db::checkpoint`]; the data are safe then too.
    pub async fn close(&self) -> Result<()> {
        // An error means that the lane is closed already.
        if let Ok(_all) = self.0.readers.permits.acquire_many(self.0.readers.size).await {
            self.0.readers.permits.close();
        }
        if self.0.backend == Backend::Postgres || self.0.writers.permits.is_closed() {
            return Ok(());
        }
        let done = self.checkpoint().await;
        self.0.writers.permits.close();
        done
    }

    async fn migrating<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let limits = self.0.limits.clone();
        self.on(&self.0.writers.unlimited(), move |conn| migrate::alone(conn, &limits, work)).await
    }

    async fn on<T, E>(
        &self,
        lane: &Lane,
        work: impl FnOnce(&mut AnyConn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let permit = lane.permit().await?;
        let (pool, limit) = (lane.pool.clone(), lane.limit);
        let span = tracing::Span::current();
        let thread = tokio::task::spawn_blocking(move || {
            let _entered = span.enter();
            let _permit: OwnedSemaphorePermit = permit; // until the connection is back
            let mut conn: Loan = pool.get().map_err(|e| Error::Unavailable(e.to_string()))?;
            limit::within(limit, || work(&mut conn))
        });
        match thread.await {
            Ok(done) => done,
            Err(gone) => match gone.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::Unavailable("the program is stopping".to_owned()).into()),
            },
        }
    }
}

impl Lane {
    /// The same for work that may take its time.
    fn unlimited(&self) -> Self {
        Self { limit: Duration::MAX, ..self.clone() }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        match tokio::time::timeout(self.patience, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Error::Unavailable("the database is closed".to_owned())),
            Err(_) => Err(Error::Unavailable("all connections are in use".to_owned())),
        }
    }
}

impl std::fmt::Debug for Db {
    // Never the address: it may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Db").field(&self.0.backend).finish()
    }
}

#[derive(diesel::QueryableByName)]
struct Checkpointed {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
}

fn checkpoint(conn: &mut diesel::SqliteConnection) -> Result<()> {
    let done: Checkpointed = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(conn)?;
    if done.busy == 0 { Ok(()) } else { Err(Error::Busy) }
}

/// Full jitter: anything from nothing to twice the last limit, so that those who met do not meet again.
async fn pause(attempt: u32) {
    let limit = BACKOFF.0.saturating_mul(1 << attempt.min(16)).min(BACKOFF.1);
    let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    #[expect(clippy::disallowed_methods, reason = "a pause between attempts, not a wait for something")]
    tokio::time::sleep(limit.mul_f64(share)).await;
}
