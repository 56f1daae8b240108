//! The whole server under load: throughput, requests, uploads, memory.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use oz_testkit::client::{Client, Part};
use oz_testkit::fixtures::live_clip;
use oz_testkit::server::{Options, Server, pause, until};
use serde_json::{Value, json};

use super::host::{cpu, memory as memory_of, shared_memory};
use super::table::{Limit, Row};

/// Analyses of a round of [`workers`].
const ANALYSES: usize = 24;
/// Requests of each kind in [`get`], by each of [`CLIENTS`].
const REQUESTS: usize = 3000;
const CLIENTS: usize = 4;
/// Bytes of an upload.
const UPLOAD: usize = 10 << 20;

fn folder_of(answer: &Value) -> Result<String> {
    answer["folder_id"].as_str().map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no folder_id"))
}

/// Analyses a second with two workers beside one.
pub(crate) fn workers() -> Result<Row> {
    let (mut one, mut two) = (Duration::MAX, Duration::MAX);
    for _ in 0..2 {
        one = one.min(round("1")?);
        two = two.min(round("2")?);
    }
    let rate = |time: Duration| ANALYSES as f64 / time.as_secs_f64();
    Ok(Row {
        what: "analyses of a selfie video, two workers beside one".to_owned(),
        measured: format!("{:.2} a second", rate(two)),
        floor: format!("{:.2} a second", rate(one)),
        value: rate(two) / rate(one),
        limit: Limit::AtLeast(1.8),
    })
}

fn round(workers: &str) -> Result<Duration> {
    let server = Server::start_new(Options::default().with("OZ_WORKERS", workers));
    let client = server.client();
    let clip = live_clip();
    let made =
        (0..ANALYSES).map(|_| folder_of(&client.form("/api/folders/", &[Part("v", Some("v.mp4"), &clip)]).expect(201)));
    let folders = made.collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    for id in &folders {
        client
            .json("POST", &format!("/api/folders/{id}/analyses/"), &json!({"analyses": [{"type": "quality"}]}))
            .expect(201);
    }
    until("the analyses end", Duration::from_secs(300), || {
        pause(Duration::from_millis(50));
        let running = client.get("/api/folders/?resolution_status=PROCESSING&limit=1").expect(200);
        (running["total"] == 0).then_some(())
    });
    let time = start.elapsed();
    let good = client.get("/api/folders/?system_resolution=SUCCESS&limit=1").expect(200);
    ensure!(good["total"] == ANALYSES, "an analysis failed: {good}");
    Ok(time)
}

/// `GET` of a folder with a token used a moment ago, beside an empty route of the same process; by processor time.
pub(crate) fn get() -> Result<Row> {
    let server = Server::start();
    let client = server.client();
    let id = folder_of(&client.form("/api/folders/", &[Part("v", Some("v.mp4"), &live_clip())]).expect(201))?;
    let (folder, empty) = (format!("/api/folders/{id}"), Client::new(&server.metrics));
    let (mut get, mut bare) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        get = get.min(spent(server.pid(), &client, &folder));
        bare = bare.min(spent(server.pid(), &empty, "/livez"));
    }
    let each = |time: Duration| format!("{:.1} µs", time.as_secs_f64() * 1e6 / (REQUESTS * CLIENTS) as f64);
    Ok(Row {
        what: "GET of a folder with a hot token: rate beside an empty warp route, by processor time".to_owned(),
        measured: each(get),
        floor: each(bare),
        value: bare.as_secs_f64() / get.as_secs_f64(),
        limit: Limit::AtLeast(0.25),
    })
}

/// Processor time of the server for all requests.
fn spent(pid: i32, client: &Client, path: &str) -> Duration {
    let before = cpu(pid);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| (0..REQUESTS).for_each(|_| assert_eq!(client.get(path).status, 200)));
        }
    });
    cpu(pid) - before
}

