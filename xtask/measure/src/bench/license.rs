//! The license server under load, over HTTP, flushing every commit to the disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use oz_license::{Claims, Customer, Feature, Kind, Limits, PRODUCT, Purpose, development_key, sign};
use oz_testkit::client::Client;
use oz_testkit::license_server::LicenseServer;
use oz_testkit::server::Options;
use serde_json::json;

use super::table::{Limit, Row};

/// Callers at once.
const CALLERS: usize = 64;
/// How long a round lasts; the best of three counts.
const ROUND: Duration = Duration::from_secs(4);
/// The origin that asks for grants.
const ORIGIN: &str = "https://bank.example";

/// Leases acquired and released a second.
pub(crate) fn leases() -> Result<Row> {
    let server = server()?;
    let each = |node: &Client, caller: usize, _: usize| {
        let ask = json!({"instance_id": format!("node-{caller}"), "hostname": "bench", "version": "0.1.0"});
        let lease = node.json("POST", "/api/leases", &ask).expect(201);
        let path = format!("/api/leases/{}", lease["lease_id"].as_str().unwrap_or_default());
        assert_eq!(node.delete(&path).status, 204);
    };
    row("leases acquired and released over HTTP, SQLite with flush", 1000.0, rate(&server, &each))
}

/// Grants a second.
pub(crate) fn grants() -> Result<Row> {
    let server = server()?;
    let each = |adapter: &Client, caller: usize, number: usize| {
        let nonce = format!("nonce-{caller:04}-{number:012}");
        let ask = json!({"platform": "web", "origin": ORIGIN, "sdk_version": "1.0.0", "nonce": nonce});
        adapter.json("POST", "/api/sdk/grants", &ask).expect(201);
    };
    row("grants over HTTP", 3000.0, rate(&server, &each))
}

fn row(what: &str, least: f64, rate: f64) -> Result<Row> {
    Ok(Row {
        what: format!("{what}, {CALLERS} callers at once on the same machine, a second"),
        measured: format!("{rate:.0} a second"),
        floor: String::new(),
        value: rate,
        limit: Limit::AtLeast(least),
    })
}

/// The best rate of three rounds.
fn rate(server: &LicenseServer, each: &(dyn Fn(&Client, usize, usize) + Sync)) -> f64 {
    let (node, number) = (server.node(), AtomicUsize::new(0));
    let round = |_| {
        let (start, before) = (Instant::now(), number.load(Ordering::Relaxed));
        std::thread::scope(|scope| {
            for caller in 0..CALLERS {
                let (node, number) = (node.clone(), &number);
                scope.spawn(move || {
                    while start.elapsed() < ROUND {
                        each(&node, caller, number.fetch_add(1, Ordering::Relaxed));
                    }
                });
            }
        });
        (number.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64()
    };
    (0..3).map(round).fold(0.0, f64::max)
}

/// A license server under a license for everything.
fn server() -> Result<LicenseServer> {
    let server = LicenseServer::start(Options::default().with("OZ_LICENSE_LOG", "warn"));
    let shown = server.admin().get("/api/license").expect(200);
    let claims = Claims {
        license_id: "bench".into(),
        revision: 1,
        kind: Kind::Server,
        customer: Customer { id: "bench".into(), name: "Bench".into() },
        product: PRODUCT.into(),
        issued_at: "2026-01-01T00:00:00Z".parse().context("a time")?,
        not_before: None,
        expires_at: None,
        file_expires_at: None,
        grace_days: 3,
        features: Feature::ALL.into(),
        limits: Limits { instances: Some(1000), ..Limits::default() },
        binding: None,
        site_key: shown["site_key"].as_str().map(str::to_owned),
        apps: oz_license::Apps::default(),
        origins: [ORIGIN.to_owned()].into(),
        master_key: None,
        contact: None,
        min_version: None,
        max_version: None,
    };
    let license = sign(Purpose::License, &claims, &development_key())?;
    server.admin().send("PUT", "/api/license", &[], Some(("text/plain", license.into()))).expect(200);
    Ok(server)
}
