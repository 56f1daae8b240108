//! Connections by neighbourhood, so that nobody holds them all.

use crate::limiter::neighbourhood;
use crate::server::ServerOptions;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which part of all connections one neighbourhood may hold.
const SHARE: usize = 4;

/// Who holds how many.
#[derive(Clone)]
pub(crate) struct Places(Arc<Inner>);

struct Inner {
    most: usize,
    /// They hold the connections of many.
    proxies: Vec<IpAddr>,
    held: Mutex<HashMap<String, usize>>,
}

/// A connection of a neighbourhood; given back when it is dropped.
pub(crate) struct Place {
    places: Places,
    /// None for a proxy.
    who: Option<String>,
}

impl Places {
    pub(crate) fn of(options: &ServerOptions) -> Self {
        Self::new(options.connections.div_ceil(SHARE), options.trusted_proxies.clone())
    }

    fn new(most: usize, proxies: Vec<IpAddr>) -> Self {
        Self(Arc::new(Inner { most, proxies, held: Mutex::default() }))
    }

    /// A place for a peer; none when its neighbourhood has all that it may have.
    pub(crate) fn take(&self, peer: IpAddr) -> Option<Place> {
        let (places, peer) = (self.clone(), peer.to_canonical());
        if self.0.proxies.contains(&peer) {
            return Some(Place { places, who: None });
        }
        let who = neighbourhood(peer);
        let mut held = self.held();
        let count = held.entry(who.clone()).or_default();
        if *count >= self.0.most {
            return None;
        }
        *count += 1;
        Some(Place { places, who: Some(who) })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(who) = &self.who else { return };
        let mut held = self.places.held();
        if let Some(count) = held.get_mut(who) {
            *count -= 1;
            if *count == 0 {
                held.remove(who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbourhood_has_its_share_and_a_proxy_more() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let places = Places::new(2, vec![at("10.0.0.1")]);
        let held = [places.take(at("192.0.2.1")), places.take(at("::ffff:192.0.2.1"))];
        assert!(held.iter().all(Option::is_some) && places.take(at("192.0.2.1")).is_none());
        let others: Vec<_> =
            ["192.0.2.2", "10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"].map(|who| places.take(at(who))).into();
        assert!(others.iter().all(Option::is_some));
        drop(held);
        assert!(places.take(at("192.0.2.1")).is_some());
        drop(others);
        assert!(places.held().is_empty(), "nothing is remembered of who has left");
    }
}
