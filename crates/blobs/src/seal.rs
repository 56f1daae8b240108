//! Small secrets at rest: values of the audit log, secrets of webhooks. Sealed with AES-256-GCM under a random nonce.
//!
//! ```text
//! sealed by a key:      nonce 12 | ciphertext + tag 16
//! wrapped by a keyring: master key id 8 | nonce 12 | ciphertext + tag 16
//! ```

use crate::crypt::aead;
use crate::keys::{KEY, Keyring};
use crate::{Error, Result};
use ring::aead::{Aad, NONCE_LEN, Nonce};
use zeroize::Zeroizing;

/// A key for values that are erased together by destroying it.
pub struct SealKey(Zeroizing<[u8; KEY]>);

impl SealKey {
    /// A random key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self> {
        let mut key = Zeroizing::new([0; KEY]);
        random(&mut *key)?;
        Ok(Self(key))
    }

    /// Seals `plain`; `place` says where the result belongs, and it opens nowhere else.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut sealed = plain.to_vec();
        aead(&self.0)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut sealed)
            .map_err(|_| Error::Damaged)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`SealKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`Error::Damaged`] for everything else.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Error::Damaged)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let length = aead(&self.0)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place), &mut plain)
            .map_err(|_| Error::Damaged)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

impl Keyring {
    /// Wraps a secret with the newest master key; `place` as in [`SealKey::seal`].
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn wrap(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let master = self.current().ok_or(Error::Damaged)?;
        Ok([&master.id[..], &SealKey(master.key.clone()).seal(place, secret)?].concat())
    }

    /// Opens what [`Keyring::wrap`] made.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] when its master key is gone, [`Error::Damaged`].
    pub fn unwrap(&self, place: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (id, sealed) = wrapped.split_first_chunk::<8>().ok_or(Error::Damaged)?;
        SealKey(self.master(id)?.key.clone()).open(place, sealed)
    }

    /// Wraps a key.
    ///
    /// # Errors
    /// As [`Keyring::wrap`].
    pub fn wrap_key(&self, place: &str, key: &SealKey) -> Result<Vec<u8>> {
        self.wrap(place, &*key.0)
    }

    /// Opens what [`Keyring::wrap_key`] made.
    ///
    /// # Errors
    /// As [`Keyring::unwrap`].
    pub fn unwrap_key(&self, place: &str, wrapped: &[u8]) -> Result<SealKey> {
        let bytes = self.unwrap(place, wrapped)?;
        let key: [u8; KEY] = bytes.as_slice().try_into().map_err(|_| Error::Damaged)?;
        Ok(SealKey(Zeroizing::new(key)))
    }
}

fn random(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer).map_err(|e| Error::Random(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::load_or_create(&folder.path().join("keys")).unwrap();
        let key = SealKey::random().unwrap();
        let wrapped = keys.wrap_key("subject 1", &key).unwrap();
        let again = keys.unwrap_key("subject 1", &wrapped).unwrap();
        let sealed = key.seal("record 1 after", b"Ann Lee").unwrap();
        assert_eq!(&*again.open("record 1 after", &sealed).unwrap(), b"Ann Lee");
        assert_ne!(sealed, key.seal("record 1 after", b"Ann Lee").unwrap());
        assert!(matches!(again.open("record 2 after", &sealed), Err(Error::Damaged)));
        assert!(matches!(keys.unwrap_key("subject 2", &wrapped), Err(Error::Damaged)));
        assert!(matches!(keys.unwrap("subject 1", &[0; 40]), Err(Error::UnknownKey(_))));
        let other = SealKey::random().unwrap();
        assert!(matches!(other.open("record 1 after", &sealed), Err(Error::Damaged)));
        assert!(matches!(key.open("", &[]), Err(Error::Damaged)));
    }
}
