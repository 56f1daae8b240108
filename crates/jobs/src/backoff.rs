//! How long to wait before the next attempt.

use std::time::Duration;

/// The limit after the first attempt.
const BASE: Duration = Duration::from_secs(1);
/// The limit that is never passed.
const CAP: Duration = Duration::from_secs(300);

/// Full jitter: anything from nothing to `min(CAP, BASE << attempts - 1)`, so that what failed together does not come
/// back together. `attempts` counts the one that just failed.
pub(crate) fn full_jitter(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    jitter(BASE.saturating_mul(1 << doublings).min(CAP))
}

/// Anything from nothing to `limit`.
pub(crate) fn jitter(limit: Duration) -> Duration {
    let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    limit.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_cap() {
        for (attempts, limit) in [(i32::MIN, 1), (0, 1), (1, 1), (2, 2), (4, 8), (9, 256), (10, 300), (i32::MAX, 300)] {
            for _ in 0..50 {
                assert!(full_jitter(attempts) <= Duration::from_secs(limit), "{attempts}");
            }
        }
        assert!((0..200).any(|_| full_jitter(20) > Duration::from_secs(150)));
    }
}
