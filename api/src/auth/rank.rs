//! How far a thread stands back behind all others.

use std::mem::size_of;

/// Beside as many busy threads a tenth of a processor is left: what stands back takes a moment longer and not a second.
const NICE: i32 = 10;
/// Nanoseconds at a stretch, the longest there is: who asks for long stretches makes way at once for all others, whose
/// stretches are shorter. Without it a request that wakes up waits for the next tick of the clock, 4 ms.
const STRETCH: u64 = 100_000_000;

/// Puts the calling thread behind all others of the machine, until it ends: nobody without privileges can go back.
///
/// Best effort: a kernel that refuses, or knows no stretches (before 6.12), does the work as well, only less politely.
#[expect(unsafe_code, reason = "neither the standard library nor rustix has sched_setattr(2)")]
pub(super) fn stand_back() {
    let rank = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0),
        sched_policy: libc::SCHED_OTHER.unsigned_abs(),
        sched_flags: 0,
        sched_nice: NICE,
        sched_priority: 0,
        sched_runtime: STRETCH,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: 0 is the calling thread; the kernel reads `size` bytes of a structure that lives until the call returns,
    // and writes nothing.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const rank, 0) };
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_thread_that_asks_stands_back() {
        let nice = || {
            let stat = fs_err::read_to_string("/proc/thread-self/stat").unwrap();
            let (_, fields) = stat.rsplit_once(')').unwrap();
            // proc_pid_stat(5): the 19th field; the first two are before the bracket.
            fields.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap()
        };
        let mine = nice();
        let its = std::thread::spawn(move || {
            super::stand_back();
            nice()
        });
        assert!(its.join().unwrap() >= super::NICE);
        assert_eq!(nice(), mine);
    }
}
