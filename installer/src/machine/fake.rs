//! A machine made for tests: one on which everything is well, until a test takes something away.

use super::{Database, Machine, Said, Space, World};
use oz_license::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Such a machine.
pub(crate) struct Fake {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    /// What is no file.
    pub(crate) world: Answers,
}

/// What it answers.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) space: Result<Space, io::ErrorKind>,
    pub(crate) write: Result<Duration, io::ErrorKind>,
    /// Ports that cannot be bound, and why.
    pub(crate) held: BTreeMap<u16, io::ErrorKind>,
    /// Who takes connections.
    pub(crate) open: BTreeSet<(String, u16)>,
    pub(crate) names: BTreeSet<String>,
    /// What programs say, by their names.
    pub(crate) programs: BTreeMap<String, Said>,
    pub(crate) postgres: Result<Database, String>,
}

/// What a Debian 12 shows.
const GOOD: &[(&str, &str)] = &[
    (
        "/proc/cpuinfo",
        "processor\t: 0\nflags\t\t: fpu sse4_1 sse4_2 avx fma avx2 avx512f hypervisor\n\n\
         processor\t: 1\nflags\t\t: fpu sse4_1 sse4_2 avx fma avx2 avx512f hypervisor\n",
    ),
    ("/proc/meminfo", "MemTotal:        4018216 kB\nMemFree:          100000 kB\n"),
    ("/proc/self/cgroup", "0::/user.slice/session.scope\n"),
    (
        "/proc/self/mountinfo",
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n23 22 0:5 / /proc rw - proc proc rw\n",
    ),
    ("/proc/self/status", "Name:\tozctl\nSeccomp:\t0\n"),
    (
        "/proc/self/limits",
        "Limit Soft Hard Units\nMax open files            1024                 524288               files\n",
    ),
    ("/proc/sys/fs/nr_open", "1048576\n"),
    ("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
    ("/proc/sys/kernel/random/entropy_avail", "256\n"),
    ("/sys/kernel/security/lsm", "lockdown,capability,landlock,yama,apparmor"),
    ("/sys/class/dmi/id/sys_vendor", "QEMU\n"),
    ("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n"),
    ("/etc/resolv.conf", "nameserver 10.0.0.53\n"),
    ("/etc/timezone", "Europe/Berlin\n"),
    ("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
    ("/run/systemd/system/x", ""),
    (
        "/usr/share/oz/models/manifest.toml",
        "format = 1\nname = \"default\"\nversion = \"1\"\n[[model]]\nfile = \"a.onnx\"\nbytes = 3\noptional = false\n\
         sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n",
    ),
    ("/usr/share/oz/models/a.onnx", "abc"),
];

impl Fake {
    /// A machine on which everything is well, but for a license.
    pub(crate) fn good() -> Self {
        let says = |program: &str, text: &str| (program.to_owned(), Said { ok: true, text: text.to_owned() });
        let mut fake = Self {
            folder: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
            world: Answers {
                space: Ok(Space { total: 100_000_000_000, free: 50_000_000_000 }),
                write: Ok(Duration::from_micros(1_500)),
                held: BTreeMap::new(),
                open: BTreeSet::new(),
                names: BTreeSet::from(["localhost".to_owned()]),
                programs: BTreeMap::from([
                    says("getconf", "glibc 2.36\n"),
                    says("systemctl", "systemd 252 (252.22-1~deb12u1)\n+PAM\n"),
                    says("timedatectl", "yes\n"),
                ]),
                postgres: Err("connection refused".to_owned()),
            },
        };
        for (path, text) in GOOD {
            fake.file(path, text);
        }
        fake
    }

    /// Writes a file.
    pub(crate) fn file(&mut self, path: &str, text: &str) {
        let path = self.folder.path().join(path.trim_start_matches('/'));
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// Takes a file or folder away.
    pub(crate) fn without(&mut self, path: &str) {
        let path = self.folder.path().join(path.trim_start_matches('/'));
        if path.is_dir() { fs_err::remove_dir_all(path) } else { fs_err::remove_file(path) }.unwrap();
    }

    /// Makes a link.
    pub(crate) fn link(&mut self, path: &str, to: &str) {
        let path = self.folder.path().join(path.trim_start_matches('/'));
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::os::unix::fs::symlink(to, path).unwrap();
    }

    /// Sets an environment variable.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Lets a program say something.
    pub(crate) fn program(&mut self, name: &str, text: &str) {
        self.world.programs.insert(name.to_owned(), Said { ok: true, text: text.to_owned() });
    }

    /// The machine.
    pub(crate) fn machine(&self) -> Machine {
        Machine {
            root: self.folder.path().to_owned(),
            environment: self.environment.clone(),
            world: Box::new(self.world.clone()),
        }
    }
}

impl World for Answers {
    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(self.space?)
    }

    fn write_p99(&self, _: &Path) -> io::Result<Duration> {
        Ok(self.write?)
    }

    fn bind(&self, port: u16) -> io::Result<()> {
        self.held.get(&port).map_or(Ok(()), |kind| Err((*kind).into()))
    }

    fn connect(&self, host: &str, port: u16) -> io::Result<()> {
        let open = self.open.contains(&(host.to_owned(), port));
        open.then_some(()).ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }

    fn resolve(&self, name: &str) -> io::Result<()> {
        self.names.contains(name).then_some(()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn run(&self, program: &str, _: &[&str]) -> io::Result<Said> {
        self.programs.get(program).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn postgres(&self, _: &str) -> Result<Database, String> {
        self.postgres.clone()
    }

    fn now(&self) -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }
}
