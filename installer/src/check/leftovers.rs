//! What an old installation left behind, and the packages would trip over.

use super::{Asked, Found};
use crate::machine::Machine;
use std::os::unix::fs::MetadataExt as _;

/// Programs by hand come before those of the packages in `PATH`.
const BY_HAND: [&str; 2] = ["/usr/local/bin", "/usr/local/sbin"];
/// Units by hand hide those of the packages.
const UNITS: [&str; 2] = ["/etc/systemd/system", "/usr/local/lib/systemd/system"];
/// Folders of data, and the user that the packages give them.
const DATA: [(&str, &str); 2] = [("/var/lib/oz", "oz"), ("/var/lib/oz-license", "oz-license")];

pub(super) fn none(asked: &Asked<'_>) -> Found {
    let machine = asked.machine;
    let mut found: Vec<String> = Vec::new();
    for folder in BY_HAND {
        let names = machine.names(folder).into_iter().filter(|name| name.starts_with("oz-") || name == "ozctl");
        found.extend(names.map(|name| format!("{folder}/{name}")));
    }
    for folder in UNITS {
        let names =
            machine.names(folder).into_iter().filter(|name| name.starts_with("oz-") && name.ends_with(".service"));
        // A link is `systemctl enable`'s or `mask`'s.
        let names = names.filter(|name| fs_err::read_link(machine.path(folder).join(name)).is_err());
        found.extend(names.map(|name| format!("{folder}/{name}")));
    }
    found.extend(DATA.iter().filter_map(|(folder, user)| foreign(machine, folder, user)));
    found.extend(removed(machine).into_iter().map(|package| format!("settings of the removed package {package}")));
    if found.is_empty() { Found::pass("none") } else { Found::warn(found.join(", ")) }
}

/// A folder that belongs to somebody else than root and its service.
fn foreign(machine: &Machine, folder: &str, user: &str) -> Option<String> {
    let owner = fs_err::metadata(machine.path(folder)).ok()?.uid();
    let service = user_id(machine, user);
    let full = !machine.names(folder).is_empty();
    (full && service != Some(owner)).then(|| format!("{folder} of user {owner}, not of {user}"))
}

fn user_id(machine: &Machine, user: &str) -> Option<u32> {
    let text = machine.read("/etc/passwd").ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(user))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Packages of ours that were removed, but not purged.
fn removed(machine: &Machine) -> Vec<String> {
    let status = machine.read("/var/lib/dpkg/status").unwrap_or_default();
    let entries = status.split("\n\n").filter(|entry| entry.contains("\nStatus: deinstall ok config-files"));
    let names = entries.filter_map(|entry| entry.trim_start().lines().next()?.strip_prefix("Package: "));
    names.filter(|name| name.starts_with("oz-")).map(str::to_owned).collect()
}
