//! What surrounds every request: id, span, panic catcher, time-out, HEAD and OPTIONS, headers of every answer, metrics.

use crate::body::RequestBody;
use crate::error::ApiError;
use crate::extract::{ClientAddr, RequestMeta};
use crate::route::{Response, RouteName, allowed_methods};
use crate::server::Inner;
use futures_util::FutureExt as _;
use hyper::body::{Body as _, Incoming};
use oz_domain::{Clock, RequestId};
use oz_wire::Code;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::time::Instant;
use tower_service::Service as _;
use tracing::Instrument as _;
use warp::http::uri::{Authority, Uri};
use warp::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};

impl Inner {
    /// Answers one request. Never fails, whatever the handler does.
    pub(crate) async fn answer(&self, mut request: Request<Incoming>, peer: IpAddr) -> Response {
        let options = &self.options;
        let id = request_id(request.headers(), options.clock.as_ref());
        let client = ClientAddr(client_addr(request.headers(), peer, &options.trusted_proxies));
        let is_head = request.method() == Method::HEAD;
        let meta = RequestMeta::new(id, client, authority(request.uri(), request.headers()), is_head);
        request.extensions_mut().insert(meta.clone());
        let uri = request.uri().clone();
        if is_head {
            // RFC 9110, 9.3.2: as GET, without the body.
            *request.method_mut() = Method::GET;
        }
        let span = tracing::info_span!("request", request_id = %id, user_id = tracing::field::Empty);
        // A Standard instant, not the product's clock: it measures, it decides nothing.
        let start = Instant::now();
        let mut response = if request.method() == Method::OPTIONS {
            self.methods_of(uri.path())
        } else {
            self.handled(request).instrument(span.clone()).await
        };
        let _entered = span.entered();
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            self.allow(uri.path(), response.headers_mut());
        }
        if is_head {
            response = without_body(response);
        }
        response.headers_mut().extend(meta.told());
        finish(response.headers_mut(), id);
        let route = response.extensions().get::<RouteName>().map_or("none", |r| r.0);
        let (status, took) = (response.status().as_u16(), start.elapsed());
        options.observer.answered(route, status, took);
        let time_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match self.lines.of(status) {
            Some(unlogged) if unlogged > 0 => tracing::info!(route, status, time_ms, unlogged, "answered"),
            Some(_) => tracing::info!(route, status, time_ms, "answered"),
            None => {}
        }
        response
    }

    async fn handled(&self, request: Request<Incoming>) -> Response {
        let is_form = is_form(request.headers());
        let work = AssertUnwindSafe(warp::service(self.routes.clone()).call(RequestBody::of(request))).catch_unwind();
        // Forms have an idle time-out and a slowest pace instead.
        let outcome =
            if is_form { Ok(work.await) } else { tokio::time::timeout(self.options.answer_timeout, work).await };
        match outcome {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_)) => ApiError::internal(Code::Unknown, "a handler panicked").into_response(),
            Err(_) => ApiError::new(Code::Unavailable, "the answer took too long").into_response(),
        }
    }

    /// `OPTIONS`: what a path can do; 404 when it does not exist.
    fn methods_of(&self, path: &str) -> Response {
        if allowed_methods(&self.names, path).is_empty() {
            return ApiError::not_found("path").into_response();
        }
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        self.allow(path, response.headers_mut());
        response
    }

    fn allow(&self, path: &str, headers: &mut HeaderMap) {
        let methods = allowed_methods(&self.names, path).join(", ");
        if let Ok(value) = HeaderValue::from_str(&methods) {
            headers.insert(header::ALLOW, value);
        }
    }
}

/// The headers that every answer has.
fn finish(headers: &mut HeaderMap, id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-request-id", value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Answers hold personal data: nothing between us and the client may keep them.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The same head, and no body; `Content-Length` tells what GET would send.
fn without_body(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    if let Some(size) = body.size_hint().exact() {
        head.headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(size));
    }
    Response::from_parts(head, warp::reply::Response::default().into_body())
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"multipart/"))
}

/// The client's id when it is a UUID, so that it can follow a call through its own logs; else a new one.
fn request_id(headers: &HeaderMap, clock: &dyn Clock) -> RequestId {
    let given = headers.get("x-request-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    given.unwrap_or_else(|| RequestId::new(clock.now()))
}

/// Host and port that the client asks: of the target where it has them (RFC 9112, 3.2.2), else of `Host`.
///
/// Links are made of it, so what is no host is left out, and so is a user before it.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let named = || headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
    let authority = uri.authority().cloned().or_else(named)?;
    let host = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
    (!host.is_empty()).then(|| host.to_owned())
}

/// The peer, or the last address in `X-Forwarded-For` that is not a trusted proxy itself.
///
/// Read from the right, each entry vouched for by the one after it; what cannot be read ends the chain, so that nobody
/// can push a made-up address to the front.
fn client_addr(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !trusted.contains(&client) {
        return client;
    }
    let lines = headers.get_all("x-forwarded-for").iter().map(|v| v.to_str().unwrap_or_default());
    let chain: Vec<&str> = lines.flat_map(|v| v.split(',')).collect();
    for entry in chain.into_iter().rev().map(str::trim) {
        let port = |text: &str| text.parse::<SocketAddr>().map(|a| a.ip());
        let Ok(address) = entry.parse::<IpAddr>().or_else(|_| port(entry)) else { break };
        client = address.to_canonical();
        if !trusted.contains(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;
    use oz_domain::SystemClock;

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        for (peer, forwarded, expected) in [
            ("10.0.0.1", "198.51.100.9, 203.0.113.7", "203.0.113.7"),
            ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
            ("10.0.0.1", "203.0.113.7:50123", "203.0.113.7"),
            ("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
            ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
            ("10.0.0.1", "", "10.0.0.1"),
            // The proxy wrote something unreadable: what stands before it is the client's own claim.
            ("10.0.0.1", "198.51.100.9, unknown", "10.0.0.1"),
            ("198.51.100.9", "203.0.113.7", "198.51.100.9"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_static(forwarded));
            let trusted = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
            let client = client_addr(&headers, peer.parse().unwrap(), &trusted);
            assert_eq!(client.to_string(), expected, "{peer} {forwarded}");
        }
    }

    #[test]
    fn a_request_id_is_taken_over_only_when_it_is_a_uuid() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("0192f0c1-2f4b-7c3e-9a53-3d7f1d4c0a11"));
        assert_eq!(request_id(&headers, &SystemClock).to_string(), "0192f0c1-2f4b-7c3e-9a53-3d7f1d4c0a11");
        headers.insert("x-request-id", HeaderValue::from_static("a\" level=error"));
        assert_eq!(request_id(&headers, &SystemClock).uuid().get_version_num(), 7);
    }
}
