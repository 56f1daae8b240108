//! The server loop: accept, limit, drain.
//!
//! warp's own loop has no header time-out, no cap on connections, no deadline when draining and no TLS.

use crate::connection;
use crate::lines::Lines;
use crate::places::Places;
use crate::route::{Response, Route, last};
use crate::tls::Tls;
use oz_domain::Clock;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use warp::Filter;

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
    /// Connections at once; more wait in the kernel's queue. A quarter of them for one neighbourhood, the trusted proxies
    /// apart; more of its are closed at once.
    pub connections: usize,
    /// For the TLS handshake, for the first request of a connection, and for each head from its first byte to its last.
    pub header_timeout: Duration,
    /// Between two requests: a connection without one for so long is closed (HTTP/2: for one to two of these). Longer
    /// than proxies keep theirs, or they send a request into a connection that is being closed.
    pub idle_timeout: Duration,
    /// For an answer, unless the body is a form: those have an idle time-out and a slowest pace.
    pub answer_timeout: Duration,
    /// For open requests to end once a stop is asked for.
    pub drain: Duration,
    /// Told about every answer.
    pub observer: Arc<dyn Observer>,
    /// Where ids take their time from.
    pub clock: Arc<dyn Clock>,
}

/// Where connections come from.
pub trait Listener: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one, and who is at its other end.
    fn next(&self) -> impl Future<Output = std::io::Result<(Self::Stream, IpAddr)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> std::io::Result<(TcpStream, IpAddr)> {
        let (stream, peer) = self.accept().await?;
        let _ = stream.set_nodelay(true);
        Ok((stream, peer.ip()))
    }
}

/// Whoever may open the socket's file is on this machine.
impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> std::io::Result<(UnixStream, IpAddr)> {
        let (stream, _) = self.accept().await?;
        Ok((stream, Ipv4Addr::LOCALHOST.into()))
    }
}

/// A set of routes with everything around them. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) routes: warp::filters::BoxedFilter<(Response,)>,
    pub(crate) names: Vec<&'static str>,
    pub(crate) options: ServerOptions,
    pub(crate) lines: Lines,
}

impl Server {
    /// Wraps the routes.
    pub fn new(routes: &Route, options: ServerOptions) -> Self {
        let filter = routes.filter().recover(last).unify().boxed();
        Self { inner: Arc::new(Inner { routes: filter, names: routes.names().to_vec(), options, lines: Lines::new() }) }
    }

    /// Accepts until `stop` resolves, then drains: no new connection, open requests get [`ServerOptions::drain`], and
    /// what is still open then is cut.
    ///
    /// # Errors
    /// Never for one connection; those are logged.
    pub async fn serve(&self, listener: impl Listener, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let permits = Arc::new(Semaphore::new(self.inner.options.connections));
        let places = Places::of(&self.inner.options);
        let (closing, closed) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = &mut stop => break,
            };
            let accepted = tokio::select! {
                accepted = listener.next() => accepted,
                Some(_) = connections.join_next() => continue,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(place) = places.take(peer) else {
                        tracing::debug!("a neighbourhood has more connections than its share");
                        continue;
                    };
                    let connection = connection::serve(Arc::clone(&self.inner), stream, peer, closed.clone());
                    connections.spawn(async move {
                        let _held = (permit, place);
                        connection.await;
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
        let _ = closing.send(true);
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.inner.options.drain, drained).await.is_err() {
            tracing::warn!(open = connections.len(), "requests were still open after the drain time and were cut");
            connections.shutdown().await;
        }
        Ok(())
    }
}
