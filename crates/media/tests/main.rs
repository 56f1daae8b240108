//! Media against real files, the `ffmpeg` command line, and children that misbehave. One binary: each would link FFmpeg.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail loudly")]
#![expect(clippy::cast_possible_truncation, reason = "a cast that loses something makes a test fail")]

mod clips;
mod faststart;
mod forms;
mod hostile;
mod pixels;
mod sandbox;
mod shots;
mod stills;
mod support;
