//! Writing: into the spool, encrypted, hashed on the way; then renamed into place.

use crate::crypt::{FRAME, Frames};
use crate::{Blobs, Error, Location, Result, read};
use md5::{Digest as _, Md5};
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use oz_domain::{BlobId, CompanyId};
use ring::hmac;

/// Bytes handed to the store at a time: big enough for the disk, small enough for sixty-four uploads at once.
const PART: usize = 256 * 1024;

/// A content being written. Dropped before [`Stage::finish`] it leaves nothing behind.
pub struct Stage {
    blobs: Blobs,
    company: CompanyId,
    id: BlobId,
    key: Key,
    upload: Box<dyn MultipartUpload>,
    frames: Frames,
    number: u64,
    frame: Vec<u8>,
    part: Vec<u8>,
    name: hmac::Context,
    md5: Md5,
    size: u64,
}

impl Stage {
    pub(crate) async fn begin(blobs: &Blobs, company: CompanyId, id: BlobId) -> Result<Self> {
        let (frames, header) = Frames::create(&blobs.keys, id)?;
        let key = Key::from(format!("spool/{id}"));
        let upload = blobs.store.put_multipart(&key).await?;
        Ok(Self {
            blobs: blobs.clone(),
            company,
            id,
            key,
            upload,
            frames,
            number: 0,
            frame: Vec::with_capacity(FRAME + 16),
            part: header,
            name: hmac::Context::with_key(&blobs.keys.naming(company)),
            md5: Md5::new(),
            size: 0,
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::NoSpace`] when the disk is full.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.name.update(bytes);
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            // A full frame is sealed only when more comes: the last one carries its own mark.
            if self.frame.len() == FRAME {
                self.seal(false)?;
                self.flush(PART).await?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(FRAME - self.frame.len()));
            self.frame.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn seal(&mut self, last: bool) -> Result<()> {
        self.frames.seal(self.number, last, &mut self.frame)?;
        self.number += 1;
        self.part.append(&mut self.frame);
        Ok(())
    }

    async fn flush(&mut self, at_least: usize) -> Result<()> {
        if self.part.len() >= at_least && !self.part.is_empty() {
            let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART + FRAME));
            self.upload.put_part(PutPayload::from(part)).await?;
        }
        Ok(())
    }

    /// Bytes taken so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Ends the content: it lies whole in the spool, on the disk.
    ///
    /// # Errors
    /// [`Error::NoSpace`] when the disk is full.
    pub async fn finish(mut self) -> Result<Staged> {
        self.seal(true)?;
        self.flush(0).await?;
        self.upload.complete().await?;
        Ok(Staged {
            name: hex::encode(self.name.sign()),
            md5: hex::encode(self.md5.finalize()),
            size: self.size,
            company: self.company,
            id: self.id,
            key: Some(self.key),
            blobs: self.blobs,
        })
    }
}

/// A whole content in the spool. Dropped before [`Staged::commit`] it is removed.
pub struct Staged {
    /// Keyed hash of the content, hex.
    pub name: String,
    /// MD5 of the content, hex: told on the wire (`original_info`), protects nothing.
    pub md5: String,
    /// Plain bytes.
    pub size: u64,
    /// Whose it is.
    pub company: CompanyId,
    /// The blob's id.
    pub id: BlobId,
    key: Option<Key>,
    blobs: Blobs,
}

impl Staged {
    /// Where it will lie.
    pub fn location(&self) -> Location {
        Location { company: self.company, name: self.name.clone(), id: self.id }
    }

    /// The content in a sealed memory file, for the decoding child.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the disk gives other bytes than were written.
    pub async fn memory_file(&self, limit: u64) -> Result<std::os::fd::OwnedFd> {
        let key = self.key.clone().ok_or(Error::NotFound)?;
        read::memory_file(&self.blobs, key, self.id, limit).await
    }

    /// Renames it into place and flushes the folder. From here on it stays until it is removed.
    ///
    /// # Errors
    /// When the store refuses; the spool file is removed then.
    pub async fn commit(mut self) -> Result<Location> {
        let location = self.location();
        if let Some(key) = &self.key {
            self.blobs.store.rename(key, &location.key()?).await?;
        }
        self.key = None;
        Ok(location)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let blobs = self.blobs.clone();
        let remove = async move {
            if let Err(error) = blobs.remove_key(&key).await {
                tracing::warn!(%error, "a spool file could not be removed; the sweeper will");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(remove)),
            // No runtime, no request: the process is ending, and the sweeper of the next one cleans up.
            Err(_) => drop(remove),
        }
    }
}
