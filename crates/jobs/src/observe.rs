//! Telling how attempts end, for counting.

use std::fmt;
use std::sync::Arc;

/// How an attempt ended, as it was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is written.
    Done,
    /// It counts; another will follow.
    Retry,
    /// The job was given up.
    Dead,
    /// The job was given back and the attempt does not count: it was too early, or the program stops.
    Released,
}

impl Outcome {
    /// The word in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Dead => "dead",
            Self::Released => "released",
        }
    }
}

type Tell = dyn Fn(&'static str, Outcome) + Send + Sync;

/// Told of the kind and the outcome of every attempt, after the commit.
#[derive(Clone)]
pub struct Observer(Arc<Tell>);

impl Observer {
    /// Told by calling `tell`, which must be quick.
    pub fn new(tell: impl Fn(&'static str, Outcome) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Nobody.
    pub fn none() -> Self {
        Self::new(|_, _| {})
    }

    pub(crate) fn tell(&self, kind: &'static str, outcome: Outcome) {
        (self.0)(kind, outcome);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
