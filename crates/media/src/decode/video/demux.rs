//! From a container's bytes to the packets of its video stream.
//!
//! The demuxer is chosen by our own sniffing and no other is ever asked: FFmpeg's probing would run the probe functions of
//! three hundred formats over hostile bytes, and some formats (playlists, concatenation) open further files.

use crate::decode::orientation::Orientation;
use crate::{Error, Format, Limit, Limits};
use bytes::Bytes;
use ffmpeg::codec::packet::side_data;
use ffmpeg::ffi;
use ffmpeg::format::context::{Input, StreamIo};
use ffmpeg::format::stream::Disposition;
use ffmpeg::media;
use ffmpeg::{Dictionary, DictionaryRef, Packet, Rational, codec};
use ffmpeg_next as ffmpeg;
use std::ffi::CStr;
use std::io::Cursor;

/// Decoders that may run, by FFmpeg's names.
pub(super) const DECODERS: &[&str] = &["h264", "hevc", "vp8", "vp9", "mpeg4", "mjpeg", "mpeg1video", "mpeg2video"];

/// Damaged places a demuxer may step over before it is taken for lost.
const DAMAGED_PLACES: u32 = 1000;

/// A container's video stream, with its packets in memory (they are no larger than the file).
pub(super) struct Track {
    pub(super) packets: Vec<Packet>,
    pub(super) parameters: codec::Parameters,
    pub(super) time_base: Rational,
    /// Stored size as the header states it; 0 when it does not.
    pub(super) size: (u32, u32),
    pub(super) orientation: Orientation,
    pub(super) container: String,
    pub(super) codec: String,
    pub(super) encoder: Option<String>,
    pub(super) has_audio: bool,
    /// When packets are shown and for how long, in units of the time base, in order of showing.
    shown: Vec<(i64, i64)>,
}

impl Track {
    pub(super) fn read(bytes: Bytes, format: Format, limits: &Limits) -> Result<Self, Error> {
        let mut input = open(bytes, format, limits)?;
        let stream = input.streams().best(media::Type::Video).ok_or(Error::NoVideoStream)?;
        // The cover of a sound file is no video.
        if stream.disposition().contains(Disposition::ATTACHED_PIC) {
            return Err(Error::NoVideoStream);
        }
        let index = stream.index();
        let parameters = stream.parameters();
        let codec = parameters.id().name().to_owned();
        if !DECODERS.contains(&codec.as_str()) {
            return Err(Error::Unsupported { found: format!("{codec} video") });
        }
        let size = stated_size(&parameters);
        if size.0 > 0 && size.1 > 0 {
            limits.check_frame(size.0, size.1)?;
        }
        let matrix = stream.side_data().find(|data| data.kind() == side_data::Type::DisplayMatrix);
        let orientation = matrix.map_or(Orientation::UPRIGHT, |m| Orientation::from_display_matrix(m.data()));
        let encoder = [c"encoder", c"software", c"com.apple.quicktime.software"]
            .iter()
            .find_map(|key| stated(&input.metadata(), key).or_else(|| stated(&stream.metadata(), key)));
        let mut track = Self {
            packets: vec![],
            parameters,
            time_base: stream.time_base(),
            size,
            orientation,
            container: input.format().name().to_owned(),
            codec,
            encoder,
            has_audio: input.streams().any(|s| s.parameters().medium() == media::Type::Audio),
            shown: vec![],
        };
        track.collect(&mut input, index, limits)?;
        Ok(track)
    }

    fn collect(&mut self, input: &mut Input, index: usize, limits: &Limits) -> Result<(), Error> {
        let mut damaged = 0;
        let mut range: Option<(i64, i64)> = None;
        loop {
            let mut packet = Packet::empty();
            match packet.read(input) {
                Ok(()) => {}
                Err(ffmpeg::Error::InvalidData) if damaged < DAMAGED_PLACES => {
                    damaged += 1;
                    continue;
                }
                Err(_) => break,
            }
            if packet.stream() != index || packet.data().is_none() {
                continue;
            }
            let discarded = is_discarded(&packet);
            if let Some(at) = packet.pts().or(packet.dts()).filter(|_| !discarded) {
                let lasts = packet.duration().clamp(0, i64::MAX / 4);
                let (first, last) = range.map_or((at, at), |(first, last)| (first.min(at), last.max(at)));
                range = Some((first, last));
                self.check_duration(self.seconds(last.saturating_sub(first)), limits)?;
                self.shown.push((at, lasts));
            }
            let count = self.packets.len() as u64 + 1;
            if count > u64::from(limits.video_frames) {
                return Err(Error::over(Limit::VideoFrames, count, limits.video_frames.into()));
            }
            self.packets.push(packet);
        }
        self.shown.sort_unstable();
        self.state_delay();
        self.check_duration(self.duration(), limits)
    }

