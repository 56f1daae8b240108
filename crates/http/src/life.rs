//! The life of a server under systemd: ready, progress, certificates read anew, the end.

use crate::tls::Tls;
use oz_telemetry::notify;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often a server shows that it makes progress where nobody asks for it.
const PROGRESS: Duration = Duration::from_secs(10);

/// Lets the process open as many files as it may: each connection is one.
pub fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the number of open files stays as it is");
    }
}

/// Tells systemd that the server is ready once it is, and of its progress, until SIGTERM or SIGINT; SIGHUP reads the
/// certificate anew. `progresses` is given how long it may take: a watchdog that is fed by a bare timer sees nothing.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn until_stopped(
    tls: Option<&Tls>,
    ready: impl Future<Output = ()>,
    progresses: impl AsyncFn(Duration) -> bool,
) -> std::io::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hup = signal(SignalKind::hangup())?;
    let every = notify::watchdog_interval().unwrap_or(PROGRESS) / 2;
    let mut ticks = tokio::time::interval(every);
    let mut ready = std::pin::pin!(ready);
    let mut told_ready = false;
    loop {
        tokio::select! {
            _ = term.recv() => return Ok(()),
            _ = int.recv() => return Ok(()),
            _ = hup.recv() => match tls.map(Tls::reload) {
                Some(Err(error)) => tracing::error!(%error, "the certificate was not read; the old one stays"),
                Some(Ok(())) => tracing::info!("the certificate was read anew"),
                None => {}
            },
            () = &mut ready, if !told_ready => {
                told_ready = true;
                notify::ready();
            }
            _ = ticks.tick() => if progresses(every).await {
                notify::watchdog();
            },
        }
    }
}

/// Resolves when the channel says so, or its other end is gone.
pub async fn told(mut channel: watch::Receiver<bool>) {
    let _ = channel.wait_for(|told| *told).await;
}
