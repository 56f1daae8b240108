//! How much is too much.

use crate::error::{Error, Limit};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds on everything a medium can make us do. All are checked before memory is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Pixels of a picture.
    pub picture_pixels: u64,
    /// The longer side of a picture, pixels.
    pub picture_side: u32,
    /// Length of a video in seconds, rounded down: cameras overshoot by a frame or two.
    pub video_seconds: u32,
    /// Frames of a video.
    pub video_frames: u32,
    /// Pixels of a frame of a video.
    pub frame_pixels: u64,
    /// Streams of a container.
    pub streams: u32,
    /// Entries of an archive.
    pub archive_entries: u32,
    /// Bytes of all entries of an archive together.
    pub archive_bytes: u64,
    /// Contents of an archive over its own size.
    pub archive_ratio: u32,
    /// Wall time for one medium; then the child is killed.
    pub decode_time: Duration,
    /// Address space of a child, bytes.
    pub child_memory: u64,
    /// Bytes a child may give back: pixels of all converted frames together. A clip gets fewer frames of its grid rather
    /// than more bytes.
    pub output_bytes: u64,
    /// Children at one time; further callers wait (their waiting does not count as decode time).
    pub parallel: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        Self {
            file_bytes: 100 << 20,
            picture_pixels: 50_000_000,
            picture_side: 16_384,
            video_seconds: 30,
            video_frames: 3600,
            frame_pixels: 4096 * 2304,
            streams: 16,
            archive_entries: 500,
            archive_bytes: 64 << 20,
            archive_ratio: 100,
            decode_time: Duration::from_secs(10),
            child_memory: 1536 << 20,
            output_bytes: 512 << 20,
            parallel: cores.saturating_mul(2),
        }
    }
}

impl Limits {
    /// Checks the size a picture's header states; gives the bytes of its RGB pixels.
    pub(crate) fn check_picture(&self, width: u32, height: u32) -> Result<usize, Error> {
        if width == 0 || height == 0 {
            return Err(Error::DAMAGED);
        }
        let side = width.max(height);
        if side > self.picture_side {
            return Err(Error::over(Limit::PictureSide, side.into(), self.picture_side.into()));
        }
        Self::check_pixels(width, height, Limit::PicturePixels, self.picture_pixels)
    }

    /// Checks the size of a video's frames.
    pub(crate) fn check_frame(&self, width: u32, height: u32) -> Result<(), Error> {
        if width == 0 || height == 0 {
            return Err(Error::DAMAGED);
        }
        Self::check_pixels(width, height, Limit::FramePixels, self.frame_pixels).map(|_| ())
    }

    fn check_pixels(width: u32, height: u32, limit: Limit, allowed: u64) -> Result<usize, Error> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > allowed {
            return Err(Error::over(limit, pixels, allowed));
        }
        oz_domain::Picture::byte_len(width, height).ok_or(Error::over(limit, pixels, allowed))
    }
}
