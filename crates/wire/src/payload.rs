//! JSON from clients, with errors that name the field by path (decision 2).

use crate::Code;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Why a JSON body was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct PayloadError {
    /// 3 for a missing field or broken JSON, 4 for a bad value, 5 for a wrong type.
    pub code: Code,
    /// For people.
    pub message: String,
    /// Path of the field (`analyses[1].params.threshold_min`), empty for the whole body.
    pub field: String,
}

impl PayloadError {
    /// A bad value in a field.
    pub fn value(field: impl Into<String>, came: &str, expected: &str) -> Self {
        let field = field.into();
        let came: String = came.chars().take(64).collect();
        Self { code: Code::InvalidValue, message: format!("{field}: `{came}` came, expected {expected}"), field }
    }

    /// A field that is not there; the text is the documented one (`oz-api.md` 2).
    pub fn missing(field: impl Into<String>) -> Self {
        let field = field.into();
        let message = format!("Could not locate field for key_path {field} from provided dict data");
        Self { code: Code::InvalidStructure, message, field }
    }

    /// `details` of the error body.
    pub fn details(&self) -> Option<Value> {
        (!self.field.is_empty()).then(|| json!({"field": self.field}))
    }
}

/// Reads a JSON body. Unknown keys are ignored (decision 7).
///
/// # Errors
/// Names the field by path, what came and what was expected.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PayloadError> {
    let text = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| explain(&e))?;
    reader.end().map_err(|e| broken(&e))?;
    Ok(value)
}

fn broken(error: &serde_json::Error) -> PayloadError {
    let message = format!("the body is not JSON: line {}, column {}", error.line(), error.column());
    PayloadError { code: Code::InvalidStructure, message, field: String::new() }
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> PayloadError {
    let inner = error.inner();
    if !inner.is_data() {
        return broken(inner);
    }
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    // serde_json ends its texts with the position; the path says more.
    let text = inner.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if let Some(name) = text.strip_prefix("missing field `").and_then(|t| t.strip_suffix('`')) {
        return PayloadError::missing(if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") });
    }
    let code = if text.starts_with("invalid type") { Code::InvalidType } else { Code::InvalidValue };
    let shown = if path.is_empty() { "the body" } else { &path };
    PayloadError { code, message: format!("{shown}: {}", clipped(text)), field: path }
}

/// Texts echo what came: never more than a line of it.
fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FolderPayload, LogIn};

    #[test]
    fn a_missing_field_has_the_documented_text() {
        let error = parse::<LogIn>(br#"{"credentials": {"email": "a@b.c"}}"#).err().unwrap();
        assert_eq!(error.code, Code::InvalidStructure);
        assert_eq!(error.message, "Could not locate field for key_path credentials.password from provided dict data");
    }

    #[test]
    fn a_wrong_type_names_its_path() {
        let text =
            br#"{"analyses": [{"type": "quality"}, {"type": "quality", "params": {"threshold_spoofing": "high"}}]}"#;
        let error = parse::<FolderPayload>(text).unwrap_err();
        assert_eq!((error.code, error.field.as_str()), (Code::InvalidType, "analyses[1].params.threshold_spoofing"));
        assert!(error.message.contains("high"), "{}", error.message);
    }

    #[test]
    fn broken_json_says_where() {
        let error = parse::<FolderPayload>(b"{\"analyses\": [").unwrap_err();
        assert_eq!(error.code, Code::InvalidStructure);
        assert!(error.message.contains("line 1"), "{}", error.message);
        assert!(parse::<FolderPayload>(b"{} x").is_err());
    }

    #[test]
    fn unknown_keys_and_an_empty_body_are_fine() {
        assert!(parse::<FolderPayload>(br#"{"additional_info": 1}"#).is_ok());
        assert!(parse::<FolderPayload>(b" ").is_ok());
    }
}
