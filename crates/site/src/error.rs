//! Why a site says no.

use crate::leases::Holder;
use crate::ledger::Broken;
use oz_license::{Invalid, State};
use oz_store::WriteError;

/// The result of a question to the site.
pub type Result<T, E = Refused> = std::result::Result<T, E>;

/// Why a site says no.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The license permits nothing now.
    #[error("{text}")]
    State {
        /// What it is worth.
        state: State,
        /// Why, for a person.
        text: String,
    },
    /// Every instance that the license has is in use.
    #[error("all {} instances of the license are in use", .0.len())]
    NoneFree(Vec<Holder>),
    /// No such lease, or it is over: acquire one.
    #[error("the lease is over")]
    Over,
    /// The heartbeat's counter is not the lease's: another node uses the same identity.
    #[error("another node uses the same identity")]
    Stale,
    /// This batch number of this instance was used for other counts: another node uses the same identity.
    #[error("the batch was used for other counts by a node with the same identity")]
    OtherBatch,
    /// The license covers nothing of what the node wants to do.
    #[error("the license covers nothing of what is wanted")]
    Feature,
    /// The licensed volume is used up.
    #[error("the licensed volume is used up")]
    Volume,
    /// The license file is not what the vendor signed.
    #[error("{0}")]
    File(#[from] Invalid),
    /// The license file is good, but is not installed here.
    #[error("{0}")]
    NotInstalled(String),
    /// The ledger is not what was written.
    #[error("the ledger is broken: {0}")]
    Ledger(#[from] Broken),
    /// A value of the question cannot be.
    #[error("{field}: {expected}")]
    Value {
        /// Which one.
        field: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] oz_store::Error),
    /// Nothing was signed.
    #[error("nothing was signed: {0}")]
    Sign(String),
}

impl From<diesel::result::Error> for Refused {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

impl WriteError for Refused {
    fn store(&self) -> Option<&oz_store::Error> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}
