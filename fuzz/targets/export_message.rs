//! Messages of NetFlow, IPFIX and sFlow to a Collecting Process: each piece of the input, cut at its stated length, is one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemark::collect::{Collector, Config, Sink};
use tidemark::model::{ExportFault, ExportMessage, FlowRecord, Ip, Timestamp, Transport};

/// Looks at everything that comes out.
#[derive(Default)]
struct Heard(u64);

impl Sink for Heard {
    fn record(&mut self, record: &FlowRecord) {
        assert!(record.start <= record.end, "{record:?}");
        self.0 += 1;
    }
    fn fault(&mut self, fault: ExportFault) {
        assert!(!fault.to_string().is_empty());
    }
}

fuzz_target!(|input: &[u8]| {
    let (mut collector, mut heard) = (Collector::new(Config::default()), Heard::default());
    let (mut rest, mut at) = (input, Timestamp::from_secs(1_700_000_000));
    while let [high, low, octets @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(octets.len());
        let (octets, behind) = octets.split_at(length);
        let message = ExportMessage {
            at,
            exporter: Ip::v4(0xc000_0209),
            source_port: 40_000,
            collector_port: 2055,
            transport: if length % 2 == 0 {
                Transport::Udp
            } else {
                Transport::Tcp
            },
            octets,
        };
        collector.observe(&message, &mut heard);
        collector.advance(at);
        at = at + std::time::Duration::from_secs(60);
        rest = behind;
    }
    let counted: u64 = collector.accounts().map(|(_, account)| account.records).sum();
    assert_eq!(counted, heard.0);
});
