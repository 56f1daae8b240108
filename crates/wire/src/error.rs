//! The body of every error.

use crate::Code;
use serde::Serialize;
use serde_json::Value;

/// `{"error_code", "error_message", "details"}` (`oz-api.md` 2).
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// Number from the table of codes.
    pub error_code: u16,
    /// For people: the field, what came, what was expected.
    pub error_message: String,
    /// `field`, `came`, `expected` where they apply, else null.
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

impl ErrorBody {
    /// The body for a code.
    pub fn new(code: Code, message: impl Into<String>, details: Option<Value>) -> Self {
        Self { error_code: code.number(), error_message: message.into(), details }
    }
}
