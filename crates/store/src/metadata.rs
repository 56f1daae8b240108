//! Free JSON on objects (`oz-api.md` 10), and the index that makes a folder's searchable.
//!
//! The index holds one row for each scalar of a folder's `meta_data`; keys of nested objects are joined by dots
//! (`person_info.first_name`). It changes in the same transaction as the JSON and goes with the folder.

use crate::folders::Folder;
use crate::schema::{analyses, companies, folder_metadata, folders, media, users};
use crate::types::Sql;
use crate::{AnyConn, Result, Viewer, each};
use diesel::prelude::*;
use oz_domain::{AnalysisId, CompanyId, FolderId, MediaId, Millis, UserId};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Most scalars of one folder that are indexed; further ones are stored, not found.
const MAX_KEYS: usize = 256;
/// The key of a person's number, which says who a folder is about ([`places_of`]).
pub const IIN: &str = "iin";
/// The key of the client's own id of a person, likewise.
pub const END_USER_ID: &str = "end_user_id";
/// Deepest nesting that is indexed.
const MAX_DEPTH: u32 = 8;
/// Longest text in bytes that lies in the index as it is: an index row of PostgreSQL is at most 2.7 KB.
const MAX_TEXT: usize = 256;

/// An object that has metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A folder; the only kind whose metadata is searched.
    Folder(FolderId),
    /// A medium.
    Media(MediaId),
    /// An analysis.
    Analysis(AnalysisId),
    /// A user.
    User(UserId),
    /// A company.
    Company(CompanyId),
}

/// How new metadata meet old ones (decision 27).
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The given keys are added or replaced, the others stay.
    Merge(Map<String, Value>),
    /// These, and nothing else.
    Replace(Map<String, Value>),
}

/// The metadata of an object.
///
/// # Errors
/// [`crate::Error::NotFound`], also for an object that the viewer may not see.
pub fn get(conn: &mut AnyConn, viewer: Viewer, owner: Owner) -> Result<Value> {
    Ok(match owner {
        Owner::Folder(id) => crate::folders::get(conn, viewer, id)?.meta_data,
        Owner::Media(id) => crate::media::get(conn, viewer, id)?.media.meta_data,
        Owner::Analysis(id) => crate::analyses::get(conn, viewer, id)?.analysis.meta_data,
        Owner::User(id) => crate::users::get(conn, viewer, id)?.meta_data,
        Owner::Company(id) => crate::companies::get(conn, viewer, id)?.meta_data,
    })
}

/// Changes the metadata of an object, and its index. Gives the new ones.
///
/// # Errors
/// As [`get`].
pub fn change(conn: &mut AnyConn, viewer: Viewer, owner: Owner, change: &Change, now: Millis) -> Result<Value> {
    let value = match (change, get(conn, viewer, owner)?) {
        (Change::Merge(new), Value::Object(mut old)) => {
            old.extend(new.clone());
            Value::Object(old)
        }
        (Change::Merge(new) | Change::Replace(new), _) => Value::Object(new.clone()),
    };
    macro_rules! store {
        ($table:ident, $id:expr) => {
            diesel::update($table::table.filter($table::id.eq(Sql($id))))
                .set(($table::meta_data.eq(Sql(value.clone())), $table::time_updated.eq(Sql(now))))
                .execute(conn)?
        };
    }
    match owner {
        Owner::Folder(id) => {
            store!(folders, id);
            let folder = crate::folders::get(conn, Viewer::All, id)?;
            index(conn, &folder)?;
            0
        }
        Owner::Media(id) => store!(media, id),
        Owner::Analysis(id) => store!(analyses, id),
        Owner::User(id) => store!(users, id),
        Owner::Company(id) => store!(companies, id),
    };
    Ok(value)
}

