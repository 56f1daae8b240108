//! A PostgreSQL cluster of our own: `initdb` into a temporary folder, a free loopback port, gone with the process.

use fs_err as fs;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// Why there is no cluster.
#[derive(Debug)]
pub struct Error(String);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// A running cluster. Anybody on this machine may enter it.
///
/// It belongs to a small shell whose standard input is a pipe from us: when that closes, because we drop it or because
/// the process dies in whatever way, the shell stops the server and removes its folder.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    durable: bool,
    tls: bool,
    keeper: Mutex<Option<Child>>,
}

/// Starts the server, tells so, waits for the end of standard input, then cleans up.
const KEEPER: &str = r#"
"$1/pg_ctl" -w -t 60 -D "$2/data" -l "$2/log" -o "$3" start >/dev/null || { tail -n 5 "$2/log"; exit 1; }
echo ready
cat >/dev/null
"$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
rm -rf "$2"
"#;

impl Cluster {
    /// Starts a fresh cluster that forgets its promises in a crash of the machine (`fsync=off`): fast, for tests of
    /// queries.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the text tells why.
    pub fn start() -> Result<Self, Error> {
        Self::begin(false, false)
    }

    /// Starts a fresh cluster that keeps its promises: for tests of faults.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_durable() -> Result<Self, Error> {
        Self::begin(true, false)
    }

    /// Starts a fresh cluster that also speaks TLS, with a certificate of its own for `localhost`; `openssl` makes it.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_tls() -> Result<Self, Error> {
        Self::begin(false, true)
    }

    /// The certificate of [`Cluster::start_tls`], which is its own authority.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("server.crt")
    }

    /// A certificate of the same name that another key has signed: an authority the server does not belong to.
    pub fn other_certificate(&self) -> PathBuf {
        self.folder.join("other.crt")
    }

    fn begin(durable: bool, tls: bool) -> Result<Self, Error> {
        let programs = programs()?;
        // Kept short: a socket's path has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("oz-pg-").tempdir_in("/tmp")?.keep();
        if as_root() {
            run(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let data = folder.join("data");
        let mut initdb = unprivileged(&programs.join("initdb"));
        initdb
            .args(["--no-sync", "--auth=trust", "--username=oz", "--encoding=UTF8", "--locale=C"])
            .arg("-D")
            .arg(&data);
        let certificates = || if tls { certify(&folder) } else { Ok(()) };
        if let Err(error) = run(&mut initdb).and_then(|()| certificates()) {
            let _ = fs::remove_dir_all(&folder);
            return Err(error);
        }
        let mut cluster = Self { programs, folder, port: 0, durable, tls, keeper: Mutex::new(None) };
        let mut last = Error("no free port".to_owned());
        // Another process may take the port between our look and the server's.
        for _ in 0..5 {
            cluster.port = free_port()?;
            match cluster.resume() {
                Ok(()) => return Ok(cluster),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Starts the server again after [`Cluster::kill`] or [`Cluster::stop`], on the same port and data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&self) -> Result<(), Error> {
        let fsync = if self.durable { "on" } else { "off" };
        let folder = self.folder.display();
        let tls = if self.tls {
            format!("-c ssl=on -c ssl_cert_file={folder}/server.crt -c ssl_key_file={folder}/server.key")
        } else {
            String::new()
        };
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync={fsync} -c full_page_writes={fsync} \
             -c max_connections=200 -c shared_buffers=64MB {tls}",
            self.port,
        );
        let mut keeper = unprivileged(Path::new("sh"))
            .args(["-c", KEEPER, "oz-pg-keeper"])
            .arg(&self.programs)
            .arg(&self.folder)
            .arg(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut told = String::new();
        let out = keeper.stdout.take().ok_or_else(|| Error("no output".to_owned()))?;
        let mut out = BufReader::new(out);
        out.read_line(&mut told)?;
        if told.trim() != "ready" {
            out.read_to_string(&mut told)?;
            let _ = keeper.wait();
            return Err(Error(format!("PostgreSQL did not start: {}", told.trim())));
        }
        let before = self.lock().replace(keeper);
        if let Some(mut before) = before {
            // The keeper of a server that is gone: it must not clean up when its pipe closes.
            let _ = before.kill();
            let _ = before.wait();
        }
        Ok(())
    }

    /// Kills the server with SIGKILL, all of its processes at once, as a crash would.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self) -> Result<(), Error> {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        let first = text.lines().next().and_then(|line| line.trim().parse().ok());
        let pid = first.and_then(Pid::from_raw).ok_or_else(|| Error("no process id".to_owned()))?;
        // Each backend leads a process group of its own, so they are found as children.
        let children =
            fs::read_to_string(format!("/proc/{0}/task/{0}/children", pid.as_raw_nonzero())).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|c| c.parse().ok()).filter_map(Pid::from_raw);
        let all: Vec<(Pid, OwnedFd)> = std::iter::once(pid)
            .chain(children)
            .filter_map(|pid| Some((pid, pidfd_open(pid, PidfdFlags::empty()).ok()?)))
            .collect();
        for (pid, _) in &all {
            let _ = kill(*pid); // it may have ended by itself already
        }
        // Until the last one is gone its shared memory is in use, and no new server would start on it.
        for (_, fd) in &all {
            poll(&mut [PollFd::new(fd, PollFlags::IN)], None).map_err(std::io::Error::from)?;
        }
        // Nobody may have reaped the server yet, and a new one takes a dead process for a living one.
        fs::remove_file(self.folder.join("data/postmaster.pid"))?;
        Ok(())
    }

    /// Stops the server in order, closing all connections.
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop(&self) -> Result<(), Error> {
        let mut stop = unprivileged(&self.programs.join("pg_ctl"));
        run(stop.args(["-w", "-m", "fast", "stop", "-D"]).arg(self.folder.join("data")))
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Errors
    /// When the server says no.
    pub fn create_database(&self, name: &str) -> Result<String, Error> {
        run(Command::new(self.programs.join("createdb")).args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            "oz",
            "-T",
            "template0",
            name,
        ]))?;
        Ok(format!("postgres://oz@127.0.0.1:{}/{name}", self.port))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.keeper.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.lock().take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Makes two pairs of keys and certificates for `localhost`.
fn certify(folder: &Path) -> Result<(), Error> {
    for name in ["server", "other"] {
        // As the server's user: PostgreSQL takes a key only from its owner.
        let mut openssl = unprivileged(Path::new("openssl"));
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        openssl.arg("-keyout").arg(folder.join(name).with_extension("key"));
        run(openssl.arg("-out").arg(folder.join(name).with_extension("crt")))?;
    }
    Ok(())
}

fn kill(pid: Pid) -> Result<(), Error> {
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).map_err(|e| Error(e.to_string()))
}

fn as_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// PostgreSQL refuses to run as root; its package has made a user.
fn unprivileged(program: &Path) -> Command {
    if !as_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program).current_dir("/");
    command
}

/// The newest installed server's programs, or those in `OZ_TEST_POSTGRES_BIN`.
fn programs() -> Result<PathBuf, Error> {
    if let Some(folder) = std::env::var_os("OZ_TEST_POSTGRES_BIN") {
        return Ok(PathBuf::from(folder));
    }
    let missing = || Error("PostgreSQL is not installed: apt-get install postgresql".to_owned());
    let versions = fs::read_dir("/usr/lib/postgresql").map_err(|_| missing())?;
    versions
        .filter_map(|entry| entry.ok().map(|entry| entry.path().join("bin")))
        .filter(|bin| bin.join("initdb").is_file())
        .max_by_key(|bin| bin.parent().and_then(Path::file_name).and_then(|v| v.to_str()?.parse::<u32>().ok()))
        .ok_or_else(missing)
}

fn free_port() -> Result<u16, Error> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn run(command: &mut Command) -> Result<(), Error> {
    let done = command.stdin(Stdio::null()).output()?;
    if done.status.success() {
        return Ok(());
    }
    let program: OsString = command.get_program().to_owned();
    Err(Error(format!("{}: {}", program.display(), String::from_utf8_lossy(&done.stderr).trim())))
}
