//! What nodes used, and what the vendor is told of it.

use super::{file, parameter};
use crate::app::App;
use crate::error::{Error, Result};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use oz_http::{Response, json_reply};
use oz_site::Batch;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageBody {
    instance_id: String,
    seq: i64,
    batch: Option<String>,
    counts: BTreeMap<String, i64>,
}

pub(super) async fn note(body: UsageBody, app: App) -> Result<Response> {
    let UsageBody { instance_id, seq, batch, counts } = body;
    // Without a name all of it is its name: a repetition is the same batch; the next one with equal counts is another.
    let named = || hex::encode(Sha256::digest(format!("{instance_id} {seq} {counts:?}")));
    let id = batch.unwrap_or_else(named);
    let batch = Batch { seq, id, counts: oz_site::counts_of(&counts)? };
    let site = app.site.clone();
    let standing = app
        .queue
        .write(move |conn, now| {
            oz_site::use_up(conn, &site, &instance_id, &batch, now, true)?;
            oz_site::standing(conn, &site, now, true)
        })
        .await?;
    Ok(json_reply(&json!({"left": standing.left, "used": standing.used})))
}

/// `from` and `to` are days, both included: today, and the first of its month, year or decade if absent.
pub(super) async fn totals(query: Vec<(String, String)>, app: App) -> Result<Response> {
    let (word, length) = match parameter(&query, "group_by").unwrap_or("day") {
        "day" => ("day", 10),
        "month" => ("month", 7),
        "year" => ("year", 4),
        _ => return Err(Error::value("group_by", "day, month or year")),
    };
    let day = |name: &'static str| {
        let text = parameter(&query, name);
        let read = text.map(|text| text.parse::<Date>().ok().filter(|_| text.len() == 10).ok_or(name));
        read.transpose().map_err(|name| Error::value(name, "a day such as 2026-11-25"))
    };
    let to = day("to")?.unwrap_or_else(|| oz_site::timestamp(app.clock.now()).to_zoned(TimeZone::UTC).date());
    let first = match word {
        "day" => to.first_of_month(),
        "month" => to.first_of_year(),
        _ => Date::new(to.year() - to.year().rem_euclid(10), 1, 1).unwrap_or(to),
    };
    let from = day("from")?.unwrap_or(first);
    let name = |date: Date| date.to_string().chars().take(length).collect::<String>();
    let (begin, end) = (name(from), name(to));
    let totals = app.db.read(move |conn| oz_site::totals(conn, &begin, &end)).await?;
    Ok(json_reply(&json!({"from": from, "to": to, "group_by": word, "totals": totals})))
}

pub(super) async fn report(query: Vec<(String, String)>, app: App) -> Result<Response> {
    let period = parameter(&query, "period").unwrap_or_default().to_owned();
    let (site, now, asked) = (app.site.clone(), app.clock.now(), period.clone());
    let report = app.db.read(move |conn| oz_site::report(conn, &site, &asked, now)).await?;
    Ok(file(app.site.sign_usage(&report)?, &format!("usage-{period}.txt")))
}
