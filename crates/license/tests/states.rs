//! Every state at its edges: one second before, at, and after.

use super::support::{after, at, claims, license, site};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use oz_license::{Binding, Claims, Factor, Factors, Kind, Reason, Site, State};

const DAY: i64 = 86400;

/// The state of the activated license at its own site.
fn state(claims: &Claims, now: Timestamp, last_seen: Option<Timestamp>) -> State {
    let key = site().verifying_key();
    license(claims).state(&Site { now, last_seen, factors: &Factors::default(), key: Some(&key), version: "0.1.0" })
}

/// The states one second before, at, and one second after a moment.
fn around(claims: &Claims, moment: Timestamp) -> [State; 3] {
    [-1, 0, 1].map(|seconds| state(claims, after(moment, seconds), None))
}

#[test]
fn through_its_whole_life() {
    let claims = claims();
    let end = claims.expires_at.unwrap();
    let (begin, issued) = (claims.not_before.unwrap(), claims.issued_at);
    let behind = State::Invalid(Reason::ClockBehind);
    assert_eq!(around(&claims, after(issued, -300)), [behind, State::NotYetValid, State::NotYetValid]);
    assert_eq!(around(&claims, begin), [State::NotYetValid, State::Active, State::Active]);
    assert_eq!(around(&claims, after(end, -30 * DAY)), [State::Active, State::RenewalDue, State::RenewalDue]);
    assert_eq!(around(&claims, end), [State::RenewalDue, State::Grace, State::Grace]);
    assert_eq!(around(&claims, after(end, 3 * DAY)), [State::Grace, State::Expired, State::Expired]);
    let none = Claims { grace_days: 0, ..claims };
    assert_eq!(around(&none, end), [State::RenewalDue, State::Expired, State::Expired]);
}

#[test]
fn without_an_end_until_its_file_ends() {
    let forever = Claims { expires_at: None, ..claims() };
    assert_eq!(state(&forever, at("2999-01-01T00:00:00Z"), None), State::Active);
    let file = at("2026-12-01T00:00:00Z");
    let renewed = Claims { file_expires_at: Some(file), ..claims() };
    assert_eq!(around(&renewed, file), [State::RenewalDue, State::Grace, State::Grace], "the earlier of both");
    let perpetual = Claims { file_expires_at: Some(file), ..forever };
    assert_eq!(around(&perpetual, file), [State::RenewalDue, State::Grace, State::Grace]);
    let longest = Claims { expires_at: Some(Timestamp::MAX), grace_days: u16::MAX, ..claims() };
    assert_eq!(state(&longest, Timestamp::MAX, None), State::Grace, "no overflow at the end of time");
}

#[test]
fn a_clock_that_is_turned_back_is_seen() {
    let seen = at("2026-06-01T12:00:00Z");
    let states = [-301, -300, -299, 0].map(|seconds| state(&claims(), after(seen, seconds), Some(seen)));
    let back = State::Invalid(Reason::ClockTurnedBack);
    assert_eq!(states, [back, State::Active, State::Active, State::Active]);
    for back_by in [3600, DAY, 120 * DAY] {
        assert_eq!(state(&claims(), after(seen, -back_by), Some(seen)), back);
    }
}

#[test]
fn it_is_for_one_site() {
    let (own, other) = (site().verifying_key(), SigningKey::from_bytes(&[3; 32]).verifying_key());
    let at_site = |claims: &Claims, key| {
        let now = at("2026-06-01T12:00:00Z");
        license(claims).state(&Site { now, last_seen: None, factors: &Factors::default(), key, version: "0.1.0" })
    };
    let bound = claims();
    assert_eq!(at_site(&bound, Some(&own)), State::Active);
    assert_eq!(at_site(&bound, Some(&other)), State::Invalid(Reason::SiteKey));
    assert_eq!(at_site(&bound, None), State::Invalid(Reason::SiteKey));
    let unbound = Claims { site_key: None, ..claims() };
    assert_eq!(at_site(&unbound, Some(&own)), State::NotActivated);
    assert!(!State::NotActivated.permits());
    assert_eq!(at_site(&Claims { kind: Kind::Sdk, ..unbound }, None), State::Active);
}

fn machine(parts: &[(Factor, &str)]) -> Factors {
    let mut factors = Factors::default();
    for (factor, value) in parts {
        factors.add(*factor, value);
    }
    factors
}

#[test]
fn one_of_three_parts_may_be_replaced() {
    let old = machine(&[(Factor::MachineId, "m1"), (Factor::Disk, "d1"), (Factor::NetworkCard, "aa:bb")]);
    let prints = old.prints([5; 16]);
    assert!(prints.iter().all(|print| !print.to_string().contains("m1")));
    let binding = Binding { fingerprints: prints.iter().map(ToString::to_string).collect(), threshold: 2 };
    let bound = Claims { binding: Some(binding.clone()), ..claims() };
    let key = site().verifying_key();
    let on = |claims: &Claims, factors: &Factors| {
        let now = at("2026-06-01T12:00:00Z");
        license(claims).state(&Site { now, last_seen: None, factors, key: Some(&key), version: "0.1.0" })
    };
    assert_eq!(on(&bound, &old), State::Active);
    let repaired = machine(&[(Factor::MachineId, "m1"), (Factor::Disk, "d2"), (Factor::NetworkCard, "AA:BB ")]);
    assert_eq!(on(&bound, &repaired), State::Active);
    let refused = State::Invalid(Reason::Machine);
    assert_eq!(on(&bound, &machine(&[(Factor::MachineId, "m1"), (Factor::Disk, "d2")])), refused);
    assert_eq!(on(&bound, &Factors::default()), refused);
    // A value counts for its own factor only, and a print that is listed twice counts once.
    assert_eq!(on(&bound, &machine(&[(Factor::Disk, "m1"), (Factor::MachineId, "d1")])), refused);
    let first = binding.fingerprints[0].clone();
    let doubled = Binding { fingerprints: vec![first.clone(), first], threshold: 2 };
    assert_eq!(on(&Claims { binding: Some(doubled), ..claims() }, &old), refused);
    assert_ne!(old.prints([5; 16])[0].to_string(), old.prints([6; 16])[0].to_string(), "the salt is in it");
}

#[test]
fn versions_are_compared_as_numbers() {
    let key = site().verifying_key();
    let with = |version: &str| {
        let claims = Claims { min_version: Some("0.9.0".into()), max_version: Some("1.10.3".into()), ..claims() };
        let now = at("2026-06-01T12:00:00Z");
        license(&claims).state(&Site { now, last_seen: None, factors: &Factors::default(), key: Some(&key), version })
    };
    for good in ["0.9.0", "0.10.0", "1.9.9", "1.10.3", "1.10.3+dev"] {
        assert_eq!(with(good), State::Active, "{good}");
    }
    for bad in ["0.8.99", "1.10.4", "2.0.0", "1.x.0", "1.0", "1.0.0.0", ""] {
        assert_eq!(with(bad), State::Invalid(Reason::Version), "{bad}");
    }
}