    /// Tells the decoder how many frames come before one that is shown earlier, counted over the whole clip. H.264 need not
    /// say so itself; FFmpeg guesses by the first twenty frames, and frames are lost where it guesses too low.
    fn state_delay(&mut self) {
        const MOST: usize = 16;
        let mut delay = 0;
        let mut latest: Vec<i64> = Vec::with_capacity(MOST + 1);
        for at in self.packets.iter().filter(|p| !is_discarded(p)).filter_map(Packet::pts) {
            // Those of the frames before that are shown later; more than the standard's sixteen are damage.
            delay = delay.max(latest.iter().filter(|other| **other > at).count());
            latest.push(at);
            latest.sort_unstable_by(|a, b| b.cmp(a));
            latest.truncate(MOST);
        }
        #[expect(unsafe_code, reason = "ffmpeg-next does not name this field")]
        // SAFETY: the pointer belongs to `parameters`, which is borrowed mutably; the number is at most sixteen.
        unsafe {
            let known = &mut (*self.parameters.as_mut_ptr()).video_delay;
            *known = (*known).max(libc::c_int::try_from(delay).unwrap_or(0));
        }
    }

    /// Seconds of a number of ticks.
    #[expect(clippy::cast_precision_loss, reason = "ticks of a clip that lasts seconds are far below 2^53")]
    pub(super) fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 * f64::from(self.time_base)
    }

    /// When frames should be shown, seconds since the first, if every packet that has a time becomes a frame.
    pub(super) fn times(&self) -> Vec<f64> {
        let first = self.shown.first().map_or(0, |(at, _)| *at);
        // As the decoding run computes it, to the bit: the two are compared.
        self.shown.iter().map(|(at, _)| self.seconds(*at) - self.seconds(first)).collect()
    }

    /// Seconds from the first frame to the end of the last, by the packets.
    pub(super) fn duration(&self) -> f64 {
        let first = self.shown.first().map_or(0, |(at, _)| *at);
        let end = self.shown.iter().map(|(at, lasts)| at.saturating_add(*lasts)).max().unwrap_or(0);
        self.seconds(end.saturating_sub(first)).max(0.0)
    }

    #[expect(clippy::unused_self, reason = "reads as a question about the track")]
    pub(super) fn check_duration(&self, seconds: f64, limits: &Limits) -> Result<(), Error> {
        if seconds < f64::from(limits.video_seconds) + 1.0 {
            return Ok(());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let came = seconds as u64;
        Err(Error::over(Limit::VideoSeconds, came, limits.video_seconds.into()))
    }
}

/// What a container says under a key, cut. Its own way because ffmpeg-next takes the bytes for UTF-8 unseen.
fn stated(said: &DictionaryRef<'_>, key: &CStr) -> Option<String> {
    #[expect(unsafe_code, reason = "only C gives the bytes")]
    // SAFETY: the dictionary is borrowed, key and value end with zero; the value is copied before anything can change it.
    let value = unsafe {
        let entry = ffi::av_dict_get(said.as_ptr(), key.as_ptr(), std::ptr::null(), 0);
        if entry.is_null() || (*entry).value.is_null() {
            return None;
        }
        CStr::from_ptr((*entry).value).to_string_lossy()
    };
    Some(value.chars().take(64).collect())
}

fn demuxer(format: Format) -> Option<&'static CStr> {
    Some(match format {
        Format::Mp4 | Format::Mov => c"mov",
        Format::WebM | Format::Matroska => c"matroska",
        Format::Avi => c"avi",
        Format::MpegPs => c"mpeg",
        Format::MpegTs => c"mpegts",
        _ => return None,
    })
}

