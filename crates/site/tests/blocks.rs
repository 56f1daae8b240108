//! Analyses that are paid in advance: counted when they are paid, given back to where they were taken from.

use crate::support::{
    DAY, Done, MINUTE, Place, after, ask, at, claims, counted, in_ledger, now, numbers, sql, texts, time, with_volume,
};
use oz_domain::Millis;
use oz_license::{Claims, Period};
use oz_site::{Ask, Beat, Given, Refused, Site, acquire, release};
use oz_store::AnyConn;
use oz_testkit::both_databases;

fn take(c: &mut AnyConn, site: &Site, node: &str, block: u64, now: Millis) -> Done<Given> {
    acquire(c, site, &Ask { block, ..ask(node) }, now, true)
}

fn more(c: &mut AnyConn, site: &Site, given: &Given, block: u64, now: Millis) -> Done<Given> {
    let counter = given.claims.counter;
    let beat = Beat { counter, attempt: format!("a-{counter}"), block };
    oz_site::beat(c, site, &given.claims.lease_id, &beat, now, true)
}

/// Paid in advance and not given back, in some periods.
fn paid(c: &mut AnyConn, periods: &[&str]) -> Done<Vec<i64>> {
    periods.iter().map(|period| Ok(counted(c, period)?.get("block").copied().unwrap_or(0))).collect()
}