/// Writes the index rows of a folder anew.
pub(crate) fn index(conn: &mut AnyConn, folder: &Folder) -> Result<()> {
    diesel::delete(folder_metadata::table.filter(folder_metadata::folder_id.eq(Sql(folder.id)))).execute(conn)?;
    let rows: Vec<_> = scalars(&folder.meta_data)
        .into_iter()
        .map(|(key, value)| {
            (
                folder_metadata::folder_id.eq(folder.id.to_string()),
                folder_metadata::key.eq(key),
                folder_metadata::value.eq(value),
                folder_metadata::company_id.eq(folder.company_id.to_string()),
                folder_metadata::user_id.eq(folder.user_id.map(|id| id.to_string())),
                folder_metadata::time_created.eq(folder.time_created.get()),
            )
        })
        .collect();
    if !rows.is_empty() {
        each!(conn, c => diesel::insert_into(folder_metadata::table).values(rows).execute(c))?;
    }
    Ok(())
}

/// Where a person's number or id stands in a folder's data, as keys of the index.
pub fn places_of(key: &str) -> [String; 2] {
    [key.to_owned(), format!("person_info.{key}")]
}

/// The keys and texts that are indexed for `meta_data`: texts as they are, numbers and truth values as JSON writes
/// them; no nulls, no arrays. Of two equal keys (`{"a.b":1,"a":{"b":2}}`) the first in the order of the JSON counts.
pub fn scalars(meta_data: &Value) -> Vec<(String, String)> {
    fn walk(prefix: &str, value: &Value, depth: u32, found: &mut std::collections::BTreeMap<String, String>) {
        let Value::Object(object) = value else { return };
        for (name, value) in object {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                Value::Object(_) if depth < MAX_DEPTH => {
                    walk(&key, value, depth + 1, found);
                    continue;
                }
                Value::Object(_) | Value::Array(_) | Value::Null => continue,
            };
            if found.len() < MAX_KEYS {
                found.entry(index_form(&key)).or_insert_with(|| index_form(&text));
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    // What a person is known by is found whatever stands around it (decision 44).
    for key in [IIN, END_USER_ID].into_iter().flat_map(places_of) {
        let text = match meta_data.pointer(&format!("/{}", key.replace('.', "/"))) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => continue,
        };
        found.insert(key, index_form(&text));
    }
    walk("", meta_data, 1, &mut found);
    found.into_iter().collect()
}

/// The form a key or text has in the index: itself, or a hash when it is too long. PostgreSQL keeps no NUL in texts.
pub(crate) fn index_form(text: &str) -> String {
    if text.len() <= MAX_TEXT && !text.contains('\0') {
        return text.to_owned();
    }
    let hash = Sha256::digest(text.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\u{1}sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_are_indexed_by_path() {
        let found = scalars(&json!({"a": "x", "n": 1.5, "t": true, "z": null, "l": [1], "p": {"q": {"r": 7}}}));
        let expected = [("a", "x"), ("n", "1.5"), ("p.q.r", "7"), ("t", "true")];
        assert_eq!(found, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_is_long_or_deep_or_much_is_bounded() {
        let long = "x".repeat(5000);
        let found = scalars(&json!({ "k": long, "nul": "a\u{0}b" }));
        assert!(found.iter().all(|(_, v)| v.len() < 100 && !v.contains('\0')));
        let mut deep = json!("end");
        for _ in 0..100 {
            deep = json!({ "d": deep });
        }
        assert!(scalars(&deep).is_empty());
        let many: Map<String, Value> = (0..1000).map(|i| (i.to_string(), json!(i))).collect();
        assert_eq!(scalars(&Value::Object(many.clone())).len(), MAX_KEYS);
        let mut late = many;
        late.insert("iin".to_owned(), json!(" 900101300123 "));
        late.insert("person_info".to_owned(), json!({"end_user_id": 7}));
        let found = scalars(&Value::Object(late));
        assert!(found.contains(&("iin".to_owned(), "900101300123".to_owned())));
        assert!(found.contains(&("person_info.end_user_id".to_owned(), "7".to_owned())));
    }
}
