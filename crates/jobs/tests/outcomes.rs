//! How attempts end in a runner, and that it is told.

use crate::support::{Line, WriteLine, enqueue, note, notes, open, shows};
use oz_domain::{Clock, Millis, SystemClock};
use oz_jobs::{
    Context, Death, Effect, Failure, Handle, Job, Lane, Lease, Observer, Options, Outcome, Registry, Runner,
};
use oz_store::{AnyConn, Db, Error};
use oz_testkit::both_databases;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

type Told = mpsc::UnboundedReceiver<(&'static str, Outcome)>;

/// Leases so long that nothing here ends by one.
const LEASE: Duration = Duration::from_secs(3600);

fn now() -> Millis {
    SystemClock.now()
}

fn start(db: &Db, job: impl Job) -> (Handle, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let observer = Observer::new(move |kind, outcome| {
        let _ = tell.send((kind, outcome));
    });
    let lanes = vec![Lane { name: "light", concurrency: 1 }];
    let options = Options { lease: LEASE, poll: Duration::from_millis(50), observer, ..Options::new(lanes) };
    (Runner::new(db.clone(), Registry::new().with(job), Arc::new(SystemClock), options).start(), told)
}

/// What the job does.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Hang,
    Clash,
}

struct Bad(Does);

impl Job for Bad {
    const KIND: &'static str = "write_line";
    const LANE: &'static str = "light";
    const LONGEST: Duration = Duration::from_millis(200);
    type Payload = Line;

    async fn run(&self, _: Context, line: Line) -> Result<Effect, Failure> {
        if self.0 == Does::Hang {
            std::future::pending::<()>().await;
        }
        let after = || panic!("told of an effect that was never written");
        Ok(Effect::new(move |conn| {
            note(conn, &line.text)?;
            Err(Error::Conflict("media.id".to_owned()))
        })
        .then(after))
    }

    fn on_dead(&self, conn: &mut AnyConn, _: &Line, death: &Death) -> oz_store::Result<()> {
        note(conn, &format!("dead after {}: {}", death.attempts, death.reason))
    }
}

both_databases! {
    async fn what_hangs_or_cannot_be_written_is_a_failed_attempt(database: TestDatabase) {
        let db = open(&database).await;
        for (does, reason) in [
            (Does::Hang, "the work took too long"),
            (Does::Clash, "the result cannot be written: the change clashes with another row: media.id"),
        ] {
            let new = oz_jobs::NewJob { max_attempts: 2, ..oz_jobs::NewJob::of::<Bad>(&Line { text: "a".to_owned() }, now()).unwrap() };
            db.write(move |c| oz_jobs::enqueue(c, &new, now())).await.unwrap();
            let (runner, mut told) = start(&db, Bad(does));
            assert_eq!(told.recv().await, Some(("write_line", Outcome::Retry)));
            assert_eq!(told.recv().await, Some(("write_line", Outcome::Dead)));
            runner.stop(Duration::from_secs(30)).await;
            assert!(notes(&db).await.contains(&format!("dead after 2: {reason}")), "{:?}", notes(&db).await);
        }
        assert!(!notes(&db).await.contains(&"a".to_owned()), "half of an effect was written");
    }

    async fn every_end_is_told(database: TestDatabase) {
        let db = open(&database).await;
        // Left by a worker that died, of a kind that then succeeds.
        let id = enqueue(&db, "a", Millis::new(0)).await;
        let registry = Registry::new().with(WriteLine::new(|_, _| Ok(())));
        assert!(Lease::claim(&db, &registry, "light", Duration::ZERO, Millis::new(1)).await.unwrap().is_some());
        let (runner, mut told) = start(&db, WriteLine::new(|_, context| match context.attempt {
            2 => Err(Failure::Later(Duration::from_millis(1))),
            _ => Ok(()),
        }));
        assert_eq!(told.recv().await, Some(("write_line", Outcome::Retry)));
        assert_eq!(told.recv().await, Some(("write_line", Outcome::Released)));
        runner.stop(Duration::from_secs(30)).await;
        let (runner, mut told) = start(&db, WriteLine::new(|_, _| Ok(())));
        assert_eq!(told.recv().await, Some(("write_line", Outcome::Done)));
        runner.stop(Duration::from_secs(30)).await;
        assert_eq!(shows(&db, id).await, "done 2/3");
    }
}
