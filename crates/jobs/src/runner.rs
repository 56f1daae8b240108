//! The runner: claims, works, keeps leases alive, stops in order.

use crate::backoff::jitter;
use crate::lease::reap_telling;
use crate::{Effect, Error, Failure, Lease, Observer, Outcome, Registry, Result};
use oz_domain::{Clock, Millis};
use oz_store::Db;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tracing::Instrument as _;

/// A lane: jobs that compete for the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its name ([`crate::Job::LANE`]).
    pub name: &'static str,
    /// How many jobs run at once, at least 1.
    pub concurrency: usize,
}

/// How a runner works.
#[derive(Debug, Clone)]
pub struct Options {
    /// The lanes it serves.
    pub lanes: Vec<Lane>,
    /// How long a lease is; it is extended every third of it.
    pub lease: Duration,
    /// How often it looks for jobs that nobody told it about, on average three quarters of this.
    pub poll: Duration,
    /// Told how attempts end.
    pub observer: Observer,
}

impl Options {
    /// These lanes, with leases of 30 s and a look every second.
    pub fn new(lanes: Vec<Lane>) -> Self {
        Self { lanes, lease: Duration::from_secs(30), poll: Duration::from_secs(1), observer: Observer::none() }
    }
}

/// Does the jobs of some lanes.
#[derive(Debug)]
pub struct Runner {
    shared: Arc<Shared>,
    options: Options,
}

#[derive(Debug)]
struct Shared {
    db: Db,
    registry: Registry,
    clock: Arc<dyn Clock>,
    lease: Duration,
    observer: Observer,
    wake: Arc<Notify>,
    progress: AtomicI64,
}

/// How far a runner is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Claims and works.
    Run,
    /// Claims nothing more.
    Drain,
    /// Gives back what it has.
    Release,
}

/// A running runner. Dropped, it stops at once; its leases run out.
#[derive(Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    tasks: JoinSet<()>,
}

impl Runner {
    /// A runner that has not started.
    pub fn new(db: Db, registry: Registry, clock: Arc<dyn Clock>, options: Options) -> Self {
        let progress = AtomicI64::new(clock.now().get());
        let wake = Arc::new(Notify::new());
        let (lease, observer) = (options.lease, options.observer.clone());
        let shared = Arc::new(Shared { db, registry, clock, lease, observer, wake, progress });
        Self { shared, options }
    }

    /// Begins to work, on the current tokio runtime.
    pub fn start(self) -> Handle {
        let (phase, _) = watch::channel(Phase::Run);
        let mut tasks = JoinSet::new();
        for lane in self.options.lanes {
            tasks.spawn(Arc::clone(&self.shared).serve(lane, self.options.poll, phase.subscribe()));
        }
        tasks.spawn(Arc::clone(&self.shared).watch_leases(phase.subscribe()));
        Handle { shared: self.shared, phase, tasks }
    }
}

impl Handle {
    /// Tells the runner that there are new jobs. Call it after the commit that enqueued them.
    pub fn wake(&self) {
        self.shared.wake.notify_waiters();
    }

    /// A way to [`Handle::wake`] that can be given away.
    pub fn waker(&self) -> impl Fn() + Clone + Send + Sync + 'static {
        let wake = Arc::clone(&self.shared.wake);
        move || wake.notify_waiters()
    }

    /// When the runner last showed that it is alive; it does so every third of a lease at least. Feeds the watchdog.
    pub fn last_progress(&self) -> Millis {
        Millis::new(self.shared.progress.load(Ordering::Relaxed))
    }

    /// Stops in order: claims nothing more, waits at most `grace` for what runs, then gives the rest back.
    pub async fn stop(mut self, grace: Duration) {
        self.phase.send_replace(Phase::Drain);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            self.phase.send_replace(Phase::Release);
            while self.tasks.join_next().await.is_some() {}
        }
    }
}

