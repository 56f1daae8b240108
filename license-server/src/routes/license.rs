//! The license itself, and the way to the next one.

use super::{file, of_kind, parameter};
use crate::app::App;
use crate::error::{Error, Result};
use crate::grants;
use crate::secrets::Right;
use crate::view::Whole;
use bytes::Bytes;
use oz_http::{ApiError, Response, json_reply};
use oz_wire::Code;
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InstallBody {
    license: String,
}

pub(super) async fn show(right: Right, app: App) -> Result<Response> {
    Ok(json_reply(&Whole::read(&app).await?.json(&app, right)))
}

/// The file as it is, or in JSON.
pub(super) async fn install(body: Bytes, app: App) -> Result<Response> {
    let text = if body.trim_ascii_start().starts_with(b"{") {
        oz_wire::parse::<InstallBody>(&body).map_err(ApiError::from)?.license
    } else {
        let text = String::from_utf8(body.into());
        text.map_err(|_| Error::value("license", "a license file: text between BEGIN and END OZ LICENSE"))?
    };
    let site = app.site.clone();
    let license = app.queue.write(move |conn, now| oz_site::install(conn, &site, &text, now)).await?;
    grants::forget(&app).await;
    let claims = license.claims();
    tracing::info!(license_id = claims.license_id, revision = claims.revision, "a license was installed");
    show(Right::Admin, app).await
}

pub(super) async fn restored(app: App) -> Result<Response> {
    let site = app.site.clone();
    app.queue.write(move |conn, now| oz_site::restored(conn, &site, now)).await?;
    tracing::warn!("the site was restored on another machine: activate its license anew within 14 days");
    show(Right::Admin, app).await
}

/// `format`: `json` (a file to carry), `svg` and `txt` (QR codes of the same).
pub(super) async fn request(query: Vec<(String, String)>, app: App) -> Result<Response> {
    let request = app.site.activation_request().map_err(|e| ApiError::internal(Code::Unknown, e))?;
    let text = serde_json::to_string(&request).map_err(|e| ApiError::internal(Code::Unknown, e))?;
    let code = || {
        let code = QrCode::with_error_correction_level(&text, EcLevel::L);
        code.map_err(|_| Error::value("format", "json: the request is too long for a QR code"))
    };
    match parameter(&query, "format").unwrap_or("json") {
        "json" => {
            let mut response = file(text, "activation-request.json");
            let kind = warp::http::HeaderValue::from_static("application/json");
            response.headers_mut().insert(warp::http::header::CONTENT_TYPE, kind);
            Ok(response)
        }
        "svg" => Ok(of_kind(code()?.render::<svg::Color<'_>>().min_dimensions(320, 320).build(), "image/svg+xml")),
        "txt" => Ok(of_kind(code()?.render::<unicode::Dense1x2>().build() + "\n", "text/plain; charset=utf-8")),
        _ => Err(Error::value("format", "json, svg or txt")),
    }
}