/// Opens the container and lets FFmpeg find out what its streams are.
fn open(bytes: Bytes, format: Format, limits: &Limits) -> Result<Input, Error> {
    let name = demuxer(format).ok_or_else(|| Error::Unsupported { found: format.mime().into() })?;
    let mut io = StreamIo::from_read_seek(Cursor::new(bytes)).map_err(error)?;
    let decoders = DECODERS.join(",");
    let mut options = Dictionary::new();
    options.set("format_whitelist", &name.to_string_lossy());
    options.set("codec_whitelist", &decoders);
    options.set("protocol_whitelist", "none");
    options.set("max_streams", "100");
    #[expect(unsafe_code, reason = "ffmpeg-next cannot be told which demuxer to use")]
    // SAFETY: the context is allocated here and handed to `Input`, which frees it, or freed by FFmpeg when opening fails.
    // `io` outlives it: `Input` keeps it, and on failure it is dropped after the context is gone. Dictionaries are given back
    // to their owner after each call. `streams` has `nb_streams` entries, and so has `per_stream`.
    unsafe {
        let demuxer = ffi::av_find_input_format(name.as_ptr());
        let mut context = ffi::avformat_alloc_context();
        if demuxer.is_null() || context.is_null() {
            return Err(Error::Unavailable { what: "FFmpeg lacks a demuxer".into() });
        }
        (*context).pb = io.as_mut_ptr();
        (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
        let mut raw = options.disown();
        let opened = ffi::avformat_open_input(&raw mut context, std::ptr::null(), demuxer, &raw mut raw);
        drop(Dictionary::own(raw));
        if opened < 0 {
            return Err(error(ffmpeg::Error::from(opened)));
        }
        let input = Input::wrap_with_custom_io(context, io);
        let streams = (*context).nb_streams;
        if streams > limits.streams {
            return Err(Error::over(Limit::Streams, streams.into(), limits.streams.into()));
        }
        let mut videos = 0;
        let mut told = matches!(format, Format::Mp4 | Format::Mov | Format::WebM | Format::Matroska);
        for stream in input.streams().filter(|s| s.parameters().medium() == media::Type::Video) {
            let (width, height) = stated_size(&stream.parameters());
            videos += 1;
            told &= width > 0 && height > 0;
            if width > 0 && height > 0 {
                limits.check_frame(width, height)?;
            }
        }
        if told && videos == 1 {
            return Ok(input);
        }
        // Finding out decodes some twenty frames, which is a fifth of the work on a clip: only where the container does not
        // tell by itself. Under the same limit of pixels.
        let mut per_stream: Vec<*mut ffi::AVDictionary> = (0..streams)
            .map(|_| {
                let mut options = Dictionary::new();
                options.set("max_pixels", &limits.frame_pixels.to_string());
                options.disown()
            })
            .collect();
        let found = ffi::avformat_find_stream_info(context, per_stream.as_mut_ptr());
        for options in per_stream {
            drop(Dictionary::own(options));
        }
        if found < 0 {
            return Err(error(ffmpeg::Error::from(found)));
        }
        // Streams of MPEG are met on the way.
        match (*context).nb_streams {
            0 => return Err(Error::DAMAGED),
            met if met > limits.streams => return Err(Error::over(Limit::Streams, met.into(), limits.streams.into())),
            _ => {}
        }
        Ok(input)
    }
}

/// Width and height as the container states them.
fn stated_size(parameters: &codec::Parameters) -> (u32, u32) {
    #[expect(unsafe_code, reason = "ffmpeg-next shows no sizes before a decoder is open")]
    // SAFETY: the pointer belongs to `parameters` and is valid as long as it is borrowed.
    let (width, height) = unsafe { ((*parameters.as_ptr()).width, (*parameters.as_ptr()).height) };
    (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0))
}

/// Whether the packet is decoded but not shown: an edit list leaves its frame out.
fn is_discarded(packet: &Packet) -> bool {
    use ffmpeg::packet::Ref as _;
    #[expect(unsafe_code, reason = "ffmpeg-next does not name this flag")]
    // SAFETY: the pointer belongs to `packet` and is valid as long as it is borrowed.
    let flags = unsafe { (*packet.as_ptr()).flags };
    flags & ffi::AV_PKT_FLAG_DISCARD != 0
}

/// What FFmpeg's errors mean here: the bytes are to blame, unless it is memory.
pub(super) fn error(error: ffmpeg::Error) -> Error {
    match error {
        ffmpeg::Error::Other { errno: libc::ENOMEM } => Error::over(Limit::Memory, 0, 0),
        ffmpeg::Error::Eof => Error::TRUNCATED,
        _ => Error::DAMAGED,
    }
}
