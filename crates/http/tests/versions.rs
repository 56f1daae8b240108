//! The same answers over HTTP/1.1 and HTTP/2, which say in different places whom they ask.

use crate::{raw, start};
use oz_http::Tls;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Type, flags and payload.
type Frame = (u8, u8, Vec<u8>);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
/// `END_STREAM` and `END_HEADERS`.
const WHOLE: u8 = 5;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let size = u8::try_from(payload.len()).unwrap();
    [&[0, 0, size, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A GET on stream 1, its head in HPACK without compression; what the server says on that stream.
async fn get<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, authority: &str, path: &str) -> String {
    let literal = |name: u8, value: &str| {
        let size = u8::try_from(value.len()).unwrap();
        [&[name, size], value.as_bytes()].concat()
    };
    // Of the static table: `:method: GET`, `:scheme: http`; then `:path` and `:authority` with values of their own.
    let head = [vec![0x82, 0x86], literal(4, path), literal(1, authority)].concat();
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    stream.write_all(&[hello, frame(HEADERS, WHOLE, 1, &head)].concat()).await.unwrap();
    let (mut ok, mut body) = (false, Vec::new());
    loop {
        let (kind, flags, payload) = read(&mut stream).await;
        match kind {
            // `:status: 200` is one byte.
            HEADERS => ok = payload.first() == Some(&0x88),
            DATA => body.extend(payload),
            _ => {}
        }
        if matches!(kind, HEADERS | DATA) && flags & END_STREAM > 0 {
            assert!(ok, "{}", String::from_utf8_lossy(&body));
            return String::from_utf8(body).unwrap();
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Frame {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    stream.read_exact(&mut payload).await.unwrap();
    (head[3], head[4], payload)
}

#[tokio::test]
async fn the_authority_is_seen_over_either_version() {
    let server = start(None).await;
    for (target, host, expected) in [
        ("/api/origin", "Host: oz.example:8443\r\n", "oz.example:8443"),
        ("/api/origin", "Host: [::1]:80\r\n", "[::1]:80"),
        // RFC 9112, 3.2.2: the target's host counts, whatever the header says.
        ("http://oz.example/api/origin", "Host: other\r\n", "oz.example"),
        // Nothing that a link can begin with.
        ("/api/origin", "Host: a/b\r\n", "none"),
        ("/api/origin", "Host: me@oz.example\r\n", "oz.example"),
        ("/api/origin", "", "none"),
    ] {
        let answer = raw(server.address, &format!("GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n")).await;
        assert!(answer.ends_with(&format!("\r\n\"{expected}\"")), "{target} {host}: {answer}");
    }
    let stream = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(get(stream, "oz.example:8443", "/api/origin").await, "\"oz.example:8443\"");
}

#[tokio::test]
async fn tls_offers_http_2() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = start(Some(Arc::new(Tls::load(certificate, key).unwrap()))).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(server.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(get(stream, "localhost", "/api/origin").await, "\"localhost\"");
}
