//! A site that was restored on another machine: 14 days, once.

use crate::support::{
    DAY, MINUTE, Place, SECOND, after, at, bound, claims, machine, now, revision, site_key, site_of, texts, time,
};
use ed25519_dalek::SigningKey;
use oz_license::{Claims, Kind};
use oz_site::Refused;
use oz_testkit::{TestDatabase, both_databases};

/// A site whose license is for the machine that it was on.
async fn moved(database: &TestDatabase) -> Place {
    let place = Place::of(database, site_of(site_key(), machine(0), "1.2.3")).await;
    place.install(&bound(), now()).await.unwrap();
    place.seen_by(site_of(site_key(), machine(3), "1.2.3"))
}

fn refused(done: oz_site::Result<()>) {
    assert!(matches!(done, Err(Refused::NotInstalled(_))), "{done:?}");
}

both_databases! {
    async fn it_works_for_14_days(database: TestDatabase) {
        let place = moved(&database).await;
        assert_eq!(place.state(now()).await, "Machine");
        place.run(|c, site| oz_site::restored(c, site, now())).await.unwrap();
        for (off, state) in [
            (0, "active"), (-5 * MINUTE, "active"), (-5 * MINUTE - SECOND, "Machine"), (14 * DAY - SECOND, "active"), (14 * DAY, "Machine"),
        ] {
            assert_eq!(place.state(after(now(), off)).await, state, "{off}");
        }
        let standing = place.standing(now()).await;
        assert_eq!(standing.warnings[0].code, "restored");
        assert_eq!(standing.features.len(), 3);
        // Not once more, neither within the days nor after them.
        for days in [1, 14, 100] {
            refused(place.run(move |c, site| oz_site::restored(c, site, after(now(), days * DAY))).await);
        }
        let kinds = place.run(|c, _| texts(c, "SELECT kind FROM license_ledger WHERE kind = 'restored'")).await.unwrap();
        assert_eq!(kinds.len(), 1);
    }

    async fn the_days_are_no_longer_than_the_license(database: TestDatabase) {
        let place = moved(&database).await;
        let last = at("2026-12-31T00:00:00Z");
        place.run(move |c, site| oz_site::restored(c, site, last)).await.unwrap();
        for (off, state) in [(0, "renewal_due"), (DAY, "grace"), (4 * DAY, "expired")] {
            assert_eq!(place.state(after(last, off)).await, state);
        }
    }

    async fn the_next_install_clears_them(database: TestDatabase) {
        let place = moved(&database).await;
        place.run(|c, site| oz_site::restored(c, site, now())).await.unwrap();
        // Neither the same file, nor a renewal for the old machine, nor an app's license.
        place.install(&bound(), now()).await.unwrap();
        refused(place.install(&revision(2, bound()), now()).await);
        place.install(&Claims { license_id: "A".into(), kind: Kind::Sdk, ..claims() }, now()).await.unwrap();
        // Nor is the work stopped meanwhile.
        let idle = Claims { site_key: None, ..revision(2, claims()) };
        refused(place.install(&idle, now()).await);
        let later = Claims { not_before: Some(time(after(now(), DAY))), ..revision(2, claims()) };
        refused(place.install(&later, now()).await);
        assert!(place.run(|c, _| oz_site::row(c)).await.unwrap().unwrap().moved_at.is_some());
        let fingerprints = machine(3).prints([8; 16]).iter().map(ToString::to_string).collect();
        let anew = Claims { binding: Some(oz_license::Binding { fingerprints, threshold: 2 }), ..revision(2, claims()) };
        place.install(&anew, now()).await.unwrap();
        assert!(place.run(|c, _| oz_site::row(c)).await.unwrap().unwrap().moved_at.is_none());
        assert_eq!(place.state(after(now(), 20 * DAY)).await, "active");
        // The next move has days of its own.
        let next = place.seen_by(site_of(site_key(), machine(0), "1.2.3"));
        next.run(|c, site| oz_site::restored(c, site, after(now(), 30 * DAY))).await.unwrap();
        assert_eq!(next.state(after(now(), 30 * DAY)).await, "active");
    }

    async fn not_where_the_machine_is_not_the_matter(database: TestDatabase) {
        let place = moved(&database).await;
        let here = place.seen_by(site_of(site_key(), machine(0), "1.2.3"));
        refused(here.run(|c, site| oz_site::restored(c, site, now())).await);
        // Another key does not come by a restore: its days are not spent for nothing.
        let stranger = place.seen_by(site_of(SigningKey::from_bytes(&[4; 32]), machine(3), "1.2.3"));
        refused(stranger.run(|c, site| oz_site::restored(c, site, now())).await);
        assert!(place.run(|c, _| oz_site::row(c)).await.unwrap().unwrap().moved_at.is_none());
    }

    async fn the_clock_is_watched_in_these_days_too(database: TestDatabase) {
        let place = moved(&database).await;
        place.run(|c, site| oz_site::restored(c, site, now())).await.unwrap();
        place.run(|c, _| crate::support::sql(c, &format!("UPDATE license_site SET last_seen = {}", after(now(), 10 * DAY).get()))).await.unwrap();
        assert_eq!(place.state(after(now(), 9 * DAY)).await, "ClockTurnedBack");
        assert_eq!(place.state(after(now(), 10 * DAY)).await, "active");
    }
}
