//! Reads and downloads: what changes nothing and is recorded because of what is seen.
//!
//! A company's own people read their folders without a record. ADMIN and OPERATOR, to whom every company is open, leave one
//! with each read of a person's data, and everybody does with each download. It is committed before anything is answered.

use super::{By, Deed, note};
use crate::app::App;
use crate::auth::Access;
use crate::error::Result;
use oz_domain::{Millis, TokenId};
use oz_store::AnyConn;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long further ranges of a file belong to the download that was recorded. A player asks for dozens of them, and each
/// says the same: this session, at this address, gets this file. Whoever goes on for longer is recorded again.
const GOES_ON: Duration = Duration::from_secs(300);
/// Downloads remembered at once. Forgetting one makes a record more, never one less.
const REMEMBERED: usize = 10_000;

/// Records that ADMIN or OPERATOR saw something of a person; nothing for others.
pub(crate) async fn seen(app: &App, access: &Access, deed: Deed) -> Result<()> {
    all_seen(app, access, vec![deed]).await
}

/// The same for several at once.
pub(crate) async fn all_seen(app: &App, access: &Access, deeds: Vec<Deed>) -> Result<()> {
    if access.caller.user.role.is_system() { write(app, access.by(), deeds).await } else { Ok(()) }
}

async fn write(app: &App, by: By, deeds: Vec<Deed>) -> Result<()> {
    let (keys, now) = (app.blobs.keys().clone(), app.now());
    let change = move |conn: &mut AnyConn| deeds.iter().try_for_each(|deed| note(conn, &keys, by, now, deed.clone()));
    Ok(app.db.write(change).await?)
}

/// Parameters whose values say nothing of a person: ids, words, times, numbers.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "offset", "limit", "total_omit", "sorting", "with_analyses", "with_user", "with_company",
    "time", "time.min", "time.max", "time_created", "time_created.min", "time_created.max",
    "time_updated", "time_updated.min", "time_updated.max",
    "folder_id", "company_id", "user_id", "analyse_id", "analysis_id", "analyse_id.exclude", "analysis_id.exclude",
    "resolution_status", "system_resolution", "operator_status", "resolution_suggest",
    "analyse.resolution_status", "analysis.resolution_status", "type", "type.exclude", "state", "user_type", "is_active",
    "object", "object_id", "action",
];

/// A query as it is recorded. Of metadata only the key, of what is not known only the name: a value may name a person whose
/// erasure would not reach it here.
pub(crate) fn asked(query: &[(String, String)]) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in query.iter().filter(|(name, _)| name != "cursor") {
        let shown = match name.as_str() {
            "meta_data" => value.split(['=', '!']).next(),
            name => HARMLESS.contains(&name).then_some(value.as_str()),
        };
        if let Value::Array(values) = all.entry(name.as_str()).or_insert_with(|| json!([])) {
            values.extend(shown.map(Value::from));
        }
    }
    Value::Object(all)
}

type Download = (Option<TokenId>, Option<IpAddr>, String);

/// The downloads that were recorded a moment ago, on this node.
#[derive(Default)]
pub(crate) struct Downloads(Mutex<HashMap<Download, Millis>>);

impl Downloads {
    fn goes_on(&self, download: &Download, now: Millis) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(download).is_some_and(|began| now >= *began && now.since(*began) < GOES_ON)
    }

    fn began(&self, download: Download, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|_, began| now.since(*began) < GOES_ON);
            if all.len() >= REMEMBERED {
                all.clear();
            }
        }
        all.insert(download, now);
    }
}

/// Records a download by whomever; a `range` of a file whose download was just recorded belongs to that one.
/// `session`: none for who holds a signed link.
pub(crate) async fn downloaded(app: &App, by: By, session: Option<TokenId>, range: bool, deed: Deed) -> Result<()> {
    let now = app.now();
    // By the medium, not by its content: two folders may share that.
    let download = (session, by.address, deed.id.clone());
    if range && app.downloads.goes_on(&download, now) {
        return Ok(());
    }
    write(app, by, vec![deed]).await?;
    app.downloads.began(download, now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_belong_to_a_download_for_a_while() {
        let (downloads, start) = (Downloads::default(), Millis::new(1_700_000_000_000));
        let one = (Some(TokenId::new(start)), None, "medium".to_owned());
        let other = (one.0, Some(IpAddr::from([192, 0, 2, 1])), one.2.clone());
        assert!(!downloads.goes_on(&one, start));
        downloads.began(one.clone(), start);
        assert!(downloads.goes_on(&one, start.plus(GOES_ON - Duration::from_millis(1))));
        assert!(!downloads.goes_on(&one, start.plus(GOES_ON)));
        assert!(!downloads.goes_on(&other, start));
        for _ in 0..REMEMBERED {
            downloads.began((Some(TokenId::new(start)), None, one.2.clone()), start);
        }
        assert!(downloads.0.lock().unwrap().len() <= REMEMBERED);
    }

    #[test]
    fn a_query_is_recorded_without_what_may_name_a_person() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let query = [
            pair("meta_data", "iin==870101300123"),
            pair("limit", "5"),
            pair("meta_data", "name!=Ann"),
            pair("iin", "870101300123"),
            pair("search_text", "Ann"),
            pair("cursor", "x"),
        ];
        let expected = json!({"meta_data": ["iin", "name"], "limit": ["5"], "iin": [], "search_text": []});
        assert_eq!(asked(&query), expected);
    }
}
