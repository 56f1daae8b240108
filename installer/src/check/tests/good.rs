//! Machines on which all is well, in their different ways; and how that is shown.

use super::{asked, line};
use crate::check::show;
use crate::machine::Database;
use crate::machine::fake::Fake;
use crate::profile::{ALL, Profile};
use crate::verdict::Verdict;
use clap::ValueEnum as _;

/// With a license server instead of a license file, nothing is left to be wished for.
fn best() -> Fake {
    let mut fake = Fake::good();
    fake.file("/etc/oz/oz.toml", "license_server_url = \"https://lic.bank.example:8090\"");
    fake.world.open.insert(("lic.bank.example".to_owned(), 8090));
    fake
}

#[test]
fn a_good_machine_passes_everything_in_every_profile() {
    let fake = best();
    for profile in ALL {
        let report = asked(&fake, *profile);
        let bad: Vec<_> = report.checks.iter().filter(|line| line.verdict != Verdict::Pass).collect();
        assert!(bad.is_empty(), "{profile:?}: {bad:?}");
        assert!(report.verdict == Verdict::Pass && report.checks.iter().all(|line| line.advice.is_none()));
    }
    assert_eq!(ALL, Profile::value_variants());
}

#[test]
fn what_is_configured_is_told() {
    let mut fake = best();
    fake.file(
        "/etc/oz/oz.toml",
        "database_url = \"postgres://oz:secret1@db.bank.example/oz?sslmode=verify-full\"\n\
         ldap_url = \"ldaps://dc1.bank.example\"\nsmtp_host = \"mail.bank.example\"\nsmtp_tls = \"tls\"\n",
    );
    fake.world.open.extend([("dc1.bank.example".to_owned(), 636), ("mail.bank.example".to_owned(), 465)]);
    fake.world.postgres =
        Ok(Database { number: 150_004, version: "15.4".into(), may_create: Some(true), encrypted: Some(true) });
    let found = |name| {
        let line = line(name, &fake, Profile::Api);
        assert_eq!(line.verdict, Verdict::Pass, "{line:?}");
        line.found
    };
    assert_eq!(found("database"), "PostgreSQL 15.4 at postgres://oz:***@db.bank.example/oz?sslmode=verify-full");
    assert_eq!(found("ldap"), "dc1.bank.example:636 takes connections");
    assert_eq!(found("smtp"), "mail.bank.example:465 takes connections");
    let all = serde_json::to_string(&asked(&fake, Profile::Api)).unwrap();
    assert!(!all.contains("secret1"));
}

#[test]
fn a_machine_sold_as_32_gb_has_32() {
    // 31.1 GiB, as such a machine shows them.
    let mut fake = Fake::good();
    fake.file("/proc/meminfo", "MemTotal:       32610713 kB\n");
    assert_eq!(line("memory", &fake, Profile::Api).found, "33.3 GB");
    // 97 of 100 parts of 4 GB, and one less.
    for (kib, verdict) in [(3_789_063, Verdict::Pass), (3_789_062, Verdict::Fail)] {
        fake.file("/proc/meminfo", &format!("MemTotal: {kib} kB\n"));
        assert_eq!(line("memory", &fake, Profile::Api).verdict, verdict, "{kib}");
    }
}

#[test]
fn our_own_services_may_hold_their_ports() {
    let mut fake = Fake::good();
    fake.world.held.insert(8090, std::io::ErrorKind::AddrInUse);
    let table = "  sl  local_address rem_address   st\n   0: 0100007F:1F9A 00000000:0000 0A 0:0 0:0 0 0 0 4711 1\n";
    fake.file("/proc/net/tcp", table);
    fake.file("/proc/77/comm", "oz-license-serv\n");
    fake.link("/proc/77/fd/5", "socket:[4711]");
    let line = line("ports", &fake, Profile::License);
    assert_eq!((line.verdict, line.found.as_str()), (Verdict::Pass, "8090 held by oz-license-serv (pid 77), our own"));
}

#[test]
fn what_is_only_noted_never_fails() {
    let mut fake = Fake::good();
    fake.file("/etc/ufw/ufw.conf", "# x\nENABLED=yes\n");
    fake.program("firewall-cmd", "running\n");
    fake.program("nft", "table inet filter\ntable ip nat\n");
    fake.file("/proc/net/ip_tables_names", "filter\n");
    let firewall = line("firewall", &fake, Profile::Api);
    let all = "ufw, firewalld, nftables (2 tables), iptables: let clients reach 8000";
    assert_eq!((firewall.verdict, firewall.found.as_str()), (Verdict::Pass, all));
    fake.file("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
    fake.file("/sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
    assert_eq!(line("gpu", &fake, Profile::Api).found, "1 NVIDIA, without a driver: not used");
    fake.file(
        "/proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n",
    );
    assert_eq!(line("gpu", &fake, Profile::Api).found, "1 NVIDIA, driver 535.183.01");
    assert_eq!(line("cpu-extras", &fake, Profile::Api).found, "avx512f");
    fake.link("/etc/localtime", "/usr/share/zoneinfo/Asia/Tokyo");
    assert_eq!(line("time-zone", &fake, Profile::Api).found, "Asia/Tokyo");
}

#[test]
fn a_report_is_a_table_with_advice_below() {
    let mut fake = best();
    fake.file("/proc/meminfo", "MemTotal: 1000000 kB\n");
    let report = asked(&fake, Profile::Worker);
    let text = show::text(&report, false);
    let at = text.lines().position(|line| line.starts_with("fail     memory")).unwrap();
    let lines: Vec<&str> = text.lines().skip(at).take(2).collect();
    assert!(lines[0].contains("1.0 GB") && lines[0].ends_with("4 GB"), "{text}");
    assert!(lines[1].trim_start().starts_with("-> Give the machine more memory"), "{text}");
    assert!(text.ends_with("0 warn, 0 unknown, 1 fail\n") && !text.contains('\x1b'), "{text}");
    let column = |line: &str| line.find("1.0 GB").or(line.find("found")).unwrap();
    assert_eq!(column(lines[0]), column(text.lines().next().unwrap()));
    assert!(show::text(&report, true).contains("\x1b[31mfail   \x1b[0m"));
    let line = show::nagios(&report);
    assert!(line.starts_with("OZ CHECK CRITICAL - memory fail: 1.0 GB | pass="), "{line}");
    assert!(
        line.contains(" fail=1 ") && line.contains("memory=1024000000B") && line.contains("fsync-p99=1500us"),
        "{line}"
    );
    assert_eq!(line.matches('|').count(), 1);
}
