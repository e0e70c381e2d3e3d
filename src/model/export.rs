//! Flow export as it arrives, and what an exporter says of a flow beyond its key and counters.

use super::{Ip, Timestamp};
use std::fmt;

/// What carried a message of flow export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// One datagram, one message.
    Udp,
    /// A stream of IPFIX messages (RFC 7011 section 10.4).
    Tcp,
}

/// One message of flow export with the Transport Session (RFC 7011 section 2) it came over.
#[derive(Clone, Copy, Debug)]
pub struct ExportMessage<'a> {
    /// When it arrived: capture time in a replay.
    pub at: Timestamp,
    /// Address of the Exporter, as the transport shows it.
    pub exporter: Ip,
    /// Port it was sent from.
    pub source_port: u16,
    /// Port it was sent to.
    pub collector_port: u16,
    /// What carried it.
    pub transport: Transport,
    /// The message from its version field on.
    pub octets: &'a [u8],
}

/// What a Flow Record says when an exporter sent it; zero and `None` where the record does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Address of the Exporter, as the transport shows it.
    pub exporter: Ip,
    /// Address of the sFlow agent as it names itself, which a relay or NAT does not change.
    pub agent: Option<Ip>,
    /// observationDomainId, source ID (NetFlow v9), engine type and ID (v5, v7), sub-agent ID (sFlow).
    pub domain: u32,
    /// ingressInterface.
    pub in_if: u32,
    /// egressInterface.
    pub out_if: u32,
    /// ipNextHopIPv4Address or ipNextHopIPv6Address.
    pub next_hop: Option<Ip>,
    /// bgpSourceAsNumber.
    pub src_as: u32,
    /// bgpDestinationAsNumber.
    pub dst_as: u32,
    /// postNATSourceIPv4Address or its IPv6 sibling.
    pub nat_src: Option<Ip>,
    /// postNATDestinationIPv4Address or its IPv6 sibling.
    pub nat_dst: Option<Ip>,
    /// postNAPTSourceTransportPort.
    pub nat_src_port: u16,
    /// postNAPTDestinationTransportPort.
    pub nat_dst_port: u16,
    /// Topmost MPLS label with its experimental bits and bottom flag cut off: 20 bits.
    pub mpls_label: u32,
    /// ipClassOfService.
    pub tos: u8,
    /// sourceIPv4PrefixLength or its IPv6 sibling.
    pub src_mask: u8,
    /// destinationIPv4PrefixLength or its IPv6 sibling.
    pub dst_mask: u8,
    /// flowDirection (element 61): 0 ingress, 1 egress; `None` where not said.
    pub direction: Option<u8>,
    /// firewallEvent (element 233) or natEvent (230) of event records (Cisco NSEL, NEL): 1 created, 2 deleted,
    /// 3 denied, 5 updated; 0 for ordinary flows.
    pub event: u8,
    /// Whether packets and bytes are already scaled by the exporter, so that `sampling_rate` must not be applied.
    pub scaled: bool,
}

impl Exported {
    /// A record of `exporter` that says nothing more.
    pub fn by(exporter: Ip) -> Self {
        Self {
            exporter,
            agent: None,
            domain: 0,
            in_if: 0,
            out_if: 0,
            next_hop: None,
            src_as: 0,
            dst_as: 0,
            nat_src: None,
            nat_dst: None,
            nat_src_port: 0,
            nat_dst_port: 0,
            mpls_label: 0,
            tos: 0,
            src_mask: 0,
            dst_mask: 0,
            direction: None,
            event: 0,
            scaled: false,
        }
    }
}

/// What kind of trouble a message of flow export gave; each kind has a counter per exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExportTrouble {
    /// It is none of NetFlow v5, v7, v9, IPFIX or sFlow v5.
    UnknownVersion,
    /// The message ends inside a header, a Set or a record.
    Cut,
    /// A length, count or field contradicts the rest of the message; what it spoils is one Set or sample.
    Malformed,
    /// Data whose Template has not come, and for which there was no room to wait.
    UnknownTemplate,
    /// A Template that cannot be used, or for which there was no room.
    BadTemplate,
    /// Sent from an address that no exporter may use.
    Refused,
}

impl ExportTrouble {
    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownVersion => "unknown_version",
            Self::Cut => "cut_message",
            Self::Malformed => "malformed_set",
            Self::UnknownTemplate => "unknown_template",
            Self::BadTemplate => "bad_template",
            Self::Refused => "refused_exporter",
        }
    }
}

/// Bad flow export, named: which exporter, where in its message, and what.
///
/// Reads as `192.0.2.1 domain 7: octet 40: Set 256 of 12 octets ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFault {
    /// For counting.
    pub kind: ExportTrouble,
    /// Who sent it.
    pub exporter: Ip,
    /// Observation Domain, where known.
    pub domain: u32,
    /// Offset in the message.
    pub offset: u32,
    /// What is wrong, in words.
    pub what: String,
}

impl fmt::Display for ExportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            exporter,
            domain,
            offset,
            what,
            ..
        } = self;
        write!(f, "exporter {exporter} domain {domain}: octet {offset}: {what}")
    }
}

impl std::error::Error for ExportFault {}
