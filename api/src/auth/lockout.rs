//! What wrong passwords cost (decision 14).
//!
//! Ten for an address from one place within a quarter of an hour, and that place waits for the rest of it. Besides, each one
//! doubles a delay for that address from anywhere, so that many places guess no faster than one. A place where that address
//! came in lately waits for its own failures only: strangers must not keep the owner out. A right password clears all.
//! Addresses that nobody has are counted alike. The counters lie in the database, under keyed hashes.

use super::Visitor;
use crate::app::App;
use crate::audit::{self, Deed};
use crate::error::{Error, Result};
use oz_blobs::Keyring;
use oz_domain::{Action, Millis, Object};
use oz_http::{ApiError, neighbourhood};
use oz_store::counters::{self, Window};
use oz_store::users::{User, email_key};
use oz_store::{AnyConn, companies};
use oz_wire::Code;
use ring::hmac;
use std::net::IpAddr;
use std::time::Duration;
use zeroize::Zeroizing;

/// Failures of a pair that lock it.
const FAILURES: i64 = 10;
/// The time in which they count, and in which a delay is remembered.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// The longest delay, in seconds.
const LONGEST: u64 = 60;
/// How long a place is remembered after an address came in from it.
const FAMILIAR: Duration = Duration::from_secs(30 * 24 * 3600);

/// Makes the names of counters.
pub(crate) struct Lockout {
    key: hmac::Key,
}

/// The counters of one log-in.
#[derive(Clone)]
pub(crate) struct Names {
    /// This address from this place.
    pair: String,
    /// This address from anywhere.
    address: String,
    /// The delay of this address for its failures at this place.
    near: String,
    /// There while this address has come in from this place lately.
    familiar: String,
}

impl Lockout {
    pub(super) fn new(key: hmac::Key) -> Self {
        Self { key }
    }

    /// A name for what must not lie in clear; other kinds have other names.
    pub(crate) fn name(&self, kind: &str, parts: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in std::iter::once(&kind).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        format!("{kind}:{}", hex::encode(context.sign()))
    }

    /// The counters of a log-in with this e-mail address from this place.
    pub(crate) fn names(&self, email: &str, place: IpAddr) -> Names {
        let (email, place) = (email_key(email), neighbourhood(place));
        let of_pair = |kind| self.name(kind, &[&email, &place]);
        Names {
            pair: of_pair("log_in"),
            address: self.name("delay", &[&email]),
            near: of_pair("delay_near"),
            familiar: of_pair("ok"),
        }
    }
}

/// How long this log-in has to wait; `None`: not at all.
pub(crate) fn held(conn: &mut AnyConn, names: &Names, now: Millis) -> oz_store::Result<Option<Duration>> {
    let all = [&names.pair, &names.address, &names.near, &names.familiar].map(String::as_str);
    let found = counters::get(conn, &all, now)?;
    let is_familiar = found.iter().any(|counter| counter.name == names.familiar);
    let delayed_by = if is_familiar { &names.near } else { &names.address };
    let waits = found.iter().filter_map(|counter| {
        let until = if counter.name == *delayed_by {
            counter.time_started.plus(delay(counter.count))
        } else if counter.name == names.pair && counter.count >= FAILURES {
            counter.time_expires
        } else {
            return None;
        };
        (until > now).then(|| until.since(now))
    });
    Ok(waits.max())
}

/// 1 s after the first failure, 2 s after the second, at most a minute.
fn delay(failures: i64) -> Duration {
    let doublings = failures.saturating_sub(1).clamp(0, 6);
    Duration::from_secs((1 << doublings).min(LONGEST))
}

/// The refusal of one who has to wait: the same for every address.
pub(crate) fn wait(time: Duration) -> Error {
    // Rounded up: whoever comes back when told must be let in.
    let time = Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0));
    ApiError::new(Code::TooManyRequests, "too many attempts: try again later").retry_after(time).into()
}

/// Counts a wrong password. The one that locks the pair is noted in the audit log, for an address that nobody has, too.
pub(crate) fn failed(
    conn: &mut AnyConn,
    keys: &Keyring,
    visitor: Visitor,
    names: &Names,
    user: Option<&User>,
    now: Millis,
) -> oz_store::Result<()> {
    counters::hit(conn, &names.address, now, Window::Sliding(WINDOW))?;
    counters::hit(conn, &names.near, now, Window::Sliding(WINDOW))?;
    let pair = counters::hit(conn, &names.pair, now, Window::Fixed(WINDOW))?;
    if pair.count != FAILURES {
        return Ok(());
    }
    let (id, company) =
        user.map_or_else(|| (names.address.clone(), companies::SYSTEM), |user| (user.id.to_string(), user.company_id));
    audit::note(conn, keys, visitor.by(None), now, Deed::new(Object::User, Action::LockOut, id, company))
}

/// Forgets the failures after a right password.
pub(crate) fn passed(conn: &mut AnyConn, names: &Names) -> oz_store::Result<()> {
    counters::clear(conn, &[&names.pair, &names.address, &names.near])
}

