//! The server loop: accept, limit, TLS, HTTP, and what surrounds every request.
//!
//! warp's own loop has no header time-out, no cap on connections, no deadline when draining and no TLS.

use crate::error::ApiError;
use crate::extract::{ClientAddr, RequestMeta};
use crate::route::{Response, Route, RouteName, allowed_methods, last};
use crate::tls::Tls;
use futures_util::FutureExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use oz_domain::{Clock, RequestId};
use oz_wire::Code;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_service::Service as _;
use tracing::Instrument as _;
use warp::Filter;
use warp::http::{HeaderMap, HeaderValue, Request, header};

/// Why serving ended early.
pub type ServeError = std::io::Error;

/// Told about every answer.
pub trait Observer: Send + Sync + 'static {
    /// `route` is a template, or `none` when no route took the request.
    fn answered(&self, route: &'static str, status: u16, took: Duration);
}

/// How to serve.
pub struct ServerOptions {
    /// TLS, or plain text.
    pub tls: Option<Arc<Tls>>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// For the whole head of a request to arrive, and for the TLS handshake.
    pub header_timeout: Duration,
    /// For an answer, unless the body is a form: those have an idle time-out.
    pub answer_timeout: Duration,
    /// For open requests to end once a stop is asked for.
    pub drain: Duration,
    /// Told about every answer.
    pub observer: Arc<dyn Observer>,
    /// Where ids take their time from.
    pub clock: Arc<dyn Clock>,
}

/// A set of routes with everything around them. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    routes: warp::filters::BoxedFilter<(Response,)>,
    names: Vec<&'static str>,
    options: ServerOptions,
}

impl Server {
    /// Wraps the routes.
    pub fn new(routes: &Route, options: ServerOptions) -> Self {
        let filter = routes.filter().recover(last).unify().boxed();
        Self { inner: Arc::new(Inner { routes: filter, names: routes.names().to_vec(), options }) }
    }

    /// Accepts until `stop` resolves, then drains: no new connection, open requests get [`ServerOptions::drain`].
    ///
    /// # Errors
    /// Never for one connection; those are logged.
    pub async fn serve(&self, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let permits = Arc::new(Semaphore::new(self.inner.options.connections));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = &mut stop => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    let (server, watcher) = (self.clone(), graceful.watcher());
                    tokio::spawn(async move {
                        let _permit = permit;
                        server.connection(stream, peer, watcher).await;
                    });
                }
                // Out of descriptors, mostly: wait until something may have been closed instead of spinning.
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    let _ = tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>()).await;
                }
            }
        }
        drop(listener);
        if tokio::time::timeout(self.inner.options.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests were still open after the drain time and were cut");
        }
        Ok(())
    }

    async fn connection(
        &self,
        stream: tokio::net::TcpStream,
        peer: SocketAddr,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let Some(tls) = &self.inner.options.tls else { return self.http(stream, peer, watcher).await };
        let handshake = tls.acceptor().accept(stream);
        match tokio::time::timeout(self.inner.options.header_timeout, handshake).await {
            Ok(Ok(stream)) => self.http(stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake timed out"),
        }
    }

    async fn http<S>(&self, stream: S, peer: SocketAddr, watcher: hyper_util::server::graceful::Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.inner.options.header_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .max_concurrent_streams(128);
        let server = self.clone();
        let service = hyper::service::service_fn(move |request| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request, peer.ip()).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "connection ended");
        }
    }

    /// One request: id, span, panic catcher, time-out, metrics.
    async fn answer(&self, mut request: Request<hyper::body::Incoming>, peer: IpAddr) -> Response {
        let options = &self.inner.options;
        let id = request_id(request.headers(), options.clock.as_ref());
        let client = ClientAddr(client_addr(request.headers(), peer, &options.trusted_proxies));
        request.extensions_mut().insert(RequestMeta { id, client });
        let path = request.uri().path().to_owned();
        let span = tracing::info_span!("request", request_id = %id, user_id = tracing::field::Empty);
        let is_form = content_type(request.headers()).starts_with("multipart/");
        // A Standard instant, not the product's clock: it measures, it decides nothing.
        let start = Instant::now();

        let work = AssertUnwindSafe(warp::service(self.inner.routes.clone()).call(request)).catch_unwind();
        let limited = async {
            if is_form {
                return Some(work.await);
            }
            tokio::time::timeout(options.answer_timeout, work).await.ok()
        };
        let outcome = limited.instrument(span.clone()).await;
        let _entered = span.entered();
        let mut response = match outcome {
            Some(Ok(Ok(response))) => response,
            Some(Ok(Err(never))) => match never {},
            Some(Err(_)) => ApiError::internal(Code::Unknown, "a handler panicked").into_response(),
            None => ApiError::new(Code::Unavailable, "the answer took too long").into_response(),
        };
        if response.status() == warp::http::StatusCode::METHOD_NOT_ALLOWED {
            let allow = allowed_methods(&self.inner.names, &path).join(", ");
            if let Ok(value) = HeaderValue::from_str(&allow) {
                response.headers_mut().insert(header::ALLOW, value);
            }
        }
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert("x-request-id", value);
        }
        let route = response.extensions().get::<RouteName>().map_or("none", |r| r.0);
        let (status, took) = (response.status().as_u16(), start.elapsed());
        options.observer.answered(route, status, took);
        tracing::info!(route, status, time_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "answered");
        response
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// The client's id when it is a UUID, so that it can follow a call through its own logs; else a new one.
fn request_id(headers: &HeaderMap, clock: &dyn Clock) -> RequestId {
    let given = headers.get("x-request-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    given.unwrap_or_else(|| RequestId::new(clock.now()))
}

/// The peer, or the last address in `X-Forwarded-For` that is not a trusted proxy itself.
fn client_addr(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let chain: Vec<IpAddr> = forwarded.flat_map(|v| v.split(',')).filter_map(|a| a.trim().parse().ok()).collect();
    chain.into_iter().rev().find(|a| !trusted.contains(a)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        let (proxy, client, liar): (IpAddr, IpAddr, IpAddr) =
            ("10.0.0.1".parse().unwrap(), "203.0.113.7".parse().unwrap(), "198.51.100.9".parse().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.9, 203.0.113.7"));
        assert_eq!(client_addr(&headers, proxy, &[proxy]), client);
        assert_eq!(client_addr(&headers, liar, &[proxy]), liar);
        assert_eq!(client_addr(&HeaderMap::new(), proxy, &[proxy]), proxy);
    }
}
