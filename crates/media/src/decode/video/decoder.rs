//! From packets to frames, with one thread.

use super::demux::{DECODERS, Track, error};
use crate::{Error, Limits};
use ffmpeg::codec::{self, decoder};
use ffmpeg::{Dictionary, frame};
use ffmpeg_next as ffmpeg;

/// Whether more frames are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Stop,
}

/// When a frame is shown, as far as the stream tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// Seconds on the stream's clock.
    pub(super) shown: Option<f64>,
    /// Seconds; 0 when unknown.
    pub(super) lasts: f64,
}

/// An open decoder at the beginning of a track.
pub(super) struct Decoder {
    inner: decoder::Video,
    broken: u32,
}

impl Decoder {
    pub(super) fn new(track: &Track, limits: &Limits) -> Result<Self, Error> {
        let mut context = codec::Context::from_parameters(track.parameters.clone()).map_err(error)?.decoder();
        context.set_packet_time_base(track.time_base);
        let codec = decoder::find(context.id())
            .filter(|codec| DECODERS.contains(&codec.name()))
            .ok_or_else(|| Error::Unavailable { what: format!("FFmpeg lacks a decoder for {}", track.codec) })?;
        let mut options = Dictionary::new();
        options.set("threads", "1");
        options.set("max_pixels", &limits.frame_pixels.to_string());
        let inner = context.open_as_with(codec, options).and_then(decoder::Opened::video).map_err(error)?;
        Ok(Self { inner, broken: 0 })
    }

    /// Decodes the whole track in order of showing, or until `each` has enough. Gives the number of packets that did not
    /// decode.
    pub(super) fn run(
        mut self,
        track: &Track,
        mut each: impl FnMut(&frame::Video, Timing) -> Result<Flow, Error>,
    ) -> Result<u32, Error> {
        for packet in &track.packets {
            if self.inner.send_packet(packet).is_err() {
                self.count_broken()?;
            }
            if self.drain(track, &mut each)? == Flow::Stop {
                return Ok(self.broken);
            }
        }
        // A decoder that cannot be told that the end is there has no more frames.
        if self.inner.send_eof().is_ok() {
            self.drain(track, &mut each)?;
        }
        Ok(self.broken)
    }

    /// Damage is not an error, lack of memory is: decoders call both damage, so it is tried whether there would be room for
    /// a frame.
    fn count_broken(&mut self) -> Result<(), Error> {
        self.broken += 1;
        // Four channels of 16 bits are the most a frame has.
        let frame = (self.inner.width() as usize * self.inner.height() as usize * 8).max(1 << 20);
        let room = Vec::<u8>::new().try_reserve_exact(frame);
        room.map_err(|_| error(ffmpeg::Error::Other { errno: libc::ENOMEM }))
    }

    fn drain(
        &mut self,
        track: &Track,
        each: &mut impl FnMut(&frame::Video, Timing) -> Result<Flow, Error>,
    ) -> Result<Flow, Error> {
        let mut frame = frame::Video::empty();
        loop {
            match self.inner.receive_frame(&mut frame) {
                Ok(()) => {}
                Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => return Ok(Flow::On),
                Err(_) => {
                    self.count_broken()?;
                    return Ok(Flow::On);
                }
            }
            let timing = Timing {
                shown: frame.timestamp().map(|ticks| track.seconds(ticks)),
                lasts: track.seconds(frame.packet().duration.clamp(0, i64::MAX / 4)),
            };
            if each(&frame, timing)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
}

/// Opens each decoder once: they build tables at their first use, and a child forked later has them.
pub(crate) fn warm_up() {
    // The text of a log line may quote the file.
    ffmpeg::util::log::set_level(ffmpeg::util::log::Level::Quiet);
    for name in DECODERS {
        if let Some(codec) = decoder::find_by_name(name) {
            let mut options = Dictionary::new();
            options.set("threads", "1");
            // Some want to know the stream first; what they built before they said so is there all the same.
            let _ = codec::Context::new_with_codec(codec).decoder().open_as_with(codec, options);
        }
    }
}
