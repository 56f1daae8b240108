//! Shot sets: an archive's pictures as a clip.

use super::signature::Luma;
use super::{archive, still};
use crate::child::Output;
use crate::message::ClipAnswer;
use crate::shrink::{fit, shrink};
use crate::{Error, Format, Limits, Probe, Reason, Sampling};
use oz_domain::{FrameSignature, Picture};

/// Seconds between pictures that carry no time (`oz_domain::ClipFacts::times`).
const STEP: f64 = 0.1;

pub(super) fn probe(bytes: &[u8], format: Format, limits: &Limits) -> Result<Probe, Error> {
    let pictures = archive::pictures(bytes, format, limits)?;
    let count = u32::try_from(pictures.len()).unwrap_or(u32::MAX);
    // The first that decodes: one damaged picture does not spoil a set.
    let mut first = Err(Error::NoPictures);
    for (format, bytes) in &pictures {
        first = still::decode(bytes, *format, limits);
        match first {
            Ok(_) | Err(Error::OverLimit { .. }) => break,
            Err(_) => {}
        }
    }
    let first = first?;
    Ok(Probe {
        format,
        width: first.width,
        height: first.height,
        duration: Some(f64::from(count) * STEP),
        frames: Some(count),
        has_audio: false,
    })
}

pub(super) fn clip(
    bytes: &[u8],
    format: Format,
    sampling: &Sampling,
    limits: &Limits,
    output: &mut Output,
) -> Result<ClipAnswer, Error> {
    let pictures = archive::pictures(bytes, format, limits)?;
    let mut answer = ClipAnswer { container: "shots-set".into(), ..ClipAnswer::default() };
    let mut signatures: Vec<FrameSignature> = Vec::with_capacity(pictures.len());
    // Which are chosen depends on how many decode. All are decoded for their signatures; as long as none fails, the plan
    // holds and each is given out as it comes.
    let mut broken = vec![false; pictures.len()];
    loop {
        let good = broken.iter().filter(|b| !**b).count();
        let times: Vec<f64> = (0..u32::try_from(good).unwrap_or(u32::MAX)).map(|i| f64::from(i) * STEP).collect();
        signatures.clear();
        answer.frames.clear();
        let mut chosen = None;
        let mut failed = false;
        for ((format, bytes), broken) in pictures.iter().zip(&mut broken).filter(|(_, broken)| !**broken) {
            let picture = match still::decode(bytes, *format, limits) {
                Ok(still) => Picture::new(still.width, still.height, still.rgb.into()).map_err(|_| Error::DAMAGED)?,
                Err(e @ Error::OverLimit { .. }) => return Err(e),
                Err(_) => {
                    *broken = true;
                    failed = true;
                    continue;
                }
            };
            let index = u32::try_from(signatures.len()).unwrap_or(u32::MAX);
            signatures.push(signature(&picture));
            let (width, height) = fit(picture.width(), picture.height(), sampling.max_side.max(16));
            let chosen = chosen.get_or_insert_with(|| {
                answer.codec = format.mime().trim_start_matches("image/").into();
                (answer.width, answer.height) = (picture.width(), picture.height());
                sampling.choose(&times, output.room(width, height))
            });
            if !failed && chosen.binary_search(&index).is_ok() {
                answer.frames.push((index, width, height));
                output.append(shrink(&picture, sampling.max_side.max(16))?.rgb())?;
            }
        }
        if !failed {
            output.append_table(&times, &signatures)?;
            break;
        }
        output.restart()?;
    }
    answer.count = u32::try_from(signatures.len()).unwrap_or(u32::MAX);
    answer.broken_frames = u32::try_from(pictures.len() - signatures.len()).unwrap_or(u32::MAX);
    answer.duration = f64::from(answer.count) * STEP;
    if answer.count == 0 {
        return Err(Error::Undecodable { reason: Reason::NoFrame });
    }
    if answer.count < sampling.at_least {
        return Err(Error::TooFewFrames { came: answer.count, needed: sampling.at_least });
    }
    Ok(answer)
}

/// The signature of RGB pixels, by green: nearest to luma, and it costs nothing.
fn signature(picture: &Picture) -> FrameSignature {
    Luma {
        bytes: &picture.rgb()[1..],
        stride: picture.width() as usize * 3,
        step: 3,
        depth: 8,
        width: picture.width() as usize,
        height: picture.height() as usize,
    }
    .signature()
}
