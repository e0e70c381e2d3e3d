//! One sFlow datagram: every sample it holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemark::wire::sflow;

fuzz_target!(|input: &[u8]| {
    let Ok(datagram) = sflow::datagram(input) else {
        return;
    };
    let mut samples = 0;
    for sample in datagram.samples {
        samples += 1;
        if let Err(flaw) = sample {
            assert!(flaw.offset as usize <= input.len());
        }
    }
    assert!(samples <= 1 + input.len() / 8, "each sample takes octets");
});
