//! The fields of stored Flow Records: their names, and what their values are.

use super::{EndReason, Handshake};

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Microseconds since 1970, UTC.
    Time,
    /// An amount of 64 bits.
    Count,
    /// A number that names something: a port, an AS, an interface.
    Number,
    /// The 128 bits of an [`Ip`](super::Ip); 0 (`::`) where there is none.
    Address,
    /// The two octets of a [`Country`](super::Country) as a number, 0 where unknown.
    Country,
    /// One of some words; the value is its place among [`Field::words`].
    Word,
    /// 0 or 1.
    Truth,
}

macro_rules! fields {
    ($($variant:ident $name:literal $kind:ident $what:literal,)*) => {
        /// A field of a Flow Record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = $what] $variant,)*
        }

        impl Field {
            /// All, in the order in which they are stored.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in files, as JSON lines have it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What its values are.
            pub const fn kind(self) -> FieldKind {
                match self { $(Self::$variant => FieldKind::$kind,)* }
            }
        }
    };
}

fields! {
    Start "start" Time "First packet.",
    End "end" Time "Last packet.",
    Received "received" Time "When it was told of: arrival of its message, or the moment metering ended it.",
    SrcIp "src_ip" Address "Source address.",
    DstIp "dst_ip" Address "Destination address.",
    SrcPort "src_port" Number "Source port.",
    DstPort "dst_port" Number "Destination port; type * 256 + code of ICMP.",
    Protocol "protocol" Number "IANA protocol number.",
    Packets "packets" Count "Packets, not scaled by sampling.",
    Bytes "bytes" Count "Octets of the IP layer, not scaled.",
    Flows "flows" Count "Flow Records it stands for: 1, or more in summaries.",
    TcpFlags "tcp_flags" Number "Union of the TCP flags.",
    EndReason "end_reason" Word "Why it ended.",
    Handshake "handshake" Word "What became of the contact.",
    Initiator "initiator" Truth "Whether the source made the contact.",
    ReversePackets "reverse_packets" Count "Packets of the other direction, 0 where it was not seen.",
    ReverseBytes "reverse_bytes" Count "Octets of the other direction.",
    ReverseTcpFlags "reverse_tcp_flags" Number "TCP flags of the other direction.",
    SrcAs "src_as" Number "Autonomous system of the source, 0 where unknown.",
    DstAs "dst_as" Number "Autonomous system of the destination.",
    SrcCountry "src_country" Country "Country of the source.",
    DstCountry "dst_country" Country "Country of the destination.",
    SrcInternal "src_internal" Truth "Whether the source is inside the configured networks.",
    DstInternal "dst_internal" Truth "Whether the destination is.",
    Vlan "vlan" Number "vlanId, 0 where there was none.",
    SamplingRate "sampling_rate" Number "One in how many packets was looked at.",
    Scaled "scaled" Truth "Whether the exporter has multiplied by the sampling rate already.",
    Exporter "exporter" Address "Who exported it; none where it was metered here.",
    Agent "agent" Address "The sFlow agent as it names itself.",
    ObservationDomain "observation_domain" Number "observationDomainId and its like.",
    InIf "in_if" Number "ingressInterface.",
    OutIf "out_if" Number "egressInterface.",
    NextHop "next_hop" Address "ipNextHopAddress.",
    ExportedSrcAs "exported_src_as" Number "bgpSourceAsNumber as exported.",
    ExportedDstAs "exported_dst_as" Number "bgpDestinationAsNumber as exported.",
    NatSrcIp "nat_src_ip" Address "postNATSourceAddress.",
    NatDstIp "nat_dst_ip" Address "postNATDestinationAddress.",
    NatSrcPort "nat_src_port" Number "postNAPTSourceTransportPort.",
    NatDstPort "nat_dst_port" Number "postNAPTDestinationTransportPort.",
    MplsLabel "mpls_label" Number "Topmost MPLS label.",
    Tos "tos" Number "ipClassOfService.",
    SrcMask "src_mask" Number "Prefix length of the source's route.",
    DstMask "dst_mask" Number "Prefix length of the destination's route.",
    FlowDirection "flow_direction" Word "flowDirection, where the exporter says it.",
    Event "event" Number "firewallEvent or natEvent, 0 for ordinary flows.",
}

/// Reasons in the order of their codes.
pub(super) const REASONS: [EndReason; 6] = [
    EndReason::Unknown,
    EndReason::IdleTimeout,
    EndReason::ActiveTimeout,
    EndReason::EndOfFlow,
    EndReason::ForcedEnd,
    EndReason::LackOfResources,
];
/// Outcomes of contacts in the order of their codes.
pub(super) const HANDSHAKES: [Handshake; 5] = [
    Handshake::Unknown,
    Handshake::Answered,
    Handshake::Refused,
    Handshake::Unanswered,
    Handshake::Unsolicited,
];

impl Field {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The code of a reason in [`Field::EndReason`].
    pub fn code_of_reason(reason: EndReason) -> u8 {
        place(&REASONS, &reason)
    }

    /// The code of an outcome in [`Field::Handshake`].
    pub fn code_of_handshake(handshake: Handshake) -> u8 {
        place(&HANDSHAKES, &handshake)
    }

    /// The words of a field of [`FieldKind::Word`], by code; none for others.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::EndReason => {
                &const {
                    let [a, b, c, d, e, f] = REASONS;
                    [a.name(), b.name(), c.name(), d.name(), e.name(), f.name()]
                }
            }
            Self::Handshake => {
                &const {
                    let [a, b, c, d, e] = HANDSHAKES;
                    [a.name(), b.name(), c.name(), d.name(), e.name()]
                }
            }
            Self::FlowDirection => &["unknown", "ingress", "egress"],
            _ => &[],
        }
    }
}

/// The place of `choice` among `choices`.
pub(super) fn place<T: PartialEq>(choices: &[T], choice: &T) -> u8 {
    choices.iter().position(|other| other == choice).unwrap_or(0) as u8
}