/// A clip of [`UPLOAD`] bytes, of which no two are alike: behind the frames follows what players skip.
fn big_clip(number: u64) -> Vec<u8> {
    let mut clip = live_clip();
    let padding = UPLOAD - clip.len();
    clip.extend_from_slice(&u32::try_from(padding).unwrap_or(u32::MAX).to_be_bytes());
    clip.extend_from_slice(b"free");
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while clip.len() < UPLOAD {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        clip.extend_from_slice(&state.to_le_bytes()[..(UPLOAD - clip.len()).min(8)]);
    }
    clip
}

/// Uploads of 10 MiB beside writing and flushing the same bytes to the same disk, four at a time each.
pub(crate) fn upload() -> Result<Row> {
    const EACH: usize = 6;
    let server = Server::start();
    let client = server.client();
    let folder = tempfile::tempdir_in(server.data.parent().unwrap_or(&server.data))?;
    let clips: Vec<Vec<u8>> = (0..(CLIENTS * EACH) as u64).map(|n| big_clip(n + 1)).collect();
    let all = |work: &(dyn Fn(usize, &[u8]) + Sync)| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let mine = clips.iter().enumerate().skip(client * EACH).take(EACH);
                scope.spawn(move || mine.for_each(|(n, clip)| work(n, clip)));
            }
        });
        start.elapsed()
    };
    let copied = all(&|n, clip| {
        let written = fs_err::File::create(folder.path().join(n.to_string())).and_then(|mut file| {
            file.write_all(clip)?;
            file.sync_all()
        });
        assert!(written.is_ok(), "{written:?}");
    });
    let uploaded = all(&|_, clip| {
        client.form("/api/folders/", &[Part("v", Some("v.mp4"), clip)]).expect(201);
    });
    let rate = |time: Duration| (clips.len() * UPLOAD) as f64 / f64::from(1 << 20) / time.as_secs_f64();
    Ok(Row {
        what: "uploads of 10 MiB, four at a time, stored encrypted: beside write and fsync".to_owned(),
        measured: format!("{:.0} MiB/s", rate(uploaded)),
        floor: format!("{:.0} MiB/s", rate(copied)),
        value: rate(uploaded) / rate(copied),
        limit: Limit::AtLeast(0.5),
    })
}

/// Start, memory at rest, memory under 64 uploads at once.
pub(crate) fn memory() -> Result<Vec<Row>> {
    const UPLOADS: u64 = 64;
    let data = tempfile::tempdir()?;
    let options = Options { data: Some(data.path().join("data")), ..Options::default() };
    drop(Server::start_new(options.clone()));
    let start = Instant::now();
    let server = Server::start_with(options);
    let ready = start.elapsed();
    let client = server.client();
    let mib = |kib: u64| kib as f64 / 1024.0;
    let all = || std::iter::once(server.pid()).chain(server.descendants()).collect::<Vec<_>>();
    let idle = memory_of(&all());
    let (before, done) = (shared_memory(), AtomicBool::new(false));
    let peak = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !done.load(Ordering::Relaxed) {
                peak = peak.max(memory_of(&all()) + shared_memory().saturating_sub(before));
                pause(Duration::from_millis(5));
            }
            peak
        });
        let sent: Vec<_> = (0..UPLOADS)
            .map(|n| {
                let client = client.clone();
                scope
                    .spawn(move || client.form("/api/folders/", &[Part("v", Some("v.mp4"), &big_clip(n + 100))]).status)
            })
            .collect();
        let statuses: Vec<_> = sent.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(statuses.iter().all(|s| matches!(s, Ok(201))), "an upload was refused");
        watch.join().unwrap_or(u64::MAX)
    });
    let row = |what: &str, measured: String, value: f64, limit: f64| Row {
        what: what.to_owned(),
        measured,
        floor: String::new(),
        value,
        limit: Limit::AtMost(limit),
    };
    let seconds = ready.as_secs_f64();
    Ok(vec![
        row("start to ready, seconds", format!("{seconds:.2} s"), seconds, 2.0),
        row("memory at rest with models, MiB", format!("{:.0} MiB", mib(idle)), mib(idle), 250.0),
        row("memory under 64 uploads of 10 MiB at once, MiB", format!("{:.0} MiB", mib(peak)), mib(peak), 400.0),
    ])
}
