//! The time-out of a head of HTTP/1, which hyper begins when it waits for one, not when one begins to arrive.
//!
//! Proxies keep connections for a minute and more and send their next request whenever there is one, so waiting must be
//! allowed for long. A head that has begun must be complete soon: whoever drips one holds a place.

use hyper::rt::{Sleep, Timer};
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes that came over a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Came(Arc<AtomicU64>);

/// A stream that counts what comes.
pub(crate) struct Counted<S> {
    stream: S,
    came: Came,
}

impl<S> Counted<S> {
    pub(crate) fn new(stream: S, came: Came) -> Self {
        Self { stream, came }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.came.0.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// hyper's timer: what it asks for is the longest wait for a head; one that has begun gets `head` from then.
#[derive(Debug, Clone)]
pub(crate) struct HeadTimer {
    pub(crate) came: Came,
    pub(crate) head: Duration,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let before = self.came.0.load(Ordering::Relaxed);
        let sleep = Box::pin(tokio::time::sleep_until(deadline.into()));
        Box::pin(HeadSleep { timer: self.clone(), before, begun: false, sleep })
    }
}

/// hyper polls it whenever bytes came that do not end the head.
struct HeadSleep {
    timer: HeadTimer,
    before: u64,
    begun: bool,
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.begun && self.timer.came.0.load(Ordering::Relaxed) != self.before {
            self.begun = true;
            let deadline = tokio::time::Instant::now() + self.timer.head;
            if deadline < self.sleep.deadline() {
                self.sleep.as_mut().reset(deadline);
            }
        }
        self.sleep.as_mut().poll(context)
    }
}

impl Sleep for HeadSleep {}
