//! What parent and child say to each other, once the zygote has told its [`crate::Layers`]: JSON in one packet each way, pixels beside it in one sealed memory file.
//!
//! The parent is trusted, the child is not: [`crate::decoder`] checks every number of an [`Answer`].

use crate::{Error, Format, Limits, Probe, Sampling};
use serde::{Deserialize, Serialize};

/// Bytes of a packet at most.
pub(crate) const PACKET: usize = 64 << 10;

/// What a job's child says first; the packet carries its process descriptor.
pub(crate) const STARTED: &[u8] = b"started";

/// A job, for one child.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) work: Work,
    pub(crate) format: Format,
    pub(crate) limits: Limits,
}

/// What to do with the input.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Work {
    Probe,
    Picture,
    Clip(Sampling),
    Faststart,
    SelfTest(SelfTest),
}

/// Things to try in the sandbox; for tests and for the report on it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfTest {
    /// Try what must be refused and say what happened.
    Report,
    /// Never end.
    Spin,
    /// Die.
    Abort,
    /// Panic.
    Panic,
    /// Ask for more memory than is allowed.
    Gorge,
    /// Answer nonsense.
    Lie,
}

/// What a child found. Pixels and tables are in the memory file that comes with it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// No file.
    Probe(Probe),
    /// File: the pixels.
    Picture(Probe),
    /// File: the pixels of `frames`, one after another; then a time (f64, little endian) for each of `count` frames; then
    /// a signature (64 bytes) for each.
    Clip(ClipAnswer),
    /// File: the new bytes, when there was something to do.
    Faststart { moved: bool },
    /// No file: what was tried, and which descriptors were open.
    Report(Vec<(String, i32)>, Vec<i32>),
}

/// The facts of [`oz_domain::ClipFacts`] without its tables.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ClipAnswer {
    /// Index, width, height.
    pub(crate) frames: Vec<(u32, u32, u32)>,
    pub(crate) count: u32,
    pub(crate) container: String,
    pub(crate) codec: String,
    pub(crate) encoder: Option<String>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rotation: u16,
    pub(crate) duration: f64,
    pub(crate) broken_frames: u32,
    pub(crate) has_audio: bool,
}

/// Bytes that a frame has in the tables behind the pixels.
pub(crate) const TABLE_ROW: usize = 8 + 64;

pub(crate) type Reply = Result<Answer, Error>;
