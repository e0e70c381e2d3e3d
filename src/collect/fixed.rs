//! Messages of NetFlow v5 and v7: their records have one form, and need no Template.

use super::Sink;
use super::contact::{self, Hints};
use super::flow::Ports;
use super::reading::Reading;
use crate::model::{EndReason, ExportTrouble, Exported, FlowKey, FlowRecord, Ip, Origin, TcpFlags};
use crate::wire::export::{Header, fixed};

/// Reads the records behind the header, as many as are whole, and gives their number.
pub(super) fn read<S: Sink>(reading: &mut Reading<'_, S>, header: &Header, octets: &[u8]) -> u32 {
    let body = octets.get(header.length..).unwrap_or_default();
    if header.sampling > 0 {
        reading.rate = u32::from(header.sampling);
    }
    let mut read = 0;
    for raw in fixed::records(header.version, body, header.count) {
        let record = &mut reading.scratch.record;
        fill(record, &raw, reading.exporter, reading.domain);
        (record.start, record.end) = reading
            .clock
            .fixed(raw.first, raw.last, &mut reading.books.account);
        record.sampling_rate = reading.rate;
        let hints = Hints {
            flags: true,
            ..Hints::default()
        };
        contact::infer(record, hints);
        reading.give_out();
        read += 1;
    }
    if read < u32::from(header.count) {
        let what = format!(
            "message of {} octets ends after {read} of {} records",
            octets.len(),
            header.count
        );
        let end = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        reading.fault(ExportTrouble::Cut, end, what);
    }
    read
}

/// Makes `record` what `raw` says; times, sampling rate, initiator and handshake aside.
fn fill(record: &mut FlowRecord, raw: &fixed::Record, exporter: Ip, domain: u32) {
    let (src_port, dst_port) = match Ports::of(raw.protocol) {
        Ports::Both => (raw.src_port, raw.dst_port),
        Ports::Icmp => (0, raw.dst_port),
        Ports::None => (0, 0),
    };
    record.key = FlowKey {
        src: Ip::v4(raw.src),
        dst: Ip::v4(raw.dst),
        src_port,
        dst_port,
        protocol: raw.protocol,
    };
    record.packets = u64::from(raw.packets);
    record.bytes = u64::from(raw.octets);
    record.tcp_flags = TcpFlags(raw.tcp_flags);
    record.end_reason = EndReason::Unknown;
    record.reverse = None;
    record.src_origin = Origin::default();
    record.dst_origin = Origin::default();
    record.vlan = 0;
    record.export = Some(Exported {
        domain,
        in_if: u32::from(raw.in_if),
        out_if: u32::from(raw.out_if),
        next_hop: (raw.next_hop != 0).then(|| Ip::v4(raw.next_hop)),
        src_as: u32::from(raw.src_as),
        dst_as: u32::from(raw.dst_as),
        tos: raw.tos,
        src_mask: raw.src_mask,
        dst_mask: raw.dst_mask,
        ..Exported::by(exporter)
    });
}
