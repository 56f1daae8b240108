//! What can go wrong with a job's row.

/// The result of a change to a job.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with a job's row.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lease is another worker's by now, or the job has ended: the result of this worker does not count.
    #[error("the lease on the job was lost")]
    LeaseLost,
    /// The payload cannot be written as JSON, or read as what the kind expects.
    #[error("the job's payload does not fit its kind")]
    Payload,
    /// The database.
    #[error(transparent)]
    Store(#[from] oz_store::Error),
}

impl Error {
    /// Whether the database is away, not against us: the same may succeed in a moment.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(self, Self::Store(oz_store::Error::Busy | oz_store::Error::Unavailable(_)))
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

impl oz_store::WriteError for Error {
    fn store(&self) -> Option<&oz_store::Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::LeaseLost | Self::Payload => None,
        }
    }
}
