//! Phones are counted once.

use crate::support::{Place, after, claims, now};
use oz_license::{Claims, Limits};
use oz_site::{Refused, note_device};
use oz_testkit::both_databases;

both_databases! {
    async fn a_phone_counts_once_and_too_many_warn(database: TestDatabase) {
        let place = Place::with(&database, &Claims { limits: Limits { devices: Some(2), ..Limits::default() }, ..claims() }).await;
        let codes = |standing: oz_site::Standing| standing.warnings.into_iter().map(|warning| warning.code).collect::<Vec<_>>();
        for (number, hash) in (1..).zip(["d-1", "d-2", "d-3"]) {
            for new in [true, false, false] {
                let (noted, standing) = place.run(move |c, site| Ok((note_device(c, hash, after(now(), number))?, oz_site::standing(c, site, now(), true)?))).await.unwrap();
                assert_eq!((noted, standing.devices), (new, number));
                assert_eq!(codes(standing), if number > 2 { vec!["devices"] } else { vec![] });
            }
        }
        // Of whatever license: phones are the site's.
        place.install(&Claims { license_id: "L-2".into(), issued_at: "2026-05-01T00:00:00Z".parse().unwrap(), ..claims() }, now()).await.unwrap();
        assert_eq!(place.standing(now()).await.devices, 3);
        assert_eq!(place.standing(now()).await.used, Default::default());
        for (from, to) in [("0", "z"), ("0000", "zzzz"), ("0000-00", "zzzzzzz"), ("0000-00-00", "zzzzzzzzzz"), ("total", "total")] {
            assert_eq!(place.run(move |c, _| oz_site::totals(c, from, to)).await.unwrap(), Default::default());
        }
    }

    async fn what_is_no_hash_is_refused(database: TestDatabase) {
        let place = Place::new(&database).await;
        place.run(|c, _| {
            for hash in ["", "a b", "a\0", "é", &"x".repeat(65)] {
                assert!(matches!(note_device(c, hash, now()), Err(Refused::Value { field: "device_hash", .. })));
            }
            note_device(c, &"x".repeat(64), now()).map(drop)
        }).await.unwrap();
    }

    async fn phones_at_once_are_counted_once(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let tasks: Vec<_> = (0..40).map(|number| {
            let place = place.clone();
            tokio::spawn(async move { place.run(move |c, _| note_device(c, &format!("d-{}", number % 10), now())).await.unwrap() })
        }).collect();
        let mut new = 0;
        for task in tasks {
            new += i64::from(task.await.unwrap());
        }
        assert_eq!((new, place.standing(now()).await.devices), (10, 10));
    }
}
