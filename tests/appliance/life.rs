//! From the packages to a verdict, through a reboot and a crash, and away again.

use super::site::{Client, PATIENCE, install, set_up, until_healthy};
use crate::support::fixtures::live_clip;
use crate::support::server::until;
use oz_testkit::machine::Machine;

/// The worst figure that `systemd-analyze security` may give a service, as `appliance.md` has it.
const EXPOSED: f64 = 2.0;

#[test]
fn from_packages_to_a_verdict_and_away() {
    let mut machine = Machine::boot();
    install(&machine);
    // Installed is not started, and says what comes next.
    for unit in ["oz-api.service", "oz-license-server.service"] {
        assert_eq!(machine.sh(&format!("systemctl is-active {unit} || true")).trim(), "inactive", "{unit}");
    }
    set_up(&machine);
    for unit in ["oz-api.service", "oz-worker@1.service", "oz-license-server.service"] {
        let told = machine.run("systemd-analyze", &["security", "--no-pager", unit]);
        let figure =
            told.lines().last().and_then(|line| line.split(": ").nth(1)?.split(' ').next()?.parse::<f64>().ok());
        assert!(figure.is_some_and(|figure| figure <= EXPOSED), "{unit}: {told}");
    }
    assert_eq!(listening(&machine), ["127.0.0.1:8000", "127.0.0.1:9464"]);

    let verdict = Client::of(&machine).judge(&live_clip());
    assert_eq!(verdict["resolution"], "SUCCESS", "{verdict}");

    let metrics = String::from_utf8(machine.curl(&["http://127.0.0.1:9464/metrics"]).stdout).expect("text");
    assert!(metrics.contains("oz_analysis_delay_seconds_count{type="), "{metrics}");

    // Killed, it is back; switched off and on, too, and nothing is lost.
    let before = machine.sh("systemctl show --value --property MainPID oz-api.service");
    machine.sh("systemctl kill --kill-who main --signal KILL oz-api.service");
    until_healthy(&machine);
    assert_ne!(machine.sh("systemctl show --value --property MainPID oz-api.service"), before);
    machine.reboot();
    until_healthy(&machine);
    assert_eq!(Client::of(&machine).get("/api/folders/")["total"], 1);

    // Removed, its data stay; installed again, they are there.
    machine.sh("dpkg --remove oz-appliance oz-api oz-models oz-runtime");
    machine.sh("test -d /var/lib/oz && test -f /etc/oz/oz.toml && ! test -e /usr/bin/oz-api");
    install(&machine);
    machine.sh("systemctl start oz-api.service");
    until_healthy(&machine);
    assert_eq!(Client::of(&machine).get("/api/folders/")["total"], 1);
    // Purged, settings and secrets go; faces only when somebody says so.
    machine.sh("systemctl stop oz-api.service");
    machine.sh("DEBIAN_FRONTEND=noninteractive dpkg --purge oz-appliance oz-api oz-models oz-runtime");
    machine.sh("! test -e /etc/oz && test -d /var/lib/oz");
    install(&machine);
    machine.sh("echo 'oz-api oz-api/erase-data boolean true' | debconf-set-selections");
    machine.sh("DEBIAN_FRONTEND=noninteractive dpkg --purge oz-appliance oz-api oz-models oz-runtime");
    machine.sh("! test -e /var/lib/oz");
}

#[test]
fn a_service_that_hangs_or_dies_is_started_anew() {
    let machine = Machine::boot();
    install(&machine);
    // As the unit has it, but for the time that the test waits.
    machine.sh("mkdir /etc/systemd/system/oz-api.service.d");
    machine.sh("printf '[Service]\nWatchdogSec=4\n' > /etc/systemd/system/oz-api.service.d/test.conf");
    set_up(&machine);
    machine.sh("touch /etc/oz-license/oz-license.toml && systemctl enable --now oz-license-server.service");
    let pid = |unit: &str| machine.sh(&format!("systemctl show --value --property MainPID {unit}"));
    for (unit, signal) in
        [("oz-api.service", "STOP"), ("oz-api.service", "KILL"), ("oz-license-server.service", "KILL")]
    {
        let before = pid(unit);
        machine.sh(&format!("systemctl kill --kill-who main --signal {signal} {unit}"));
        until(&format!("{unit} is there again after {signal}"), PATIENCE, || {
            let now = pid(unit);
            let active = machine.sh(&format!("systemctl is-active {unit} || true"));
            (now != before && now.trim() != "0" && active.trim() == "active").then_some(())
        });
        until_healthy(&machine);
    }
    // A variable that `ozctl` writes is read by systemd as it was meant.
    let hard = r#"OZ_LICENSE_FILE=/etc/oz/a "b" 'c' $d \e #f.oz"#;
    assert!(machine.run("ozctl", &["env", "set", hard]).contains("systemctl restart oz-api"));
    machine.sh("systemctl restart oz-api.service");
    let environment = machine.sh(&format!("tr '\\0' '\\n' < /proc/{}/environ", pid("oz-api.service").trim()));
    assert!(environment.lines().any(|line| line == hard), "{environment}");
    // A setting that is none stops the start, and says which.
    machine.sh("echo 'workers = \"many\"' > /etc/oz/oz.toml");
    machine.sh("! systemctl restart oz-api.service");
    let journal = machine.sh("journalctl --namespace oz --unit oz-api.service --lines 20 --no-pager");
    assert!(journal.contains("workers") && journal.contains("/etc/oz/oz.toml"), "{journal}");
}

/// Addresses that somebody listens on, in order.
fn listening(machine: &Machine) -> Vec<String> {
    let table = machine.sh("cat /proc/net/tcp");
    let mut found: Vec<String> = table
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (local, _, state) = (words.next()?, words.next()?, words.next()?);
            let (address, port) = local.split_once(':').filter(|_| state == "0A")?;
            // In the order of this machine's bytes.
            let [a, b, c, d] = u32::from_str_radix(address, 16).ok()?.to_le_bytes();
            Some(format!("{a}.{b}.{c}.{d}:{}", u16::from_str_radix(port, 16).ok()?))
        })
        .collect();
    found.sort();
    found
}
