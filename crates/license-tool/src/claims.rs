//! Claims as people write and read them.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use oz_license::{Claims, PRODUCT};
use serde_json::{Map, Value, json};
use std::path::Path;
use uuid::Uuid;

/// Claims from TOML. What is always the same may be left out: `license_id` (a new one), `revision` (1), `product`,
/// `issued_at` (now).
pub(crate) fn read(path: &Path, now: Timestamp) -> Result<Claims> {
    let name = || path.display().to_string();
    let table: toml::Table = fs_err::read_to_string(path)?.parse().with_context(name)?;
    let Value::Object(mut claims) = json_of(toml::Value::Table(table)) else { return Err(anyhow::anyhow!(name())) };
    for (field, value) in [
        ("license_id", json!(Uuid::now_v7())),
        ("revision", json!(1)),
        ("product", json!(PRODUCT)),
        ("issued_at", json!(now)),
    ] {
        claims.entry(field).or_insert(value);
    }
    serde_path_to_error::deserialize(Value::Object(claims)).with_context(name)
}

/// The same in JSON: times, which TOML has and JSON has not, become texts.
fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(yes) => Value::Bool(yes),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(values) => values.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(k, v)| (k, json_of(v))).collect::<Map<_, _>>().into(),
    }
}

/// What a license says, whoever signed it, in JSON.
pub(crate) fn unproven(text: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(text).context("no text")?;
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let envelope: Value = serde_json::from_slice(&STANDARD.decode(body).context("no license: no base64")?)?;
    let payload = envelope["payload"].as_str().context("no license: no payload")?;
    let claims: Value = serde_json::from_slice(&STANDARD.decode(payload).context("no license: no base64")?)?;
    let shown = json!({"kid": envelope["kid"], "v": envelope["v"], "claims": claims});
    Ok(serde_json::to_string_pretty(&shown)?)
}
