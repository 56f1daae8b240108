//! Videos: which frames there are, and the pixels of those that are asked for.

mod decoder;
mod demux;
mod scale;

use crate::child::Output;
use crate::message::ClipAnswer;
use crate::shrink::fit;
use crate::{Error, Format, Limit, Limits, Probe, Reason, Sampling};
use bytes::Bytes;
use decoder::{Decoder, Flow};
use demux::Track;
use oz_domain::FrameSignature;
use scale::Scaler;

pub(super) use decoder::warm_up;

pub(super) fn probe(bytes: Bytes, format: Format, limits: &Limits) -> Result<Probe, Error> {
    let track = Track::read(bytes, format, limits)?;
    // The first frame shows that the rest can be decoded at all.
    let mut size = None;
    Decoder::new(&track, limits)?.run(&track, |frame, _| {
        size = Some((frame.width(), frame.height()));
        Ok(Flow::Stop)
    })?;
    let (width, height) = size.ok_or(Error::Undecodable { reason: Reason::NoFrame })?;
    limits.check_frame(width, height)?;
    let (width, height) = track.orientation.size(width, height);
    let frames = Some(u32::try_from(track.packets.len()).unwrap_or(u32::MAX));
    Ok(Probe { format, width, height, duration: Some(track.duration()), frames, has_audio: track.has_audio })
}

pub(super) fn clip(
    bytes: Bytes,
    format: Format,
    sampling: &Sampling,
    limits: &Limits,
    output: &mut Output,
) -> Result<ClipAnswer, Error> {
    let track = Track::read(bytes, format, limits)?;
    let (stored_width, stored_height) = track.size;
    let small = fit(stored_width, stored_height, sampling.max_side.max(16));
    let room = output.room(small.0, small.1);

    // Which frames are wanted depends on how many decode and when they are shown. The packets nearly always tell; where they
    // do not (frames that are never shown, damage), the first run does, and a second one converts the right frames.
    let mut expected = track.times();
    loop {
        let wanted = sampling.choose(&expected, room);
        let run = Run::of(&track, limits, sampling, &wanted, output)?;
        if run.times == expected || sampling.choose(&run.times, room) == wanted {
            return run.finish(&track, sampling, limits, output);
        }
        expected = run.times;
        output.restart()?;
    }
}

/// One pass of decoding.
struct Run {
    times: Vec<f64>,
    signatures: Vec<FrameSignature>,
    /// Index and upright size; their pixels are in the output.
    frames: Vec<(u32, u32, u32)>,
    size: (u32, u32),
    end: f64,
    broken: u32,
}

impl Run {
    fn of(
        track: &Track,
        limits: &Limits,
        sampling: &Sampling,
        wanted: &[u32],
        output: &mut Output,
    ) -> Result<Self, Error> {
        let mut run = Self { times: vec![], signatures: vec![], frames: vec![], size: (0, 0), end: 0.0, broken: 0 };
        let mut scaler: Option<Scaler> = None;
        let mut first = None;
        let broken = Decoder::new(track, limits)?.run(track, |frame, timing| {
            limits.check_frame(frame.width(), frame.height())?;
            let index = u32::try_from(run.times.len()).unwrap_or(u32::MAX);
            if index >= limits.video_frames {
                return Err(Error::over(Limit::VideoFrames, u64::from(index) + 1, limits.video_frames.into()));
            }
            let shown = timing.shown.unwrap_or_else(|| first.unwrap_or(0.0) + run.end);
            let time = shown - *first.get_or_insert(shown);
            track.check_duration(time, limits)?;
            run.end = run.end.max(time + timing.lasts);
            run.times.push(time);
            run.signatures.push(track.orientation.upright_cells(scale::signature(frame)?));
            // A stream may change its size; its frames do not.
            if scaler.is_none() {
                run.size = (frame.width(), frame.height());
            }
            let scaler = match &mut scaler {
                Some(scaler) => scaler,
                none => none.insert(Scaler::new(fit(frame.width(), frame.height(), sampling.max_side.max(16)))),
            };
            if wanted.binary_search(&index).is_ok() {
                let (width, height, rgb) = scaler.upright(frame, track.orientation)?;
                output.append(&rgb)?;
                run.frames.push((index, width, height));
            }
            Ok(Flow::On)
        })?;
        run.broken = broken;
        Ok(run)
    }

    fn finish(
        self,
        track: &Track,
        sampling: &Sampling,
        limits: &Limits,
        output: &mut Output,
    ) -> Result<ClipAnswer, Error> {
        let count = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return Err(Error::Undecodable { reason: Reason::NoFrame });
        }
        if count < sampling.at_least {
            return Err(Error::TooFewFrames { came: count, needed: sampling.at_least });
        }
        track.check_duration(self.end, limits)?;
        output.append_table(&self.times, &self.signatures)?;
        let (width, height) = track.orientation.size(self.size.0, self.size.1);
        Ok(ClipAnswer {
            frames: self.frames,
            count,
            container: track.container.clone(),
            codec: track.codec.clone(),
            encoder: track.encoder.clone(),
            width,
            height,
            rotation: track.orientation.degrees(),
            duration: self.end,
            broken_frames: self.broken,
            has_audio: track.has_audio,
        })
    }
}
