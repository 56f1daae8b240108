//! Memory.

use super::cpu::cgroups;
use super::{Asked, Found};
use crate::text::gigabytes;

/// Of 100 parts those that must be there: the kernel keeps some of what was sold for itself.
const TOLERATED: u64 = 97;

pub(super) fn size(asked: &Asked<'_>) -> Found {
    let machine = asked.machine;
    let meminfo = machine.text("/proc/meminfo").unwrap_or_default();
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let Some(total) = total.and_then(|kib| kib.trim().parse::<u64>().ok()).map(|kib| kib.saturating_mul(1024)) else {
        return Found::unknown("/proc/meminfo tells no MemTotal").advise("Run it on Linux, with /proc mounted.");
    };
    let limit = cgroups(machine, "memory.max").iter().filter_map(|text| text.parse::<u64>().ok()).min();
    let (bytes, text) = match limit {
        Some(limit) if limit < total => (limit, format!("{} of {}, by memory.max", gigabytes(limit), gigabytes(total))),
        _ => (total, gigabytes(total)),
    };
    let needed = asked.profile.needs().memory.saturating_mul(1_000_000_000);
    let found = if bytes < needed / 100 * TOLERATED { Found::fail(text) } else { Found::pass(text) };
    found.measured(bytes, "B")
}
