//! Passwords: Argon2id with the parameters OWASP recommends (decision 14).

use super::rank::stand_back;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use oz_http::neighbourhood;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use zeroize::Zeroizing;

/// Memory of one hash, KiB (OWASP Password Storage Cheat Sheet, Argon2id, 2024: m=19 MiB, t=2, p=1).
const MEMORY_KIB: u32 = 19 * 1024;
/// Log-ins that may wait for a slot: some seconds of work. One more is told to come back, before it costs anything.
const WAITING: usize = 64;
/// Log-ins under way from one neighbourhood: a quarter of all, so that nobody alone keeps everybody out.
const NEAR: usize = 16;
/// Longest password in bytes; longer ones are refused before any hashing.
pub(crate) const MAX_BYTES: usize = 1024;

/// Why hashing did not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The library refused; never caused by the password itself.
    #[error("password hashing failed: {0}")]
    Hash(String),
    /// Too many log-ins at once.
    #[error("too many log-ins at once: try again soon")]
    Busy,
    /// The runtime is shutting down.
    #[error("the server is stopping")]
    Stopping,
}

/// Hashes and verifies passwords off the async threads, a few at a time.
#[derive(Clone)]
pub(crate) struct Passwords {
    slots: Arc<Semaphore>,
    /// A place for each log-in under way, waiting or not.
    places: Arc<Semaphore>,
    /// How many of them each neighbourhood has.
    near: Arc<Mutex<HashMap<String, usize>>>,
}

/// A place among the log-ins under way, free again when its last copy is dropped.
#[derive(Clone)]
pub(crate) struct Place {
    _held: Arc<(OwnedSemaphorePermit, Option<Near>)>,
}

/// One of the places of a neighbourhood.
struct Near {
    taken: Arc<Mutex<HashMap<String, usize>>>,
    name: String,
}

impl Near {
    fn take(taken: &Arc<Mutex<HashMap<String, usize>>>, name: String) -> Result<Self, PasswordError> {
        let mut counts = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name.clone()).or_default();
        if *count >= NEAR {
            return Err(PasswordError::Busy);
        }
        *count += 1;
        Ok(Self { taken: Arc::clone(taken), name })
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        let mut counts = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.name);
            }
        }
    }
}

impl Passwords {
    /// A hasher that takes half of the processors at most: anybody may make it work, and verdicts need the others.
    pub(crate) fn new() -> Self {
        Self::with((std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1))
    }

    fn with(slots: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            places: Arc::new(Semaphore::new(slots + WAITING)),
            near: Arc::default(),
        }
    }

    /// A place for somebody who comes from `address`. On this very machine everybody has the same one: those are counted
    /// with all others only.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when there is none left, or none for that neighbourhood.
    pub(crate) fn place(&self, address: IpAddr) -> Result<Place, PasswordError> {
        let is_far = !address.to_canonical().is_loopback();
        let near = is_far.then(|| Near::take(&self.near, neighbourhood(address))).transpose()?;
        self.place_with(near)
    }

    fn place_with(&self, near: Option<Near>) -> Result<Place, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        Ok(Place { _held: Arc::new((place, near)) })
    }

    /// A PHC string (`$argon2id$v=19$...`) with a random salt.
    pub(crate) async fn hash(&self, password: Zeroizing<String>) -> Result<String, PasswordError> {
        self.run(move || {
            let hash = hasher().hash_password(password.as_bytes()).map_err(|e| PasswordError::Hash(e.to_string()))?;
            Ok(hash.to_string())
        })
        .await?
    }

    /// Whether `password` is the one behind `stored`. Without a stored hash a fixed one is checked instead and the
    /// answer is `false`, so that an unknown address costs the same time as a wrong password (decision 14).
    pub(crate) async fn verify(
        &self,
        password: Zeroizing<String>,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        self.run(move || is_right(&password, stored)).await
    }

    /// [`Self::verify`] for somebody who has a place already: never [`PasswordError::Busy`].
    pub(crate) async fn verify_at(
        &self,
        place: Place,
        password: Zeroizing<String>,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        self.run_at(place, move || is_right(&password, stored)).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        self.run_at(self.place_with(None)?, work).await
    }

    async fn run_at<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| PasswordError::Stopping)?;
        let (tell, told) = oneshot::channel();
        let hash = move || {
            // Anybody may make it work, so everything else goes first.
            stand_back();
            let done = work();
            // Only now: a client that leaves does not end the work, and must not make room for another.
            drop((place, slot));
            let _ = tell.send(done);
        };
        // A thread of its own for each: those that are shared could not be given their rank back.
        std::thread::Builder::new().name("hash".to_owned()).spawn(hash).map_err(|_| PasswordError::Busy)?;
        told.await.map_err(|_| PasswordError::Stopping)
    }
}

fn is_right(password: &str, stored: Option<String>) -> bool {
    let known = stored.is_some();
    let text = stored.unwrap_or_else(|| NOBODY.clone());
    let same = PasswordHash::new(&text).is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok());
    known && same
}

/// The hash that is checked for an address nobody has.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hasher().hash_password(b"nobody").map(|h| h.to_string()).unwrap_or_default());

fn hasher() -> Argon2<'static> {
    // The constants are inside the library's bounds; its own default, should they ever not be, is the same setting.
    let params = Params::new(MEMORY_KIB, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future as _;
    use std::task::{Context, Waker};

    #[tokio::test]
    async fn the_right_password_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".to_owned().into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".to_owned().into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct hors".to_owned().into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody".to_owned().into(), None).await.unwrap());
        assert!(!passwords.verify("x".to_owned().into(), Some("not a hash".to_owned())).await.unwrap());
    }

    #[test]
    fn a_neighbourhood_has_its_share_and_this_machine_all() {
        let passwords = Passwords::with(1);
        let from = |text: &str| passwords.place(text.parse().unwrap());
        let mut crowd: Vec<_> = (0..NEAR).map(|n| from(&format!("2001:db8::{n:x}")).unwrap()).collect();
        assert!(matches!(from("2001:db8::ffff"), Err(PasswordError::Busy)));
        let copy = crowd[0].clone();
        drop(crowd.remove(0));
        assert!(from("2001:db8::ffff").is_err(), "the copy still holds it");
        drop(copy);
        crowd.push(from("2001:db8::ffff").unwrap());
        from("2001:db8:0:1::1").unwrap();
        let rest: Vec<_> = (NEAR..=WAITING).map(|_| from("::ffff:127.0.0.1").unwrap()).collect();
        assert!(matches!(from("127.0.0.1"), Err(PasswordError::Busy)));
        // One that came when all was full did not count for its neighbourhood either.
        assert!(from("10.0.0.1").is_err());
        drop((crowd, rest));
        assert!(passwords.near.lock().unwrap().is_empty());
        assert_eq!(passwords.places.available_permits(), WAITING + 1);
    }

    #[tokio::test]
    async fn a_crowd_is_sent_away_and_the_room_comes_back() {
        let passwords = Passwords::with(1);
        let working = Arc::clone(&passwords.slots).acquire_owned().await.unwrap();
        let inside = Arc::clone(&passwords.places).try_acquire_owned().unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(passwords.run(|| ()))).collect();
        for one in &mut waiting {
            assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert!(matches!(passwords.run(|| ()).await, Err(PasswordError::Busy)));
        // One that stops waiting gives its place to another.
        waiting.pop();
        let last = passwords.run(|| ());
        drop((working, inside));
        drop(waiting);
        last.await.unwrap();
        assert_eq!(passwords.places.available_permits(), WAITING + 1);
    }
}
