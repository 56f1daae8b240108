//! The runner itself: it works, survives panics and lost databases, and stops in order.

use crate::support::{Line, WriteLine, enqueue, notes, open, shows};
use oz_domain::{Clock, Millis, SystemClock};
use oz_jobs::{Context, Failure, Handle, Lane, Options, Registry, Runner};
use oz_store::Db;
use oz_testkit::both_databases;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

fn now() -> Millis {
    SystemClock.now()
}

fn start(db: &Db, job: WriteLine, poll: Duration) -> Handle {
    let lanes = vec![Lane { name: "light", concurrency: 2 }];
    let options = Options { lease: Duration::from_secs(3), poll, ..Options::new(lanes) };
    Runner::new(db.clone(), Registry::new().with(job), Arc::new(SystemClock), options).start()
}

/// A job that tells when it has begun, and goes on when the test says so.
fn gate() -> (WriteLine, mpsc::UnboundedReceiver<String>) {
    let (begun, seen) = mpsc::unbounded_channel();
    let says = move |line: &Line, context: &Context| {
        begun.send(format!("{} {}", line.text, context.attempt)).map_err(|_| Failure::Fatal("nobody looks".to_owned()))
    };
    (WriteLine::new(says), seen)
}

both_databases! {
    async fn woken_at_once_after_the_commit(database: TestDatabase) {
        let db = open(&database).await;
        let (job, mut seen) = gate();
        let told = job.told.clone();
        // No poll would ever find it.
        let runner = start(&db, job, Duration::from_secs(3600));
        for n in 0..5 {
            enqueue(&db, &n.to_string(), now()).await;
            runner.wake();
            assert_eq!(seen.recv().await.unwrap(), format!("{n} 1"));
        }
        runner.stop(Duration::from_secs(30)).await;
        assert_eq!(notes(&db).await, ["0", "1", "2", "3", "4"]);
        assert_eq!(told.lock().unwrap().len(), 5, "what follows the commit was not done");
    }

    async fn a_panic_costs_one_attempt(database: TestDatabase) {
        let db = open(&database).await;
        let begun = Arc::new(AtomicU32::new(0));
        let count = begun.clone();
        let (done, mut finished) = mpsc::unbounded_channel();
        let job = WriteLine::new(move |_, context| {
            count.fetch_add(1, Ordering::SeqCst);
            assert!(context.attempt > 1, "on purpose");
            let _ = done.send(());
            Ok(())
        });
        let id = enqueue(&db, "a", now()).await;
        let runner = start(&db, job, Duration::from_millis(50));
        finished.recv().await.unwrap();
        runner.stop(Duration::from_secs(30)).await;
        assert_eq!((shows(&db, id).await, begun.load(Ordering::SeqCst)), ("done 2/3".to_owned(), 2));
        assert_eq!(notes(&db).await, ["a"]);
    }

    async fn stopping_gives_back_what_does_not_end(database: TestDatabase) {
        let db = open(&database).await;
        let (begun, mut seen) = mpsc::unbounded_channel();
        let id = enqueue(&db, "a", now()).await;
        let lanes = vec![Lane { name: "light", concurrency: 1 }];
        let runner = Runner::new(db.clone(), Registry::new().with(Forever(begun)), Arc::new(SystemClock), Options::new(lanes)).start();
        seen.recv().await.unwrap();
        assert_eq!(shows(&db, id).await, "leased 1/3");
        assert!(now().since(runner.last_progress()) < Duration::from_secs(30));
        runner.stop(Duration::ZERO).await;
        assert_eq!(shows(&db, id).await, "ready 0/3");
    }

    async fn a_long_job_keeps_its_lease(database: TestDatabase) {
        let db = open(&database).await;
        let (begun, mut seen) = mpsc::unbounded_channel();
        let id = enqueue(&db, "a", now()).await;
        let lanes = vec![Lane { name: "light", concurrency: 1 }];
        let options = Options { lease: Duration::from_millis(900), ..Options::new(lanes) };
        let runner = Runner::new(db.clone(), Registry::new().with(Forever(begun)), Arc::new(SystemClock), options).start();
        seen.recv().await.unwrap();
        let first = until(&db, id).await;
        // The lease is seen to move twice, while the same attempt runs.
        let second = moved(&db, id, first).await;
        moved(&db, id, second).await;
        assert_eq!(shows(&db, id).await, "leased 1/3");
        runner.stop(Duration::ZERO).await;
    }
}

async fn until(db: &Db, id: oz_domain::JobId) -> Millis {
    db.read(move |c| oz_jobs::get(c, id)).await.unwrap().lease_until.unwrap()
}

/// Waits until the lease's end is later than `before`.
async fn moved(db: &Db, id: oz_domain::JobId, before: Millis) -> Millis {
    loop {
        let later = until(db, id).await;
        if later > before {
            return later;
        }
        tokio::task::yield_now().await;
    }
}

/// A job that begins and never ends.
struct Forever(mpsc::UnboundedSender<()>);

impl oz_jobs::Job for Forever {
    const KIND: &'static str = "write_line";
    const LANE: &'static str = "light";
    type Payload = Line;

    async fn run(&self, _: Context, _: Line) -> Result<oz_jobs::Effect, Failure> {
        let _ = self.0.send(());
        std::future::pending().await
    }
}
