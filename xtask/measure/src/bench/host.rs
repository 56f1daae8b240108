//! What the kernel says of processes and of the machine.

use std::time::{Duration, Instant};

/// Times in /proc are hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// The least time of `runs` runs.
pub(crate) fn least(runs: usize, mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..runs).map(time).min().unwrap_or_default()
}

/// User and system time of a process so far.
pub(crate) fn cpu(pid: i32) -> Duration {
    times(&format!("/proc/{pid}/stat"), 11)
}

/// User and system time of all processes that ended under this one.
pub(crate) fn cpu_of_children() -> Duration {
    times("/proc/self/stat", 13)
}

/// Two fields of a stat line, counted behind the name, which may hold blanks.
fn times(path: &str, skip: usize) -> Duration {
    let line = fs_err::read_to_string(path).unwrap_or_default();
    let fields = line.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u32 = fields.skip(skip).take(2).filter_map(|f| f.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// Memory of these processes in KiB: what each has alone, and its share of what several have.
pub(crate) fn memory(pids: &[i32]) -> u64 {
    pids.iter().filter_map(|pid| field(&format!("/proc/{pid}/smaps_rollup"), "Pss:")).sum()
}

/// Memory files and the like of the whole machine, in KiB: nobody's own as long as nobody maps them.
pub(crate) fn shared_memory() -> u64 {
    field("/proc/meminfo", "Shmem:").unwrap_or(0)
}

fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs_err::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// The machine in words.
pub(crate) fn machine() -> String {
    let cpus = fs_err::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("Machine: {cores} cores, {}.", model.trim_start_matches([' ', '\t', ':']))
}
