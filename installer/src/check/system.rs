//! Kernel, distribution, and what they give.

use super::{Asked, Found};
use crate::machine::Machine;
use std::io;

/// The least number of files that a process may open: connections, media, the database.
pub(super) const FILES: u64 = 16_384;
/// Kernels from 5.6 on always say 256 once they are ready.
pub(super) const ENTROPY: u64 = 256;

/// The first numbers of a version: `6.1.0-18-amd64` is 6 and 1.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

pub(super) fn kernel(asked: &Asked<'_>) -> Found {
    let machine = asked.machine;
    let text = machine.text("/proc/sys/kernel/osrelease").unwrap_or_default();
    let Some(version) = version(&text) else {
        return Found::unknown("/proc/sys/kernel/osrelease tells no version")
            .advise("Run it on Linux, with /proc mounted.");
    };
    let seccomp = machine.text("/proc/self/status").is_some_and(|status| status.contains("\nSeccomp:"));
    let modules = machine.text("/sys/kernel/security/lsm");
    let landlock = modules.as_ref().map(|list| list.split(',').any(|name| name == "landlock"));
    if version < (5, 4) {
        return Found::fail(text);
    }
    if !seccomp {
        return Found::fail(format!("{text} without seccomp"))
            .advise("Nothing is decoded without it: use a kernel with CONFIG_SECCOMP_FILTER, as Debian's.");
    }
    if version < (5, 13) || landlock == Some(false) {
        return Found::warn(format!("{text} without Landlock"))
            .advise("The sandbox works, with one layer less. Use a kernel from 5.13 on with `landlock` in lsm=.");
    }
    let word = if landlock == Some(true) { "Landlock" } else { "seccomp" };
    Found::pass(format!("{text}, {word}"))
}

/// A value of `/etc/os-release`.
fn release(machine: &Machine, key: &str) -> Option<String> {
    let text = machine.read("/etc/os-release").or_else(|_| machine.read("/usr/lib/os-release")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

pub(super) fn distribution(asked: &Asked<'_>) -> Found {
    let Some(id) = release(asked.machine, "ID") else {
        return Found::warn("unknown: there is no /etc/os-release");
    };
    let number = release(asked.machine, "VERSION_ID").unwrap_or_default();
    let name = release(asked.machine, "PRETTY_NAME").unwrap_or_else(|| format!("{id} {number}"));
    let least = match id.as_str() {
        "debian" => (12, 0),
        "ubuntu" => (22, 4),
        _ => return Found::warn(name),
    };
    if version(&number).is_some_and(|found| found >= least) { Found::pass(name) } else { Found::warn(name) }
}

pub(super) fn glibc(asked: &Asked<'_>) -> Found {
    let said = match asked.machine.world().run("getconf", &["GNU_LIBC_VERSION"]) {
        Ok(said) => said.text,
        Err(error) => return Found::unknown(format!("getconf: {error}")).advise("Install the package libc-bin."),
    };
    let number = said.trim().strip_prefix("glibc ").unwrap_or_default();
    match version(number) {
        None => Found::unknown(format!("getconf GNU_LIBC_VERSION says `{}`", said.trim())),
        // That of the oldest distribution that the packages are built for.
        Some(found) if found < (2, 35) => Found::fail(number),
        Some(_) => Found::pass(number),
    }
}

pub(super) fn systemd(asked: &Asked<'_>) -> Found {
    let said = match asked.machine.world().run("systemctl", &["--version"]) {
        Ok(said) => said.text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::fail("none"),
        Err(error) => return Found::unknown(format!("systemctl: {error}")),
    };
    let text = said.lines().next().unwrap_or_default();
    let number = text.strip_prefix("systemd ").and_then(version).map(|(number, _)| number);
    match number {
        None => Found::unknown(format!("systemctl --version says `{text}`")),
        Some(number) if number < 247 => Found::fail(number.to_string()),
        // As sd_booted(3) finds it out.
        Some(number) if !asked.machine.has("/run/systemd/system") => Found::fail(format!("{number}, not running"))
            .advise(
                "systemd is installed, but the machine was not started by it, as in most containers: \
                the units cannot run here.",
            ),
        Some(number) => Found::pass(number.to_string()),
    }
}

pub(super) fn resolver(asked: &Asked<'_>) -> Found {
    if let Err(error) = asked.machine.world().resolve("localhost") {
        return Found::fail(format!("localhost: {error}")).advise("Write `127.0.0.1 localhost` into /etc/hosts.");
    }
    let text = asked.machine.text("/etc/resolv.conf").unwrap_or_default();
    let servers: Vec<&str> =
        text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")).map(str::trim).collect();
    if servers.is_empty() { Found::warn("no name server") } else { Found::pass(servers.join(", ")) }
}

pub(super) fn open_files(asked: &Asked<'_>) -> Found {
    let limits = asked.machine.text("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let hard = line.and_then(|line| line.split_whitespace().nth(1)).map(|word| word.parse().unwrap_or(u64::MAX));
    let most = asked.machine.text("/proc/sys/fs/nr_open").and_then(|text| text.parse::<u64>().ok());
    let (Some(hard), Some(most)) = (hard, most) else {
        return Found::unknown("/proc/self/limits and /proc/sys/fs/nr_open do not tell it")
            .advise("Run it on Linux, with /proc mounted.");
    };
    // A unit can raise the limit of this session, but not the kernel's.
    if most < FILES {
        Found::fail(format!("at most {most} (fs.nr_open)"))
    } else if hard < FILES {
        Found::warn(format!("{hard} in this session, at most {most}"))
    } else {
        Found::pass(hard.min(most).to_string())
    }
}

pub(super) fn entropy(asked: &Asked<'_>) -> Found {
    let text = asked.machine.text("/proc/sys/kernel/random/entropy_avail").unwrap_or_default();
    match text.parse::<u64>() {
        Err(_) => Found::unknown("/proc/sys/kernel/random/entropy_avail does not tell it"),
        Ok(bits) if bits < ENTROPY => Found::warn(format!("{bits} bits")),
        Ok(bits) => Found::pass(format!("{bits} bits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_their_beginning() {
        assert_eq!(version("6.1.0-18-amd64"), Some((6, 1)));
        assert_eq!((version("247 (247.3-7)"), version("22.04")), (Some((247, 0)), Some((22, 4))));
        assert_eq!((version("12"), version(""), version("trixie/sid")), (Some((12, 0)), None, None));
    }
}
