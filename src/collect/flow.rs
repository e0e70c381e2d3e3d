//! From the fields of a Data Record to a Flow Record, times aside.

use super::contact::Hints;
use crate::model::{EndReason, Exported, FlowKey, FlowRecord, Ip, LinkType, Origin, Reverse, TcpFlags};
use crate::wire::export::{Fields, Number, Plan, Section, Version, Wide};
use crate::wire::{Decap, decode};

/// Who says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub exporter: Ip,
    pub domain: u32,
    pub version: Version,
}

/// Makes `record` what `fields`, read by `plan` from `octets`, say; all but times, sampling rate, initiator and
/// handshake. `None` where there is no address pair: then it is no flow, and `record` is in between.
#[inline]
pub(super) fn fill(
    record: &mut FlowRecord,
    source: Source,
    plan: &Plan,
    fields: &Fields,
    octets: &[u8],
) -> Option<Hints> {
    let mut hints = Hints {
        flags: fields.has(Number::Flags) || fields.has(Number::FirstFlags),
        both_ways: false,
        biflow_direction: small(fields, Number::BiflowDirection),
    };
    record.vlan = (fields.either(Number::Vlan, Number::VlanSecond) & 0xfff) as u16;
    record.tcp_flags = TcpFlags((fields.number(Number::Flags) | fields.number(Number::FirstFlags)) as u8);
    record.packets = fields.either(Number::Packets, Number::PacketsSecond);
    record.bytes = fields.either(Number::Octets, Number::OctetsSecond);
    match addresses(fields) {
        Some((src, dst)) => record.key = key(src, dst, fields),
        None if from_section(record, &mut hints, plan, fields, octets).is_some() => {}
        // Zeros where addresses should be are all that is said.
        None if fields.has(Number::Src) && fields.has(Number::Dst) => {
            record.key = key(Ip::v4(0), Ip::v4(0), fields);
        }
        None if plan.has_wide_pair() => record.key = key(Ip::from_bits(0), Ip::from_bits(0), fields),
        None => return None,
    }
    both_directions(record, &mut hints, source.version, fields);
    record.end_reason = end_reason(fields.number(Number::EndReason));
    record.src_origin = Origin::default();
    record.dst_origin = Origin::default();
    record.export = Some(exported(source, fields));
    Some(hints)
}

/// The address pair: IPv4's, or where it has none, IPv6's. Templates for both families leave the other's at zero.
#[inline]
fn addresses(fields: &Fields) -> Option<(Ip, Ip)> {
    let (src, dst) = (fields.number(Number::Src), fields.number(Number::Dst));
    if src | dst != 0 && fields.has(Number::Src) && fields.has(Number::Dst) {
        return Some((Ip::v4(src as u32), Ip::v4(dst as u32)));
    }
    let (src, dst) = (fields.wide(Wide::Src), fields.wide(Wide::Dst));
    (src | dst != 0).then(|| (Ip::from_bits(src), Ip::from_bits(dst)))
}

#[inline]
fn key(src: Ip, dst: Ip, fields: &Fields) -> FlowKey {
    let protocol = small(fields, Number::Protocol);
    let src_port = fields.either(Number::SrcPort, Number::SrcPortSecond) as u16;
    let dst_port = fields.either(Number::DstPort, Number::DstPortSecond) as u16;
    let (src_port, dst_port) = match Ports::of(protocol) {
        Ports::Both => (src_port, dst_port),
        Ports::Icmp => (0, icmp_port(dst_port, fields)),
        // Some exporters read the octets behind the header as ports none the less.
        Ports::None if fields.has(Number::Protocol) => (0, 0),
        Ports::None => (src_port, dst_port),
    };
    FlowKey {
        src,
        dst,
        src_port,
        dst_port,
        protocol,
    }
}

/// What the ports of a Flow Key hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// Both ports.
    Both,
    /// Type and code in the destination's.
    Icmp,
    /// Nothing.
    None,
}

impl Ports {
    /// By protocol: TCP, UDP, DCCP (RFC 4340), SCTP and UDP-Lite (RFC 3828) have ports. Of protocols that IANA has
    /// not assigned (from 146 on) nobody knows, so what is said stays.
    #[inline]
    pub fn of(protocol: u8) -> Self {
        match protocol {
            FlowKey::TCP | FlowKey::UDP | 33 | FlowKey::SCTP | 136 | 146.. => Self::Both,
            FlowKey::ICMP | FlowKey::ICMPV6 => Self::Icmp,
            _ => Self::None,
        }
    }
}

/// Type * 256 + code, from whichever field has it.
fn icmp_port(dst_port: u16, fields: &Fields) -> u16 {
    let whole = fields.either(Number::Icmp, Number::IcmpSecond);
    if whole != 0 {
        return whole as u16;
    }
    let kind = fields.either(Number::IcmpType, Number::IcmpTypeSecond);
    let code = fields.either(Number::IcmpCode, Number::IcmpCodeSecond);
    match (kind << 8 | code & 0xff) as u16 {
        0 => dst_port,
        port => port,
    }
}

