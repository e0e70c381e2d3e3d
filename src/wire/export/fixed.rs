//! The fixed records of NetFlow v5 and v7.

use super::Version;

/// One record of v5 or v7, as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Source address.
    pub src: u32,
    /// Destination address.
    pub dst: u32,
    /// Next hop; 0 where there is none.
    pub next_hop: u32,
    /// Index of the interface it came in on.
    pub in_if: u16,
    /// Index of the interface it left by.
    pub out_if: u16,
    /// Packets.
    pub packets: u32,
    /// Octets of the IP layer.
    pub octets: u32,
    /// Milliseconds from the exporter's start to the first packet.
    pub first: u32,
    /// Milliseconds from the exporter's start to the last packet.
    pub last: u32,
    /// Source port.
    pub src_port: u16,
    /// Destination port; type * 256 + code for ICMP.
    pub dst_port: u16,
    /// Union of the TCP flags.
    pub tcp_flags: u8,
    /// IP protocol.
    pub protocol: u8,
    /// Type of service.
    pub tos: u8,
    /// AS of the source, origin or peer as configured.
    pub src_as: u16,
    /// AS of the destination.
    pub dst_as: u16,
    /// Prefix length of the source.
    pub src_mask: u8,
    /// Prefix length of the destination.
    pub dst_mask: u8,
}

/// Octets of a v5 record.
const V5: usize = 48;
/// Octets of a v7 record: v5's, two flags octets that say which fields are valid, and the router's address.
const V7: usize = 52;

/// The whole records behind the header of a v5 or v7 message, at most `count`.
pub fn records(version: Version, body: &[u8], count: u16) -> impl Iterator<Item = Record> + '_ {
    let size = if version == Version::V7 { V7 } else { V5 };
    body.chunks_exact(size)
        .take(usize::from(count))
        .filter_map(|record| record.first_chunk::<V5>().map(read))
}

/// Both versions agree in their first 48 octets.
#[inline]
fn read(r: &[u8; V5]) -> Record {
    let two = |at: usize| u16::from_be_bytes([r[at], r[at + 1]]);
    let four = |at: usize| u32::from_be_bytes([r[at], r[at + 1], r[at + 2], r[at + 3]]);
    Record {
        src: four(0),
        dst: four(4),
        next_hop: four(8),
        in_if: two(12),
        out_if: two(14),
        packets: four(16),
        octets: four(20),
        first: four(24),
        last: four(28),
        src_port: two(32),
        dst_port: two(34),
        tcp_flags: r[37],
        protocol: r[38],
        tos: r[39],
        src_as: two(40),
        dst_as: two(42),
        src_mask: r[44],
        dst_mask: r[45],
    }
}
