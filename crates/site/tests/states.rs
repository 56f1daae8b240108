//! What the site may do, one second before each edge, at it and after it.

use crate::support::{
    DAY, HOUR, MINUTE, Place, SECOND, after, at, bound, claims, machine, now, revision, site_key, site_of, time, word,
};
use ed25519_dalek::SigningKey;
use oz_domain::Millis;
use oz_license::{Claims, Feature};
use oz_site::{Lived, Refused};
use oz_testkit::both_databases;
use std::time::Duration;

/// Lets the site live until a moment.
async fn live_until(place: &Place, until: Millis) {
    let from = place.last_seen().await.unwrap();
    let life = place.run(move |c, _| Lived::begin(c, from)).await.unwrap();
    let running = Duration::from_millis(u64::try_from(until.get() - from.get()).unwrap());
    place.run(move |c, _| life.tick(c, running)).await.unwrap();
    assert_eq!(place.last_seen().await, Some(until));
}

both_databases! {
    async fn every_edge_of_time(database: TestDatabase) {
        let place = Place::new(&database).await;
        // Signed shortly before its begin, so that all edges can be seen.
        let begin = at("2026-01-02T00:00:00Z");
        let license = Claims { issued_at: time(after(begin, -10 * MINUTE)), ..claims() };
        place.install(&license, begin).await.unwrap();
        let end = at("2027-01-01T00:00:00Z");
        for (time, before, then) in [
            (after(begin, -15 * MINUTE), "ClockBehind", "not_yet_valid"), (begin, "not_yet_valid", "active"),
            (after(end, -30 * DAY), "active", "renewal_due"), (end, "renewal_due", "grace"), (after(end, 3 * DAY), "grace", "expired"),
        ] {
            for (off, state) in [(-SECOND, before), (-1, before), (0, then), (SECOND, then)] {
                let standing = place.standing(after(time, off)).await;
                assert_eq!(word(&standing), state, "{time:?} {off}");
                assert_eq!(standing.features.is_empty(), !standing.state.permits());
            }
        }
        for (days, code) in [
            (31, None), (30, Some("ends_in_30_days")), (14, Some("ends_in_14_days")), (7, Some("ends_in_7_days")),
            (1, Some("ends_in_1_days")), (0, Some("grace")), (-3, Some("expired")),
        ] {
            let standing = place.standing(after(end, -days * DAY)).await;
            assert_eq!(standing.warnings.first().map(|warning| &*warning.code), code);
            assert_eq!(standing.days_left(after(end, -days * DAY)), Some(days));
            assert_eq!(standing.days_left(after(end, -days * DAY - 1)), Some(days + 1));
        }
    }

    async fn a_license_without_an_end_and_a_file_that_has_one(database: TestDatabase) {
        let place = Place::with(&database, &Claims { expires_at: None, ..claims() }).await;
        let standing = place.standing(at("2099-01-01T00:00:00Z")).await;
        assert_eq!((word(&standing), standing.end, standing.days_left(now())), ("active".to_owned(), None, None));
        let renew = "2026-08-01T00:00:00Z";
        place.install(&Claims { file_expires_at: Some(renew.parse().unwrap()), expires_at: None, ..revision(2, claims()) }, now()).await.unwrap();
        for (off, state) in [(-SECOND, "renewal_due"), (0, "grace"), (3 * DAY - SECOND, "grace"), (3 * DAY, "expired")] {
            assert_eq!(place.state(after(at(renew), off)).await, state);
        }
    }

    async fn a_clock_that_was_turned_back_is_refused(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        live_until(&place, now()).await;
        for back in [HOUR, DAY, 100 * DAY, 5 * MINUTE + 1] {
            assert_eq!(place.state(after(now(), -back)).await, "ClockTurnedBack");
        }
        for forth in [-5 * MINUTE, 0, HOUR, 30 * DAY] {
            assert_eq!(place.state(after(now(), forth)).await, "active");
        }
        let refused = place.run(|c, site| oz_site::acquire(c, site, &crate::support::ask("n"), after(now(), -HOUR), true)).await;
        assert!(matches!(refused, Err(Refused::State { .. })), "{refused:?}");
        // A year back is before the license was signed.
        assert_eq!(place.state(after(now(), -365 * DAY)).await, "ClockBehind");
        // The vendor's own word resets it.
        let back = after(now(), -DAY);
        place.install(&revision(2, Claims { issued_at: time(after(back, -HOUR)), ..claims() }), back).await.unwrap();
        assert_eq!(place.state(back).await, "active");
        assert_eq!(place.last_seen().await, Some(after(back, -HOUR)));
        assert_eq!(place.state(after(back, -HOUR - 5 * MINUTE - SECOND)).await, "ClockBehind");
    }

    async fn a_file_that_is_away_is_missing(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        for (present, state) in [(true, "active"), (false, "Missing"), (true, "active")] {
            let standing = place.run(move |c, site| oz_site::standing(c, site, now(), present)).await.unwrap();
            assert_eq!(word(&standing), state);
            assert_eq!(standing.features.contains(&Feature::Quality), present);
            assert_eq!(standing.text().contains("missing"), !present);
        }
        let mut site = site_of(site_key(), Default::default(), "1.2.3");
        site.trial = true;
        let trying = place.seen_by(site);
        let standing = trying.run(|c, site| oz_site::standing(c, site, now(), false)).await.unwrap();
        assert_eq!(word(&standing), "Missing", "no trial after a license");
    }

    async fn one_part_of_the_machine_may_change(database: TestDatabase) {
        let place = Place::of(&database, site_of(site_key(), machine(0), "1.2.3")).await;
        place.install(&bound(), now()).await.unwrap();
        for (changed, state) in [(0, "active"), (1, "active"), (2, "Machine"), (3, "Machine")] {
            let there = place.seen_by(site_of(site_key(), machine(changed), "1.2.3"));
            assert_eq!(there.state(now()).await, state, "{changed} changed");
        }
        assert_eq!(place.seen_by(site_of(site_key(), Default::default(), "1.2.3")).state(now()).await, "Machine");
    }

    async fn versions_and_keys(database: TestDatabase) {
        let covered = Claims { min_version: Some("1.2.0".into()), max_version: Some("1.3.0".into()), ..claims() };
        let place = Place::with(&database, &covered).await;
        for (version, state) in [("1.1.9", "Version"), ("1.2.0", "active"), ("1.3.0", "active"), ("1.3.1", "Version"), ("1.10.0", "Version"), ("?", "Version")] {
            assert_eq!(place.seen_by(site_of(site_key(), Default::default(), version)).state(now()).await, state, "{version}");
        }
        let stranger = place.seen_by(site_of(SigningKey::from_bytes(&[4; 32]), Default::default(), "1.2.3"));
        assert_eq!(stranger.state(now()).await, "SiteKey");
        for may_make in [true, false] {
            let refused = stranger.run(move |c, site| oz_site::open(c, site, now(), may_make)).await;
            assert!(matches!(&refused, Err(Refused::NotInstalled(text)) if text.contains("another site key")), "{refused:?}");
        }
        place.run(|c, site| oz_site::open(c, site, now(), false)).await.unwrap();
    }
}
