//! For each requirement a machine that lacks it: the verdict, what is told, and what is advised.

use super::line;
use crate::check::table::TABLE;
use crate::machine::fake::Fake;
use crate::machine::{Database, Space};
use crate::profile::Profile::{self, AllInOne, Api, License, Worker};
use crate::verdict::Verdict::{self, Fail, Unknown, Warn};
use std::io::ErrorKind;
use std::time::Duration;

/// Requirement, profile, what is done to the machine, verdict, a part of what was found, a part of the advice.
type Case = (&'static str, Profile, fn(&mut Fake), Verdict, &'static str, &'static str);

/// Requirements that are only noted.
const NOTED: [&str; 4] = ["cpu-extras", "firewall", "time-zone", "gpu"];

fn cpu(fake: &mut Fake, maker: &str) {
    fake.file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: sse4_1 sse4_2 avx hypervisor\nprocessor\t: 1\n");
    fake.file("/sys/class/dmi/id/sys_vendor", maker);
}

fn mount(fake: &mut Fake, kind: &str, options: &str) {
    let mounts = format!("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:9 / /var/lib rw - {kind} x {options}\n");
    fake.file("/proc/self/mountinfo", &mounts);
    fake.file("/var/lib/x", "");
}

fn settings(fake: &mut Fake, text: &str) {
    fake.file("/etc/oz/oz.toml", text);
}

fn postgres(fake: &mut Fake, mode: &str, number: i32, may_create: bool) {
    settings(fake, &format!("database_url = \"postgres://oz:secret1@db.bank.example/oz{mode}\""));
    let version = format!("{}.4", number / 10_000);
    fake.world.postgres = Ok(Database { number, version, may_create: Some(may_create), encrypted: Some(true) });
}

const VERIFIED: &str = "?sslmode=verify-full";

const CASES: &[Case] = &[
    ("cpu-flags", Api, |f| cpu(f, "QEMU"), Fail, "missing: avx2 fma", "-cpu host"),
    ("cpu-flags", Api, |f| cpu(f, "VMware, Inc."), Fail, "missing: avx2 fma", "EVC"),
    ("cpu-flags", Api, |f| cpu(f, "Microsoft Corporation"), Fail, "missing: avx2 fma", "Hyper-V"),
    ("cpu-flags", Api, |f| cpu(f, "Somebody"), Fail, "missing: avx2 fma", "VMware"),
    ("cpu-flags", Api, |f| f.without("/proc/cpuinfo"), Unknown, "/proc/cpuinfo", "x86-64"),
    ("cores", Api, |f| f.file("/proc/cpuinfo", "processor : 0\n"), Fail, "1", "more processors"),
    ("cores", Api, |f| f.file("/sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n"), Fail, "1.50 of 2", "CPUQuota"),
    ("memory", Api, |f| f.file("/proc/meminfo", "MemTotal: 2000000 kB\n"), Fail, "2.0 GB", "more memory"),
    (
        "memory",
        Api,
        |f| f.file("/sys/fs/cgroup/user.slice/memory.max", "1000000000\n"),
        Fail,
        "1.0 GB of 4.1 GB",
        "MemoryMax",
    ),
    ("memory", Api, |f| f.without("/proc/meminfo"), Unknown, "MemTotal", "/proc"),
    (
        "disk-free",
        Api,
        |f| f.world.space = Ok(Space { total: 40_000_000_000, free: 9_000_000_000 }),
        Fail,
        "9.0 GB of 40.0 GB",
        "--target",
    ),
    (
        "disk-free",
        Api,
        |f| f.world.space = Ok(Space { total: 900_000_000_000, free: 50_000_000_000 }),
        Warn,
        "50.0 GB",
        "Free space",
    ),
    ("disk-free", Api, |f| f.world.space = Err(ErrorKind::PermissionDenied), Unknown, "/var/lib/oz", "Free space"),
    ("file-system", AllInOne, |f| mount(f, "tmpfs", "rw"), Fail, "tmpfs at /var/lib", "gone"),
    ("file-system", AllInOne, |f| mount(f, "overlay", "rw"), Fail, "overlay", "volume"),
    ("file-system", Worker, |f| mount(f, "overlay", "rw"), Warn, "overlay", "volume"),
    ("file-system", Api, |f| mount(f, "vfat", "rw"), Fail, "vfat", "owners"),
    ("file-system", Api, |f| mount(f, "nfs4", "rw"), Fail, "nfs4", "SQLite"),
    (
        "file-system",
        Api,
        |f| {
            mount(f, "nfs4", "rw");
            postgres(f, VERIFIED, 150_004, true)
        },
        Warn,
        "nfs4",
        "network",
    ),
    ("file-system", Api, |f| mount(f, "ext4", "ro"), Fail, "read-only", "dmesg"),
    ("file-system", Api, |f| mount(f, "newfs", "rw"), Warn, "not known to work", "ext4"),
    ("file-system", Api, |f| f.without("/proc/self/mountinfo"), Unknown, "mountinfo", "/proc"),
    ("fsync-p99", Api, |f| f.world.write = Ok(Duration::from_millis(400)), Fail, "400.0 ms", "SSD"),
    ("fsync-p99", Api, |f| f.world.write = Ok(Duration::from_millis(30)), Warn, "30.0 ms", "SSD"),
    ("fsync-p99", Api, |f| f.world.write = Err(ErrorKind::PermissionDenied), Unknown, "may not be written", "root"),
    ("kernel", Api, |f| f.file("/proc/sys/kernel/osrelease", "4.19.0-26-amd64\n"), Fail, "4.19", "Upgrade"),
    ("kernel", Api, |f| f.file("/proc/self/status", "Name:\tx\n"), Fail, "without seccomp", "CONFIG_SECCOMP_FILTER"),
    ("kernel", Api, |f| f.file("/sys/kernel/security/lsm", "yama"), Warn, "without Landlock", "lsm="),
    ("kernel", Api, |f| f.without("/proc/sys"), Unknown, "osrelease", "/proc"),
    (
        "distribution",
        Api,
        |f| f.file("/etc/os-release", "ID=debian\nVERSION_ID=\"11\"\n"),
        Warn,
        "debian 11",
        "Debian from 12",
    ),
    (
        "distribution",
        Api,
        |f| f.file("/etc/os-release", "ID=ubuntu\nVERSION_ID=\"20.04\"\n"),
        Warn,
        "ubuntu 20.04",
        "Ubuntu from 22.04",
    ),
    (
        "distribution",
        Api,
        |f| f.file("/etc/os-release", "ID=rocky\nPRETTY_NAME='Rocky Linux 9'\n"),
        Warn,
        "Rocky Linux 9",
        "Debian",
    ),
    ("glibc", Api, |f| f.program("getconf", "glibc 2.31\n"), Fail, "2.31", "Upgrade the distribution"),
    (
        "glibc",
        Api,
        |f| {
            f.world.programs.remove("getconf");
        },
        Unknown,
        "getconf",
        "libc-bin",
    ),
    ("systemd", Api, |f| f.program("systemctl", "systemd 245 (245.4)\n"), Fail, "245", "247"),
    (
        "systemd",
        Api,
        |f| {
            f.world.programs.remove("systemctl");
        },
        Fail,
        "none",
        "units of systemd",
    ),
    ("systemd", Api, |f| f.without("/run/systemd"), Fail, "252, not running", "container"),
    (
        "ports",
        License,
        |f| {
            f.world.held.insert(8090, ErrorKind::AddrInUse);
        },
        Fail,
        "cannot be seen",
        "Stop",
    ),
    ("ports", AllInOne, held_by_nginx, Fail, "8443 held by nginx (pid 912)", "Stop"),
    (
        "ports",
        License,
        |f| {
            f.world.held.insert(9465, ErrorKind::PermissionDenied);
        },
        Unknown,
        "9465: permission denied",
        "Stop",
    ),
    ("ports", Api, moved, Fail, "8001 held by", "another one"),
    ("time-sync", Api, |f| f.program("timedatectl", "no\n"), Warn, "no", "chrony"),
    (
        "time-sync",
        Api,
        |f| {
            f.world.programs.remove("timedatectl");
        },
        Unknown,
        "timedatectl",
        "host",
    ),
    ("resolver", Api, |f| f.file("/etc/resolv.conf", "search bank\n"), Warn, "no name server", "/etc/hosts"),
    ("resolver", Api, |f| f.world.names.clear(), Fail, "localhost", "127.0.0.1 localhost"),
    ("open-files", Api, |f| f.file("/proc/sys/fs/nr_open", "4096\n"), Fail, "at most 4096", "fs.nr_open"),
    (
        "open-files",
        Api,
        |f| f.file("/proc/self/limits", "Max open files 1024 4096 files\n"),
        Warn,
        "4096 in this session",
        "DefaultLimitNOFILE",
    ),
    ("open-files", Api, |f| f.without("/proc/self/limits"), Unknown, "limits", "/proc"),
    ("entropy", Api, |f| f.file("/proc/sys/kernel/random/entropy_avail", "20\n"), Warn, "20 bits", "virtio-rng"),
    ("settings", Api, |f| settings(f, "data_dir = \"/x\nlisten"), Fail, "/etc/oz/oz.toml, line 2", "check-config"),
    ("settings", Api, |f| f.file("/etc/oz/oz.toml/x", ""), Fail, "not a regular file", "Correct"),
    ("database", Api, |f| settings(f, "database_url = \"mysql://db\""), Fail, "not an address", "postgres://"),
    (
        "database",
        Api,
        |f| settings(f, "database_url = \"postgres://oz:secret1@db.bank.example/oz\""),
        Fail,
        "without sslmode",
        "sslrootcert",
    ),
    ("database", Api, |f| settings(f, "database_url = \"postgres:///oz\""), Fail, "connection refused", "pg_hba.conf"),
    ("database", Api, |f| postgres(f, VERIFIED, 120_004, true), Fail, "PostgreSQL 12.4", "13 or later"),
    ("database", Api, |f| postgres(f, VERIFIED, 150_004, false), Fail, "no right to make tables", "GRANT"),
    ("database", Api, |f| postgres(f, "?sslmode=require", 150_004, true), Warn, "name not verified", "verify-full"),
    (
        "ldap",
        Api,
        |f| settings(f, "ldap_url = \"ldaps://dc1.bank.example\""),
        Fail,
        "dc1.bank.example:636: connection refused",
        "firewalls",
    ),
    ("ldap", Api, |f| settings(f, "ldap_url = \"http://dc1\""), Fail, "not an address", "ldaps://host"),
    (
        "smtp",
        Api,
        |f| settings(f, "smtp_host = \"mail.bank.example\""),
        Fail,
        "mail.bank.example:587: connection refused",
        "smtp_port",
    ),
    ("smtp", Api, |f| settings(f, "smtp_host = \"x\"\nsmtp_port = 70000"), Fail, "smtp_port", "65535"),
    (
        "license-server",
        Api,
        |f| settings(f, "license_server_url = \"https://lic\""),
        Fail,
        "lic:8090: connection refused",
        "loopback",
    ),
    ("license", Api, |_| (), Warn, "trial of 30 days", "admin license request"),
    ("license", Api, |f| f.file("/etc/oz/license.oz", "no license"), Fail, "/etc/oz/license.oz", "byte for byte"),
    ("models", Api, |f| f.without("/usr/share/oz"), Warn, "none at /usr/share/oz/models", "oz-models"),
    ("models", Api, |f| f.file("/usr/share/oz/models/a.onnx", "abd"), Fail, "a.onnx: SHA-256 is", "anew"),
    ("models", Api, |f| f.file("/usr/share/oz/models/a.onnx", "abcd"), Fail, "a.onnx: 4 bytes", "anew"),
    ("models", Api, |f| f.without("/usr/share/oz/models/a.onnx"), Fail, "a.onnx: missing", "anew"),
    ("models", Api, |f| f.file("/usr/share/oz/models/manifest.toml", "format = "), Fail, "manifest.toml", "anew"),
    ("leftovers", Api, |f| f.file("/usr/local/bin/oz-api", ""), Warn, "/usr/local/bin/oz-api", "remove"),
    ("leftovers", Api, |f| f.file("/etc/systemd/system/oz-api.service", ""), Warn, "system/oz-api.service", "remove"),
    ("leftovers", Api, |f| f.file("/var/lib/oz/oz.sqlite", ""), Warn, "/var/lib/oz of user", "remove"),
    (
        "leftovers",
        Api,
        |f| f.file("/var/lib/dpkg/status", "Package: oz-api\nStatus: deinstall ok config-files\n\nPackage: b\n"),
        Warn,
        "removed package oz-api",
        "remove",
    ),
];

fn moved(fake: &mut Fake) {
    settings(fake, "listen = \"0.0.0.0:8001\"");
    fake.world.held = [8000, 8001].map(|port| (port, ErrorKind::AddrInUse)).into();
}

fn held_by_nginx(fake: &mut Fake) {
    fake.world.held.insert(8443, ErrorKind::AddrInUse);
    let address = "00000000000000000000000000000000:20FB 00000000000000000000000000000000:0000";
    fake.file("/proc/net/tcp6", &format!("  sl\n   0: {address} 0A 0:0 0:0 0 0 0 815 1\n"));
    fake.file("/proc/912/comm", "nginx\n");
    fake.link("/proc/912/fd/0", "/dev/null");
    fake.link("/proc/912/fd/7", "socket:[815]");
}

#[test]
fn what_is_missing_is_told_with_advice() {
    for (name, profile, change, verdict, found, advice) in CASES {
        let mut fake = Fake::good();
        change(&mut fake);
        let line = line(name, &fake, *profile);
        assert_eq!(line.verdict, *verdict, "{line:?}");
        assert!(line.found.contains(found), "{found}: {line:?}");
        assert!(line.advice.as_ref().is_some_and(|text| text.contains(advice)), "{advice}: {line:?}");
        assert!(!format!("{line:?}").contains("secret1"), "{line:?}");
    }
}

#[test]
fn every_requirement_has_a_machine_that_lacks_it() {
    for check in TABLE {
        let tried = CASES.iter().any(|(name, ..)| *name == check.name);
        assert!(tried != NOTED.contains(&check.name), "{}", check.name);
    }
}
