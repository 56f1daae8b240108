//! What every route shares, and how it is opened.

use crate::commit::Queue;
use crate::grants::Grants;
use crate::heads::Heads;
use crate::health::{Ledger, Looked};
use crate::metrics::Metrics;
use crate::secrets::Secrets;
use crate::settings::Server;
use anyhow::{Context as _, ensure};
use oz_domain::{Clock, SystemClock};
use oz_http::Limiter;
use oz_license::VendorKeys;
use oz_settings::private_folder;
use oz_site::Site;
use oz_store::Db;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Wrong secrets of one source: a second, and at once.
const WRONG: (NonZeroU32, NonZeroU32) = (NonZeroU32::new(1).unwrap(), NonZeroU32::new(10).unwrap());
/// Calls without a secret of one source. Many phones share an address of their mobile network.
const STRANGERS: (NonZeroU32, NonZeroU32) = (NonZeroU32::new(20).unwrap(), NonZeroU32::new(100).unwrap());

/// What the database has.
static TABLES: &[&oz_store::Migrations] = &[&oz_site::TABLES];

/// The program. Clones share it.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

/// What is shared.
pub(crate) struct Inner {
    pub(crate) settings: Server,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) db: Db,
    pub(crate) site: Arc<Site>,
    pub(crate) site_id: String,
    pub(crate) queue: Queue,
    pub(crate) secrets: Secrets,
    pub(crate) wrong: Limiter,
    pub(crate) strangers: Limiter,
    pub(crate) grants: Grants,
    pub(crate) heads: Heads,
    ledger: Mutex<Ledger>,
    pub(crate) looked: Mutex<Option<Arc<Looked>>>,
    pub(crate) metrics: Metrics,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// What is known of the ledger.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens key, secrets and database; the three belong together.
    ///
    /// # Errors
    /// What is missing, and how it comes back.
    pub(crate) async fn open(settings: Server) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (db, site, key_was_there) = open_site(&settings).await?;
        let (opened, now) = (Arc::clone(&site), clock.now());
        let row = db.write(move |conn| oz_site::open(conn, &opened, now, !key_was_there)).await?;
        let inner = Inner {
            queue: Queue::start(db.clone(), Arc::clone(&clock)),
            secrets: Secrets::load_or_create(&settings.data_dir)?,
            wrong: Limiter::per_second(WRONG.0, WRONG.1),
            strangers: Limiter::per_second(STRANGERS.0, STRANGERS.1),
            grants: Grants::default(),
            heads: Heads::of(&settings.data_dir),
            ledger: Mutex::default(),
            looked: Mutex::default(),
            metrics: Metrics::new()?,
            site_id: row.site_id,
            settings,
            clock,
            db,
            site,
        };
        Ok(Self(Arc::new(inner)))
    }
}

/// `new-ledger`: begins an empty ledger for a key whose database is lost.
pub(crate) async fn new_ledger(settings: &Server) -> anyhow::Result<()> {
    let (db, site, key_was_there) = open_site(settings).await?;
    ensure!(key_was_there, "there was no site key, so no ledger was lost: `serve` begins one");
    let now = SystemClock.now();
    db.write(move |conn| oz_site::open_anew(conn, &site, now)).await?;
    Heads::of(&settings.data_dir).put_aside(now)?;
    Ok(db.close().await?)
}

/// The database, the site, and whether its key was there before.
async fn open_site(settings: &Server) -> anyhow::Result<(Db, Arc<Site>, bool)> {
    private_folder(&settings.data_dir)?;
    let options = oz_store::Options { flush: true, families: TABLES, ..oz_store::Options::default() };
    let db = Db::open(settings.database_url.expose(), options).await?;
    let ran = db.migrate().await?;
    if !ran.is_empty() {
        tracing::info!(migrations = ran.join(", "), "the database was migrated");
    }
    let path = settings.data_dir.join("site.key");
    let key_was_there = path.try_exists()?;
    let has_ledger = db.read(oz_site::row).await?.is_some();
    ensure!(
        key_was_there || !has_ledger,
        "{}: missing, and the database has its ledger: restore the key of the same backup",
        path.display()
    );
    let key = oz_site::load_or_create(&path, true).context("the site key")?;
    let factors = oz_site::factors(Path::new("/"));
    let version = env!("CARGO_PKG_VERSION");
    let site = Site::new(VendorKeys::compiled()?, key, factors, version, settings.lease_ttl);
    Ok((db, Arc::new(site), key_was_there))
}
