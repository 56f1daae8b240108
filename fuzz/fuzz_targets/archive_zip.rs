//! ZIP archives and the pictures in them.
#![no_main]

mod common;

use oz_media::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    common::decode(Format::Zip, bytes);
});
