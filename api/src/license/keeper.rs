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

/// What was used goes to the ledger by so many or after so long: every telling is an entry that is kept for ever.
const MANY: i64 = 100;
const LONG: Duration = Duration::from_secs(60);

/// For the last look and the lease at the end.
const ENDING: Duration = Duration::from_secs(25);

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
    look(app, remote.as_mut(), true).await;
    told.tell(&app.license);
    let (stop, mut stopped) = watch::channel(false);
    let app = app.clone();
    let task = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut counted = Instant::now();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|stop| *stop) => break,
            }
            let counts = is_to_count(&app).await || counted.elapsed() >= LONG;
            if counts {
                counted = Instant::now();
            }
            look(&app, remote.as_mut(), counts).await;
            told.tell(&app.license);
        }
        // What the last requests used, then the lease.
        look(&app, remote.as_mut(), true).await;
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
    let mut task = keeper.task;
    if tokio::time::timeout(ENDING, &mut task).await.is_err() {
        tracing::warn!("the license was not looked at to the end; what was used is told at the next start");
        task.abort();
    }
}

/// Whether much waits to be counted, or little is left.
async fn is_to_count(app: &App) -> bool {
    // A database that does not answer for a moment changes nothing.
    let Ok(pending) = app.db.read(oz_site::uses::pending).await else { return false };
    app.license.wait(pending);
    pending >= MANY || app.license.is_near_the_end()
}

/// Looks once; `counts` moves what was used to the ledger.
async fn look(app: &App, remote: Option<&mut Remote>, counts: bool) {
    let (now, desk) = (app.now(), &app.license);
    let found = match remote {
        Some(remote) => remote.turn(app, counts).await,
        None => desk.local.turn(app, now, counts).await.map_err(|error| match error {
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
