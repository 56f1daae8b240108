//! Keeps what the [`Desk`] knows true, and tells what was used: every few seconds, as long as the process lives.

use crate::app::App;
use crate::license::desk::{Desk, Known};
use crate::license::remote::Remote;
use oz_license::VendorKeys;
use oz_site::Telling;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(3);

/// The keeper's task, and how it is ended.
pub(crate) struct Keeper {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Looks once, so that the first request is judged, and goes on in the background.
pub(crate) async fn start(app: &App) -> anyhow::Result<Keeper> {
    if VendorKeys::is_development() {
        tracing::warn!(
            "DEVELOPMENT BUILD: it trusts licenses that anybody can sign. Build it with the seller's keys before it is used"
        );
    }
    let mut remote = match &app.settings.license_server {
        Some(server) => Some(Remote::open(app, server)?),
        None => None,
    };
    let mut told = Told::default();
    look(app, remote.as_mut()).await;
    told.tell(&app.license);
    let (stop, mut stopped) = watch::channel(false);
    let app = app.clone();
    let task = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
            look(&app, remote.as_mut()).await;
            told.tell(&app.license);
        }
        // What the last requests used, then the lease.
        look(&app, remote.as_mut()).await;
        match &mut remote {
            Some(remote) => remote.leave().await,
            None => app.license.local.leave(&app.db, app.now()).await,
        }
    });
    Ok(Keeper { stop, task })
}

/// Tells what was used last, gives the lease back, and ends.
pub(crate) async fn stop(keeper: Keeper) {
    let _ = keeper.stop.send(true);
    let _ = keeper.task.await;
}

async fn look(app: &App, remote: Option<&mut Remote>) {
    let (now, desk) = (app.now(), &app.license);
    let found = match remote {
        Some(remote) => remote.turn(app).await,
        None => desk.local.turn(&app.db, desk.instance(), now).await.map_err(|error| match error {
            oz_site::Refused::NotInstalled(text) => Some(Known::nothing("invalid", text)),
            // A database that does not answer for a moment takes no license away.
            other => {
                tracing::warn!(error = %other, "the license could not be looked at");
                None
            }
        }),
    };
    match found {
        Ok(known) | Err(Some(known)) => desk.learn(known),
        Err(None) => {}
    }
}

/// What the log was told already.
#[derive(Default)]
struct Told {
    state: &'static str,
    telling: Telling,
}

impl Told {
    fn tell(&mut self, desk: &Desk) {
        let known = desk.known();
        if known.state != self.state {
            tracing::info!(state = known.state, text = known.text, "license");
            self.state = known.state;
        }
        self.telling.tell(&known.warnings, Instant::now());
    }
}
