//! Housekeeping: what crashes, expiries and deletions leave behind.

use crate::app::App;
use oz_domain::{BlobId, Millis};
use oz_store::blobs::known;
use oz_store::{counters, idempotency, passwords, sessions};
use std::time::Duration;

/// From one round to the next.
const EVERY: Duration = Duration::from_secs(3600);
/// A file this old belongs to no request that still runs.
const ABANDONED: Duration = Duration::from_secs(2 * 3600);
/// How long a done job stays for those who look into the queue.
const DONE: Duration = Duration::from_secs(24 * 3600);
/// How long a dead one stays.
const DEAD: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long an ended session shows that its expire token was stolen.
const SESSIONS: Duration = Duration::from_secs(7 * 24 * 3600);
/// Files without a row that are rather a mistake than what crashes left.
const SUSPICIOUS: usize = 100;
/// Files asked about in one query.
const BATCH: usize = 500;

/// Sweeps at once and then every hour, until dropped.
pub(crate) async fn sweep_for_ever(app: App) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = sweep(&app).await {
            tracing::warn!(%error, "housekeeping did not get through; the next round goes on");
        }
    }
}

async fn sweep(app: &App) -> anyhow::Result<()> {
    let now = app.now();
    let ago = |time: Duration| Millis::new(now.get() - i64::try_from(time.as_millis()).unwrap_or(0));
    // By itself: files that nobody can explain must not keep the database from being swept.
    let files = sweep_files(app, ago(ABANDONED)).await;
    let (done, dead, old) = (ago(DONE), ago(DEAD), ago(SESSIONS));
    app.db
        .write(move |conn| {
            oz_jobs::sweep(conn, done, dead)?;
            idempotency::sweep(conn, now)?;
            sessions::sweep(conn, old)?;
            passwords::sweep(conn, now)?;
            counters::sweep(conn, now)?;
            Ok::<_, oz_store::Error>(())
        })
        .await?;
    app.db.optimize().await?;
    // What an erasure could not empty, because somebody read just then.
    if let Err(error) = app.db.checkpoint().await {
        tracing::warn!(%error, "the database's log is emptied in the next round");
    }
    files
}

/// Removes the files that no row refers to.
async fn sweep_files(app: &App, before: Millis) -> anyhow::Result<()> {
    let spool = app.blobs.sweep_spool(before)?;
    let mut orphans = 0;
    let mut stored = app.blobs.stored_before(before, BATCH);
    while let Some(batch) = stored.next().await? {
        let ids: Vec<BlobId> = batch.iter().map(|at| at.id).collect();
        let known = app.db.read(move |conn| known(conn, &ids)).await?;
        let unknown = batch.len().saturating_sub(known.len());
        // Crashes leave a few. That many are rather known to a database that this one was restored over.
        anyhow::ensure!(
            unknown <= SUSPICIOUS || unknown * 2 <= batch.len(),
            "{unknown} of {} stored files are unknown to the database: nothing is removed",
            batch.len()
        );
        for at in batch.iter().filter(|at| !known.contains(&at.id)) {
            app.blobs.remove(at).await?;
            orphans += 1;
        }
    }
    if spool + orphans > 0 {
        tracing::info!(spool, orphans, "removed files that crashes had left");
    }
    Ok(())
}
