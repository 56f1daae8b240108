//! Licenses for tests: signed with the development key, which development builds trust.

use super::license_server::LicenseServer;
use jiff::{SignedDuration, Timestamp};
use oz_license::{
    Apps, Claims, Customer, Feature, Kind, Limits, Period, Purpose, VendorKeys, Volume, development_key, sign,
};

/// So many seconds from now.
pub(crate) fn after(seconds: i64) -> Timestamp {
    // Whole seconds, as a vendor writes them.
    let now = Timestamp::from_second(Timestamp::now().as_second()).expect("a time");
    now + SignedDuration::from_secs(seconds)
}

/// A day in seconds.
pub(crate) const DAY: i64 = 24 * 3600;

/// An activated license for a server: 3 instances, 1000 analyses a month, a year to go.
pub(crate) fn claims(server: &LicenseServer) -> Claims {
    Claims {
        kind: Kind::Server,
        expires_at: Some(after(365 * DAY)),
        features: [Feature::Quality, Feature::Biometry].into(),
        limits: Limits {
            analyses: Some(Volume { count: 1000, period: Period::Month }),
            instances: Some(3),
            ..Limits::default()
        },
        site_key: Some(site_key(server)),
        ..unbound("L-1", 1)
    }
}

/// Claims of an appliance without a license server: no activation, no limit, no end.
pub(crate) fn unbound(license_id: &str, revision: u32) -> Claims {
    Claims {
        license_id: license_id.into(),
        revision,
        kind: Kind::Trial,
        customer: Customer { id: "C-1".into(), name: "A bank".into() },
        product: "oz-appliance".into(),
        issued_at: after(-60),
        not_before: None,
        expires_at: None,
        file_expires_at: None,
        grace_days: 3,
        features: Feature::ALL.into(),
        limits: Limits::default(),
        binding: None,
        site_key: None,
        apps: Apps::default(),
        origins: [].into(),
        master_key: None,
        contact: None,
        min_version: None,
        max_version: None,
    }
}

/// The server's public key, as its own answer tells it.
pub(crate) fn site_key(server: &LicenseServer) -> String {
    let license = server.admin().get("/api/license").expect(200);
    license["site_key"].as_str().expect("site_key").to_owned()
}

/// The file that the vendor would send.
pub(crate) fn signed(claims: &Claims) -> String {
    sign(Purpose::License, claims, &development_key()).expect("a license")
}

/// Installs a license and gives the state that the server tells.
#[track_caller]
pub(crate) fn install(server: &LicenseServer, claims: &Claims) -> String {
    let answer =
        server.admin().send("PUT", "/api/license", &[], Some(("text/plain", signed(claims).into()))).expect(200);
    answer["state"].as_str().expect("state").to_owned()
}

/// Whom the server and the verifiers trust.
pub(crate) fn trusted() -> VendorKeys {
    VendorKeys::compiled().expect("keys")
}
