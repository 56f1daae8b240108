//! The frame over a real socket: refusals, limits, time-outs, TLS, drain.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use oz_domain::SystemClock;
use oz_http::{
    ApiError, Observer, RequestMeta, Response, Route, Server, ServerOptions, Tls, UploadLimits, any_of, endpoint, form,
    json, json_reply, meta, under,
};
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
    under(
        "api",
        any_of([
            under("things", things),
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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = ServerOptions {
        tls,
        trusted_proxies: vec![],
        connections: 100,
        header_timeout: Duration::from_millis(300),
        answer_timeout: Duration::from_secs(5),
        drain: Duration::from_secs(5),
        observer: Arc::new(Silent),
        clock: Arc::new(SystemClock),
    };
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
    assert!(method.starts_with("HTTP/1.1 405") && method.contains("allow: GET, POST"), "{method}");
    assert!(method.contains("\"error_code\":1"), "{method}");
    let not_an_id = call(at, "GET", "/api/things/x", "").await;
    assert!(not_an_id.starts_with("HTTP/1.1 404"), "{not_an_id}");
}

#[tokio::test]
async fn bad_bodies_name_the_field() {
    let server = start(None).await;
    let answer = call(server.address, "POST", "/api/things", r#"{"number": "seven"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("\"error_code\":5"), "{answer}");
    assert!(answer.contains(r#""details":{"field":"number"}"#), "{answer}");
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
async fn a_client_that_sends_no_head_is_dropped() {
    let server = start(None).await;
    let answer = raw(server.address, "GET /api/things HTTP/1.1\r\nHost: x\r\n").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
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
