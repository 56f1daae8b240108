//! Bad input: every hostile file gets its documented error, and the server lives on.

use crate::support::client::Part;
use crate::support::fixtures::live_still;
use crate::support::hostile::{self, Outcome};
use crate::support::server::{Server, files_below};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn forty_hostile_files_get_their_errors_and_leave_nothing() {
    let server = Server::start();
    let client = server.client();
    let files = hostile::all();
    assert!(files.len() >= 40, "only {} files", files.len());
    let mut wrong = Vec::new();
    for (name, bytes, outcome) in &files {
        let payload =
            json!({"media:tags": {"m": ["video_selfie", "video_selfie_blank"]}, "analyses": [{"type": "quality"}]});
        let start = Instant::now();
        let answer = client.form(
            "/api/folders/",
            &[Part("payload", None, payload.to_string().as_bytes()), Part("m", Some(name), bytes)],
        );
        if start.elapsed() > Duration::from_secs(5) {
            wrong.push(format!("{name}: took {:?}", start.elapsed()));
        }
        let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or(Value::Null);
        if let Err(what) = judge(*outcome, answer.status, &body) {
            wrong.push(format!("{name}: {what}: {} {body}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // The server still works, wrote nothing outside its folder, and refused uploads left no file behind.
    assert!(!Path::new("/tmp/oz-slip.jpg").try_exists().unwrap());
    let spool = files_below(&server.data.join("spool"));
    assert!(spool.is_empty(), "left in the spool: {spool:?}");
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}, "analyses": [{"type": "quality"}]});
    let folder = client
        .form(
            "/api/folders/",
            &[Part("payload", None, payload.to_string().as_bytes()), Part("p", Some("p.jpg"), &live_still())],
        )
        .expect(201);
    assert_eq!(folder["system_resolution"], "SUCCESS");
    assert!(!server.log_text().contains("panicked"), "{}", server.log_text());
}

fn judge(outcome: Outcome, status: u16, body: &Value) -> Result<(), String> {
    let code = body["error_code"].as_i64();
    let ended = |a: &Value| a["state"] == "FINISHED" || a["state"] == "FAILED";
    let analysis = &body["analyses"][0];
    let fits = match outcome {
        Outcome::Refused(expected) => {
            expected.iter().any(|(s, c)| (*s, Some(*c)) == (status, code))
                && body["error_message"].as_str().is_some_and(|m| m.len() > 10)
        }
        Outcome::NoMedium => status == 201 && body["media"] == json!([]),
        Outcome::AnalysisFails(codes) => {
            status == 201
                && analysis["state"] == "FAILED"
                && analysis["error_code"].as_i64().is_some_and(|c| codes.contains(&c))
        }
        Outcome::RefusedOrEnded => {
            (status == 400 && matches!(code, Some(4 | 1510))) || (status == 201 && ended(analysis))
        }
        Outcome::Ends => status == 201 && ended(analysis),
    };
    if fits { Ok(()) } else { Err(format!("expected {outcome:?}")) }
}
