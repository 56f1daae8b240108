//! The one window on the machine: files below a root, and answers that are no files. Tests put another machine behind
//! it.

mod command;
mod database;
#[cfg(test)]
pub(crate) mod fake;
mod real;

pub(crate) use database::{Database, without_password};

use oz_license::Timestamp;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest file that is read as text.
const LONGEST: u64 = 16 << 20;

/// A machine that is looked at.
pub(crate) struct Machine {
    root: PathBuf,
    environment: BTreeMap<String, String>,
    world: Box<dyn World>,
}

/// Room on a file system, bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    /// In all.
    pub(crate) total: u64,
    /// For who is not root.
    pub(crate) free: u64,
}

/// What a program said.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Whether it ended with 0.
    pub(crate) ok: bool,
    /// Its standard output.
    pub(crate) text: String,
}

/// What a machine answers beside its files.
pub(crate) trait World {
    /// The room where a folder lies.
    fn space(&self, folder: &Path) -> io::Result<Space>;
    /// The 99th percentile of small writes that are forced to the disk of a folder.
    fn write_p99(&self, folder: &Path) -> io::Result<Duration>;
    /// Whether a port can be listened on.
    fn bind(&self, port: u16) -> io::Result<()>;
    /// Whether somebody takes a connection.
    fn connect(&self, host: &str, port: u16) -> io::Result<()>;
    /// Whether a name has an address.
    fn resolve(&self, name: &str) -> io::Result<()>;
    /// What a program says; an error when there is none.
    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<Said>;
    /// Logs in to PostgreSQL.
    fn postgres(&self, url: &str) -> Result<Database, String>;
    /// The time.
    fn now(&self) -> Timestamp;
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            root: PathBuf::from("/"),
            environment: std::env::vars_os().filter_map(text).collect(),
            world: Box::new(real::Real),
        }
    }

    /// This one with its files below another root.
    pub(crate) fn below(root: PathBuf) -> Self {
        Self { root, ..Self::this() }
    }

    /// What is no file.
    pub(crate) fn world(&self) -> &dyn World {
        &*self.world
    }

    /// The root of its files.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// An environment variable that is not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where a path of the machine lies.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A file's text. What is no UTF-8 is replaced; more than 16 MiB is cut off.
    ///
    /// # Errors
    /// Of the file system, with the path; a pipe or device is refused, for it might be waited for without end.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let mut bytes = Vec::new();
        open(&self.path(path))?.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file's text without blanks around it; none where it cannot be read.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        self.read(path).ok().map(|text| text.trim().to_owned())
    }

    /// Whether something is there, a link that leads nowhere too.
    pub(crate) fn has(&self, path: impl AsRef<Path>) -> bool {
        fs_err::symlink_metadata(self.path(path)).is_ok()
    }

    /// Names in a folder, in order; none where there is no folder.
    pub(crate) fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let entries = fs_err::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// A folder, or the nearest above it that is there, links resolved: first as the machine names it, then where it
    /// lies.
    ///
    /// # Errors
    /// Of the file system.
    pub(crate) fn existing(&self, folder: &Path) -> io::Result<(PathBuf, PathBuf)> {
        let root = fs_err::canonicalize(&self.root)?;
        for above in folder.ancestors() {
            match fs_err::canonicalize(self.path(above)) {
                Ok(lies) => {
                    let named = Path::new("/").join(lies.strip_prefix(&root).unwrap_or(&lies));
                    return Ok((named, lies));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok((PathBuf::from("/"), root))
    }
}

/// Opens a regular file.
///
/// # Errors
/// As [`Machine::read`].
pub(crate) fn open(path: &Path) -> io::Result<fs_err::File> {
    use fs_err::os::unix::fs::OpenOptionsExt as _;
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = fs_err::OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{}: not a regular file", path.display())));
    }
    Ok(file)
}
