//! How the server is (decision 34). One task looks every second; whoever asks is told what it saw, so that nobody makes us
//! work by asking, and an answer comes at once whatever hangs.

use crate::app::App;
use oz_license::State;
use oz_site::{Head, Standing};
use oz_wire::{Check, CheckStatus, Health};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// A look that takes longer tells that something hangs.
const PATIENCE: Duration = Duration::from_secs(3);
/// Free bytes below which somebody should look.
const LITTLE: u64 = 256 << 20;

/// What is known of the ledger's chain.
#[derive(Debug, Default)]
pub(crate) enum Ledger {
    /// It is being walked for the first time.
    #[default]
    Walking,
    /// It was whole at the last walk.
    Whole,
    /// It is not.
    Broken(String),
}

/// What was seen when everything answered.
pub(crate) struct Looked {
    at: Instant,
    took: Duration,
    free: Option<u64>,
    pub(crate) standing: Standing,
    pub(crate) head: Head,
}

/// The last look at which everything answered.
pub(crate) fn looked(app: &App) -> Option<Arc<Looked>> {
    app.looked.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Whether the last look was a short while ago: the server makes progress.
pub(crate) fn is_fresh(app: &App) -> bool {
    looked(app).is_some_and(|looked| looked.at.elapsed() < PATIENCE)
}

/// Looks once.
pub(crate) async fn look(app: &App) -> oz_site::Result<()> {
    let (start, site, now) = (Instant::now(), app.site.clone(), app.clock.now());
    let (standing, head) = app
        .db
        .read(move |conn| Ok::<_, oz_site::Refused>((oz_site::standing(conn, &site, now, true)?, oz_site::head(conn)?)))
        .await?;
    let folder = app.settings.data_dir.clone();
    let asked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder)).await;
    let free = asked.ok().and_then(Result::ok).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize));
    let seen = Looked { at: Instant::now(), took: start.elapsed(), free, standing, head };
    *app.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(seen));
    Ok(())
}

/// Looks for ever.
pub(crate) async fn keep_looking(app: App) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = look(&app).await {
            tracing::warn!(%error, "the database does not answer");
        }
    }
}

/// The state of every part.
pub(crate) fn health(app: &App) -> Health {
    let looked = looked(app);
    let check = |(status, message): (CheckStatus, String)| {
        let took = looked.as_ref().map_or(Duration::ZERO, |looked| looked.took);
        Check { status, message, time_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) }
    };
    let database = match &looked {
        Some(looked) if looked.at.elapsed() < PATIENCE => (CheckStatus::Ok, format!("{:?} answers", app.db.backend())),
        Some(looked) => (CheckStatus::Fail, format!("no answer for {} s", looked.at.elapsed().as_secs())),
        None => (CheckStatus::Fail, "no answer yet".to_owned()),
    };
    let license = looked.as_ref().map_or((CheckStatus::Fail, "not known".to_owned()), |l| license(&l.standing));
    let ledger = match &*app.ledger() {
        Ledger::Walking => (CheckStatus::Ok, "its chain is being verified".to_owned()),
        Ledger::Whole => (CheckStatus::Ok, "its chain and sums were whole at the last walk".to_owned()),
        Ledger::Broken(text) => (CheckStatus::Fail, text.clone()),
    };
    let disk = match looked.as_ref().and_then(|looked| looked.free) {
        Some(free) if free < LITTLE => (CheckStatus::Degraded, format!("{} MiB free", free >> 20)),
        Some(free) => (CheckStatus::Ok, format!("{} MiB free", free >> 20)),
        None => (CheckStatus::Fail, "the file system cannot be asked".to_owned()),
    };
    let parts = [("database", database), ("license", license), ("ledger", ledger), ("disk", disk)];
    let checks: BTreeMap<_, _> = parts.into_iter().map(|(name, answer)| (name, check(answer))).collect();
    let status = checks.values().map(|check| check.status).max().unwrap_or(CheckStatus::Fail);
    Health { status, checks }
}

/// A license that permits nothing is no failure of the server: it must be reached to install another one.
fn license(standing: &Standing) -> (CheckStatus, String) {
    let status = if standing.state == State::Active && standing.warnings.is_empty() {
        CheckStatus::Ok
    } else {
        CheckStatus::Degraded
    };
    let text = standing.warnings.first().map_or_else(|| standing.text(), |warning| warning.text.clone());
    (status, text)
}
