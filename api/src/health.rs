//! How the appliance is (decision 34): each part asked at once, none waited for longer than a moment.

use crate::app::App;
use oz_domain::{JobState, Millis};
use oz_wire::{Check, CheckStatus, Health};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For one check. The answer comes within a second whatever hangs.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long an answer is given again: nobody makes us work by asking often.
const FRESH: Duration = Duration::from_secs(1);
/// A job that waited this long tells that there are too few workers.
const LONG_WAIT: Duration = Duration::from_secs(60);

type Answer = (CheckStatus, String);

/// The last answer.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Option<(Instant, Arc<Health>)>>);

/// The state of every part, at most [`FRESH`] old.
pub(crate) async fn health(app: &App) -> Arc<Health> {
    let stopping = app.stopping.load(Ordering::Relaxed);
    let kept = app.health.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, health)) = kept.filter(|(at, _)| at.elapsed() < FRESH && !stopping) {
        // A part that comes up is seen at once: whoever waits for it asks again and again.
        if health.status == CheckStatus::Ok || at.elapsed() < FRESH / 10 {
            return health;
        }
    }
    let health = Arc::new(ask(app, stopping).await);
    *app.health.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&health)));
    health
}

async fn ask(app: &App, stopping: bool) -> Health {
    let (database, storage, queue, disk) = tokio::join!(
        within(database(app.clone())),
        within(storage(app.clone())),
        within(queue(app.clone())),
        within(disk(app.clone())),
    );
    let start = Instant::now();
    let models = timed(start, models(app));
    let mut checks = BTreeMap::from([
        ("database", database),
        ("storage", storage),
        ("queue", queue),
        ("disk", disk),
        ("models", models),
    ]);
    if stopping {
        checks.insert("server", timed(start, (CheckStatus::Fail, "stopping".to_owned())));
    }
    let status = checks.values().map(|c| c.status).max().unwrap_or(CheckStatus::Fail);
    Health { status, checks }
}

fn timed(start: Instant, (status, message): Answer) -> Check {
    Check { status, message, time_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX) }
}

/// A check that does not come back is a failure. It runs on, on a task of its own, and hurts nobody.
async fn within(check: impl Future<Output = Answer> + Send + 'static) -> Check {
    let start = Instant::now();
    let answer = match tokio::time::timeout(PATIENCE, tokio::spawn(check)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => (CheckStatus::Fail, "the check broke off".to_owned()),
        Err(_) => (CheckStatus::Fail, format!("no answer within {} ms", PATIENCE.as_millis())),
    };
    timed(start, answer)
}

async fn database(app: App) -> Answer {
    match app.db.health().await {
        Ok(()) => (CheckStatus::Ok, format!("{:?} answers", app.db.backend())),
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            (CheckStatus::Fail, "the database does not answer".to_owned())
        }
    }
}

/// Writes a file and takes it away again: a file system that turned read-only is found here.
async fn storage(app: App) -> Answer {
    let path = app.settings.data_dir.join("spool").join(format!("health-{}", std::process::id()));
    let tried = tokio::task::spawn_blocking(move || {
        fs_err::write(&path, b"ok")?;
        fs_err::remove_file(&path)
    });
    match tried.await {
        Ok(Ok(())) => (CheckStatus::Ok, "files can be written".to_owned()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the data folder cannot be written");
            (CheckStatus::Fail, "files cannot be written".to_owned())
        }
        Err(_) => (CheckStatus::Fail, "the check broke off".to_owned()),
    }
}

async fn disk(app: App) -> Answer {
    let blobs = app.blobs.clone();
    match tokio::task::spawn_blocking(move || blobs.free_bytes()).await {
        Ok(Ok(free)) if free < app.settings.min_free_space => {
            (CheckStatus::Degraded, format!("{} MiB free: uploads are refused", free >> 20))
        }
        Ok(Ok(free)) => (CheckStatus::Ok, format!("{} MiB free", free >> 20)),
        _ => (CheckStatus::Fail, "the file system cannot be asked".to_owned()),
    }
}

async fn queue(app: App) -> Answer {
    let now = app.now();
    let stats = match app.db.read(oz_jobs::stats).await {
        Ok(stats) => stats,
        Err(_) => return (CheckStatus::Fail, "the queue cannot be read".to_owned()),
    };
    let count = |state| stats.iter().filter(|s| s.state == state).map(|s| s.jobs).sum::<i64>();
    let waited =
        stats.iter().filter(|s| s.state == JobState::Ready).map(|s| now.since(s.oldest)).max().unwrap_or_default();
    let (ready, running, dead) = (count(JobState::Ready), count(JobState::Leased), count(JobState::Dead));
    let text = format!("{ready} ready, {running} running, {dead} dead, oldest waits {} s", waited.as_secs());
    (if waited > LONG_WAIT { CheckStatus::Degraded } else { CheckStatus::Ok }, text)
}

fn models(app: &App) -> Answer {
    match app.engine.get() {
        // A server that only enqueues judges nothing; its workers have the models.
        None if !app.settings.local_processing => (CheckStatus::Ok, "not needed here: OZ_PROCESSING=queue".to_owned()),
        None => (CheckStatus::Fail, "still loading".to_owned()),
        Some(Err(_)) => (CheckStatus::Fail, "the models cannot be loaded: see the log".to_owned()),
        Some(Ok(engine)) => (CheckStatus::Ok, format!("{} {}", engine.version().name, engine.version().version)),
    }
}

/// Puts the queue's state into the metrics, at a scrape.
pub(crate) async fn measure_queue(app: &App) {
    let Ok(stats) = app.db.read(oz_jobs::stats).await else { return };
    let now: Millis = app.now();
    for lane in [crate::work::LANE] {
        for state in [JobState::Ready, JobState::Leased, JobState::Dead] {
            let found = stats.iter().find(|s| s.lane == lane && s.state == state);
            app.metrics.queue(lane, state.as_str(), found.map_or(0, |s| s.jobs));
            if state == JobState::Ready {
                let age = found.map_or(0, |s| now.since(s.oldest).as_secs());
                app.metrics.queue_age(lane, i64::try_from(age).unwrap_or(i64::MAX));
            }
        }
    }
}
