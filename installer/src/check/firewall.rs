//! Firewalls are noted: whether they let the right people through, nobody can tell from inside.

use super::{Asked, Found, ports};
use crate::machine::Machine;

pub(super) fn noted(asked: &Asked<'_>) -> Found {
    let found: Vec<String> =
        [ufw, firewalld, nftables, iptables].iter().filter_map(|look| look(asked.machine)).collect();
    if found.is_empty() {
        return Found::pass("none seen");
    }
    // Metrics and plain health are private; what only this machine asks needs no hole.
    let open: Vec<u16> =
        ports::wanted(asked).into_iter().filter(|(usual, _)| *usual < 9000).map(|(_, now)| now).collect();
    Found::pass(format!("{}: let clients reach {}", found.join(", "), ports::list(&open)))
}

fn ufw(machine: &Machine) -> Option<String> {
    let text = machine.text("/etc/ufw/ufw.conf")?;
    text.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes")).then(|| "ufw".to_owned())
}

fn firewalld(machine: &Machine) -> Option<String> {
    let said = machine.world().run("firewall-cmd", &["--state"]).ok()?;
    (said.text.trim() == "running").then(|| "firewalld".to_owned())
}

fn nftables(machine: &Machine) -> Option<String> {
    let said = machine.world().run("nft", &["list", "tables"]).ok().filter(|said| said.ok)?;
    let count = said.text.lines().filter(|line| line.starts_with("table ")).count();
    (count > 0).then(|| format!("nftables ({count} tables)"))
}

fn iptables(machine: &Machine) -> Option<String> {
    let tables = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"].map(|path| machine.text(path));
    tables.into_iter().flatten().any(|names| !names.is_empty()).then(|| "iptables".to_owned())
}
