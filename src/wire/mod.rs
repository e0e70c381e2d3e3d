//! L1: octets to typed values. Total functions: any octets give a value or a reason, nothing panics, nothing is kept.
//!
//! * [`decode`] reads one captured frame down to its Flow Key ([`Packet`]), whatever the link.
//! * [`dns`] reads DNS messages, [`tls`] the server name a TLS client asks for, both from [`Packet::payload`].
//! * [`carried`] reads a frame down to what IP carries, for whoever puts fragments and streams together.
//! * [`sflow`] reads sFlow datagrams down to the packets they sample.
//! * [`export`] reads messages of NetFlow and IPFIX.
//!
//! Invariants: no allocation; no look past the end; every loop consumes octets or a budget, so that time is linear in
//! the frame's length; checksums are not verified, because offloading leaves them wrong in captures.

pub mod carried;
mod cursor;
pub mod dns;
mod ethernet;
pub mod export;
mod fault;
mod ip;
mod link;
mod mpls;
mod plain;
mod ppp;
pub mod sflow;
pub mod stratum;
pub mod tls;
mod transport;
mod tunnel;
mod walk;
mod wifi;

pub use fault::{Layer, Undecoded};

use crate::model::{FlowKey, LinkType, TcpFlags};
use cursor::Cursor;
use walk::Walk;

/// One IP packet: what a Metering Process needs of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its Flow Key. Ports are 0 where the protocol has none, in later fragments, and where the frame ends before them.
    pub key: FlowKey,
    /// Octets of the IP layer as the header states them: total length (IPv4), 40 + payload length (IPv6; with a
    /// jumbogram option, RFC 2675, what that says). Where segmentation offload left the length 0, what the frame was
    /// long on the wire from the IP header on. Not less than the header itself.
    pub bytes: u32,
    /// Flags of the TCP header; none for other protocols, later fragments, and where cut.
    pub tcp_flags: TcpFlags,
    /// Whether it is part of a fragmented datagram.
    pub fragment: Fragment,
    /// VLAN identifier of the outermost tag that has one, 1 to 4095; 0 where there is none.
    pub vlan: u16,
    /// What was captured of the TCP or UDP payload, without link-layer padding; empty for other protocols and for
    /// later fragments.
    pub payload: &'a [u8],
}

/// A packet's part in a fragmented datagram (RFC 791 section 3.2, RFC 8200 section 4.5).
///
/// All fragments of a datagram share source, destination, protocol and `id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fragment {
    /// A whole datagram.
    #[default]
    None,
    /// The first fragment: it has the ports.
    First {
        /// The Identification field: 16 bits (IPv4) or 32 (IPv6).
        id: u32,
    },
    /// A fragment with an offset: it has no ports.
    Later {
        /// The Identification field: 16 bits (IPv4) or 32 (IPv6).
        id: u32,
    },
}

/// Which tunnels to look into. What is looked into counts as its innermost packet; where that cannot be read, because
/// it is cut, encrypted or not IP, the packet around it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decap {
    /// GRE (RFC 2784, 2890, 1701), with PPTP (RFC 2637), bridged Ethernet, MPLS and ERSPAN in it.
    pub gre: bool,
    /// IPv4 and IPv6 directly in IPv4 or IPv6 (RFC 2003, 4213, 2473).
    pub ip_in_ip: bool,
    /// VXLAN (RFC 7348) on UDP port 4789, and on 8472, which Linux used before.
    pub vxlan: bool,
    /// GTP-U (3GPP TS 29.281) on UDP port 2152.
    pub gtp_u: bool,
}

impl Decap {
    /// Every kind of tunnel.
    pub const ALL: Self = Self {
        gre: true,
        ip_in_ip: true,
        vxlan: true,
        gtp_u: true,
    };
}

/// Reads a frame down to its Flow Key.
///
/// `original_length` is the frame's length on the wire; `octets` may be cut shorter. The outermost IP header counts,
/// except for tunnels that `decap` says to look into. At most 32 headers may be nested.
///
/// # Errors
///
/// [`Undecoded`]: the frame carries no IP, ends before the addresses, contradicts itself, or is of an unknown link.
///
/// ```
/// use tidemark::model::LinkType;
/// use tidemark::wire::{Decap, decode};
/// let octets = [
///     0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, // IPv4
///     0x30, 0x39, 0, 53, 0, 8, 0, 0, // UDP
/// ];
/// let packet = decode(LinkType(101), &octets, 28, Decap::default()).unwrap();
/// assert_eq!((packet.key.src.to_string().as_str(), packet.key.src_port), ("192.0.2.1", 12345));
/// assert_eq!((packet.key.dst_port, packet.bytes), (53, 28));
/// ```
#[inline]
pub fn decode(
    link: LinkType,
    octets: &[u8],
    original_length: u32,
    decap: Decap,
) -> Result<Packet<'_>, Undecoded> {
    match plain(link, octets, decap) {
        Some(packet) => Ok(packet),
        None => Walk::new(original_length, decap).run(link::first(link)?, Cursor::new(octets)),
    }
}

/// [`decode`], if it is a frame of the most frequent kind; `None` says only that `decode` must be asked. For who has
/// very many: inlined, such a packet never leaves the registers.
#[inline(always)]
pub fn plain(link: LinkType, octets: &[u8], decap: Decap) -> Option<Packet<'_>> {
    if link == LinkType::ETHERNET {
        plain::read(octets, decap)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
