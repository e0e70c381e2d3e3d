//! One flow of an nfcapd file: a header and extensions, each with its type and length, as `nfxV3.h` of nfdump 1.7 has
//! them.

use super::super::super::order::Order;
use super::super::Recorded;
use super::exporters::{Exporters, wide};
use crate::collect::{Hints, infer};
use crate::model::{EndReason, Exported, FlowKey, FlowRecord, Ip, Reverse, TcpFlags, Timestamp};
use std::time::Duration;

/// Octets of a flow's header.
const HEADER: usize = 12;
/// Octets of an extension's header.
const EXTENSION: usize = 4;
/// Packets and octets were multiplied by the sampling rate.
const SAMPLED: u8 = 2;
/// `nfversion` of sFlow has this bit.
const SFLOW: u8 = 0x80;
/// A flow that was received later than this after its end was not: nfpcapd stamps what it reads out of a capture with the
/// time of reading.
const BELIEVED: Duration = Duration::from_secs(3600);
/// What is said of flows that were sampled nobody knows how: at least one in two was left out.
const SOME: u32 = 2;

/// Types of extensions.
mod extension {
    pub const GENERIC: u16 = 1;
    pub const IPV4: u16 = 2;
    pub const IPV6: u16 = 3;
    pub const MISC: u16 = 4;
    pub const COUNTS: u16 = 5;
    pub const VLAN: u16 = 6;
    pub const AS: u16 = 7;
    pub const NEXT_HOP_V4: u16 = 10;
    pub const NEXT_HOP_V6: u16 = 11;
    pub const RECEIVED_V4: u16 = 12;
    pub const RECEIVED_V6: u16 = 13;
    pub const MPLS: u16 = 14;
    pub const SAMPLER: u16 = 18;
    pub const FIREWALL: u16 = 19;
    pub const NAT_V4: u16 = 20;
    pub const NAT_V6: u16 = 21;
    pub const NAT_PORTS: u16 = 22;
    pub const NAT_EVENT: u16 = 25;
    pub const OBSERVATION: u16 = 33;
    pub const LAYER2: u16 = 38;
}

/// What a flow's extensions said.
struct Said {
    record: FlowRecord,
    export: Exported,
    exporter: Option<Ip>,
    has_addresses: bool,
    has_counts: bool,
    /// Packets and octets of the other counters.
    out: (u64, u64),
    received: Timestamp,
    /// When an event was.
    event: Timestamp,
    /// biflowDirection (239).
    biflow: u8,
    selector: Option<u64>,
}

/// Reads one flow.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(octets: &[u8], order: Order, exporters: &Exporters) -> Result<Recorded, String> {
    let mut said = Said {
        record: FlowRecord::unknown(),
        export: Exported::by(Ip::v4(0)),
        exporter: None,
        has_addresses: false,
        has_counts: false,
        out: (0, 0),
        received: Timestamp::from_nanos(0),
        event: Timestamp::from_nanos(0),
        biflow: 0,
        selector: None,
    };
    let flags = octets.get(10).copied().unwrap_or(0);
    let version = octets.get(11).copied().unwrap_or(0);
    if let Some(known) = exporters.get(order.u16(octets, 8)) {
        said.exporter = known.ip;
        said.export.domain = known.domain;
    }
    extensions(octets, order, &mut said)?;
    if !said.has_addresses || !said.has_counts {
        return Err("a flow without addresses or without counters".to_owned());
    }
    if flags & SAMPLED != 0 {
        said.export.scaled = true;
        let known = exporters.get(order.u16(octets, 8));
        let told = known.and_then(|exporter| exporter.rate(said.selector));
        said.record.sampling_rate = match told {
            Some(rate) => rate,
            // Each of its flows is one packet that was looked at.
            None if version & SFLOW != 0 => u32::try_from(said.record.packets).unwrap_or(u32::MAX).max(1),
            None => SOME,
        };
    }
    Ok(said.settle())
}

