//! Flow Records (RFC 7011 section 2): what a Metering Process or an exporter says of one flow.

use super::{Exported, Ip, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The Flow Key (RFC 7011): the five fields that make packets one flow.
///
/// For ICMP and ICMPv6 `dst_port` holds type * 256 + code and `src_port` is 0, as NetFlow exporters do.
/// For protocols without ports both are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// sourceIPv4Address or sourceIPv6Address.
    pub src: Ip,
    /// destinationIPv4Address or destinationIPv6Address.
    pub dst: Ip,
    /// sourceTransportPort.
    pub src_port: u16,
    /// destinationTransportPort.
    pub dst_port: u16,
    /// protocolIdentifier: the IANA number.
    pub protocol: u8,
}

impl FlowKey {
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// Transmission Control Protocol.
    pub const TCP: u8 = 6;
    /// User Datagram Protocol.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// Stream Control Transmission Protocol.
    pub const SCTP: u8 = 132;

    /// The key of packets in the other direction.
    pub fn reversed(self) -> Self {
        Self {
            src: self.dst,
            dst: self.src,
            src_port: self.dst_port,
            dst_port: self.src_port,
            ..self
        }
    }
}

/// tcpControlBits (RFC 7011, element 6): the union of the flags of a flow's packets, in the low eight bits of the
/// TCP header's flags field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push function.
    pub const PSH: u8 = 0x08;
    /// Acknowledgement field significant.
    pub const ACK: u8 = 0x10;
    /// Urgent pointer field significant.
    pub const URG: u8 = 0x20;

    /// Whether all flags of `mask` are set.
    pub const fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }
}

impl fmt::Display for TcpFlags {
    /// Eight places as nfdump prints them, `.` for a flag not seen: `CEUAPRSF`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'.'; 8];
        for (bit, place) in text.iter_mut().rev().enumerate() {
            if self.0 & (1 << bit) != 0 {
                *place = b"FSRPAUEC"[bit];
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// flowEndReason (RFC 5102, element 136).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// 1: nothing came for the idle time-out.
    IdleTimeout,
    /// 2: the flow went on, but was reported after the active time-out.
    ActiveTimeout,
    /// 3: the protocol ended it (TCP FIN both ways, or RST).
    EndOfFlow,
    /// 4: metering stopped.
    ForcedEnd,
    /// 5: the cache was full.
    LackOfResources,
    /// The exporter does not say.
    Unknown,
}

impl EndReason {
    /// The name in JSON, CSV and stored flows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdleTimeout => "idle_timeout",
            Self::ActiveTimeout => "active_timeout",
            Self::EndOfFlow => "end_of_flow",
            Self::ForcedEnd => "forced_end",
            Self::LackOfResources => "lack_of_resources",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a contact attempt, as far as packets of both directions show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    /// Nothing can be said: metering began in the middle, or the protocol has no contact phase that shows.
    #[default]
    Unknown,
    /// The other side took part: a SYN was answered with SYN-ACK, or a datagram with a datagram.
    Answered,
    /// The other side refused with RST.
    Refused,
    /// The other side stayed silent.
    Unanswered,
    /// An answer (SYN-ACK, RST, or from a well-known service port) to a question that was never seen.
    Unsolicited,
}

impl Handshake {
    /// The name in JSON, CSV and stored flows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::Unsolicited => "unsolicited",
        }
    }

    /// Whether it counts as a failed contact (Jung et al. 2004): refused or unanswered.
    pub const fn failed(self) -> bool {
        matches!(self, Self::Refused | Self::Unanswered)
    }
}

/// The same flow in the other direction (RFC 5103), when packets of it were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverse {
    /// reverse packetDeltaCount.
    pub packets: u64,
    /// reverse octetDeltaCount, IP layer.
    pub bytes: u64,
    /// reverse tcpControlBits.
    pub tcp_flags: TcpFlags,
}

/// An ISO 3166-1 alpha-2 country code; two zero octets where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Country(pub [u8; 2]);

