//! Texts that nodes and people send: both databases say the same of them.

use crate::support::{Place, ask, claims, now, texts};
use oz_site::{Ask, Beat, Refused, acquire, beat, release, totals};
use oz_testkit::both_databases;

both_databases! {
    async fn an_id_that_is_none_is_refused(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            for id in ["", "a b", "a\0b", "é", "a/b", "a\u{202e}b", &"x".repeat(65)] {
                let refused = acquire(c, site, &ask(id), now(), true);
                assert!(matches!(refused, Err(Refused::Value { field: "instance_id", .. })), "{id:?} {refused:?}");
            }
            let given = acquire(c, site, &ask(&"x".repeat(64)), now(), true)?;
            for attempt in ["", "a\0b", "é", &"x".repeat(65), &"x".repeat(1_000_000)] {
                let said = Beat { counter: 0, attempt: attempt.to_owned(), block: 0 };
                let refused = beat(c, site, &given.claims.lease_id, &said, now(), true);
                assert!(matches!(refused, Err(Refused::Value { field: "attempt", .. })), "{refused:?}");
            }
            Ok(())
        }).await.unwrap();
    }

    async fn a_lease_that_cannot_be_is_over(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        for id in ["", "\0", "a\0b", "no", "é"] {
            let said = Beat { counter: 0, attempt: "a".to_owned(), block: 0 };
            let over = place.run(move |c, site| beat(c, site, id, &said, now(), true)).await;
            assert!(matches!(over, Err(Refused::Over)), "{id:?} {over:?}");
            let over = place.run(move |c, _| release(c, id, 1, now())).await;
            assert!(matches!(over, Err(Refused::Over)), "{id:?} {over:?}");
        }
    }

    async fn sums_of_what_is_no_period_are_refused(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        for (from, to) in [("2026\0", "2026"), ("2026", "\0"), ("", "2026"), ("2026", "' OR 1=1")] {
            let refused = place.run(move |c, _| totals(c, from, to)).await;
            assert!(matches!(refused, Err(Refused::Value { .. })), "{from:?} {to:?} {refused:?}");
        }
    }

    async fn what_a_node_says_of_itself_is_shown_without_tricks(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let hostname = format!("a\0b\u{1b}[31m\r\n{}\u{202e}\u{2028}\u{feff}{}", "ü", "x".repeat(1000));
            acquire(c, site, &Ask { hostname: hostname.clone(), version: "1\0.2".to_owned(), ..ask("n-1") }, now(), true)?;
            let shown = texts(c, "SELECT hostname || '|' || version FROM license_leases")?;
            assert_eq!(shown, [format!("ab[31mü{}|1.2", "x".repeat(128 - 7))]);
            Ok(())
        }).await.unwrap();
    }
}
