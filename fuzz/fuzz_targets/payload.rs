//! The JSON beside an upload: any bytes give a payload or an error whose texts can be sent.
#![no_main]

use oz_wire::FolderPayload;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = oz_wire::parse::<FolderPayload>(bytes) {
        assert!(!error.to_string().is_empty());
    }
});
