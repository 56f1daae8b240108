//! Health, version, configuration, the API's own description; and the private listener with metrics.

use super::with;
use crate::app::App;
use crate::auth::{Access, user};
use crate::error::Result;
use crate::health;
use oz_domain::{Action, AnalysisKind, Object};
use oz_http::{Response, Route, any_of, endpoint, json_reply, reply_status, under};
use oz_wire::{CheckStatus, Config, ConfigLicense, Limits, Version};
use std::sync::LazyLock;
use warp::http::{HeaderValue, StatusCode, header};
use warp::path::end;
use warp::{Filter, Reply as _, get, path};

/// `/api/healthcheck`, `/api/version`, `/api/config`, `/api/openapi.json`.
#[rustfmt::skip]
pub(super) fn routes(app: &App) -> Route {
    any_of([
        endpoint("GET /api/healthcheck", path("healthcheck").and(end()).and(get()).and(with(app)).then(healthcheck)),
        endpoint("GET /api/version", path("version").and(end()).and(get()).and(with(app)).then(version)),
        endpoint("GET /api/config", path("config").and(end()).and(get()).and(user(app, Object::Config, Action::Read)).and(with(app)).then(config)),
        endpoint("GET /api/openapi.json", path("openapi.json").and(end()).and(get()).then(openapi)),
    ])
}

/// The private listener: plain text on loopback, so that probes work when TLS is broken.
#[rustfmt::skip]
pub(crate) fn private(app: &App) -> Route {
    any_of([
        endpoint("GET /metrics", path("metrics").and(end()).and(get()).and(with(app)).then(metrics)),
        endpoint("GET /livez", path("livez").and(end()).and(get()).then(|| async { Ok::<_, oz_http::ApiError>("alive\n") })),
        endpoint("GET /readyz", path("readyz").and(end()).and(get()).and(with(app)).then(healthcheck)),
        under("api", endpoint("GET /api/healthcheck", path("healthcheck").and(end()).and(get()).and(with(app)).then(healthcheck))),
    ])
}

async fn healthcheck(app: App) -> Result<Response> {
    let health = health::health(&app).await;
    let status = if health.status == CheckStatus::Fail { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    Ok(reply_status(status, &*health))
}

async fn version(app: App) -> Result<Response> {
    let pack = app.engine.get().and_then(|e| e.as_ref().ok()).map(oz_models::Engine::version);
    Ok(json_reply(&Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model_pack: pack.map(|p| format!("{} {}", p.name, p.version)),
        calibration: pack.map(|p| p.calibration.clone()),
    }))
}

async fn config(_: Access, app: App) -> Result<Response> {
    let limits = app.decoder.limits();
    Ok(json_reply(&Config {
        time_zone: "UTC",
        components: vec!["auth", "folders", "quality"],
        analyses: vec![AnalysisKind::Quality.as_str()],
        license: ConfigLicense {
            state: app.license.known().state,
            features: app.license.known().features.iter().map(|feature| feature.as_str()).collect(),
        },
        limits: Limits {
            file_bytes: app.settings.max_file_size,
            files_per_folder: u32::try_from(app.settings.max_files_per_folder).unwrap_or(u32::MAX),
            video_seconds: f64::from(limits.video_seconds),
            picture_pixels: limits.picture_pixels,
        },
    }))
}

/// Made once: it is large, always the same, and anybody may ask for it.
static OPENAPI: LazyLock<Vec<u8>> =
    LazyLock::new(|| serde_json::to_vec(&crate::openapi::document()).unwrap_or_default());

async fn openapi() -> Result<Response> {
    let mut response = OPENAPI.as_slice().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn metrics(app: App) -> Result<Response> {
    health::measure_queue(&app).await;
    let known = app.license.known();
    app.metrics.license(known.state, known.days, known.left);
    let mut response = app.metrics.text().into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
