//! Whose licenses this build trusts.

use ed25519_dalek::VerifyingKey;

use crate::envelope::VendorKeys;
use crate::license::key;

/// The seller's public keys, one or two of 64 hex digits with a comma between, set when the product is built.
const COMPILED: Option<&str> = option_env!("OZ_VENDOR_KEYS");

const _: () = if let Some(text) = COMPILED {
    assert!(is_well_spelt(text), "OZ_VENDOR_KEYS: one public key of 64 hex digits, or two with a comma between");
};

/// The public half of the key that signs licenses for development. Anybody can sign with it.
const DEVELOPMENT: &str = "345832e1b07996b35dfee39baa82632b5e594919aba2b5c05ef11a2ca6606ad3";

/// A compiled-in key that is none: 64 hex digits, but no point that anybody could sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a vendor key that is compiled in (OZ_VENDOR_KEYS) is not an Ed25519 public key")]
pub struct NotAKey;

impl VendorKeys {
    /// The keys that this build trusts: those it was built with, else the development key.
    ///
    /// # Errors
    /// [`NotAKey`]: the build was given digits that are no key.
    pub fn compiled() -> Result<Self, NotAKey> {
        parse(COMPILED.unwrap_or(DEVELOPMENT))
    }

    /// Whether this build trusts the development key, and so everybody.
    pub const fn is_development() -> bool {
        COMPILED.is_none()
    }
}

/// The key that signs licenses for development: made from a public text, so anybody has it.
#[cfg(feature = "vendor")]
pub fn development_key() -> ed25519_dalek::SigningKey {
    use sha2::{Digest as _, Sha256};
    const TEXT: &[u8] = b"Oz Appliance: the vendor key of development builds. It is public and protects nothing.";
    ed25519_dalek::SigningKey::from_bytes(&Sha256::digest(TEXT).into())
}

fn parse(text: &str) -> Result<VendorKeys, NotAKey> {
    let keys = text.split(',').map(key).collect::<Result<Vec<VerifyingKey>, _>>().map_err(|_| NotAKey)?;
    Ok(VendorKeys::new(keys))
}

const fn is_well_spelt(text: &str) -> bool {
    let text = text.as_bytes();
    if text.len() != 64 && text.len() != 129 {
        return false;
    }
    let mut at = 0;
    while at < text.len() {
        let good = if at == 64 { text[at] == b',' } else { text[at].is_ascii_hexdigit() };
        if !good {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_id;

    #[test]
    fn the_halves_of_the_development_key_fit() {
        assert_eq!(hex::encode(development_key().verifying_key()), DEVELOPMENT);
    }

    #[test]
    fn one_or_two_keys_are_read() {
        let other = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key();
        let two = format!("{DEVELOPMENT},{}", hex::encode(other));
        assert!(is_well_spelt(DEVELOPMENT) && is_well_spelt(&two));
        let ids: Vec<String> = parse(&two).unwrap().ids().map(str::to_owned).collect();
        assert_eq!(ids, [key_id(&development_key().verifying_key()), key_id(&other)]);
    }

    #[test]
    fn everything_else_is_told() {
        for wrong in ["", "ab", &DEVELOPMENT[1..], &DEVELOPMENT.replacen('0', "g", 1), &format!("{DEVELOPMENT},")] {
            assert!(!is_well_spelt(wrong), "{wrong}");
            assert_eq!(parse(wrong).unwrap_err(), NotAKey, "{wrong}");
        }
        let three = [DEVELOPMENT; 3].join(",");
        assert!(!is_well_spelt(&three));
        // Digits, but no point of the curve; and the neutral point, for which anybody can sign.
        let no_point = format!("02{}", "00".repeat(31));
        let weak = format!("01{}", "00".repeat(31));
        for wrong in [no_point, weak] {
            assert_eq!(parse(&wrong).unwrap_err(), NotAKey, "{wrong}");
        }
    }
}
