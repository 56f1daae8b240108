//! Records as those see them who may: values opened, as far as their keys are there.

use super::place;
use oz_blobs::{Keyring, SealKey};
use oz_domain::SubjectKeyId;
use oz_store::audit::{Record, keys_of};
use oz_store::{AnyConn, Result};
use oz_wire::AuditRecord;
use serde_json::Value;
use std::collections::HashMap;

/// Shows records in their order.
pub(crate) fn show(conn: &mut AnyConn, keyring: &Keyring, records: &[Record]) -> Result<Vec<AuditRecord>> {
    let mut keys = HashMap::new();
    for kept in keys_of(conn, records)? {
        if let Some(wrapped) = kept.wrapped_key {
            match keyring.unwrap_key(&kept.id.to_string(), &wrapped) {
                Ok(key) => drop(keys.insert(kept.id, key)),
                // The rest of the page is shown all the same.
                Err(error) => tracing::error!(key = %kept.id, %error, "a key of the audit log cannot be opened"),
            }
        }
    }
    Ok(records.iter().map(|record| one(record, &keys)).collect())
}

fn one(record: &Record, keys: &HashMap<SubjectKeyId, SealKey>) -> AuditRecord {
    let opened = |what: &str, sealed: &Option<Vec<u8>>| -> Option<Value> {
        let key = keys.get(&record.subject_key_id?)?;
        let plain = key.open(&place(record.id, what), sealed.as_ref()?).ok();
        let value = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        if value.is_none() {
            // The rest of the page is shown all the same; `admin audit verify` tells what was done to the chain.
            tracing::error!(record = %record.id, "a value of the audit log was damaged");
        }
        value
    };
    let (before, after) = (opened("before", &record.before_value), opened("after", &record.after_value));
    let lost = |sealed: &Option<Vec<u8>>, shown: &Option<Value>| sealed.is_some() && shown.is_none();
    AuditRecord {
        audit_id: record.id,
        time_created: record.time.as_seconds(),
        company_id: record.company_id,
        user_id: record.user_id,
        request_id: record.request_id,
        address: record.address.clone(),
        object: record.object.clone(),
        object_id: record.object_id.clone(),
        action: record.action.clone(),
        erased: lost(&record.before_value, &before) || lost(&record.after_value, &after),
        before,
        after,
        seq: record.seq,
        hash: record.hash.as_ref().map(hex::encode),
    }
}
