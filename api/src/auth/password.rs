//! Passwords: Argon2id with the parameters OWASP recommends (decision 14).

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Memory of one hash, KiB (OWASP Password Storage Cheat Sheet, Argon2id, 2024: m=19 MiB, t=2, p=1).
const MEMORY_KIB: u32 = 19 * 1024;
/// Log-ins that may wait for a slot: some seconds of work. One more is told to come back, before it costs anything.
const WAITING: usize = 64;
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
}

impl Passwords {
    /// A hasher that takes half of the processors at most: anybody may make it work, and verdicts need the others.
    pub(crate) fn new() -> Self {
        Self::with((std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1))
    }

    fn with(slots: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(slots)), places: Arc::new(Semaphore::new(slots + WAITING)) }
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
        self.run(move || {
            let known = stored.is_some();
            let text = stored.unwrap_or_else(|| NOBODY.clone());
            let same =
                PasswordHash::new(&text).is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok());
            known && same
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| PasswordError::Stopping)?;
        tokio::task::spawn_blocking(move || {
            // Until the work is done: a client that leaves does not end it, and must not make room for another.
            let _held = (place, slot);
            work()
        })
        .await
        .map_err(|_| PasswordError::Stopping)
    }
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
