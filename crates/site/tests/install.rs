//! Which license takes the place of which.

use crate::support::{
    DAY, HOUR, MINUTE, Place, after, at, bound, claims, machine, now, numbers, revision, signed, site_key, site_of,
    texts, time,
};
use ed25519_dalek::SigningKey;
use oz_license::{Claims, Customer, Feature, Kind, Purpose, sign};
use oz_site::Refused;
use oz_testkit::both_databases;

/// Another license than [`claims`], signed later.
fn other() -> Claims {
    Claims { license_id: "L-2".into(), issued_at: "2026-05-01T00:00:00Z".parse().unwrap(), ..claims() }
}

fn not_activated(claims: Claims) -> Claims {
    Claims { site_key: None, ..claims }
}

/// The license in force and its revision.
async fn current(place: &Place) -> (String, u32) {
    let file = place.run(oz_site::installed).await.unwrap().unwrap();
    let claims = file.license.unwrap().claims().clone();
    (claims.license_id, claims.revision)
}

async fn refused(place: &Place, claims: &Claims, why: &str) {
    let before = place
        .run(|c, site| Ok((oz_site::head(c)?, oz_site::row(c)?, oz_site::installed(c, site)?.map(|file| file.seq))))
        .await
        .unwrap();
    let done = place.install(claims, now()).await;
    assert!(matches!(&done, Err(Refused::NotInstalled(text)) if text.contains(why)), "{why}: {done:?}");
    let then = place
        .run(|c, site| Ok((oz_site::head(c)?, oz_site::row(c)?, oz_site::installed(c, site)?.map(|file| file.seq))))
        .await
        .unwrap();
    assert_eq!(before, then, "{why}");
}

