//! The administrator's page: three files in the program, nothing from anywhere else.

use oz_http::{Response, Route, any_of, endpoint};
use warp::http::{HeaderValue, header};
use warp::path::end;
use warp::{Filter, Reply as _, get, path};

/// Nothing but the page's own script, style and calls; pictures of codes are made in the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and what it loads.
#[rustfmt::skip]
pub(crate) fn routes() -> Route {
    any_of([
        endpoint("GET /", end().and(get()).then(|| show(include_str!("page/index.html"), "text/html; charset=utf-8"))),
        endpoint("GET /page.css", path("page.css").and(end()).and(get()).then(|| show(include_str!("page/page.css"), "text/css; charset=utf-8"))),
        endpoint("GET /page.js", path("page.js").and(end()).and(get()).then(|| show(include_str!("page/page.js"), "text/javascript; charset=utf-8"))),
    ])
}

async fn show(text: &'static str, kind: &'static str) -> Result<Response, oz_http::ApiError> {
    let mut response = text.into_response();
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
