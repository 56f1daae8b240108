//! A kind of job whose effects can be counted.

use oz_domain::Millis;
use oz_jobs::{Context, Death, Effect, Failure, Job};
use oz_store::{AnyConn, Db, Options, Viewer, companies};
use oz_testkit::TestDatabase;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

pub(crate) const NOW: Millis = Millis::new(1_700_000_000_000);

pub(crate) async fn open(database: &TestDatabase) -> Db {
    let db = Db::open(database.url(), Options::default()).await.unwrap();
    db.migrate().await.unwrap();
    db
}

/// Effects are written one line each into a text of the system company: rows that the job's transaction commits.
pub(crate) fn note(conn: &mut AnyConn, line: &str) -> oz_store::Result<()> {
    let mut company = companies::get(conn, Viewer::All, companies::SYSTEM)?;
    company.webhook_hosts.push(line.to_owned());
    companies::update(conn, Viewer::All, &company)
}

/// The lines written so far, sorted.
pub(crate) async fn notes(db: &Db) -> Vec<String> {
    let company = db.read(|c| companies::get(c, Viewer::All, companies::SYSTEM)).await.unwrap();
    let mut lines = company.webhook_hosts;
    lines.sort();
    lines
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
}

/// What the work says: decided by the test.
type Says = dyn Fn(&Line, &Context) -> Result<(), Failure> + Send + Sync;

/// Writes its line, unless told to fail; writes `dead <line>` when it is given up.
#[derive(Clone)]
pub(crate) struct WriteLine {
    pub(crate) says: Arc<Says>,
    /// Effects that were told to be committed.
    pub(crate) told: Arc<Mutex<Vec<String>>>,
}

impl WriteLine {
    pub(crate) fn new(says: impl Fn(&Line, &Context) -> Result<(), Failure> + Send + Sync + 'static) -> Self {
        Self { says: Arc::new(says), told: Arc::default() }
    }
}

impl Job for WriteLine {
    const KIND: &'static str = "write_line";
    const LANE: &'static str = "light";
    const MAX_ATTEMPTS: i32 = 3;
    type Payload = Line;

    async fn run(&self, context: Context, line: Line) -> Result<Effect, Failure> {
        (self.says)(&line, &context)?;
        let (told, text) = (Arc::clone(&self.told), line.text.clone());
        Ok(Effect::new(move |conn| note(conn, &line.text)).then(move || told.lock().unwrap().push(text)))
    }

    fn on_dead(&self, conn: &mut AnyConn, line: &Line, death: &Death) -> oz_store::Result<()> {
        if line.text == "undying" {
            return Err(oz_store::Error::Conflict("on purpose".to_owned()));
        }
        note(conn, &format!("dead {} after {}: {}", line.text, death.attempts, death.reason))
    }
}

pub(crate) async fn enqueue(db: &Db, text: &str, now: Millis) -> oz_domain::JobId {
    let new = oz_jobs::NewJob::of::<WriteLine>(&Line { text: text.to_owned() }, now).unwrap();
    let done = db.write(move |c| oz_jobs::enqueue(c, &new, now)).await.unwrap();
    match done {
        oz_jobs::Enqueued::New(id) => id,
        oz_jobs::Enqueued::Already => panic!("enqueued already"),
    }
}

/// The job's state as one word and a number, for comparing.
pub(crate) async fn shows(db: &Db, id: oz_domain::JobId) -> String {
    let row = db.read(move |c| oz_jobs::get(c, id)).await.unwrap();
    format!("{} {}/{}", row.state, row.attempts, row.max_attempts)
}
