//! `ozctl health` against servers that answer well, badly, late, or not at all.

use super::{ozctl, text};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
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
    let (code, told) = health(vec![FAIL, DEGRADED], &["--wait", "2", "--strict"]);
    assert!(code == Some(4) || code == Some(3), "the last answer counts: {told}");
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
