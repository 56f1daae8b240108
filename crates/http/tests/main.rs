//! The frame over a real socket: refusals, limits, time-outs, TLS, drain.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod idle;
mod versions;

use oz_domain::SystemClock;
use oz_http::{
    ApiError, Observer, RequestMeta, Response, Route, Server, ServerOptions, Tls, UploadGate, UploadLimits,
    UploadPermit, access_token, any_of, endpoint, form, header, json, json_reply, meta, parse_range, ranged, under,
    unsatisfiable,
};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use warp::Filter as _;

struct Silent;

impl Observer for Silent {
    fn answered(&self, _: &'static str, _: u16, _: Duration) {}
}

#[derive(serde::Deserialize)]
struct Body {
    number: u32,
}

const LIMITS: UploadLimits =
    UploadLimits { file_bytes: 1000, payload_bytes: 50, total_bytes: 4000, idle: Duration::from_millis(200) };

fn routes() -> Route {
    let things = any_of([
        endpoint("GET /api/things", warp::path::end().and(warp::get()).map(|| ok("list"))),
        endpoint(
            "POST /api/things",
            warp::path::end().and(warp::post()).and(json::<Body>()).map(|b: Body| ok(&b.number.to_string())),
        ),
        endpoint(
            "GET /api/things/{id}",
            warp::path::param::<u32>().and(warp::path::end()).and(warp::get()).map(|id: u32| ok(&id.to_string())),
        ),
    ]);
    let panics = warp::path::end()
        .and(warp::get())
        .and(meta())
        .map(|_: RequestMeta| -> Result<Response, ApiError> { panic!("planned by the test") });
    let upload = warp::path::end().and(warp::post()).and(form(LIMITS)).then(|mut form: oz_http::Form| async move {
        let mut seen = String::new();
        while let Some(part) = form.next().await? {
            let name = part.name.clone();
            seen.push_str(&format!("{name}:{} ", part.bytes().await?.len()));
        }
        ok(&seen)
    });
    let full = UploadGate::new(0);
    let crowded = warp::path::end().and(warp::post()).and(full.permit()).map(|_: UploadPermit| ok("never"));
    let token = warp::path::end()
        .and(warp::get())
        .and(access_token())
        .map(|token: Option<String>| ok(token.as_deref().unwrap_or("none")));
    let typed =
        warp::path::end().and(warp::get()).and(warp::header::<u32>("x-number")).map(|n: u32| ok(&n.to_string()));
    let file = warp::path::end().and(warp::get()).and(header("range")).map(|range: Option<String>| {
        Ok::<_, ApiError>(match parse_range(range.as_deref(), 10) {
            Ok(range) => {
                let place = |n: u64| usize::try_from(n).unwrap();
                let (first, last) = range.map_or((0, 9), |r| (place(r.first), place(r.last)));
                let bytes = bytes::Bytes::from_static(&b"0123456789"[first..=last]);
                ranged(10, range, "video/mp4", futures_util::stream::iter([Ok::<_, Infallible>(bytes)]))
            }
            Err(()) => unsatisfiable(10),
        })
    });
    let origin = warp::path::end()
        .and(warp::get())
        .and(meta())
        .map(|meta: RequestMeta| ok(meta.authority.as_deref().unwrap_or("none")));
    under(
        "api",
        any_of([
            under("origin", endpoint("GET /api/origin", origin)),
            under("things", things),
            under("crowded", endpoint("POST /api/crowded", crowded)),
            under("typed", endpoint("GET /api/typed", typed)),
            under("token", endpoint("GET /api/token", token)),
            under("file", endpoint("GET /api/file", file)),
            under("panic", endpoint("GET /api/panic", panics)),
            under("form", endpoint("POST /api/form", upload)),
        ]),
    )
}

#[expect(clippy::unnecessary_wraps, reason = "handlers give results")]
fn ok(text: &str) -> Result<Response, ApiError> {
    Ok(json_reply(&text))
}

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<()>,
}

async fn start(tls: Option<Arc<Tls>>) -> Running {
    start_with(tls, |_| {}).await
}

async fn start_with(tls: Option<Arc<Tls>>, change: impl FnOnce(&mut ServerOptions)) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = ServerOptions {
        tls,
        trusted_proxies: vec![],
        connections: 100,
        header_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(300),
        answer_timeout: Duration::from_secs(5),
        drain: Duration::from_secs(5),
        observer: Arc::new(Silent),
        clock: Arc::new(SystemClock),
    };
    change(&mut options);
    let server = Server::new(&routes(), options);
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(async move {
        server.serve(listener, async { drop(stopped.await) }).await.unwrap();
    });
    Running { address, stop: Some(stop), ended }
}

