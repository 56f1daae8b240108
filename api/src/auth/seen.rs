//! Tokens verified a moment ago, so that a hot one costs neither a signature nor SQL (decision 9).

use super::Caller;
use oz_domain::{Millis, TokenId, UserId};
use oz_store::sessions::Session;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a verified token is believed without asking the database (decision 9).
const BELIEVED: Duration = Duration::from_secs(5);
/// Tokens remembered at once.
const REMEMBERED: usize = 10_000;

/// What was verified, by the SHA-256 of the token.
#[derive(Default)]
pub(super) struct Seen {
    callers: Mutex<HashMap<[u8; 32], Entry>>,
    /// How often sessions were ended on this node.
    revocations: AtomicU64,
}

struct Entry {
    at: Millis,
    until: Millis,
    caller: Caller,
}

impl Seen {
    /// To be read before the row is, and given to [`Seen::remember`].
    pub(super) fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst)
    }

    /// Forgets those sessions: a revocation counts on this node at once.
    pub(super) fn forget(&self, which: impl Fn(&Session) -> bool) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: who read a row before this moment may not remember it after.
        self.revocations.fetch_add(1, Ordering::SeqCst);
        callers.retain(|_, entry| !which(&entry.caller.session));
    }

    pub(super) fn recall(&self, key: &[u8; 32], now: Millis) -> Option<Caller> {
        let callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        // Nor when the clock was put back.
        let entry = callers.get(key).filter(|entry| now >= entry.at && now < entry.until)?;
        entry.caller.session.is_live(now).then(|| entry.caller.clone())
    }

    /// `due`: when the next use must extend the session's life. `revocations`: as they stood before the row was read.
    pub(super) fn remember(&self, key: [u8; 32], now: Millis, due: Millis, caller: Caller, revocations: u64) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.revocations() != revocations {
            return;
        }
        if callers.len() >= REMEMBERED {
            callers.retain(|_, entry| now < entry.until);
            if callers.len() >= REMEMBERED {
                callers.clear();
            }
        }
        callers.insert(key, Entry { at: now, until: now.plus(BELIEVED).min(due), caller });
    }
}

impl super::Auth {
    /// Forgets verified tokens of these sessions.
    pub(crate) fn forget(&self, ended: &[TokenId]) {
        self.seen.forget(|session| ended.contains(&session.id));
    }

    /// Forgets what was verified of a user: what it is and may do has changed.
    pub(crate) fn forget_user(&self, user: UserId) {
        self.seen.forget(|session| session.user_id == user);
    }

    /// Forgets a whole chain of refreshes.
    pub(crate) fn forget_family(&self, family: TokenId) {
        self.seen.forget(|session| session.family == family);
    }
}
