//! As many nodes at once as the license has, each with a name of its own.

use crate::support::{Done, MINUTE, Place, SECOND, after, ask, at, claims, development_trust, now, revision, time};
use oz_domain::Millis;
use oz_license::{Claims, Feature, Lease, Limits};
use oz_site::{Ask, Beat, Given, Refused, Site, acquire, holders, release};
use oz_store::AnyConn;
use oz_testkit::both_databases;
use std::time::Duration;

fn beat(counter: u64, attempt: &str) -> Beat {
    Beat { counter, attempt: attempt.to_owned(), block: 0 }
}

fn take(c: &mut AnyConn, site: &Site, node: &str, now: Millis) -> Done<Given> {
    acquire(c, site, &ask(node), now, true)
}

fn extend(c: &mut AnyConn, site: &Site, given: &Given, counter: u64, attempt: &str, now: Millis) -> Done<Given> {
    oz_site::beat(c, site, &given.claims.lease_id, &beat(counter, attempt), now, true)
}

fn nodes(c: &mut AnyConn, now: Millis) -> Done<Vec<String>> {
    Ok(holders(c, now)?.into_iter().map(|holder| holder.instance_id).collect())
}

/// Who holds the leases that somebody else asks for in vain; none when he gets one.
fn in_vain(c: &mut AnyConn, site: &Site, node: &str, now: Millis) -> Done<Option<Vec<String>>> {
    match take(c, site, node, now) {
        Err(Refused::NoneFree(holders)) => Ok(Some(holders.into_iter().map(|holder| holder.instance_id).collect())),
        taken => taken.map(|_| None),
    }
}

