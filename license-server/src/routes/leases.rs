//! Leases of nodes.

use crate::app::App;
use crate::error::Result;
use crate::view;
use oz_http::{Response, json_reply, reply_status};
use oz_license::Feature;
use oz_site::{Ask, Beat, Given};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use warp::Reply as _;
use warp::http::StatusCode;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskBody {
    instance_id: String,
    hostname: String,
    version: String,
    #[serde(default)]
    wanted: BTreeSet<Feature>,
    #[serde(default)]
    block: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BeatBody {
    counter: u64,
    attempt: String,
    #[serde(default)]
    block: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseBody {
    #[serde(default)]
    unused: u64,
}

pub(super) async fn acquire(body: AskBody, app: App) -> Result<Response> {
    let AskBody { instance_id, hostname, version, wanted, block } = body;
    let (ask, site) = (Ask { instance_id, hostname, version, wanted, block }, app.site.clone());
    let given = app.queue.write(move |conn, now| oz_site::acquire(conn, &site, &ask, now, true)).await?;
    Ok(reply_status(StatusCode::CREATED, &lease(&app, &given)?))
}

pub(super) async fn beat(lease_id: String, body: BeatBody, app: App) -> Result<Response> {
    let BeatBody { counter, attempt, block } = body;
    let (beat, site) = (Beat { counter, attempt, block }, app.site.clone());
    let given = app.queue.write(move |conn, now| oz_site::beat(conn, &site, &lease_id, &beat, now, true)).await?;
    Ok(json_reply(&lease(&app, &given)?))
}

pub(super) async fn release(lease_id: String, body: ReleaseBody, app: App) -> Result<Response> {
    app.queue.write(move |conn, now| oz_site::release(conn, &lease_id, body.unused, now)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The lease, signed, with what the node shows and logs of it.
fn lease(app: &App, given: &Given) -> Result<Value> {
    let claims = &given.claims;
    Ok(json!({
        "lease_id": claims.lease_id,
        "lease": app.site.sign_lease(claims)?,
        "counter": claims.counter,
        "block": claims.block,
        "expires_at": claims.expires_at,
        "ttl_s": claims.expires_at.duration_since(claims.issued_at).as_secs(),
        "left": given.left,
        "state": given.state.as_str(),
        "features": claims.features,
        "warnings": view::warnings(&given.warnings),
    }))
}
