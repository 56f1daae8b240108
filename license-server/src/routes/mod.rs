//! All calls on one screen.

mod leases;
mod license;
mod sdk;
mod usage;

use crate::app::App;
use crate::auth::{Door, at_least, needs};
use crate::error::Result;
use crate::secrets::Right::{Admin, Node};
use crate::{health, page};
use oz_http::{Response, Route, any_of, body_within, endpoint, json_reply, json_within, query, reply_status};
use oz_wire::CheckStatus;
use serde_json::json;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::path::{end, param};
use warp::{Filter, Reply as _, delete, get, path, post, put};

/// Longest body.
const BODY: usize = oz_license::MAX_BYTES;

/// Every route.
#[rustfmt::skip]
pub(crate) fn routes(app: &App, door: Door) -> Route {
    let (admin, node) = (|| needs(app, door, Admin), || needs(app, door, Node));
    let api = |name: &'static str| path("api").and(path(name));
    any_of([
        endpoint("GET /api/healthcheck", api("healthcheck").and(end()).and(get()).and(with(app)).then(healthcheck)),
        endpoint("GET /api/version", api("version").and(end()).and(get()).then(version)),
        endpoint("GET /metrics", path("metrics").and(end()).and(get()).and(with(app)).then(metrics)),
        endpoint("GET /api/license", api("license").and(end()).and(get()).and(at_least(app, door, Node)).and(with(app)).then(license::show)),
        endpoint("PUT /api/license", api("license").and(end()).and(put()).and(admin()).and(body_within(BODY)).and(with(app)).then(license::install)),
        endpoint("POST /api/license/restored", api("license").and(path("restored")).and(end()).and(post()).and(admin()).and(with(app)).then(license::restored)),
        endpoint("GET /api/license/activation-request", api("license").and(path("activation-request")).and(end()).and(get()).and(admin()).and(query()).and(with(app)).then(license::request)),
        endpoint("POST /api/leases", api("leases").and(end()).and(post()).and(node()).and(json_within(BODY)).and(with(app)).then(leases::acquire)),
        endpoint("PUT /api/leases/{lease_id}", api("leases").and(param()).and(end()).and(put()).and(node()).and(json_within(BODY)).and(with(app)).then(leases::beat)),
        endpoint("DELETE /api/leases/{lease_id}", api("leases").and(param()).and(end()).and(delete()).and(node()).and(json_within(BODY)).and(with(app)).then(leases::release)),
        endpoint("POST /api/usage", api("usage").and(end()).and(post()).and(node()).and(json_within(BODY)).and(with(app)).then(usage::note)),
        endpoint("GET /api/usage", api("usage").and(end()).and(get()).and(admin()).and(query()).and(with(app)).then(usage::totals)),
        endpoint("GET /api/usage/report", api("usage").and(path("report")).and(end()).and(get()).and(admin()).and(query()).and(with(app)).then(usage::report)),
        endpoint("POST /api/sdk/grants", api("sdk").and(path("grants")).and(end()).and(post()).and(sdk::caller(app, door)).and(json_within(BODY)).and(with(app)).then(sdk::grant)),
        endpoint("GET /api/sdk/license", api("sdk").and(path("license")).and(end()).and(get()).and(sdk::caller(app, door)).and(query()).and(with(app)).then(sdk::license)),
        page::routes(),
    ])
}

/// Gives the handler its own handle on the app.
fn with(app: &App) -> BoxedFilter<(App,)> {
    let app = app.clone();
    warp::any().map(move || app.clone()).boxed()
}

async fn healthcheck(app: App) -> Result<Response> {
    let health = health::health(&app);
    let status = if health.status == CheckStatus::Fail { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    Ok(reply_status(status, &health))
}

async fn version() -> Result<Response> {
    Ok(json_reply(&json!({"version": env!("CARGO_PKG_VERSION")})))
}

async fn metrics(app: App) -> Result<Response> {
    Ok(of_kind(app.metrics.text(&app), "text/plain; version=0.0.4; charset=utf-8"))
}

/// A text with its content type.
fn of_kind(text: String, kind: &'static str) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A text to be kept as a file. The name is of our own making.
fn file(text: String, name: &str) -> Response {
    let mut response = of_kind(text, "text/plain; charset=utf-8");
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// The last value of a parameter.
fn parameter<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}
