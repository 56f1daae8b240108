//! The license file of an appliance without a license server.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// Where the file lies, and what it said last.
#[derive(Debug)]
pub(crate) struct LicenseFile {
    path: PathBuf,
}

impl LicenseFile {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; none when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read: that is no missing license, and is told.
    pub(crate) fn read(&self) -> std::io::Result<Option<String>> {
        let file = match fs_err::File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut text = String::new();
        // One byte more than is allowed: the verifier says so.
        file.take(oz_license::MAX_BYTES as u64 + 1).read_to_string(&mut text)?;
        Ok(Some(text))
    }
}
