//! Texts that are not as they were signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The envelope inside a text.
pub(crate) fn body(text: &str) -> String {
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    String::from_utf8(STANDARD.decode(base64).unwrap()).unwrap()
}

/// A text around an envelope, with the lines of a license.
pub(crate) fn armoured(body: &str) -> String {
    armoured_as("OZ LICENSE", body.as_bytes())
}

/// A text around any bytes, with the lines of any kind.
pub(crate) fn armoured_as(title: &str, body: &[u8]) -> String {
    let base64 = STANDARD.encode(body);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {title}-----\n{}\n-----END {title}-----\n", lines.join("\n"))
}

/// The text with its envelope changed: armoured again, not signed again.
pub(crate) fn with(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut envelope: Value = serde_json::from_str(&body(text)).unwrap();
    change(&mut envelope);
    let field = |name: &str| envelope[name].to_string();
    let body = format!(
        "{{\"v\":{},\"kid\":{},\"payload\":{},\"sig\":{}}}",
        field("v"),
        field("kid"),
        field("payload"),
        field("sig")
    );
    armoured(&body)
}
