//! Telling formats by their first bytes: whatever comes, there is an answer, and it does not depend on what lies behind.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let told = oz_media::sniff(bytes);
    let head = &bytes[..bytes.len().min(oz_media::SNIFF_LEN)];
    assert!(told.is_ok() == oz_media::sniff(head).is_ok(), "SNIFF_LEN bytes are not enough");
});
