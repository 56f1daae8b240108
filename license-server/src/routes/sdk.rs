//! What apps and the web adapter ask. Strangers reach these calls: each source is held to a rate before its body is read.

use super::{file, parameter};
use crate::app::App;
use crate::auth::{Door, right};
use crate::error::{Error, Result};
use crate::grants::{self, Ask};
use crate::secrets::Right;
use oz_http::{ApiError, RequestMeta, Response, reply_status};
use oz_license::{Audience, Kind};
use serde_json::json;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;

/// The caller's right; one without any is counted.
pub(super) fn caller(app: &App, door: Door) -> BoxedFilter<(Option<Right>,)> {
    let counting = app.clone();
    right(app, door)
        .and(oz_http::meta())
        .and_then(move |right: Option<Right>, meta: RequestMeta| {
            let passed = if right.is_none() { counting.strangers.check(meta.client.0) } else { Ok(()) };
            async move { passed.map(|()| right).map_err(warp::Rejection::from) }
        })
        .boxed()
}

pub(super) async fn grant(right: Option<Right>, ask: Ask, app: App) -> Result<Response> {
    let (text, claims) = grants::grant(&app, &ask, right.is_some()).await?;
    let body = json!({
        "grant": text,
        "nonce": claims.nonce,
        "features": claims.features,
        "expires_at": claims.expires_at,
    });
    Ok(reply_status(StatusCode::CREATED, &body))
}

/// The file to embed. Open: whoever has the app has the file. Never the appliance's own, which says what its machine is made
/// of and what it may do; one that holds before one that is over.
pub(super) async fn license(_: Option<Right>, query: Vec<(String, String)>, app: App) -> Result<Response> {
    let app_id = || {
        let id = parameter(&query, "app_id").map(str::to_owned);
        id.ok_or_else(|| Error::value("app_id", "the app's id"))
    };
    let audience = match parameter(&query, "platform") {
        Some("android") => Audience::Android { app_id: app_id()? },
        Some("ios") => Audience::Ios { app_id: app_id()? },
        Some("web") => grants::page(parameter(&query, "origin").unwrap_or_default())?,
        _ => return Err(Error::value("platform", "android, ios or web")),
    };
    let (files, now) = (grants::files(&app).await?, oz_site::timestamp(app.clock.now()));
    let given = grants::covering(&files.files, &audience)
        .filter(|(_, license)| !matches!(license.claims().kind, Kind::Server | Kind::Trial));
    let found = given.max_by_key(|(_, license)| license.time_state(now).permits());
    let (covering, _) = found.ok_or_else(|| ApiError::not_found("a license that covers it"))?;
    Ok(file(covering.text.clone(), "forensics.license"))
}
