//! A Debian machine for tests: a root folder booted by `systemd-nspawn`, with no network but its own loopback.
//!
//! What a test writes goes into a layer of its own over the shared root, which is made once and never changed.

#![expect(clippy::expect_used, reason = "what goes wrong here ends the test")]

use crate::process::{children, kill};
use crate::server::until;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// For a machine to come up, or to go down.
const PATIENCE: Duration = Duration::from_secs(60);

/// A machine. Dropped, it is cut off and its layer is removed.
pub struct Machine {
    layer: tempfile::TempDir,
    running: Option<Running>,
}

struct Running {
    container: Child,
    /// Its first process, as this machine counts.
    init: i32,
}

impl Machine {
    /// Boots the root that `OZ_TEST_ROOT` names.
    pub fn boot() -> Self {
        let base = std::env::var_os("OZ_TEST_ROOT").expect("OZ_TEST_ROOT: run `cargo xtask test`");
        let layer = tempfile::tempdir().expect("a folder");
        let path = |name: &str| layer.path().join(name);
        for folder in ["upper", "work", "root"] {
            fs_err::create_dir(path(folder)).expect("a folder");
        }
        let [lower, upper, work] =
            [PathBuf::from(base), path("upper"), path("work")].map(|path| path.display().to_string());
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        succeed(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(path("root")));
        let mut machine = Self { layer, running: None };
        machine.start();
        machine
    }

    /// Its root, as this machine sees it.
    pub fn root(&self) -> PathBuf {
        self.layer.path().join("root")
    }

    /// Switches it on.
    pub fn start(&mut self) {
        let log = fs_err::File::create(self.layer.path().join("console")).expect("a file");
        let mut command = Command::new("systemd-nspawn");
        command.args([
            "--quiet",
            "--boot",
            "--private-network",
            "--register=no",
            "--keep-unit",
            "--console=pipe",
            "-D",
        ]);
        // A name of its own: machines of one name share a folder under /run.
        let name = self.layer.path().file_name().map(|name| name.to_string_lossy().replace('.', "")).expect("a name");
        command.arg(self.root()).arg(format!("--machine=oz{name}")).stdin(Stdio::null());
        command.stdout(log.file().try_clone().expect("a file")).stderr(log.file().try_clone().expect("a file"));
        let container = command.spawn().expect("systemd-nspawn");
        let id = i32::try_from(container.id()).expect("a process id");
        let init = until("the machine's first process", PATIENCE, || first_of(id));
        self.running = Some(Running { container, init });
        until("the machine is up", PATIENCE, || {
            let state = self.output("systemctl", &["is-system-running"]);
            let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
            matches!(state.as_str(), "running" | "degraded").then_some(())
        });
    }

    /// Switches it off, in order.
    pub fn stop(&mut self) {
        self.output("systemctl", &["--no-block", "poweroff"]);
        let mut running = self.running.take().expect("a running machine");
        running.container.wait().expect("its end");
    }

    /// Switches it off and on again, in order.
    pub fn reboot(&mut self) {
        self.stop();
        self.start();
    }

    /// Runs a program in it and gives what came of it.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Output {
        inside(self.init(), program, arguments).output().expect("nsenter")
    }

    /// Runs a program in it, which must end well; gives what it printed.
    #[track_caller]
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.output(program, arguments);
        let [said, complained] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success(), "{program} {arguments:?}: {}\n{said}\n{complained}", output.status);
        said
    }

    /// Runs a line of shell in it, which must end well; gives what it printed.
    #[track_caller]
    pub fn sh(&self, line: &str) -> String {
        self.run("sh", &["-ec", line])
    }

    /// A program of this machine in the other one's network: it needs no client of its own.
    #[track_caller]
    pub fn curl(&self, arguments: &[&str]) -> Output {
        let init = self.init().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &init, "curl", "--silent", "--show-error"]).args(arguments);
        command.output().expect("nsenter")
    }

    /// Puts a file of this machine into it.
    pub fn put(&self, from: &Path, to: &str) {
        fs_err::copy(from, self.root().join(to.trim_start_matches('/'))).expect("a copy");
    }

    fn init(&self) -> i32 {
        self.running.as_ref().expect("a running machine").init
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            if std::thread::panicking() {
                for namespace in ["--namespace=", "--namespace=oz"] {
                    let journal = inside(running.init, "journalctl", &["--no-pager", "-n", "60", namespace]).output();
                    let journal = journal.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
                    eprintln!("--- the machine's journal ---\n{}", journal.unwrap_or_default());
                }
            }
            kill(running.init, libc::SIGKILL);
            let _ = running.container.kill();
            let _ = running.container.wait();
        }
        let _ = Command::new("umount").arg("--lazy").arg(self.root()).status();
    }
}

/// A program in the machine with this first process, in a clean environment, as a log-in has.
fn inside(init: i32, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--all", "--target", &init.to_string(), "--", program]).args(arguments);
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    command.env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

/// The container's first process: a child that is number 1 where it lives. The one that only makes it is none.
fn first_of(container: i32) -> Option<i32> {
    children(container).into_iter().find(|pid| {
        let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let own = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        own.and_then(|ids| ids.split_whitespace().last()) == Some("1")
    })
}

fn succeed(command: &mut Command) {
    let status = command.status().expect("a program");
    assert!(status.success(), "{command:?}: {status}");
}
