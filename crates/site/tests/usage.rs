//! What is used is counted once, in the right day, month and year.

use crate::support::{
    DAY, HOUR, Place, after, at, batch, claims, counted, in_ledger, now, revision, time, with_volume,
};
use oz_license::{Feature, Period};
use oz_site::{Refused, counts_of, standing, use_up};
use oz_store::AnyConn;
use oz_testkit::both_databases;
use std::collections::BTreeMap;

fn sums(quality: i64) -> BTreeMap<String, i64> {
    BTreeMap::from([("quality".to_owned(), quality)])
}

both_databases! {
    async fn a_batch_is_counted_once(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(100, Period::Day)).await;
        place.run(|c, site| {
            let first = batch(1, "b-1", &[(Feature::Quality, 7)]);
            for _ in 0..3 {
                assert_eq!(use_up(c, site, "n-1", &first, now(), true)?, Some(93));
            }
            // Again, whatever the clock and the license say by then.
            assert_eq!(use_up(c, site, "n-1", &first, at("2028-01-01T00:00:00Z"), true)?, Some(100));
            for other in [batch(1, "b-1", &[(Feature::Quality, 8)]), batch(1, "b-2", &[(Feature::Quality, 7)])] {
                let refused = use_up(c, site, "n-1", &other, now(), true);
                assert!(matches!(refused, Err(Refused::OtherBatch)), "{refused:?}");
            }
            assert_eq!((counted(c, "total")?, in_ledger(c)?), (sums(7), sums(7)));
            // Another node has numbers of its own; numbers may have gaps and come in any order.
            for (node, seq, id, left) in [("n-2", 1, "b-3", 92), ("n-1", 9, "b-4", 91), ("n-1", 5, "b-5", 90)] {
                assert_eq!(use_up(c, site, node, &batch(seq, id, &[(Feature::Quality, 1)]), now(), true)?, Some(left));
            }
            assert_eq!((counted(c, "total")?, in_ledger(c)?), (sums(10), sums(10)));
            Ok(())
        }).await.unwrap();
    }

    async fn sums_are_right_around_the_ends_of_days_months_and_years(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let times = [
                ("2026-11-30T23:59:59.999Z", 1), ("2026-12-01T00:00:00Z", 10), ("2026-12-31T23:59:59.999Z", 100),
                ("2027-01-01T00:00:00Z", 1000), ("2028-02-29T12:00:00Z", 10_000),
            ];
            for (seq, (time, n)) in (1..).zip(times) {
                use_up(c, site, "n-1", &batch(seq, &format!("b-{seq}"), &[(Feature::Quality, n)]), at(time), true)?;
            }
            for (period, n) in [
                ("2026-11-30", 1), ("2026-12-01", 10), ("2026-12-31", 100), ("2027-01-01", 1000), ("2028-02-29", 10_000),
                ("2026-11", 1), ("2026-12", 110), ("2027-01", 1000), ("2028-02", 10_000),
                ("2026", 111), ("2027", 1000), ("2028", 10_000), ("total", 11_111),
            ] {
                assert_eq!(counted(c, period)?, sums(n), "{period}");
            }
            let names = |from: &str, to: &str, c: &mut AnyConn| Ok::<_, Refused>(oz_site::totals(c, from, to)?.into_keys().collect::<Vec<_>>());
            assert_eq!(names("2026-12-01", "2027-01-01", c)?, ["2026-12-01", "2026-12-31", "2027-01-01"]);
            assert_eq!(names("2026-11", "2026-12", c)?, ["2026-11", "2026-12"]);
            assert_eq!(names("2026", "9999", c)?, ["2026", "2027", "2028"]);
            assert_eq!(names("2027-02", "2027-12", c)?, Vec::<String>::new());
            Ok(())
        }).await.unwrap();
    }

    async fn what_cannot_be_is_refused_and_nothing_is_counted(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let long = "x".repeat(65);
            for (node, seq, id, n, field) in [
                ("", 1, "b", 1, "instance_id"), ("a b", 1, "b", 1, "instance_id"), ("a\0", 1, "b", 1, "instance_id"),
                ("é", 1, "b", 1, "instance_id"), (&long, 1, "b", 1, "instance_id"), ("n", 1, "", 1, "batch"),
                ("n", 1, "b\0", 1, "batch"), ("n", 1, &long, 1, "batch"), ("n", 0, "b", 1, "seq"), ("n", i64::MIN, "b", 1, "seq"),
                ("n", 1, "b", -1, "counts"), ("n", 1, "b", 1_000_000_001, "counts"), ("n", 1, "b", i64::MAX, "counts"),
                ("n", 1, "b", i64::MIN, "counts"), ("n", 1, "b", 0, "counts"),
            ] {
                let refused = use_up(c, site, node, &batch(seq, id, &[(Feature::Quality, n)]), now(), true);
                assert!(matches!(refused, Err(Refused::Value { field: told, .. }) if told == field), "{node:?} {refused:?}");
            }
            assert_eq!(in_ledger(c)?, BTreeMap::new());
            use_up(c, site, "n", &batch(i64::MAX, "b", &[(Feature::Quality, 1_000_000_000), (Feature::Web, 0)]), now(), true)?;
            assert_eq!(in_ledger(c)?, sums(1_000_000_000));
            Ok(())
        }).await.unwrap();
        let words = |word: &str| counts_of(&BTreeMap::from([(word.to_owned(), 1)]));
        assert_eq!(words("on_device").unwrap(), BTreeMap::from([(Feature::OnDevice, 1)]));
        for word in ["", "block", "Quality", "on-device", "quality\0"] {
            assert!(matches!(words(word), Err(Refused::Value { field: "counts", .. })), "{word}");
        }
    }

    async fn a_volume_ends_with_its_overage_and_begins_anew_with_its_period(database: TestDatabase) {
        let periods = [
            (Period::Day, Some("2026-06-02T00:00:00Z")), (Period::Month, Some("2026-07-01T00:00:00Z")),
            (Period::Year, Some("2027-01-01T00:00:00Z")), (Period::Total, None),
        ];
        let place = Place::new(&database).await;
        for (number, (period, next)) in (0..).zip(periods) {
            let mut license = with_volume(1000, period);
            license.limits.overage_percent = 15;
            license.license_id = format!("L-{number}");
            license.issued_at = time(after(at("2026-01-01T00:00:00Z"), number));
            place.install(&license, now()).await.unwrap();
            place.run(move |c, site| {
                assert_eq!(standing(c, site, now(), true)?.left, Some(1150));
                for (seq, n, left, code) in [
                    (1, 799, 351, None), (2, 1, 350, Some("volume_80")), (3, 99, 251, Some("volume_80")), (4, 1, 250, Some("volume_90")),
                    (5, 99, 151, Some("volume_90")), (6, 1, 150, Some("volume_100")), (7, 150, 0, Some("volume_100")), (8, 5, -5, Some("volume_100")),
                ] {
                    let told = batch(seq + 100 * number, &format!("b-{number}-{seq}"), &[(Feature::Quality, n)]);
                    assert_eq!(use_up(c, site, "n", &told, now(), true)?, Some(left), "{period:?} {seq}");
                    let standing = standing(c, site, now(), true)?;
                    assert_eq!(standing.left, Some(left));
                    let codes: Vec<&str> = standing.warnings.iter().map(|warning| &*warning.code).collect();
                    assert_eq!(codes, Vec::from_iter(code), "{period:?} {seq}");
                }
                match next {
                    Some(next) => {
                        assert_eq!(standing(c, site, after(at(next), -1), true)?.left, Some(-5), "{period:?}");
                        assert_eq!(standing(c, site, at(next), true)?.left, Some(1150), "{period:?}");
                    }
                    None => assert_eq!(standing(c, site, after(now(), 200 * DAY), true)?.left, Some(-5)),
                }
                Ok(())
            }).await.unwrap();
        }
    }

    async fn use_is_counted_although_the_license_is_over_or_its_file_is_away(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(100, Period::Total)).await;
        let late = at("2028-01-01T00:00:00Z");
        assert_eq!(place.state(late).await, "expired");
        place.run(move |c, site| {
            use_up(c, site, "n", &batch(1, "b-1", &[(Feature::Quality, 3)]), late, true)?;
            assert_eq!(oz_site::standing(c, site, late, true)?.left, Some(97));
            // Whoever takes the file away at the moment of counting does not get the volume for it.
            use_up(c, site, "n", &batch(2, "b-2", &[(Feature::Quality, 4)]), now(), false)?;
            assert_eq!(oz_site::standing(c, site, now(), true)?.left, Some(93));
            assert_eq!(oz_site::standing(c, site, after(now(), -DAY * 30), true)?.left, Some(93));
            Ok(())
        }).await.unwrap();
        // A new revision is the same license: what was used of it stays used.
        place.install(&revision(2, with_volume(100, Period::Total)), after(now(), HOUR)).await.unwrap();
        assert_eq!(place.standing(after(now(), HOUR)).await.left, Some(93));
    }

    async fn the_greatest_volumes_do_not_overflow(database: TestDatabase) {
        let mut license = with_volume(u64::MAX, Period::Total);
        license.limits.overage_percent = u8::MAX;
        let place = Place::with(&database, &license).await;
        place.run(|c, site| {
            assert_eq!(oz_site::standing(c, site, now(), true)?.left, Some(i64::MAX));
            use_up(c, site, "n", &batch(1, "b-1", &[(Feature::Quality, 1_000_000_000)]), now(), true)?;
            assert_eq!(oz_site::standing(c, site, now(), true)?.left, Some(i64::MAX - 1_000_000_000));
            Ok(())
        }).await.unwrap();
    }
}
