//! What a medium is, told without giving its pixels away.

use crate::sniff::Format;
use oz_domain::MediaKind;
use serde::{Deserialize, Serialize};

/// Facts about a medium that decodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Format of the file.
    pub format: Format,
    /// Upright width in pixels; of a shot set, that of its first picture.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// Length of a video in seconds; of a shot set, 0.1 for each picture.
    pub duration: Option<f64>,
    /// Frames of a video or pictures of a shot set, as the container tells them (a few may turn out not to decode).
    pub frames: Option<u32>,
    /// Whether there is a sound track.
    pub has_audio: bool,
}

impl Probe {
    /// Picture, video or shot set.
    pub const fn kind(&self) -> MediaKind {
        self.format.kind()
    }

    /// The MIME type to serve the file with.
    pub const fn mime(&self) -> &'static str {
        self.format.mime()
    }
}
