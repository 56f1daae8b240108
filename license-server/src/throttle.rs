//! How often one source may come.

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use oz_http::ApiError;
use oz_wire::Code;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Sources that are remembered; while there are more, all share one count.
const REMEMBERED: usize = 50_000;

/// Counts by source.
pub(crate) struct Throttle {
    clock: DefaultClock,
    sources: DefaultKeyedRateLimiter<IpAddr>,
    others: governor::DefaultDirectRateLimiter,
}

impl Throttle {
    /// So many a second, and so many at once.
    pub(crate) fn new(a_second: NonZeroU32, at_once: NonZeroU32) -> Self {
        let quota = Quota::per_second(a_second).allow_burst(at_once);
        Self { clock: DefaultClock::default(), sources: RateLimiter::keyed(quota), others: RateLimiter::direct(quota) }
    }

    /// Counts one.
    ///
    /// # Errors
    /// Code 1521, with the time to wait.
    pub(crate) fn check(&self, source: IpAddr) -> Result<(), ApiError> {
        self.within(source, REMEMBERED).map_err(|wait| {
            // Whole seconds are told, rounded down.
            let wait = wait + Duration::from_millis(999);
            ApiError::new(Code::TooManyRequests, Code::TooManyRequests.meaning()).retry_after(wait)
        })
    }

    fn within(&self, source: IpAddr, room: usize) -> Result<(), Duration> {
        let now = self.clock.now();
        if self.sources.len() < room {
            return self.sources.check_key(&neighbourhood(source)).map_err(|no| no.wait_time_from(now));
        }
        let passed = self.others.check().map_err(|no| no.wait_time_from(now));
        // Forgetting costs a look at all of them: only as often as the rate lets somebody through.
        if passed.is_ok() {
            self.sources.retain_recent();
        }
        passed
    }
}

/// One who has IPv6 has at least 2^64 addresses.
fn neighbourhood(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_counted_apart_and_memory_stays_bounded() {
        let throttle = Throttle::new(NonZeroU32::MIN, NonZeroU32::MIN);
        let try_from = |text: &str| throttle.within(text.parse().unwrap(), 2);
        assert_eq!(try_from("192.0.2.1"), Ok(()));
        assert!(try_from("192.0.2.1").is_err());
        assert_eq!(try_from("2001:db8::1"), Ok(()));
        assert_eq!(throttle.sources.len(), 2);
        assert_eq!(try_from("192.0.2.3"), Ok(()), "the count of all others");
        assert!(try_from("192.0.2.4").is_err(), "used up by the one before");
    }

    #[test]
    fn a_neighbour_is_no_other_source() {
        let throttle = Throttle::new(NonZeroU32::MIN, NonZeroU32::MIN);
        assert_eq!(throttle.within("2001:db8::1".parse().unwrap(), 9), Ok(()));
        assert!(throttle.within("2001:db8::ffff:2".parse().unwrap(), 9).is_err());
    }
}
