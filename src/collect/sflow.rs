//! sFlow datagrams to Flow Records: one for each sampled packet that carries IP.

use super::contact::{self, Hints};
use super::sequence::{Sequence, Step};
use super::{Account, Sink};
use crate::model::{ExportFault, ExportMessage, Exported, FlowRecord, Handshake, Ip};
use crate::wire::sflow::{self, Datagram, Flaw, FlowSample, Sampled};
use std::collections::BTreeMap;

/// Most sub-agents of one Exporter whose sequence is followed; a chassis has one a line card.
const SEQUENCES: usize = 256;

/// How far the datagrams of an Exporter have come, by agent and sub-agent.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences(BTreeMap<(Option<Ip>, u32), Sequence>);

impl Sequences {
    /// Octets it occupies.
    pub fn memory(&self) -> usize {
        self.0.len() * size_of::<((Option<Ip>, u32), Sequence)>()
    }

    /// Counts what is missing before `datagram`, or that it comes late or again.
    fn follow(&mut self, datagram: &Datagram<'_>, account: &mut Account) {
        let key = (datagram.agent, datagram.sub_agent);
        if self.0.len() >= SEQUENCES && !self.0.contains_key(&key) {
            return;
        }
        account.sequenced += 1;
        let sequence = self.0.entry(key).or_default();
        let step = sequence.arrive(datagram.sequence, Some(datagram.uptime), None);
        step.count(account);
        if step != Step::Late {
            sequence.advance(Some(1));
        }
    }
}

/// Takes in one datagram: a Flow Record of each sampled packet goes to `sink`, the rest is counted in `account`.
pub(super) fn observe(
    message: &ExportMessage<'_>,
    account: &mut Account,
    sequences: &mut Sequences,
    sink: &mut impl Sink,
) {
    let datagram = match sflow::datagram(message.octets) {
        Ok(datagram) => datagram,
        Err(flaw) => return fault(message, 0, &flaw, account, sink),
    };
    sequences.follow(&datagram, account);
    for sample in datagram.samples {
        match sample {
            Ok(Some(flow)) => sampled(message, &flow, account, sink),
            Ok(None) => account.options += 1,
            Err(flaw) => fault(message, datagram.sub_agent, &flaw, account, sink),
        }
    }
}

fn sampled(message: &ExportMessage<'_>, flow: &FlowSample, account: &mut Account, sink: &mut impl Sink) {
    account.sampling_rate = flow.sampling_rate;
    match &flow.packet {
        Some(packet) => {
            account.records += 1;
            sink.record(&record(message, flow, packet));
        }
        None if flow.flaw.is_none() => account.options += 1,
        None => {}
    }
    if let Some(flaw) = &flow.flaw {
        fault(message, flow.export.domain, flaw, account, sink);
    }
}

/// The Flow Record of one packet, at the time it arrived: the agent sends a sample within a second, and gives no time.
fn record(message: &ExportMessage<'_>, flow: &FlowSample, packet: &Sampled) -> FlowRecord {
    let mut record = FlowRecord {
        key: packet.key,
        start: message.at,
        end: message.at,
        packets: 1,
        bytes: u64::from(packet.bytes),
        tcp_flags: packet.tcp_flags,
        vlan: flow.vlan,
        sampling_rate: flow.sampling_rate,
        export: Some(Exported {
            exporter: message.exporter,
            ..flow.export
        }),
        ..FlowRecord::unknown()
    };
    let hints = Hints {
        flags: true,
        ..Hints::default()
    };
    contact::infer(&mut record, hints);
    // Of most packets no sample is taken: what is not seen did not fail to come.
    record.handshake = Handshake::Unknown;
    record
}

