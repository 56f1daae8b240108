//! Many at once.

use crate::support::{
    Place, after, ask, batch, claims, in_ledger, now, numbers, revision, signed, sql, texts, with_volume,
};
use oz_license::{Claims, Feature, Limits, Period};
use oz_site::{Ask, Head, Refused, acquire, release};
use oz_store::Error;
use oz_testkit::both_databases;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Waits for all tasks.
async fn all<T>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

/// What a caller does whose write lost every time.
async fn patiently<T, F: Future<Output = oz_site::Result<T>>>(mut attempt: impl FnMut() -> F) -> oz_site::Result<T> {
    loop {
        match attempt().await {
            Err(Refused::Store(Error::Busy | Error::Unavailable(_))) => {}
            done => return done,
        }
    }
}

both_databases! {
    async fn a_fourth_is_never_given(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let (held, asked, given) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..64).map(|number| {
            let (place, held, asked, given) = (place.clone(), held.clone(), asked.clone(), given.clone());
            tokio::spawn(async move {
                while asked.fetch_add(1, Ordering::SeqCst) < 1000 {
                    let taken = patiently(|| place.run(move |c, site| acquire(c, site, &ask(&format!("n-{number}")), now(), true))).await;
                    let lease = match taken {
                        Err(Refused::NoneFree(holders)) => {
                            assert_eq!(holders.len(), 3);
                            continue;
                        }
                        taken => taken.unwrap().claims.lease_id,
                    };
                    assert!(held.fetch_add(1, Ordering::SeqCst) < 3, "a fourth lease");
                    given.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    held.fetch_sub(1, Ordering::SeqCst);
                    patiently(|| { let lease = lease.clone(); place.run(move |c, _| release(c, &lease, 0, now())) }).await.unwrap();
                }
            })
        });
        all(tasks.collect()).await;
        assert!(given.load(Ordering::SeqCst) > 10);
        assert_eq!(place.standing(now()).await.in_use, 0);
    }

    async fn one_identity_acquired_at_once_holds_one_lease(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let tasks = (0..16).map(|_| {
            let place = place.clone();
            tokio::spawn(async move { patiently(|| place.run(|c, site| acquire(c, site, &ask("n-1"), now(), true))).await.unwrap().claims.lease_id })
        });
        let given = all(tasks.collect()).await;
        place.run(move |c, _| {
            let holders = oz_site::holders(c, now())?;
            assert_eq!(holders.len(), 1);
            assert!(given.contains(&holders[0].lease_id));
            Ok(())
        }).await.unwrap();
    }

    async fn blocks_never_pay_more_than_the_volume(database: TestDatabase) {
        let free = Claims { limits: Limits { instances: None, ..with_volume(100, Period::Day).limits }, ..claims() };
        let place = Place::with(&database, &free).await;
        let tasks = (0..24).map(|number| {
            let place = place.clone();
            tokio::spawn(async move {
                let ask = Ask { block: 7, ..ask(&format!("n-{number}")) };
                let ask = Arc::new(ask);
                match patiently(|| { let ask = Arc::clone(&ask); place.run(move |c, site| acquire(c, site, &ask, now(), true)) }).await {
                    Err(Refused::Volume) => 0,
                    given => given.unwrap().claims.block,
                }
            })
        });
        assert_eq!(all(tasks.collect()).await.into_iter().sum::<u64>(), 100);
        assert_eq!(place.standing(now()).await.left, Some(0));
    }

    async fn writers_at_once_leave_a_chain_without_gaps(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let tasks = (0..24).map(|node| {
            let place = place.clone();
            tokio::spawn(async move {
                for seq in 1..=8 {
                    // Each batch is told by two at once, as an impatient node does.
                    let tell = || patiently(|| place.run(move |c, site| {
                        let told = batch(seq, &format!("b-{node}-{seq}"), &[(Feature::Quality, 1)]);
                        oz_site::use_up(c, site, &format!("n-{node}"), &told, now(), true)
                    }));
                    let (one, two) = tokio::join!(tell(), tell());
                    one.unwrap();
                    two.unwrap();
                }
            })
        });
        all(tasks.collect()).await;
        place.run(|c, _| {
            let end = oz_site::verify(c, &Head::start(), 10_000)?.unwrap();
            assert_eq!(end.count, 2 + 24 * 8);
            assert_eq!(in_ledger(c)?["quality"], 24 * 8);
            assert_eq!(oz_site::totals(c, "total", "total")?["total"]["quality"], 24 * 8);
            Ok(())
        }).await.unwrap();
    }

    async fn first_starts_at_once_open_one_ledger(database: TestDatabase) {
        let place = Place::new(&database).await;
        place.run(|c, _| { sql(c, "DELETE FROM license_ledger")?; sql(c, "DELETE FROM license_site") }).await.unwrap();
        let tasks = (0..12).map(|_| {
            let place = place.clone();
            tokio::spawn(async move { place.run(|c, site| oz_site::open(c, site, now(), true)).await.unwrap().site_id })
        });
        let ids = all(tasks.collect()).await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(place.run(|c, _| numbers(c, "SELECT COUNT(*) FROM license_ledger")).await.unwrap(), [1]);
    }

    async fn installs_at_once_leave_the_highest_revision(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let tasks = (2..=9).flat_map(|number| [number, number]).map(|number| {
            let place = place.clone();
            tokio::spawn(async move { place.install(&revision(number, claims()), now()).await })
        });
        for done in all(tasks.collect()).await {
            assert!(matches!(done, Ok(()) | Err(Refused::NotInstalled(_))), "{done:?}");
        }
        place.run(|c, site| {
            let file = oz_site::installed(c, site)?.unwrap();
            assert_eq!(file.license.unwrap().claims().revision, 9);
            assert_eq!(file.text, signed(&revision(9, claims())));
            let notes = texts(c, "SELECT note FROM license_ledger WHERE kind = 'installed'")?;
            assert_eq!(i64::try_from(notes.len()).unwrap(), file.seq);
            Ok(())
        }).await.unwrap();
    }

    async fn acquires_during_an_install_follow_the_one_or_the_other(database: TestDatabase) {
        let place = Place::with(&database, &Claims { limits: Limits { instances: Some(0), ..Limits::default() }, ..claims() }).await;
        let more = revision(2, claims());
        let install = { let place = place.clone(); tokio::spawn(async move { patiently(|| place.install(&more, now())).await.unwrap() }) };
        let tasks = (0..16).map(|number| {
            let place = place.clone();
            tokio::spawn(async move {
                match patiently(|| place.run(move |c, site| acquire(c, site, &ask(&format!("n-{number}")), now(), true))).await {
                    Err(Refused::NoneFree(holders)) => { assert!(holders.is_empty() || holders.len() == 3); None }
                    given => Some(given.unwrap().claims.license),
                }
            })
        });
        let given: Vec<String> = all(tasks.collect()).await.into_iter().flatten().collect();
        install.await.unwrap();
        assert!(given.len() <= 3 && given.iter().all(|license| *license == signed(&revision(2, claims()))));
        assert_eq!(place.standing(now()).await.in_use, given.len());
    }

    async fn what_was_rolled_back_was_never_read(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        // A write that installs, looks, and loses against another.
        let lost = signed(&Claims { features: Feature::ALL.into(), ..revision(9, claims()) });
        place.undone(move |c, site| {
            oz_site::install(c, site, &lost, now())?;
            assert_eq!(oz_site::standing(c, site, now(), true)?.features.len(), 8);
            Ok(())
        }).await;
        let won = Claims { features: [Feature::Quality].into(), ..revision(2, claims()) };
        place.seen_by(crate::support::site_of(crate::support::site_key(), Default::default(), "1.2.3")).install(&won, now()).await.unwrap();
        assert_eq!(place.standing(after(now(), 1)).await.features.len(), 1);
    }
}
