//! Matroska and WebM: demuxing and decoding.
#![no_main]

mod common;

use oz_media::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    common::decode(Format::Matroska, bytes);
});