both_databases! {
    async fn a_block_is_paid_and_what_is_not_used_comes_back(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(100, Period::Day)).await;
        place.run(|c, site| {
            let given = take(c, site, "n-1", 30, now())?;
            assert_eq!((given.claims.block, given.left), (30, Some(70)));
            let given = more(c, site, &given, 20, now())?;
            assert_eq!((given.claims.block, given.left), (50, Some(50)));
            // The repetition of a heartbeat pays nothing.
            let beat = Beat { counter: 0, attempt: "a-0".to_owned(), block: 20 };
            let again = oz_site::beat(c, site, &given.claims.lease_id, &beat, now(), true)?;
            assert_eq!((again.claims.block, again.left), (50, Some(50)));
            assert_eq!(paid(c, &["2026-06-01", "2026-06", "2026", "total"])?, [50; 4]);
            release(c, &given.claims.lease_id, 20, now())?;
            assert_eq!(paid(c, &["2026-06-01", "2026-06", "2026", "total"])?, [30; 4]);
            assert_eq!(in_ledger(c)?["block"], 30);
            assert_eq!(oz_site::standing(c, site, now(), true)?.left, Some(70));
            Ok(())
        }).await.unwrap();
    }

    async fn no_more_comes_back_than_was_paid(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(100, Period::Day)).await;
        place.run(|c, site| {
            take(c, site, "n-2", 5, now())?;
            for unused in [11, u64::MAX] {
                let given = take(c, site, "n-1", 10, now())?;
                release(c, &given.claims.lease_id, unused, now())?;
                assert!(matches!(release(c, &given.claims.lease_id, unused, now()), Err(Refused::Over)));
                assert_eq!(paid(c, &["2026-06-01", "total"])?, [5, 5]);
            }
            // A lease that took the place of another has nothing of what that had paid: it may have been used.
            take(c, site, "n-1", 10, now())?;
            let given = take(c, site, "n-1", 10, now())?;
            release(c, &given.claims.lease_id, 20, now())?;
            assert_eq!(paid(c, &["2026-06-01", "total"])?, [15, 15]);
            // One without any.
            let given = take(c, site, "n-1", 0, now())?;
            release(c, &given.claims.lease_id, 20, now())?;
            assert_eq!(paid(c, &["2026-06-01", "total"])?, [15, 15]);
            Ok(())
        }).await.unwrap();
    }

    async fn the_last_of_a_volume_and_nothing(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(100, Period::Day)).await;
        place.run(|c, site| {
            let one = take(c, site, "n-1", u64::MAX, now())?;
            assert_eq!((one.claims.block, one.left), (100, Some(0)));
            assert!(matches!(take(c, site, "n-2", 1, now()), Err(Refused::Volume)));
            assert!(matches!(more(c, site, &one, 1, now()), Err(Refused::Volume)));
            // Who pays nothing still has his lease.
            take(c, site, "n-2", 0, now())?;
            let one = more(c, site, &one, 0, now())?;
            assert_eq!(one.claims.block, 100);
            release(c, &one.claims.lease_id, 1, now())?;
            assert_eq!(take(c, site, "n-2", 50, now())?.claims.block, 1);
            Ok(())
        }).await.unwrap();
    }

    async fn a_block_is_no_longer_than_it_may_be(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            assert_eq!(take(c, site, "n-1", u64::MAX, now())?.claims.block, 1_000_000);
            Ok(())
        }).await.unwrap();
    }

    async fn what_comes_back_comes_to_the_day_it_was_paid_on(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(100, Period::Month)).await;
        place.run(|c, site| {
            let (june, july) = (at("2026-06-30T23:55:00Z"), at("2026-07-01T00:01:00Z"));
            let days = ["2026-06-30", "2026-07-01", "2026-06", "2026-07", "2026", "total"];
            // Paid in June, given back in July: July's volume does not grow.
            let given = take(c, site, "n-1", 40, june)?;
            release(c, &given.claims.lease_id, 30, july)?;
            assert_eq!(paid(c, &days)?, [10, 0, 10, 0, 10, 10]);
            // Paid on both sides of midnight: the last is what is left of it.
            let given = take(c, site, "n-1", 20, june)?;
            let given = more(c, site, &given, 50, july)?;
            assert_eq!(paid(c, &days)?, [30, 50, 30, 50, 80, 80]);
            release(c, &given.claims.lease_id, 60, after(july, MINUTE))?;
            assert_eq!(paid(c, &days)?, [20, 0, 20, 0, 20, 20]);
            assert_eq!(in_ledger(c)?["block"], 20);
            assert_eq!(oz_site::standing(c, site, july, true)?.left, Some(100));
            Ok(())
        }).await.unwrap();
    }

    async fn what_comes_back_comes_to_the_license_that_paid(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(100, Period::Total)).await;
        let given = place.run(|c, site| take(c, site, "n-1", 40, now())).await.unwrap();
        let next = Claims { license_id: "L-2".into(), issued_at: time(at("2026-05-01T00:00:00Z")), ..with_volume(1000, Period::Total) };
        place.install(&next, now()).await.unwrap();
        assert_eq!(place.standing(now()).await.left, Some(1000));
        place.run(move |c, site| {
            let given = more(c, site, &given, 7, now())?;
            assert_eq!(given.claims.block, 47);
            release(c, &given.claims.lease_id, 10, now())?;
            assert_eq!(oz_site::standing(c, site, now(), true)?.left, Some(1000));
            Ok(())
        }).await.unwrap();
        place.run(|c, _| {
            let rows = texts(c, "SELECT license_id || ' ' || kind || ' ' || counts FROM license_ledger WHERE kind IN ('block', 'returned') ORDER BY seq")?;
            assert_eq!(rows, [r#"L-1 block {"block":40}"#, r#"L-2 block {"block":7}"#, r#"L-2 returned {"block":-7}"#, r#"L-1 returned {"block":-3}"#]);
            Ok(())
        }).await.unwrap();
    }

    async fn a_lease_of_many_days_stays_small(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let mut time = at("2026-02-01T23:55:00Z");
            let mut given = take(c, site, "n-1", 1, time)?;
            for _ in 0..200 {
                given = more(c, site, &given, 1, time)?;
                // A day of heartbeats later.
                time = after(time, DAY);
                sql(c, &format!("UPDATE license_leases SET time_expires = {}", after(time, MINUTE).get()))?;
            }
            let sizes = numbers(c, "SELECT CAST(length(paid) AS BIGINT) FROM license_leases")?;
            assert!(sizes[0] < 8192, "{sizes:?}");
            release(c, &given.claims.lease_id, u64::MAX, time)?;
            assert!(paid(c, &["total"])?[0] >= 0);
            Ok(())
        }).await.unwrap();
    }
}
