//! Decoding, as a child does it (fuzzing does it in its own process). Nothing here opens anything: bytes in, a sealed memory
//! file out.

mod archive;
mod faststart;
mod orientation;
mod shots;
mod signature;
mod still;
mod video;

use crate::child::Output;
use crate::message::{Answer, Work};
use crate::{Error, Format, Limits, Probe, Sampling};
use bytes::Bytes;
use oz_domain::MediaKind;
use std::os::fd::OwnedFd;

/// Makes what decoders make at their first use, so that every child forked later has it.
pub(crate) fn warm_up() {
    video::warm_up();
}

/// Does one job on one medium.
pub(crate) fn perform(
    work: Work,
    bytes: Bytes,
    format: Format,
    limits: &Limits,
) -> Result<(Answer, Option<OwnedFd>), Error> {
    let kind = format.kind();
    match work {
        Work::Probe => {
            let probe = match kind {
                MediaKind::Image => {
                    let still = still::decode(&bytes, format, limits)?;
                    of_still(format, still.width, still.height)
                }
                MediaKind::Video => video::probe(bytes, format, limits)?,
                MediaKind::ShotsSet => shots::probe(&bytes, format, limits)?,
            };
            Ok((Answer::Probe(probe), None))
        }
        Work::Picture => {
            let picture = still::decode_to_file(&bytes, format, limits)?;
            Ok((Answer::Picture(of_still(format, picture.width, picture.height)), Some(picture.file)))
        }
        Work::Clip(sampling) => {
            let mut output = Output::new(limits.output_bytes)?;
            let answer = match kind {
                MediaKind::ShotsSet => shots::clip(&bytes, format, &sampling, limits, &mut output)?,
                _ => video::clip(bytes, format, &sampling, limits, &mut output)?,
            };
            Ok((Answer::Clip(answer), Some(output.seal()?)))
        }
        Work::Faststart => match faststart::faststart(&bytes)? {
            None => Ok((Answer::Faststart { moved: false }, None)),
            Some(moved) => {
                let mut output = Output::new(limits.output_bytes)?;
                output.append(&moved)?;
                Ok((Answer::Faststart { moved: true }, Some(output.seal()?)))
            }
        },
        Work::SelfTest(_) => Err(Error::Crashed),
    }
}

/// Everything that can be done with a medium, done in this process: for fuzzing only, where a crash is a finding.
#[doc(hidden)]
pub fn in_process(bytes: &[u8], limits: &Limits) -> Result<(), Error> {
    in_process_as(crate::sniff(bytes)?, bytes, limits)
}

/// The same without asking what the bytes are.
#[doc(hidden)]
pub fn in_process_as(format: Format, bytes: &[u8], limits: &Limits) -> Result<(), Error> {
    let bytes = Bytes::copy_from_slice(bytes);
    let probed = perform(Work::Probe, bytes.clone(), format, limits).map(|_| ());
    let decoded = match format.kind() {
        MediaKind::Image => perform(Work::Picture, bytes, format, limits),
        _ => perform(Work::Clip(Sampling::default()), bytes, format, limits),
    };
    probed.and(decoded.map(|_| ()))
}

/// A picture's pixels without a child and a memory file: the floor that the sandboxed way is measured against.
#[doc(hidden)]
pub fn picture_in_process(bytes: &[u8], limits: &Limits) -> Result<(), Error> {
    still::decode(bytes, crate::sniff(bytes)?, limits).map(|_| ())
}

/// [`crate::Decoder::remux_for_playback`], likewise.
#[doc(hidden)]
pub fn faststart_in_process(bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    faststart::faststart(bytes)
}

const fn of_still(format: Format, width: u32, height: u32) -> Probe {
    Probe { format, width, height, duration: None, frames: None, has_audio: false }
}
