//! What a flood of log-ins costs everybody else.

use anyhow::Result;
use oz_testkit::client::Client;
use oz_testkit::server::Server;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::table::{Limit, Row};

/// Log-ins under way at once.
const FLOOD: usize = 50;
/// Reads of a round.
const READS: usize = 2000;

/// 99th percentile of a folder's `GET` while 50 log-ins are always under way, beside the same without them. Each log-in
/// has another address that nobody has: a hash is checked for each, and no lock-out spares it.
pub(crate) fn flood() -> Result<Row> {
    let server = Server::start();
    let client = server.client();
    let folder = client.form("/api/folders/", &[]).expect(201);
    let path = format!("/api/folders/{}", folder["folder_id"].as_str().unwrap_or_default());
    let (mut idle, mut flooded) = (Duration::MAX, Duration::MAX);
    let (answered, number) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut took = Duration::ZERO;
    for _ in 0..3 {
        idle = idle.min(percentile(&client, &path));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..FLOOD {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let email = format!("nobody-{}@example.com", number.fetch_add(1, Ordering::Relaxed));
                        let body = json!({"credentials": {"email": email, "password": "some password"}});
                        let status = server.anonymous().json("POST", "/api/authorize/auth", &body).status;
                        assert!([401, 429].contains(&status), "a log-in was answered {status}");
                        answered.fetch_add(u64::from(status == 401), Ordering::Relaxed);
                    }
                });
            }
            let start = Instant::now();
            flooded = flooded.min(percentile(&client, &path));
            took += start.elapsed();
            over.store(true, Ordering::Relaxed);
        });
    }
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let rate = answered.load(Ordering::Relaxed) as f64 / took.as_secs_f64();
    Ok(Row {
        what: format!("GET of a folder under {FLOOD} parallel log-ins: 99th percentile beside the same at rest"),
        measured: format!("{:.2} ms ({rate:.0} log-ins a second)", ms(flooded)),
        floor: format!("{:.2} ms", ms(idle)),
        value: flooded.as_secs_f64() / idle.as_secs_f64(),
        limit: Limit::AtMost(3.0),
    })
}

fn percentile(client: &Client, path: &str) -> Duration {
    let mut times: Vec<Duration> = (0..READS)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(client.get(path).status, 200);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[READS * 99 / 100]
}
