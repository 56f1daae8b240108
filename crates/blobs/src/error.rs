//! What can go wrong with a stored file.

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with a stored file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("the stored file is gone")]
    NotFound,
    /// The disk is full, or a quota is reached.
    #[error("no space left on the device")]
    NoSpace,
    /// The file was changed, cut, swapped, or belongs to another key.
    #[error("the stored file is damaged")]
    Damaged,
    /// The file was encrypted under a master key that is not in the key file.
    #[error("the stored file needs the master key {0}, which is not in the key file")]
    UnknownKey(String),
    /// The content is longer than the caller allows.
    #[error("the stored file is longer than {0} bytes")]
    TooBig(u64),
    /// The name is not one that this crate gives.
    #[error("not a name of a stored file")]
    BadName,
    /// The key file holds something else.
    #[error("{0}: expected lines `naming HEX` and `master HEX` with 64 hexadecimal digits each")]
    KeyFile(std::path::PathBuf),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// The file system failed.
    #[error(transparent)]
    Io(std::io::Error),
    /// The object store failed.
    #[error("object store: {0}")]
    Store(object_store::Error),
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::NoSpace,
            std::io::ErrorKind::NotFound => Self::NotFound,
            _ => Self::Io(error),
        }
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        if matches!(error, object_store::Error::NotFound { .. }) {
            return Self::NotFound;
        }
        // A full disk is told deep inside: the library wraps the system's error.
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = cause {
            if let Some(io) = inner.downcast_ref::<std::io::Error>()
                && matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
            {
                return Self::NoSpace;
            }
            cause = inner.source();
        }
        Self::Store(error)
    }
}
