//! The body of a request, which outlives a handler that did not want all of it.

use bytes::Bytes;
use futures_util::future::poll_fn;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use warp::http::{Request, Version, header};

/// Most bytes that are read and thrown away after an early answer.
const LEFTOVER_BYTES: u64 = 256 << 20;
/// Longest time spent on that.
const LEFTOVER_TIME: Duration = Duration::from_secs(30);

/// A request body that is read to its end in the background when a handler answers early (413, 401, ...).
///
/// Closing a socket with unread bytes sends RST, and the client's kernel then throws our answer away: the client would
/// see "connection reset" instead of the error. nginx does the same under the name `lingering_close`.
pub(crate) struct RequestBody {
    body: Option<Incoming>,
    // Whether leftovers are read: not on HTTP/2, where a stream is reset alone.
    drains: bool,
    // Whether the client sends nothing before it is asked to (`Expect: 100-continue`).
    waits: bool,
}

impl RequestBody {
    /// Takes the body out of a request.
    pub(crate) fn of(request: Request<Incoming>) -> Request<Self> {
        let drains = request.version() < Version::HTTP_2;
        let waits = request.headers().contains_key(header::EXPECT);
        request.map(|body| Self { body: Some(body), drains, waits })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.waits = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if !self.drains || self.waits || body.is_end_stream() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LEFTOVER_TIME, read_and_forget(body)));
        }
    }
}

async fn read_and_forget(mut body: Incoming) {
    let mut left = LEFTOVER_BYTES;
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let size = frame.data_ref().map_or(0, Bytes::len) as u64;
        let Some(rest) = left.checked_sub(size) else { return };
        left = rest;
    }
}
