//! The decoding process: a zygote that forks one child for each medium.
//!
//! Forking costs a fraction of starting the program anew, and each child has never seen another medium. The zygote
//! itself never looks at a medium's bytes. It has one thread, which is what makes forking and going on sound.

mod job;
mod output;
mod sandbox;
mod self_test;

use crate::decoder::socket;
use crate::message::PACKET;
use std::os::fd::BorrowedFd;
use std::process::ExitCode;

pub(crate) use output::Output;

/// The whole life of the decoding process. `oz-api decode-media` calls this first of all, before any thread exists; its
/// standard input is the socket that [`crate::Decoder::start`] gave it. Returns when the other end is closed.
pub fn child_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let control = std::io::stdin();
    // A panic's text could quote a file. It is not wanted anywhere; the parent sees that no answer came.
    std::panic::set_hook(Box::new(|_| ()));
    crate::decode::warm_up();
    let layers = sandbox::enter_once()?;
    let filter = sandbox::filter()?;
    socket::send(&control, &serde_json::to_vec(&layers)?, &[])?;
    let mut buffer = vec![0; PACKET];
    loop {
        let Some(packet) = socket::receive(&control, &mut buffer)? else { return Ok(()) };
        let [job, input] = &packet.fds[..] else { continue };
        let fds: [BorrowedFd<'_>; 2] = [std::os::fd::AsFd::as_fd(job), std::os::fd::AsFd::as_fd(input)];
        #[expect(unsafe_code, reason = "one child for each medium")]
        // SAFETY: this process has a single thread, so the child's copy of memory is as whole as the parent's: no lock is
        // held by a thread that does not exist there.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            job::run(&buffer[..packet.len], fds, &filter);
        }
        // A failed fork closes the job's socket unanswered, which the parent takes for what it is.
    }
}
