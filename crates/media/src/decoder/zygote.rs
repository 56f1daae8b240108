//! The process that every job's child is forked from: started once, started again when it died.

use super::socket;
use crate::{Coverage, Error, Layers};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::ffi::OsString;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How to start one.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) exe: PathBuf,
    pub(super) args: Vec<OsString>,
}

/// Until it has told.
const NOTHING: Layers = Layers { landlock: Coverage::Absent, network_namespace: false, no_capabilities: false };

/// A running one. Dropped, it and all children of it are gone.
#[derive(Debug)]
pub(super) struct Zygote {
    control: OwnedFd,
    process: Child,
    layers: Layers,
}

impl Zygote {
    /// Time to start: reading a big binary and a hundred libraries from a cold disk.
    const START: Duration = Duration::from_secs(20);

    pub(super) fn start(program: &Program) -> Result<Self, Error> {
        let (control, theirs) = socket::pair().map_err(|e| Error::machine("socket", e))?;
        // The socket is the child's standard input: nothing else is inherited. Its end is how it learns of our death.
        let process = Command::new(&program.exe)
            .args(&program.args)
            .env_clear()
            .envs(std::env::var_os("LD_LIBRARY_PATH").map(|paths| ("LD_LIBRARY_PATH", paths)))
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| Error::machine("start of the decoder", e))?;
        let mut zygote = Self { control, process, layers: NOTHING };
        let mut buffer = [0; 256];
        if !readable(&zygote.control, Self::START).map_err(|e| Error::machine("decoder", e))? {
            return Err(Error::Unavailable { what: "the decoder did not become ready".into() });
        }
        match socket::receive(&zygote.control, &mut buffer) {
            Ok(Some(packet)) => {
                zygote.layers = serde_json::from_slice(&buffer[..packet.len])
                    .map_err(|e| Error::Unavailable { what: format!("the decoder's first words: {e}") })?;
                Ok(zygote)
            }
            Ok(None) | Err(_) => Err(Error::Unavailable { what: "the decoder ended at its start".into() }),
        }
    }

    /// What its sandbox is made of.
    pub(super) fn layers(&self) -> Layers {
        self.layers
    }

    /// Hands it a job: the request, the input and the job's socket.
    pub(super) fn submit(&self, request: &[u8], fds: [BorrowedFd<'_>; 2]) -> Result<(), rustix::io::Errno> {
        socket::send(&self.control, request, &fds)
    }

    /// Whether it still lives. Its end of the socket is closed before its children are killed, so a child that
    /// is found dead because of this is never mistaken for one that crashed.
    pub(super) fn is_alive(&self) -> bool {
        let mut polled = [PollFd::new(&self.control, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut polled, Some(&now)).is_ok() && polled[0].revents().is_empty()
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until there is something to read (or the end); `false` when `time` passed without.
pub(super) fn readable(socket: &OwnedFd, time: Duration) -> Result<bool, rustix::io::Errno> {
    let start = std::time::Instant::now();
    loop {
        let left = time.saturating_sub(start.elapsed());
        let timeout = Timespec::try_from(left).map_err(|_| rustix::io::Errno::INVAL)?;
        let mut polled = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)];
        match rustix::event::poll(&mut polled, Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
}
