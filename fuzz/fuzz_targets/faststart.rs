//! Moving the index of an MP4: no byte is lost, and there is nothing to do a second time.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(moved)) = oz_media::faststart_in_process(bytes) {
        assert_eq!(moved.len(), bytes.len());
        assert_eq!(oz_media::faststart_in_process(&moved), Ok(None));
    }
});
