//! What a license and a lease cost to verify, beside the bare signatures.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use oz_license::{Lease, License, VendorKeys};
use serde_json::Value;

use super::host::least;
use super::table::{Limit, Row};

/// Verifications in one run: a few milliseconds, so that some runs are not interrupted.
const EACH: u32 = 50;
const RUNS: usize = 500;

/// A license and a lease of the test vectors, on one core.
pub(crate) fn verified(root: &Path) -> Result<Vec<Row>> {
    let (license, lease) = (vector(root, "licenses", "an app's license")?, vector(root, "leases", "as it is made")?);
    let vendor = VendorKeys::compiled()?;
    let now = lease.1;
    ensure!(License::verify(license.0.as_bytes(), &vendor).is_ok(), "the product was built with other vendor keys");
    let inner = Lease::verify(lease.0.as_bytes(), &vendor, "node-1", now).context("the lease")?;
    let vendor_key = key(license.2.as_str())?;
    let site_key = *inner.license.site_key().context("a site key")?;
    let by_vendor = Bare::of(&inner.claims.license, b"oz-license/v1\0", vendor_key)?;
    let by_site = Bare::of(&lease.0, b"oz-lease/v1\0", site_key)?;
    let (of_license, of_lease) = (Bare::of(&license.0, b"oz-license/v1\0", vendor_key)?, [by_vendor, by_site]);
    let (mut ours, mut bare) = ([Duration::MAX; 2], [Duration::MAX; 2]);
    // In turns: what others do on this machine meets both.
    for _ in 0..RUNS {
        ours[0] = ours[0].min(time(|| License::verify(license.0.as_bytes(), &vendor).is_ok()));
        bare[0] = bare[0].min(time(|| of_license.verify()));
        ours[1] = ours[1].min(time(|| Lease::verify(lease.0.as_bytes(), &vendor, "node-1", now).is_ok()));
        bare[1] = bare[1].min(time(|| of_lease.iter().all(Bare::verify)));
    }
    let beside = |what: &str, ours: Duration, bare: Duration| Row {
        what: what.to_owned(),
        measured: micros(ours),
        floor: micros(bare),
        value: ours.as_secs_f64() / bare.as_secs_f64(),
        limit: Limit::AtMost(1.2),
    };
    let rate = 1.0 / ours[1].as_secs_f64();
    Ok(vec![
        beside(
            &format!("a license of {} bytes verified, beside its bare signature", license.0.len()),
            ours[0],
            bare[0],
        ),
        beside(
            &format!("a lease of {} bytes verified, beside its two bare signatures", lease.0.len()),
            ours[1],
            bare[1],
        ),
        Row {
            what: "leases verified a second on one core".to_owned(),
            measured: format!("{rate:.0} a second"),
            floor: String::new(),
            value: rate,
            limit: Limit::AtLeast(10_000.0),
        },
    ])
}

/// Text, time and vendor key of a test vector.
fn vector(root: &Path, file: &str, name: &str) -> Result<(String, jiff::Timestamp, String)> {
    let path = root.join("crates/license/test-vectors").join(file).with_extension("json");
    let all: Vec<Value> = serde_json::from_str(&fs_err::read_to_string(path)?)?;
    let one = all.iter().find(|vector| vector["name"] == name).with_context(|| format!("no vector {name}"))?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    Ok((text(&one["input"])?, text(&one["now"])?.parse()?, text(&one["vendor_keys"][0])?))
}

fn key(text: &str) -> Result<VerifyingKey> {
    let bytes: [u8; 32] = hex::decode(text)?.try_into().ok().context("32 bytes")?;
    Ok(VerifyingKey::from_bytes(&bytes)?)
}

/// A signature and what it is over.
struct Bare {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Signature,
}

impl Bare {
    fn of(text: &str, prefix: &[u8], key: VerifyingKey) -> Result<Self> {
        let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let envelope: Value = serde_json::from_slice(&STANDARD.decode(base64)?)?;
        let field = |name: &str| envelope[name].as_str().context("a field of the envelope");
        let signature = Signature::from_slice(&STANDARD.decode(field("sig")?)?)?;
        let bare = Self { key, message: [prefix, field("payload")?.as_bytes()].concat(), signature };
        ensure!(bare.verify(), "the signature alone is wrong");
        Ok(bare)
    }

    fn verify(&self) -> bool {
        self.key.verify_strict(&self.message, &self.signature).is_ok()
    }
}

/// The time of one of [`EACH`].
fn time(mut work: impl FnMut() -> bool) -> Duration {
    let mut good = true;
    let spent = least(1, || good = (0..EACH).all(|_| std::hint::black_box(work())));
    assert!(good, "it was good a moment ago");
    spent / EACH
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
