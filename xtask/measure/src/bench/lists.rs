//! Pages of a long list of folders, over HTTP, on both databases.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use diesel::connection::SimpleConnection as _;
use oz_store::{AnyConn, Db};
use oz_testkit::Cluster;
use oz_testkit::client::Client;
use oz_testkit::server::{CLIENT, Options, Server};
use serde_json::{Value, json};

use super::table::{Limit, Row};

/// Pages of each kind.
const PAGES: u32 = 200;
/// Milliseconds that the 99th percentile may take.
const LIMIT: f64 = 20.0;
/// Time of the first folder; one follows every millisecond.
const FIRST: i64 = 1_700_000_000_000;

/// The slowest percent of pages by cursor, by time, by metadata: those who see all, and those of one company.
pub(crate) fn lists(folders: u32) -> Result<Vec<Row>> {
    let cluster = Cluster::start().context("PostgreSQL")?;
    let url = cluster.create_database("oz")?;
    let mut rows = Vec::new();
    for (name, url) in [("SQLite", None), ("PostgreSQL", Some(url))] {
        let server = Server::start_new(Options { database_url: url.clone(), ..Options::default() });
        let url = url.unwrap_or_else(|| format!("sqlite://{}", server.data.join("oz.sqlite").display()));
        let owner = owner(&server.anonymous())?;
        fill(&url, &owner, folders)?;
        for (who, client) in [("ADMIN", server.admin()), ("CLIENT", server.client())] {
            for kind in ["cursor", "time range", "metadata"] {
                let (median, worst) = pages(&client, kind, folders);
                rows.push(Row {
                    what: format!("page of {folders} folders by {kind}, {name}, {who}: 99th percentile, ms"),
                    measured: format!("{worst:.1} ms (median {median:.1} ms)"),
                    floor: String::new(),
                    value: worst,
                    limit: Limit::AtMost(LIMIT),
                });
            }
        }
    }
    Ok(rows)
}

/// Company and user of the client.
fn owner(client: &Client) -> Result<[String; 2]> {
    let body = json!({"credentials": {"email": CLIENT.0, "password": CLIENT.1}});
    let user: Value = client.json("POST", "/api/authorize/auth", &body).expect(200)["user"].clone();
    let text = |key: &str| user[key].as_str().map(str::to_owned).with_context(|| format!("no {key}"));
    Ok([text("company_id")?, text("user_id")?])
}

/// Half of the folders are the client's, the others an administrator's; each has a rare and a common key.
fn fill(url: &str, [company, user]: &[String; 2], folders: u32) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (company, user) = (company.clone(), user.clone());
    let url = url.to_owned();
    runtime.block_on(async move {
        let db = Db::open(&url, oz_store::Options::default()).await?;
        let filled = db.statement(move |conn| {
            let (numbers, id) = match conn {
                AnyConn::Pg(_) => ("generate_series(1, {n}) AS n(i)", "'00000000-0000-7000-8000-' || lpad(i::text, 12, '0')"),
                AnyConn::Sqlite(_) => (
                    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) SELECT i FROM n)",
                    "printf('00000000-0000-7000-8000-%012d', i)",
                ),
            };
            let numbers = numbers.replace("{n}", &folders.to_string());
            let company = format!("CASE WHEN i % 2 = 0 THEN '{company}' ELSE '00000000-0000-0000-0000-000000000000' END");
            let user = format!("CASE WHEN i % 2 = 0 THEN '{user}' END");
            let data = "'{\"transaction_id\":\"t' || i || '\",\"channel\":\"web\"}'";
            let index = |key: &str, value: &str| {
                format!("INSERT INTO folder_metadata SELECT {id}, '{key}', {value}, {company}, {user}, {FIRST} + i FROM {numbers};")
            };
            conn.batch_execute(&format!(
                "INSERT INTO folders SELECT {id}, {company}, {user}, 'INITIAL', 'INITIAL', NULL, NULL, NULL, FALSE, {data}, '{{}}', \
                 {FIRST} + i, {FIRST} + i FROM {numbers}; {} {} ANALYZE;",
                index("transaction_id", "'t' || i"),
                index("channel", "'web'"),
            ))
            .map_err(oz_store::Error::from)
        });
        filled.await?;
        db.close().await
    })?;
    Ok(())
}

/// Median and 99th percentile, milliseconds.
fn pages(client: &Client, kind: &str, folders: u32) -> (f64, f64) {
    let mut times: Vec<Duration> = (0..PAGES)
        .map(|step| {
            // Spread over the whole list, in an order that no cache can guess; even folders are everybody's.
            let place = i64::from(step * 7919 % PAGES) * i64::from(folders) / i64::from(PAGES);
            let at = FIRST + place;
            let path = match kind {
                "cursor" => format!("/api/folders/?total_omit=true&cursor=b{at:016x}{:032x}", 0),
                "time range" => {
                    format!("/api/folders/?total_omit=true&time_created.min={at}&time_created.max={}", at + 50_000)
                }
                _ if step % 2 == 0 => {
                    format!("/api/folders/?total_omit=true&meta_data=transaction_id==t{}", place / 2 * 2)
                }
                _ => format!("/api/folders/?total_omit=true&meta_data=channel==web&cursor=b{at:016x}{:032x}", 0),
            };
            let start = Instant::now();
            client.get(&path).expect(200);
            start.elapsed()
        })
        .collect();
    times.sort();
    let millis = |at: usize| times.get(at).map_or(f64::MAX, |t| t.as_secs_f64() * 1e3);
    (millis(times.len() / 2), millis(times.len() * 99 / 100))
}
