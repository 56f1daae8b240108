//! One connection: TLS, HTTP, and the time-outs that hyper does not have.

use crate::head::{Came, Counted, HeadTimer};
use crate::server::Inner;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;

/// A client that takes no byte of an answer for this long is gone.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// An asked-to-close connection that still has no request after this long is cut: an HTTP/2 peer that never reads.
const CUT_AFTER: Duration = Duration::from_secs(3600);

/// Most bytes that HTTP/1 reads ahead: a head must fit. Strangers can open thousands of connections, so it is small.
const BUFFER: usize = 64 << 10;

/// What goes on in a connection.
#[derive(Default)]
struct Traffic {
    requests: AtomicU64,
    open: AtomicU32,
}

/// Counts a request as open until it is answered, given up or has panicked.
struct OpenRequest(Arc<Traffic>);

impl OpenRequest {
    fn new(traffic: &Arc<Traffic>) -> Self {
        traffic.requests.fetch_add(1, Ordering::Relaxed);
        traffic.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(traffic))
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves one connection until it ends, is idle for too long, or `stop` turns true and its last request is answered.
pub(crate) async fn serve<S>(server: Arc<Inner>, stream: S, peer: IpAddr, stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_STALL));
    let stream = Box::pin(stream);
    let Some(tls) = &server.options.tls else { return http(server, stream, peer, stop).await };
    let handshake = tls.acceptor().accept(stream);
    match tokio::time::timeout(server.options.header_timeout, handshake).await {
        Ok(Ok(stream)) => http(server, stream, peer, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

async fn http<S>(server: Arc<Inner>, stream: S, peer: IpAddr, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (head, idle) = (server.options.header_timeout, server.options.idle_timeout);
    let came = Came::default();
    let stream = Counted::new(stream, came.clone());
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(HeadTimer { came, head }).header_read_timeout(idle).max_buf_size(BUFFER);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30)).max_concurrent_streams(128);
    let traffic = Arc::new(Traffic::default());
    let counted = Arc::clone(&traffic);
    let service = hyper::service::service_fn(move |request| {
        let (server, open) = (Arc::clone(&server), OpenRequest::new(&counted));
        async move {
            let response = server.answer(request, peer).await;
            drop(open);
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper times the head of a request, but neither the bytes that tell HTTP/1 from HTTP/2 nor idle HTTP/2. The first
    // tick asks for a first request, the others for one since the last tick.
    let mut ticks = tokio::time::interval_at(Instant::now() + head, idle);
    let (mut seen, mut closing): (u64, Option<Instant>) = (0, None);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            _ = stop.wait_for(|stop| *stop), if closing.is_none() => {
                closing = Some(Instant::now());
                connection.as_mut().graceful_shutdown();
            }
            _ = ticks.tick() => {
                let requests = traffic.requests.load(Ordering::Relaxed);
                let quiet = requests == seen && traffic.open.load(Ordering::Relaxed) == 0;
                seen = requests;
                match closing {
                    _ if !quiet => {}
                    _ if requests == 0 => return,
                    Some(since) if since.elapsed() > CUT_AFTER => return,
                    Some(_) => {}
                    // An answer that is still being sent is finished first.
                    None => {
                        closing = Some(Instant::now());
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}
