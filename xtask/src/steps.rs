//! Progress: one line for each step, with the time since the start.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// When the task began.
#[derive(Debug)]
pub(crate) struct Steps {
    start: Instant,
    before: Duration,
}

impl Steps {
    /// Begins now.
    pub(crate) fn start() -> Self {
        Self::after(Duration::ZERO)
    }

    /// Goes on with the clock of a task that another process began.
    pub(crate) fn after(before: Duration) -> Self {
        Self { start: Instant::now(), before }
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.before + self.start.elapsed()
    }

    /// Prints a line of progress. It goes to standard error; standard output is for results.
    pub(crate) fn say(&self, text: impl Display) {
        eprintln!("[{:6.1} s] {text}", self.elapsed().as_secs_f64());
    }
}