/// Sends raw bytes, reads until the server closes.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn call(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    raw(address, &(head + body)).await
}

#[tokio::test]
async fn paths_and_methods_are_answered_as_documented() {
    let server = start(None).await;
    let at = server.address;
    for path in ["/api/things", "/api/things/"] {
        assert!(call(at, "GET", path, "").await.starts_with("HTTP/1.1 200"), "{path}");
    }
    let unknown = call(at, "GET", "/api/nothing", "").await;
    assert!(unknown.starts_with("HTTP/1.1 404") && unknown.contains("\"error_code\":10"), "{unknown}");
    assert!(unknown.contains("x-request-id: "), "{unknown}");
    let method = call(at, "DELETE", "/api/things/", "").await;
    assert!(method.starts_with("HTTP/1.1 405") && method.contains("allow: GET, HEAD, OPTIONS, POST"), "{method}");
    assert!(method.contains("\"error_code\":1"), "{method}");
    let not_an_id = call(at, "GET", "/api/things/x", "").await;
    assert!(not_an_id.starts_with("HTTP/1.1 404"), "{not_an_id}");
}

#[tokio::test]
async fn bad_bodies_name_the_field() {
    let server = start(None).await;
    let answer = call(server.address, "POST", "/api/things", r#"{"number": "seven"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("\"error_code\":5"), "{answer}");
    assert!(answer.contains(r#""field":"number""#), "{answer}");
    let long = format!("{{\"number\": 1, \"x\": \"{}\"}}", "a".repeat(1 << 20));
    let answer = call(server.address, "POST", "/api/things", &long).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{}", &answer[..200.min(answer.len())]);
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_server_lives() {
    let server = start(None).await;
    let answer = call(server.address, "GET", "/api/panic", "").await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("\"error_code\":0"), "{answer}");
    assert!(!answer.contains("planned"), "the cause reached the client: {answer}");
    assert!(call(server.address, "GET", "/api/things", "").await.starts_with("HTTP/1.1 200"));
}

fn form_request(parts: &[(&str, usize)], cut: bool) -> String {
    let mut body = String::new();
    for (name, size) in parts {
        body.push_str(&format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n{}\r\n",
            "x".repeat(*size)
        ));
    }
    if !cut {
        body.push_str("--b--\r\n");
    }
    let length = if cut { body.len() + 10 } else { body.len() };
    format!(
        "POST /api/form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn forms_have_limits_and_an_idle_time_out() {
    let server = start(None).await;
    let at = server.address;
    let good = raw(at, &form_request(&[("payload", 20), ("video1", 900)], false)).await;
    assert!(good.starts_with("HTTP/1.1 200") && good.contains("payload:20 video1:900"), "{good}");
    let big = raw(at, &form_request(&[("video1", 1001)], false)).await;
    assert!(big.starts_with("HTTP/1.1 413") && big.contains("\"error_code\":1511") && big.contains("video1"), "{big}");
    let payload = raw(at, &form_request(&[("payload", 51)], false)).await;
    assert!(payload.starts_with("HTTP/1.1 413"), "{payload}");
    let whole = raw(at, &form_request(&[("a", 900), ("b", 900), ("c", 900), ("d", 900), ("e", 900)], false)).await;
    assert!(whole.starts_with("HTTP/1.1 413"), "{whole}");
    let slow = raw(at, &form_request(&[("video1", 10)], true)).await;
    assert!(slow.starts_with("HTTP/1.1 400") && slow.contains("given up"), "{slow}");
    let other = call(at, "POST", "/api/form", "{}").await;
    assert!(other.starts_with("HTTP/1.1 400") && other.contains("multipart/form-data"), "{other}");
}

#[tokio::test]
async fn clients_that_send_no_whole_head_are_dropped() {
    let server = start(None).await;
    // Nothing, what could become either version, a half head, a whole one with no next request.
    for sent in ["", "P", "PRI * HTTP/2.0\r\n", "GET /api/things HTTP/1.1\r\nHost: x\r\n"] {
        let answer = raw(server.address, sent).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let answer = raw(server.address, "GET /api/things HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let server = start(None).await;
    // Far more than socket buffers hold: without reading it away, the client's write would fail.
    let answer = raw(server.address, &form_request(&[("video1", 32 << 20)], false)).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"error_code\":1511"), "{answer}");
    let answer = call(server.address, "POST", "/api/nothing", &"x".repeat(32 << 20)).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    // Who asks first is not made to send.
    let asks = "POST /api/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\nExpect: 100-continue\r\n\r\n";
    let answer = raw(server.address, asks).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn head_and_options_are_answered() {
    let server = start(None).await;
    let at = server.address;
    let get = call(at, "GET", "/api/things", "").await;
    let head = call(at, "HEAD", "/api/things", "").await;
    assert!(get.ends_with("\r\n\r\n\"list\"") && get.contains("content-length: 6"), "{get}");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length: 6"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let options = call(at, "OPTIONS", "/api/things/7", "").await;
    assert!(options.starts_with("HTTP/1.1 204") && options.contains("allow: GET, HEAD, OPTIONS\r\n"), "{options}");
    assert!(call(at, "OPTIONS", "/api/nothing", "").await.starts_with("HTTP/1.1 404"));
    for header in ["x-content-type-options: nosniff", "cache-control: no-store", "x-request-id: "] {
        assert!(get.contains(header) && options.contains(header), "{header}");
    }
}

#[tokio::test]
async fn the_token_is_read_from_either_header() {
    let server = start(None).await;
    for (name, expected) in
        [("X-Forensic-Access-Token", "t1"), ("x-forensics-access-token", "t1"), ("Authorization", "none")]
    {
        let request = format!("GET /api/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: t1\r\n\r\n");
        let answer = raw(server.address, &request).await;
        assert!(answer.ends_with(&format!("\"{expected}\"")), "{answer}");
    }
}

#[tokio::test]
async fn headers_that_are_not_text_are_the_clients_fault() {
    let server = start(None).await;
    for (method, path, header) in [
        ("POST", "form", "content-type"),
        ("GET", "typed", "x-number"),
        ("GET", "file", "range"),
        ("GET", "token", "x-request-id"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!("{method} /api/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}: ");
        stream.write_all(&[head.as_bytes(), b"\xff\xfe\r\n\r\n"].concat()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn downloads_have_ranges() {
    let server = start(None).await;
    for (range, status, body) in [("bytes=2-4", 206, "234"), ("bytes=-1", 206, "9"), ("lines=1-2", 200, "0123456789")] {
        let request = format!("GET /api/file HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: {range}\r\n\r\n");
        let answer = raw(server.address, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.ends_with(&format!("\r\n{body}")),
            "{answer}"
        );
    }
    let request = "GET /api/file HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: bytes=10-\r\n\r\n";
    let answer = raw(server.address, request).await;
    assert!(answer.starts_with("HTTP/1.1 416") && answer.contains("content-range: bytes */10"), "{answer}");
}

#[tokio::test]
async fn an_upload_without_room_is_told_when_to_come_back() {
    let server = start(None).await;
    let answer = call(server.address, "POST", "/api/crowded", "").await;
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 2"), "{answer}");
    assert!(answer.contains("\"error_code\":1521"), "{answer}");
}

#[tokio::test]
async fn a_stop_drains_what_is_open() {
    let mut server = start(None).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let whole = form_request(&[("payload", 20)], false).replace("Host: x", "Host: x\r\nExpect: 100-continue");
    let (head, rest) = whole.split_at(whole.find("\r\n\r\n").unwrap() + 4);
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the handler reads it, so the request is open while the server stops.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.stop.take().unwrap().send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.ended.await.unwrap();
}

#[tokio::test]
async fn what_is_open_after_the_drain_time_is_cut() {
    let mut server = start_with(None, |options| options.drain = Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let body = form_request(&[("payload", 20)], true).replace("Host: x", "Host: x\r\nExpect: 100-continue");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    server.stop.take().unwrap().send(()).unwrap();
    server.ended.await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"", "an answer came from a request that was never complete");
}

#[tokio::test]
async fn connections_over_the_cap_wait_their_turn() {
    let server = start_with(None, |options| options.connections = 1).await;
    // Holds the only place until it is dropped for sending nothing.
    let _silent = TcpStream::connect(server.address).await.unwrap();
    assert!(call(server.address, "GET", "/api/things", "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn tls_answers_and_reloads() {
    let folder = tempfile::tempdir().unwrap();
    let write = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    };
    let first = write();
    let tls = Arc::new(Tls::load(folder.path().join("cert.pem"), folder.path().join("key.pem")).unwrap());
    let server = start(Some(Arc::clone(&tls))).await;
    assert!(tls_get(server.address, &first).await.starts_with("HTTP/1.1 200"));
    let second = write();
    tls.reload().unwrap();
    assert!(tls_get(server.address, &second).await.starts_with("HTTP/1.1 200"));
    std::fs::write(folder.path().join("key.pem"), "nonsense").unwrap();
    assert!(tls.reload().is_err());
    assert!(tls_get(server.address, &second).await.starts_with("HTTP/1.1 200"), "a bad reload keeps the old pair");
}

async fn tls_get(address: SocketAddr, trusted: &rustls::pki_types::CertificateDer<'static>) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.write_all(b"GET /api/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
