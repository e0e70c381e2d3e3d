//! Why a frame is no packet: ordinary (it carries no IP) or a fault, named with its layer and octet.

use crate::model::{FaultKind, LinkType};
use std::fmt;

/// A header, as an operator would name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// Ethernet II or IEEE 802.3.
    Ethernet,
    /// IEEE 802.1Q or 802.1ad tag.
    Vlan,
    /// IEEE 802.1ah backbone service instance tag.
    Backbone,
    /// Cisco FabricPath.
    FabricPath,
    /// Cisco metadata tag.
    CiscoMetadata,
    /// IEEE 802.2 with or without SNAP.
    Llc,
    /// Linux cooked capture, version 1.
    LinuxCooked,
    /// Linux cooked capture, version 2.
    LinuxCooked2,
    /// BSD loopback, the address family before the packet.
    Loopback,
    /// Cisco HDLC.
    CiscoHdlc,
    /// Point-to-Point Protocol.
    Ppp,
    /// PPP over Ethernet, session stage.
    Pppoe,
    /// A label stack.
    Mpls,
    /// IEEE 802.11.
    Wifi,
    /// Radiotap, before an 802.11 frame.
    Radiotap,
    /// IP of a version yet unknown.
    Ip,
    /// Internet Protocol, version 4.
    Ipv4,
    /// Internet Protocol, version 6.
    Ipv6,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ethernet => "Ethernet",
            Self::Vlan => "VLAN",
            Self::Backbone => "802.1ah",
            Self::FabricPath => "FabricPath",
            Self::CiscoMetadata => "Cisco metadata",
            Self::Llc => "LLC",
            Self::LinuxCooked => "Linux cooked",
            Self::LinuxCooked2 => "Linux cooked v2",
            Self::Loopback => "loopback",
            Self::CiscoHdlc => "Cisco HDLC",
            Self::Ppp => "PPP",
            Self::Pppoe => "PPPoE",
            Self::Mpls => "MPLS",
            Self::Wifi => "802.11",
            Self::Radiotap => "radiotap",
            Self::Ip => "IP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// Why a frame gave no [`Packet`](super::Packet). Offsets count from the frame's first octet, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecoded {
    /// An ordinary frame without IP: ARP, LLDP, spanning tree, 802.11 management, an encrypted payload.
    NotIp {
        /// The EtherType (IEEE 802.3 section 3.2.6); on PPP links the PPP protocol; below 0x0600 the LLC DSAP, the
        /// loopback's address family, or 0 where the frame names nothing.
        ethertype: u16,
    },
    /// The frame ends before the addresses of the IP header are complete.
    Cut {
        /// The header that is incomplete.
        layer: Layer,
        /// Where the frame ends.
        offset: u32,
    },
    /// A header contradicts itself.
    Malformed {
        /// Which header.
        layer: Layer,
        /// Where it begins.
        offset: u32,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Frames of this link type are not read.
    UnknownLinkType(LinkType),
}

impl Undecoded {
    /// How it is counted; `None` for ordinary frames without IP, which are no fault.
    pub fn kind(self) -> Option<FaultKind> {
        match self {
            Self::NotIp { .. } => None,
            Self::Cut { .. } | Self::Malformed { .. } => Some(FaultKind::BadPacket),
            Self::UnknownLinkType(_) => Some(FaultKind::UnknownLinkType),
        }
    }
}

impl fmt::Display for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIp { ethertype } => write!(f, "no IP packet (protocol {ethertype:#06x})"),
            Self::Cut { layer, offset } => {
                write!(f, "frame ends inside its {layer} header, at octet {offset}")
            }
            Self::Malformed { layer, offset, what } => write!(f, "{layer} header at octet {offset}: {what}"),
            Self::UnknownLinkType(link) => write!(f, "link type {} is not read", link.0),
        }
    }
}

impl std::error::Error for Undecoded {}
