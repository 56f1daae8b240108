//! Trying what must not work.

use crate::message::{Answer, SelfTest};
use std::hint::black_box;

/// Does what is asked; most of it ends this process one way or another.
pub(super) fn run(test: SelfTest) -> Answer {
    match test {
        SelfTest::Report => {
            let open = open_descriptors();
            Answer::Report(tried(), open)
        }
        SelfTest::Spin => loop {
            std::hint::spin_loop();
        },
        SelfTest::Abort => std::process::abort(),
        #[expect(clippy::panic, reason = "this is what is asked")]
        SelfTest::Panic => panic!("asked for"),
        SelfTest::Gorge => {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![1u8; 64 << 20]));
            }
        }
        SelfTest::Lie => Answer::Report(vec![], vec![]),
    }
}

/// Descriptors that are open in this process.
fn open_descriptors() -> Vec<i32> {
    (0..4096)
        .filter(|fd| {
            #[expect(unsafe_code, reason = "asking about descriptors by number")]
            // SAFETY: reads a flag, or fails for a number that is not open.
            let flags = unsafe { libc::fcntl(*fd, libc::F_GETFD) };
            flags != -1
        })
        .collect()
}

/// Each forbidden call with the error number it got, 0 when it went through.
fn tried() -> Vec<(String, i32)> {
    let path = c"/proc/self/status".as_ptr();
    let empty: [*const libc::c_char; 1] = [std::ptr::null()];
    let mut tried = Vec::new();
    let _first = super::Output::new(0);
    #[cfg(target_arch = "x86_64")]
    let forks = [libc::SYS_clone, libc::SYS_fork, libc::SYS_vfork];
    #[cfg(not(target_arch = "x86_64"))]
    let forks = [libc::SYS_clone];
    let mut one = |name: &str, number: libc::c_long, args: [libc::c_long; 6]| {
        #[expect(unsafe_code, reason = "the calls are made past every wrapper: it is the kernel that must refuse")]
        // SAFETY: pointers go to constants that outlive the call; should a call succeed, this process has no state that it
        // could damage, and it ends after answering.
        let result = unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]) };
        if result == 0 && forks.contains(&number) {
            // The sandbox leaks and this is the child that must not exist.
            std::process::abort();
        }
        let errno = if result == -1 { std::io::Error::last_os_error().raw_os_error().unwrap_or(0) } else { 0 };
        tried.push((name.to_owned(), errno));
    };
    let (path, empty) = (path as libc::c_long, empty.as_ptr() as libc::c_long);
    let here = libc::c_long::from(libc::AT_FDCWD);
    let executable = libc::c_long::from(libc::PROT_READ | libc::PROT_EXEC);
    let private = libc::c_long::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    one("socket", libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0]);
    one("socket unix", libc::SYS_socket, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0]);
    one("connect", libc::SYS_connect, [0, 0, 0, 0, 0, 0]);
    one("bind", libc::SYS_bind, [0, 0, 0, 0, 0, 0]);
    one("accept", libc::SYS_accept4, [0, 0, 0, 0, 0, 0]);
    one("message to elsewhere", libc::SYS_sendmsg, [3, 0, 0, 0, 0, 0]);
    one("message from the parent", libc::SYS_recvmsg, [0, 0, 0, 0, 0, 0]);
    one("openat", libc::SYS_openat, [here, path, libc::O_RDONLY.into(), 0, 0, 0]);
    one("openat2", libc::SYS_openat2, [here, path, 0, 0, 0, 0]);
    #[cfg(target_arch = "x86_64")]
    one("open", libc::SYS_open, [path, libc::O_RDONLY.into(), 0, 0, 0, 0]);
    one("execve", libc::SYS_execve, [path, empty, empty, 0, 0, 0]);
    one("execveat", libc::SYS_execveat, [here, path, empty, empty, 0, 0]);
    #[cfg(target_arch = "x86_64")]
    one("fork", libc::SYS_fork, [0, 0, 0, 0, 0, 0]);
    #[cfg(target_arch = "x86_64")]
    one("vfork", libc::SYS_vfork, [0, 0, 0, 0, 0, 0]);
    one("clone", libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0, 0]);
    one("clone3", libc::SYS_clone3, [0, 0, 0, 0, 0, 0]);
    one("kill", libc::SYS_kill, [i64::from(std::process::id()), 0, 0, 0, 0, 0]);
    one("ptrace", libc::SYS_ptrace, [0, 0, 0, 0, 0, 0]);
    one("memory of others", libc::SYS_process_vm_readv, [1, 0, 0, 0, 0, 0]);
    one("statx", libc::SYS_statx, [here, path, 0, 0, 0, 0]);
    one("unlinkat", libc::SYS_unlinkat, [here, path, 0, 0, 0, 0]);
    one("mount", libc::SYS_mount, [path, path, path, 0, 0, 0]);
    one("bpf", libc::SYS_bpf, [0, 0, 0, 0, 0, 0]);
    one("keyctl", libc::SYS_keyctl, [0, 0, 0, 0, 0, 0]);
    one("ioctl", libc::SYS_ioctl, [0, 0, 0, 0, 0, 0]);
    one("more memory", libc::SYS_prlimit64, [0, 0, 0, 0, 0, 0]);
    one("io_uring_setup", libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0]);
    one("unshare", libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0, 0]);
    one("prctl", libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 1, 0, 0, 0, 0]);
    one("mmap executable", libc::SYS_mmap, [0, 4096, executable, private, -1, 0]);
    one("second memory file", libc::SYS_memfd_create, [path, 0, 0, 0, 0, 0]);
    tried
}
