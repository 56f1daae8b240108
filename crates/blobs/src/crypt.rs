//! The form of a stored file: a header with the wrapped key, then frames of AES-256-GCM.
//!
//! ```text
//! magic "OZB1" | master key id 8 | blob id 16 | nonce 12 | wrapped data key 32 + tag 16
//! frame 0 .. n: ciphertext of 64 KiB (the last one shorter, possibly empty) + tag 16
//! ```
//!
//! The data key is random and used for one blob, so frame nonces may count. The nonce holds the frame's number and
//! whether it is the last, the associated data holds the blob's id: a frame that was moved, left out, cut off or taken
//! from another blob does not verify (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015).

use crate::keys::{KEY, Keyring};
use crate::{Error, Result};
use oz_domain::BlobId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

const MAGIC: &[u8; 4] = b"OZB1";
const TAG: usize = 16;
/// Plain bytes of a full frame.
pub(crate) const FRAME: usize = 64 * 1024;
/// Stored bytes of a full frame.
pub(crate) const STORED_FRAME: u64 = (FRAME + TAG) as u64;
/// Bytes before the first frame.
pub(crate) const HEADER: usize = MAGIC.len() + 8 + 16 + NONCE_LEN + KEY + TAG;

/// Encrypts or decrypts the frames of one blob.
pub(crate) struct Frames {
    key: LessSafeKey,
    id: BlobId,
}

pub(crate) fn aead(key: &[u8; KEY]) -> Result<LessSafeKey> {
    // Fails only for another length than 32, which the type excludes.
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Error::Damaged)
}

fn nonce(frame: u64, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&frame.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

impl Frames {
    /// A new data key for a blob, and the header that carries it wrapped.
    pub(crate) fn create(keys: &Keyring, id: BlobId) -> Result<(Self, Vec<u8>)> {
        let random = |buffer: &mut [u8]| getrandom::fill(buffer).map_err(|e| Error::Random(e.to_string()));
        let mut data_key = Zeroizing::new([0u8; KEY]);
        let mut wrap_nonce = [0u8; NONCE_LEN];
        random(&mut *data_key)?;
        random(&mut wrap_nonce)?;
        let master = keys.current().ok_or(Error::Damaged)?;
        let mut wrapped = data_key.to_vec();
        aead(&master.key)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(wrap_nonce), wrap_aad(id), &mut wrapped)
            .map_err(|_| Error::Damaged)?;
        let header = [MAGIC, &master.id[..], id.uuid().as_bytes(), &wrap_nonce, &wrapped].concat();
        Ok((Self { key: aead(&data_key)?, id }, header))
    }

    /// Opens a header; `id` is the blob that the caller means.
    pub(crate) fn open(keys: &Keyring, id: BlobId, header: &[u8]) -> Result<Self> {
        let rest = header.strip_prefix(MAGIC).ok_or(Error::Damaged)?;
        let (master_id, rest) = rest.split_first_chunk::<8>().ok_or(Error::Damaged)?;
        let (stored_id, rest) = rest.split_first_chunk::<16>().ok_or(Error::Damaged)?;
        let (wrap_nonce, wrapped) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Error::Damaged)?;
        if stored_id != id.uuid().as_bytes() {
            return Err(Error::Damaged);
        }
        let mut wrapped = Zeroizing::new(wrapped.to_vec());
        let plain = aead(&keys.master(master_id)?.key)?
            .open_in_place(Nonce::assume_unique_for_key(*wrap_nonce), wrap_aad(id), &mut wrapped)
            .map_err(|_| Error::Damaged)?;
        let data_key: &[u8; KEY] = (&*plain).try_into().map_err(|_| Error::Damaged)?;
        Ok(Self { key: aead(data_key)?, id })
    }

    /// Encrypts a frame in place and appends its tag.
    pub(crate) fn seal(&self, frame: u64, last: bool, bytes: &mut Vec<u8>) -> Result<()> {
        let aad = Aad::from(*self.id.uuid().as_bytes());
        self.key.seal_in_place_append_tag(nonce(frame, last), aad, bytes).map_err(|_| Error::Damaged)
    }

    /// Decrypts a frame in place and cuts off its tag.
    pub(crate) fn unseal(&self, frame: u64, last: bool, bytes: &mut Vec<u8>) -> Result<()> {
        let aad = Aad::from(*self.id.uuid().as_bytes());
        let plain = self.key.open_in_place(nonce(frame, last), aad, bytes).map_err(|_| Error::Damaged)?.len();
        bytes.truncate(plain);
        Ok(())
    }
}

fn wrap_aad(id: BlobId) -> Aad<Vec<u8>> {
    Aad::from([b"oz-blob-key/v1\0", id.uuid().as_bytes().as_slice()].concat())
}

/// Frames of a stored file of `size` bytes; `None` for a size that no file of ours has.
pub(crate) fn frame_count(size: u64) -> Option<u64> {
    let body = size.checked_sub(HEADER as u64)?;
    let count = body.div_ceil(STORED_FRAME);
    let last = body.checked_sub(count.checked_sub(1)?.checked_mul(STORED_FRAME)?)?;
    (last >= TAG as u64).then_some(count)
}

/// Plain bytes of a stored file of `size` bytes.
pub(crate) fn plain_size(size: u64) -> Option<u64> {
    let count = frame_count(size)?;
    Some(size - HEADER as u64 - count * TAG as u64)
}
