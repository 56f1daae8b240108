//! Reading: whole or a range, frame by frame, nothing given out before its tag is verified.

use crate::crypt::{FRAME, Frames, HEADER, STORED_FRAME, frame_count, plain_size};
use crate::{Blobs, Error, Result};
use bytes::Bytes;
use futures_util::{Stream, stream as streams};
use object_store::ObjectStoreExt as _;
use object_store::path::Path as Key;
use oz_domain::BlobId;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use std::io::Write as _;
use std::os::fd::OwnedFd;

/// Frames read from the store at a time.
const BATCH: u64 = 8;

struct Reader {
    blobs: Blobs,
    key: Key,
    frames: Frames,
    count: u64,
    plain: u64,
}

async fn open(blobs: &Blobs, key: Key, id: BlobId) -> Result<Reader> {
    let size = blobs.store.head(&key).await?.size;
    let (count, plain) = frame_count(size).zip(plain_size(size)).ok_or(Error::Damaged)?;
    let header = blobs.store.get_range(&key, 0..HEADER as u64).await?;
    let frames = Frames::open(&blobs.keys, id, &header)?;
    Ok(Reader { blobs: blobs.clone(), key, frames, count, plain })
}

impl Reader {
    /// The plain bytes of frames `first..first + BATCH`, and the frame after them.
    async fn batch(&self, first: u64) -> Result<(Vec<u8>, u64)> {
        let end = (first + BATCH).min(self.count);
        let from = HEADER as u64 + first * STORED_FRAME;
        let to = HEADER as u64 + end * STORED_FRAME;
        // The store cuts the range at the end of the file; the last frame's mark tells whether that is the true end.
        let stored = self.blobs.store.get_range(&self.key, from..to).await?;
        let mut plain = Vec::with_capacity(stored.len());
        let mut number = first;
        for frame in stored.chunks(FRAME + 16) {
            let mut frame = frame.to_vec();
            self.frames.unseal(number, number + 1 == self.count, &mut frame)?;
            plain.append(&mut frame);
            number += 1;
        }
        if number != end {
            return Err(Error::Damaged);
        }
        Ok((plain, end))
    }
}

pub(crate) async fn stream(
    blobs: &Blobs,
    key: Key,
    id: BlobId,
    from: u64,
    length: u64,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + Sync + use<>> {
    let reader = open(blobs, key, id).await?;
    let to = from.saturating_add(length).min(reader.plain);
    let start = from / FRAME as u64;
    // Streams that hold a future are not Sync, and warp asks for Sync: the reading task sends through a channel instead.
    let (sender, receiver) = tokio::sync::mpsc::channel(2);
    tokio::spawn(async move {
        let mut frame = start;
        while frame.saturating_mul(FRAME as u64) < to {
            let result = reader.batch(frame).await.map(|(plain, next)| {
                let base = frame * FRAME as u64;
                let cut = |at: u64| usize::try_from(at.saturating_sub(base)).unwrap_or(usize::MAX).min(plain.len());
                let wanted = cut(from)..cut(to);
                (Bytes::from(plain).slice(wanted), next)
            });
            let (chunk, next) = match result {
                Ok((chunk, next)) => (Ok(chunk), next),
                Err(error) => (Err(error), u64::MAX),
            };
            // The client left: nobody reads any more.
            if sender.send(chunk).await.is_err() {
                return;
            }
            frame = next;
        }
    });
    Ok(streams::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|chunk| (chunk, receiver)) }))
}

pub(crate) async fn memory_file(blobs: &Blobs, key: Key, id: BlobId, limit: u64) -> Result<OwnedFd> {
    let reader = open(blobs, key, id).await?;
    if reader.plain > limit {
        return Err(Error::TooBig(limit));
    }
    let mut file = new_memory_file()?;
    let mut frame = 0;
    while frame < reader.count {
        let (plain, next) = reader.batch(frame).await?;
        file.write_all(&plain)?;
        frame = next;
    }
    seal(file)
}

/// A sealed memory file with these bytes: nobody, we included, can change them any more.
///
/// # Errors
/// When the kernel has no memory for it.
pub fn sealed_memory_file(content: &[u8]) -> Result<OwnedFd> {
    let mut file = new_memory_file()?;
    file.write_all(content)?;
    seal(file)
}

fn new_memory_file() -> Result<fs_err::File> {
    let fd = memfd_create("oz-media", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).map_err(std::io::Error::from)?;
    Ok(fs_err::File::from_parts(fd.into(), "memory file"))
}

fn seal(file: fs_err::File) -> Result<OwnedFd> {
    let fd = OwnedFd::from(file.into_parts().0);
    let all = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&fd, all).map_err(std::io::Error::from)?;
    Ok(fd)
}
