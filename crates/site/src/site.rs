//! What a site is made of beside its database.

use diesel_migrations::embed_migrations;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use oz_domain::Millis;
use oz_license::{
    ActivationRequest, Factors, GrantClaims, LEAST_PRINTS, LeaseClaims, License, PRODUCT, Purpose, VendorKeys, key_id,
    sign,
};
use oz_store::Migrations;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Refused, Result};

/// The tables of a site.
pub static TABLES: Migrations =
    Migrations { sqlite: embed_migrations!("migrations/sqlite"), postgres: embed_migrations!("migrations/postgres") };

/// A site: its key, whom it trusts, which machine it is on.
pub struct Site {
    /// Whom it trusts.
    pub vendor: VendorKeys,
    /// What it signs with.
    pub key: SigningKey,
    /// The machine's parts.
    pub factors: Factors,
    /// The product's version, `major.minor.patch`.
    pub version: String,
    /// Life of a lease.
    pub ttl: Duration,
    /// Whether it may begin a trial: in an API without a license server.
    pub trial: bool,
    /// The license that was read last: the same text is not verified again at every question.
    read: Mutex<Option<(String, Arc<License>)>>,
}

impl Site {
    /// Puts a site together.
    pub fn new(vendor: VendorKeys, key: SigningKey, factors: Factors, version: &str, ttl: Duration) -> Self {
        Self { vendor, key, factors, version: version.to_owned(), ttl, trial: false, read: Mutex::new(None) }
    }

    /// The short name of its public key.
    pub fn key_id(&self) -> String {
        key_id(&self.key.verifying_key())
    }

    /// What the vendor is asked for.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn activation_request(&self) -> std::io::Result<ActivationRequest> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(std::io::Error::other)?;
        let prints = self.factors.prints(salt);
        // With fewer the site key alone stands for the machine.
        let enough = prints.len() >= LEAST_PRINTS;
        Ok(ActivationRequest {
            product: PRODUCT.to_owned(),
            version: self.version.clone(),
            site_key: hex::encode(self.key.verifying_key()),
            fingerprints: prints.iter().filter(|_| enough).map(ToString::to_string).collect(),
        })
    }

    /// Whether the machine shows too few parts for a license to be bound to them.
    pub fn is_bound_by_key_alone(&self) -> bool {
        self.factors.prints([0; 16]).len() < LEAST_PRINTS
    }

    /// Signs a lease.
    ///
    /// # Errors
    /// [`Refused::Sign`] for claims that nobody would read.
    pub fn sign_lease(&self, claims: &LeaseClaims) -> Result<String> {
        sign(Purpose::Lease, claims, &self.key).map_err(|e| Refused::Sign(e.to_string()))
    }

    /// Signs a grant.
    ///
    /// # Errors
    /// As [`Self::sign_lease`].
    pub fn sign_grant(&self, claims: &GrantClaims) -> Result<String> {
        sign(Purpose::Grant, claims, &self.key).map_err(|e| Refused::Sign(e.to_string()))
    }

    /// Signs anything else that a site may sign.
    ///
    /// # Errors
    /// As [`Self::sign_lease`].
    pub fn sign_usage(&self, claims: &impl serde::Serialize) -> Result<String> {
        sign(Purpose::Usage, claims, &self.key).map_err(|e| Refused::Sign(e.to_string()))
    }

    /// The license of a text, verified once for as long as it is the last one asked for. By its text, not by its number: a
    /// number that was rolled back is given again.
    pub(crate) fn read(&self, text: &str) -> Result<Arc<License>, oz_license::Invalid> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, license)) = &*read
            && known == text
        {
            return Ok(Arc::clone(license));
        }
        let license = Arc::new(License::verify(text.as_bytes(), &self.vendor)?);
        *read = Some((text.to_owned(), Arc::clone(&license)));
        Ok(license)
    }
}

impl std::fmt::Debug for Site {
    // Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("key_id", &self.key_id()).finish_non_exhaustive()
    }
}

/// A time in the license's own type; the ends of the range for what is beyond.
pub fn timestamp(time: Millis) -> Timestamp {
    Timestamp::from_millisecond(time.get()).unwrap_or(if time.get() < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
