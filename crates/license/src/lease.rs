//! What a site signs under its license: leases for API nodes, grants for apps and web origins.

use jiff::{Span, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use subtle::ConstantTimeEq as _;

use crate::claims::{Feature, Kind, utc};
use crate::envelope::{Invalid, Purpose, Sealed, VendorKeys};
use crate::license::License;
use crate::origin::covers_origin;
use crate::state::{DAY, SKEW};

/// Longest life of a lease or grant, seconds.
pub const LONGEST: i64 = 3600;

/// What a lease says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseClaims {
    /// Its id.
    pub lease_id: String,
    /// The license file that it stands on.
    pub license: String,
    /// The node that it is for.
    pub instance_id: String,
    /// What that node may do.
    pub features: BTreeSet<Feature>,
    /// When it was made.
    #[serde(deserialize_with = "utc")]
    pub issued_at: Timestamp,
    /// When it ends.
    #[serde(deserialize_with = "utc")]
    pub expires_at: Timestamp,
    /// Counts the heartbeats: two nodes that share one identity are found by it.
    pub counter: u64,
    /// Analyses that are paid in advance.
    pub block: u64,
}

/// A lease that a site has signed under a license that the vendor has signed.
#[derive(Debug, Clone)]
pub struct Lease {
    /// What it says.
    pub claims: LeaseClaims,
    /// What it stands on.
    pub license: License,
}

impl Lease {
    /// Reads the lease of a node.
    ///
    /// # Errors
    /// [`Invalid`] for what is not signed by the site that its license names, gives more than the license has, is for
    /// another node, or is over.
    pub fn verify(text: &[u8], vendor: &VendorKeys, instance_id: &str, now: Timestamp) -> Result<Self, Invalid> {
        let (claims, license): (LeaseClaims, License) = open(Purpose::Lease, text, vendor)?;
        within(&license, &claims.features, [claims.issued_at, claims.expires_at], now)?;
        // One of an app or a page licenses no node.
        if !matches!(license.claims().kind, Kind::Server | Kind::Trial) {
            return Err(Invalid::Exceeds);
        }
        if claims.instance_id != instance_id {
            return Err(Invalid::Audience);
        }
        Ok(Self { claims, license })
    }

    /// Reads the lease of a node that cannot reach its license server: it holds until [`Self::usable_until`].
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_away(text: &[u8], vendor: &VendorKeys, instance_id: &str, now: Timestamp) -> Result<Self, Invalid> {
        let (claims, _): (LeaseClaims, License) = open(Purpose::Lease, text, vendor)?;
        let inside = claims.expires_at.checked_sub(Span::new().nanoseconds(1)).map_err(|_| Invalid::Time)?;
        let lease = Self::verify(text, vendor, instance_id, now.min(inside))?;
        if now < lease.usable_until() { Ok(lease) } else { Err(Invalid::Time) }
    }

    /// Until when the node may go on when its license server is away: the lease's end and the license's grace, and never
    /// after the license and its grace.
    pub fn usable_until(&self) -> Timestamp {
        let grace = i128::from(self.license.claims().grace_days) * DAY;
        let until = self.claims.expires_at.as_nanosecond() + grace;
        let until = self.license.over().map_or(until, |over| until.min(over));
        Timestamp::from_nanosecond(until).unwrap_or(Timestamp::MAX)
    }
}

/// Who a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "platform", rename_all = "snake_case", deny_unknown_fields)]
pub enum Audience {
    /// An Android app.
    Android {
        /// Its application id.
        app_id: String,
    },
    /// An iOS app.
    Ios {
        /// Its bundle id.
        app_id: String,
    },
    /// A web page.
    Web {
        /// Its origin.
        origin: String,
    },
}

/// What a grant says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantClaims {
    /// The license file that it stands on.
    pub license: String,
    /// Whom it is for.
    pub audience: Audience,
    /// What the asker sent: an answer to another question is no answer.
    pub nonce: String,
    /// What it may do.
    pub features: BTreeSet<Feature>,
    /// When it was made.
    #[serde(deserialize_with = "utc")]
    pub issued_at: Timestamp,
    /// When it ends.
    #[serde(deserialize_with = "utc")]
    pub expires_at: Timestamp,
}

/// A grant that a site has signed under a license that the vendor has signed.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What it says.
    pub claims: GrantClaims,
    /// What it stands on.
    pub license: License,
}

impl Grant {
    /// Reads the grant that `audience` got for its `nonce`.
    ///
    /// # Errors
    /// As [`Lease::verify`]; [`Invalid::Exceeds`], too, for an app or origin that the license does not list.
    pub fn verify(
        text: &[u8],
        vendor: &VendorKeys,
        (audience, nonce): (&Audience, &str),
        now: Timestamp,
    ) -> Result<Self, Invalid> {
        let (claims, license): (GrantClaims, License) = open(Purpose::Grant, text, vendor)?;
        within(&license, &claims.features, [claims.issued_at, claims.expires_at], now)?;
        if claims.audience != *audience || !bool::from(claims.nonce.as_bytes().ct_eq(nonce.as_bytes())) {
            return Err(Invalid::Audience);
        }
        if !license.covers(audience) {
            return Err(Invalid::Exceeds);
        }
        Ok(Self { claims, license })
    }
}

impl License {
    /// Whether an app or origin is among those that it is for. A master license is for every app; that the app is the
    /// customer's own is proved by its signature.
    pub fn covers(&self, audience: &Audience) -> bool {
        let claims = self.claims();
        match audience {
            Audience::Android { app_id } => claims.kind == Kind::Master || claims.apps.android.contains(app_id),
            Audience::Ios { app_id } => claims.kind == Kind::Master || claims.apps.ios.contains(app_id),
            Audience::Web { origin } => claims.origins.iter().any(|pattern| covers_origin(pattern, origin)),
        }
    }
}

/// What both kinds of claims carry.
trait OfSite: DeserializeOwned {
    fn license(&self) -> &str;
}

impl OfSite for LeaseClaims {
    fn license(&self) -> &str {
        &self.license
    }
}

impl OfSite for GrantClaims {
    fn license(&self) -> &str {
        &self.license
    }
}

/// Claims that are signed by the site which the license inside them names.
fn open<T: OfSite>(purpose: Purpose, text: &[u8], vendor: &VendorKeys) -> Result<(T, License), Invalid> {
    let sealed = Sealed::read(purpose, text)?;
    let unproven: T = serde_json::from_slice(&sealed.unproven()?).map_err(|_| Invalid::Claims)?;
    let license = License::verify(unproven.license().as_bytes(), vendor)?;
    let key = license.site_key().filter(|key| sealed.is_by(key)).ok_or(Invalid::Site)?;
    sealed.prove(key)?;
    Ok((unproven, license))
}

/// That features and times are inside the license's, and that it is the time.
fn within(
    license: &License,
    features: &BTreeSet<Feature>,
    [issued, expires]: [Timestamp; 2],
    now: Timestamp,
) -> Result<(), Invalid> {
    let [signed, issued, expires, now] =
        [license.claims().issued_at, issued, expires, now].map(Timestamp::as_nanosecond);
    let longest = i128::from(LONGEST) * 1_000_000_000;
    let too_early = license.claims().not_before.is_some_and(|begin| issued < begin.as_nanosecond());
    if !features.is_subset(&license.claims().features)
        || expires - issued > longest
        || license.over().is_some_and(|over| expires > over)
        || too_early
    {
        return Err(Invalid::Exceeds);
    }
    if signed.max(issued) > now + SKEW || expires <= now { Err(Invalid::Time) } else { Ok(()) }
}
