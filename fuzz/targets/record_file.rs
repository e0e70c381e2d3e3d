//! One file of Flow Records of any format, to its end: every record has its time in order, and everything is counted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemark::input::RecordReader;

fuzz_target!(|input: &[u8]| {
    let mut reader = RecordReader::new("fuzz".into(), input);
    let mut records = 0;
    while let Some(next) = reader.next() {
        match next {
            Ok(recorded) => {
                records += 1;
                assert!(recorded.record.start <= recorded.record.end);
                assert!(recorded.record.sampling_rate >= 1);
                assert!(recorded.received >= recorded.record.end);
            }
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }
    assert_eq!(reader.tally().records, records);
});
