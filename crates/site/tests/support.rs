//! A site with its database, and licenses to install there.

use diesel::RunQueryDsl as _;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use oz_domain::Millis;
use oz_license::{
    Binding, Claims, Customer, Factor, Factors, Feature, Kind, Limits, Period, Purpose, VendorKeys, Volume,
    development_key, sign,
};
use oz_site::{Ask, Batch, Refused, Site, Standing};
use oz_store::{AnyConn, Db, Migrations, Options, Statement};
use oz_testkit::TestDatabase;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Noon of a day on which [`claims`] hold.
pub(crate) fn now() -> Millis {
    at("2026-06-01T12:00:00Z")
}

pub(crate) fn at(text: &str) -> Millis {
    Millis::new(text.parse::<Timestamp>().unwrap().as_millisecond())
}

/// So many milliseconds from a moment.
pub(crate) fn after(from: Millis, millis: i64) -> Millis {
    Millis::new(from.get() + millis)
}

pub(crate) fn time(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at.get()).unwrap()
}

pub(crate) fn site_key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

/// A machine of three parts, of which `changed` are others than usual.
pub(crate) fn machine(changed: usize) -> Factors {
    let parts = [(Factor::MachineId, "m-1"), (Factor::ProductUuid, "u-1"), (Factor::Disk, "d-1")];
    let mut factors = Factors::default();
    for (place, (factor, value)) in parts.into_iter().enumerate() {
        factors.add(factor, if place < changed { "other" } else { value });
    }
    factors
}

/// Whom everybody trusts here.
pub(crate) fn development_trust() -> VendorKeys {
    VendorKeys::new([development_key().verifying_key()])
}

pub(crate) fn site_of(key: SigningKey, factors: Factors, version: &str) -> Site {
    Site::new(development_trust(), key, factors, version, Duration::from_secs(600))
}

/// A license of 2026, activated for [`site_key`]: three nodes, no volume.
pub(crate) fn claims() -> Claims {
    Claims {
        license_id: "L-1".into(),
        revision: 1,
        kind: Kind::Server,
        customer: Customer { id: "C-1".into(), name: "A bank".into() },
        product: "oz-appliance".into(),
        issued_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        not_before: Some("2026-01-02T00:00:00Z".parse().unwrap()),
        expires_at: Some("2027-01-01T00:00:00Z".parse().unwrap()),
        file_expires_at: None,
        grace_days: 3,
        features: [Feature::Quality, Feature::Biometry, Feature::Web].into(),
        limits: Limits { instances: Some(3), ..Limits::default() },
        binding: None,
        site_key: Some(hex::encode(site_key().verifying_key())),
        apps: Default::default(),
        origins: Default::default(),
        master_key: None,
        contact: None,
        min_version: None,
        max_version: None,
    }
}

/// [`claims`] with so many analyses.
pub(crate) fn with_volume(count: u64, period: Period) -> Claims {
    let mut claims = claims();
    claims.limits.analyses = Some(Volume { count, period });
    claims
}

/// [`claims`] of the machine [`machine`]`(0)`.
pub(crate) fn bound() -> Claims {
    let fingerprints = machine(0).prints([7; 16]).iter().map(ToString::to_string).collect();
    Claims { binding: Some(Binding { fingerprints, threshold: 2 }), ..claims() }
}

/// The same license with another revision.
pub(crate) fn revision(revision: u32, claims: Claims) -> Claims {
    Claims { revision, ..claims }
}

pub(crate) fn signed(claims: &Claims) -> String {
    sign(Purpose::License, claims, &development_key()).unwrap()
}

/// A database and the site in it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) db: Db,
    pub(crate) site: Arc<Site>,
}

/// What a test's step gives.
pub(crate) type Done<T> = oz_site::Result<T>;

impl Place {
    /// Opened, without a license.
    pub(crate) async fn new(database: &TestDatabase) -> Self {
        Self::of(database, site_of(site_key(), Factors::default(), "1.2.3")).await
    }

    pub(crate) async fn of(database: &TestDatabase, site: Site) -> Self {
        static FAMILY: &[&Migrations] = &[&oz_site::TABLES];
        let options = Options { families: FAMILY, ..Options::default() };
        let db = Db::open(database.url(), options).await.unwrap();
        db.migrate().await.unwrap();
        let place = Self { db, site: Arc::new(site) };
        place.run(|c, site| oz_site::open(c, site, at("2026-01-02T00:00:00Z"), true)).await.unwrap();
        place
    }

