//! What the targets share.

use oz_media::{Format, Limits};

/// Bounds that keep one run short; the code paths are those of the real ones.
fn limits() -> Limits {
    Limits {
        picture_pixels: 1 << 18,
        frame_pixels: 1 << 16,
        video_frames: 40,
        archive_entries: 8,
        archive_bytes: 1 << 20,
        child_memory: 256 << 20,
        output_bytes: 16 << 20,
        ..Limits::default()
    }
}

/// All that is done with a medium of a format. Errors are fine, crashes are not.
pub fn decode(format: Format, bytes: &[u8]) {
    let _ = oz_media::in_process_as(format, bytes, &limits());
}
