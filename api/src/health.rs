//! How the appliance is (decision 34): each part asked at once, none waited for longer than a moment.

use crate::app::App;
use oz_domain::{JobState, Millis};
use oz_jobs::LaneStats;
use oz_wire::{Check, CheckStatus, Health};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// For one check. The answer comes within a second whatever hangs.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long an answer is given again: nobody makes us work by asking often.
const FRESH: Duration = Duration::from_secs(1);
/// A job that was asked for this long ago tells that there are too few workers, or none that can do it.
const LONG_WAIT: Duration = Duration::from_secs(60);

type Answer = (CheckStatus, String);

/// The last answer, and the one that is being made.
#[derive(Default)]
pub(crate) struct Cache {
    asked: Arc<Mutex<Asked>>,
    database: Slot,
    storage: Slot,
    queue: Slot,
    disk: Slot,
}

#[derive(Default)]
struct Asked {
    last: Option<(Instant, Arc<Health>)>,
    flight: Option<watch::Receiver<Option<Arc<Health>>>>,
}

/// The state of every part, at most [`FRESH`] old.
pub(crate) async fn health(app: &App) -> Arc<Health> {
    let health = app.health.shared(|| ask(app.clone())).await;
    if !app.stopping.load(Ordering::Relaxed) {
        return health;
    }
    let mut checks = health.checks.clone();
    checks.insert("server", timed(Instant::now(), (CheckStatus::Fail, "stopping".to_owned())));
    Arc::new(Health { status: CheckStatus::Fail, checks })
}

impl Cache {
    /// The last answer while it is fresh, else the next one: whoever asks meanwhile waits for the same.
    async fn shared<F>(&self, ask: impl FnOnce() -> F) -> Arc<Health>
    where
        F: Future<Output = Health> + Send + 'static,
    {
        let mut flight = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, health)) = &asked.last {
                // A part that comes up is seen at once: whoever waits for it asks again and again.
                let fresh = if health.status == CheckStatus::Ok { FRESH } else { FRESH / 10 };
                if at.elapsed() < fresh {
                    return Arc::clone(health);
                }
            }
            // One whose task broke off has no sender any more.
            match asked.flight.clone().filter(|flight| flight.has_changed().is_ok()) {
                Some(flight) => flight,
                None => {
                    let (landed, flight) = watch::channel(None);
                    asked.flight = Some(flight.clone());
                    // A task of its own: a caller that goes away must not take it from the others.
                    tokio::spawn(Self::fly(Arc::clone(&self.asked), ask(), landed));
                    flight
                }
            }
        };
        let landed = flight.wait_for(Option::is_some).await.ok().and_then(|health| health.clone());
        landed.unwrap_or_else(|| {
            let check = timed(Instant::now(), (CheckStatus::Fail, "the checks broke off".to_owned()));
            Arc::new(Health { status: CheckStatus::Fail, checks: BTreeMap::from([("server", check)]) })
        })
    }

    async fn fly(
        asked: Arc<Mutex<Asked>>,
        ask: impl Future<Output = Health>,
        landed: watch::Sender<Option<Arc<Health>>>,
    ) {
        let health = Arc::new(ask.await);
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.last = Some((Instant::now(), Arc::clone(&health)));
        asked.flight = None;
        landed.send_replace(Some(health));
    }
}

async fn ask(app: App) -> Health {
    let slots = &app.health;
    let (database, storage, queue, disk) = tokio::join!(
        slots.database.within(database(app.clone())),
        slots.storage.within(storage(app.clone())),
        slots.queue.within(queue(app.clone())),
        slots.disk.within(disk(app.clone())),
    );
    let models = timed(Instant::now(), models(&app));
    let mut checks = BTreeMap::from([
        ("database", database),
        ("storage", storage),
        ("queue", queue),
        ("disk", disk),
        ("models", models),
        ("license", timed(Instant::now(), license(&app))),
    ]);
    if crate::auth::stateless::is_open(&app) {
        let open = "off: OZ_AUTHORIZE_DISABLED_STATELESS lets everybody in".to_owned();
        checks.insert("authorization", timed(Instant::now(), (CheckStatus::Degraded, open)));
    }
    let status = checks.values().map(|c| c.status).max().unwrap_or(CheckStatus::Fail);
    Health { status, checks }
}

