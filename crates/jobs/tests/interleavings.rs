//! Any order of claims, crashes, heartbeats and expiries: each job's effect is there exactly once.

use crate::support::{NOW, WriteLine, notes, open, shows};
use oz_domain::{Clock as _, ManualClock};
use oz_jobs::{Effect, Lease, Registry, reap};
use oz_testkit::both_databases;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);
const WORKERS: usize = 3;
const JOBS: usize = 4;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A worker takes a job and does the work, up to before its completion. What it had before is lost: it crashed.
    ClaimAndWork(usize),
    /// A worker writes what it has.
    Complete(usize),
    /// A worker says that it lives.
    Heartbeat(usize),
    /// A worker gives back what it has.
    Release(usize),
    /// Time passes.
    Wait(u64),
    /// Somebody looks for leases that ran out.
    Reap,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let worker = || 0..WORKERS;
    let one = prop_oneof![
        4 => worker().prop_map(Step::ClaimAndWork),
        4 => worker().prop_map(Step::Complete),
        2 => worker().prop_map(Step::Heartbeat),
        1 => worker().prop_map(Step::Release),
        3 => (1..50u64).prop_map(Step::Wait),
        2 => Just(Step::Reap),
    ];
    prop::collection::vec(one, 10..40)
}

both_databases! {
    async fn every_effect_exactly_once(database: TestDatabase) {
        let db = open(&database).await;
        let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(42), ..Config::default() });
        let mut expected = Vec::new();
        for round in 0..12 {
            let steps = steps().new_tree(&mut runner).unwrap().current();
            let registry = Registry::new().with(WriteLine::new(|_, _| Ok(())));
            let clock = ManualClock::new(NOW);
            let mut ids = Vec::new();
            for job in 0..JOBS {
                let text = format!("{round} {job}");
                // Crashes count as attempts: enough of them that no job is given up.
                let line = crate::support::Line { text: text.clone() };
                let new = oz_jobs::NewJob { max_attempts: 1000, ..oz_jobs::NewJob::of::<WriteLine>(&line, NOW).unwrap() };
                let oz_jobs::Enqueued::New(id) = db.write(move |c| oz_jobs::enqueue(c, &new, NOW)).await.unwrap() else { panic!() };
                ids.push(id);
                expected.push(text);
            }
            let mut hands: Vec<Option<(Lease, Arc<Effect>)>> = (0..WORKERS).map(|_| None).collect();
            let mut completed = 0;
            for step in &steps {
                match *step {
                    Step::ClaimAndWork(w) => {
                        hands[w] = None;
                        if let Some(lease) = Lease::claim(&db, &registry, "light", LEASE, clock.now()).await.unwrap() {
                            let effect = Arc::new(lease.run(&registry).await.unwrap());
                            hands[w] = Some((lease, effect));
                        }
                    }
                    // The hand keeps what it wrote: writing it again must change nothing.
                    Step::Complete(w) => if let Some((lease, effect)) = &hands[w] {
                        completed += usize::from(lease.complete(&db, effect, clock.now()).await.is_ok());
                    },
                    Step::Heartbeat(w) => if let Some((lease, _)) = &hands[w] {
                        let _ = lease.extend(&db, LEASE, clock.now()).await;
                    },
                    Step::Release(w) => if let Some((lease, _)) = &hands[w] {
                        let _ = lease.release(&db, clock.now()).await;
                    },
                    Step::Wait(seconds) => clock.advance(Duration::from_secs(seconds)),
                    Step::Reap => { reap(&db, &registry, clock.now()).await.unwrap(); }
                }
            }
            // Then one worker that never fails finishes everything.
            for _ in 0..1000 {
                clock.advance(LEASE * 40);
                reap(&db, &registry, clock.now()).await.unwrap();
                clock.advance(LEASE * 40);
                while let Some(lease) = Lease::claim(&db, &registry, "light", LEASE, clock.now()).await.unwrap() {
                    let effect = Arc::new(lease.run(&registry).await.unwrap());
                    lease.complete(&db, &effect, clock.now()).await.unwrap();
                    completed += 1;
                }
                if completed == JOBS { break; }
            }
            assert_eq!(completed, JOBS, "{steps:?}");
            for id in ids {
                assert!(shows(&db, id).await.starts_with("done"), "{steps:?}");
            }
            expected.sort();
            assert_eq!(notes(&db).await, expected, "{steps:?}");
        }
    }
}
