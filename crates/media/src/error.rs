//! What can go wrong with media. No HTTP here; the binary maps each case to a code.

use serde::{Deserialize, Serialize};

/// Why a medium was not decoded. Texts hold nothing of the medium but numbers and names of formats.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// The bytes are of a kind that is not taken, whatever the file's name says.
    #[error(
        "{found} is not supported; send JPEG, PNG, WebP, MP4, MOV, WebM, Matroska, AVI, MPEG, ZIP, TAR, TAR.GZ or GZ"
    )]
    Unsupported {
        /// What the bytes are, as far as they tell ("a GIF picture", "AV1 video").
        found: String,
    },
    /// The bytes claim to be of a kind that is taken, and are not decodable.
    #[error("cannot be decoded: {reason}")]
    Undecodable {
        /// Why.
        reason: Reason,
    },
    /// More than a limit allows.
    #[error("{limit} is {came}, allowed are {allowed}")]
    OverLimit {
        /// Which limit; its text names the unit.
        limit: Limit,
        /// What came, or how far it was counted before the work was stopped.
        came: u64,
        /// What is allowed.
        allowed: u64,
    },
    /// A clip with fewer frames than asked for.
    #[error("{came} frames came, at least {needed} are needed")]
    TooFewFrames {
        /// Frames that decode.
        came: u32,
        /// Frames that are needed.
        needed: u32,
    },
    /// A container without a video stream, a sound file for example.
    #[error("there is no video stream")]
    NoVideoStream,
    /// An archive inside an archive.
    #[error("an archive inside an archive is not taken")]
    NestedArchive,
    /// An archive that holds no picture (decision 41: makes no medium, is no error to the client).
    #[error("the archive holds no picture")]
    NoPictures,
    /// Decoding took longer than [`crate::Limits::decode_time`] and was killed.
    #[error("decoding took longer than is allowed")]
    Timeout,
    /// The decoding process died, or answered nonsense. The medium is to blame, not the server.
    #[error("the decoder crashed on it")]
    Crashed,
    /// The decoder itself cannot work (no process, no memory file, no descriptor): try again later.
    #[error("the decoder is not available: {what}")]
    Unavailable {
        /// What failed, for the log.
        what: String,
    },
}

/// Why a medium is not decodable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// It has no bytes.
    Empty,
    /// It ends too early.
    Truncated,
    /// Its bytes contradict its format.
    Damaged,
    /// Not one frame of the video decodes.
    NoFrame,
    /// It needs a password.
    Encrypted,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Truncated => "it ends too early",
            Self::Damaged => "its contents are damaged",
            Self::NoFrame => "no frame of the video can be decoded",
            Self::Encrypted => "it is encrypted",
        })
    }
}

/// What is limited; the values are in [`crate::Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Limit {
    /// Bytes of the file.
    FileBytes,
    /// Pixels of a picture.
    PicturePixels,
    /// The longer side of a picture in pixels.
    PictureSide,
    /// Whole seconds of a video.
    VideoSeconds,
    /// Frames of a video.
    VideoFrames,
    /// Pixels of a video's frame.
    FramePixels,
    /// Streams of a container.
    Streams,
    /// Entries of an archive.
    ArchiveEntries,
    /// Bytes of an archive's contents.
    ArchiveBytes,
    /// How many times larger an archive's contents are than the archive.
    ArchiveRatio,
    /// Bytes of memory that decoding needs.
    Memory,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FileBytes => "the size in bytes",
            Self::PicturePixels => "the number of pixels",
            Self::PictureSide => "the longer side in pixels",
            Self::VideoSeconds => "the duration in seconds",
            Self::VideoFrames => "the number of frames",
            Self::FramePixels => "the number of pixels in a frame",
            Self::Streams => "the number of streams",
            Self::ArchiveEntries => "the number of entries",
            Self::ArchiveBytes => "the unpacked size in bytes",
            Self::ArchiveRatio => "the ratio of unpacked to packed size",
            Self::Memory => "the memory in bytes that decoding needs",
        })
    }
}

impl Error {
    pub(crate) const DAMAGED: Self = Self::Undecodable { reason: Reason::Damaged };
    pub(crate) const TRUNCATED: Self = Self::Undecodable { reason: Reason::Truncated };

    pub(crate) fn over(limit: Limit, came: u64, allowed: u64) -> Self {
        Self::OverLimit { limit, came, allowed }
    }

    /// For failures of the machine, not of the medium.
    pub(crate) fn machine(doing: &str, error: impl Into<std::io::Error>) -> Self {
        let error: std::io::Error = error.into();
        Self::Unavailable { what: format!("{doing}: {error}") }
    }
}