fn timed(start: Instant, (status, message): Answer) -> Check {
    Check { status, message, time_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX) }
}

/// Room for one check of a kind: one that hangs holds a thread, and must not get company at every question.
#[derive(Default)]
struct Slot(Arc<AtomicBool>);

/// The room is taken until this is dropped, after a panic too.
struct Taken(Arc<AtomicBool>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Slot {
    /// A check that does not come back is a failure. It runs on, on a task of its own, and hurts nobody.
    async fn within(&self, check: impl Future<Output = Answer> + Send + 'static) -> Check {
        let start = Instant::now();
        if self.0.swap(true, Ordering::Acquire) {
            return timed(start, (CheckStatus::Fail, "no answer: an earlier check has not come back".to_owned()));
        }
        let taken = Taken(Arc::clone(&self.0));
        let check = async move {
            let answer = check.await;
            drop(taken);
            answer
        };
        let answer = match tokio::time::timeout(PATIENCE, tokio::spawn(check)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => (CheckStatus::Fail, "the check broke off".to_owned()),
            Err(_) => (CheckStatus::Fail, format!("no answer within {} ms", PATIENCE.as_millis())),
        };
        timed(start, answer)
    }
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

/// Whether files can be written: a file system that turned read-only is found here.
async fn storage(app: App) -> Answer {
    let spool = app.settings.data_dir.join("spool");
    let tried = tokio::task::spawn_blocking(move || probe(&spool));
    match tried.await {
        Ok(Ok(())) => (CheckStatus::Ok, "files can be written".to_owned()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the data folder cannot be written");
            (CheckStatus::Fail, "files cannot be written".to_owned())
        }
        Err(_) => (CheckStatus::Fail, "the check broke off".to_owned()),
    }
}

/// Writes a file and takes it away again. Its name is drawn: several servers, each with the same process id in a container
/// of its own, may share the folder.
fn probe(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!("health-{:016x}", getrandom::u64().map_err(std::io::Error::other)?));
    fs_err::write(&path, b"ok")?;
    match fs_err::remove_file(&path) {
        // Swept meanwhile: it was written all the same.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
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
    judge_queue(&stats, now)
}

fn judge_queue(stats: &[LaneStats], now: Millis) -> Answer {
    let count = |state| stats.iter().filter(|s| s.state == state).map(|s| s.jobs).sum::<i64>();
    let waited = stats.iter().filter_map(|s| age(s, now)).max().unwrap_or_default();
    let (ready, running, dead) = (count(JobState::Ready), count(JobState::Leased), count(JobState::Dead));
    let text = format!("{ready} ready, {running} running, {dead} dead, oldest waits {} s", waited.as_secs());
    (if waited > LONG_WAIT { CheckStatus::Degraded } else { CheckStatus::Ok }, text)
}

/// How long ago the oldest job that is not at its end was asked for. Those that run count: one that finds no models is
/// begun, and put off, over and over.
fn age(stats: &LaneStats, now: Millis) -> Option<Duration> {
    matches!(stats.state, JobState::Ready | JobState::Leased).then(|| now.since(stats.oldest))
}

/// What an administrator should look at soon. A license that is over stops new analyses, not the server: data stay readable.
fn license(app: &App) -> Answer {
    let known = app.license.known();
    let urgent = known.warnings.iter().filter(|warning| warning.urgent && warning.text != known.text);
    let mut text = vec![format!("{}: {}", known.state, known.text)];
    text.extend(urgent.map(|warning| warning.text.clone()));
    let status = if known.permits && text.len() == 1 { CheckStatus::Ok } else { CheckStatus::Degraded };
    if oz_license::VendorKeys::is_development() {
        text.push("development build: it trusts licenses that anybody can sign".to_owned());
    }
    (status, text.join("; "))
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
    for lane in [crate::work::LANE, crate::work::LIGHT] {
        for state in [JobState::Ready, JobState::Leased, JobState::Dead] {
            let found = stats.iter().find(|s| s.lane == lane && s.state == state);
            app.metrics.queue(lane, state.as_str(), found.map_or(0, |s| s.jobs));
        }
        let oldest = stats.iter().filter(|s| s.lane == lane).filter_map(|s| age(s, now)).max().unwrap_or_default();
        app.metrics.queue_age(lane, i64::try_from(oldest.as_secs()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::sync::Notify;

    fn answer(status: CheckStatus) -> Health {
        Health { status, checks: BTreeMap::new() }
    }

    #[tokio::test]
    async fn all_who_ask_at_once_share_one_answer() {
        let (cache, go_on) = (Arc::new(Cache::default()), Arc::new(Notify::new()));
        let waits = Arc::clone(&go_on);
        let first = cache.shared(move || async move {
            waits.notified().await;
            answer(CheckStatus::Degraded)
        });
        // The one that began it goes away; the others are answered all the same.
        assert!(tokio::time::timeout(Duration::ZERO, first).await.is_err());
        let others: Vec<_> = (0..10)
            .map(|_| {
                let cache = Arc::clone(&cache);
                tokio::spawn(async move { cache.shared(|| async { panic!("a second check") }).await })
            })
            .collect();
        tokio::task::yield_now().await;
        go_on.notify_one();
        let mut answers = Vec::new();
        for other in others {
            answers.push(other.await.unwrap());
        }
        assert!(answers.iter().all(|a| Arc::ptr_eq(a, &answers[0]) && a.status == CheckStatus::Degraded));
    }

    #[tokio::test]
    async fn checks_that_break_off_are_a_failure_and_the_next_are_made() {
        let cache = Cache::default();
        let broken = cache.shared(|| async { panic!("planned by the test") }).await;
        assert_eq!(broken.status, CheckStatus::Fail);
        assert_eq!(cache.shared(|| async { answer(CheckStatus::Ok) }).await.status, CheckStatus::Ok);
    }

    #[tokio::test]
    async fn a_check_that_hangs_gets_no_company() {
        let slot = Slot::default();
        let start = Instant::now();
        assert!(slot.within(pending()).await.message.starts_with("no answer within"));
        let next = slot.within(async { panic!("a second check") }).await;
        assert!(next.status == CheckStatus::Fail && next.message.starts_with("no answer: "), "{}", next.message);
        assert!(start.elapsed() < PATIENCE * 2);
        // One that comes back makes room, whatever it says.
        let slot = Slot::default();
        assert_eq!(slot.within(async { panic!("planned by the test") }).await.message, "the check broke off");
        assert_eq!(slot.within(async { (CheckStatus::Ok, String::new()) }).await.status, CheckStatus::Ok);
    }

    #[test]
    fn orders_that_wait_for_a_minute_degrade_the_queue() {
        let of =
            |state, oldest| LaneStats { lane: "inference".to_owned(), state, jobs: 1, oldest: Millis::new(oldest) };
        for (state, oldest, expected) in [
            (JobState::Ready, 0, CheckStatus::Degraded),
            (JobState::Leased, 0, CheckStatus::Degraded),
            (JobState::Dead, 0, CheckStatus::Ok),
            (JobState::Ready, 2000, CheckStatus::Ok),
        ] {
            let (status, text) = judge_queue(&[of(state, oldest)], Millis::new(61_000));
            assert_eq!(status, expected, "{state} {oldest}: {text}");
        }
    }

    #[test]
    fn the_probe_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        probe(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(probe(&folder.path().join("gone")).is_err());
    }
}
