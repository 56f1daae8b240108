//! The parent's side: hands inputs to children, waits with a clock in hand, believes nothing it gets back.

mod answer;
mod slots;
pub(crate) mod socket;
mod zygote;

use crate::message::{Answer, PACKET, Reply, Request, SelfTest, Work};
use crate::{Error, Format, Input, Limits, Probe, Sampling, SandboxReport};
use bytes::Bytes;
use oz_domain::{Clip, MediaKind, Picture};
use slots::Slots;
use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use zygote::{Program, Zygote};

/// Decodes media in child processes, one for each medium. Clones share everything. All calls block.
#[derive(Debug, Clone)]
pub struct Decoder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    program: Program,
    limits: Limits,
    slots: Slots,
    zygote: Mutex<Option<Arc<Zygote>>>,
}

/// A job that ended without an answer.
enum Ended {
    /// The zygote died under it: worth another try.
    Zygote,
    /// For good.
    With(Error),
}

impl Decoder {
    /// Starts the process that children are forked from: `exe` with `args` must call [`crate::child_main`] at once, before
    /// it starts a thread.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not start.
    pub fn start(exe: &Path, args: &[&str], limits: Limits) -> Result<Self, Error> {
        let program = Program { exe: exe.to_owned(), args: args.iter().map(OsString::from).collect() };
        let zygote = Zygote::start(&program)?;
        let slots = Slots::new(limits.parallel);
        Ok(Self(Arc::new(Inner { program, limits, slots, zygote: Mutex::new(Some(Arc::new(zygote))) })))
    }

    /// The limits it was started with.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What a medium is. Pictures are decoded whole and videos up to their first frame, so that what passes here can be
    /// worked on later; of an archive all entries are walked and the first picture is decoded.
    ///
    /// # Errors
    /// Every case of [`Error`] but [`Error::TooFewFrames`].
    pub fn probe(&self, input: &Input) -> Result<Probe, Error> {
        match self.job(input, Work::Probe)? {
            (Answer::Probe(probe), _) => Ok(probe),
            _ => Err(Error::Crashed),
        }
    }

    /// The upright RGB pixels of a picture.
    ///
    /// # Errors
    /// As [`Decoder::probe`]; [`Error::Unsupported`] for a video or an archive.
    pub fn picture(&self, input: &Input) -> Result<Picture, Error> {
        self.picture_and_probe(input).map(|(picture, _)| picture)
    }

    /// A picture's pixels and what [`Decoder::probe`] would say, by one decoding.
    ///
    /// # Errors
    /// As [`Decoder::picture`].
    pub fn picture_and_probe(&self, input: &Input) -> Result<(Picture, Probe), Error> {
        match self.job(input, Work::Picture)? {
            (Answer::Picture(probe), Some(file)) => Ok((answer::picture(&probe, file, &self.0.limits)?, probe)),
            _ => Err(Error::Crashed),
        }
    }

    /// The sampled frames of a video or shot set, and facts about all of them.
    ///
    /// # Errors
    /// As [`Decoder::probe`]; [`Error::TooFewFrames`]; [`Error::Unsupported`] for a picture.
    pub fn clip(&self, input: &Input, sampling: &Sampling) -> Result<Clip, Error> {
        match self.job(input, Work::Clip(*sampling))? {
            (Answer::Clip(facts), Some(file)) => answer::clip(facts, file, sampling, &self.0.limits),
            _ => Err(Error::Crashed),
        }
    }

    /// An MP4 or MOV file with its index in front, so that it plays while it loads; nothing is encoded anew. `None` when it
    /// is so already, or is another format.
    ///
    /// # Errors
    /// As [`Decoder::probe`].
    pub fn remux_for_playback(&self, input: &Input) -> Result<Option<Bytes>, Error> {
        if !matches!(input.sniff()?, Format::Mp4 | Format::Mov) {
            return Ok(None);
        }
        match self.job(input, Work::Faststart)? {
            (Answer::Faststart { moved: false }, _) => Ok(None),
            (Answer::Faststart { moved: true }, Some(file)) => answer::faststart(file, input.len()).map(Some),
            _ => Err(Error::Crashed),
        }
    }

    /// Lets a child try what it must not be able to do.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Crashed`], [`Error::Timeout`].
    pub fn sandbox_report(&self) -> Result<SandboxReport, Error> {
        match self.self_test(SelfTest::Report)? {
            Answer::Report(tried, descriptors) if tried.len() < 64 => {
                Ok(SandboxReport { tried, descriptors, layers: self.zygote()?.layers() })
            }
            _ => Err(Error::Crashed),
        }
    }

    /// Lets a child misbehave; for tests.
    #[doc(hidden)]
    pub fn misbehave(&self, how: SelfTest) -> Result<(), Error> {
        self.self_test(how).map(|_| ())
    }

