//! What the whole process shares: built once, handed to every route and job.

use crate::audit::{Downloads, Signer};
use crate::auth::Auth;
use crate::lab::Lab;
use crate::license::Desk;
use crate::mail::Mailer;
use crate::settings::Api;
use oz_blobs::{Blobs, Keyring, Location};
use oz_domain::{BlobId, Clock, Millis};
use oz_http::ApiError;
use oz_media::Decoder;
use oz_models::{Engine, EngineOptions};
use oz_settings::private_folder;
use oz_store::blobs::{DeadBlob, NewBlob};
use oz_store::{AnyConn, Db};
use oz_telemetry::Metrics;
use oz_wire::Code;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tracing::Instrument as _;
use warp::http::StatusCode;

/// The tables of the database.
static FAMILIES: &[&oz_store::Migrations] = &[&oz_store::TABLES, &oz_site::TABLES];
/// Archives of data subjects at once.
const EXPORTS: usize = 2;
/// From one try to scrub the database to the next, and how many there are.
const SCRUB_AGAIN: Duration = Duration::from_secs(10);
const SCRUBS: u32 = 60;

/// The shared parts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Api,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) db: Db,
    pub(crate) blobs: Blobs,
    pub(crate) decoder: Decoder,
    /// Where analyses are computed.
    pub(crate) lab: Lab,
    /// Where uploads are looked at: on threads of their own, so that an upload never waits behind analyses.
    pub(crate) door: Lab,
    /// Uploads that may lie in memory while they are looked at.
    pub(crate) in_memory: Arc<Semaphore>,
    pub(crate) auth: Auth,
    /// Where work asks whether it may begin.
    pub(crate) license: Desk,
    /// Archives of data subjects at once.
    pub(crate) exports: Arc<Semaphore>,
    /// When mail is set up.
    pub(crate) mailer: Option<Mailer>,
    /// Signs heads of the audit log.
    pub(crate) signer: Arc<Signer>,
    pub(crate) downloads: Downloads,
    pub(crate) metrics: Metrics,
    pub(crate) health: crate::health::Cache,
    /// Set once the models are loaded; the error text when they cannot be.
    pub(crate) engine: OnceLock<Result<Engine, String>>,
    /// Rung when an analysis has ended on this node: single requests wait for it.
    pub(crate) ended: Notify,
    /// Rings the runner of this process, when it has one.
    pub(crate) ring: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Set when the process begins to stop: health then says so.
    pub(crate) stopping: AtomicBool,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl App {
    /// Opens everything but the models.
    pub(crate) async fn open(settings: Api, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let folder = &settings.data_dir;
        private_folder(folder)?;
        let db = open_database(&settings).await?;
        belong_together(&db, folder).await?;
        let keys = Keyring::load_or_create(&keys_file(folder)).context("keys of the stored files")?;
        let blobs = Blobs::open_local(folder, keys).context("stored files")?;
        let limits = oz_media::Limits { file_bytes: settings.max_file_size, ..oz_media::Limits::default() };
        let exe = std::env::current_exe().context("this program's own path")?;
        let decoder = Decoder::start(&exe, &["decode-media"], limits).context("the decoding process")?;
        tell_of_the_sandbox(&decoder)?;
        let lab = Lab::start("lab", settings.workers).context("threads")?;
        let door = Lab::start("door", cores()).context("threads")?;
        let license = Desk::open(&settings).context("the license")?;
        let auth = Auth::open(&settings).context("keys of the access tokens")?;
        let mailer = settings.mail.as_ref().map(Mailer::new).transpose().context("mail")?;
        let signer = Arc::new(Signer::load_or_create(folder).context("the key of the audit log")?);
        let inner = Inner {
            lab,
            door,
            in_memory: Arc::new(Semaphore::new(cores())),
            exports: Arc::new(Semaphore::new(EXPORTS)),
            db,
            blobs,
            decoder,
            auth,
            license,
            mailer,
            signer,
            downloads: Downloads::default(),
            clock,
            metrics: Metrics::new()?,
            engine: OnceLock::new(),
            ended: Notify::new(),
            ring: OnceLock::new(),
            stopping: AtomicBool::new(false),
            health: crate::health::Cache::default(),
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Loads the models on a thread of their own; the server answers meanwhile, and health says when they are there.
    pub(crate) fn load_models(&self) {
        let app = self.clone();
        let options = EngineOptions {
            pack_dir: self.settings.models_dir.clone(),
            runtime_lib: self.settings.runtime_lib.clone(),
            sessions: self.settings.workers,
            intra_threads: 1,
        };
        let load = move || {
            let loaded = Engine::load(&options).map_err(|e| e.to_string());
            match &loaded {
                Ok(engine) => {
                    tracing::info!(pack = %engine.version().name, version = %engine.version().version, "models are loaded")
                }
                Err(error) => tracing::error!(%error, "models cannot be loaded"),
            }
            let _first = app.engine.set(loaded);
            app.jobs_added();
        };
        if let Err(error) = std::thread::Builder::new().name("load-models".into()).spawn(load) {
            let _first = self.engine.set(Err(error.to_string()));
        }
    }

    /// Tells the runner that jobs were enqueued. Call it after the commit.
    pub(crate) fn jobs_added(&self) {
        if let Some(ring) = self.ring.get() {
            ring();
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Removes files whose rows are gone. What cannot be removed now is found by the sweeper. Gives how many that are.
    pub(crate) async fn remove_files(&self, dead: Vec<DeadBlob>) -> usize {
        let mut left = 0;
        for blob in dead {
            let at = Location { company: blob.company_id, name: blob.name, id: blob.id };
            if let Err(error) = self.blobs.remove(&at).await {
                left += 1;
                tracing::warn!(%error, blob = %at.id, "a released file could not be removed");
            }
        }
        left
    }

    /// [`Self::remove_files`], and the answer to who wanted it.
    ///
    /// # Errors
    /// Code 1523 when files are left: the rows are gone, and nobody may believe that the faces are.
    pub(crate) async fn gone(&self, dead: Vec<DeadBlob>) -> crate::error::Result<StatusCode> {
        match self.remove_files(dead).await {
            0 => Ok(StatusCode::NO_CONTENT),
            left => {
                let text = format!(
                    "the data are erased, but {left} files could not be removed yet: the appliance goes on trying"
                );
                Err(ApiError::new(Code::Unavailable, text).into())
            }
        }
    }

    /// Makes sure that what was deleted is in no free page and no log of the database. A reader can be in the way: then it
    /// is tried again in the background, and by the housekeeping after that.
    pub(crate) async fn scrub(&self) {
        let Err(error) = self.db.scrub().await else { return };
        tracing::warn!(%error, "free pages of the database are emptied later");
        let db = self.db.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(SCRUB_AGAIN);
            for _ in 0..SCRUBS {
                ticks.tick().await;
                if db.scrub().await.is_ok() {
                    return;
                }
            }
        });
    }
}

/// Where a stored content lies.
pub(crate) fn location(conn: &mut AnyConn, id: BlobId) -> oz_store::Result<Location> {
    let NewBlob { company_id: company, name, .. } = oz_store::blobs::get(conn, id)?;
    Ok(Location { company, name, id })
}

/// Runs work to its end even when the client goes away: a transaction commits all the same, and what follows from it (files
/// to remove, jobs to ring for) must follow.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = crate::error::Result<T>> + Send + 'static,
) -> crate::error::Result<T> {
    let task = tokio::spawn(work.in_current_span());
    task.await.unwrap_or_else(|gone| Err(ApiError::internal(Code::Unknown, gone).into()))
}

/// Where the keys of the stored files and of small secrets lie.
pub(crate) fn keys_file(folder: &Path) -> std::path::PathBuf {
    folder.join("secrets/blobs.key")
}

/// Refuses to work on a data folder with another folder's database, or without its keys: what one does not know of would be
/// swept away from the other, and what fresh keys cannot open would look damaged.
pub(crate) async fn belong_together(db: &Db, folder: &Path) -> anyhow::Result<()> {
    private_folder(&folder.join("secrets"))?;
    let fresh = uuid::Uuid::now_v7().to_string();
    let of_database = db.write(move |conn| oz_store::identity::get_or_create(conn, &fresh)).await?;
    let file = folder.join("store.id");
    let of_folder = if fs_err::exists(&file)? { Some(fs_err::read_to_string(&file)?) } else { None };
    match of_folder.as_deref().map(str::trim) {
        None => oz_blobs::create_private(&file, &of_database)?,
        // Never taken over, not even without files: another process may be about to store some for the other database.
        Some(id) => anyhow::ensure!(
            id == of_database,
            "{}: the data folder belongs to another database: check OZ_DATABASE_URL and OZ_DATA_DIR. If it shall belong to \
             this one and has no files, remove {}",
            folder.display(),
            file.display()
        ),
    }
    let keys = keys_file(folder);
    anyhow::ensure!(
        fs_err::exists(&keys)? || !db.read(oz_store::identity::needs_keys).await?,
        "{}: missing, and the database has files and records that only it opens: restore it",
        keys.display()
    );
    Ok(())
}

/// Opens the database and brings it to the newest form.
pub(crate) async fn open_database(settings: &Api) -> anyhow::Result<Db> {
    let options = oz_store::Options {
        connections: settings.database_connections,
        families: FAMILIES,
        ..oz_store::Options::default()
    };
    let db = Db::open(settings.database_url.expose(), options).await?;
    let ran = db.migrate().await?;
    if !ran.is_empty() {
        tracing::info!(migrations = ran.join(", "), "the database was migrated");
    }
    Ok(db)
}

/// Refuses to work with a sandbox that lets something through; a layer that the kernel does not have is told.
fn tell_of_the_sandbox(decoder: &Decoder) -> anyhow::Result<()> {
    let report = decoder.sandbox_report()?;
    anyhow::ensure!(report.is_tight(), "the sandbox of the decoders is not tight: {:?}", report.tried);
    for what in report.layers.missing() {
        tracing::warn!(what, "the sandbox of the decoders has a layer less");
    }
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
