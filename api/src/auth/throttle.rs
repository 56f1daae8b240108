//! How often one may come (decision 15): off unless `OZ_THROTTLING_RATES` says so.

use crate::app::App;
use crate::error::Result;
use oz_http::{Limiter, too_often};
use oz_store::counters::{self, Window};
use serde::Deserialize;
use std::num::NonZeroU32;
use std::time::Duration;

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Log-ins and restored passwords, by client address.
    Auth,
    /// Requests without a good token, by client address.
    Unauthorized,
    /// Requests with one, by token.
    WithToken,
}

/// `"30/m"`: so many in a second, a minute, an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Rate {
    count: NonZeroU32,
    per: Duration,
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let read = || {
            let (count, unit) = text.split_once('/')?;
            let seconds = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                _ => return None,
            };
            Some(Self { count: count.parse().ok()?, per: Duration::from_secs(seconds) })
        };
        read().ok_or_else(|| format!("`{text}`, expected a rate such as 30/m, with s, m or h"))
    }
}

/// A rate for each class that is held to one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rates {
    auth: Option<Rate>,
    rest_unauthorized: Option<Rate>,
    rps_with_token: Option<Rate>,
}

impl Rates {
    /// Reads the setting.
    pub(crate) fn read(text: &str) -> std::result::Result<Self, String> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }

    const fn of(&self, class: Class) -> Option<Rate> {
        match class {
            Class::Auth => self.auth,
            Class::Unauthorized => self.rest_unauthorized,
            Class::WithToken => self.rps_with_token,
        }
    }
}

/// Counts in memory for this node alone, or in the database for several.
pub(crate) struct Throttle {
    rates: Rates,
    shared: bool,
    auth: Option<Limiter>,
    unauthorized: Option<Limiter>,
    with_token: Option<Limiter>,
}

impl Throttle {
    pub(super) fn new(rates: Rates, shared: bool) -> Self {
        let limiter = |class| rates.of(class).filter(|_| !shared).and_then(|rate| Limiter::new(rate.count, rate.per));
        Self {
            rates,
            shared,
            auth: limiter(Class::Auth),
            unauthorized: limiter(Class::Unauthorized),
            with_token: limiter(Class::WithToken),
        }
    }

    /// How long `who` has to wait.
    fn local(&self, class: Class, who: &str) -> Option<Duration> {
        let limiter = match class {
            Class::Auth => &self.auth,
            Class::Unauthorized => &self.unauthorized,
            Class::WithToken => &self.with_token,
        };
        limiter.as_ref().and_then(|limiter| limiter.hit(who))
    }
}

/// Counts one request of `who`.
///
/// # Errors
/// Code 1521 when it came too often.
pub(crate) async fn check(app: &App, class: Class, who: &str) -> Result<()> {
    let throttle = &app.auth.throttle;
    let Some(rate) = throttle.rates.of(class) else { return Ok(()) };
    let wait = if throttle.shared { shared(app, class, who, rate).await? } else { throttle.local(class, who) };
    wait.map_or(Ok(()), |wait| Err(too_often(wait).into()))
}

async fn shared(app: &App, class: Class, who: &str, rate: Rate) -> Result<Option<Duration>> {
    let kind = match class {
        Class::Auth => "rate_auth",
        Class::Unauthorized => "rate_unauthorized",
        Class::WithToken => "rate_token",
    };
    let (name, now) = (app.auth.lockout.name(kind, &[who]), app.now());
    // One statement of its own: a transaction that others disturb would be tried again.
    let hit = app.db.statement(move |conn| counters::hit(conn, &name, now, Window::Fixed(rate.per))).await?;
    Ok((hit.count > i64::from(rate.count.get())).then(|| hit.time_expires.since(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_anything_else_is_named() {
        let rates = Rates::read(r#"{"auth":"30/m","rps_with_token":"50/s"}"#).unwrap();
        assert_eq!(rates.of(Class::Auth).map(|r| (r.count.get(), r.per.as_secs())), Some((30, 60)));
        assert_eq!(rates.of(Class::Unauthorized), None);
        for bad in ["[]x", r#"{"auth":"0/m"}"#, r#"{"auth":"30"}"#, r#"{"auth":"30/d"}"#, r#"{"oauth":"30/m"}"#] {
            assert!(Rates::read(bad).is_err(), "{bad}");
        }
    }
}
