//! `Idempotency-Key` (decision 31): the same request twice is done once, and answered twice.

use crate::app::App;
use crate::auth::Access;
use crate::error::{Error, Result};
use oz_domain::{FolderId, Millis};
use oz_store::AnyConn;
use oz_store::idempotency::{self, Begin, Key};
use oz_wire::Code;
use serde_json::Value;
use std::time::Duration;

/// How long an idempotency key is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// Longest idempotency key.
const KEY_BYTES: usize = 255;

/// The key of a request, not claimed yet. `request`: method and path; `body_hash`: what the key stands for.
pub(crate) fn key_of(
    app: &App,
    access: &Access,
    key: Option<String>,
    request: String,
    body_hash: Vec<u8>,
) -> Result<Option<Key>> {
    let Some(key) = key else { return Ok(None) };
    if key.is_empty() || key.len() > KEY_BYTES {
        return Err(Error::value("Idempotency-Key", &key, "1 to 255 characters"));
    }
    let now = app.now();
    Ok(Some(Key {
        user_id: access.caller.user.id,
        key,
        request,
        body_hash,
        folder_id: None,
        status: None,
        answer: None,
        time_created: now,
        time_expires: now.plus(REMEMBERED),
    }))
}

/// Claims the key inside the transaction that does the work, so there is no moment in which one exists without the other.
/// `Some` is what the first request made.
pub(crate) fn claim(conn: &mut AnyConn, key: Option<&Key>, now: Millis) -> Result<Option<Value>> {
    let Some(key) = key else { return Ok(None) };
    match idempotency::begin(conn, key, now)? {
        Begin::New => Ok(None),
        Begin::Answered { answer, .. } => Ok(serde_json::from_str(&answer).ok()),
        Begin::Running => {
            Err(Error::new(Code::Conflict, "the first request with this Idempotency-Key is still running"))
        }
        Begin::Other => Err(other_request()),
    }
}

/// Notes what the request made, in the transaction that makes it.
pub(crate) fn remember(conn: &mut AnyConn, key: Option<&Key>, folder: FolderId, made: &Value) -> Result<()> {
    if let Some(key) = key {
        idempotency::finish(conn, key.user_id, &key.key, Some(folder), 201, &made.to_string())?;
    }
    Ok(())
}

/// 409: the key belongs to another request.
pub(crate) fn other_request() -> Error {
    Error::new(Code::Conflict, "this Idempotency-Key was used for another request")
}
