//! The threads on which media are decoded and models run: a fixed few, never the async runtime's.
//!
//! An analysis is pure computation for up to a second. On the blocking pool hundreds of them could start at once and
//! starve the database; here a fixed number runs and the others wait their turn without a thread.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::oneshot;

type Task = Box<dyn FnOnce() + Send>;

/// A fixed set of named threads.
#[derive(Clone)]
pub(crate) struct Lab {
    queue: mpsc::Sender<Task>,
}

/// The work did not come back: it panicked, or the process is ending.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the computation was broken off")]
pub(crate) struct BrokenOff;

impl Lab {
    /// Starts `size` threads (at least one) of this name.
    pub(crate) fn start(name: &str, size: usize) -> std::io::Result<Self> {
        let (queue, tasks) = mpsc::channel::<Task>();
        let tasks = Arc::new(Mutex::new(tasks));
        let size = size.max(1);
        for number in 0..size {
            let tasks = Arc::clone(&tasks);
            std::thread::Builder::new().name(format!("{name}-{number}")).spawn(move || {
                loop {
                    // The lock is held while waiting, never while working.
                    let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(task) = next else { return };
                    // A panic ends this one task (its reply channel closes), not the thread.
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(task));
                }
            })?;
        }
        Ok(Self { queue })
    }

    /// Runs `work` on one of the threads, inside the caller's tracing span.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BrokenOff> {
        let (reply, answer) = oneshot::channel();
        let span = tracing::Span::current();
        let task = Box::new(move || {
            // Nobody waits any more (the client left): the result has no taker, and that is fine.
            let _ = reply.send(span.in_scope(work));
        });
        self.queue.send(task).map_err(|_| BrokenOff)?;
        answer.await.map_err(|_| BrokenOff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_breaks_off_one_task_and_the_thread_lives_on() {
        let lab = Lab::start("test", 1).unwrap();
        assert!(lab.run(|| panic!("planned by the test")).await.is_err());
        assert_eq!(lab.run(|| 2 + 2).await.unwrap(), 4);
    }
}
