//! What a license is worth here and now.

use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;

use crate::claims::Kind;
use crate::envelope::Invalid;
use crate::fingerprint::Factors;
use crate::license::License;

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;
/// Nanoseconds of a day.
pub(crate) const DAY: i128 = 24 * 3600 * SECOND;
/// How far clocks may differ: 5 minutes.
pub(crate) const SKEW: i128 = 300 * SECOND;
/// From when on a renewal is due: 30 days before the end.
const DUE: i128 = 30 * DAY;

/// Where and when a license is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The time now.
    pub now: Timestamp,
    /// The latest time that this site has lived through.
    pub last_seen: Option<Timestamp>,
    /// The machine's parts.
    pub factors: &'a Factors,
    /// The site's own key; none where it has none.
    pub key: Option<&'a VerifyingKey>,
    /// The product's version, `major.minor.patch`.
    pub version: &'a str,
}

/// Why a license is worth nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There was one, and it is gone.
    #[error("the license is missing")]
    Missing,
    /// It is not what the vendor signed.
    #[error("{0}")]
    File(#[from] Invalid),
    /// It was signed later than it is now.
    #[error("the license was signed in the future: the clock is behind")]
    ClockBehind,
    /// It was later before.
    #[error("the clock was turned back")]
    ClockTurnedBack,
    /// It is for another machine.
    #[error("the license is for another machine")]
    Machine,
    /// It is for another site.
    #[error("the license is for another license server")]
    SiteKey,
    /// It is for another version of the product.
    #[error("the license does not cover this version")]
    Version,
}

/// What a license is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Good, but not bound to a site yet.
    NotActivated,
    /// Good.
    Active,
    /// Good for 30 days or less.
    RenewalDue,
    /// Over, and everything goes on for some days.
    Grace,
    /// Over.
    Expired,
    /// Worth nothing here.
    Invalid(Reason),
    /// It begins later.
    NotYetValid,
}

impl State {
    /// Whether work may begin.
    pub const fn permits(self) -> bool {
        matches!(self, Self::Active | Self::RenewalDue | Self::Grace)
    }

    /// The word for it, as on the wire and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotActivated => "not_activated",
            Self::Active => "active",
            Self::RenewalDue => "renewal_due",
            Self::Grace => "grace",
            Self::Expired => "expired",
            Self::Invalid(_) => "invalid",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}

impl License {
    /// What it is worth at a site. The end itself is no longer inside: a license that ends at noon is in grace at noon.
    pub fn state(&self, site: &Site<'_>) -> State {
        let (claims, now) = (self.claims(), site.now.as_nanosecond());
        if claims.issued_at.as_nanosecond() > now + SKEW {
            return State::Invalid(Reason::ClockBehind);
        }
        if site.last_seen.is_some_and(|seen| now < seen.as_nanosecond() - SKEW) {
            return State::Invalid(Reason::ClockTurnedBack);
        }
        if !self.covers_version(site.version) {
            return State::Invalid(Reason::Version);
        }
        if claims.binding.as_ref().is_some_and(|b| site.factors.matching(self.prints()) < b.threshold) {
            return State::Invalid(Reason::Machine);
        }
        match (self.site_key(), site.key) {
            (Some(named), Some(own)) if named == own => {}
            (Some(_), _) => return State::Invalid(Reason::SiteKey),
            (None, _) if claims.kind == Kind::Server => return State::NotActivated,
            (None, _) => {}
        }
        self.time_state(site.now)
    }

    /// What it is worth at a time, wherever that is: [`State::NotYetValid`], [`State::Active`], [`State::RenewalDue`],
    /// [`State::Grace`] or [`State::Expired`].
    pub fn time_state(&self, now: Timestamp) -> State {
        let (claims, now) = (self.claims(), now.as_nanosecond());
        if claims.not_before.is_some_and(|begin| now < begin.as_nanosecond()) {
            return State::NotYetValid;
        }
        let Some(end) = self.end().map(Timestamp::as_nanosecond) else { return State::Active };
        match end - now {
            left if left > DUE => State::Active,
            left if left > 0 => State::RenewalDue,
            left if left > -i128::from(claims.grace_days) * DAY => State::Grace,
            _ => State::Expired,
        }
    }

    /// [`Self::over_at`] in nanoseconds since 1970, which reach further than times do.
    pub(crate) fn over(&self) -> Option<i128> {
        self.end().map(|end| end.as_nanosecond() + i128::from(self.claims().grace_days) * DAY)
    }

    /// The moment from which on nothing goes: the end and its grace. `None`: never.
    pub fn over_at(&self) -> Option<Timestamp> {
        self.over().map(|over| Timestamp::from_nanosecond(over).unwrap_or(Timestamp::MAX))
    }

    fn covers_version(&self, version: &str) -> bool {
        let (least, most) = (self.claims().min_version.as_deref(), self.claims().max_version.as_deref());
        // What cannot be compared is not covered: no spelling gets around a limit.
        let within = |bound: Option<&str>, holds: fn([u64; 3], [u64; 3]) -> bool| match (bound, numbers(version)) {
            (None, _) => true,
            (Some(bound), Some(version)) => numbers(bound).is_some_and(|bound| holds(version, bound)),
            (Some(_), None) => false,
        };
        within(least, |version, least| version >= least) && within(most, |version, most| version <= most)
    }
}

/// `major.minor.patch` with whatever follows behind `-` or `+` left out.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split(['-', '+']).next()?.split('.').map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}
