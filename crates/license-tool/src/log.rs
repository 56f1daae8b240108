//! What was issued: JSON lines beside the key, each with the hash of the line before.

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use oz_license::Claims;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::path::Path;

use crate::keys;

/// A license that was issued.
#[derive(Serialize, Deserialize)]
struct Line {
    /// SHA-256 of the line before, hex; of nothing for the first.
    before: String,
    time: Timestamp,
    /// SHA-256 of the license's text, hex.
    license: String,
    claims: Claims,
}

/// Adds a license to the log of a key.
///
/// # Errors
/// When the log was changed since it was written; nothing is added then.
pub(crate) fn append(key: &Path, claims: &Claims, text: &str, time: Timestamp) -> Result<()> {
    let path = keys::with_ending(key, "issued.jsonl");
    let mut file = fs_err::OpenOptions::new().read(true).append(true).create(true).open(&path)?;
    // Two that issue at once wait for each other: each line names the one before.
    file.file().lock().with_context(|| format!("{} cannot be locked", path.display()))?;
    let mut before = sum("");
    for (number, line) in std::io::read_to_string(&mut file)?.lines().enumerate() {
        let stands: Option<Line> = serde_json::from_str(line).ok();
        if stands.is_none_or(|line| line.before != before) {
            bail!("{}: line {} is not what was written: find out who changed it", path.display(), number + 1);
        }
        before = sum(line);
    }
    let line = Line { before, time, license: sum(text), claims: claims.clone() };
    let mut line = serde_json::to_string(&line)?;
    line.push('\n');
    file.write_all(line.as_bytes())?;
    Ok(file.sync_all()?)
}

fn sum(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
