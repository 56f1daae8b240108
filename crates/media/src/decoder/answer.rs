//! From a child's answer to values of the domain. The child may be in the hands of whoever sent the file: every size is
//! checked, and the memory file must be sealed before it is mapped, so that it can neither change nor shrink.

use crate::input::ALL_SEALS;
use crate::message::{ClipAnswer, TABLE_ROW};
use crate::{Error, Limit, Limits, Probe, Sampling};
use bytes::Bytes;
use oz_domain::{Clip, ClipFacts, Frame, FrameSignature, Picture};
use std::os::fd::OwnedFd;

/// Bytes of a text from a child, at most.
const TEXT: usize = 256;

/// Maps a child's memory file, which must have exactly `len` bytes.
fn map(file: &OwnedFd, len: usize) -> Result<Bytes, Error> {
    let seals = rustix::fs::fcntl_get_seals(file).map_err(|_| Error::Crashed)?;
    let stat = rustix::fs::fstat(file).map_err(|_| Error::Crashed)?;
    if !seals.contains(ALL_SEALS) || usize::try_from(stat.st_size) != Ok(len) {
        return Err(Error::Crashed);
    }
    #[expect(unsafe_code, reason = "a file that nobody can change any more is mapped for reading")]
    // SAFETY: the seals forbid writing to the file and changing its size, also to the child that made it; they cannot be
    // taken off again (SEAL). So the mapping is constant for as long as it exists.
    // Its pages are there already: mapped all at once they cost a third of what one fault for each few does.
    let mapped = unsafe { memmap2::MmapOptions::new().len(len).populate().map(file) };
    mapped.map(Bytes::from_owner).map_err(|e| Error::machine("memory map", e))
}

pub(super) fn picture(probe: &Probe, file: OwnedFd, limits: &Limits) -> Result<Picture, Error> {
    let len = limits.check_picture(probe.width, probe.height).map_err(|_| Error::Crashed)?;
    Picture::new(probe.width, probe.height, map(&file, len)?).map_err(|_| Error::Crashed)
}

pub(super) fn faststart(file: OwnedFd, len: u64) -> Result<Bytes, Error> {
    map(&file, usize::try_from(len).map_err(|_| Error::Crashed)?)
}

pub(super) fn clip(answer: ClipAnswer, file: OwnedFd, sampling: &Sampling, limits: &Limits) -> Result<Clip, Error> {
    let count = answer.count as usize;
    let ascending = answer.frames.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let in_range = answer
        .frames
        .iter()
        .all(|(index, w, h)| *index < answer.count && w.max(h) <= &sampling.max_side.max(16) && *w > 0 && *h > 0);
    let most = limits.video_frames.max(limits.archive_entries);
    if !ascending || !in_range || answer.count > most || answer.frames.len() > sampling.ceiling() as usize {
        return Err(Error::Crashed);
    }
    // Sides and counts are bounded above, so this cannot overflow.
    let pixels: usize = answer.frames.iter().map(|(_, w, h)| 3 * *w as usize * *h as usize).sum();
    let bytes = map(&file, pixels + count * TABLE_ROW)?;

    let times: Vec<f64> =
        bytes[pixels..][..count * 8].as_chunks::<8>().0.iter().map(|eight| f64::from_le_bytes(*eight)).collect();
    let signatures: Vec<FrameSignature> = bytes[pixels + count * 8..].as_chunks::<64>().0.to_vec();
    if times.iter().any(|t| !t.is_finite()) || !answer.duration.is_finite() {
        return Err(Error::Crashed);
    }

    let mut from = 0;
    let mut frames = Vec::with_capacity(answer.frames.len());
    for (index, width, height) in answer.frames {
        let to = from + 3 * width as usize * height as usize;
        let picture = Picture::new(width, height, bytes.slice(from..to)).map_err(|_| Error::Crashed)?;
        frames.push(Frame { index, time: times[index as usize], picture });
        from = to;
    }
    let facts = ClipFacts {
        container: text(answer.container),
        codec: text(answer.codec),
        encoder: answer.encoder.map(text),
        width: answer.width,
        height: answer.height,
        rotation: answer.rotation % 360,
        times,
        signatures,
        duration: answer.duration,
        broken_frames: answer.broken_frames,
        has_audio: answer.has_audio,
    };
    Ok(Clip { frames, facts })
}

/// A text without control characters, cut.
fn text(mut text: String) -> String {
    text.retain(|c| !c.is_control());
    while text.len() > TEXT {
        text.pop();
    }
    text
}

/// An error as a child may say it: its free texts are short and plain.
pub(super) fn clean(error: Error, limits: &Limits) -> Error {
    let plain = |text: String| text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(64).collect();
    match error {
        Error::Unsupported { found } => Error::Unsupported { found: plain(found) },
        Error::Unavailable { what } => Error::Unavailable { what: plain(what) },
        // FFmpeg says that there is no memory, and not how much it wanted.
        Error::OverLimit { limit: Limit::Memory, came: 0, .. } => {
            Error::over(Limit::Memory, limits.child_memory.saturating_add(1), limits.child_memory)
        }
        other => other,
    }
}
