//! A server of one's own: the real binary, a fresh data folder, a free port; gone when the test ends.
#![expect(clippy::expect_used, reason = "what goes wrong here ends the test")]

use crate::TestDatabase;
use crate::client::Client;
use crate::fixtures::shared;
use crate::process::children;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use crate::process::kill;

/// The administrator every test server has.
pub const ADMIN: (&str, &str) = ("admin@example.com", "correct horse battery");
/// A client of the company `Bank`.
pub const CLIENT: (&str, &str) = ("client@example.com", "correct horse battery");

/// Tries `look` until it gives something. The wait between two looks is a read that nobody answers: no sleep.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} until {what}");
        pause(Duration::from_millis(20));
    }
}

/// Gives the processor away for a moment by waiting on a channel that stays empty.
pub fn pause(time: Duration) {
    let (_keep, empty) = std::sync::mpsc::channel::<()>();
    let _ = empty.recv_timeout(time);
}

/// What differs between test servers.
#[derive(Default, Clone)]
pub struct Options {
    /// `None`: SQLite in the data folder.
    pub database_url: Option<String>,
    /// More environment variables.
    pub env: Vec<(String, String)>,
    /// `serve` or `work`.
    pub role: Option<&'static str>,
    /// A data folder that outlives this server.
    pub data: Option<PathBuf>,
    /// A port that stays the same over restarts.
    pub port: Option<u16>,
}

impl Options {
    /// On this database.
    pub fn on(database: &TestDatabase) -> Self {
        Self { database_url: Some(database.url().to_owned()), ..Self::default() }
    }

    /// With one more environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// Scheme and address of the API.
    pub base: String,
    /// Scheme and address of the private listener.
    pub metrics: String,
    /// The data folder.
    pub data: PathBuf,
    /// The file that its log goes to.
    pub log: PathBuf,
    env: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Makes an administrator and a client, starts `oz-api serve`, waits until it is healthy.
    pub fn start() -> Self {
        Self::start_new(Options::default())
    }

    /// The same with options.
    pub fn start_new(options: Options) -> Self {
        let server = Self::spawn(options, true);
        server.wait_ready();
        server
    }

    /// Starts on a data folder that has its users already.
    pub fn start_with(options: Options) -> Self {
        let server = Self::spawn(options, false);
        server.wait_ready();
        server
    }

    /// Starts a server that may never be healthy; waits until it answers.
    pub fn start_unready(options: Options) -> Self {
        let server = Self::spawn(options, true);
        let client = Client::new(&server.base);
        until("the server answers", Duration::from_secs(30), || client.try_send("GET", "/api/version", &[], None).ok());
        server
    }

    /// Starts a role that serves no API (`work`).
    pub fn start_role(options: Options) -> Self {
        Self::spawn(options, false)
    }

    fn spawn(options: Options, users: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
        fs_err::create_dir_all(&data).expect("the data folder");
        let (port, metrics_port) = (options.port.unwrap_or_else(free_port), free_port());
        let mut env = vec![
            ("OZ_DATA_DIR".to_owned(), data.display().to_string()),
            ("OZ_LISTEN".to_owned(), format!("127.0.0.1:{port}")),
            ("OZ_METRICS_LISTEN".to_owned(), format!("127.0.0.1:{metrics_port}")),
            ("OZ_MODELS_DIR".to_owned(), shared().join("models").display().to_string()),
            ("OZ_RUNTIME_LIB".to_owned(), runtime_lib().display().to_string()),
            ("OZ_LICENSE_FILE".to_owned(), concat!(env!("CARGO_MANIFEST_DIR"), "/development.oz").to_owned()),
        ];
        if let Some(url) = &options.database_url {
            env.push(("OZ_DATABASE_URL".to_owned(), url.clone()));
        }
        env.extend(options.env.clone());
        if users {
            create_user(&env, ADMIN, "ADMIN", None);
            create_user(&env, CLIENT, "CLIENT", Some("Bank"));
        }
        let log = folder.path().join("log");
        let out = fs_err::File::create(&log).expect("a log file").into_parts().0;
        let child = command(&env)
            .arg(options.role.unwrap_or("serve"))
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a descriptor"))
            .stderr(out)
            .spawn()
            .expect("the server starts");
        let base = format!("http://127.0.0.1:{port}");
        Self { child, base, metrics: format!("http://127.0.0.1:{metrics_port}"), data, log, env, _folder: folder }
    }

