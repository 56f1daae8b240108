//! What a child may not do. Two steps: what holds for the zygote and all its children is done once; what is narrower is
//! done in each child before it touches its input.
//!
//! The seccomp filter and the resource limits are there on every kernel and are enough by themselves: no file can be opened,
//! no socket made, no program started, no process forked. Landlock, an empty network namespace and the loss
//! of all capabilities come on top where the kernel and the service manager let us have them.

use crate::{Coverage, Layers, Limits};
use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// For the zygote, once. Gives what this machine had to offer.
pub(super) fn enter_once() -> Result<Layers> {
    close_from(3);
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // Those go to a whole group; the parent decides when this process ends, by closing the socket.
        ignore(signal);
    }
    // Children are not waited for: the parent watches them through their process descriptors.
    ignore(libc::SIGCHLD);
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    limit(Resource::Core, 0)?;

    #[expect(unsafe_code, reason = "rustix marks it so because of shared descriptor tables")]
    // SAFETY: none of these flags unshares a descriptor table.
    let network_namespace = unsafe {
        // As root the namespace comes for free, else with a user namespace; where neither is allowed, seccomp does the work.
        rustix::thread::unshare_unsafe(UnshareFlags::NEWNET)
            .or_else(|_| rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNET))
            .is_ok()
    };
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    let no_capabilities = rustix::thread::set_capabilities(None, none).is_ok();
    rustix::thread::set_no_new_privs(true)?;
    // Best effort is the crate's default: what the kernel does not know is left out.
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V6))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V6)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    let landlock = match restricted.map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => Coverage::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Coverage::Partial,
        Ok(RulesetStatus::NotEnforced) | Err(_) => Coverage::Absent,
    };
    Ok(Layers { landlock, network_namespace, no_capabilities })
}

/// For a job's child: after this it can compute, and write what it found.
pub(super) fn enter(limits: &Limits, filter: &BpfProgram) -> Result<()> {
    limit(Resource::As, limits.child_memory)?;
    limit(Resource::Fsize, limits.output_bytes)?;
    limit(Resource::Cpu, limits.decode_time.as_secs().saturating_add(2))?;
    // 0, 1, 2 and one memory file.
    limit(Resource::Nofile, 4)?;
    seccompiler::apply_filter(filter)?;
    Ok(())
}

/// The allow-list. Everything else fails with EPERM: a library that asks for something odd gets "no" instead of a crash.
pub(super) fn filter() -> Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = [
        // Memory.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        // The memory file.
        libc::SYS_memfd_create,
        libc::SYS_write,
        libc::SYS_ftruncate,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_lseek,
        // Threads and time, as a process with one thread needs them.
        libc::SYS_futex,
        libc::SYS_clock_gettime,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_restart_syscall,
        // The end.
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ]
    .into_iter()
    .map(|call| (call, vec![]))
    .collect();

    let executable = u64::try_from(libc::PROT_EXEC)?;
    let not_executable = SeccompCondition::new(2, Len::Dword, Op::MaskedEq(executable), 0)?;
    rules.insert(libc::SYS_mmap, vec![SeccompRule::new(vec![not_executable.clone()])?]);
    rules.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![not_executable])?]);
    // Descriptor 0 is the job's socket.
    let to_parent = SeccompCondition::new(0, Len::Dword, Op::Eq, 0)?;
    rules.insert(libc::SYS_sendmsg, vec![SeccompRule::new(vec![to_parent])?]);
    let command = |command: i32| -> Result<SeccompRule> {
        Ok(SeccompRule::new(vec![SeccompCondition::new(1, Len::Dword, Op::Eq, u64::try_from(command)?)?])?)
    };
    rules.insert(libc::SYS_fcntl, vec![command(libc::F_ADD_SEALS)?, command(libc::F_GETFD)?]);

    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(u32::try_from(libc::EPERM)?);
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)?;
    Ok(filter.try_into()?)
}

fn limit(resource: Resource, value: u64) -> Result<()> {
    Ok(rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}

/// Closes all descriptors from `first` on.
pub(super) fn close_from(first: u32) {
    #[expect(unsafe_code, reason = "there is no safe call that closes what one does not own")]
    // SAFETY: called where everything that is still needed lies below `first` and nothing above is used any more. Should the
    // call be unknown (Linux before 5.9), descriptors stay open that seccomp leaves no use for.
    unsafe {
        libc::syscall(libc::SYS_close_range, first, u32::MAX, 0);
    }
}

fn ignore(signal: libc::c_int) {
    #[expect(unsafe_code, reason = "setting a signal's disposition")]
    // SAFETY: SIG_IGN runs no code of ours.
    unsafe {
        libc::signal(signal, libc::SIG_IGN);
    }
}
