//! One step at a time, with a clock that is turned by hand.

use crate::support::{Line, NOW, WriteLine, enqueue, notes, open, shows};
use oz_domain::{Clock as _, JobId, JobState, ManualClock, Millis};
use oz_jobs::{Enqueued, Error, Failure, Lease, NewJob, Registry, Result, list, reap, requeue, stats, sweep};
use oz_store::Db;
use oz_testkit::both_databases;
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(3600);

/// A worker that does what it is told.
struct Stepper {
    db: Db,
    registry: Registry,
    clock: ManualClock,
}

impl Stepper {
    fn new(db: &Db, says: impl Fn(&Line) -> std::result::Result<(), Failure> + Send + Sync + 'static) -> Self {
        let registry = Registry::new().with(WriteLine::new(move |line, _| says(line)));
        Self { db: db.clone(), registry, clock: ManualClock::new(NOW) }
    }

    async fn claim(&self) -> Option<Lease> {
        Lease::claim(&self.db, &self.registry, "light", LEASE, self.clock.now()).await.unwrap()
    }

    /// Claims and works: up to the moment before completion.
    async fn until_before_complete(&self) -> (Lease, Arc<oz_jobs::Effect>) {
        let lease = self.claim().await.expect("a due job");
        let effect = lease.run(&self.registry).await.expect("an effect");
        (lease, Arc::new(effect))
    }

    async fn complete(&self, (lease, effect): &(Lease, Arc<oz_jobs::Effect>)) -> Result<()> {
        lease.complete(&self.db, effect, self.clock.now()).await
    }

    async fn fail(&self, lease: &Lease, failure: Failure) -> Result<()> {
        lease.fail(&self.db, &self.registry, &failure, self.clock.now()).await
    }

    async fn reap(&self) -> usize {
        reap(&self.db, &self.registry, self.clock.now()).await.unwrap()
    }
}