fn fault(message: &ExportMessage<'_>, domain: u32, flaw: &Flaw, account: &mut Account, sink: &mut impl Sink) {
    account.faults += 1;
    sink.fault(ExportFault {
        kind: flaw.kind,
        exporter: message.exporter,
        domain,
        offset: flaw.offset,
        what: flaw.what.to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Timestamp, Transport};

    #[derive(Default)]
    struct Heard {
        records: Vec<FlowRecord>,
        faults: Vec<String>,
    }

    impl Sink for Heard {
        fn record(&mut self, record: &FlowRecord) {
            self.records.push(record.clone());
        }
        fn fault(&mut self, fault: ExportFault) {
            self.faults.push(fault.to_string());
        }
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// Header of a datagram of agent 10.0.0.9, sub-agent 2.
    fn head(sequence: u32, uptime: u32, samples: u32) -> Vec<u8> {
        words(&[5, 1, 0x0a00_0009, 2, sequence, uptime, samples])
    }

    /// A sample, one in 100, of a packet from 198.51.100.1 to 192.0.2.80.
    fn sample(src_port: u32, dst_port: u32, flags: u32) -> Vec<u8> {
        let packet = [1500, 6, 0xc633_6401, 0xc000_0250, src_port, dst_port, flags, 0];
        words(&[[1, 72, 1, 7, 100, 0, 0, 7, 8, 1, 3, 32].as_slice(), &packet].concat())
    }

    fn heard(datagrams: &[Vec<u8>]) -> (Heard, Account) {
        let (mut heard, mut account) = (Heard::default(), Account::default());
        let mut sequences = Sequences::default();
        for octets in datagrams {
            let message = ExportMessage {
                at: Timestamp::from_secs(1000),
                exporter: "192.0.2.9".parse().unwrap(),
                source_port: 40_000,
                collector_port: 6343,
                transport: Transport::Udp,
                octets,
            };
            observe(&message, &mut account, &mut sequences, &mut heard);
        }
        (heard, account)
    }

    #[test]
    fn a_sampled_packet_is_a_flow_of_one_packet_unscaled() {
        let datagram = [head(1, 1, 2), sample(40_000, 443, 0x10), words(&[2, 4, 0])].concat();
        let (heard, account) = heard(&[datagram]);
        let record = &heard.records[0];
        assert_eq!(
            (record.packets, record.bytes, record.sampling_rate),
            (1, 1500, 100)
        );
        assert_eq!(record.start, Timestamp::from_secs(1000));
        assert_eq!(record.end, record.start);
        let export = record.export.unwrap();
        assert_eq!(export.exporter.to_string(), "192.0.2.9");
        assert_eq!(export.agent.unwrap().to_string(), "10.0.0.9");
        assert_eq!(
            (export.domain, export.in_if, export.out_if, export.scaled),
            (2, 7, 8, false)
        );
        let want = Account {
            records: 1,
            options: 1,
            sequenced: 1,
            sampling_rate: 100,
            ..Account::default()
        };
        assert_eq!((account, heard.faults), (want, vec![]));
    }

    #[test]
    fn who_asks_shows_in_flags_and_ports() {
        let cases = [
            (443, 40_000, 0x02, true), // a SYN to a high port
            (40_000, 443, 0x12, false),
            (40_000, 443, 0x10, true),
            (443, 40_000, 0x18, false),
            (123, 123, 0x10, true),
        ];
        for (src_port, dst_port, flags, asks) in cases {
            let datagram = [head(1, 1, 1), sample(src_port, dst_port, flags)].concat();
            let (heard, _) = heard(&[datagram]);
            assert_eq!(
                heard.records[0].initiator, asks,
                "{src_port} {dst_port} {flags:#x}"
            );
        }
    }

    #[test]
    fn gaps_are_lost_late_ones_reordered_and_a_new_beginning_is_a_restart() {
        let sequence = |numbers: &[(u32, u32)]| {
            let datagrams: Vec<_> = numbers.iter().map(|&(n, uptime)| head(n, uptime, 0)).collect();
            let (_, account) = heard(&datagrams);
            (account.lost, account.reordered, account.restarts)
        };
        let begun = (7, 900_000);
        assert_eq!(sequence(&[begun, (8, 900_100), (12, 900_200)]), (3, 0, 0));
        assert_eq!(
            sequence(&[begun, (9, 900_200), (8, 900_100), (10, 900_300)]),
            (1, 1, 0)
        );
        assert_eq!(sequence(&[begun, begun]), (0, 1, 0));
        assert_eq!(sequence(&[begun, (1, 10), (2, 20)]), (0, 0, 1));
    }

    #[test]
    fn what_is_wrong_is_named_with_who_sent_it() {
        let cut = [head(1, 1, 2), sample(1, 2, 0)].concat();
        let (heard, account) = heard(&[words(&[5, 1]), cut]);
        assert_eq!(
            heard.faults,
            [
                "exporter 192.0.2.9 domain 0: octet 8: the sFlow header is cut",
                "exporter 192.0.2.9 domain 2: octet 108: the datagram ends inside a sample, or has fewer than it \
                 counts",
            ]
        );
        assert_eq!((account.faults, account.records), (2, 1));
    }
}
