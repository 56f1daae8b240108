//! Whoever knows a head sees every change, every gap, every cut and every fork.

use crate::support::{
    Done, MINUTE, Place, after, ask, at, batch, bound, machine, now, revision, site_key, site_of, sql, texts,
    with_volume,
};
use oz_license::{Feature, Period};
use oz_site::{Broken, Head, Refused, Walk, note_device, report, standing, use_up, verify};
use oz_store::{AnyConn, Backend};
use oz_testkit::{TestDatabase, both_databases};
use std::collections::BTreeMap;

/// A ledger with one entry of each kind.
async fn every_kind(database: &TestDatabase) -> Place {
    let place = Place::of(database, site_of(site_key(), machine(0), "1.2.3")).await;
    place.install(&bound(), now()).await.unwrap();
    place
        .run(|c, site| {
            let given = oz_site::acquire(c, site, &oz_site::Ask { block: 9, ..ask("n-1") }, now(), true)?;
            oz_site::use_up(c, site, "n-1", &batch(1, "b-1", &[(Feature::Quality, 2)]), now(), true)?;
            oz_site::release(c, &given.claims.lease_id, 4, now())
        })
        .await
        .unwrap();
    let moved = place.seen_by(site_of(site_key(), machine(3), "1.2.3"));
    moved.run(|c, site| oz_site::restored(c, site, now())).await.unwrap();
    place
}

fn whole(conn: &mut AnyConn) -> Done<Result<Head, Broken>> {
    verify(conn, &Head::start(), 1000)
}

/// Walks in steps, to the end.
fn walked(conn: &mut AnyConn, told: &[Head]) -> Done<Result<(), Broken>> {
    let mut walk = Walk::from(Head::start());
    while !match walk.step(conn, 2)? {
        Ok(ended) => ended,
        Err(broken) => return Ok(Err(broken)),
    } {}
    walk.holds(conn, told)
}