both_databases! {
    async fn a_higher_revision_replaces_and_the_old_file_is_kept(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        for number in [2, 7, u32::MAX] {
            let next = revision(number, claims());
            place.install(&next, now()).await.unwrap();
            // Again is no other: nothing happens.
            let head = place.run(|c, _| oz_site::head(c)).await.unwrap();
            place.install(&next, now()).await.unwrap();
            assert_eq!(place.run(|c, _| oz_site::head(c)).await.unwrap(), head);
            assert_eq!(current(&place).await, ("L-1".to_owned(), number));
            refused(&place, &revision(number - 1, claims()), "not newer").await;
            refused(&place, &Claims { contact: Some("x".into()), ..next }, "not newer").await;
        }
        refused(&place, &claims(), "not newer").await;
        let kept = place.run(|c, _| texts(c, "SELECT text FROM license_files ORDER BY seq")).await.unwrap();
        assert_eq!(kept, [1, 2, 7, u32::MAX].map(|number| signed(&revision(number, claims()))));
        let notes = place.run(|c, _| texts(c, "SELECT license_id || ' ' || note FROM license_ledger WHERE kind = 'installed'")).await.unwrap();
        assert!(notes[3].starts_with("L-1 revision 4294967295, SHA-256 "), "{notes:?}");
    }

    async fn another_license_must_have_been_signed_later(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        for sooner in [0, -1] {
            refused(&place, &Claims { issued_at: time(after(at("2026-01-01T00:00:00Z"), sooner)), ..other() }, "was signed before").await;
        }
        place.install(&other(), now()).await.unwrap();
        assert_eq!(current(&place).await, ("L-2".to_owned(), 1));
        // The first one is over by that: neither the same file nor an old revision of it takes the place back.
        refused(&place, &claims(), "").await;
        refused(&place, &revision(2, claims()), "was signed before").await;
        let newer = Claims { issued_at: "2026-05-02T00:00:00Z".parse().unwrap(), ..revision(3, claims()) };
        place.install(&newer, now()).await.unwrap();
        assert_eq!(current(&place).await, ("L-1".to_owned(), 3));
    }

    async fn a_good_license_is_not_replaced_by_one_that_stops_the_work(database: TestDatabase) {
        let place = Place::of(&database, site_of(site_key(), machine(0), "1.2.3")).await;
        place.install(&bound(), now()).await.unwrap();
        let elsewhere = hex::encode(SigningKey::from_bytes(&[3; 32]).verifying_key());
        let moved = place.seen_by(site_of(site_key(), machine(2), "1.2.3"));
        for next in [revision(2, claims()), other()] {
            refused(&place, &not_activated(next.clone()), "not in force yet").await;
            refused(&place, &Claims { not_before: Some(time(after(now(), 1))), ..next.clone() }, "not in force yet").await;
            refused(&place, &Claims { expires_at: Some(time(after(now(), -3 * DAY))), ..next.clone() }, "over").await;
            refused(&place, &Claims { site_key: Some(elsewhere.clone()), ..next.clone() }, "another license server").await;
            refused(&place, &Claims { max_version: Some("1.2.2".into()), ..next.clone() }, "version").await;
            refused(&place, &Claims { min_version: Some("1.2.4".into()), ..next.clone() }, "version").await;
            refused(&place, &Claims { issued_at: time(after(now(), 5 * MINUTE + 1)), ..next.clone() }, "signed in the future").await;
            refused(&moved, &Claims { binding: bound().binding, ..next }, "another machine").await;
        }
        assert_eq!(place.state(now()).await, "active");
        // One in grace is good enough; so is one that was signed by a clock slightly ahead.
        let last = Claims { expires_at: Some(time(after(now(), 1 - 3 * DAY))), ..revision(2, claims()) };
        place.install(&last, now()).await.unwrap();
        assert_eq!(place.state(now()).await, "grace");
        place.install(&Claims { issued_at: time(after(now(), 5 * MINUTE)), ..revision(3, claims()) }, now()).await.unwrap();
        assert_eq!((place.state(now()).await, place.last_seen().await), ("active".to_owned(), Some(now())));
    }

    async fn where_nothing_works_anyway_a_license_may_be_laid_down_beforehand(database: TestDatabase) {
        let place = Place::new(&database).await;
        place.install(&not_activated(claims()), now()).await.unwrap();
        assert_eq!(place.state(now()).await, "not_activated");
        place.install(&Claims { not_before: Some(time(after(now(), HOUR))), ..revision(2, claims()) }, now()).await.unwrap();
        assert_eq!(place.state(now()).await, "not_yet_valid");
        assert_eq!(place.state(after(now(), HOUR)).await, "active");
        place.install(&revision(3, claims()), now()).await.unwrap();
        assert_eq!(place.state(now()).await, "active");
    }

    async fn a_trial_is_not_ended_by_one_that_stops_the_work(database: TestDatabase) {
        let place = Place::trial(&database, now()).await;
        refused(&place, &not_activated(claims()), "not in force yet").await;
        assert_eq!(place.state(now()).await, "active");
        // The trial is over: then it may be laid down.
        place.install(&not_activated(claims()), after(now(), 30 * DAY)).await.unwrap();
        assert_eq!(place.state(after(now(), 30 * DAY)).await, "not_activated");
    }

    async fn licenses_of_apps_do_not_touch_the_sites_own(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let row = place.run(|c, _| oz_site::row(c)).await.unwrap();
        let app = |id: &str, number: u32, kind: Kind| Claims { license_id: id.into(), revision: number, kind, limits: Default::default(), ..claims() };
        for (id, number, kind) in [("A", 1, Kind::Sdk), ("W", 4, Kind::Web), ("A", 2, Kind::Sdk)] {
            place.install(&app(id, number, kind), now()).await.unwrap();
        }
        // The site's own license under another kind is an app's from then on, and the site keeps what it has.
        place.install(&app("L-1", 2, Kind::Sdk), now()).await.unwrap();
        assert_eq!(current(&place).await, ("L-1".to_owned(), 1));
        assert_eq!(place.run(|c, _| oz_site::row(c)).await.unwrap(), row, "an app's license reset the clock");
        place.run(|c, site| {
            let files = oz_site::sdk_files(c, site)?;
            let files: Vec<_> = files.into_iter().map(|file| { let license = file.license.unwrap(); (license.claims().license_id.clone(), license.claims().revision) }).collect();
            assert_eq!(files, [("A".into(), 2), ("L-1".into(), 2), ("W".into(), 4), ("L-1".into(), 1)]);
            Ok(())
        }).await.unwrap();
        // An app's license alone is none for the site.
        place.run(|c, _| crate::support::sql(c, "DELETE FROM license_files WHERE role = 'site'")).await.unwrap();
        assert_eq!(place.state(now()).await, "Missing");
    }

    async fn what_the_vendor_did_not_sign_is_refused(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let forged = sign(Purpose::License, &revision(2, claims()), &site_key()).unwrap();
        let usage = sign(Purpose::Usage, &revision(2, claims()), &oz_license::development_key()).unwrap();
        let good = signed(&revision(2, claims()));
        let mut flipped = good.clone();
        let letter = if flipped.remove(300) == 'x' { 'y' } else { 'x' };
        flipped.insert(300, letter);
        for text in [String::new(), "\0".to_owned(), forged, usage, flipped, format!("{good}\0"), "x".repeat(70_000)] {
            let shown = format!("{} {:?}", text.len(), text.chars().take(60).collect::<String>());
            let done = place.install_text(text, now()).await;
            assert!(matches!(done, Err(Refused::File(_))), "{shown}: {done:?}");
        }
        assert_eq!(current(&place).await, ("L-1".to_owned(), 1));
    }

    async fn a_license_that_no_lease_could_carry_is_refused(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let long = |number, letters| Claims { contact: Some("x".repeat(letters)), ..revision(number, claims()) };
        refused(&place, &long(2, 32_000), "too long").await;
        place.install(&long(2, 16_000), now()).await.unwrap();
        place.run(|c, site| {
            let node = "n".repeat(64);
            let given = oz_site::acquire(c, site, &crate::support::ask(&node), now(), true)?;
            site.sign_lease(&given.claims)?;
            Ok(())
        }).await.unwrap();
    }

    async fn an_id_that_cannot_be_kept_is_refused(database: TestDatabase) {
        let place = Place::new(&database).await;
        for id in ["", "trial", "L\0", "L\n", &"L".repeat(300)] {
            refused(&place, &Claims { license_id: id.into(), ..claims() }, "id").await;
        }
        let odd = Claims { license_id: "ACME / 2026 №1".into(), customer: Customer { id: "\0".into(), name: "\0".into() }, ..claims() };
        place.install(&odd, now()).await.unwrap();
        assert_eq!(numbers_of_files(&place).await, [1]);
    }

    async fn a_vendor_key_that_is_trusted_no_more_ends_the_license_and_a_new_one_takes_its_place(database: TestDatabase) {
        let place = Place::with(&database, &claims()).await;
        let mut site = site_of(site_key(), Default::default(), "1.2.3");
        site.vendor = oz_license::VendorKeys::new([site_key().verifying_key()]);
        let distrustful = place.seen_by(site);
        assert_eq!(distrustful.state(now()).await, "File(UnknownKey)");
        assert_eq!(distrustful.standing(now()).await.features, Default::default());
        let next = sign(Purpose::License, &other(), &site_key()).unwrap();
        distrustful.install_text(next, now()).await.unwrap();
        assert_eq!(distrustful.state(now()).await, "active");
        assert!(distrustful.standing(now()).await.features.contains(&Feature::Web));
    }
}

async fn numbers_of_files(place: &Place) -> Vec<i64> {
    place.run(|c, _| numbers(c, "SELECT seq FROM license_files")).await.unwrap()
}
