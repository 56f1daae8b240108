//! `cargo xtask verdict`: one real selfie video through the real API, as a client would send it.

use crate::accounts::{self, Credentials};
use crate::project::Project;
use crate::steps::Steps;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use fs_err as fs;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use ureq::unversioned::multipart::{Form, Part};

/// Longest wait until a started server is healthy.
const START: Duration = Duration::from_secs(60);
/// Longest wait for one answer: longer than a single request waits for its analyses.
const ANSWER: Duration = Duration::from_secs(120);
/// The selfie video of a real person, below the shared folder.
const SELFIE: &str = "eval/live/c12_landscape.mp4";
const TAGS: [&str; 3] = ["video_selfie", "video_selfie_blank", "orientation_landscape"];

/// `cargo xtask verdict`.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000")]
    pub(crate) url: String,
    /// Data folder with the demo client's password; `.data` in the project by default.
    #[arg(long, value_name = "D")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Another video than the shared selfie.
    #[arg(long, value_name = "FILE")]
    pub(crate) video: Option<PathBuf>,
    /// The server's process: waiting ends when it ends.
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) pid: Option<u32>,
    /// Milliseconds that the task took before.
    #[arg(long, value_name = "MS", hide = true, default_value_t = 0)]
    pub(crate) after: u64,
}

impl Ask {
    /// Waits for the server, sends the video, prints the verdict.
    ///
    /// # Errors
    /// When the server is not healthy in time or does not come to a verdict.
    pub(crate) fn run(&self, project: &Project) -> Result<()> {
        let steps = Steps::after(Duration::from_millis(self.after));
        let data = self.data_dir.clone().unwrap_or_else(|| project.root.join(".data"));
        let video = self.video.clone().unwrap_or_else(|| project.shared().join(SELFIE));
        let client = Client::new(&self.url);
        self.healthy(&client)?;
        steps.say(format_args!("healthy: {}/api/healthcheck", self.url));
        let token = client.log_in(&accounts::read(&accounts::demo_file(&data))?)?;
        steps.say(format_args!("logged in; sending {}", video.display()));
        let sent = Instant::now();
        let folder = client.send(&token, &video)?;
        let verdict = Verdict::read(&folder, sent.elapsed())?;
        steps.say("verdict");
        println!("{}", verdict.show(&self.url));
        Ok(())
    }

    fn healthy(&self, client: &Client) -> Result<()> {
        let start = Instant::now();
        let mut last = "no answer".to_owned();
        while start.elapsed() < START {
            if self.pid.is_some_and(|pid| !alive(pid)) {
                bail!("the server ended before it was healthy; last heard of {}: {last}", self.url);
            }
            match client.healthcheck() {
                Ok(200) => return Ok(()),
                Ok(status) => last = format!("status {status}"),
                Err(error) => last = error.to_string(),
            }
            pause(Duration::from_millis(150));
        }
        bail!("{}/api/healthcheck was not healthy within {} s: {last}", self.url, START.as_secs())
    }
}

/// Whether a process runs; one that ended and waits for its parent does not.
fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Gives the processor away for a moment by waiting on a channel that stays empty.
fn pause(time: Duration) {
    let (_keep, empty) = std::sync::mpsc::channel::<()>();
    let _ = empty.recv_timeout(time);
}

struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER)).build();
        Self { agent: config.into(), url: url.trim_end_matches('/').to_owned() }
    }

    fn healthcheck(&self) -> Result<u16> {
        Ok(self.agent.get(format!("{}/api/healthcheck", self.url)).call()?.status().as_u16())
    }

    fn log_in(&self, who: &Credentials) -> Result<String> {
        let path = "/api/authorize/auth";
        let body = json!({"credentials": {"email": who.email, "password": who.password}});
        let answer = self.agent.post(format!("{}{path}", self.url)).send_json(&body).context(path)?;
        let body = body_of(path, 200, answer)?;
        let token = body["access_token"].as_str();
        Ok(token.with_context(|| format!("{path}: no access_token in {body}"))?.to_owned())
    }

    fn send(&self, token: &str, video: &Path) -> Result<Value> {
        let path = "/api/folders/";
        let payload = json!({
            "folder:meta_data": {},
            "media:tags": {"video1": TAGS},
            "analyses": [{"type": "quality"}],
        })
        .to_string();
        let bytes = fs::read(video)?;
        let name = video.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let form = Form::new().text("payload", &payload).part("video1", Part::bytes(&bytes).file_name(&name));
        let request = self.agent.post(format!("{}{path}", self.url)).header("X-Forensic-Access-Token", token);
        body_of(path, 201, request.send(form).context(path)?)
    }
}

fn body_of(path: &str, expected: u16, mut answer: ureq::http::Response<ureq::Body>) -> Result<Value> {
    let status = answer.status().as_u16();
    let text = answer.body_mut().read_to_string().with_context(|| path.to_owned())?;
    if status != expected {
        bail!("{path}: status {status}, expected {expected}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("{path}: not JSON: {text}"))
}

/// What came out.
#[derive(Debug, PartialEq)]
struct Verdict {
    folder: String,
    resolution: String,
    score: f64,
    time: Duration,
}

impl Verdict {
    fn read(folder: &Value, time: Duration) -> Result<Self> {
        let analysis = &folder["analyses"][0];
        let resolution = analysis["resolution"].as_str().unwrap_or_default();
        let score = analysis["results_media"][0]["results_data"]["confidence_spoofing"].as_f64();
        match (resolution, score) {
            ("SUCCESS" | "DECLINED" | "OPERATOR_REQUIRED", Some(score)) => Ok(Self {
                folder: folder["folder_id"].as_str().unwrap_or_default().to_owned(),
                resolution: resolution.to_owned(),
                score,
                time,
            }),
            _ => bail!("no verdict after {:.1} s: {analysis}", time.as_secs_f64()),
        }
    }

    fn show(&self, url: &str) -> String {
        let Self { folder, resolution, score, time } = self;
        let time = time.as_secs_f64();
        format!(
            "\n  verdict   {resolution}\n  score     {score:.4}  (confidence_spoofing: 0 live, 1 spoof)\n  \
             took      {time:.2} s  (upload, decoding, inference, answer)\n  folder    {url}/api/folders/{folder}\n  \
             health    {url}/api/healthcheck\n  API       {url}/api/openapi.json\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_and_shown() {
        let folder = json!({"folder_id": "f1", "analyses": [
            {"resolution": "SUCCESS", "results_media": [{"results_data": {"confidence_spoofing": 0.0123}}]}]});
        let verdict = Verdict::read(&folder, Duration::from_millis(1500)).unwrap();
        let text = verdict.show("http://here");
        for part in ["SUCCESS", "0.0123", "1.50 s", "http://here/api/folders/f1"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn an_analysis_without_an_end_is_no_verdict() {
        for analysis in [json!({"resolution": "PROCESSING"}), json!({"resolution": "FAILED", "error_code": 1513})] {
            let error =
                Verdict::read(&json!({"analyses": [analysis]}), Duration::from_secs(1)).unwrap_err().to_string();
            assert!(error.contains("no verdict"), "{error}");
        }
    }

    #[test]
    fn processes_are_told_apart() {
        assert!(alive(std::process::id()));
        assert!(!alive(u32::MAX));
    }
}