both_databases! {
    async fn the_chain_holds_in_steps_and_as_a_whole(database: TestDatabase) {
        let place = every_kind(&database).await;
        place.run(|c, _| {
            let kinds = texts(c, "SELECT kind FROM license_ledger ORDER BY seq")?;
            assert_eq!(kinds, ["opened", "installed", "block", "usage", "returned", "restored"]);
            let end = oz_site::head(c)?;
            assert_eq!((end.count, end.hash.len()), (6, 64));
            assert_eq!(whole(c)?, Ok(end.clone()));
            let mut at = Head::start();
            for count in [2, 4, 6, 6] {
                at = verify(c, &at, 2)?.unwrap();
                assert_eq!(at.count, count);
            }
            assert_eq!(at, end);
            Ok(())
        }).await.unwrap();
    }

    async fn what_the_site_works_with_is_what_the_entries_say(database: TestDatabase) {
        let place = every_kind(&database).await;
        place.install(&revision(2, bound()), now()).await.unwrap();
        place.run(|c, _| note_device(c, "d-1", now())).await.unwrap();
        let told = place.run(|c, _| {
            let told = oz_site::head(c)?;
            assert_eq!(walked(c, &[Head::start(), told.clone()])?, Ok(()));
            Ok(told)
        }).await.unwrap();
        let (other, later) = (Head { hash: "ab".repeat(32), ..told.clone() }, Head { count: 8, ..told });
        place.run(move |c, _| {
            assert_eq!(walked(c, std::slice::from_ref(&other))?, Err(Broken::Changed(7)));
            assert_eq!(walked(c, std::slice::from_ref(&later))?, Err(Broken::Cut(7)));
            Ok(())
        }).await.unwrap();
        for (change, found) in [
            ("UPDATE license_totals SET n = n - 1 WHERE period = 'total' AND feature = 'quality'", Broken::Sums),
            ("DELETE FROM license_totals WHERE feature = 'block'", Broken::Sums),
            ("INSERT INTO license_totals (license_id, period, feature, n) VALUES ('L', 'total', 'quality', -5)", Broken::Sums),
            ("DELETE FROM license_files WHERE revision = 2", Broken::Files),
            ("UPDATE license_files SET text = text || 'x' WHERE revision = 1", Broken::Files),
        ] {
            place.undone(move |c, _| {
                assert!(sql(c, change)? > 0, "{change}");
                assert_eq!(walked(c, &[])?, Err(found), "{change}");
                Ok(())
            }).await;
        }
        // A report is of the entries, and of none that were changed.
        place.undone(|c, site| {
            sql(c, "UPDATE license_totals SET n = 1")?;
            assert_eq!(report(c, site, "2026", now())?.totals["2026-06"]["quality"], 2);
            sql(c, "UPDATE license_ledger SET counts = '{}' WHERE kind = 'usage'")?;
            assert!(matches!(report(c, site, "2026", now()), Err(Refused::Ledger(Broken::Changed(4)))));
            Ok(())
        }).await;
    }

    async fn what_is_used_while_the_clock_is_turned_back_is_used_today(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(10, Period::Day)).await;
        place.run(|c, site| {
            sql(c, &format!("UPDATE license_site SET last_seen = {}", now().get()))?;
            let back = after(now(), -48 * 60 * MINUTE);
            use_up(c, site, "n-1", &batch(1, "b-1", &[(Feature::Quality, 4)]), back, true)?;
            assert_eq!(standing(c, site, now(), true)?.left, Some(6));
            assert_eq!(report(c, site, "2026-06-01", now())?.totals["2026-06-01"]["quality"], 4);
            assert_eq!(walked(c, &[])?, Ok(()));
            Ok(())
        }).await.unwrap();
    }

    async fn every_changed_column_is_found(database: TestDatabase) {
        let place = every_kind(&database).await;
        let zeros = if place.db.backend() == Backend::Sqlite { "zeroblob(32)" } else { "decode(repeat('00', 32), 'hex')" };
        let changes = [
            "time = time + 1".to_owned(),
            "kind = kind || 'x'".to_owned(),
            "license_id = license_id || 'x'".to_owned(),
            "instance_id = COALESCE(instance_id || 'x', '')".to_owned(),
            "batch_seq = COALESCE(batch_seq + 1, 0)".to_owned(),
            "batch = COALESCE(batch || 'x', '')".to_owned(),
            "counts = counts || ' '".to_owned(),
            "note = COALESCE(note || 'x', '')".to_owned(),
            format!("hash = {zeros}"),
        ];
        for seq in 1..=6 {
            for change in changes.clone() {
                place.undone(move |c, _| {
                    assert_eq!(sql(c, &format!("UPDATE license_ledger SET {change} WHERE seq = {seq}"))?, 1);
                    assert_eq!(whole(c)?, Err(Broken::Changed(seq)), "{change}");
                    Ok(())
                }).await;
            }
            place.undone(move |c, _| {
                sql(c, &format!("UPDATE license_ledger SET seq = 100 WHERE seq = {seq}"))?;
                assert_eq!(whole(c)?, Err(Broken::Missing(seq)));
                Ok(())
            }).await;
        }
        // A value that wanders from one column into its neighbour.
        place.undone(|c, _| {
            sql(c, "UPDATE license_ledger SET kind = 'usageL-1', license_id = '' WHERE kind = 'usage'")?;
            assert_eq!(whole(c)?, Err(Broken::Changed(4)));
            Ok(())
        }).await;
        assert!(place.run(|c, _| whole(c)).await.unwrap().is_ok());
    }

    async fn gaps_cuts_and_forks_are_found(database: TestDatabase) {
        let place = every_kind(&database).await;
        let known = place.run(|c, _| oz_site::head(c)).await.unwrap();
        for seq in 1..=5 {
            place.undone(move |c, _| {
                sql(c, &format!("DELETE FROM license_ledger WHERE seq = {seq}"))?;
                assert_eq!(whole(c)?, Err(Broken::Missing(seq)));
                Ok(())
            }).await;
        }
        let told = known.clone();
        place.undone(move |c, _| {
            sql(c, "DELETE FROM license_ledger WHERE seq = 6")?;
            assert_eq!(whole(c)?.unwrap().count, 5, "by itself a cut ledger looks whole");
            assert_eq!(verify(c, &told, 1000)?, Err(Broken::Cut(5)));
            // Cut, and as long again.
            oz_site::use_up(c, &site_of(site_key(), machine(0), "1.2.3"), "n-1", &batch(2, "b-2", &[(Feature::Quality, 1)]), now(), true)?;
            assert!(whole(c)?.is_ok());
            assert_eq!(verify(c, &told, 1000)?, Err(Broken::Changed(6)));
            // And longer.
            oz_site::use_up(c, &site_of(site_key(), machine(0), "1.2.3"), "n-1", &batch(3, "b-3", &[(Feature::Quality, 1)]), now(), true)?;
            assert_eq!(verify(c, &told, 1000)?, Err(Broken::Changed(7)));
            Ok(())
        }).await;
        let told = known.clone();
        place.undone(move |c, _| {
            sql(c, "DELETE FROM license_ledger")?;
            assert_eq!(verify(c, &told, 1000)?, Err(Broken::Cut(0)));
            Ok(())
        }).await;
        assert_eq!(place.run(move |c, _| verify(c, &known, 1000)).await.unwrap().unwrap().count, 6);
    }

    async fn an_entry_before_the_first_is_found(database: TestDatabase) {
        let place = every_kind(&database).await;
        place.undone(|c, _| {
            sql(c, "INSERT INTO license_ledger (seq, time, kind, license_id, instance_id, batch_seq, batch, counts, hash) \
                SELECT 0, time, 'usage', license_id, 'n-9', 1, 'b-9', counts, hash FROM license_ledger WHERE seq = 1")?;
            assert_eq!(whole(c)?, Err(Broken::Changed(0)));
            Ok(())
        }).await;
    }

    async fn every_sum_can_be_made_from_the_ledger_alone(database: TestDatabase) {
        let place = Place::with(&database, &with_volume(1000, Period::Month)).await;
        place.run(|c, site| {
            let times = ["2026-06-30T23:55:00Z", "2026-07-01T00:01:00Z", "2026-12-31T23:59:00Z"].map(at);
            for (seq, time) in (1..).zip(times) {
                let given = oz_site::acquire(c, site, &oz_site::Ask { block: 50, ..ask("n-1") }, time, true)?;
                oz_site::use_up(c, site, "n-2", &batch(seq, &format!("b-{seq}"), &[(Feature::Quality, seq), (Feature::Web, 2)]), time, true)?;
                // Given back after midnight.
                oz_site::release(c, &given.claims.lease_id, 20, after(time, 8 * MINUTE))?;
            }
            let mut sums: BTreeMap<(String, String), i64> = BTreeMap::new();
            let entries = texts(c, "SELECT CAST(time AS TEXT) || '|' || COALESCE(note, '') || '|' || kind || '|' || counts FROM license_ledger")?;
            for entry in entries {
                let [when, note, kind, counts] = entry.splitn(4, '|').collect::<Vec<_>>().try_into().unwrap();
                let day = match kind {
                    "returned" => note.to_owned(),
                    _ => crate::support::time(oz_domain::Millis::new(when.parse().unwrap())).to_string()[..10].to_owned(),
                };
                for (feature, n) in serde_json::from_str::<BTreeMap<String, i64>>(counts).unwrap() {
                    for period in [&day, &day[..7], &day[..4], "total"] {
                        *sums.entry((period.to_owned(), feature.clone())).or_default() += n;
                    }
                }
            }
            let mut kept = BTreeMap::new();
            for (from, to) in [("0000", "9999"), ("0000-00", "9999-99"), ("0000-00-00", "9999-99-99"), ("total", "total")] {
                for (period, features) in oz_site::totals(c, from, to)? {
                    kept.extend(features.into_iter().map(|(feature, n)| ((period.clone(), feature), n)));
                }
            }
            assert_eq!(sums.len(), 3 * (3 + 3 + 1 + 1), "{sums:?}");
            assert_eq!(kept, sums);
            Ok(())
        }).await.unwrap();
    }

    async fn a_lost_ledger_is_opened_anew_only_when_told(database: TestDatabase) {
        let place = Place::new(&database).await;
        let there = place.run(|c, site| oz_site::open_anew(c, site, now())).await;
        assert!(matches!(there, Err(Refused::NotInstalled(_))), "{there:?}");
        place.run(|c, _| { sql(c, "DELETE FROM license_ledger")?; sql(c, "DELETE FROM license_site") }).await.unwrap();
        let lost = place.run(|c, site| oz_site::open(c, site, now(), false)).await;
        assert!(matches!(&lost, Err(Refused::NotInstalled(text)) if text.contains("new-ledger")), "{lost:?}");
        place.run(|c, site| oz_site::open_anew(c, site, after(now(), 1))).await.unwrap();
        place.run(|c, _| {
            let notes = texts(c, "SELECT note FROM license_ledger")?;
            assert!(notes.len() == 1 && notes[0].starts_with("the ledger before this one was lost; site "), "{notes:?}");
            Ok(())
        }).await.unwrap();
        place.run(|c, site| oz_site::open(c, site, at("2030-01-01T00:00:00Z"), false)).await.unwrap();
    }
}