    /// Opened, with a license in it.
    pub(crate) async fn with(database: &TestDatabase, claims: &Claims) -> Self {
        let place = Self::new(database).await;
        place.install(claims, now()).await.unwrap();
        place
    }

    /// An API's own site, whose trial began at `begun`.
    pub(crate) async fn trial(database: &TestDatabase, begun: Millis) -> Self {
        let mut site = site_of(site_key(), Factors::default(), "1.2.3");
        site.trial = true;
        let place = Self::of(database, site).await;
        place.run(move |c, _| oz_site::begin_trial(c, begun)).await.unwrap();
        place
    }

    /// The same database, looked at by another site.
    pub(crate) fn seen_by(&self, site: Site) -> Self {
        Self { db: self.db.clone(), site: Arc::new(site) }
    }

    /// One transaction.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        step: impl Fn(&mut AnyConn, &Site) -> Done<T> + Send + Sync + 'static,
    ) -> Done<T> {
        let site = Arc::clone(&self.site);
        self.db.write(move |conn| step(conn, &site)).await
    }

    /// One transaction of which nothing is left.
    pub(crate) async fn undone(&self, step: impl Fn(&mut AnyConn, &Site) -> Done<()> + Send + Sync + 'static) {
        let undone = self
            .run(move |c, site| {
                step(c, site)?;
                Err::<(), _>(Refused::Sign("undo".into()))
            })
            .await;
        assert!(matches!(&undone, Err(Refused::Sign(text)) if text == "undo"), "{undone:?}");
    }

    pub(crate) async fn install(&self, claims: &Claims, now: Millis) -> Done<()> {
        self.install_text(signed(claims), now).await
    }

    pub(crate) async fn install_text(&self, text: String, now: Millis) -> Done<()> {
        self.run(move |c, site| oz_site::install(c, site, &text, now).map(drop)).await
    }

    pub(crate) async fn standing(&self, now: Millis) -> Standing {
        self.run(move |c, site| oz_site::standing(c, site, now, true)).await.unwrap()
    }

    /// The word for what the site's right is worth, with the reason.
    pub(crate) async fn state(&self, now: Millis) -> String {
        word(&self.standing(now).await)
    }

    pub(crate) async fn last_seen(&self) -> Option<Millis> {
        self.run(|c, _| oz_site::row(c)).await.unwrap().unwrap().last_seen.map(Millis::new)
    }
}

pub(crate) fn word(standing: &Standing) -> String {
    match standing.state {
        oz_license::State::Invalid(reason) => format!("{reason:?}"),
        state => state.as_str().to_owned(),
    }
}

pub(crate) fn ask(instance_id: &str) -> Ask {
    Ask {
        instance_id: instance_id.to_owned(),
        hostname: "host.of.a.bank".to_owned(),
        version: "1.2.3".to_owned(),
        wanted: Default::default(),
        block: 0,
    }
}

pub(crate) fn batch(seq: i64, id: &str, counts: &[(Feature, i64)]) -> Batch {
    Batch { seq, id: id.to_owned(), counts: counts.iter().copied().collect() }
}

/// Changes rows behind the site's back.
pub(crate) fn sql(conn: &mut AnyConn, text: &str) -> Done<usize> {
    Ok(diesel::sql_query(text).execute(conn)?)
}

pub(crate) fn numbers(conn: &mut AnyConn, text: &'static str) -> Done<Vec<i64>> {
    Ok(Statement::<diesel::sql_types::BigInt>::new(text).load::<i64>(conn)?)
}

pub(crate) fn texts(conn: &mut AnyConn, text: &'static str) -> Done<Vec<String>> {
    Ok(Statement::<diesel::sql_types::Text>::new(text).load::<String>(conn)?)
}

/// What the ledger says in all, by feature.
pub(crate) fn in_ledger(conn: &mut AnyConn) -> Done<BTreeMap<String, i64>> {
    let mut sums = BTreeMap::new();
    for counts in texts(conn, "SELECT counts FROM license_ledger")? {
        for (feature, n) in serde_json::from_str::<BTreeMap<String, i64>>(&counts).unwrap() {
            *sums.entry(feature).or_insert(0) += n;
        }
    }
    sums.retain(|_, n| *n != 0);
    Ok(sums)
}

/// What is counted in one period, by feature.
pub(crate) fn counted(conn: &mut AnyConn, period: &str) -> Done<BTreeMap<String, i64>> {
    Ok(oz_site::totals(conn, period, period)?.remove(period).unwrap_or_default())
}
