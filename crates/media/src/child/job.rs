//! One job in its own process, from fork to end.

use super::sandbox;
use crate::decoder::socket;
use crate::message::{Request, STARTED, Work};
use crate::{Error, decode};
use bytes::Bytes;
use rustix::process::{PidfdFlags, Signal};
use seccompiler::BpfProgram;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does the job and ends the process; never returns to the zygote's loop.
pub(super) fn run(request: &[u8], fds: [BorrowedFd<'_>; 2], filter: &BpfProgram) -> ! {
    let done = catch_unwind(AssertUnwindSafe(|| work(request, fds, filter)));
    let code = if matches!(done, Ok(Ok(()))) { 0 } else { 1 };
    #[expect(unsafe_code, reason = "no destructors, no flushing: what this process was told to do is done")]
    // SAFETY: ends the process at once; there is nothing to clean up that the kernel does not.
    unsafe {
        libc::_exit(code)
    }
}

fn work(
    request: &[u8],
    [job, input]: [BorrowedFd<'_>; 2],
    filter: &BpfProgram,
) -> Result<(), Box<dyn std::error::Error>> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // From here on: 0 is the job's socket, 1 the input, 2 is nowhere, and there is nothing else.
    rustix::stdio::dup2_stdin(job)?;
    rustix::stdio::dup2_stdout(input)?;
    sandbox::close_from(3);
    let (job, input) = (rustix::stdio::stdin(), rustix::stdio::stdout());
    {
        let me = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
        socket::send(job, STARTED, &[me.as_fd()])?;
    }
    let request: Request = serde_json::from_slice(request)?;
    sandbox::enter(&request.limits, filter)?;

    let (answer, file) = match map(input).and_then(|bytes| perform(&request, bytes)) {
        Ok((answer, file)) => (Ok(answer), file),
        Err(error) => (Err(error), None),
    };
    if matches!(request.work, Work::SelfTest(crate::SelfTest::Lie)) {
        socket::send(job, b"{\"Ok\":42}", &[])?;
    }
    let reply = serde_json::to_vec(&answer)?;
    let fds: Vec<BorrowedFd<'_>> = file.iter().map(|f| f.as_fd()).collect();
    Ok(socket::send(job, &reply, &fds)?)
}

fn perform(request: &Request, bytes: Bytes) -> Result<(crate::message::Answer, Option<OwnedFd>), Error> {
    match request.work {
        Work::SelfTest(test) => Ok((super::self_test::run(test), None)),
        work => decode::perform(work, bytes, request.format, &request.limits),
    }
}

/// The input's bytes.
fn map(input: BorrowedFd<'_>) -> Result<Bytes, Error> {
    // The length is asked for here: the mapping would do so by statx, which the sandbox refuses because it takes paths.
    let failed = |e| Error::machine("input", e);
    let len = usize::try_from(rustix::fs::fstat(input).map_err(failed)?.st_size).unwrap_or(0);
    #[expect(unsafe_code, reason = "decoders read the file where it is")]
    // SAFETY: sealed when it came as bytes. A file that somebody shrinks or writes to meanwhile can make this process crash
    // or see torn bytes; both are what this process exists for.
    let mapped = unsafe { memmap2::MmapOptions::new().len(len).map(&input) };
    mapped.map(Bytes::from_owner).map_err(|e| Error::machine("input", e))
}
