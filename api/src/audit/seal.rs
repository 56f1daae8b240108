//! The sealer: numbers and chains what was written since, and tells heads of the chain.

use super::Signer;
use crate::app::App;
use anyhow::{Context as _, ensure};
use oz_store::audit::{fits, head, seal, waiting};
use oz_store::{Db, Error, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
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
    let (mut failing, mut told, mut next) = (false, None, Instant::now());
    loop {
        ticks.tick().await;
        let look = async {
            seal_all(&app.db).await?;
            // Not only what this node sealed: the command line and other nodes seal too.
            app.db.read(head).await
        };
        match look.await {
            Ok(end) => {
                failing = false;
                if told.as_ref() != Some(&end) && Instant::now() >= next {
                    next = Instant::now() + HEADS;
                    match tell(&app.db, &app.signer).await {
                        Ok(()) => told = Some(end),
                        // And again with each new try: nobody should get used to it.
                        Err(error) => refused(&error),
                    }
                }
            }
            // Once: the database may be away for long.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "the audit log is not sealed; records wait");
            }
            Err(_) => {}
        }
    }
}

/// Seals what is left and tells the head, when the process ends.
pub(super) async fn seal_last(app: &App) {
    match seal_all(&app.db).await {
        Ok(_) => tell(&app.db, &app.signer).await.unwrap_or_else(|error| refused(&error)),
        Err(error) => tracing::warn!(%error, "the audit log's last records are sealed after the next start"),
    }
}

/// Seals what a command left, and keeps the new head in the data folder: no server may run for long.
///
/// # Errors
/// Of the database; when the log contradicts a head that was signed. What the command did is done all the same.
pub(crate) async fn seal_now(db: &Db, signer: &Arc<Signer>) -> anyhow::Result<()> {
    if seal_all(db).await.context("the audit log's last records wait to be sealed")? > 0 {
        tell(db, signer).await?;
    }
    Ok(())
}

/// Seals all that waits, batch by batch; gives how many this process sealed.
async fn seal_all(db: &Db) -> Result<usize> {
    let mut sealed = 0;
    // A look is cheap and takes no lock.
    if !db.read(waiting).await? {
        return Ok(sealed);
    }
    loop {
        match db.write(|conn| seal(conn, BATCH)).await {
            Ok(0) | Err(Error::Busy) => return Ok(sealed),
            Ok(some) => sealed += some,
            Err(error) => return Err(error),
        }
    }
}

/// Signs and tells the end of the chain, unless the log contradicts what was signed before: who cut its tail, or wrote it
/// anew, shall not have our signature under it.
async fn tell(db: &Db, signer: &Arc<Signer>) -> anyhow::Result<()> {
    let this = Arc::clone(signer);
    let last = spawn_blocking(move || this.last()).await?.context("the heads of the audit log that are kept")?;
    let place = last.as_ref().map_or(0, |last| last.seq);
    let (good, end) = db
        .read(move |conn| {
            let good = last.map_or(Ok(true), |last| fits(conn, &last))?;
            Ok::<_, Error>((good, head(conn)?))
        })
        .await?;
    ensure!(good, "the audit log contradicts a head that was signed: record {place} is gone or another one");
    if end.seq > 0 {
        let this = Arc::clone(signer);
        spawn_blocking(move || this.tell(end)).await?;
    }
    Ok(())
}

/// Under the target that no filter silences.
fn refused(error: &anyhow::Error) {
    tracing::error!(target: "audit_head", "{error:#}; no head is signed");
}
