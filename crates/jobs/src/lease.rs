//! A claimed job: the right to work on it for a while, and every way it can end.
//!
//! The runner drives these; tests drive them step by step.

use crate::backoff::full_jitter;
use crate::registry::Work;
use crate::{Context, Death, Effect, Error, Failure, Outcome, Registry, Result, Row, table};
use oz_domain::{JobId, LeaseToken, Millis};
use oz_store::{AnyConn, Db};
use std::sync::Arc;
use std::time::Duration;

/// How many expired leases are taken back in one transaction.
const REAP: i64 = 100;

/// A claimed job.
#[derive(Debug, Clone)]
pub struct Lease {
    job: Arc<Row>,
    token: LeaseToken,
}

impl Lease {
    /// Takes the next due job of a lane, of a kind that the registry knows, for `lease`.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn claim(db: &Db, registry: &Registry, lane: &str, lease: Duration, now: Millis) -> Result<Option<Self>> {
        let kinds = registry.kinds(lane);
        if kinds.is_empty() {
            return Ok(None);
        }
        let (lane, token) = (lane.to_owned(), LeaseToken::new(now));
        let row = db
            .statement(move |conn| table::claim(conn, &lane, &kinds, token, now.plus(lease), now))
            .await
            .map_err(Error::Store)?;
        Ok(row.map(|job| Self { job: Arc::new(job), token }))
    }

    /// The job as it was claimed.
    pub fn job(&self) -> &Row {
        &self.job
    }

    /// The lease's token.
    pub const fn token(&self) -> LeaseToken {
        self.token
    }

    /// The job's work, not begun.
    pub(crate) fn work(&self, registry: &Registry) -> Work {
        let context = Context {
            id: self.job.id,
            lease: self.token,
            attempt: self.job.attempts,
            max_attempts: self.job.max_attempts,
            request_id: self.job.request_id,
        };
        match registry.find(&self.job.kind) {
            Some(kind) => Arc::clone(kind).run(context, self.job.payload.clone()),
            None => Box::pin(async { Err(Failure::Later(Duration::from_secs(60))) }),
        }
    }

    /// Does the job's work here and now.
    ///
    /// # Errors
    /// What the job says.
    pub async fn run(&self, registry: &Registry) -> std::result::Result<Effect, Failure> {
        self.work(registry).await
    }

    /// Keeps the lease for `lease` from now.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], [`Error::Store`].
    pub async fn extend(&self, db: &Db, lease: Duration, now: Millis) -> Result<()> {
        let (id, token) = self.ids();
        db.write(move |conn| table::extend(conn, id, token, now.plus(lease))).await
    }

    /// Writes the effect and marks the job done, in one transaction.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], and then nothing of the effect is written; [`Error::Store`].
    pub async fn complete(&self, db: &Db, effect: &Arc<Effect>, now: Millis) -> Result<()> {
        let (id, token) = self.ids();
        let effect = Arc::clone(effect);
        db.write(move |conn| {
            // The fence first: an effect without the right to it is not even tried.
            table::complete(conn, id, token, now)?;
            Ok((effect.change)(conn)?)
        })
        .await
    }

    /// Ends an attempt that gave no effect: puts the job back, or buries it.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], [`Error::Store`].
    pub async fn fail(&self, db: &Db, registry: &Registry, failure: &Failure, now: Millis) -> Result<()> {
        let (job, registry, failure) = (Arc::clone(&self.job), registry.clone(), failure.clone());
        let token = self.token;
        // Drawn here: what the transaction does must not differ when it runs again.
        let wait = full_jitter(job.attempts);
        db.write(move |conn| match &failure {
            Failure::Later(after) => table::put_back(conn, job.id, token, now.plus(*after), None, true),
            Failure::Retry(reason) if job.attempts < job.max_attempts => {
                table::put_back(conn, job.id, token, now.plus(wait), Some(reason), false)
            }
            Failure::Retry(reason) => bury(conn, &registry, &job, token, reason, false, now),
            Failure::Fatal(reason) => bury(conn, &registry, &job, token, reason, true, now),
        })
        .await
    }

    /// What [`Lease::fail`] makes of a failure.
    pub(crate) fn outcome(&self, failure: &Failure) -> Outcome {
        match failure {
            Failure::Later(_) => Outcome::Released,
            Failure::Retry(_) if self.job.attempts < self.job.max_attempts => Outcome::Retry,
            Failure::Retry(_) | Failure::Fatal(_) => Outcome::Dead,
        }
    }

    /// Gives the job back unharmed: the program stops. The attempt does not count.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], [`Error::Store`].
    pub async fn release(&self, db: &Db, now: Millis) -> Result<()> {
        let (id, token) = self.ids();
        db.write(move |conn| table::put_back(conn, id, token, now, None, true)).await
    }

    fn ids(&self) -> (JobId, LeaseToken) {
        (self.job.id, self.token)
    }
}

/// Takes back leases that have run out: their workers died or hang. Their attempts count. Gives the number of jobs.
///
/// # Errors
/// [`Error::Store`].
pub async fn reap(db: &Db, registry: &Registry, now: Millis) -> Result<usize> {
    reap_telling(db, registry, now, |_, _| {}).await
}

/// [`reap`], telling of each job's kind and what became of it.
pub(crate) async fn reap_telling(
    db: &Db,
    registry: &Registry,
    now: Millis,
    tell: impl Fn(&'static str, Outcome),
) -> Result<usize> {
    // Looked for outside a write first: mostly there is nothing.
    let found = db.read(move |conn| table::expired(conn, now, REAP)).await.map_err(Error::Store)?;
    let mut taken = 0;
    for job in found {
        let (id, kind) = (job.id, registry.name(&job.kind));
        let registry = registry.clone();
        let wait = full_jitter(job.attempts);
        let done = db
            .write(move |conn| {
                // It may have been extended since, under the same token.
                let job = table::get(conn, job.id)?;
                let (Some(token), Some(until)) = (job.lease_token, job.lease_until) else { return Ok(None) };
                if until >= now {
                    return Ok(None);
                }
                let reason = "the worker did not come back";
                if job.attempts < job.max_attempts {
                    table::put_back(conn, job.id, token, now.plus(wait), Some(reason), false)?;
                    Ok::<_, Error>(Some(Outcome::Retry))
                } else if registry.find(&job.kind).is_some() {
                    bury(conn, &registry, &job, token, reason, false, now)?;
                    Ok(Some(Outcome::Dead))
                } else {
                    Ok(None) // a program that knows the kind will bury it
                }
            })
            .await;
        match done {
            Ok(Some(outcome)) => {
                taken += 1;
                tell(kind, outcome);
            }
            Ok(None) | Err(Error::LeaseLost | Error::Store(oz_store::Error::NotFound)) => {}
            Err(error) if error.is_passing() => return Err(error),
            // It concerns this job alone: the others must not wait behind it.
            Err(error) => {
                tracing::error!(%error, job.id = %id, job.kind = kind, "an expired job could not be taken back")
            }
        }
    }
    Ok(taken)
}

fn bury(
    conn: &mut AnyConn,
    registry: &Registry,
    job: &Row,
    token: LeaseToken,
    reason: &str,
    fatal: bool,
    now: Millis,
) -> Result<()> {
    table::bury(conn, job.id, token, reason, now)?;
    if let Some(kind) = registry.find(&job.kind) {
        let death = Death { reason: reason.to_owned(), attempts: job.attempts, fatal };
        kind.on_dead(conn, &job.payload, &death)?;
    }
    Ok(())
}
