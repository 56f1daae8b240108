//! The license file: read without hanging on what it lies on, tried when it is another one, and what is wrong with it.

use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// For it to be read.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often one that was refused is tried again: the clock may have been put right.
const AGAIN: Duration = Duration::from_secs(30);

/// Where the license is.
pub(crate) struct LicenseFile {
    path: PathBuf,
    /// Whether it is there, as far as is known: what cannot be read is not gone.
    present: AtomicBool,
    /// A reading that hangs is waited for, not joined by others.
    reading: tokio::sync::Mutex<Option<JoinHandle<Result<Option<String>>>>>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    unreadable: Option<String>,
    tried: Option<Tried>,
}

/// A text that was tried.
struct Tried {
    text: String,
    /// Why it was not installed.
    why: Option<String>,
    at: Duration,
}

impl LicenseFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, present: AtomicBool::new(false), reading: tokio::sync::Mutex::default(), known: Mutex::default() }
    }

    /// Whether it is where it belongs.
    pub(crate) fn is_present(&self) -> bool {
        self.present.load(Ordering::Relaxed)
    }

    /// Reads it when the process has run for `running`; gives its text if that is to be tried.
    pub(crate) async fn look(&self, running: Duration) -> Option<String> {
        let read = self.read().await;
        let mut known = self.known();
        match read {
            Ok(text) => {
                self.present.store(text.is_some(), Ordering::Relaxed);
                known.unreadable = None;
                if text.is_none() {
                    known.tried = None;
                }
                text.filter(|text| known.tried.as_ref().is_none_or(|tried| tried.is_due(text, running)))
            }
            Err(error) => {
                let text = error.to_string();
                if known.unreadable.as_ref() != Some(&text) {
                    tracing::error!(error = text, "the license file cannot be read");
                }
                known.unreadable = Some(text);
                None
            }
        }
    }

    /// Says what came of a text that was tried.
    pub(crate) fn tried(&self, text: String, why: Option<&str>, at: Duration) {
        let (mut known, path) = (self.known(), self.path.display());
        let told = known.tried.as_ref().is_some_and(|tried| tried.text == text && tried.why.as_deref() == why);
        match why {
            _ if told => {}
            Some(why) => tracing::error!(%path, why, "the license file was not installed"),
            None => tracing::info!(%path, "the license file is installed"),
        }
        known.tried = Some(Tried { text, why: why.map(str::to_owned), at });
    }

    /// What is wrong with it.
    pub(crate) fn trouble(&self) -> Option<String> {
        let known = self.known();
        known.unreadable.clone().or_else(|| known.tried.as_ref()?.why.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self) -> Result<Option<String>> {
        let mut reading = self.reading.lock().await;
        let path = self.path.clone();
        let mut task = reading.take().unwrap_or_else(|| tokio::task::spawn_blocking(move || read(&path)));
        let Ok(read) = tokio::time::timeout(PATIENCE, &mut task).await else {
            *reading = Some(task);
            return Err(Error::new(ErrorKind::TimedOut, "what it lies on does not answer"));
        };
        read.map_err(Error::other)?
    }
}

impl Tried {
    fn is_due(&self, text: &str, running: Duration) -> bool {
        self.text != text || (self.why.is_some() && running.saturating_sub(self.at) >= AGAIN)
    }
}

/// What a license file says; none when there is none. One byte more than is allowed is read: the verifier says so.
pub(crate) fn read(path: &Path) -> Result<Option<String>> {
    // A pipe without a writer would be waited for.
    let file = match fs_err::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    if !file.metadata()?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{}: not a regular file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(oz_license::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    // What is no text is no license either, and is told as such.
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_read_is_told_and_is_not_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("license.oz");
        let (file, start) = (LicenseFile::new(path.clone()), Duration::ZERO);
        assert_eq!((file.look(start).await, file.is_present(), file.trouble()), (None, false, None));
        fs_err::write(&path, "a text").unwrap();
        assert_eq!((file.look(start).await.as_deref(), file.is_present()), (Some("a text"), true));
        file.tried("a text".into(), Some("no"), start);
        assert_eq!((file.look(start).await, file.trouble().as_deref()), (None, Some("no")));
        assert!(file.look(AGAIN).await.is_some(), "it may be good by now");
        fs_err::remove_file(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap();
        assert_eq!((file.look(AGAIN).await, file.is_present()), (None, true));
        assert!(file.trouble().unwrap().contains("not a regular file"));
        fs_err::remove_file(&path).unwrap();
        assert_eq!((file.look(AGAIN).await, file.is_present(), file.trouble()), (None, false, None));
    }
}