impl Shared {
    /// Claims and works for one lane until told to stop, then waits for what runs.
    async fn serve(self: Arc<Self>, lane: Lane, poll: Duration, mut phase: watch::Receiver<Phase>) {
        let permits = Arc::new(Semaphore::new(lane.concurrency.max(1)));
        let mut running = JoinSet::new();
        while *phase.borrow() == Phase::Run {
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit,
                _ = phase.changed() => continue,
            };
            let Ok(permit) = permit else { break };
            while running.try_join_next().is_some() {}
            // Interest is registered before looking, so that a job enqueued in between is not missed.
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            self.alive();
            match Lease::claim(&self.db, &self.registry, lane.name, self.lease, self.clock.now()).await {
                Ok(Some(lease)) => {
                    let span = tracing::info_span!(
                        "job", job.id = %lease.job().id, job.kind = %lease.job().kind, job.attempt = lease.job().attempts,
                        request.id = lease.job().request_id.map(|id| id.to_string())
                    );
                    let work = Arc::clone(&self).hold(lease, phase.clone(), permit).instrument(span);
                    running.spawn(work);
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(lane = lane.name, %error, "no job could be claimed"),
            }
            drop(permit);
            tokio::select! {
                () = &mut woken => {}
                () = rest(poll / 2 + jitter(poll / 2)) => {}
                _ = phase.changed() => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Works on one job under its lease, to whatever end.
    async fn hold(self: Arc<Self>, lease: Lease, mut phase: watch::Receiver<Phase>, permit: OwnedSemaphorePermit) {
        // A task of its own: a panic ends the attempt, not the runner, and dropping it ends the work.
        let mut work = JoinSet::new();
        work.spawn(lease.work(&self.registry).in_current_span());
        let mut too_long = std::pin::pin!(rest(self.registry.longest(&lease.job().kind)));
        let result = loop {
            tokio::select! {
                done = work.join_next() => break match done {
                    Some(Ok(result)) => result,
                    Some(Err(gone)) if gone.is_panic() => Err(Failure::Retry("the work panicked".to_owned())),
                    _ => Err(Failure::Retry("the work was cancelled".to_owned())),
                },
                () = &mut too_long => {
                    work.abort_all();
                    break Err(Failure::Retry("the work took too long".to_owned()));
                }
                () = rest(self.lease / 3) => {
                    if let Err(Error::LeaseLost) = self.extend(&lease).await {
                        tracing::warn!("the lease was lost; the work is dropped");
                        return;
                    }
                }
                () = released(&mut phase) => {
                    drop(work);
                    match lease.release(&self.db, self.clock.now()).await {
                        Ok(()) => self.tell(&lease, Outcome::Released),
                        Err(error) => tracing::warn!(%error, "the job could not be given back; its lease will run out"),
                    }
                    return;
                }
            }
        };
        self.settle(&lease, result, &mut phase).await;
        drop(permit);
        // The effect may have enqueued further jobs.
        self.wake.notify_waiters();
    }

    async fn extend(&self, lease: &Lease) -> Result<()> {
        self.alive();
        let done = lease.extend(&self.db, self.lease, self.clock.now()).await;
        if let Err(error @ Error::Store(_)) = &done {
            tracing::warn!(%error, "the lease could not be extended");
        }
        done
    }

    /// Writes how the attempt ended; goes on trying while the database is away: without it nobody else gets the job
    /// either. A result that cannot be written at all is a failed attempt.
    async fn settle(
        &self,
        lease: &Lease,
        result: std::result::Result<Effect, Failure>,
        phase: &mut watch::Receiver<Phase>,
    ) {
        let mut result = result.map(Arc::new);
        loop {
            let now = self.clock.now();
            let done = match &result {
                Ok(effect) => lease.complete(&self.db, effect, now).await,
                Err(failure) => lease.fail(&self.db, &self.registry, failure, now).await,
            };
            match done {
                Ok(()) => break,
                Err(Error::LeaseLost) => {
                    tracing::warn!("the lease was lost; the result is dropped");
                    return;
                }
                Err(error) if error.is_passing() => {
                    tracing::warn!(%error, "the job's end could not be written");
                    if *phase.borrow() == Phase::Release {
                        return; // the lease runs out, another attempt follows
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the job's end cannot be written");
                    if result.is_err() {
                        return; // the lease runs out, and that counts
                    }
                    // The same would be said again and again while the job holds its place.
                    result = Err(Failure::Retry(format!("the result cannot be written: {error}")));
                    continue;
                }
            }
            rest(jitter(Duration::from_secs(1))).await;
        }
        match result {
            Ok(effect) => {
                self.tell(lease, Outcome::Done);
                effect.committed();
            }
            Err(failure) => {
                self.tell(lease, lease.outcome(&failure));
                tracing::info!(?failure, "the attempt failed");
            }
        }
    }

    fn tell(&self, lease: &Lease, outcome: Outcome) {
        self.observer.tell(self.registry.name(&lease.job().kind), outcome);
    }

    /// Takes back the leases of workers that are gone.
    async fn watch_leases(self: Arc<Self>, mut phase: watch::Receiver<Phase>) {
        while *phase.borrow() == Phase::Run {
            self.alive();
            let tell = |kind, outcome| self.observer.tell(kind, outcome);
            match reap_telling(&self.db, &self.registry, self.clock.now(), tell).await {
                Ok(0) => {}
                Ok(jobs) => {
                    tracing::warn!(jobs, "leases ran out");
                    self.wake.notify_waiters();
                }
                Err(error) => tracing::warn!(%error, "leases could not be looked through"),
            }
            tokio::select! {
                () = rest(self.lease / 6 + jitter(self.lease / 6)) => {}
                _ = phase.changed() => {}
            }
        }
    }

    fn alive(&self) {
        self.progress.store(self.clock.now().get(), Ordering::Relaxed);
    }
}

async fn released(phase: &mut watch::Receiver<Phase>) {
    // An error means that the handle is gone, and the runner with it.
    let _ = phase.wait_for(|p| *p == Phase::Release).await;
}

#[expect(clippy::disallowed_methods, reason = "the runner's own timer")]
async fn rest(time: Duration) {
    tokio::time::sleep(time).await;
}
