//! A decoded video or shot set: the frames that were asked for, and what is known of all the others.

use crate::Picture;

/// One converted frame of a clip.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Place among all frames that decode, in presentation order, from 0.
    pub index: u32,
    /// Seconds since the first frame.
    pub time: f64,
    /// The upright picture.
    pub picture: Picture,
}

/// A frame in 64 numbers: mean luma (0-255) of an 8x8 grid. Enough to see duplicates, loops and cuts without converting.
pub type FrameSignature = [u8; 64];

/// What is known about a clip beyond its converted frames.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipFacts {
    /// Container as the demuxer names it (`mov,mp4,m4a,3gp,3g2,mj2`, `matroska,webm`, `avi`, `mpeg`, ...), or `shots-set`.
    pub container: String,
    /// Codec name (`h264`, `hevc`, `vp8`, ...), or the picture format of a shot set.
    pub codec: String,
    /// Encoder or writing application as the file states it, at most 256 bytes.
    pub encoder: Option<String>,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// Clockwise turn that was undone, degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Presentation times of all decoded frames, seconds since the first; shot sets without times count 10 a second.
    pub times: Vec<f64>,
    /// Signatures of all decoded frames, in the same order.
    pub signatures: Vec<FrameSignature>,
    /// Length in seconds: from the first frame to the end of the last.
    pub duration: f64,
    /// Frames the demuxer saw that did not decode.
    pub broken_frames: u32,
    /// Whether the file has a sound track.
    pub has_audio: bool,
}

/// A decoded clip.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The frames that were asked for, in order.
    pub frames: Vec<Frame>,
    /// Facts about the whole.
    pub facts: ClipFacts,
}
