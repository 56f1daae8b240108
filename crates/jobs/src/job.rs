//! What a kind of job is.

use oz_domain::{JobId, LeaseToken, RequestId};
use oz_store::AnyConn;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A kind of job.
///
/// A payload holds ids and settings, never media, names or other personal data: it lies in the database until the job
/// ended.
pub trait Job: Send + Sync + 'static {
    /// The name in the database; never changes.
    const KIND: &'static str;
    /// The lane it runs in ([`crate::Options::lanes`]).
    const LANE: &'static str;
    /// How often it is begun at most.
    const MAX_ATTEMPTS: i32 = 4;
    /// How long an attempt may run. One that hangs would keep its lease, and its place in the lane, for ever.
    const LONGEST: Duration = Duration::from_secs(300);
    /// What it needs to know. A newer version must read what an older one wrote.
    type Payload: Serialize + DeserializeOwned + Send + Sync;

    /// Does the work, without an open transaction, and gives what is to be written.
    ///
    /// It may be begun several times, and two attempts may overlap when a lease ran out; only one effect is ever
    /// committed. It is dropped when it takes too long, the lease is lost or the program stops.
    fn run(&self, context: Context, payload: Self::Payload) -> impl Future<Output = Result<Effect, Failure>> + Send;

    /// Writes what follows from giving up, in the transaction that marks the job dead.
    ///
    /// # Errors
    /// Of the database; the job then stays leased and dies later.
    fn on_dead(&self, conn: &mut AnyConn, payload: &Self::Payload, death: &Death) -> oz_store::Result<()> {
        let _ = (conn, payload, death);
        Ok(())
    }
}

/// What a running job knows of itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// The job.
    pub id: JobId,
    /// The lease it runs under.
    pub lease: LeaseToken,
    /// This attempt, from 1.
    pub attempt: i32,
    /// The last attempt.
    pub max_attempts: i32,
    /// The request that asked for it.
    pub request_id: Option<RequestId>,
}

/// Why an attempt gave no effect. The texts go into the database and the log: no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt may help.
    Retry(String),
    /// No attempt will help.
    Fatal(String),
    /// It is too early; not counted as an attempt.
    Later(Duration),
}

/// Why a job was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// What the last attempt said.
    pub reason: String,
    /// How often it was begun.
    pub attempts: i32,
    /// Whether the job itself said that nothing will help; otherwise its attempts are used up.
    pub fatal: bool,
}

type Change = Box<dyn Fn(&mut AnyConn) -> oz_store::Result<()> + Send + Sync>;
type After = Box<dyn FnOnce() + Send>;

/// What a job writes, in one transaction with its completion.
pub struct Effect {
    pub(crate) change: Change,
    // Behind a lock because a change may be looked at from several threads, and this runs once.
    after: Mutex<Option<After>>,
}

impl Effect {
    /// Writes by `change`, which may run several times until it is committed: nothing but queries.
    pub fn new(change: impl Fn(&mut AnyConn) -> oz_store::Result<()> + Send + Sync + 'static) -> Self {
        Self { change: Box::new(change), after: Mutex::default() }
    }

    /// Writes nothing.
    pub fn none() -> Self {
        Self::new(|_| Ok(()))
    }

    /// Does `after` once the effect is committed: waking those who wait, removing files. A crash may come before it.
    #[must_use]
    pub fn then(self, after: impl FnOnce() + Send + 'static) -> Self {
        Self { after: Mutex::new(Some(Box::new(after))), ..self }
    }

    /// What is left to do after the commit; once.
    pub(crate) fn committed(&self) {
        let after = self.after.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(after) = after {
            after();
        }
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Effect")
    }
}
