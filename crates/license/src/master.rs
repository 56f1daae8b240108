//! Master licenses: for any app that the customer has signed (`license.md`, fingerprint and master license).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use ed25519_dalek::{Signature, VerifyingKey};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use crate::claims::Kind;
use crate::envelope::Invalid;
use crate::license::{License, sound};

/// RFC 8017, appendix A.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 8410, section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The customer's public key.
#[derive(Debug, Clone)]
pub(crate) enum MasterKey {
    /// PKCS#1, 2048 bits or more.
    Rsa(Vec<u8>),
    Ed25519(VerifyingKey),
}

impl MasterKey {
    /// From an SPKI in base64.
    pub(crate) fn read(text: &str) -> Result<Self, Invalid> {
        let der = STANDARD.decode(text).map_err(|_| Invalid::Claims)?;
        let info = SubjectPublicKeyInfoRef::try_from(der.as_slice()).map_err(|_| Invalid::Claims)?;
        let key = info.subject_public_key.as_bytes().ok_or(Invalid::Claims)?;
        match info.algorithm.oid {
            RSA => Ok(Self::Rsa(key.to_vec())),
            ED25519 => {
                let key: &[u8; 32] = key.try_into().map_err(|_| Invalid::Claims)?;
                sound(key).map(Self::Ed25519).ok_or(Invalid::Claims)
            }
            _ => Err(Invalid::Claims),
        }
    }

    fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature).is_ok()
            }
            Self::Ed25519(key) => {
                Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
        }
    }
}

impl License {
    /// Whether `signature` is the customer's over the app's own id: RSA (PKCS#1 v1.5, SHA-256) or Ed25519 over its UTF-8
    /// bytes. `false` for a license that is no master license.
    pub fn proves_app(&self, app_id: &str, signature: &[u8]) -> bool {
        self.claims().kind == Kind::Master
            && self.master_key().is_some_and(|key| key.signed(app_id.as_bytes(), signature))
    }
}
