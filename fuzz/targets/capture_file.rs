//! One capture file of any format, compressed or not: to its end, with every packet in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemark::input::{CaptureReader, LONGEST_FRAME};

fuzz_target!(|input: &[u8]| {
    let mut reader = CaptureReader::new("fuzz".into(), input);
    while let Some(next) = reader.next() {
        match next {
            Ok(packet) => {
                assert!(packet.octets.len() <= LONGEST_FRAME as usize);
                assert!(packet.original_length as usize >= packet.octets.len());
            }
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }
});
