//! `last_seen` follows the running time, and a bad hour of the clock does not poison it.

use crate::support::{DAY, HOUR, MINUTE, Place, SECOND, after, at, claims, now, revision, time};
use oz_domain::Millis;
use oz_license::Claims;
use oz_site::Lived;
use oz_testkit::{TestDatabase, both_databases};
use std::time::Duration;

/// A site that was installed at [`now`], by the vendor's clock too.
async fn fresh(database: &TestDatabase) -> Place {
    Place::with(database, &Claims { issued_at: time(now()), ..claims() }).await
}

async fn begin(place: &Place, clock: Millis) -> Lived {
    place.run(move |c, _| Lived::begin(c, clock)).await.unwrap()
}

async fn tick(place: &Place, life: Lived, running: i64) -> Lived {
    let running = Duration::from_millis(u64::try_from(running).unwrap());
    place.run(move |c, _| life.tick(c, running)).await.unwrap()
}

async fn ran(place: &Place) -> i64 {
    place.run(|c, _| oz_site::row(c)).await.unwrap().unwrap().ran
}

fn year_2040() -> Millis {
    at("2040-01-01T00:00:00Z")
}

both_databases! {
    async fn it_moves_by_the_running_time_alone(database: TestDatabase) {
        let place = fresh(&database).await;
        assert_eq!(place.last_seen().await, Some(now()));
        let mut life = begin(&place, now()).await;
        for minutes in [0, 1, 1, 30, 60, 59, 61] {
            life = tick(&place, life, minutes * MINUTE).await;
        }
        // Whatever the clock said in that hour: it was not asked.
        assert_eq!((place.last_seen().await, ran(&place).await), (Some(after(now(), 61 * MINUTE)), 61 * MINUTE));
        assert_eq!(place.state(after(now(), 56 * MINUTE)).await, "active");
        assert_eq!(place.state(after(now(), 56 * MINUTE - SECOND)).await, "ClockTurnedBack");
    }

    async fn a_start_takes_one_step_and_not_again_within_an_hour(database: TestDatabase) {
        let place = fresh(&database).await;
        let mut expected = after(now(), DAY);
        for _ in 0..6 {
            let life = begin(&place, year_2040()).await;
            assert_eq!(place.last_seen().await, Some(expected));
            tick(&place, life, 9 * MINUTE).await;
            expected = after(expected, 9 * MINUTE);
        }
        assert_eq!(place.last_seen().await, Some(expected));
        // The clock is right again.
        assert_eq!(place.state(after(now(), HOUR)).await, "ClockTurnedBack");
        assert_eq!(place.state(after(expected, -5 * MINUTE - SECOND)).await, "ClockTurnedBack");
        assert_eq!(place.state(after(expected, -5 * MINUTE)).await, "active");
        let right = after(now(), HOUR);
        place.install(&Claims { issued_at: time(right), ..revision(2, claims()) }, right).await.unwrap();
        assert_eq!((place.state(right).await, place.last_seen().await), ("active".to_owned(), Some(right)));
    }

    async fn steps_go_on_after_an_hour_and_never_back(database: TestDatabase) {
        let place = fresh(&database).await;
        let late = after(now(), 10 * DAY);
        let life = begin(&place, late).await;
        let life = tick(&place, life, HOUR - 1).await;
        assert_eq!(begin(&place, late).await, begin(&place, late).await);
        assert_eq!(place.last_seen().await, Some(after(now(), DAY + HOUR - 1)));
        tick(&place, life, HOUR).await;
        begin(&place, late).await;
        assert_eq!(place.last_seen().await, Some(after(now(), 2 * DAY + HOUR)));
        // A short way is taken whole; a clock that is behind takes none.
        place.run(|c, _| crate::support::sql(c, "UPDATE license_site SET last_step = NULL")).await.unwrap();
        begin(&place, after(now(), 2 * DAY + 2 * HOUR)).await;
        assert_eq!(place.last_seen().await, Some(after(now(), 2 * DAY + 2 * HOUR)));
        place.run(|c, _| crate::support::sql(c, "UPDATE license_site SET last_step = NULL")).await.unwrap();
        begin(&place, now()).await;
        assert_eq!(place.last_seen().await, Some(after(now(), 2 * DAY + 2 * HOUR)));
    }

    async fn two_lives_on_one_database_do_not_add_up(database: TestDatabase) {
        let place = fresh(&database).await;
        let (mut one, mut two) = (begin(&place, now()).await, begin(&place, now()).await);
        for minutes in 1..=60 {
            one = tick(&place, one, minutes * MINUTE).await;
            two = tick(&place, two, minutes * MINUTE).await;
        }
        assert_eq!((place.last_seen().await, ran(&place).await), (Some(after(now(), HOUR)), HOUR));
        // One after the other they do.
        let three = begin(&place, now()).await;
        tick(&place, three, HOUR).await;
        assert_eq!(ran(&place).await, 2 * HOUR);
        tick(&place, one, 61 * MINUTE).await;
        tick(&place, two, 61 * MINUTE).await;
        assert_eq!((place.last_seen().await, ran(&place).await), (Some(after(now(), 2 * HOUR)), 2 * HOUR));
    }

    async fn a_tick_after_a_reset_does_not_bring_the_poisoned_time_back(database: TestDatabase) {
        let place = fresh(&database).await;
        let (one, two) = (begin(&place, year_2040()).await, begin(&place, year_2040()).await);
        let one = tick(&place, one, MINUTE).await;
        assert_eq!(place.last_seen().await, Some(after(now(), DAY + MINUTE)));
        let right = after(now(), HOUR);
        place.install(&Claims { issued_at: time(right), ..revision(2, claims()) }, right).await.unwrap();
        let one = tick(&place, one, 2 * MINUTE).await;
        let two = tick(&place, two, 2 * MINUTE).await;
        assert_eq!(place.last_seen().await, Some(right));
        tick(&place, one, 5 * MINUTE).await;
        tick(&place, two, 4 * MINUTE).await;
        assert_eq!(place.last_seen().await, Some(after(right, 3 * MINUTE)));
        assert_eq!(ran(&place).await, 5 * MINUTE);
        // And the next start steps again.
        begin(&place, after(right, 2 * HOUR)).await;
        assert_eq!(place.last_seen().await, Some(after(right, 2 * HOUR)));
    }

    async fn without_a_license_nothing_has_been_lived_through(database: TestDatabase) {
        let place = Place::new(&database).await;
        let life = begin(&place, year_2040()).await;
        let life = tick(&place, life, HOUR).await;
        assert_eq!((place.last_seen().await, ran(&place).await), (None, HOUR));
        place.install(&Claims { issued_at: time(now()), ..claims() }, now()).await.unwrap();
        let life = tick(&place, life, 2 * HOUR).await;
        assert_eq!(place.last_seen().await, Some(now()));
        tick(&place, life, 3 * HOUR).await;
        assert_eq!(place.last_seen().await, Some(after(now(), HOUR)));
    }

    async fn the_longest_times_do_not_overflow(database: TestDatabase) {
        let place = fresh(&database).await;
        let life = begin(&place, Millis::new(i64::MAX)).await;
        assert_eq!(place.last_seen().await, Some(after(now(), DAY)));
        place.run(move |c, _| life.tick(c, Duration::MAX)).await.unwrap();
        assert_eq!(ran(&place).await, i64::MAX);
        for clock in [Millis::new(i64::MIN), Millis::new(i64::MAX), now()] {
            begin(&place, clock).await;
            assert!(!place.standing(clock).await.state.permits());
        }
    }
}