impl Country {
    /// The code as [`Country`] prints it, two capital letters or `??`; none of anything else.
    pub fn read(text: &str) -> Option<Self> {
        match *text.as_bytes() {
            [b'?', b'?'] => Some(Self::default()),
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Some(Self([a, b])),
            _ => None,
        }
    }

    /// Whether a country is known.
    pub fn is_known(self) -> bool {
        self.0 != [0, 0]
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(code) if self.is_known() => f.write_str(code),
            _ => f.write_str("??"),
        }
    }
}

/// Where an address belongs: what the AS and country databases and the configured networks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Autonomous system number; 0 where unknown (RFC 7607 reserves it).
    pub asn: u32,
    /// Country of registration.
    pub country: Country,
    /// Inside the configured networks.
    pub internal: bool,
}

/// One unidirectional Flow Record with what is known of its reverse.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRecord {
    /// What makes it one flow.
    pub key: FlowKey,
    /// flowStartNanoseconds: its first packet.
    pub start: Timestamp,
    /// flowEndNanoseconds: its last packet.
    pub end: Timestamp,
    /// packetDeltaCount, as metered or exported, not scaled by sampling.
    pub packets: u64,
    /// octetDeltaCount of the IP layer, not scaled.
    pub bytes: u64,
    /// Union of the TCP flags of this direction.
    pub tcp_flags: TcpFlags,
    /// Why it ended.
    pub end_reason: EndReason,
    /// What became of the contact, the same on both directions of a conversation.
    pub handshake: Handshake,
    /// Whether `key.src` made the contact (biflowDirection 1, initiator); on the answering direction it is false.
    pub initiator: bool,
    /// The other direction, when it was seen.
    pub reverse: Option<Reverse>,
    /// Where the source belongs.
    pub src_origin: Origin,
    /// Where the destination belongs.
    pub dst_origin: Origin,
    /// vlanId; 0 where there was none.
    pub vlan: u16,
    /// One in how many packets was looked at; 1 for all.
    pub sampling_rate: u32,
    /// What else the exporter said of it; `None` for flows metered here.
    pub export: Option<Exported>,
}

impl FlowRecord {
    /// A flow of which nothing is known: all zeros, from the one who made contact, every packet looked at.
    pub fn unknown() -> Self {
        Self {
            key: FlowKey {
                src: Ip::v4(0),
                dst: Ip::v4(0),
                src_port: 0,
                dst_port: 0,
                protocol: 0,
            },
            start: Timestamp::default(),
            end: Timestamp::default(),
            packets: 0,
            bytes: 0,
            tcp_flags: TcpFlags::default(),
            end_reason: EndReason::Unknown,
            handshake: Handshake::Unknown,
            initiator: true,
            reverse: None,
            src_origin: Origin::default(),
            dst_origin: Origin::default(),
            vlan: 0,
            sampling_rate: 1,
            export: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::{HANDSHAKES, REASONS};
    use super::*;

    #[test]
    fn names_are_those_of_the_serialised_form() {
        for reason in REASONS {
            assert_eq!(
                serde_json::to_string(&reason).unwrap(),
                format!("\"{}\"", reason.name())
            );
        }
        for shake in HANDSHAKES {
            assert_eq!(
                serde_json::to_string(&shake).unwrap(),
                format!("\"{}\"", shake.name())
            );
        }
    }

    #[test]
    fn flags_print_as_operators_know_them() {
        assert_eq!(TcpFlags(TcpFlags::SYN | TcpFlags::ACK).to_string(), "...A..S.");
        assert_eq!(TcpFlags(0xff).to_string(), "CEUAPRSF");
    }

    #[test]
    fn reversing_twice_is_the_same_key() {
        let key = FlowKey {
            src: Ip::v4(1),
            dst: Ip::v4(2),
            src_port: 3,
            dst_port: 4,
            protocol: FlowKey::TCP,
        };
        assert_eq!(key.reversed().reversed(), key);
        assert_ne!(key.reversed(), key);
    }
}
