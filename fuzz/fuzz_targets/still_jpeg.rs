//! JPEG: our walk over the segments, EXIF, libjpeg-turbo behind it.
#![no_main]

mod common;

use oz_media::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    common::decode(Format::Jpeg, bytes);
});