    fn wait_ready(&self) {
        let client = Client::new(&self.base);
        until("the server is healthy", Duration::from_secs(30), || {
            client.try_send("GET", "/api/healthcheck", &[], None).ok().filter(|a| a.status == 200)
        });
    }

    /// A client that has not logged in.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.base)
    }

    /// What a scrape of its metrics gives.
    pub fn anonymous_metrics(&self) -> String {
        String::from_utf8_lossy(&Client::new(&self.metrics).get("/metrics").bytes).into_owned()
    }

    /// Makes a user with the usual password.
    pub fn add_user(&self, email: &str, role: &str, company: Option<&str>) {
        create_user(&self.env, (email, CLIENT.1), role, company);
    }

    /// Makes a user with the usual password and logs it in.
    pub fn user(&self, email: &str, role: &str, company: Option<&str>) -> Client {
        self.add_user(email, role, company);
        self.anonymous().log_in(email, CLIENT.1)
    }

    /// Runs `oz-api` with this server's settings to its end.
    pub fn command(&self, arguments: &[&str], input: &str) -> std::process::Output {
        let mut command = command(&self.env);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("oz-api starts");
        child.stdin.take().expect("standard input").write_all(input.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends")
    }

    /// The client of the company.
    pub fn client(&self) -> Client {
        self.anonymous().log_in(CLIENT.0, CLIENT.1)
    }

    /// The administrator.
    pub fn admin(&self) -> Client {
        self.anonymous().log_in(ADMIN.0, ADMIN.1)
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        kill(self.pid(), signal);
    }

    /// SIGTERM, then the exit status.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        self.signal(libc::SIGTERM);
        self.child.wait().expect("an exit status")
    }

    /// The exit status, once it has ended by itself.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// All it logged so far.
    pub fn log_text(&self) -> String {
        fs_err::read_to_string(&self.log).unwrap_or_default()
    }

    /// All processes below the server: those that decode media.
    pub fn descendants(&self) -> Vec<i32> {
        let mut found = children(self.pid());
        let mut at = 0;
        while at < found.len() {
            found.extend(children(found[at]));
            at += 1;
        }
        found
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let text = self.log_text();
            let lines: Vec<_> = text.lines().filter(|l| !l.contains(r#""level":"INFO""#)).collect();
            eprintln!("--- server log, but for INFO ---\n{}", lines.join("\n"));
        }
    }
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(folder) else { return vec![] };
    entries.flatten().flat_map(|e| if e.path().is_dir() { files_below(&e.path()) } else { vec![e.path()] }).collect()
}

/// The binary under test, built by `cargo xtask test` beside this test's own folder.
pub fn binary() -> PathBuf {
    product("oz-api", "OZ_API_BIN")
}

/// A binary of the product: where the variable says, else beside this test's own folder.
pub(crate) fn product(name: &str, variable: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a path");
    let target = this.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let path = std::env::var_os(variable).map_or_else(|| target.join(name), PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `cargo xtask test`, or `cargo build -p {name}` first", path.display());
    path
}

fn runtime_lib() -> PathBuf {
    std::env::var_os("OZ_RUNTIME_LIB").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.runtime/libonnxruntime.so")),
        PathBuf::from,
    )
}

fn command(env: &[(String, String)]) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().envs(env.iter().map(|(k, v)| (k, v)));
    for keep in ["PATH", "LD_LIBRARY_PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(keep) {
            command.env(keep, value);
        }
    }
    command
}

fn create_user(env: &[(String, String)], (email, password): (&str, &str), role: &str, company: Option<&str>) {
    let mut command = command(env);
    command.args(["admin", "user", "create", "--email", email, "--role", role, "--password-stdin"]);
    if let Some(company) = company {
        command.args(["--company", company]);
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("oz-api admin");
    child.stdin.take().expect("standard input").write_all(password.as_bytes()).expect("the password is read");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "admin user create: {}", String::from_utf8_lossy(&output.stderr));
}

/// A port nobody listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}
