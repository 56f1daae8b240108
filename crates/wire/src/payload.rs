//! JSON from clients, with errors that name the field by path (decision 2).

use crate::Code;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Why a JSON body, or a parameter, was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct PayloadError {
    /// 3 for a missing field or broken JSON, 4 for a bad value, 5 for a wrong type.
    pub code: Code,
    /// For people: the field, what came, what was expected.
    pub message: String,
    /// Path of the field (`analyses[1].params.threshold_spoofing`), empty for the whole body.
    pub field: String,
    /// What came, at most 64 characters; `None` when nothing did.
    pub came: Option<String>,
    /// What was expected.
    pub expected: Option<String>,
}

impl PayloadError {
    /// A bad value in a field.
    pub fn value(field: impl Into<String>, came: &str, expected: &str) -> Self {
        Self::unexpected(Code::InvalidValue, field.into(), format!("`{}`", clipped(came)), expected.to_owned())
    }

    /// A field that is not there; the text is the documented one (`oz-api.md` 2).
    pub fn missing(field: impl Into<String>) -> Self {
        let field = field.into();
        let message = format!("Could not locate field for key_path {field} from provided dict data");
        Self { code: Code::InvalidStructure, message, field, came: None, expected: None }
    }

    fn unexpected(code: Code, field: String, came: String, expected: String) -> Self {
        let shown = if field.is_empty() { "the body" } else { &field };
        let message = format!("{shown}: {came} came, expected {expected}");
        Self { code, message, field, came: Some(came), expected: Some(expected) }
    }

    /// `details` of the error body (decision 2); null when the whole body is meant and nothing more is known.
    pub fn details(&self) -> Option<Value> {
        if self.field.is_empty() && self.came.is_none() {
            return None;
        }
        Some(json!({"field": self.field, "came": self.came, "expected": self.expected}))
    }
}

/// Reads a JSON body. Unknown keys are ignored (decision 7).
///
/// # Errors
/// Names the field by path, what came and what was expected.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PayloadError> {
    let text = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    // Every body is an object, and serde would take an array for the fields of a struct in order.
    if text.trim_ascii_start().starts_with(b"[") {
        let (field, came) = (String::new(), "an array".to_owned());
        return Err(PayloadError::unexpected(Code::InvalidType, field, came, "an object".to_owned()));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| explain(&e))?;
    reader.end().map_err(|e| broken(&e))?;
    Ok(value)
}

/// Reads a body that was JSON already, after it was put in order.
///
/// # Errors
/// As [`parse`].
pub fn parse_value<T: DeserializeOwned>(body: Value) -> Result<T, PayloadError> {
    serde_path_to_error::deserialize(body).map_err(|e| explain(&e))
}

fn broken(error: &serde_json::Error) -> PayloadError {
    let message = format!("the body is not JSON: line {}, column {}", error.line(), error.column());
    PayloadError { code: Code::InvalidStructure, message, field: String::new(), came: None, expected: None }
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> PayloadError {
    let inner = error.inner();
    if !inner.is_data() {
        return broken(inner);
    }
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path.chars().take(256).collect() };
    // serde_json ends its texts with the position; the path says more.
    let text = inner.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let quoted = |start: &str| text.strip_prefix(start).and_then(|t| t.strip_suffix('`'));
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let Some(name) = quoted("missing field `") {
        return PayloadError::missing(below(name));
    }
    if let Some(name) = quoted("duplicate field `") {
        return PayloadError::unexpected(Code::InvalidStructure, below(name), "two".into(), "one".into());
    }
    let code = if text.starts_with("invalid type") { Code::InvalidType } else { Code::InvalidValue };
    let (came, expected) = text.rsplit_once(", expected ").unwrap_or((text, "another value"));
    let came = ["invalid type: ", "invalid value: ", "invalid length "]
        .iter()
        .find_map(|p| came.strip_prefix(p))
        .unwrap_or(came);
    // What came in place of a secret may be the secret: say its type only.
    let secret = ["password", "token"].iter().any(|word| path.ends_with(word));
    let came = if secret { came.split([' ', '`']).next().unwrap_or_default() } else { came };
    PayloadError::unexpected(code, path, clipped(in_json(came)), in_json(expected).to_owned())
}

/// Rust's words for types in JSON's.
fn in_json(word: &str) -> &str {
    match word {
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "sequence" | "a sequence" => "an array",
        "map" | "a map" => "an object",
        word if word.starts_with("struct ") => "an object",
        word => word,
    }
}

/// Texts echo what came: never more than a bit of it.
fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
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
    fn what_does_not_fit_is_named_with_what_came_and_what_was_expected() {
        use Code::{InvalidStructure, InvalidType, InvalidValue};
        for (text, code, field, came, expected) in [
            (
                r#"{"analyses": [{"type": "quality"}, {"type": "quality", "params": {"threshold_spoofing": "high"}}]}"#,
                InvalidType,
                "analyses[1].params.threshold_spoofing",
                "string \"high\"",
                "a number",
            ),
            (
                r#"{"analyses": [{"type": "liveness"}]}"#,
                InvalidValue,
                "analyses[0].type",
                "`liveness`",
                "one of QUALITY, BIOMETRY, COLLECTION, DOCUMENTS",
            ),
            (r#"{"analyses": [{"type": 5}]}"#, InvalidType, "analyses[0].type", "integer `5`", "a string"),
            (r#"{"media:tags": {"video1": "t"}}"#, InvalidType, "media:tags.video1", "string \"t\"", "an array"),
            (r#"{"folder:meta_data": []}"#, InvalidType, "folder:meta_data", "an array", "an object"),
            (r#"{"analyses": [], "analyses": []}"#, InvalidStructure, "analyses", "two", "one"),
            (
                r#"{"resolution_endpoint": {", expected x at line ": 1}}"#,
                InvalidType,
                "resolution_endpoint",
                "an object",
                "a string",
            ),
            ("[]", InvalidType, "", "an array", "an object"),
        ] {
            let error = parse::<FolderPayload>(text.as_bytes()).unwrap_err();
            assert_eq!((error.code, error.field.as_str()), (code, field), "{text}: {error}");
            assert_eq!(error.details(), Some(json!({"field": field, "came": came, "expected": expected})), "{text}");
            let shown = if field.is_empty() { "the body" } else { field };
            assert_eq!(error.message, format!("{shown}: {came} came, expected {expected}"));
        }
    }

    #[test]
    fn a_secret_of_the_wrong_type_is_not_echoed() {
        let error = parse::<LogIn>(br#"{"credentials": {"email": "a@b.c", "password": 19840214}}"#).err().unwrap();
        assert_eq!(error.message, "credentials.password: integer came, expected a string");
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
