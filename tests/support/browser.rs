//! A real Chromium, driven over the WebDriver protocol (W3C), and a door that it comes in by: an origin with a page, files
//! beside it, and the server's paths, asked with the access token, because a `<video>` cannot send a header.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PLAYER: &str = "const done = arguments[arguments.length - 1]; const v = document.createElement('video'); v.muted = true; \
    v.src = arguments[0]; v.onerror = () => done({error: v.error.message}); \
    v.ontimeupdate = () => { if (v.currentTime > 0.5) { v.ontimeupdate = null; v.pause(); \
    done({width: v.videoWidth, height: v.videoHeight, reached: v.currentTime}); } }; \
    document.body.append(v); v.play().catch(e => done({error: String(e)}));";

/// What stands behind a browser's origin.
#[derive(Default)]
struct Door {
    base: String,
    token: String,
    /// Path, type and content.
    files: Vec<(&'static str, &'static str, String)>,
    ranges: AtomicU64,
}

/// One browser with one page.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
    origin: String,
    door: Arc<Door>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts chromedriver and Chromium; the page's origin is a door to the server at `base`.
    pub(crate) fn open(base: &str, token: &str) -> Self {
        Self::through(Door { base: base.to_owned(), token: token.to_owned(), ..Door::default() })
    }

    /// The same without a server: a page with files beside it, each a path, a type and its content.
    pub(crate) fn with_files(files: Vec<(&'static str, &'static str, String)>) -> Self {
        Self::through(Door { files, ..Door::default() })
    }

    fn through(door: Door) -> Self {
        let door = Arc::new(door);
        let mut browser = Self::at(&opened(&door));
        browser.door = door;
        browser
    }

    /// Starts them on the page of an origin.
    pub(crate) fn at(origin: &str) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed by `cargo xtask test`");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port = loop {
            let line = lines.next().expect("chromedriver tells its port").expect("text");
            if let Some(port) = line.split("successfully on port ").nth(1) {
                break port.trim_end_matches('.').to_owned();
            }
        };
        // Nobody may fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        let agent: ureq::Agent = config.build().into();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
            "--disable-background-networking",
            "--disable-component-update",
            "--window-size=1200,1100",
            "--autoplay-policy=no-user-gesture-required",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let options = json!({"binary": "/usr/bin/chromium", "args": arguments});
        let wanted =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "timeouts": {"script": 20000}}}});
        let driver_url = format!("http://127.0.0.1:{port}/session");
        let made = call(&agent, &driver_url, &wanted);
        let session =
            format!("{driver_url}/{}", made["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {made}")));
        call(&agent, &format!("{session}/url"), &json!({"url": format!("{origin}/")}));
        Self { driver, agent, session, origin: origin.to_owned(), door: Arc::default(), _profile: profile }
    }

    /// What a script gives, run in the page.
    pub(crate) fn script(&self, script: &str, arguments: &Value) -> Value {
        let body = json!({"script": script, "args": arguments});
        call(&self.agent, &format!("{}/execute/sync", self.session), &body)
    }

    /// Types into the element that a selector finds; the path of a file into a file input.
    pub(crate) fn write(&self, selector: &str, text: &str) {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = call(&self.agent, &format!("{}/element", self.session), &wanted);
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("no {selector}: {found}"));
        call(&self.agent, &format!("{}/element/{id}/value", self.session), &json!({"text": text}));
    }

    /// A picture of the page, PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        use base64::Engine as _;
        let mut answer = self.agent.get(format!("{}/screenshot", self.session)).call().expect("chromedriver answers");
        let answer: Value = answer.body_mut().read_json().expect("JSON");
        let text = answer["value"].as_str().expect("a picture");
        base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
    }

    /// Plays the file at `path` until half a second is shown; gives its size, the time reached and the ranges asked for.
    pub(crate) fn play(&self, path: &str) -> Value {
        let mut seen = self.run(PLAYER, &json!([format!("{}{path}", self.origin)]));
        seen["ranges"] = json!(self.door.ranges.load(Ordering::Relaxed));
        seen
    }

    /// Runs the body of a function in the page; gives what it hands to the function that is its last argument.
    pub(crate) fn run(&self, script: &str, arguments: &Value) -> Value {
        let script = json!({"script": script, "args": arguments});
        call(&self.agent, &format!("{}/execute/async", self.session), &script)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn call(agent: &ureq::Agent, url: &str, body: &Value) -> Value {
    let mut answer = agent.post(url).send_json(body).expect("chromedriver answers");
    let answer: Value = answer.body_mut().read_json().expect("JSON");
    answer["value"].clone()
}

/// An origin whose `/` is an empty page; the rest is what stands behind the door.
fn opened(door: &Arc<Door>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let door = Arc::clone(door);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let door = Arc::clone(&door);
            std::thread::spawn(move || pass(stream, &door));
        }
    });
    address
}

fn pass(mut browser: TcpStream, door: &Door) {
    let mut reader = BufReader::new(browser.try_clone().expect("a socket"));
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
        head.push_str(&line);
        line.clear();
    }
    let path = head.split_whitespace().nth(1).unwrap_or("/").to_owned();
    if !path.starts_with("/api/") {
        let file = door.files.iter().find(|(name, ..)| *name == path);
        let (kind, content) = file.map_or(("text/html", "<!doctype html>"), |(_, kind, text)| (kind, text));
        let length = content.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        let _ = browser.write_all([head.as_bytes(), content.as_bytes()].concat().as_slice());
        return;
    }
    if head.to_lowercase().contains("\nrange: ") {
        door.ranges.fetch_add(1, Ordering::Relaxed);
    }
    let keep = head
        .lines()
        .filter(|l| l.to_lowercase().starts_with("range: "))
        .map(|l| format!("{l}\r\n"))
        .collect::<String>();
    let address = door.base.trim_start_matches("http://");
    let mut server = TcpStream::connect(address).expect("the server");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Forensic-Access-Token: {}\r\n{keep}\r\n",
        door.token
    );
    let _ = server.write_all(request.as_bytes());
    let mut bytes = vec![0; 64 << 10];
    while let Ok(n @ 1..) = server.read(&mut bytes) {
        if browser.write_all(&bytes[..n]).is_err() {
            return;
        }
    }
}