both_databases! {
    async fn three_are_given_and_the_fourth_hears_who_holds_them(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            for (number, node) in (0..).zip(["n-1", "n-2", "n-3"]) {
                let given = take(c, site, node, after(now(), number))?;
                assert_eq!(given.claims.expires_at, time(after(now(), number + 10 * MINUTE)));
                assert_eq!((given.claims.counter, given.claims.block, given.left), (0, 0, None));
            }
            assert_eq!(in_vain(c, site, "n-4", now())?.unwrap(), ["n-1", "n-2", "n-3"]);
            assert_eq!(oz_site::standing(c, site, now(), true)?.in_use, 3);
            // One that has a lease may have another: it has restarted.
            let again = take(c, site, "n-2", after(now(), 9))?;
            assert_eq!(nodes(c, now())?, ["n-1", "n-3", "n-2"]);
            assert_eq!(in_vain(c, site, "n-4", now())?.unwrap(), ["n-1", "n-3", "n-2"]);
            release(c, &again.claims.lease_id, 0, now())?;
            assert!(matches!(release(c, &again.claims.lease_id, 0, now()), Err(Refused::Over)));
            assert_eq!(in_vain(c, site, "n-4", now())?, None);
            Ok(())
        }).await.unwrap();
    }

    async fn what_expires_is_free(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let first = take(c, site, "n-1", now())?;
            for node in ["n-2", "n-3"] {
                take(c, site, node, after(now(), SECOND))?;
            }
            let end = after(now(), 10 * MINUTE);
            assert!(in_vain(c, site, "n-4", after(end, -1))?.is_some());
            assert_eq!(nodes(c, end)?, ["n-2", "n-3"]);
            let over = extend(c, site, &first, 0, "a", end);
            assert!(matches!(over, Err(Refused::Over)), "{over:?}");
            assert_eq!(in_vain(c, site, "n-4", end)?, None);
            assert_eq!(in_vain(c, site, "n-1", end)?.unwrap(), ["n-2", "n-3", "n-4"]);
            Ok(())
        }).await.unwrap();
    }

    async fn a_heartbeat_extends_and_its_repetition_is_answered_the_same(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let given = take(c, site, "n-1", now())?;
            let later = after(now(), 5 * MINUTE);
            for _ in 0..3 {
                let next = extend(c, site, &given, 0, "a-1", later)?.claims;
                assert_eq!((next.counter, next.expires_at), (1, time(after(later, 10 * MINUTE))));
                assert_eq!((&next.lease_id, &next.instance_id), (&given.claims.lease_id, &given.claims.instance_id));
            }
            for (counter, attempt) in [(0, "a-2"), (2, "a-1"), (2, "a-2"), (u64::MAX, "a-1"), (9_223_372_036_854_775_807, "a-1")] {
                let stale = extend(c, site, &given, counter, attempt, later);
                assert!(matches!(stale, Err(Refused::Stale)), "{counter} {stale:?}");
            }
            assert_eq!(extend(c, site, &given, 1, "a-2", later)?.claims.counter, 2);
            let old = extend(c, site, &given, 0, "a-1", later);
            assert!(matches!(old, Err(Refused::Stale)), "{old:?}");
            Ok(())
        }).await.unwrap();
    }

    async fn a_copied_identity_is_found_at_the_second_heartbeat(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            // Both have the lease: a copied data folder.
            let given = take(c, site, "n-1", now())?;
            extend(c, site, &given, 0, "one", now())?;
            assert!(matches!(extend(c, site, &given, 0, "two", now()), Err(Refused::Stale)));
            // Each takes a lease of its own.
            let one = take(c, site, "n-1", now())?;
            let two = take(c, site, "n-1", now())?;
            assert!(matches!(extend(c, site, &one, 0, "one", now()), Err(Refused::Over)));
            extend(c, site, &two, 0, "two", now())?;
            assert_eq!(nodes(c, now())?, ["n-1"]);
            Ok(())
        }).await.unwrap();
    }

    async fn what_is_given_is_within_the_license_and_a_node_believes_it(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let end = at("2027-01-04T00:00:00Z");
            let asked = [Feature::Quality, Feature::Collection];
            for (wanted, features) in [
                (vec![], vec![Feature::Quality, Feature::Biometry, Feature::Web]), (asked.to_vec(), vec![Feature::Quality]),
            ] {
                let ask = Ask { wanted: wanted.into_iter().collect(), ..ask("n-1") };
                let given = acquire(c, site, &ask, now(), true)?;
                assert_eq!(given.claims.features, features.iter().copied().collect());
                let given = extend(c, site, &given, 0, "a", now())?;
                assert_eq!(given.claims.features, features.into_iter().collect());
                let text = site.sign_lease(&given.claims)?;
                Lease::verify(text.as_bytes(), &development_trust(), "n-1", time(now())).unwrap();
            }
            let ask = Ask { wanted: [Feature::Collection].into(), ..ask("n-2") };
            assert!(matches!(acquire(c, site, &ask, now(), true), Err(Refused::Feature)));
            assert_eq!(nodes(c, now())?, ["n-1"]);
            // Never after the end and the grace.
            for (left, life) in [(11 * MINUTE, 10 * MINUTE), (10 * MINUTE, 10 * MINUTE), (9 * MINUTE, 9 * MINUTE), (1, 1)] {
                let now = after(end, -left);
                let mut given = take(c, site, "n-1", now)?;
                for counter in 0..2 {
                    assert_eq!(given.claims.expires_at, time(after(now, life)));
                    let text = site.sign_lease(&given.claims)?;
                    Lease::verify(text.as_bytes(), &development_trust(), "n-1", time(now)).unwrap();
                    given = extend(c, site, &given, counter, &format!("a{counter}"), now)?;
                }
            }
            for node in ["n-1", "n-2"] {
                let refused = take(c, site, node, end);
                assert!(matches!(&refused, Err(Refused::State { text, .. }) if text.contains("expired")), "{refused:?}");
            }
            Ok(())
        }).await.unwrap();
    }

    async fn a_lease_lives_no_longer_than_nodes_believe(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let mut site = crate::support::site_of(crate::support::site_key(), Default::default(), "1.2.3");
        site.ttl = Duration::from_secs(7200);
        place.seen_by(site).run(|c, site| {
            let given = take(c, site, "n-1", now())?;
            let text = site.sign_lease(&given.claims)?;
            Lease::verify(text.as_bytes(), &development_trust(), "n-1", time(now())).unwrap();
            Ok(())
        }).await.unwrap();
    }

    async fn fewer_instances_hold_at_the_next_heartbeat(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let given = place.run(|c, site| ["n-1", "n-2", "n-3"].into_iter().map(|node| take(c, site, node, now())).collect::<Done<Vec<_>>>()).await.unwrap();
        let fewer = Claims { limits: Limits { instances: Some(1), ..Limits::default() }, ..revision(2, claims()) };
        place.install(&fewer, now()).await.unwrap();
        place.run(move |c, site| {
            for given in given.iter().skip(1) {
                let refused = extend(c, site, given, 0, "a", now());
                assert!(matches!(refused, Err(Refused::NoneFree(_))), "{refused:?}");
            }
            extend(c, site, &given[0], 0, "a", now())?;
            assert!(in_vain(c, site, "n-2", now())?.is_some());
            // The others have ended by themselves.
            let later = after(now(), 9 * MINUTE);
            extend(c, site, &given[0], 1, "b", later)?;
            assert_eq!(nodes(c, after(now(), 10 * MINUTE))?, ["n-1"]);
            Ok(())
        }).await.unwrap();
    }

    async fn a_lease_of_a_bad_hour_in_2040_keeps_nobody_out_afterwards(database: TestDatabase) {
        let forever = Claims { expires_at: None, ..claims() };
        let place = Place::with(&database, &forever).await;
        place.run(|c, site| {
            let future = at("2040-01-01T00:00:00Z");
            let given = ["n-1", "n-2", "n-3"].map(|node| take(c, site, node, future).unwrap());
            assert_eq!(nodes(c, future)?.len(), 3);
            // The clock is right again, and those nodes have gone for good.
            assert_eq!(nodes(c, now())?, Vec::<String>::new());
            for node in ["n-4", "n-5"] {
                take(c, site, node, now())?;
            }
            // One of them is there all the same: it takes the third.
            assert!(matches!(extend(c, site, &given[0], 0, "a", now()), Err(Refused::Over)));
            take(c, site, "n-1", now())?;
            assert_eq!(in_vain(c, site, "n-6", now())?.unwrap(), ["n-4", "n-5", "n-1"]);
            Ok(())
        }).await.unwrap();
    }

    async fn nothing_is_given_without_a_license_in_force(database: TestDatabase) {
        let place = Place::new(&database).await;
        let refused = |place: Place, now: Millis, present: bool| async move {
            let refused = place.run(move |c, site| acquire(c, site, &ask("n-1"), now, present)).await;
            let Err(Refused::State { state, .. }) = refused else { panic!("{refused:?}") };
            state.as_str()
        };
        assert_eq!(refused(place.clone(), now(), true).await, "invalid");
        place.install(&claims(), now()).await.unwrap();
        assert_eq!(refused(place.clone(), now(), false).await, "invalid");
        assert_eq!(refused(place.clone(), at("2026-01-01T12:00:00Z"), true).await, "not_yet_valid");
        assert_eq!(refused(place.clone(), at("2027-01-04T00:00:00Z"), true).await, "expired");
        // Nor is anything extended.
        let given = place.run(|c, site| take(c, site, "n-1", now())).await.unwrap();
        let away = place.run(move |c, site| oz_site::beat(c, site, &given.claims.lease_id, &beat(0, "a"), now(), false)).await;
        assert!(matches!(away, Err(Refused::State { .. })), "{away:?}");
    }

    async fn no_instances_and_no_limit(database: TestDatabase) {
        let place = Place::with(&database, &Claims { limits: Limits { instances: Some(0), ..Limits::default() }, ..claims() }).await;
        place.run(|c, site| { assert_eq!(in_vain(c, site, "n-1", now())?.unwrap(), Vec::<String>::new()); Ok(()) }).await.unwrap();
        place.install(&Claims { limits: Limits::default(), ..revision(2, claims()) }, now()).await.unwrap();
        place.run(|c, site| {
            for number in 0..20 {
                take(c, site, &format!("n-{number}"), now())?;
            }
            assert_eq!(nodes(c, now())?.len(), 20);
            Ok(())
        }).await.unwrap();
    }
}