    /// The process that children are forked from; for tests.
    #[doc(hidden)]
    pub fn zygote_pid(&self) -> Option<u32> {
        self.0.zygote.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|z| z.pid())
    }

    fn self_test(&self, how: SelfTest) -> Result<Answer, Error> {
        let input = Input::from_bytes(b"\xFF\xD8\xFF")?;
        self.run(&input, Format::Jpeg, Work::SelfTest(how)).map(|(answer, _)| answer)
    }

    /// Refuses what can be refused without a child, then runs one.
    fn job(&self, input: &Input, work: Work) -> Result<(Answer, Option<OwnedFd>), Error> {
        input.check_size(self.0.limits.file_bytes)?;
        let format = input.sniff()?;
        let still = format.kind() == MediaKind::Image;
        if matches!((&work, still), (Work::Picture, false) | (Work::Clip(_), true)) {
            return Err(Error::Unsupported { found: format!("{} here", format.mime()) });
        }
        self.run(input, format, work)
    }

    fn run(&self, input: &Input, format: Format, work: Work) -> Result<(Answer, Option<OwnedFd>), Error> {
        let request = serde_json::to_vec(&Request { work, format, limits: self.0.limits.clone() })
            .map_err(|e| Error::Unavailable { what: format!("request: {e}") })?;
        let _slot = self.0.slots.take();
        for _ in 0..2 {
            let zygote = self.zygote()?;
            match self.attempt(&zygote, input, &request) {
                Ok(answered) => return Ok(answered),
                Err(Ended::With(error)) => return Err(error),
                Err(Ended::Zygote) => self.forget(&zygote),
            }
        }
        Err(Error::Unavailable { what: "the decoder's process keeps dying".into() })
    }

    /// The running zygote, started if there is none.
    fn zygote(&self) -> Result<Arc<Zygote>, Error> {
        let mut place = self.0.zygote.lock().unwrap_or_else(PoisonError::into_inner);
        match &*place {
            Some(zygote) => Ok(zygote.clone()),
            None => Ok(place.insert(Arc::new(Zygote::start(&self.0.program)?)).clone()),
        }
    }

    /// Lets a dead zygote go, unless another caller has replaced it already.
    fn forget(&self, dead: &Arc<Zygote>) {
        let mut place = self.0.zygote.lock().unwrap_or_else(PoisonError::into_inner);
        if place.as_ref().is_some_and(|z| Arc::ptr_eq(z, dead)) {
            *place = None;
        }
    }

    fn attempt(&self, zygote: &Zygote, input: &Input, request: &[u8]) -> Result<(Answer, Option<OwnedFd>), Ended> {
        let (ours, theirs) = socket::pair().map_err(|e| Ended::With(Error::machine("socket", e)))?;
        zygote.submit(request, [theirs.as_fd(), input.fd.as_fd()]).map_err(|_| Ended::Zygote)?;
        drop(theirs);
        let deadline = Instant::now() + self.0.limits.decode_time;
        let mut buffer = vec![0; PACKET];
        // First the child says who it is: a process descriptor, which can never hit a stranger with the same number.
        let child = match next(&ours, &mut buffer, deadline) {
            Next::Packet(packet) => packet.fds.into_iter().next().ok_or(Ended::Zygote)?,
            // Nothing of the medium has been looked at yet: the zygote died, cannot fork, or hangs.
            Next::End | Next::Late => return Err(Ended::Zygote),
        };
        let child = Killed(child);
        let packet = match next(&ours, &mut buffer, deadline) {
            Next::Packet(packet) => packet,
            Next::End if zygote.is_alive() => return Err(Ended::With(Error::Crashed)),
            Next::End => return Err(Ended::Zygote),
            Next::Late => return Err(Ended::With(Error::Timeout)),
        };
        drop(child);
        let reply: Reply = serde_json::from_slice(&buffer[..packet.len]).map_err(|_| Ended::With(Error::Crashed))?;
        let answer = reply.map_err(|error| Ended::With(answer::clean(error, &self.0.limits)))?;
        Ok((answer, packet.fds.into_iter().next()))
    }
}

/// A child that does not outlive the wait for it: whatever it has said, nothing more is wanted of it.
struct Killed(OwnedFd);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = rustix::process::pidfd_send_signal(&self.0, rustix::process::Signal::KILL);
    }
}

enum Next {
    Packet(socket::Packet),
    End,
    Late,
}

fn next(socket: &OwnedFd, buffer: &mut [u8], deadline: Instant) -> Next {
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    match zygote::readable(socket, left) {
        Ok(true) => match socket::receive(socket, buffer) {
            Ok(Some(packet)) => Next::Packet(packet),
            // A packet too big, or an error on the socket: the same as no answer.
            Ok(None) | Err(_) => Next::End,
        },
        Ok(false) => Next::Late,
        Err(_) => Next::End,
    }
}
