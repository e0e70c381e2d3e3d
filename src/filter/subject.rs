//! What a filter can be asked about: Flow Records and conversations.

use super::Outcome;
use crate::model::{Conversation, FlowKey, FlowRecord, Handshake, Ip, Origin, Role, TcpFlags};
use std::time::Duration;

/// Something with the fields of a flow. `None` where it does not have the field.
pub trait Subject {
    /// Source address.
    fn src(&self) -> Ip;
    /// Destination address.
    fn dst(&self) -> Ip;
    /// IANA protocol number.
    fn protocol(&self) -> u8;
    /// Source port, of protocols that have ports.
    fn src_port(&self) -> Option<u16>;
    /// Destination port, of protocols that have ports.
    fn dst_port(&self) -> Option<u16>;
    /// Type and code of an ICMP or ICMPv6 message.
    fn icmp(&self) -> Option<(u8, u8)>;
    /// Packets.
    fn packets(&self) -> u64;
    /// Octets of the IP layer.
    fn bytes(&self) -> u64;
    /// Flows: 1 for a Flow Record.
    fn flows(&self) -> u64;
    /// Union of the TCP flags; `None` unless it is TCP.
    fn tcp_flags(&self) -> Option<TcpFlags>;
    /// Time from the first packet to the last.
    fn duration(&self) -> Option<Duration>;
    /// Where the source belongs.
    fn src_origin(&self) -> Origin;
    /// Where the destination belongs.
    fn dst_origin(&self) -> Origin;
    /// The VLAN it was seen on.
    fn vlan(&self) -> Option<u16>;
    /// Which way its packets go.
    fn role(&self) -> Option<Role>;
    /// Who exported it.
    fn exporter(&self) -> Option<Ip> {
        None
    }
    /// The interfaces it came in and went out by, where it was exported.
    fn interfaces(&self) -> Option<(u32, u32)> {
        None
    }
    /// Whether its contact ended so; for an aggregate, whether one of its flows did.
    fn outcome(&self, outcome: Outcome) -> bool;
}

/// Whether the protocol's first 32 bits are two ports: TCP, UDP, DCCP, SCTP, UDP-Lite.
pub(super) const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, FlowKey::TCP | FlowKey::UDP | 33 | FlowKey::SCTP | 136)
}

pub(super) const fn is_icmp(protocol: u8) -> bool {
    matches!(protocol, FlowKey::ICMP | FlowKey::ICMPV6)
}

impl Subject for FlowRecord {
    #[inline]
    fn src(&self) -> Ip {
        self.key.src
    }
    #[inline]
    fn dst(&self) -> Ip {
        self.key.dst
    }
    #[inline]
    fn protocol(&self) -> u8 {
        self.key.protocol
    }
    #[inline]
    fn src_port(&self) -> Option<u16> {
        has_ports(self.key.protocol).then_some(self.key.src_port)
    }
    #[inline]
    fn dst_port(&self) -> Option<u16> {
        has_ports(self.key.protocol).then_some(self.key.dst_port)
    }
    fn icmp(&self) -> Option<(u8, u8)> {
        is_icmp(self.key.protocol).then_some(self.key.dst_port.to_be_bytes().into())
    }
    #[inline]
    fn packets(&self) -> u64 {
        self.packets
    }
    #[inline]
    fn bytes(&self) -> u64 {
        self.bytes
    }
    fn flows(&self) -> u64 {
        1
    }
    #[inline]
    fn tcp_flags(&self) -> Option<TcpFlags> {
        (self.key.protocol == FlowKey::TCP).then_some(self.tcp_flags)
    }
    fn duration(&self) -> Option<Duration> {
        Some(self.end.since(self.start))
    }
    #[inline]
    fn src_origin(&self) -> Origin {
        self.src_origin
    }
    #[inline]
    fn dst_origin(&self) -> Origin {
        self.dst_origin
    }
    fn vlan(&self) -> Option<u16> {
        (self.vlan != 0).then_some(self.vlan)
    }
    fn role(&self) -> Option<Role> {
        Some(if self.initiator {
            Role::Request
        } else {
            Role::Reply
        })
    }
    fn exporter(&self) -> Option<Ip> {
        self.export.map(|export| export.exporter)
    }
    fn interfaces(&self) -> Option<(u32, u32)> {
        self.export.map(|export| (export.in_if, export.out_if))
    }
    fn outcome(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Failed => self.handshake.failed(),
            Outcome::Answered => self.handshake == Handshake::Answered,
            Outcome::Unsolicited => self.handshake == Handshake::Unsolicited,
        }
    }
}

impl Subject for Conversation {
    #[inline]
    fn src(&self) -> Ip {
        self.key.src
    }
    #[inline]
    fn dst(&self) -> Ip {
        self.key.dst
    }
    #[inline]
    fn protocol(&self) -> u8 {
        self.key.protocol
    }
    #[inline]
    fn src_port(&self) -> Option<u16> {
        self.key.src_port().filter(|_| has_ports(self.key.protocol))
    }
    #[inline]
    fn dst_port(&self) -> Option<u16> {
        self.key.dst_port().filter(|_| has_ports(self.key.protocol))
    }
    fn icmp(&self) -> Option<(u8, u8)> {
        is_icmp(self.key.protocol).then_some(self.key.port.to_be_bytes().into())
    }
    #[inline]
    fn packets(&self) -> u64 {
        self.counters.packets
    }
    #[inline]
    fn bytes(&self) -> u64 {
        self.counters.bytes
    }
    fn flows(&self) -> u64 {
        u64::from(self.counters.flows)
    }
    fn tcp_flags(&self) -> Option<TcpFlags> {
        None
    }
    fn duration(&self) -> Option<Duration> {
        None
    }
    #[inline]
    fn src_origin(&self) -> Origin {
        self.src_origin
    }
    #[inline]
    fn dst_origin(&self) -> Origin {
        self.dst_origin
    }
    fn vlan(&self) -> Option<u16> {
        None
    }
    fn role(&self) -> Option<Role> {
        Some(self.key.role)
    }
    fn outcome(&self, outcome: Outcome) -> bool {
        let count = match outcome {
            Outcome::Failed => self.counters.failed,
            Outcome::Answered => self.counters.answered,
            Outcome::Unsolicited => self.counters.unsolicited,
        };
        count > 0
    }
}
