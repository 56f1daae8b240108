//! `ozctl health` against servers that answer well, badly, late, or not at all.

use super::{ozctl, text};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

const OK: (u16, &str) =
    (200, r#"{"status":"ok","checks":{"disk":{"status":"ok","message":"5 MiB free","time_ms":1}}}"#);
const DEGRADED: (u16, &str) =
    (200, r#"{"status":"degraded","checks":{"disk":{"status":"degraded","message":"5 MiB free","time_ms":1}}}"#);
const FAIL: (u16, &str) =
    (503, r#"{"status":"fail","checks":{"database":{"status":"fail","message":"gone","time_ms":1}}}"#);

/// A server that gives these answers, one after the other, and is then gone.
fn server(answers: Vec<(u16, &'static str)>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /api/healthcheck HTTP/1.1\r\n"));
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                .unwrap();
        }
    });
    url
}

fn health(answers: Vec<(u16, &'static str)>, more: &[&str]) -> (Option<i32>, String) {
    let url = server(answers);
    let output = ozctl(&[&["health", "--url", &url], more].concat());
    (output.status.code(), text(&output.stdout))
}

#[test]
fn each_state_has_its_exit_codes() {
    for (answer, plain, strict, plugin) in [(OK, 0, 0, 0), (DEGRADED, 0, 4, 1), (FAIL, 1, 1, 2), ((200, "{}"), 3, 3, 3)]
    {
        assert_eq!(health(vec![answer], &[]).0, Some(plain), "{answer:?}");
        assert_eq!(health(vec![answer], &["--strict"]).0, Some(strict), "{answer:?}");
        assert_eq!(health(vec![answer], &["--nagios"]).0, Some(plugin), "{answer:?}");
    }
}

#[test]
fn each_check_is_printed() {
    let (_, told) = health(vec![FAIL], &[]);
    assert!(told.starts_with("fail      database  gone (1 ms)\n"), "{told}");
    let (_, told) = health(vec![FAIL], &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["status"], &told["checks"]["database"]["message"]), (&"fail".into(), &"gone".into()));
    let (_, told) = health(vec![(404, OK.1)], &[]);
    assert!(told.contains("status 404"), "{told}");
}

#[test]
fn it_waits_until_all_is_well() {
    let (code, told) = health(vec![FAIL, DEGRADED, OK], &["--wait", "60"]);
    assert!(code == Some(0) && told.ends_with(": ok\n"), "{told}");
    let (code, told) = health(vec![FAIL, DEGRADED, DEGRADED], &["--wait", "2", "--strict"]);
    assert_eq!(code, Some(4), "the last answer counts: {told}");
}

#[test]
fn nobody_is_told() {
    let url = {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        format!("http://{}", held.local_addr().unwrap())
    };
    let output = ozctl(&["health", "--url", &url]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("refused"), "{output:?}");
    assert_eq!(ozctl(&["health", "--url", &url, "--nagios"]).status.code(), Some(2));
    let output = ozctl(&["health", "--url", "https://127.0.0.1:1", "--ca", "/nowhere/ca.pem"]);
    assert!(output.status.code() == Some(3) && text(&output.stderr).contains("--ca"), "{output:?}");
}

/// A server with a certificate of its own for `localhost`, for two questions; gives its address and the certificate.
fn tls_server(folder: &std::path::Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let authority = folder.join("server.crt");
    fs_err::write(&authority, made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(Arc::new(config.clone())).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            // One that does not trust us goes away.
            let mut request = [0; 1024];
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                let (length, body) = (OK.1.len(), OK.1);
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                    .unwrap();
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (url, authority.to_str().unwrap().to_owned())
}

#[test]
fn a_certificate_must_be_signed_by_whom_one_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let (url, authority) = tls_server(folder.path());
    let output = ozctl(&["health", "--url", &url, "--ca", &authority]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = ozctl(&["health", "--url", &url]);
    assert!(output.status.code() == Some(3) && text(&output.stdout).contains("--ca names"), "{output:?}");
    let output = ozctl(&["health", "--ca", &authority]);
    assert!(
        output.status.code() == Some(2) && text(&output.stderr).contains("expected an https address"),
        "{output:?}"
    );
}
