//! One error type for every answer that is not a success.

use crate::route::Response;
use oz_wire::{Code, ErrorBody, PayloadError};
use serde_json::Value;
use std::time::Duration;
use warp::Reply as _;
use warp::http::{HeaderValue, StatusCode, header};

/// An error as the client sees it, and what only the log sees.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: Code,
    message: String,
    details: Option<Value>,
    retry_after: Option<Duration>,
    internal: Option<String>,
}

impl ApiError {
    /// An error with a text for people.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retry_after: None, internal: None }
    }

    /// An error whose cause goes to the log only; the client gets the code's meaning.
    pub fn internal(code: Code, cause: impl std::fmt::Display) -> Self {
        Self { internal: Some(cause.to_string()), ..Self::new(code, code.meaning()) }
    }

    /// The object is not there, or not for this caller: one answer for both.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotExist, format!("{what} not found"))
    }

    /// Adds `details`.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Says when to try again.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The answer. Logs the internal cause, inside the request's span.
    pub fn into_response(self) -> Response {
        if let Some(cause) = &self.internal {
            tracing::error!(code = self.code.number(), cause = %cause, "request failed");
        }
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ErrorBody::new(self.code, self.message, self.details);
        let mut response = warp::reply::with_status(warp::reply::json(&body), status).into_response();
        // 429 and 503 always say when (decision 2).
        let wait = self.retry_after.or_else(|| matches!(status.as_u16(), 429 | 503).then_some(Duration::from_secs(1)));
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

impl From<PayloadError> for ApiError {
    fn from(error: PayloadError) -> Self {
        let details = error.details();
        Self { details, ..Self::new(error.code, error.message) }
    }
}

/// Carries an [`ApiError`] out of an extractor; turned into a response by the endpoint that asked.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) ApiError);

impl warp::reject::Reject for Refused {}

impl From<ApiError> for warp::Rejection {
    fn from(error: ApiError) -> Self {
        warp::reject::custom(Refused(error))
    }
}
