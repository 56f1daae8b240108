//! From start to stop.

use crate::app::App;
use crate::auth::Door;
use crate::settings::Server as Settings;
use crate::{health, keep, routes};
use anyhow::{Context as _, ensure};
use oz_http::{Observer, Server, ServerOptions, Tls, raise_descriptors, told, until_stopped};
use oz_license::VendorKeys;
use oz_site::Lived;
use oz_telemetry::notify;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

/// For open requests to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);
/// For the head of a request, and for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two requests of a connection: longer than a heartbeat's pause would be, for most.
const IDLE: Duration = Duration::from_secs(75);
/// Connections at once.
const CONNECTIONS: usize = 4096;

/// Runs until SIGTERM or SIGINT, then stops in order.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let address = settings.listen;
    raise_descriptors();
    // Addresses first: one that is taken is told before anything is loaded.
    let network = TcpListener::bind(address).await.with_context(|| format!("listen: cannot listen on {address}"))?;
    let app = App::open(settings).await?;
    if VendorKeys::is_development() {
        tracing::warn!("DEVELOPMENT BUILD: anybody can sign licenses that this program trusts; never for production");
    }
    let lived = app.queue.write(Lived::begin).await?;
    health::look(&app).await?;
    let socket = listen_on_socket(&app.settings.socket)?;
    let tls = app.settings.tls.clone().map(|(c, k)| Tls::load(c, k)).transpose()?.map(Arc::new);
    let (stop, stopped) = watch::channel(false);
    let serve = |door, tls| Server::new(&routes::routes(&app, door), options(&app, tls));
    let (over_network, over_socket) = (serve(Door::Network, tls.clone()), serve(Door::Socket, None));
    let servers = [
        tokio::spawn({
            let stopped = stopped.clone();
            async move { over_network.serve(network, told(stopped)).await }
        }),
        tokio::spawn({
            let stopped = stopped.clone();
            async move { over_socket.serve(socket, told(stopped)).await }
        }),
    ];
    let keeper = tokio::spawn(keep::keep(app.clone(), lived, stopped));
    let background = [tokio::spawn(health::keep_looking(app.clone())), tokio::spawn(keep::verify(app.clone()))];
    tracing::info!(version = env!("CARGO_PKG_VERSION"), listen = %address, key = app.site.key_id(), "started");
    until_stopped(tls.as_deref(), std::future::ready(()), async |_| health::is_fresh(&app)).await?;

    notify::stopping();
    tracing::info!("stopping");
    let _ = stop.send(true);
    for server in servers {
        server.await.context("the server's task")??;
    }
    keeper.await.context("the keeper's task")?;
    background.iter().for_each(tokio::task::JoinHandle::abort);
    keep::tell_head(&app).await;
    let _ = fs_err::remove_file(&app.settings.socket);
    if let Err(error) = app.db.close().await {
        tracing::warn!(%error, "the database's log was not emptied; nothing is lost");
    }
    tracing::info!("stopped");
    Ok(())
}

/// A socket that owner and group may open. One that a killed server left is taken over; a living server's is not.
fn listen_on_socket(path: &Path) -> anyhow::Result<UnixListener> {
    let lives = std::os::unix::net::UnixStream::connect(path).is_ok();
    ensure!(!lives, "socket: another license server listens on {}", path.display());
    // Under another name until its rights are set.
    let draft = path.with_extension("new");
    let _ = fs_err::remove_file(&draft);
    let listener =
        UnixListener::bind(&draft).with_context(|| format!("socket: cannot listen on {}", path.display()))?;
    fs_err::set_permissions(&draft, std::fs::Permissions::from_mode(0o660))?;
    fs_err::rename(&draft, path)?;
    Ok(listener)
}

/// Counts answers.
struct Counter(App);

impl Observer for Counter {
    fn answered(&self, route: &'static str, status: u16, took: Duration) {
        self.0.metrics.http.answered(route, status, took);
    }
}

fn options(app: &App, tls: Option<Arc<Tls>>) -> ServerOptions {
    ServerOptions {
        tls,
        trusted_proxies: app.settings.trusted_proxies.clone(),
        connections: CONNECTIONS,
        header_timeout: PATIENCE,
        idle_timeout: IDLE,
        answer_timeout: PATIENCE,
        drain: DRAIN,
        observer: Arc::new(Counter(app.clone())),
        clock: app.clock.clone(),
    }
}
