//! Housekeeping: time lived through, warnings, heads of the ledger, and once at the start its whole chain.

use crate::app::App;
use crate::health::Ledger;
use oz_site::{Broken, Head, Lived, Telling, timestamp};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(60);
/// Between two heads, at least.
const HEADS: Duration = Duration::from_secs(300);
/// Entries that are walked in one transaction.
const WALK: u32 = 1000;

/// Runs until it is aborted.
pub(crate) async fn keep(app: App, mut lived: Lived) {
    let (start, mut telling) = (Instant::now(), Telling::default());
    let mut head_told = None;
    // A timer that decides nothing but when to look; the first look is at once.
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let running = start.elapsed();
        match app.queue.write(move |conn, _| lived.tick(conn, running)).await {
            Ok(life) => lived = life,
            Err(error) => tracing::warn!(%error, "the time lived through was not written"),
        }
        if let Some(looked) = crate::health::looked(&app) {
            telling.tell(&looked.standing.warnings, Instant::now());
        }
        if head_told.is_none_or(|at: Instant| at.elapsed() >= HEADS) && tell_head(&app).await {
            head_told = Some(Instant::now());
        }
    }
}

/// Tells the head of the ledger if it is another one than was told last. `true` when it did. One that was not walked up to is
/// vouched for by nobody.
pub(crate) async fn tell_head(app: &App) -> bool {
    if !matches!(*app.ledger.lock().unwrap_or_else(PoisonError::into_inner), Ledger::Whole) {
        return false;
    }
    let told = async {
        let (head, telling) = (app.db.read(oz_site::head).await?, app.clone());
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

/// Walks the whole ledger, held against the head that was kept last.
pub(crate) async fn verify(app: App, kept: Option<Head>) {
    let state = match walk(&app, kept).await {
        Ok(Ok(head)) => {
            tracing::info!(entries = head.count, "the ledger is whole");
            Ledger::Whole
        }
        Ok(Err(broken)) => {
            tracing::error!(%broken, "the ledger is broken: restore the database, and ask who had access to it");
            Ledger::Broken(broken.to_string())
        }
        Err(error) => {
            tracing::error!(%error, "the ledger could not be read");
            Ledger::Broken("it could not be read".to_owned())
        }
    };
    *app.ledger.lock().unwrap_or_else(PoisonError::into_inner) = state;
    tell_head(&app).await;
}

async fn walk(app: &App, kept: Option<Head>) -> oz_site::Result<Result<Head, Broken>> {
    let mut at = Head::start();
    loop {
        // So that a step ends at the kept head.
        let to_kept = kept.as_ref().map(|kept| kept.count - at.count).filter(|left| *left > 0);
        let limit = to_kept.and_then(|left| u32::try_from(left).ok()).map_or(WALK, |left| left.min(WALK));
        let from = at.clone();
        let next = match app.db.read(move |conn| oz_site::verify(conn, &from, limit)).await? {
            Ok(next) => next,
            Err(broken) => return Ok(Err(broken)),
        };
        if let Some(kept) = kept.as_ref().filter(|kept| kept.count == next.count && kept.hash != next.hash) {
            return Ok(Err(Broken::Changed(kept.count)));
        }
        if next == at {
            let cut = kept.is_some_and(|kept| kept.count > at.count);
            return Ok(if cut { Err(Broken::Cut(at.count)) } else { Ok(at) });
        }
        at = next;
    }
}
