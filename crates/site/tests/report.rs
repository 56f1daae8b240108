//! What the vendor is told.

use crate::support::{DAY, Place, after, ask, at, batch, claims, now, site_key};
use oz_license::{Claims, Feature};
use oz_site::{Ask, Refused, Report, acquire, note_device, report, use_up};
use oz_testkit::both_databases;
use std::collections::BTreeMap;

both_databases! {
    async fn reports_of_months_fit(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let mut seq = 0;
            for month in 6..=12 {
                for day in [1, 28] {
                    seq += 1;
                    let time = at(&format!("2026-{month:02}-{day:02}T00:00:00Z"));
                    use_up(c, site, &format!("n-{day}"), &batch(seq, &format!("b-{seq}"), &[(Feature::Quality, seq)]), time, true)?;
                }
            }
            let told: Vec<Report> = (5..=12).map(|month| report(c, site, &format!("2026-{month:02}"), at("2027-01-01T00:00:00Z"))).collect::<Result<_, _>>()?;
            for two in told.windows(2) {
                assert_eq!(two[0].to, two[1].from);
                assert_eq!(two[1].to.count, two[1].from.count + if two[1].period == "2026-06" { 3 } else { 2 });
            }
            assert_eq!(told[7].to, oz_site::head(c)?);
            assert_eq!(told[1].totals, BTreeMap::from([
                ("2026-06-01".to_owned(), BTreeMap::from([("quality".to_owned(), 1)])),
                ("2026-06-28".to_owned(), BTreeMap::from([("quality".to_owned(), 2)])),
            ]));
            assert_eq!((told[1].instances, told[0].instances), (2, 0));
            let year = report(c, site, "2026", at("2027-01-01T00:00:00Z"))?;
            assert_eq!((&year.from, &year.to), (&oz_site::Head::start(), &told[7].to));
            assert_eq!(year.totals.values().flat_map(BTreeMap::values).sum::<i64>(), 105);
            assert_eq!((year.totals.len(), year.instances), (7, 2));
            let day = report(c, site, "2026-12-28", at("2027-01-01T00:00:00Z"))?;
            assert_eq!((day.from.count, &day.to), (told[7].to.count - 1, &told[7].to));
            assert_eq!(day.totals["2026-12-28"]["quality"], 14);
            Ok(())
        }).await.unwrap();
    }

    async fn it_names_the_site_and_no_hosts_and_is_small(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        place.run(|c, site| {
            let mut seq = 0;
            for month in 1..=12 {
                for day in 1..=28 {
                    seq += 1;
                    let counts: Vec<(Feature, i64)> = Feature::ALL.into_iter().map(|feature| (feature, 900_000_000)).collect();
                    let time = at(&format!("2026-{month:02}-{day:02}T12:00:00Z"));
                    use_up(c, site, "n-1", &batch(seq, &format!("b-{seq}"), &counts), time, true)?;
                }
            }
            acquire(c, site, &Ask { block: 5, ..ask("n-1") }, now(), true)?;
            note_device(c, "d-1", now())?;
            for (period, most) in [("2026", 48 * 1024), ("2026-06", 48 * 1024)] {
                let told = report(c, site, period, after(now(), DAY))?;
                let text = serde_json::to_string(&told).unwrap();
                assert!(text.len() < most, "{period}: {} bytes", text.len());
                assert!(!text.contains("host") && !text.contains("A bank"), "{text}");
                assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), told);
                assert_eq!((told.license_id.as_str(), told.revision, told.customer_id.as_str()), ("L-1", 1, "C-1"));
                assert_eq!((told.site_key.as_str(), told.devices), (&*hex::encode(site_key().verifying_key()), 1));
                assert_eq!(told.site_id, oz_site::row(c)?.unwrap().site_id);
                site.sign_usage(&told)?;
            }
            assert_eq!(report(c, site, "2026", now())?.totals["2026-06"]["block"], 5);
            Ok(())
        }).await.unwrap();
    }

    async fn what_is_no_period_is_refused(database: TestDatabase) {
        let place = Place::new(&database).await;
        place.run(|c, site| {
            for period in [
                "", "total", "26", "202\0", "2026-1", "2026-13", "2026-00", "2026-02-29", "2026-11-31", "2026/11", "-001", "+026", "9999", "9999-12",
                "9999-12-31", "20261125T1", "2026-W4", "2026113", "2026-1-1-1", "\u{feff}2026", "２０２６", "2026-11-2\u{0}", " 2026-11-1",
            ] {
                let refused = report(c, site, period, now());
                assert!(matches!(refused, Err(Refused::Value { field: "period", .. })), "{period:?} {refused:?}");
            }
            let told = report(c, site, "0000", now());
            assert!(told.is_ok_and(|told| told.to == told.from && told.license_id.is_empty()));
            Ok(())
        }).await.unwrap();
        place.install(&Claims { expires_at: None, ..claims() }, now()).await.unwrap();
    }
}
