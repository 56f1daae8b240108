//! Housekeeping: time lived through, warnings, heads of the ledger, and every day its whole chain.

use crate::app::App;
use crate::health::Ledger;
use oz_site::{Broken, Head, Lived, Telling, Walk, timestamp};
use oz_store::AnyConn;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(10);
/// Between two heads, at least.
const HEADS: Duration = Duration::from_secs(300);
/// Between two walks over the whole ledger.
const WALKS: Duration = Duration::from_secs(24 * 3600);
/// Entries that are walked in one transaction.
const STEP: u32 = 1000;

/// Runs until the stop is told.
pub(crate) async fn keep(app: App, mut lived: Lived, mut stopped: watch::Receiver<bool>) {
    let (start, mut telling) = (Instant::now(), Telling::default());
    let mut head_told = None;
    // A timer that decides nothing but when to look; the first look is at once.
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        let stops = tokio::select! {
            _ = ticks.tick() => false,
            _ = stopped.wait_for(|stop| *stop) => true,
        };
        let running = start.elapsed();
        match app.queue.write(move |conn, _| lived.tick(conn, running)).await {
            Ok(life) => lived = life,
            Err(error) => tracing::warn!(%error, "the time lived through was not written"),
        }
        if stops {
            return;
        }
        if let Some(looked) = crate::health::looked(&app) {
            telling.tell(&looked.standing.warnings, Instant::now());
        }
        if head_told.is_none_or(|at: Instant| at.elapsed() >= HEADS) && tell_head(&app).await {
            head_told = Some(Instant::now());
        }
    }
}

/// Tells the head of the ledger if it is another one than was told last. `true` when it did. One that was not walked up to,
/// or does not go on from the one that was told last, is vouched for by nobody.
pub(crate) async fn tell_head(app: &App) -> bool {
    if !matches!(*app.ledger(), Ledger::Whole) {
        return false;
    }
    let told = async {
        let (last, telling) = (app.heads.furthest(), app.clone());
        let read = move |conn: &mut AnyConn| {
            let goes_on = last.map_or(Ok(true), |last| oz_site::has(conn, &last))?;
            Ok::<_, oz_site::Refused>((oz_site::head(conn)?, goes_on))
        };
        let (head, goes_on) = app.db.read(read).await?;
        if !goes_on {
            broken(app, &Broken::Cut(head.count));
            return Ok(false);
        }
        let tell = move || {
            let now = timestamp(telling.clock.now());
            telling.heads.tell(&telling.site, &telling.site_id, &head, now)
        };
        tokio::task::spawn_blocking(tell).await?
    };
    told.await.unwrap_or_else(|error: anyhow::Error| {
        tracing::warn!(error = %format!("{error:#}"), "the head of the ledger was not told");
        false
    })
}

/// Walks the whole ledger at the start and every day. Runs until it is aborted.
pub(crate) async fn verify(app: App) {
    let mut days = tokio::time::interval(WALKS);
    loop {
        days.tick().await;
        match walk(&app).await {
            Ok(Ok(head)) => {
                tracing::info!(entries = head.count, "the ledger is whole");
                *app.ledger() = Ledger::Whole;
            }
            Ok(Err(found)) => broken(&app, &found),
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), "the ledger could not be read");
                *app.ledger() = Ledger::Broken("it could not be read".to_owned());
            }
        }
        tell_head(&app).await;
    }
}

fn broken(app: &App, found: &Broken) {
    tracing::error!(broken = %found, "the ledger is broken: restore the database, and ask who had access to it");
    *app.ledger() = Ledger::Broken(found.to_string());
}

async fn walk(app: &App) -> anyhow::Result<Result<Head, Broken>> {
    let keeper = app.clone();
    let kept = tokio::task::spawn_blocking(move || keeper.heads.kept(&keeper.site, &keeper.site_id)).await??;
    let (mut walk, kept) = (Walk::from(Head::start()), Arc::new(kept));
    loop {
        let told = Arc::clone(&kept);
        let step = move |conn: &mut AnyConn| {
            let found = match walk.step(conn, STEP)? {
                Ok(true) => walk.holds(conn, &told)?.map(|()| true),
                stepped => stepped,
            };
            Ok::<_, oz_site::Refused>((walk, found))
        };
        let found;
        (walk, found) = app.db.read(step).await?;
        match found {
            Ok(true) => return Ok(Ok(walk.head)),
            Ok(false) => {}
            Err(found) => return Ok(Err(found)),
        }
    }
}
