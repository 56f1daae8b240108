//! Bytes that a child may read: a descriptor that can be read and nothing else.

use crate::error::{Error, Limit};
use crate::sniff::{Format, SNIFF_LEN, sniff};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;

pub(crate) const ALL_SEALS: SealFlags =
    SealFlags::SEAL.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::WRITE);

/// A medium's bytes behind a descriptor. Clones share it.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) fd: Arc<OwnedFd>,
    len: u64,
}

impl Input {
    /// Copies bytes into a sealed memory file; nothing touches a disk.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no memory or descriptor.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let fd = rustix::fs::memfd_create("oz-input", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
            .map_err(|e| Error::machine("memory file", e))?;
        let mut file = fs_err::File::from_parts(fd.into(), "memory file");
        file.write_all(bytes).map_err(|e| Error::machine("memory file", e))?;
        let fd = OwnedFd::from(file.into_file());
        rustix::fs::fcntl_add_seals(&fd, ALL_SEALS).map_err(|e| Error::machine("seal", e))?;
        Ok(Self { fd: Arc::new(fd), len: bytes.len() as u64 })
    }

    /// Takes an open regular or memory file, read from its beginning whatever its position. A descriptor that can write
    /// is opened anew for reading, so that the child cannot change the file. Nobody else should write to it meanwhile: a
    /// file that shrinks makes the child crash ([`Error::Crashed`]).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it is no file or cannot be opened for reading.
    pub fn from_fd(fd: OwnedFd) -> Result<Self, Error> {
        let failed = |e| Error::machine("input file", e);
        let stat = rustix::fs::fstat(&fd).map_err(failed)?;
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(Error::Unavailable { what: "the input is no file".into() });
        }
        let access = rustix::fs::fcntl_getfl(&fd).map_err(failed)? & OFlags::ACCMODE;
        let fd = if access == OFlags::RDONLY {
            fd
        } else {
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?
        };
        Ok(Self { fd: Arc::new(fd), len: u64::try_from(stat.st_size).unwrap_or(0) })
    }

    /// Bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The format, by the first bytes.
    ///
    /// # Errors
    /// As [`sniff`]; [`Error::Unavailable`] when the file cannot be read.
    pub fn sniff(&self) -> Result<Format, Error> {
        let mut head = [0; SNIFF_LEN];
        let mut filled = 0;
        while filled < head.len() {
            match rustix::io::pread(&*self.fd, &mut head[filled..], filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Error::machine("input file", e)),
            }
        }
        sniff(&head[..filled])
    }

    pub(crate) fn check_size(&self, allowed: u64) -> Result<(), Error> {
        if self.len > allowed { Err(Error::over(Limit::FileBytes, self.len, allowed)) } else { Ok(()) }
    }
}
