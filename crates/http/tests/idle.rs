//! How long a connection without a request may stay.

use crate::start_with;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HEAD: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(60);
const REQUEST: &[u8] = b"GET /api/things HTTP/1.1\r\nHost: x\r\n\r\n";

/// A connection with one request behind it.
async fn used(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask(&mut stream).await;
    stream
}

async fn ask(stream: &mut TcpStream) {
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\"list\"") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "closed after {} bytes", answer.len());
    }
}

#[tokio::test]
async fn proxies_may_keep_a_connection_for_longer_than_a_head_may_take() {
    let idle = HEAD * 8;
    let server = start_with(None, |o| (o.header_timeout, o.idle_timeout) = (HEAD, idle)).await;
    let mut stream = used(server.address).await;
    let start = Instant::now();
    // A quarter of the idle time is more than a head's: still open.
    let mut byte = [0];
    assert!(tokio::time::timeout(idle / 4, stream.read(&mut byte)).await.is_err(), "closed early");
    ask(&mut stream).await;
    let again = Instant::now();
    assert_eq!(stream.read(&mut byte).await.unwrap(), 0);
    // Counted from the last request.
    assert!(again.elapsed() > idle * 9 / 10 && start.elapsed() > idle, "{:?}", again.elapsed());
}

#[tokio::test]
async fn a_head_that_has_begun_must_end_soon_on_a_used_connection_too() {
    let server = start_with(None, |o| (o.header_timeout, o.idle_timeout) = (HEAD, LONG)).await;
    let start = Instant::now();
    // One that stops, and one that drips.
    let mut stream = used(server.address).await;
    stream.write_all(b"GET /api").await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    let (mut read, mut write) = used(server.address).await.into_split();
    let drip = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(HEAD / 10);
        while write.write_all(b"G").await.is_ok() {
            ticks.tick().await;
        }
    });
    let _ = read.read_to_end(&mut Vec::new()).await;
    drip.await.unwrap();
    assert!(start.elapsed() < LONG / 4, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_new_connection_must_begin_soon() {
    let server = start_with(None, |o| (o.header_timeout, o.idle_timeout) = (HEAD, LONG)).await;
    let start = Instant::now();
    for sent in ["", "P", "PRI * HTTP/2.0\r\n", "GET /api/things HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    assert!(start.elapsed() < LONG / 4, "{:?}", start.elapsed());
}
