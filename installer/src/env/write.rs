//! Files that are replaced at once or not at all, with previous versions beside them.

use super::Refused;
use anyhow::Context as _;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Previous versions that are kept.
pub(crate) const VERSIONS: u8 = 10;
/// Of a file that is new.
const MODE: u32 = 0o640;
/// Of a folder that is new.
const FOLDER_MODE: u32 = 0o750;

/// A folder in which nobody else of us writes.
pub(super) struct Folder {
    path: PathBuf,
    /// Holds the lock.
    open: OwnedFd,
}

/// A new content that lies on the disk, but not yet in its place.
pub(super) struct Staged<'a> {
    folder: &'a Folder,
    file: NamedTempFile,
    name: String,
}

impl Folder {
    /// Locks a folder.
    ///
    /// # Errors
    /// It is not there, or another ozctl writes in it.
    pub(super) fn lock(path: PathBuf) -> anyhow::Result<Self> {
        let open = rustix::fs::open(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(io::Error::from)
            .with_context(|| path.display().to_string())?;
        match rustix::fs::flock(&open, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path, open }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(Refused::error(format!("{}: another ozctl writes there now", path.display())))
            }
            Err(error) => Err(io::Error::from(error)).with_context(|| path.display().to_string()),
        }
    }

    /// Makes a folder inside, for owner and group of this one, unless it is there.
    ///
    /// # Errors
    /// Of the file system.
    pub(super) fn inside(&self, name: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        if fs_err::metadata(&path).is_ok_and(|found| found.is_dir()) {
            return Ok(());
        }
        fs_err::create_dir(&path)?;
        let like = fs_err::metadata(&self.path)?;
        if fs_err::metadata(&path)?.gid() != like.gid() {
            fs_err::os::unix::fs::chown(&path, None, Some(like.gid()))?;
        }
        fs_err::set_permissions(&path, Permissions::from_mode(FOLDER_MODE))?;
        Ok(rustix::fs::fsync(&self.open).map_err(io::Error::from)?)
    }

    /// Writes a content beside the file that it is to replace, with that one's mode and owner; those of a new file, or
    /// with `fresh`, are the folder's.
    ///
    /// # Errors
    /// Of the file system; what is there is no file of its own.
    pub(super) fn stage(&self, name: &str, content: &[u8], fresh: bool) -> anyhow::Result<Staged<'_>> {
        let (mode, uid, gid) = match regular(&self.path.join(name))? {
            Some(old) if !fresh => (old.mode() & 0o7777, old.uid(), old.gid()),
            _ => {
                let folder = fs_err::metadata(&self.path)?;
                (MODE, folder.uid(), folder.gid())
            }
        };
        // The lock is held, so what lies there is of somebody who was interrupted.
        let new = format!(".{name}.new");
        remove(&self.path.join(&new))?;
        let file = tempfile::Builder::new().prefix(&new).rand_bytes(0).tempfile_in(&self.path)?;
        let mut open = file.as_file();
        open.write_all(content)?;
        let made = open.metadata()?;
        if (made.uid(), made.gid()) != (uid, gid) {
            std::os::unix::fs::fchown(open, Some(uid), Some(gid))
                .with_context(|| format!("{}: its owner cannot be kept", self.path.join(name).display()))?;
        }
        // After the owner: a change of owner takes bits of the mode away.
        open.set_permissions(Permissions::from_mode(mode))?;
        open.sync_all()?;
        Ok(Staged { folder: self, file, name: name.to_owned() })
    }

    /// The file becomes version 1, version 1 becomes 2, up to the first number that is free; the oldest goes.
    fn rotate(&self, name: &str) -> anyhow::Result<()> {
        let at = |number: u8| self.path.join(format!("{name}.{number}"));
        if regular(&self.path.join(name))?.is_none() {
            return Ok(());
        }
        let mut free = VERSIONS;
        for number in (1..VERSIONS).rev() {
            if regular(&at(number))?.is_none() {
                free = number;
            }
        }
        for number in (1..free).rev() {
            fs_err::rename(at(number), at(number + 1))?;
        }
        // A second name, not a copy: the file itself stays in its place until it is replaced.
        Ok(fs_err::hard_link(self.path.join(name), at(1))?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing is not enough: a process that was forked meanwhile holds the same lock until it runs its program.
        let _ = rustix::fs::flock(&self.open, FlockOperation::Unlock);
    }
}

impl Staged<'_> {
    /// Puts it in its place; with `versions` what was there is kept.
    ///
    /// # Errors
    /// Of the file system; then the old file is still there.
    pub(super) fn commit(self, versions: bool) -> anyhow::Result<()> {
        if versions {
            self.folder.rotate(&self.name)?;
        }
        let to = self.folder.path.join(&self.name);
        self.file.persist(&to).map_err(|error| error.error).with_context(|| to.display().to_string())?;
        Ok(rustix::fs::fsync(&self.folder.open).map_err(io::Error::from)?)
    }
}

/// What is known of a file; none where there is none.
///
/// # Errors
/// Of the file system; a link, folder or device is refused: replacing it would not be what somebody meant by it.
pub(super) fn regular(path: &Path) -> anyhow::Result<Option<std::fs::Metadata>> {
    match fs_err::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found)),
        Ok(_) => Err(Refused::error(format!("{}: expected a regular file, not a link or a folder", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
