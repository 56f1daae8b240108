//! MPEG streams: demuxing and decoding.
#![no_main]

mod common;

use oz_media::Format;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Both kinds of stream: a transport stream begins with its sync byte.
    let format = if bytes.first() == Some(&0x47) { Format::MpegTs } else { Format::MpegPs };
    common::decode(format, bytes);
});
