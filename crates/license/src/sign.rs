//! Signing. What the vendor signs needs the feature `vendor`, which no shipped binary has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::Serialize;

use crate::armour;
use crate::envelope::{MAX_BYTES, Purpose, body, key_id, signed};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Only the vendor's tool signs this.
    #[error("this program does not sign {0:?}")]
    NotOurs(Purpose),
    /// The claims have no JSON form.
    #[error("the claims have no JSON form: {0}")]
    Claims(#[from] serde_json::Error),
    /// Nobody would read it.
    #[error("longer than 64 KiB")]
    TooLong,
}

/// Signs claims for a purpose and gives the armoured text.
///
/// # Errors
/// [`SignError::NotOurs`] for what the vendor signs, in a build without the feature `vendor`; [`SignError::TooLong`] for
/// what no verifier would look at.
pub fn sign(purpose: Purpose, claims: &impl Serialize, key: &SigningKey) -> Result<String, SignError> {
    if matches!(purpose, Purpose::License | Purpose::Models) && !cfg!(feature = "vendor") {
        return Err(SignError::NotOurs(purpose));
    }
    let payload = STANDARD.encode(serde_json::to_vec(claims)?);
    let sig = STANDARD.encode(key.sign(&signed(purpose, &payload)).to_bytes());
    let text = armour::encode(purpose, body(&key_id(&key.verifying_key()), &payload, &sig).as_bytes());
    if text.len() > MAX_BYTES {
        return Err(SignError::TooLong);
    }
    Ok(text)
}
