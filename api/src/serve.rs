//! The roles: a server (that also works, unless told otherwise), and a worker alone.

use crate::app::App;
use crate::settings::{Api, Components};
use crate::{audit, license, routes, work};
use anyhow::Context as _;
use oz_domain::{Clock, SystemClock};
use oz_http::{Observer, Server, ServerOptions, Tls, raise_descriptors, told, until_stopped};
use oz_jobs::Handle;
use oz_telemetry::{Metrics, notify};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// For open requests to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);
/// For running jobs to end after that; then they are given back.
const GRACE: Duration = Duration::from_secs(60);
/// Connections at once.
const CONNECTIONS: usize = 4096;
/// For the head of a request.
const HEADER: Duration = Duration::from_secs(10);
/// Between two requests of a connection: nginx and most balancers keep theirs for 60 s.
const IDLE: Duration = Duration::from_secs(75);

/// What this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Answers requests.
    Serve,
    /// Only works.
    Work,
}

/// Runs until SIGTERM or SIGINT, then stops in order.
pub(crate) async fn run(settings: Api, part: Part) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let works = part == Part::Work || settings.local_processing;
    raise_descriptors();
    // Addresses first: one that is taken is told before anything is loaded.
    let private = listen(settings.metrics_listen, "metrics_listen").await?;
    let public = match part {
        Part::Serve => Some(listen(settings.listen, "listen").await?),
        Part::Work => None,
    };
    let app = App::open(settings, clock).await?;
    let keeper = match part {
        Part::Serve => Some(license::start(&app).await?),
        Part::Work => {
            app.license.rest();
            None
        }
    };
    let (stop, stopped) = watch::channel(false);
    let (silence, silenced) = watch::channel(false);
    let mut servers = tokio::task::JoinSet::new();
    let metrics = Server::new(&routes::private(&app), options(&app, None));
    servers.spawn(async move { metrics.serve(private, told(silenced)).await });
    if part == Part::Serve {
        audit::note_settings(&app).await.context("a change of the settings could not be recorded")?;
    }
    let tls = tls(&app)?;
    let routes = routes::routes(&app);
    if app.settings.components == Components::All {
        crate::openapi::check(routes.names())?;
    }
    let public = public.map(|listener| {
        let server = Server::new(&routes, options(&app, tls.clone()));
        tokio::spawn(async move { server.serve(listener, told(stopped)).await })
    });
    let runner = works.then(|| start_runner(&app));
    if works {
        app.load_models();
    }
    let housekeeping = tokio::spawn(work::sweep_for_ever(app.clone()));
    let auditing = audit::start(&app);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listen = %app.settings.listen, works, "started");
    let progresses = async |limit| progresses(&app, runner.as_ref(), limit).await;
    until_stopped(tls.as_deref(), ready(&app), progresses).await?;

    notify::stopping();
    app.stopping.store(true, Ordering::Relaxed);
    tracing::info!("stopping");
    housekeeping.abort();
    let _ = stop.send(true);
    if let Some(server) = public {
        server.await.context("the server's task")??;
    }
    if let Some(runner) = runner {
        runner.stop(GRACE).await;
    }
    if let Some(keeper) = keeper {
        license::stop(keeper).await;
    }
    // Of the last request and the last job too.
    audit::stop(&app, auditing).await;
    let _ = silence.send(true);
    while servers.join_next().await.is_some() {}
    if let Err(error) = app.db.close().await {
        tracing::warn!(%error, "the database's log was not emptied; nothing is lost");
    }
    tracing::info!("stopped");
    Ok(())
}

fn start_runner(app: &App) -> Handle {
    let handle = work::runner(app).start();
    let _first = app.ring.set(Box::new(handle.waker()));
    handle
}

async fn listen(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{setting}: cannot listen on {address}"))
}

fn tls(app: &App) -> anyhow::Result<Option<Arc<Tls>>> {
    let files = app.settings.tls.clone();
    Ok(files.map(|(certificate, key)| Tls::load(certificate, key)).transpose()?.map(Arc::new))
}

/// Counts answers.
struct Counter(Metrics);

impl Observer for Counter {
    fn answered(&self, route: &'static str, status: u16, took: Duration) {
        self.0.answered(route, status, took);
    }
}

fn options(app: &App, tls: Option<Arc<Tls>>) -> ServerOptions {
    ServerOptions {
        tls,
        trusted_proxies: app.settings.trusted_proxies.clone(),
        connections: CONNECTIONS,
        header_timeout: HEADER,
        idle_timeout: IDLE,
        // A single request waits for its analyses; everything else is done long before.
        answer_timeout: app.settings.single_request_timeout + Duration::from_secs(10),
        drain: DRAIN,
        observer: Arc::new(Counter(app.metrics.clone())),
        clock: app.clock.clone(),
    }
}

/// Resolves when the models are there, or are known not to come: then health says so, and restarting would not help.
async fn ready(app: &App) {
    // A OnceLock cannot be awaited.
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    while app.settings.local_processing && app.engine.get().is_none() {
        ticks.tick().await;
    }
}

/// Whether the runner showed that it is alive, or, without one, whether the database answers within `limit`: a watchdog
/// that is fed by a bare timer sees nothing.
async fn progresses(app: &App, runner: Option<&Handle>, limit: Duration) -> bool {
    match runner {
        Some(runner) => app.now().since(runner.last_progress()) < app.settings.job_lease,
        None => matches!(tokio::time::timeout(limit, app.db.health()).await, Ok(Ok(()))),
    }
}
