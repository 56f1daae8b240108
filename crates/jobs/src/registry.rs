//! The kinds of jobs that a program can do.

use crate::{Context, Death, Effect, Failure, Job};
use oz_store::AnyConn;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Effect, Failure>> + Send>>;

/// A kind of job, without its payload's type.
pub(crate) trait AnyJob: Send + Sync {
    fn lane(&self) -> &'static str;
    fn longest(&self) -> Duration;
    fn run(self: Arc<Self>, context: Context, payload: Value) -> Work;
    fn on_dead(&self, conn: &mut AnyConn, payload: &Value, death: &Death) -> oz_store::Result<()>;
}

impl<J: Job> AnyJob for J {
    fn lane(&self) -> &'static str {
        J::LANE
    }

    fn longest(&self) -> Duration {
        J::LONGEST
    }

    fn run(self: Arc<Self>, context: Context, payload: Value) -> Work {
        Box::pin(async move {
            let payload = serde_json::from_value(payload)
                .map_err(|_| Failure::Fatal("the payload does not fit the kind".to_owned()))?;
            Job::run(&*self, context, payload).await
        })
    }

    fn on_dead(&self, conn: &mut AnyConn, payload: &Value, death: &Death) -> oz_store::Result<()> {
        match serde_json::from_value(payload.clone()) {
            Ok(payload) => Job::on_dead(self, conn, &payload, death),
            // Nothing can be known of what it was to do.
            Err(_) => Ok(()),
        }
    }
}

/// The kinds of jobs that a program can do. Jobs of other kinds are left to others.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Arc<dyn AnyJob>>);

impl Registry {
    /// No kinds.
    pub fn new() -> Self {
        Self::default()
    }

    /// These kinds and one more; a kind given twice is the later one.
    #[must_use]
    pub fn with<J: Job>(mut self, job: J) -> Self {
        self.0.insert(J::KIND, Arc::new(job));
        self
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&Arc<dyn AnyJob>> {
        self.0.get(kind)
    }

    /// The kind's name as the program spells it: labels of metrics must not come from a table.
    pub(crate) fn name(&self, kind: &str) -> &'static str {
        self.0.get_key_value(kind).map_or("other", |(name, _)| name)
    }

    /// How long an attempt of the kind may run.
    pub(crate) fn longest(&self, kind: &str) -> Duration {
        self.find(kind).map_or(Duration::MAX, |kind| kind.longest())
    }

    pub(crate) fn kinds(&self, lane: &str) -> Vec<&'static str> {
        self.0.iter().filter(|(_, job)| job.lane() == lane).map(|(kind, _)| *kind).collect()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
