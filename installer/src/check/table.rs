//! The requirements, one line each.

use super::{Check, clock, cpu, database, disk, firewall, gpu, leftovers, license, memory, models, ports, reach};
use super::{settings, system};
use crate::profile::{ALL, ANALYSING, ENTERING, KEEPING, SERVING};

/// Every requirement, in the order in which they are shown.
pub(super) static TABLE: &[Check] = &[
    Check {
        name: "cpu-flags",
        profiles: ANALYSING,
        required: |_| cpu::FLAGS.join(" "),
        probe: cpu::flags,
        advice: "The models need a processor of x86-64-v3 (Intel from 2013, AMD from 2015). In a virtual \
            machine, show it the host's.",
    },
    Check {
        name: "cpu-extras",
        profiles: ANALYSING,
        required: |_| "none (faster with AVX-512 and VNNI)".to_owned(),
        probe: cpu::extras,
        advice: "",
    },
    Check {
        name: "cores",
        profiles: ALL,
        required: |asked| asked.profile.needs().cores.to_string(),
        probe: cpu::cores,
        advice: "Give the machine more processors; in a container or unit, raise cpu.max (CPUQuota=).",
    },
    Check {
        name: "memory",
        profiles: ALL,
        required: |asked| format!("{} GB", asked.profile.needs().memory),
        probe: memory::size,
        advice: "Give the machine more memory; in a container or unit, raise memory.max (MemoryMax=).",
    },
    Check {
        name: "disk-free",
        profiles: ALL,
        required: |asked| format!("{} GB, and a tenth of the whole", asked.profile.needs().disk),
        probe: disk::free,
        advice: "Free space, put a larger disk there, or choose another folder with --target and the setting data_dir.",
    },
    Check {
        name: "file-system",
        profiles: KEEPING,
        required: |_| "a local one: ext4, xfs, btrfs, zfs".to_owned(),
        probe: disk::file_system,
        advice: "Put the data on a local disk with ext4 or xfs.",
    },
    Check {
        name: "fsync-p99",
        profiles: KEEPING,
        required: |_| format!("less than {} ms", disk::SLOW.as_millis()),
        probe: disk::fsync,
        advice: "Every answer that stores something waits for such a write. Use an SSD, or a controller \
            with a protected cache.",
    },
    Check {
        name: "kernel",
        profiles: ALL,
        required: |_| "5.4 with seccomp; 5.13 for Landlock".to_owned(),
        probe: system::kernel,
        advice: "Upgrade the kernel: media of strangers are decoded in a sandbox that it must provide.",
    },
    Check {
        name: "distribution",
        profiles: ALL,
        required: |_| "Debian 12 or Ubuntu 22.04, or later".to_owned(),
        probe: system::distribution,
        advice: "The packages are built and tested for Debian from 12 and Ubuntu from 22.04; on others \
            they may not install.",
    },
    Check {
        name: "glibc",
        profiles: ALL,
        required: |_| "2.35".to_owned(),
        probe: system::glibc,
        advice: "Upgrade the distribution; glibc cannot be upgraded alone.",
    },
    Check {
        name: "systemd",
        profiles: ALL,
        required: |_| "247, running the machine".to_owned(),
        probe: system::systemd,
        advice: "The services are units of systemd (LoadCredential= needs 247): upgrade the distribution.",
    },
    Check {
        name: "ports",
        profiles: SERVING,
        required: |asked| format!("free: {}", ports::list(&ports::all(asked))),
        probe: ports::free,
        advice: "Stop what holds the port, or let the service listen on another one.",
    },
    Check {
        name: "firewall",
        profiles: SERVING,
        required: |_| "none (noted)".to_owned(),
        probe: firewall::noted,
        advice: "",
    },
    Check {
        name: "time-sync",
        profiles: ALL,
        required: |_| "synchronised".to_owned(),
        probe: clock::synchronised,
        advice: "Tokens, licenses and the audit log go by the clock. Set up systemd-timesyncd or chrony \
            with a time server of your network.",
    },
    Check {
        name: "time-zone",
        profiles: ALL,
        required: |_| "any (all times are stored as UTC)".to_owned(),
        probe: clock::zone,
        advice: "Set it: timedatectl set-timezone ZONE.",
    },
    Check {
        name: "resolver",
        profiles: ALL,
        required: |_| "a name server; localhost has an address".to_owned(),
        probe: system::resolver,
        advice: "Name a server in /etc/resolv.conf; without DNS, list every host of the settings in /etc/hosts.",
    },
    Check {
        name: "open-files",
        profiles: ALL,
        required: |_| format!("{} for a process", system::FILES),
        probe: system::open_files,
        advice: "Raise the sysctl fs.nr_open, and DefaultLimitNOFILE= in /etc/systemd/system.conf.",
    },
    Check {
        name: "entropy",
        profiles: ALL,
        required: |_| format!("{} bits", system::ENTROPY),
        probe: system::entropy,
        advice: "Keys are made of it. Give a virtual machine a virtio-rng device, or install haveged.",
    },
    Check { name: "gpu", profiles: ANALYSING, required: |_| "none (noted)".to_owned(), probe: gpu::noted, advice: "" },
    Check {
        name: "settings",
        profiles: ALL,
        required: |_| "files that can be read".to_owned(),
        probe: settings::sound,
        advice: "Correct the file; `oz-api check-config` then checks every value.",
    },
    Check {
        name: "database",
        profiles: KEEPING,
        required: |_| "embedded, or PostgreSQL 13 with rights, by TLS (verify-full) over a network".to_owned(),
        probe: database::postgres,
        advice: "See that the server runs and lets this machine in (listen_addresses, pg_hba.conf), and \
            that user, password and database are right.",
    },
    Check {
        name: "ldap",
        profiles: ENTERING,
        required: |_| "reachable, if set (a connection only, no log-in)".to_owned(),
        probe: reach::ldap,
        advice: "Check ldap_url, and the firewalls between here and the directory.",
    },
    Check {
        name: "smtp",
        profiles: ENTERING,
        required: |_| "reachable, if set (a connection only, no mail)".to_owned(),
        probe: reach::smtp,
        advice: "Check smtp_host, smtp_port and smtp_tls, and the firewalls between here and the mail server.",
    },
    Check {
        name: "license-server",
        profiles: ANALYSING,
        required: |_| "reachable, if set (a connection only)".to_owned(),
        probe: reach::license_server,
        advice: "Check license_server_url, and that oz-license-server runs there and listens beyond loopback.",
    },
    Check {
        name: "license",
        profiles: ANALYSING,
        required: |_| "signed by the vendor, for this machine, not over".to_owned(),
        probe: license::worth,
        advice: "Send the vendor what `oz-api admin license request` prints; install the answer with \
            `oz-api admin license install FILE`.",
    },
    Check {
        name: "models",
        profiles: ANALYSING,
        required: |_| "a pack whose files have their SHA-256".to_owned(),
        probe: models::whole,
        advice: "Install the package oz-models anew, or copy the pack again from where it came.",
    },
    Check {
        name: "leftovers",
        profiles: ALL,
        required: |_| "nothing of an old installation".to_owned(),
        probe: leftovers::none,
        advice: "Save what you need of it, then remove it.",
    },
];