/// Remembers that this address came in from this place.
pub(crate) fn came_in(conn: &mut AnyConn, names: &Names, now: Millis) -> oz_store::Result<()> {
    counters::hit(conn, &names.familiar, now, Window::Sliding(FAMILIAR)).map(drop)
}

/// Checks a password against that of `user`, and counts a wrong one. In the transaction of what follows from a right one the
/// caller asks [`held`] again and calls [`passed`].
///
/// # Errors
/// Code 1521 when others have failed meanwhile: many guesses at once tell no more than one. Also when too many others are
/// being checked.
pub(crate) async fn prove(
    app: &App,
    visitor: Visitor,
    names: &Names,
    user: Option<&User>,
    password: Zeroizing<String>,
) -> Result<bool> {
    let place = app.auth.passwords.place(visitor.address)?;
    let stored = user.and_then(|user| user.password_hash.clone());
    let right = app.auth.passwords.verify_at(place, password, stored).await?;
    if !right {
        refused(app, visitor, names, user).await?;
    }
    Ok(right)
}

/// Counts a password that was found wrong.
///
/// # Errors
/// As [`prove`].
pub(crate) async fn refused(app: &App, visitor: Visitor, names: &Names, user: Option<&User>) -> Result<()> {
    let (names, user, keys, now) = (names.clone(), user.cloned(), app.blobs.keys().clone(), app.now());
    let held = app
        .db
        .write(move |conn| {
            let held = held(conn, &names, now)?;
            if held.is_none() {
                failed(conn, &keys, visitor, &names, user.as_ref(), now)?;
            }
            Ok::<_, oz_store::Error>(held)
        })
        .await?;
    held.map_or(Ok(()), |time| Err(wait(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_delay_up_to_a_minute() {
        let seconds: Vec<u64> = (1..9).map(|failures| delay(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delay(i64::MAX).as_secs(), 60);
    }

    #[tokio::test]
    async fn ten_failures_lock_the_pair_for_the_rest_of_the_window_and_success_clears() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("db").display());
        let db = oz_store::Db::open(&url, oz_store::Options::default()).await.unwrap();
        db.migrate().await.unwrap();
        let keys = Keyring::load_or_create(&folder.path().join("keys")).unwrap();
        let lockout = Lockout::new(hmac::Key::new(hmac::HMAC_SHA256, b"key"));
        let start = Millis::new(1_700_000_000_000);
        db.write(move |conn| {
            let [here, there] =
                ["10.0.0.1", "10.0.0.2"].map(|place| lockout.names("ann@example.com", place.parse().unwrap()));
            let visitor = Visitor { request: oz_domain::RequestId::new(start), address: "10.0.0.1".parse().unwrap() };
            let mut now = start;
            for failure in 1..=FAILURES {
                assert_eq!(held(conn, &here, now)?, None, "after {failure}");
                failed(conn, &keys, visitor, &here, None, now)?;
                assert_eq!(held(conn, &there, now)?, Some(delay(failure)), "from anywhere");
                now = now.plus(delay(failure));
            }
            // The delay is over; this place waits on, another may come.
            assert_eq!(held(conn, &here, now)?, Some(start.plus(WINDOW).since(now)));
            assert_eq!(held(conn, &there, now)?, None);
            assert_eq!(held(conn, &here, start.plus(WINDOW))?, None);
            let page = oz_store::Page::default();
            let filter = oz_store::audit::Filter::default();
            let records = oz_store::audit::list(conn, oz_store::Viewer::All, &filter, &page)?.items;
            assert_eq!(records.iter().map(|r| r.action.as_str()).collect::<Vec<_>>(), ["lock_out"]);
            passed(conn, &here)?;
            assert_eq!(held(conn, &here, now)?, None);
            // Where the owner came in, strangers' failures hold nobody up, but one's own do.
            came_in(conn, &here, now)?;
            failed(conn, &keys, visitor, &there, None, now)?;
            assert_eq!((held(conn, &here, now)?, held(conn, &there, now)?), (None, Some(delay(1))));
            failed(conn, &keys, visitor, &here, None, now)?;
            assert_eq!((held(conn, &here, now)?, held(conn, &there, now)?), (Some(delay(1)), Some(delay(2))));
            Ok::<_, oz_store::Error>(())
        })
        .await
        .unwrap();
    }

    #[test]
    fn names_hold_no_address_and_a_network_is_one_place() {
        let lockout = Lockout::new(hmac::Key::new(hmac::HMAC_SHA256, b"key"));
        let place = |text: &str| text.parse::<IpAddr>().unwrap();
        let names = lockout.names(" Ann@example.com", place("2001:db8::1"));
        let same = lockout.names("ann@example.com", place("2001:db8::ffff"));
        assert_eq!((&names.pair, &names.address), (&same.pair, &same.address));
        assert_ne!(names.pair, lockout.names("ann@example.com", place("2001:db8:0:1::1")).pair);
        assert!(!names.pair.contains("ann"), "{}", names.pair);
        assert_eq!(neighbourhood(place("::ffff:10.0.0.1")), "10.0.0.1");
        assert_ne!(lockout.name("a", &["bc", "d"]), lockout.name("a", &["b", "cd"]));
    }
}
