//! Encrypted files, named by a keyed hash of their content, on an object store (decision 50).
//!
//! Knows bytes, companies and keys; not what a file means, and not how often it is used: that is counted in the
//! database, which also decides which of two equal files stays.

mod crypt;
mod error;
mod keys;
mod read;
mod seal;
mod stage;

pub use error::{Error, Result};
pub use keys::{Keyring, create_private};
pub use read::sealed_memory_file;
pub use seal::SealKey;
pub use stage::{Stage, Staged};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use oz_domain::{BlobId, CompanyId, Millis};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a stored blob is. `name` is the keyed hash of its content, `id` keeps two equal contents apart until the
/// database has chosen one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Whose it is.
    pub company: CompanyId,
    /// Lower-case hex of HMAC-SHA256 of the content under the company's naming key.
    pub name: String,
    /// The blob's own id, bound into its encryption.
    pub id: BlobId,
}

impl Location {
    fn key(&self) -> Result<Key> {
        // Two levels of folders keep each below a few thousand entries up to tens of millions of files.
        let (a, b) = match (self.name.get(..2), self.name.get(2..4)) {
            (Some(a), Some(b)) if self.name.bytes().all(|c| c.is_ascii_hexdigit()) => (a, b),
            _ => return Err(Error::BadName),
        };
        Ok(Key::from(format!("blobs/{}/{a}/{b}/{}.{}", self.company, self.name, self.id)))
    }
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    root: PathBuf,
    keys: Arc<Keyring>,
}

impl Blobs {
    /// Opens the store in a local folder, made when missing. Every write is flushed to the disk before it counts.
    ///
    /// # Errors
    /// When the folder cannot be made or opened.
    pub fn open_local(root: &Path, keys: Keyring) -> Result<Self> {
        fs_err::create_dir_all(root.join("spool"))?;
        fs_err::create_dir_all(root.join("blobs"))?;
        // `with_fsync` is off by default in this library.
        let store = LocalFileSystem::new_with_prefix(root)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), root: root.to_owned(), keys: Arc::new(keys) })
    }

    /// The keys, which also seal small secrets that lie elsewhere.
    pub fn keys(&self) -> &Arc<Keyring> {
        &self.keys
    }

    /// Begins to store a content of `company` under `id`. Bytes are encrypted before they reach the disk; whatever is
    /// not committed is removed.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub async fn stage(&self, company: CompanyId, id: BlobId) -> Result<Stage> {
        Stage::begin(self, company, id).await
    }

    /// Stores a whole content.
    ///
    /// # Errors
    /// As [`Blobs::stage`] and [`Stage::write`].
    pub async fn stage_bytes(&self, company: CompanyId, id: BlobId, content: &[u8]) -> Result<Staged> {
        let mut stage = self.stage(company, id).await?;
        stage.write(content).await?;
        stage.finish().await
    }

    /// The content from byte `from` on, at most `length` bytes, as a stream of chunks. Only the frames that hold these
    /// bytes are read.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the stream itself gives [`Error::Damaged`] as soon as a frame does not verify.
    pub async fn stream(
        &self,
        at: &Location,
        from: u64,
        length: u64,
    ) -> Result<impl futures_util::Stream<Item = Result<Bytes>> + Send + Sync + use<>> {
        read::stream(self, at.key()?, at.id, from, length).await
    }

    /// The whole content in a sealed memory file, for the decoding child: at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Damaged`], [`Error::TooBig`].
    pub async fn memory_file(&self, at: &Location, limit: u64) -> Result<std::os::fd::OwnedFd> {
        read::memory_file(self, at.key()?, at.id, limit).await
    }

    /// The size of the content in bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn size(&self, at: &Location) -> Result<u64> {
        let meta = self.store.head(&at.key()?).await?;
        crypt::plain_size(meta.size).ok_or(Error::Damaged)
    }

    /// Removes a file; one that is gone already is fine.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn remove(&self, at: &Location) -> Result<()> {
        self.remove_key(&at.key()?).await
    }

    async fn remove_key(&self, key: &Key) -> Result<()> {
        match self.store.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Free bytes where the files lie.
    ///
    /// # Errors
    /// When the file system cannot be asked.
    pub fn free_bytes(&self) -> Result<u64> {
        let facts = rustix::fs::statvfs(&self.root).map_err(std::io::Error::from)?;
        Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
    }

    /// Removes what crashes left in the spool: files last written before `before`. Returns how many.
    ///
    /// # Errors
    /// When the spool cannot be listed.
    pub fn sweep_spool(&self, before: Millis) -> Result<u32> {
        let mut removed = 0;
        for entry in fs_err::read_dir(self.root.join("spool"))? {
            match sweep_one(&entry?, before) {
                Ok(true) => removed += 1,
                Ok(false) => {}
                // Its request ended meanwhile.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(removed)
    }

    /// Stored blobs last written before `before`, at most `batch` at a time, for the search of files that no row knows.
    /// Only one batch is held, however many there are.
    ///
    pub fn stored_before(&self, before: Millis, batch: usize) -> Batches {
        let stream = self
            .store
            .list(Some(&Key::from("blobs")))
            .filter_map(move |meta| {
                std::future::ready(match meta {
                    Ok(meta) if meta.last_modified.timestamp_millis() < before.get() => {
                        location(&meta.location).map(Ok)
                    }
                    // Younger, or removed while the list was under way.
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => None,
                    Err(error) => Some(Err(Error::from(error))),
                })
            })
            .try_chunks(batch.max(1))
            .map_err(|error| error.1);
        Batches(stream.boxed())
    }
}

/// Stored blobs, a batch at a time: [`Blobs::stored_before`].
pub struct Batches(BoxStream<'static, Result<Vec<Location>>>);

impl Batches {
    /// The next batch; none at the end.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn next(&mut self) -> Result<Option<Vec<Location>>> {
        self.0.try_next().await
    }
}

/// Removes a file of the spool that was last written before `before`; tells whether it did.
fn sweep_one(entry: &fs_err::DirEntry, before: Millis) -> std::io::Result<bool> {
    let written = entry.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let old = i64::try_from(written.as_millis()).unwrap_or(i64::MAX) < before.get();
    if old {
        fs_err::remove_file(entry.path())?;
    }
    Ok(old)
}

/// Reads back what [`Location::key`] wrote.
fn location(key: &Key) -> Option<Location> {
    let parts: Vec<_> = key.parts().map(|p| p.as_ref().to_owned()).collect();
    let [_, company, _, _, file] = parts.as_slice() else { return None };
    let (name, id) = file.split_once('.')?;
    Some(Location { company: company.parse().ok()?, name: name.to_owned(), id: id.parse().ok()? })
}
