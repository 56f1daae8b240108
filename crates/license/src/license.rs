//! A license: claims that the vendor has signed.

use std::cell::Cell;

use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;

use crate::claims::{Claims, Kind, PRODUCT};
use crate::envelope::{Invalid, Purpose, VendorKeys};
use crate::fingerprint::Print;
use crate::master::MasterKey;

/// Claims that the vendor has signed, well formed. What they are worth here and now says [`License::state`].
#[derive(Debug, Clone)]
pub struct License {
    claims: Claims,
    site_key: Option<VerifyingKey>,
    prints: Vec<Print>,
    master_key: Option<MasterKey>,
}

impl License {
    /// Reads a license file.
    ///
    /// # Errors
    /// [`Invalid`]: not one bit is other than the vendor signed it.
    pub fn verify(text: &[u8], vendor: &VendorKeys) -> Result<Self, Invalid> {
        let payload = vendor.open(Purpose::License, text)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| Invalid::Claims)?;
        if claims.product != PRODUCT {
            return Err(Invalid::Product);
        }
        let site_key = claims.site_key.as_deref().map(key).transpose()?;
        let prints = claims.binding.iter().flat_map(|binding| &binding.fingerprints);
        let prints =
            prints.map(|print| print.parse()).collect::<Result<Vec<Print>, _>>().map_err(|_| Invalid::Claims)?;
        // A threshold that every machine reaches, or none, is a mistake that must not pass for a binding.
        if claims.binding.as_ref().is_some_and(|binding| !(1..=prints.len()).contains(&binding.threshold)) {
            return Err(Invalid::Claims);
        }
        let master_key = claims.master_key.as_deref().map(MasterKey::read).transpose()?;
        if (claims.kind == Kind::Master) != master_key.is_some() {
            return Err(Invalid::Claims);
        }
        Ok(Self { claims, site_key, prints, master_key })
    }

    /// What it says.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The key that signs leases and grants under it, once it is activated.
    pub const fn site_key(&self) -> Option<&VerifyingKey> {
        self.site_key.as_ref()
    }

    pub(crate) const fn master_key(&self) -> Option<&MasterKey> {
        self.master_key.as_ref()
    }

    pub(crate) fn prints(&self) -> &[Print] {
        &self.prints
    }

    /// When it ends, grace left out: its own end or its file's, whichever comes first. `None`: never.
    pub fn end(&self) -> Option<Timestamp> {
        [self.claims.expires_at, self.claims.file_expires_at].into_iter().flatten().min()
    }
}

/// A public key in hex: a point in its one spelling, and none of the few for which anybody can sign.
pub(crate) fn key(text: &str) -> Result<VerifyingKey, Invalid> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Invalid::Claims)?;
    sound(&bytes).ok_or(Invalid::Claims)
}

thread_local! {
    /// The last sound key. A process meets one site's key for all its life, and to see that it is a point takes as long as
    /// an eighth of a signature.
    static LAST: Cell<Option<VerifyingKey>> = const { Cell::new(None) };
}

/// See [`key`].
pub(crate) fn sound(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    if let Some(last) = LAST.get().filter(|last| last.as_bytes() == bytes) {
        return Some(last);
    }
    // A y of p or more (RFC 8032, section 5.1.3). The other second spelling, x = 0 with a sign, is of two weak points only.
    let above = bytes[0] >= 0xed && bytes[1..31].iter().all(|byte| *byte == 0xff) && bytes[31] & 0x7f == 0x7f;
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    let sound = (!above && !key.is_weak()).then_some(key);
    LAST.set(sound);
    sound
}
