//! The sealer: numbers and chains what was written since, and tells heads of the chain.

use crate::app::App;
use oz_store::audit::{Head, head, seal, waiting};
use oz_store::{Error, Result};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// From one look to the next: a record can be changed unnoticed for as long.
const EVERY: Duration = Duration::from_millis(500);
/// Between two heads in the log.
const HEADS: Duration = Duration::from_secs(60);
/// Records sealed in one transaction: writers wait for it.
const BATCH: u32 = 200;

/// Seals until dropped. Every node does; the database lets one at a time.
pub(super) async fn seal_for_ever(app: App) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut failing, mut untold, mut next) = (false, None, Instant::now());
    loop {
        ticks.tick().await;
        match round(&app).await {
            Ok(sealed) => {
                failing = false;
                untold = sealed.or(untold);
            }
            // Once: the database may be away for long.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "the audit log is not sealed; records wait");
            }
            Err(_) => {}
        }
        if Instant::now() >= next
            && let Some(head) = untold.take()
        {
            next = Instant::now() + HEADS;
            tell(&app, head).await;
        }
    }
}

/// Seals what is left and tells the head, when the process ends.
pub(super) async fn seal_last(app: &App) {
    let last = async {
        round(app).await?;
        app.db.read(head).await
    };
    match last.await {
        Ok(last) if last.seq > 0 => tell(app, last).await,
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the audit log's last records are sealed after the next start"),
    }
}

/// Seals all that waits; gives the new head, when this node made one.
async fn round(app: &App) -> Result<Option<Head>> {
    // A look is cheap and takes no lock.
    if !app.db.read(waiting).await? {
        return Ok(None);
    }
    let mut sealed = 0;
    loop {
        match app.db.write(|conn| seal(conn, BATCH)).await {
            Ok(0) | Err(Error::Busy) => break,
            Ok(some) => sealed += some,
            Err(error) => return Err(error),
        }
    }
    if sealed == 0 { Ok(None) } else { app.db.read(head).await.map(Some) }
}

async fn tell(app: &App, head: Head) {
    let signer = app.signer.clone();
    // It writes a file.
    let _ = tokio::task::spawn_blocking(move || signer.tell(head)).await;
}