/// Takes the Flow Key from a raw section of a packet (RFC 7133), and counters where the record has none.
fn from_section(
    record: &mut FlowRecord,
    hints: &mut Hints,
    plan: &Plan,
    fields: &Fields,
    octets: &[u8],
) -> Option<()> {
    let place = fields.number(Number::Section);
    let (from, length) = ((place >> 32) as usize, (place & 0xffff_ffff) as usize);
    let link = match plan.section()? {
        Section::Ethernet => LinkType(1),
        Section::Ip => LinkType(101),
    };
    let section = octets.get(from..from + length)?;
    let original = fields.number(Number::FrameSize).max(length as u64);
    let original = u32::try_from(original).unwrap_or(u32::MAX);
    let packet = decode(link, section, original, Decap::default()).ok()?;
    record.key = packet.key;
    if record.vlan == 0 {
        record.vlan = packet.vlan;
    }
    if !hints.flags {
        (record.tcp_flags, hints.flags) = (packet.tcp_flags, true);
    }
    if record.packets == 0 {
        record.packets = 1;
    }
    if record.bytes == 0 {
        record.bytes = u64::from(packet.bytes);
    }
    Some(())
}

/// The other direction, and counters on the way out.
///
/// NetFlow v9 calls elements 23 and 24 OUT_BYTES and OUT_PKTS, and several makers (ntop, Fortinet, SonicWall) count
/// the answers in them. Where both are there and differ they are taken for the reverse; where nothing was counted on
/// the way in, for the flow itself.
#[inline]
fn both_directions(record: &mut FlowRecord, hints: &mut Hints, version: Version, fields: &Fields) {
    let mut packets = fields.number(Number::ReversePackets);
    let mut bytes = fields.number(Number::ReverseOctets);
    hints.both_ways = fields.has(Number::ReverseOctets) || fields.has(Number::ReversePackets);
    let post = (
        fields.number(Number::PostPackets),
        fields.number(Number::PostOctets),
    );
    if !hints.both_ways && post.1 != 0 {
        if record.bytes == 0 {
            record.bytes = post.1;
            if post.0 != 0 {
                record.packets = post.0;
            }
        } else if version == Version::V9 && record.bytes != post.1 {
            (packets, bytes) = post;
            hints.both_ways = true;
        }
    }
    if record.packets == 0 && !hints.both_ways {
        record.packets = post.0;
    }
    let flags = fields.number(Number::ReverseFlags) | fields.number(Number::ReverseFirstFlags);
    record.reverse = (packets | bytes != 0).then_some(Reverse {
        packets,
        bytes,
        tcp_flags: TcpFlags(flags as u8),
    });
}

/// flowEndReason (RFC 5102 section 5.11.3).
fn end_reason(value: u64) -> EndReason {
    match value {
        1 => EndReason::IdleTimeout,
        2 => EndReason::ActiveTimeout,
        3 => EndReason::EndOfFlow,
        4 => EndReason::ForcedEnd,
        5 => EndReason::LackOfResources,
        _ => EndReason::Unknown,
    }
}

#[inline]
fn exported(source: Source, fields: &Fields) -> Exported {
    let address = |v4: Number, v6: Wide| match (fields.number(v4), fields.wide(v6)) {
        (0, 0) => None,
        (0, wide) => Some(Ip::from_bits(wide)),
        (bits, _) => Some(Ip::v4(bits as u32)),
    };
    Exported {
        exporter: source.exporter,
        agent: None,
        domain: source.domain,
        in_if: fields.number(Number::InIf) as u32,
        out_if: fields.number(Number::OutIf) as u32,
        next_hop: address(Number::NextHop, Wide::NextHop),
        src_as: fields.number(Number::SrcAs) as u32,
        dst_as: fields.number(Number::DstAs) as u32,
        nat_src: address(Number::NatSrc, Wide::NatSrc),
        nat_dst: address(Number::NatDst, Wide::NatDst),
        nat_src_port: fields.number(Number::NatSrcPort) as u16,
        nat_dst_port: fields.number(Number::NatDstPort) as u16,
        // Label, experimental bits and the bottom flag: 20, 3 and 1 bits (RFC 3032 section 2.1).
        mpls_label: (fields.number(Number::Mpls) >> 4) as u32 & 0xf_ffff,
        tos: small(fields, Number::Tos),
        src_mask: fields.either(Number::SrcMask, Number::SrcMaskSecond) as u8,
        dst_mask: fields.either(Number::DstMask, Number::DstMaskSecond) as u8,
        direction: fields
            .has(Number::Direction)
            .then(|| small(fields, Number::Direction)),
        event: small(fields, Number::Event),
        scaled: false,
    }
}

/// A number of one octet.
#[inline]
fn small(fields: &Fields, of: Number) -> u8 {
    fields.number(of) as u8
}
