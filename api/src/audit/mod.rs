//! The audit log as the rooms of the API write it: who did what to which object, from where, before and after.
//!
//! A record is written in the transaction of its deed: there is no deed without its record, and no record of a deed that
//! was rolled back. What it says of people is sealed with a key of its subject, so that erasing a person erases it here
//! too (decision 26).

pub(crate) mod command;
mod config;
mod heads;
mod seal;
mod seen;
mod show;
mod syslog;

pub(crate) use config::note_settings;
pub(crate) use heads::{SignedHead, Signer};
pub(crate) use seal::seal_now;
pub(crate) use seen::{Downloads, all_seen, asked, downloaded, seen};
pub(crate) use show::show;
pub(crate) use syslog::Sink;

use crate::app::App;
use oz_blobs::{Keyring, SealKey};
use oz_domain::{Action, AuditId, CompanyId, Millis, Object, RequestId, SubjectKeyId, UserId};
use oz_store::audit::{Record, SubjectKey, append, subject_key};
use oz_store::{AnyConn, Error, Result};
use serde_json::{Map, Value};
use std::net::IpAddr;
use tokio::task::JoinSet;

/// Who does something, and from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By {
    /// The user; none for the system itself and for the command line.
    pub(crate) user: Option<UserId>,
    /// The request that asked for it.
    pub(crate) request: Option<RequestId>,
    /// The client's address.
    pub(crate) address: Option<IpAddr>,
}

impl By {
    /// The system itself, or somebody on its command line.
    pub(crate) const SYSTEM: Self = Self { user: None, request: None, address: None };
}

/// What was done.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) object: Object,
    pub(crate) action: Action,
    /// The object's id; empty for a search, which has no single object.
    pub(crate) id: String,
    /// The object's company.
    pub(crate) company: CompanyId,
    /// Whose erasure erases the values: the id of a folder, a user, a person.
    pub(crate) subject: String,
    /// What it was before, as far as it changed.
    pub(crate) before: Option<Value>,
    /// What it is now, as far as it changed.
    pub(crate) after: Option<Value>,
}

impl Deed {
    /// A deed on an object that is its own subject, without values.
    pub(crate) fn new(object: Object, action: Action, id: impl ToString, company: CompanyId) -> Self {
        let id = id.to_string();
        Self { object, action, subject: id.clone(), id, company, before: None, after: None }
    }

    /// With what it was before.
    pub(crate) fn from(self, before: Value) -> Self {
        Self { before: Some(before), ..self }
    }

    /// With what it is now.
    pub(crate) fn to(self, after: Value) -> Self {
        Self { after: Some(after), ..self }
    }

    /// With another subject than the object itself: a medium's is its folder.
    pub(crate) fn about(self, subject: impl ToString) -> Self {
        Self { subject: subject.to_string(), ..self }
    }
}

/// The keys whose values differ, with both values; null where there is none.
pub(crate) fn difference(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let pick = |from: &Map<String, Value>| -> Map<String, Value> {
        let keys = old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key));
        keys.map(|key| (key.clone(), from.get(key).cloned().unwrap_or_default())).collect()
    };
    (pick(old), pick(new))
}

/// Writes a record, in the caller's transaction.
///
/// # Errors
/// Of the database; [`Error::Corrupt`] when the keys do not work.
pub(crate) fn note(conn: &mut AnyConn, keys: &Keyring, by: By, now: Millis, deed: Deed) -> Result<()> {
    let id = AuditId::new(now);
    let key = match (&deed.before, &deed.after) {
        (None, None) => None,
        _ => key_of(conn, keys, deed.company, &deed.subject, now)?,
    };
    let sealed = |what: &str, value: Option<Value>| -> Result<Option<Vec<u8>>> {
        let (Some(value), Some((_, key))) = (value, &key) else { return Ok(None) };
        key.seal(&place(id, what), value.to_string().as_bytes()).map(Some).map_err(unusable)
    };
    let record = Record {
        id,
        seq: None,
        time: now,
        company_id: Some(deed.company),
        user_id: by.user,
        request_id: by.request,
        action: deed.action.to_string(),
        object: deed.object.to_string(),
        object_id: Some(deed.id).filter(|id| !id.is_empty()),
        subject_key_id: key.as_ref().map(|(id, _)| *id),
        before_value: sealed("before", deed.before)?,
        after_value: sealed("after", deed.after)?,
        hash: None,
        address: by.address.map(|a| a.to_string()),
    };
    append(conn, &record)
}

/// The key of a subject, made when it has none; none once it was destroyed: nothing more is remembered of who was erased.
fn key_of(
    conn: &mut AnyConn,
    keys: &Keyring,
    company: CompanyId,
    subject: &str,
    now: Millis,
) -> Result<Option<(SubjectKeyId, SealKey)>> {
    let fresh = SealKey::random().map_err(unusable)?;
    let id = SubjectKeyId::new(now);
    let new = SubjectKey {
        id,
        company_id: company,
        subject: subject.to_owned(),
        wrapped_key: Some(keys.wrap_key(&id.to_string(), &fresh).map_err(unusable)?),
        time_created: now,
        time_destroyed: None,
    };
    let kept = subject_key(conn, &new)?;
    let Some(wrapped) = kept.wrapped_key else { return Ok(None) };
    let key = keys.unwrap_key(&kept.id.to_string(), &wrapped).map_err(unusable)?;
    Ok(Some((kept.id, key)))
}

/// What goes on beside the requests: sealing, and telling the place outside. Ends when it is dropped.
pub(crate) fn start(app: &App) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(seal::seal_for_ever(app.clone()));
    if let Some(sink) = &app.settings.audit_syslog {
        tasks.spawn(syslog::tell_for_ever(app.clone(), sink.clone()));
    }
    tasks
}

/// Seals what the last requests and jobs left, and tells the last head.
pub(crate) async fn stop(app: &App, tasks: JoinSet<()>) {
    drop(tasks);
    seal::seal_last(app).await;
}

/// Where a value belongs: it opens in no other record.
fn place(record: AuditId, what: &str) -> String {
    format!("oz-audit/v1 {record} {what}")
}

fn unusable(error: oz_blobs::Error) -> Error {
    Error::Corrupt(format!("the audit log's keys: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_changed_is_told() {
        let values = |value: Value| value.as_object().unwrap().clone();
        let (old, new) = (values(json!({"a": "1", "b": "2", "c": "3"})), values(json!({"a": "1", "b": "4", "d": "5"})));
        let (before, after) = difference(&old, &new);
        assert_eq!(Value::from(before), json!({"b": "2", "c": "3", "d": null}));
        assert_eq!(Value::from(after), json!({"b": "4", "c": null, "d": "5"}));
        assert_eq!(difference(&new, &new), (Map::new(), Map::new()));
    }
}