fn extensions(octets: &[u8], order: Order, said: &mut Said) -> Result<(), String> {
    let mut rest = octets.get(HEADER..).ok_or("a flow that ends inside its header")?;
    while rest.len() >= EXTENSION {
        let (kind, length) = (order.u16(rest, 0), usize::from(order.u16(rest, 2)));
        let body = rest.get(EXTENSION..length);
        let Some(body) = body else {
            return Err(format!(
                "an extension {kind} of {length} octets where {} are left",
                rest.len()
            ));
        };
        said.hear(kind, body, order);
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

impl Said {
    /// Takes in one extension. What is missing of it is zero.
    fn hear(&mut self, kind: u16, body: &[u8], order: Order) {
        let octet = |at: usize| body.get(at).copied().unwrap_or(0);
        let (record, export) = (&mut self.record, &mut self.export);
        match kind {
            extension::GENERIC => {
                self.has_counts = true;
                (record.start, record.end) = (millis(order.u64(body, 0)), millis(order.u64(body, 8)));
                self.received = millis(order.u64(body, 16));
                (record.packets, record.bytes) = (order.u64(body, 24), order.u64(body, 32));
                (record.key.src_port, record.key.dst_port) = (order.u16(body, 40), order.u16(body, 42));
                record.key.protocol = octet(44);
                record.tcp_flags = TcpFlags(octet(45));
                export.tos = octet(47);
            }
            extension::IPV4 => {
                self.has_addresses = true;
                record.key.src = Ip::v4(order.u32(body, 0));
                record.key.dst = Ip::v4(order.u32(body, 4));
            }
            extension::IPV6 => {
                self.has_addresses = true;
                record.key.src = wide(body, 0, order);
                record.key.dst = wide(body, 16, order);
            }
            extension::MISC => {
                (export.in_if, export.out_if) = (order.u32(body, 0), order.u32(body, 4));
                (export.src_mask, export.dst_mask) = (octet(8), octet(9));
                export.direction = Some(octet(10)).filter(|direction| *direction <= 1);
                self.biflow = octet(12);
                record.end_reason = reason(octet(13));
            }
            extension::COUNTS => self.out = (order.u64(body, 8), order.u64(body, 16)),
            extension::VLAN => record.vlan = order.u32(body, 0) as u16,
            extension::LAYER2 if record.vlan == 0 => record.vlan = order.u16(body, 0),
            extension::AS => (export.src_as, export.dst_as) = (order.u32(body, 0), order.u32(body, 4)),
            _ => self.hear_more(kind, body, order),
        }
    }

    /// Takes in what few flows say.
    fn hear_more(&mut self, kind: u16, body: &[u8], order: Order) {
        let octet = |at: usize| body.get(at).copied().unwrap_or(0);
        let export = &mut self.export;
        match kind {
            extension::NEXT_HOP_V4 => export.next_hop = known(Ip::v4(order.u32(body, 0))),
            extension::NEXT_HOP_V6 => export.next_hop = known(wide(body, 0, order)),
            extension::RECEIVED_V4 => self.exporter = known(Ip::v4(order.u32(body, 0))),
            extension::RECEIVED_V6 => self.exporter = known(wide(body, 0, order)),
            extension::MPLS => export.mpls_label = order.u32(body, 0) >> 4 & 0xf_ffff,
            extension::SAMPLER => self.selector = Some(order.u64(body, 0)),
            extension::FIREWALL => {
                self.event = millis(order.u64(body, 0));
                export.event = octet(14);
            }
            extension::NAT_EVENT => {
                self.event = millis(order.u64(body, 0));
                export.event = octet(12);
            }
            extension::NAT_V4 => {
                export.nat_src = known(Ip::v4(order.u32(body, 0)));
                export.nat_dst = known(Ip::v4(order.u32(body, 4)));
            }
            extension::NAT_V6 => {
                export.nat_src = known(wide(body, 0, order));
                export.nat_dst = known(wide(body, 16, order));
            }
            extension::NAT_PORTS => {
                (export.nat_src_port, export.nat_dst_port) = (order.u16(body, 0), order.u16(body, 2));
            }
            extension::OBSERVATION => export.domain = order.u32(body, 8),
            _ => {}
        }
    }

    /// The flow that it all says.
    fn settle(mut self) -> Recorded {
        let record = &mut self.record;
        let icmp = matches!(record.key.protocol, FlowKey::ICMP | FlowKey::ICMPV6);
        if icmp {
            record.key.src_port = 0;
        }
        // The other counters are those of the other direction (responder, reverse) where there are both; alone they are
        // what left the exporter (OUT_PKTS, OUT_BYTES).
        let event = self.export.event != 0;
        match self.out {
            (0, 0) => {}
            (packets, bytes) if record.packets == 0 && record.bytes == 0 && !event && self.biflow == 0 => {
                (record.packets, record.bytes) = (packets, bytes);
            }
            (packets, bytes) => {
                record.reverse = Some(Reverse {
                    packets,
                    bytes,
                    tcp_flags: TcpFlags(0),
                });
            }
        }
        let zero = Timestamp::from_nanos(0);
        if record.start == zero {
            record.start = [self.event, record.end, self.received]
                .into_iter()
                .find(|at| *at > zero)
                .unwrap_or(zero);
        }
        record.end = record.end.max(record.start);
        record.export = self.exporter.map(|exporter| Exported {
            exporter,
            ..self.export
        });
        let hints = Hints {
            flags: true,
            both_ways: record.reverse.is_some() || event,
            biflow_direction: self.biflow,
        };
        infer(record, hints);
        let plausible = self.received >= record.end && self.received.since(record.end) <= BELIEVED;
        Recorded {
            received: if plausible { self.received } else { record.end },
            record: self.record,
        }
    }
}

/// An address, unless it stands for none.
fn known(ip: Ip) -> Option<Ip> {
    Some(ip).filter(|ip| ip.bits() != 0 && *ip != Ip::v4(0))
}

/// flowEndReason (136).
fn reason(number: u8) -> EndReason {
    match number {
        1 => EndReason::IdleTimeout,
        2 => EndReason::ActiveTimeout,
        3 => EndReason::EndOfFlow,
        4 => EndReason::ForcedEnd,
        5 => EndReason::LackOfResources,
        _ => EndReason::Unknown,
    }
}

/// Milliseconds since 1970.
fn millis(count: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}
