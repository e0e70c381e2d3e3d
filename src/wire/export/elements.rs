//! Which Information Element says what: the IANA registry of IPFIX elements, elements of NetFlow v9 beyond it, and
//! those of makers that say what the registry has no word for.

use super::plan::Unit;
use super::template::Field;
use super::{Number, Section, Version, Wide};

/// Where the value of a field goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Number(Number),
    /// An IPv4 address: four octets, no other length.
    Address(Number),
    Wide(Wide),
    Section(Section),
}

/// RFC 5103 section 6.1: elements of this enterprise are those of the registry for the reverse direction.
const REVERSE: u32 = 29305;
/// CERT, the makers of YAF.
const CERT: u32 = 6871;

/// What a field is for, with its rank among fields for the same thing; 0 is the best.
pub(super) fn element(version: Version, field: Field) -> Option<(Target, u8)> {
    // Scopes of NetFlow v9 have numbers of their own (RFC 3954 section 6.1: system, interface, line card, cache,
    // Template), which are no elements. Some exporters put elements there none the less.
    if version == Version::V9 && field.scope && field.id <= 5 {
        return None;
    }
    match field.enterprise {
        0 => counter(field.id)
            .or_else(|| key(field.id))
            .or_else(|| address(field.id))
            .or_else(|| nature(field.id))
            .or_else(|| path(field.id))
            .or_else(|| translated(field.id))
            .or_else(|| time(field.id).map(|(number, _, rank)| (Target::Number(number), rank)))
            .or_else(|| sampling(field.id))
            .or_else(|| section(field.id)),
        REVERSE => reverse(field.id),
        CERT => cert(field.id),
        _ => None,
    }
}

fn counter(id: u16) -> Option<(Target, u8)> {
    let (number, rank) = match id {
        1 => (Number::Octets, 0),  // octetDeltaCount
        85 => (Number::Octets, 2), // octetTotalCount; the sum of both directions beside 231 (Cisco ASA)
        // Initiator and responder (Cisco ASA, IOS): a biflow whose source is the initiator.
        231 => (Number::Octets, 1),
        232 => (Number::ReverseOctets, 1),
        298 => (Number::Packets, 1),
        299 => (Number::ReversePackets, 1),
        352 => (Number::Octets, 3), // layer2OctetDeltaCount
        2 => (Number::Packets, 0),  // packetDeltaCount
        86 => (Number::Packets, 2), // packetTotalCount
        // Counted on the way out (OUT_BYTES, OUT_PKTS).
        23 => (Number::PostOctets, 0),
        24 => (Number::PostPackets, 0),
        171 => (Number::PostOctets, 1),
        172 => (Number::PostPackets, 1),
        _ => return None,
    };
    Some((Target::Number(number), rank))
}

fn key(id: u16) -> Option<(Target, u8)> {
    let (number, rank) = match id {
        4 => (Number::Protocol, 0),
        193 => (Number::Protocol, 1), // nextHeaderIPv6
        7 => (Number::SrcPort, 0),
        11 => (Number::DstPort, 0),
        182 => (Number::SrcPort, 1), // tcpSourcePort
        183 => (Number::DstPort, 1),
        180 => (Number::SrcPort, 2), // udpSourcePort
        181 => (Number::DstPort, 2),
        32 => (Number::Icmp, 0),      // icmpTypeCodeIPv4
        139 => (Number::Icmp, 1),     // icmpTypeCodeIPv6
        176 => (Number::IcmpType, 0), // icmpTypeIPv4
        178 => (Number::IcmpType, 1),
        177 => (Number::IcmpCode, 0),
        179 => (Number::IcmpCode, 1),
        _ => return None,
    };
    Some((Target::Number(number), rank))
}

fn address(id: u16) -> Option<(Target, u8)> {
    Some(match id {
        8 => (Target::Address(Number::Src), 0),
        12 => (Target::Address(Number::Dst), 0),
        27 => (Target::Wide(Wide::Src), 0),
        28 => (Target::Wide(Wide::Dst), 0),
        15 => (Target::Address(Number::NextHop), 0),
        18 => (Target::Address(Number::NextHop), 1), // bgpNextHopIPv4Address
        62 => (Target::Wide(Wide::NextHop), 0),
        63 => (Target::Wide(Wide::NextHop), 1),
        _ => return None,
    })
}

fn nature(id: u16) -> Option<(Target, u8)> {
    let (number, rank) = match id {
        6 => (Number::Flags, 0),
        5 => (Number::Tos, 0),
        61 => (Number::Direction, 0),
        136 => (Number::EndReason, 0),
        239 => (Number::BiflowDirection, 0),
        233 => (Number::Event, 0),   // firewallEvent
        40005 => (Number::Event, 1), // NF_F_FW_EVENT of older Cisco ASA
        230 => (Number::Event, 2),   // natEvent
        _ => return None,
    };
    Some((Target::Number(number), rank))
}

