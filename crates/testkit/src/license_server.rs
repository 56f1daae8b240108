//! A license server of one's own: the real binary, a fresh data folder, a free port; gone when the test ends.
#![expect(clippy::expect_used, reason = "what goes wrong here ends the test")]

use crate::client::Client;
use crate::server::{Options, free_port, kill, product, until};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A running license server.
pub struct LicenseServer {
    child: Child,
    /// Scheme and address.
    pub base: String,
    /// The data folder.
    pub data: PathBuf,
    /// The file that its log goes to.
    pub log: PathBuf,
    env: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

impl LicenseServer {
    /// Starts `oz-license-server serve`, waits until it answers.
    pub fn start(options: Options) -> Self {
        let server = Self::spawn(options);
        server.wait();
        server
    }

    /// Starts one that may end by itself.
    pub fn spawn(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let port = options.port.unwrap_or_else(free_port);
        let mut env = vec![
            ("OZ_LICENSE_DATA_DIR".to_owned(), data.display().to_string()),
            ("OZ_LICENSE_LISTEN".to_owned(), format!("127.0.0.1:{port}")),
        ];
        if let Some(url) = &options.database_url {
            env.push(("OZ_LICENSE_DATABASE_URL".to_owned(), url.clone()));
        }
        env.extend(options.env.clone());
        let log = folder.path().join("log");
        let child = launch(&env, &log);
        Self { child, base: format!("http://127.0.0.1:{port}"), data, log, env, _folder: folder }
    }

    /// Starts it again, on the same data and port.
    pub fn restart(&mut self) {
        self.kill();
        self.child = launch(&self.env, &self.log);
        self.wait();
    }

    fn wait(&self) {
        let client = self.stranger();
        until("the license server answers", Duration::from_secs(30), || {
            client.try_send("GET", "/api/healthcheck", &[], None).ok()
        });
    }

    /// A caller without a secret.
    pub fn stranger(&self) -> Client {
        Client::new(&self.base)
    }

    /// A caller with the admin token.
    pub fn admin(&self) -> Client {
        self.with("admin.token")
    }

    /// A caller with the join secret.
    pub fn node(&self) -> Client {
        self.with("join.secret")
    }

    fn with(&self, file: &str) -> Client {
        let secret = fs_err::read_to_string(self.data.join(file)).expect("a secret");
        self.stranger().with_bearer(&secret)
    }

    /// Runs `oz-license-server` with this server's settings to its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        command(&self.env).args(arguments).stdin(Stdio::null()).output().expect("oz-license-server starts")
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// SIGTERM, then the exit status.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        kill(self.pid(), libc::SIGTERM);
        self.child.wait().expect("an exit status")
    }

    /// The exit status, once it has ended by itself.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        until("the license server ends", Duration::from_secs(30), || self.child.try_wait().expect("a child of ours"))
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
}

impl Drop for LicenseServer {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let text = self.log_text();
            let lines: Vec<_> = text.lines().filter(|l| !l.contains(r#""level":"INFO""#)).collect();
            eprintln!("--- license server log, but for INFO ---\n{}", lines.join("\n"));
        }
    }
}

fn launch(env: &[(String, String)], log: &Path) -> Child {
    let out = fs_err::OpenOptions::new().create(true).append(true).open(log).expect("a log file").into_parts().0;
    let mut command = command(env);
    command.arg("serve").stdin(Stdio::null()).stdout(out.try_clone().expect("a descriptor")).stderr(out);
    command.spawn().expect("the license server starts")
}

fn command(env: &[(String, String)]) -> Command {
    let mut command = Command::new(product("oz-license-server", "OZ_LICENSE_SERVER_BIN"));
    command.env_clear().envs(env.iter().map(|(k, v)| (k, v)));
    for keep in ["PATH", "LD_LIBRARY_PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(keep) {
            command.env(keep, value);
        }
    }
    command
}
