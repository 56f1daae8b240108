//! What was accepted is told once.

use crate::support::{DAY, Done, HOUR, MINUTE, Place, after, at, claims, in_ledger, now, numbers};
use oz_license::Feature::{self, Biometry, Quality};
use oz_site::{Refused, Site, use_up, uses};
use oz_store::AnyConn;
use oz_testkit::both_databases;
use std::collections::BTreeMap;

fn note(c: &mut AnyConn, feature: Feature, n: i64) -> Done<()> {
    Ok(uses::note(c, "n-1", feature, n, now())?)
}

/// Tells all that a node has.
fn tell_all(c: &mut AnyConn, site: &Site, node: &str) -> Done<()> {
    while let Some(batch) = uses::batch(c, node)? {
        use_up(c, site, node, &batch, now(), true)?;
        uses::settled(c, node, batch.seq)?;
    }
    Ok(())
}

fn sums(of: &[(&str, i64)]) -> BTreeMap<String, i64> {
    of.iter().map(|(feature, n)| ((*feature).to_owned(), *n)).collect()
}

both_databases! {
    async fn a_numbered_batch_is_told_again_as_it_was(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            assert_eq!(uses::batch(c, "n-1")?, None);
            note(c, Quality, 1)?;
            note(c, Quality, 2)?;
            note(c, Biometry, 4)?;
            let first = uses::batch(c, "n-1")?.unwrap();
            assert_eq!((first.seq, &first.counts), (1, &BTreeMap::from([(Quality, 3), (Biometry, 4)])));
            note(c, Quality, 8)?;
            note(c, Quality, -1)?;
            assert_eq!(uses::batch(c, "n-1")?.as_ref(), Some(&first));
            assert_eq!(uses::pending(c)?, 14);
            use_up(c, site, "n-1", &first, now(), true)?;
            assert_eq!(uses::batch(c, "n-1")?.as_ref(), Some(&first));
            uses::settled(c, "n-1", first.seq)?;
            uses::settled(c, "n-1", first.seq)?;
            let second = uses::batch(c, "n-1")?.unwrap();
            assert_eq!((second.seq, &second.counts), (2, &BTreeMap::from([(Quality, 7)])));
            assert_ne!(second.id, first.id);
            tell_all(c, site, "n-1")?;
            assert_eq!(uses::batch(c, "n-1")?, None);
            assert_eq!((uses::pending(c)?, in_ledger(c)?), (0, sums(&[("biometry", 4), ("quality", 10)])));
            Ok(())
        }).await.unwrap();
    }

    async fn what_was_taken_back_waits_until_it_is_covered(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            note(c, Quality, -3)?;
            note(c, Biometry, 1)?;
            let first = uses::batch(c, "n-1")?.unwrap();
            assert_eq!(first.counts, BTreeMap::from([(Biometry, 1)]));
            tell_all(c, site, "n-1")?;
            assert_eq!(uses::pending(c)?, -3);
            for (n, left) in [(2, -1), (1, 0)] {
                note(c, Quality, n)?;
                assert_eq!(uses::batch(c, "n-1")?, None);
                assert_eq!(uses::pending(c)?, left);
            }
            note(c, Quality, 5)?;
            tell_all(c, site, "n-1")?;
            assert_eq!((uses::pending(c)?, in_ledger(c)?), (0, sums(&[("biometry", 1), ("quality", 5)])));
            Ok(())
        }).await.unwrap();
    }

    async fn noted_at_once_and_told_at_once_it_is_told_once(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let place = place.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..12 {
                    place.run(|c, _| note(c, Quality, 1)).await.unwrap();
                }
            }));
        }
        // Two tellers, as when a node takes another for silent.
        for _ in 0..2 {
            let place = place.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..12 {
                    let batch = place.run(|c, _| uses::batch(c, "n-1")).await.unwrap();
                    let Some(batch) = batch else { continue };
                    let seq = batch.seq;
                    place.run(move |c, site| use_up(c, site, "n-1", &batch, now(), true)).await.unwrap();
                    place.run(move |c, _| uses::settled(c, "n-1", seq)).await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        place.run(|c, site| {
            tell_all(c, site, "n-1")?;
            assert_eq!((uses::pending(c)?, in_ledger(c)?), (0, sums(&[("quality", 96)])));
            Ok(())
        }).await.unwrap();
    }

    async fn what_silent_nodes_used_is_told_by_others(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            for node in ["n-1", "n-2", "n-3"] {
                uses::alive(c, node, now())?;
                uses::note(c, node, Quality, 1, now())?;
            }
            let told_by = |c: &mut AnyConn, node: &str, time| { let mut nodes = uses::to_tell(c, node, time)?; nodes.sort(); Ok::<_, Refused>(nodes) };
            assert_eq!(told_by(c, "n-1", now())?, ["n-1"]);
            uses::alive(c, "n-2", after(now(), MINUTE))?;
            assert_eq!(told_by(c, "n-1", after(now(), HOUR - 1))?, ["n-1"]);
            assert_eq!(told_by(c, "n-1", after(now(), HOUR))?, ["n-1", "n-3"]);
            assert_eq!(told_by(c, "n-9", after(now(), HOUR))?, ["n-1", "n-3"]);
            assert_eq!(told_by(c, "n-1", after(now(), HOUR + MINUTE))?, ["n-1", "n-2", "n-3"]);
            tell_all(c, site, "n-3")?;
            assert_eq!(told_by(c, "n-1", after(now(), DAY))?, ["n-1", "n-2"]);
            // Numbers go on where they were, whoever tells them.
            uses::alive(c, "n-3", now())?;
            uses::note(c, "n-3", Quality, 1, now())?;
            assert_eq!(uses::batch(c, "n-3")?.unwrap().seq, 2);
            Ok(())
        }).await.unwrap();
    }

    async fn a_node_that_was_alive_in_2040_is_silent_today(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, _| {
            uses::alive(c, "n-1", at("2040-01-01T00:00:00Z"))?;
            note(c, Quality, 1)?;
            assert_eq!(uses::to_tell(c, "n-2", now())?, ["n-1"]);
            Ok(())
        }).await.unwrap();
    }

    async fn under_a_new_name_it_is_told_as_well(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            note(c, Quality, 5)?;
            let mine = uses::batch(c, "n-1")?.unwrap();
            // The copy was first with this number.
            let copy = oz_site::Batch { id: "copy".to_owned(), counts: BTreeMap::from([(Quality, 100)]), ..mine.clone() };
            use_up(c, site, "n-1", &copy, now(), true)?;
            assert!(matches!(use_up(c, site, "n-1", &mine, now(), true), Err(Refused::OtherBatch)));
            note(c, Quality, 2)?;
            uses::note(c, "n-2", Biometry, 1, now())?;
            uses::rename(c, "n-1", "n-2")?;
            assert_eq!(uses::batch(c, "n-1")?, None);
            tell_all(c, site, "n-2")?;
            assert_eq!((uses::pending(c)?, in_ledger(c)?), (0, sums(&[("biometry", 1), ("quality", 107)])));
            Ok(())
        }).await.unwrap();
    }

    async fn a_new_name_while_the_answer_is_on_its_way_tells_nothing_twice(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            // The new name has a batch on its way as well.
            for (node, n) in [("n-1", 5), ("n-2", 3)] {
                uses::note(c, node, Quality, n, now())?;
                let batch = uses::batch(c, node)?.unwrap();
                use_up(c, site, node, &batch, now(), true)?;
            }
            note(c, Quality, 2)?;
            // The answers are lost; a heartbeat says that another node has the same identity.
            uses::rename(c, "n-1", "n-2")?;
            tell_all(c, site, "n-2")?;
            assert_eq!((uses::pending(c)?, in_ledger(c)?), (0, sums(&[("quality", 10)])));
            // And once more, to a name that has never told anything.
            uses::note(c, "n-2", Quality, 4, now())?;
            let batch = uses::batch(c, "n-2")?.unwrap();
            use_up(c, site, "n-2", &batch, now(), true)?;
            uses::rename(c, "n-2", "n-3")?;
            tell_all(c, site, "n-3")?;
            tell_all(c, site, "n-2")?;
            assert_eq!((uses::pending(c)?, in_ledger(c)?), (0, sums(&[("quality", 14)])));
            assert_eq!(numbers(c, "SELECT COUNT(*) FROM license_uses")?, [0]);
            Ok(())
        }).await.unwrap();
    }
}
