//! The signed envelope: a version, a key id, a payload, a signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::armour;

/// Longest text that is looked at, bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// The one version there is.
pub(crate) const VERSION: u32 = 1;

/// What something was signed for. Nothing signed for one purpose passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A license, by the vendor.
    License,
    /// What an API node may do now, by the site.
    Lease,
    /// What an app or a web origin may do now, by the site.
    Grant,
    /// What was used, by the site.
    Usage,
    /// A pack of models, by the vendor.
    Models,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [Self::License, Self::Lease, Self::Grant, Self::Usage, Self::Models];

    /// What stands in front of the signed payload.
    pub(crate) const fn prefix(self) -> &'static [u8] {
        match self {
            Self::License => b"oz-license/v1\0",
            Self::Lease => b"oz-lease/v1\0",
            Self::Grant => b"oz-grant/v1\0",
            Self::Usage => b"oz-usage/v1\0",
            Self::Models => b"oz-models/v1\0",
        }
    }

    /// What the marker lines say.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::License => "OZ LICENSE",
            Self::Lease => "OZ LEASE",
            Self::Grant => "OZ GRANT",
            Self::Usage => "OZ USAGE",
            Self::Models => "OZ MODELS",
        }
    }
}

/// Why bytes are not what they should be. No text quotes the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Over [`MAX_BYTES`].
    #[error("longer than 64 KiB")]
    TooLong,
    /// Not exactly the marker lines and canonical base64 between them.
    #[error("not a file of this kind, or damaged")]
    Armour,
    /// Not exactly the four fields, or one of them is not canonical.
    #[error("the envelope is damaged")]
    Envelope,
    /// From a later version of this product.
    #[error("made for a later version of this product")]
    Version,
    /// Signed by nobody we know.
    #[error("signed by a key that is not known here")]
    UnknownKey,
    /// Changed, or never signed.
    #[error("the signature is wrong")]
    Signature,
    /// Signed, but not what this version can read.
    #[error("the claims cannot be read")]
    Claims,
    /// For another product.
    #[error("for another product")]
    Product,
    /// A lease or grant that gives more than its license has.
    #[error("gives more than its license has")]
    Exceeds,
    /// A lease or grant made by another site than the license names.
    #[error("not made by the site that its license names")]
    Site,
    /// For somebody else: another instance, app, origin or nonce.
    #[error("made for somebody else")]
    Audience,
    /// Not valid yet, or no longer.
    #[error("not valid at this time")]
    Time,
}

impl Invalid {
    /// The word for it, as in logs and test vectors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Armour => "armour",
            Self::Envelope => "envelope",
            Self::Version => "version",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Product => "product",
            Self::Exceeds => "exceeds",
            Self::Site => "site",
            Self::Audience => "audience",
            Self::Time => "time",
        }
    }
}

/// The short name of a public key: the first 8 bytes of its SHA-256, in hex.
pub fn key_id(key: &VerifyingKey) -> String {
    hex::encode(&Sha256::digest(key.as_bytes())[..8])
}

/// What is signed: the purpose's prefix and the base64 text of the payload.
pub(crate) fn signed(purpose: Purpose, payload: &str) -> Vec<u8> {
    [purpose.prefix(), payload.as_bytes()].concat()
}

/// The body of an envelope: JSON in its one spelling.
#[cfg(feature = "site")]
pub(crate) fn body(kid: &str, payload: &str, sig: &str) -> String {
    format!(r#"{{"v":{VERSION},"kid":"{kid}","payload":"{payload}","sig":"{sig}"}}"#)
}

/// Version, key id, payload and signature of a body. What is around the payload is not signed; there is one spelling of
/// it, so nothing in it changes unseen either.
fn fields(body: &str) -> Option<(u32, [&str; 3])> {
    let (version, rest) = body.strip_prefix(r#"{"v":"#)?.split_once(r#","kid":""#)?;
    let (kid, rest) = rest.split_once(r#"","payload":""#)?;
    let (payload, rest) = rest.split_once(r#"","sig":""#)?;
    let sig = rest.strip_suffix(r#""}"#)?;
    let number: u32 = version.parse().ok()?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    (number.to_string() == version && [kid, payload, sig].into_iter().all(plain))
        .then_some((number, [kid, payload, sig]))
}

/// The public keys of the vendor: two at most, so that they can be exchanged.
#[derive(Debug, Clone)]
pub struct VendorKeys(Vec<(String, VerifyingKey)>);

impl VendorKeys {
    /// Keys that are trusted.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self(keys.into_iter().map(|key| (key_id(&key), key)).collect())
    }

    /// Their short names, as [`key_id`] makes them.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _)| id.as_str())
    }

    /// The payload that one of these keys signed for a purpose: of a usage report, which a site signs, too.
    ///
    /// # Errors
    /// [`Invalid`]: not one bit is other than it was signed.
    pub fn open(&self, purpose: Purpose, text: &[u8]) -> Result<Vec<u8>, Invalid> {
        let sealed = Sealed::read(purpose, text)?;
        let key = self.0.iter().find(|(id, _)| *id == sealed.kid).ok_or(Invalid::UnknownKey)?.1;
        sealed.prove(&key)?;
        sealed.unproven()
    }
}

/// An envelope whose signature has not been looked at.
pub(crate) struct Sealed {
    kid: String,
    /// The purpose's prefix and the payload in base64.
    message: Vec<u8>,
    prefix: usize,
    signature: Signature,
}

impl Sealed {
    /// Reads a text, byte for byte as [`crate::sign()`] writes it.
    pub(crate) fn read(purpose: Purpose, text: &[u8]) -> Result<Self, Invalid> {
        if text.len() > MAX_BYTES {
            return Err(Invalid::TooLong);
        }
        let body = armour::decode(purpose, text)?;
        let body = std::str::from_utf8(&body).map_err(|_| Invalid::Envelope)?;
        let (version, [kid, payload, sig]) = fields(body).ok_or(Invalid::Envelope)?;
        if version != VERSION {
            return Err(Invalid::Version);
        }
        let signature = STANDARD.decode(sig).ok().and_then(|sig| Signature::from_slice(&sig).ok());
        let signature = signature.ok_or(Invalid::Envelope)?;
        let (message, prefix) = (signed(purpose, payload), purpose.prefix().len());
        Ok(Self { kid: kid.to_owned(), message, prefix, signature })
    }

    /// The payload, whoever wrote it: only to find out whose signature to ask for.
    pub(crate) fn unproven(&self) -> Result<Vec<u8>, Invalid> {
        STANDARD.decode(&self.message[self.prefix..]).map_err(|_| Invalid::Envelope)
    }

    /// Whether the envelope names `key`.
    pub(crate) fn is_by(&self, key: &VerifyingKey) -> bool {
        self.kid == key_id(key)
    }

    /// That `key` signed it.
    pub(crate) fn prove(&self, key: &VerifyingKey) -> Result<(), Invalid> {
        key.verify_strict(&self.message, &self.signature).map_err(|_| Invalid::Signature)
    }
}
