//! Processes that a test started.

/// Children of a process, of whichever of its threads.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs_err::read_dir(format!("/proc/{pid}/task")) else { return vec![] };
    threads
        .flatten()
        .filter_map(|thread| fs_err::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Sends a signal to a process that a test started.
#[expect(unsafe_code, reason = "kill(2) has no safe wrapper in libc")]
pub fn kill(pid: i32, signal: i32) {
    // SAFETY: kill takes two integers and touches no memory of ours.
    unsafe { libc::kill(pid, signal) };
}
