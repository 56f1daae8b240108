//! The memory file that a child gives its result in.

use crate::input::ALL_SEALS;
use crate::{Error, Limit};
use oz_domain::{FrameSignature, Picture};
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// A memory file that grows to a limit and is sealed at the end.
pub(crate) struct Output {
    file: OwnedFd,
    written: u64,
    allowed: u64,
}

impl Output {
    pub(crate) fn new(allowed: u64) -> Result<Self, Error> {
        let file = rustix::fs::memfd_create("oz-output", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
            .map_err(|e| Error::machine("memory file", e))?;
        Ok(Self { file, written: 0, allowed })
    }

    /// A sealed file of `len` bytes that `fill` writes where they lie.
    pub(crate) fn filled(
        len: usize,
        allowed: u64,
        fill: impl FnOnce(&mut [u8]) -> Result<(), Error>,
    ) -> Result<OwnedFd, Error> {
        let output = Self::new(allowed)?;
        if len as u64 > allowed {
            return Err(Error::over(Limit::Memory, len as u64, allowed));
        }
        rustix::fs::ftruncate(&output.file, len as u64).map_err(|e| Error::machine("memory file", e))?;
        #[expect(unsafe_code, reason = "pixels are written once, to where they are read")]
        // SAFETY: nobody else has the file yet, so nobody changes it or cuts it off.
        let mapped = unsafe { memmap2::MmapOptions::new().len(len).populate().map_mut(&output.file) };
        let mut mapped = mapped.map_err(|e| Error::machine("memory file", e))?;
        fill(&mut mapped)?;
        // It cannot be sealed while somebody could write.
        drop(mapped);
        output.seal()
    }

    pub(crate) fn append(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let total = self.written + bytes.len() as u64;
        if total > self.allowed {
            return Err(Error::over(Limit::Memory, total, self.allowed));
        }
        while !bytes.is_empty() {
            match rustix::io::write(&self.file, bytes) {
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::FBIG) => return Err(Error::over(Limit::Memory, total, self.allowed)),
                Err(e) => return Err(Error::machine("memory file", e)),
            }
        }
        self.written = total;
        Ok(())
    }

    /// Forgets what was written.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        let failed = |e| Error::machine("memory file", e);
        rustix::fs::ftruncate(&self.file, 0).map_err(failed)?;
        rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Start(0)).map_err(failed)?;
        self.written = 0;
        Ok(())
    }

    /// Pictures of a size that there is room for, at least one; a little is left for tables.
    pub(crate) fn room(&self, width: u32, height: u32) -> usize {
        let left = self.allowed.saturating_sub(self.written).saturating_sub(1 << 20);
        let picture = Picture::byte_len(width, height).unwrap_or(usize::MAX).max(1);
        (usize::try_from(left).unwrap_or(usize::MAX) / picture).max(1)
    }

    /// The tables behind a clip's pixels ([`crate::message::Answer::Clip`]).
    pub(crate) fn append_table(&mut self, times: &[f64], signatures: &[FrameSignature]) -> Result<(), Error> {
        for time in times {
            self.append(&time.to_le_bytes())?;
        }
        self.append(signatures.as_flattened())
    }

    /// The file, never to change again.
    pub(crate) fn seal(self) -> Result<OwnedFd, Error> {
        rustix::fs::fcntl_add_seals(&self.file, ALL_SEALS).map_err(|e| Error::machine("seal", e))?;
        Ok(self.file)
    }
}
