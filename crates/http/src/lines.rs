//! Lines in the log about refused requests: whoever may refuse to be let in must not fill the disk by it, or push other lines
//! out of the journal.

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lines a second; as many at once.
const MOST: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// How many there were.
pub(crate) struct Lines {
    refused: DefaultDirectRateLimiter,
    unlogged: AtomicU64,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self { refused: RateLimiter::direct(Quota::per_second(MOST)), unlogged: AtomicU64::new(0) }
    }

    /// Whether an answer is logged: with how many before it that were not. Good answers and our own failures always are.
    pub(crate) fn of(&self, status: u16) -> Option<u64> {
        if (400..500).contains(&status) && self.refused.check().is_err() {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.unlogged.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_logged_up_to_a_rate_and_counted_beyond() {
        let lines = Lines::new();
        let logged = (0..1000).filter(|_| lines.of(401).is_some()).count();
        assert!((100..1000).contains(&logged), "{logged}");
        assert_eq!(lines.of(200), Some(1000 - u64::try_from(logged).unwrap()));
        assert_eq!(lines.of(500), Some(0));
    }
}
