//! Errors of the rooms below, mapped to codes: one exhaustive match each.

use crate::auth::password::PasswordError;
use oz_http::ApiError;
use oz_wire::{Code, PayloadError};
use serde_json::json;
use std::time::Duration;

/// When a password that found too many others may try again.
const COME_BACK: Duration = Duration::from_secs(2);

/// What a handler can fail with.
#[derive(Debug)]
pub(crate) enum Error {
    /// Said already in the words of the wire.
    Api(ApiError),
    /// The database.
    Store(oz_store::Error),
    /// A medium; the name of the part it came in.
    Media(String, oz_media::Error),
    /// A stored file.
    Blobs(oz_blobs::Error),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::Api(ApiError::new(code, message))
    }

    /// What one sees and may not change is forbidden, not hidden.
    pub(crate) fn forbidden(error: oz_store::Error, what: &str) -> Self {
        match error {
            oz_store::Error::NotFound => Self::new(Code::AuthForbidden, format!("this user may not {what}")),
            other => Self::Store(other),
        }
    }

    /// A value that is not allowed, with its field.
    pub(crate) fn value(field: &str, came: &str, expected: &str) -> Self {
        Self::Api(PayloadError::value(field, came, expected).into())
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<PayloadError> for Error {
    fn from(error: PayloadError) -> Self {
        Self::Api(error.into())
    }
}

impl From<oz_store::Error> for Error {
    fn from(error: oz_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<oz_jobs::Error> for Error {
    fn from(error: oz_jobs::Error) -> Self {
        match error {
            oz_jobs::Error::Store(error) => Self::Store(error),
            other => Self::Api(ApiError::internal(Code::Unknown, other)),
        }
    }
}

impl From<oz_blobs::Error> for Error {
    fn from(error: oz_blobs::Error) -> Self {
        Self::Blobs(error)
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        Self::Api(match error {
            PasswordError::Busy => ApiError::new(Code::TooManyRequests, error.to_string()).retry_after(COME_BACK),
            PasswordError::Hash(_) | PasswordError::Stopping => ApiError::internal(Code::Unavailable, error),
        })
    }
}

impl oz_store::WriteError for Error {
    fn store(&self) -> Option<&oz_store::Error> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(error) => error,
            Error::Store(error) => store(&error),
            Error::Media(part, error) => media(&part, &error),
            Error::Blobs(error) => blobs(&error),
        }
    }
}

fn store(error: &oz_store::Error) -> ApiError {
    use oz_store::Error as E;
    match error {
        E::NotFound => ApiError::not_found("object"),
        E::Conflict(_) => ApiError::new(Code::Conflict, "another request changed the same objects"),
        E::Busy | E::Unavailable(_) => ApiError::internal(Code::Unavailable, error).retry_after(Duration::from_secs(1)),
        E::Full => ApiError::internal(Code::NoDiskSpace, error),
        E::Text => ApiError::new(Code::InvalidValue, error.to_string()),
        E::Cursor => PayloadError::value("cursor", "", "a next_cursor of this list and order").into(),
        E::Corrupt(_) | E::Schema(_) | E::Url(_) | E::Nested | E::Database(_) => {
            ApiError::internal(Code::Database, error)
        }
    }
}

fn blobs(error: &oz_blobs::Error) -> ApiError {
    use oz_blobs::Error as E;
    match error {
        E::NotFound => ApiError::not_found("file"),
        E::NoSpace => ApiError::internal(Code::NoDiskSpace, error),
        E::TooBig(_) => ApiError::internal(Code::MediaOverLimit, error),
        E::Damaged | E::UnknownKey(_) | E::BadName | E::KeyFile(_) | E::Random(_) | E::Io(_) | E::Store(_) => {
            ApiError::internal(Code::Unknown, error)
        }
    }
}

/// The code of a medium's error, for a response or for an analysis that ends by it.
pub(crate) fn media_code(error: &oz_media::Error) -> Code {
    use oz_media::Error as E;
    match error {
        E::Unsupported { .. } => Code::InvalidValue,
        E::OverLimit { .. } => Code::MediaOverLimit,
        E::TooFewFrames { .. } => Code::TooFewFrames,
        E::Undecodable { .. } | E::NoVideoStream | E::NestedArchive | E::NoPictures | E::Timeout | E::Crashed => {
            Code::MediaUndecodable
        }
        E::Unavailable { .. } => Code::Unavailable,
    }
}

fn media(part: &str, error: &oz_media::Error) -> ApiError {
    let code = media_code(error);
    if code == Code::Unavailable {
        return ApiError::internal(code, error);
    }
    let part: String = part.chars().take(64).collect();
    let details = match error {
        oz_media::Error::OverLimit { limit, came, allowed } => {
            json!({"field": part, "limit": limit.to_string(), "came": came, "expected": format!("at most {allowed}")})
        }
        _ => json!({"field": part}),
    };
    ApiError::new(code, format!("{part}: {error}")).with_details(details)
}
