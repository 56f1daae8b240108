//! A cap on uploads at once: each holds a socket, a spool file and the memory of its buffers.

use crate::error::ApiError;
use oz_wire::Code;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warp::Filter;
use warp::filters::BoxedFilter;

/// When an upload that found no room should come back.
const COME_BACK: Duration = Duration::from_secs(2);

/// Room for a number of uploads. Clones share it.
#[derive(Debug, Clone)]
pub struct UploadGate(Arc<Semaphore>);

/// Room for one upload; given back when dropped.
#[derive(Debug)]
pub struct UploadPermit(#[expect(dead_code, reason = "held, never read")] OwnedSemaphorePermit);

impl UploadGate {
    /// Room for `uploads` at once.
    pub fn new(uploads: usize) -> Self {
        Self(Arc::new(Semaphore::new(uploads)))
    }

    /// Takes room, or says when to come back.
    ///
    /// # Errors
    /// Code 1521 with `Retry-After` when all room is taken.
    pub fn enter(&self) -> Result<UploadPermit, ApiError> {
        let permit = Arc::clone(&self.0).try_acquire_owned();
        permit.map(UploadPermit).map_err(|_| {
            ApiError::new(Code::TooManyRequests, "too many uploads at once: try again soon").retry_after(COME_BACK)
        })
    }

    /// [`UploadGate::enter`] as an extractor: put it before the form, so that a refused body is not read.
    pub fn permit(&self) -> BoxedFilter<(UploadPermit,)> {
        let gate = self.clone();
        warp::any()
            .and_then(move || {
                let permit = gate.enter().map_err(warp::Rejection::from);
                async move { permit }
            })
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back() {
        let gate = UploadGate::new(1);
        let held = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err().code(), Code::TooManyRequests);
        drop(held);
        assert!(gate.enter().is_ok());
    }
}