fn path(id: u16) -> Option<(Target, u8)> {
    let (number, rank) = match id {
        10 => (Number::InIf, 0),
        252 => (Number::InIf, 1), // ingressPhysicalInterface
        14 => (Number::OutIf, 0),
        253 => (Number::OutIf, 1),
        16 => (Number::SrcAs, 0),
        17 => (Number::DstAs, 0),
        9 => (Number::SrcMask, 0),
        29 => (Number::SrcMask, 1), // sourceIPv6PrefixLength
        13 => (Number::DstMask, 0),
        30 => (Number::DstMask, 1),
        58 => (Number::Vlan, 0),
        243 => (Number::Vlan, 1), // dot1qVlanId
        59 => (Number::Vlan, 2),  // postVlanId
        254 => (Number::Vlan, 3), // postDot1qVlanId
        70 => (Number::Mpls, 0),  // mplsTopLabelStackSection
        _ => return None,
    };
    Some((Target::Number(number), rank))
}

fn translated(id: u16) -> Option<(Target, u8)> {
    Some(match id {
        225 => (Target::Address(Number::NatSrc), 0),
        226 => (Target::Address(Number::NatDst), 0),
        227 => (Target::Number(Number::NatSrcPort), 0),
        228 => (Target::Number(Number::NatDstPort), 0),
        281 => (Target::Wide(Wide::NatSrc), 0),
        282 => (Target::Wide(Wide::NatDst), 0),
        // NF_F_XLATE_... of older Cisco ASA.
        40001 => (Target::Address(Number::NatSrc), 1),
        40002 => (Target::Address(Number::NatDst), 1),
        40003 => (Target::Number(Number::NatSrcPort), 1),
        40004 => (Target::Number(Number::NatDstPort), 1),
        _ => return None,
    })
}

/// What a time says, in which unit, and its rank. The finer wins; times by the exporter's clock win over those since
/// its start; the time of an event is the last resort.
fn time(id: u16) -> Option<(Number, Unit, u8)> {
    Some(match id {
        156 => (Number::Start, Unit::NtpNanos, 0),
        154 => (Number::Start, Unit::NtpMicros, 1),
        152 => (Number::Start, Unit::Millis, 2),
        150 => (Number::Start, Unit::Seconds, 3),
        158 => (Number::Start, Unit::MicrosBefore, 4),
        22 => (Number::Start, Unit::Uptime, 5),
        157 => (Number::End, Unit::NtpNanos, 0),
        155 => (Number::End, Unit::NtpMicros, 1),
        153 => (Number::End, Unit::Millis, 2),
        151 => (Number::End, Unit::Seconds, 3),
        159 => (Number::End, Unit::MicrosBefore, 4),
        21 => (Number::End, Unit::Uptime, 5),
        // observationTime...: of events, among them those of Cisco NSEL.
        325 => (Number::End, Unit::NtpNanos, 6),
        324 => (Number::End, Unit::NtpMicros, 7),
        323 => (Number::End, Unit::Millis, 8),
        322 => (Number::End, Unit::Seconds, 9),
        162 => (Number::Duration, Unit::MicrosBefore, 0), // flowDurationMicroseconds
        161 => (Number::Duration, Unit::Millis, 1),
        160 => (Number::SystemStart, Unit::Millis, 0), // systemInitTimeMilliseconds
        _ => return None,
    })
}

/// The unit of a time.
pub(super) fn unit(id: u16) -> Option<Unit> {
    time(id).map(|(_, unit, _)| unit)
}

fn sampling(id: u16) -> Option<(Target, u8)> {
    let (number, rank) = match id {
        302 => (Number::Sampler, 0), // selectorId
        48 => (Number::Sampler, 1),  // samplerId
        34 => (Number::SamplingInterval, 0),
        50 => (Number::SamplingInterval, 1), // samplerRandomInterval
        305 => (Number::SamplingPackets, 0), // samplingPacketInterval: so many are looked at,
        306 => (Number::SamplingSpace, 0),   // samplingPacketSpace: then so many are not
        309 => (Number::SampleSize, 0),
        310 => (Number::SamplePopulation, 0),
        312 => (Number::FrameSize, 0), // dataLinkFrameSize
        103 => (Number::FrameSize, 1), // layer2packetSectionSize
        _ => return None,
    };
    Some((Target::Number(number), rank))
}

fn section(id: u16) -> Option<(Target, u8)> {
    Some(match id {
        315 => (Target::Section(Section::Ethernet), 0), // dataLinkFrameSection
        104 => (Target::Section(Section::Ethernet), 1), // layer2packetSectionData
        313 => (Target::Section(Section::Ip), 2),       // ipHeaderPacketSection
        _ => return None,
    })
}

fn reverse(id: u16) -> Option<(Target, u8)> {
    let (number, rank) = match id {
        1 => (Number::ReverseOctets, 0),
        85 => (Number::ReverseOctets, 2),
        2 => (Number::ReversePackets, 0),
        86 => (Number::ReversePackets, 2),
        6 => (Number::ReverseFlags, 0),
        _ => return None,
    };
    Some((Target::Number(number), rank))
}

/// YAF splits the flags: those of the first packet, and the union of the later ones. The upper bit of a reversed
/// element is 0x4000.
fn cert(id: u16) -> Option<(Target, u8)> {
    let (number, rank) = match id {
        14 => (Number::FirstFlags, 0),
        15 => (Number::Flags, 1),
        0x400e => (Number::ReverseFirstFlags, 0),
        0x400f => (Number::ReverseFlags, 1),
        _ => return None,
    };
    Some((Target::Number(number), rank))
}
