//! Nonces that were used: each is worth one grant.

use oz_license::LONGEST;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Nonces in one set.
const MOST: usize = 500_000;

/// Two sets in turn: a nonce is remembered for an hour, the longest life of a grant, or until a million came after it.
#[derive(Default)]
pub(super) struct Nonces {
    since: Option<Instant>,
    new: HashSet<u128>,
    old: HashSet<u128>,
}

impl Nonces {
    /// `false` when it was used.
    pub(super) fn take(&mut self, nonce: u128, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        if now.duration_since(since) >= Duration::from_secs(LONGEST.unsigned_abs()) || self.new.len() >= MOST {
            self.old = std::mem::take(&mut self.new);
            self.since = Some(now);
        }
        !self.old.contains(&nonce) && self.new.insert(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_once_in_an_hour_and_memory_is_bounded() {
        let (mut nonces, start) = (Nonces::default(), Instant::now());
        let hour = Duration::from_secs(3600);
        assert!(nonces.take(1, start));
        assert!(!nonces.take(1, start));
        assert!(nonces.take(2, start + hour), "the sets take turns");
        assert!(!nonces.take(1, start + hour), "an hour at least");
        assert!(nonces.take(3, start + hour * 2) && nonces.take(1, start + hour * 2), "forgotten");
        for n in 0..2 * MOST {
            assert!(nonces.take(u128::try_from(n).unwrap() + 1000, start + hour * 2));
        }
        assert!(nonces.new.len() + nonces.old.len() <= 2 * MOST);
        assert!(!nonces.take(1000 + u128::try_from(2 * MOST - 1).unwrap(), start + hour * 2));
    }
}
