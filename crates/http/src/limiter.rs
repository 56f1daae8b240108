//! How often one client may come, counted in memory.

use crate::error::ApiError;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use oz_wire::Code;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Clients that are remembered, some MB; while there are more, all share one count.
const REMEMBERED: usize = 50_000;

/// Counts by client.
pub struct Limiter {
    clock: DefaultClock,
    clients: DefaultKeyedRateLimiter<String>,
    /// All together, while there is no room.
    others: DefaultDirectRateLimiter,
}

impl Limiter {
    /// So many in a time, all of them at once if they like, evenly after that. `None` for a time that is none.
    pub fn new(count: NonZeroU32, per: Duration) -> Option<Self> {
        Some(Self::with(Quota::with_period(per / count.get())?.allow_burst(count)))
    }

    /// So many a second, and so many at once.
    pub fn per_second(count: NonZeroU32, at_once: NonZeroU32) -> Self {
        Self::with(Quota::per_second(count).allow_burst(at_once))
    }

    fn with(quota: Quota) -> Self {
        Self { clock: DefaultClock::default(), clients: RateLimiter::keyed(quota), others: RateLimiter::direct(quota) }
    }

    /// Counts one; gives how long `who` has to wait if that was one too many.
    pub fn hit(&self, who: &str) -> Option<Duration> {
        self.within(who, REMEMBERED)
    }

    /// Counts one of the neighbourhood of an address.
    ///
    /// # Errors
    /// [`too_often`].
    pub fn check(&self, address: IpAddr) -> Result<(), ApiError> {
        self.hit(&neighbourhood(address)).map_or(Ok(()), |wait| Err(too_often(wait)))
    }

    /// `room`: how many clients are remembered. Forgetting costs a look at all of them, so it is done only as often as the
    /// rate lets somebody through.
    fn within(&self, who: &str, room: usize) -> Option<Duration> {
        let now = self.clock.now();
        if self.clients.len() < room {
            return self.clients.check_key(&who.to_owned()).err().map(|no| no.wait_time_from(now));
        }
        let refused = self.others.check().err().map(|no| no.wait_time_from(now));
        if refused.is_none() {
            self.clients.retain_recent();
        }
        refused
    }
}

/// The answer to who came too often: code 1521, with the time to wait.
pub fn too_often(wait: Duration) -> ApiError {
    // Whole seconds are told, rounded down.
    let wait = wait + Duration::from_millis(999);
    ApiError::new(Code::TooManyRequests, Code::TooManyRequests.meaning()).retry_after(wait)
}

/// Whom a client's address stands for: whoever has one IPv6 address has the 2^64 of its network.
pub fn neighbourhood(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_too_many_shares_one_count_and_memory_stays_bounded() {
        let limiter = Limiter::new(NonZeroU32::MIN.saturating_add(1), Duration::from_secs(3600)).unwrap();
        assert_eq!((limiter.within("a", 2), limiter.within("a", 2)), (None, None));
        let wait = limiter.within("a", 2).unwrap();
        assert!(wait > Duration::from_secs(1700) && wait <= Duration::from_secs(1800), "{wait:?}");
        assert_eq!(limiter.within("b", 2), None, "another has its own count");
        assert_eq!((limiter.within("c", 2), limiter.within("d", 2)), (None, None));
        assert!(limiter.within("e", 2).is_some(), "no room, and the others' count is used up");
        assert_eq!(limiter.clients.len(), 2);
    }

    #[test]
    fn a_neighbour_is_no_other_client_and_an_address_of_version_4_is_one_in_either_form() {
        let of = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
    }
}
