//! A trial: once, 30 days, 100 analyses a day.

use crate::support::{DAY, HOUR, MINUTE, Place, SECOND, after, at, batch, claims, now, word};
use oz_domain::Millis;
use oz_license::Feature;
use oz_site::{Basis, Lived, TRIAL_A_DAY, use_up};
use oz_testkit::both_databases;
use std::time::Duration;

async fn start(place: &Place, clock: Millis) -> Lived {
    place
        .run(move |c, _| {
            oz_site::begin_trial(c, clock)?;
            Lived::begin(c, clock)
        })
        .await
        .unwrap()
}

async fn started(place: &Place) -> Option<i64> {
    place.run(|c, _| oz_site::row(c)).await.unwrap().unwrap().trial_started
}

both_databases! {
    async fn it_lasts_30_days_and_begins_once(database: TestDatabase) {
        let place = Place::trial(&database, now()).await;
        for later in [0, 10 * DAY, 29 * DAY, 31 * DAY, 1000 * DAY] {
            start(&place, after(now(), later)).await;
            assert_eq!(started(&place).await, Some(now().get()));
        }
        place.run(|c, _| crate::support::sql(c, &format!("UPDATE license_site SET last_seen = {}", now().get()))).await.unwrap();
        let end = after(now(), 30 * DAY);
        for (off, state) in [(-SECOND, "active"), (0, "expired"), (SECOND, "expired"), (1000 * DAY, "expired")] {
            let standing = place.standing(after(end, off)).await;
            assert_eq!(word(&standing), state);
            assert_eq!(standing.features.len(), if state == "active" { 8 } else { 0 });
        }
        assert!(place.standing(end).await.text().contains("trial ended"));
        assert!(matches!(place.standing(now()).await.basis, Basis::Trial { .. }));
    }

    async fn a_hundred_a_day(database: TestDatabase) {
        let place = Place::trial(&database, now()).await;
        place.run(|c, site| {
            let left = |c: &mut oz_store::AnyConn, time| Ok::<_, oz_site::Refused>(oz_site::standing(c, site, time, true)?.left.unwrap());
            assert_eq!(left(c, now())?, i64::try_from(TRIAL_A_DAY).unwrap());
            use_up(c, site, "n", &batch(1, "b-1", &[(Feature::Quality, 60), (Feature::Documents, 40)]), now(), true)?;
            assert_eq!(left(c, now())?, 0);
            assert_eq!(left(c, at("2026-06-01T23:59:59.999Z"))?, 0);
            assert_eq!(left(c, at("2026-06-02T00:00:00Z"))?, 100);
            Ok(())
        }).await.unwrap();
    }

    async fn there_is_none_where_none_was_begun_or_may_be(database: TestDatabase) {
        let place = Place::new(&database).await;
        place.run(|c, _| oz_site::begin_trial(c, now())).await.unwrap();
        assert_eq!(place.state(now()).await, "Missing", "the license server has no trial");
        let place = Place::trial(&database, now()).await;
        assert_eq!(place.state(now()).await, "active");
        place.run(|c, _| crate::support::sql(c, "UPDATE license_site SET trial_started = NULL")).await.unwrap();
        assert_eq!(place.state(now()).await, "Missing");
    }

    async fn there_is_none_after_a_license(database: TestDatabase) {
        let place = Place::trial(&database, now()).await;
        place.install(&claims(), now()).await.unwrap();
        assert_eq!(place.standing(now()).await.features.len(), 3);
        place.run(|c, _| oz_site::begin_trial(c, after(now(), DAY))).await.unwrap();
        for present in [true, false] {
            let standing = place.run(move |c, site| oz_site::standing(c, site, now(), present)).await.unwrap();
            assert!(standing.features.len() <= 3, "more than the license had");
        }
        place.run(|c, _| crate::support::sql(c, "DELETE FROM license_files")).await.unwrap();
        assert_eq!(place.state(now()).await, "Missing");
        assert_eq!(started(&place).await, Some(now().get()));
    }

    async fn a_clock_turned_back_is_refused(database: TestDatabase) {
        let place = Place::trial(&database, now()).await;
        let life = start(&place, now()).await;
        place.run(move |c, _| life.tick(c, Duration::from_secs(3600 * 24 * 10))).await.unwrap();
        let then = after(now(), 10 * DAY);
        for (back, state) in [(0, "active"), (5 * MINUTE, "active"), (5 * MINUTE + SECOND, "ClockTurnedBack"), (HOUR, "ClockTurnedBack"), (9 * DAY, "ClockTurnedBack")] {
            start(&place, after(then, -back)).await;
            assert_eq!(place.state(after(then, -back)).await, state);
        }
    }

    async fn a_first_start_in_2040_is_forgiven_once(database: TestDatabase) {
        let place = Place::trial(&database, at("2040-01-01T00:00:00Z")).await;
        let life = start(&place, at("2040-01-01T01:00:00Z")).await;
        place.run(move |c, _| life.tick(c, Duration::from_secs(3600 * 24))).await.unwrap();
        assert_eq!(place.state(now()).await, "ClockTurnedBack");
        let life = start(&place, now()).await;
        assert_eq!((place.state(now()).await, started(&place).await), ("active".to_owned(), Some(now().get())));
        // The life before does not bring the time back that it had.
        let life = place.run(move |c, _| life.tick(c, Duration::from_secs(3600))).await.unwrap();
        assert_eq!(place.last_seen().await, Some(after(now(), HOUR)));
        // From here on starts step as everywhere.
        start(&place, after(now(), 3 * HOUR)).await;
        assert_eq!(place.last_seen().await, Some(after(now(), 3 * HOUR)));
        // Once.
        start(&place, after(now(), -100 * DAY)).await;
        assert_eq!((place.state(after(now(), -100 * DAY)).await, started(&place).await), ("ClockTurnedBack".to_owned(), Some(now().get())));
        // And it has run for a day of the thirty.
        place.run(move |c, _| life.tick(c, Duration::from_secs(3600 * 24 * 29 - 1))).await.unwrap();
        assert_eq!(place.state(after(now(), 29 * DAY)).await, "active");
        place.run(move |c, _| life.tick(c, Duration::from_secs(3600 * 24 * 29))).await.unwrap();
        assert_eq!(place.state(after(now(), 29 * DAY)).await, "expired");
    }

    async fn whoever_turns_the_clock_gets_30_days_of_running_time_in_all(database: TestDatabase) {
        let place = Place::trial(&database, now()).await;
        let mut worked = 0;
        let mut clock = now();
        for round in 0..200 {
            let life = start(&place, clock).await;
            if place.standing(clock).await.state.permits() {
                worked += 6;
            }
            place.run(move |c, _| life.tick(c, Duration::from_secs(3600 * 6))).await.unwrap();
            // Back as far as it goes, or far back.
            clock = if round == 50 { after(clock, -400 * DAY) } else { after(place.last_seen().await.unwrap(), -5 * MINUTE) };
        }
        assert!((100..=30 * 24 + 6).contains(&worked), "{worked} hours");
    }
}