both_databases! {
    async fn a_job_is_done_once(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let id = enqueue(&db, "a", NOW).await;
        assert_eq!(shows(&db, id).await, "ready 0/3");
        let held = s.until_before_complete().await;
        assert_eq!(shows(&db, id).await, "leased 1/3");
        assert!(s.claim().await.is_none());
        s.complete(&held).await.unwrap();
        assert_eq!((shows(&db, id).await, notes(&db).await), ("done 1/3".to_owned(), vec!["a".to_owned()]));
        assert!(matches!(s.complete(&held).await, Err(Error::LeaseLost)));
        assert_eq!(notes(&db).await, ["a"]);
        let row = db.read(move |c| oz_jobs::get(c, id)).await.unwrap();
        assert!(row.payload.is_null(), "a finished job remembers what it was about");
    }

    async fn a_worker_that_lost_its_lease_changes_nothing(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let id = enqueue(&db, "a", NOW).await;
        let slow = s.until_before_complete().await;
        s.clock.advance(LEASE + Duration::from_millis(1));
        assert_eq!(s.reap().await, 1);
        s.clock.advance(LONG);
        let fresh = s.until_before_complete().await;
        assert!(matches!(s.complete(&slow).await, Err(Error::LeaseLost)));
        assert!(matches!(slow.0.extend(&db, LEASE, s.clock.now()).await, Err(Error::LeaseLost)));
        assert!(matches!(s.fail(&slow.0, Failure::Fatal("x".to_owned())).await, Err(Error::LeaseLost)));
        assert!(matches!(slow.0.release(&db, s.clock.now()).await, Err(Error::LeaseLost)));
        assert_eq!(notes(&db).await, Vec::<String>::new());
        s.complete(&fresh).await.unwrap();
        assert_eq!((shows(&db, id).await, notes(&db).await), ("done 2/3".to_owned(), vec!["a".to_owned()]));
    }

    async fn a_heartbeat_keeps_the_lease(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        enqueue(&db, "a", NOW).await;
        let held = s.until_before_complete().await;
        for _ in 0..10 {
            s.clock.advance(LEASE / 3);
            held.0.extend(&db, LEASE, s.clock.now()).await.unwrap();
            assert_eq!(s.reap().await, 0);
        }
        s.complete(&held).await.unwrap();
    }

    async fn attempts_are_counted_and_end(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let id = enqueue(&db, "a", NOW).await;
        // One failure, one crash, one failure: given up.
        let lease = s.claim().await.unwrap();
        s.fail(&lease, Failure::Retry("first".to_owned())).await.unwrap();
        assert_eq!(shows(&db, id).await, "ready 1/3");
        s.clock.advance(LONG);
        drop(s.claim().await.unwrap());
        s.clock.advance(LONG);
        assert_eq!(s.reap().await, 1);
        s.clock.advance(LONG);
        let lease = s.claim().await.unwrap();
        s.fail(&lease, Failure::Retry("third".to_owned())).await.unwrap();
        assert_eq!(shows(&db, id).await, "dead 3/3");
        assert_eq!(notes(&db).await, ["dead a after 3: third"]);
        // By hand, once more.
        let now = s.clock.now();
        let dead = db.read(|c| list(c, JobState::Dead, None, 10)).await.unwrap();
        assert_eq!((dead.len(), dead[0].last_error.as_deref()), (1, Some("third")));
        assert!(db.write(move |c| requeue(c, id, now)).await.unwrap());
        assert!(!db.write(move |c| requeue(c, id, now)).await.unwrap());
        let held = s.until_before_complete().await;
        s.complete(&held).await.unwrap();
        assert_eq!(shows(&db, id).await, "done 1/3");
    }

    async fn a_crash_in_the_last_attempt_is_told(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let id = enqueue(&db, "a", NOW).await;
        for _ in 0..3 {
            s.claim().await.unwrap();
            s.clock.advance(LONG);
            assert_eq!(s.reap().await, 1);
            s.clock.advance(LONG);
        }
        assert_eq!(shows(&db, id).await, "dead 3/3");
        assert_eq!(notes(&db).await, ["dead a after 3: the worker did not come back"]);
    }

    async fn one_that_cannot_be_buried_does_not_keep_the_others(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let undying = enqueue(&db, "undying", NOW).await;
        for _ in 0..2 {
            s.claim().await.unwrap();
            s.clock.advance(LONG);
            assert_eq!(s.reap().await, 1);
            s.clock.advance(LONG);
        }
        s.claim().await.unwrap();
        let other = enqueue(&db, "other", NOW).await;
        s.clock.advance(Duration::from_secs(1));
        assert_eq!(s.claim().await.unwrap().job().id, other);
        s.clock.advance(LONG);
        assert_eq!(s.reap().await, 1);
        assert_eq!((shows(&db, undying).await, shows(&db, other).await), ("leased 3/3".to_owned(), "ready 1/3".to_owned()));
    }

    async fn later_and_release_do_not_count_and_fatal_ends_at_once(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let id = enqueue(&db, "a", NOW).await;
        let lease = s.claim().await.unwrap();
        s.fail(&lease, Failure::Later(Duration::from_secs(60))).await.unwrap();
        assert_eq!(shows(&db, id).await, "ready 0/3");
        s.clock.advance(Duration::from_secs(59));
        assert!(s.claim().await.is_none());
        s.clock.advance(Duration::from_secs(1));
        s.claim().await.unwrap().release(&db, s.clock.now()).await.unwrap();
        assert_eq!(shows(&db, id).await, "ready 0/3");
        let lease = s.claim().await.unwrap();
        s.fail(&lease, Failure::Fatal("hopeless".to_owned())).await.unwrap();
        assert_eq!((shows(&db, id).await, notes(&db).await), ("dead 1/3".to_owned(), vec!["dead a after 1: hopeless".to_owned()]));
    }

    async fn a_job_that_is_put_off_again_and_again_grows_old(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let id = enqueue(&db, "a", NOW).await;
        for _ in 0..30 {
            s.clock.advance(Duration::from_secs(5));
            let lease = s.claim().await.unwrap();
            let running = db.read(stats).await.unwrap();
            assert_eq!((running.len(), running[0].state, running[0].oldest), (1, JobState::Leased, NOW));
            s.fail(&lease, Failure::Later(Duration::from_secs(5))).await.unwrap();
            let waiting = db.read(stats).await.unwrap();
            assert_eq!((waiting.len(), waiting[0].state, waiting[0].oldest), (1, JobState::Ready, NOW));
        }
        // What is begun anew by hand is young.
        let lease = s.claim().await;
        assert!(lease.is_none(), "put off");
        s.clock.advance(LONG);
        s.fail(&s.claim().await.unwrap(), Failure::Fatal("x".to_owned())).await.unwrap();
        let now = s.clock.now();
        assert!(db.write(move |c| requeue(c, id, now)).await.unwrap());
        assert_eq!(db.read(stats).await.unwrap()[0].oldest, now);
    }

    async fn order_dedupe_stats_and_sweep(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let new = |text: &str, priority, run_at| NewJob { priority, run_at, ..NewJob::of::<WriteLine>(&Line { text: text.to_owned() }, NOW).unwrap() };
        let later = Millis::new(NOW.get() + 10);
        let jobs = [new("low", -1, NOW), new("second", 0, later), new("first", 0, NOW), new("urgent", 9, later), new("future", 99, NOW.plus(LONG))];
        let added = db.write(move |c| jobs.iter().map(|j| oz_jobs::enqueue(c, j, NOW)).collect::<oz_store::Result<Vec<_>>>()).await.unwrap();
        assert_eq!(added.len(), 5);
        let oldest = db.read(stats).await.unwrap();
        assert_eq!((oldest.len(), oldest[0].jobs, oldest[0].oldest, oldest[0].state), (1, 5, NOW, JobState::Ready));
        s.clock.advance(Duration::from_millis(10));
        let mut order = Vec::new();
        while let Some(lease) = s.claim().await {
            order.push(lease.job().payload["text"].as_str().unwrap().to_owned());
            let effect = Arc::new(lease.run(&s.registry).await.unwrap());
            s.complete(&(lease, effect)).await.unwrap();
        }
        assert_eq!(order, ["urgent", "first", "second", "low"]);
        let gone = db.write(|c| sweep(c, NOW.plus(LONG), NOW)).await.unwrap();
        assert_eq!(gone, 4);

        let once = new("once", 0, NOW).once("key");
        let add = |j: NewJob| db.write(move |c| oz_jobs::enqueue(c, &j, NOW));
        assert!(matches!(add(once.clone()).await.unwrap(), Enqueued::New(_)));
        assert_eq!(add(once.clone()).await.unwrap(), Enqueued::Already);
        let held = s.until_before_complete().await;
        assert_eq!(add(once.clone()).await.unwrap(), Enqueued::Already);
        s.complete(&held).await.unwrap();
        assert!(matches!(add(once).await.unwrap(), Enqueued::New(_)));
    }

    async fn unknown_kinds_are_left_to_others(database: TestDatabase) {
        let db = open(&database).await;
        let s = Stepper::new(&db, |_| Ok(()));
        let strange = NewJob { kind: "of_a_newer_version", ..NewJob::of::<WriteLine>(&Line { text: String::new() }, NOW).unwrap() };
        db.write(move |c| oz_jobs::enqueue(c, &strange, NOW)).await.unwrap();
        assert!(s.claim().await.is_none());
    }

    async fn many_claim_and_none_twice(database: TestDatabase) {
        let db = open(&database).await;
        for n in 0..60 {
            enqueue(&db, &n.to_string(), NOW).await;
        }
        let tasks: Vec<_> = (0..8).map(|_| {
            let s = Stepper::new(&db, |_| Ok(()));
            tokio::spawn(async move {
                let mut ids: Vec<JobId> = Vec::new();
                while let Some(lease) = s.claim().await { ids.push(lease.job().id); }
                ids
            })
        }).collect();
        let mut all = Vec::new();
        for task in tasks { all.extend(task.await.unwrap()); }
        all.sort();
        let claimed = all.len();
        all.dedup();
        assert_eq!((all.len(), claimed), (60, 60));
    }
}
