//! What a license says, who signed it, and what state it is in (`license.md`).
//!
//! Pure: bytes, keys and the time come in as parameters; nothing here opens a file, asks a clock or a network. The chain of
//! trust is vendor key → [`License`] (which names the site key) → [`Lease`] or [`Grant`].

mod activation;
mod admit;
mod armour;
mod claims;
mod envelope;
mod fingerprint;
mod lease;
mod license;
mod master;
mod origin;
#[cfg(feature = "site")]
mod sign;
mod state;
mod vendor_keys;

pub use activation::{ActivationRequest, LEAST_PRINTS};
pub use admit::{Asker, Refusal};
pub use claims::{Apps, Binding, Claims, Customer, Feature, Kind, Limits, PRODUCT, Period, Volume};
pub use envelope::{Invalid, MAX_BYTES, Purpose, VendorKeys, key_id};
pub use fingerprint::{Factor, Factors, Print};
pub use jiff::Timestamp;
pub use lease::{Audience, Grant, GrantClaims, LONGEST, Lease, LeaseClaims};
pub use license::License;
pub use origin::covers_origin;
#[cfg(feature = "site")]
pub use sign::{SignError, sign};
pub use state::{Reason, Site, State};
pub use vendor_keys::NotAKey;
#[cfg(feature = "vendor")]
pub use vendor_keys::development_key;
