//! The log, told to a syslog server.

use super::{LIMIT, NUMBER, REQUEST, empty_folder, photo_folder, text};
use crate::support::server::{CLIENT, Options, Server, free_port, until};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};

on_both! { a_syslog_server_is_told_of_everything_but_values }

fn a_syslog_server_is_told_of_everything_but_values(options: Options) {
    let siem = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    siem.set_read_timeout(Some(LIMIT)).expect("a limit");
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let sink = format!("udp://{}", siem.local_addr().expect("an address"));
    let options = Options { data: Some(data), ..options };
    let mut server = Server::start_new(options.clone().with("OZ_AUDIT_SYSLOG", &sink));
    photo_folder(&server.client());
    let mut buffer = [0; 4096];
    let mut told: Vec<Value> = Vec::new();
    while told.last().is_none_or(|last| last["object"] != "folder") {
        let length = siem.recv(&mut buffer).expect("a message");
        let message = std::str::from_utf8(&buffer[..length]).expect("text");
        assert!(message.starts_with("<110>1 20") && message.contains(" oz-api "), "{message}");
        assert!(![NUMBER, CLIENT.0, "photo_selfie"].iter().any(|word| message.contains(word)), "{message}");
        let body = message.split_once(" audit - ").map(|(_, body)| body).expect("a body");
        told.push(serde_json::from_str(body).expect("JSON"));
    }
    let places: Vec<_> = told.iter().filter_map(|m| m["seq"].as_u64()).collect();
    assert_eq!(places, (1..=told.len() as u64).collect::<Vec<_>>(), "each once, in order");
    let last = told.last().expect("a message");
    assert_eq!(
        (&last["action"], &last["address"], &last["request_id"]),
        (&json!("create"), &json!("127.0.0.1"), &json!(REQUEST))
    );

    // Another place hears all of it from the start, once it is there; nobody waits for it.
    assert!(server.stop().success());
    let address = format!("127.0.0.1:{}", free_port());
    let server = Server::start_with(options.with("OZ_AUDIT_SYSLOG", &format!("tcp://{address}")));
    empty_folder(&server.client());
    until("it is missed", LIMIT, || server.log_text().contains("does not reach its syslog server").then_some(()));
    let siem = TcpListener::bind(address).expect("a socket");
    let mut stream = siem.accept().expect("a connection").0;
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    for told in &told {
        let mut length = String::new();
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() && byte != *b" " {
            length.push(char::from(byte[0]));
        }
        let mut message = vec![0; length.parse().expect("a length")];
        stream.read_exact(&mut message).expect("a message");
        assert!(String::from_utf8_lossy(&message).contains(text(&told["hash"])));
    }
}
