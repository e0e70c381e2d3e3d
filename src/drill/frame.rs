//! Writes one Ethernet frame: link, network and transport header, and as much payload as the snap length keeps.

use crate::model::Ip;

/// Octets of an Ethernet header.
const ETHERNET: usize = 14;
/// Shortest frame on the wire without its check sequence (IEEE 802.3 section 4.2.3.3); shorter ones are padded.
const SHORTEST: usize = 60;

/// TCP flags (RFC 9293 section 3.1).
pub(super) mod flag {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
}

/// What stands behind the IP header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transport {
    /// RFC 9293. A SYN carries the usual options, other segments none.
    Tcp {
        from: u16,
        to: u16,
        sequence: u32,
        acknowledged: u32,
        flags: u8,
    },
    /// RFC 768.
    Udp { from: u16, to: u16 },
    /// RFC 792, RFC 4443: type, code and the four octets behind the checksum.
    Icmp { kind: u8, code: u8, rest: u32 },
}

/// MSS 1460, SACK permitted, window scale 7.
const SYN_OPTIONS: [u8; 12] = [2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7, 1, 1];

impl Transport {
    fn header_length(&self) -> usize {
        match self {
            Self::Tcp { flags, .. } if flags & flag::SYN != 0 => 20 + SYN_OPTIONS.len(),
            Self::Tcp { .. } => 20,
            Self::Udp { .. } | Self::Icmp { .. } => 8,
        }
    }

    fn protocol(&self, v4: bool) -> u8 {
        match self {
            Self::Tcp { .. } => 6,
            Self::Udp { .. } => 17,
            Self::Icmp { .. } if v4 => 1,
            Self::Icmp { .. } => 58,
        }
    }

    /// The header with its checksum still zero. A TCP checksum stays zero, as offloading leaves it.
    fn write(&self, out: &mut Vec<u8>, payload: usize) {
        match *self {
            Self::Tcp {
                from,
                to,
                sequence,
                acknowledged,
                flags,
            } => {
                put16(out, from);
                put16(out, to);
                out.extend_from_slice(&sequence.to_be_bytes());
                out.extend_from_slice(&acknowledged.to_be_bytes());
                out.extend_from_slice(&[(self.header_length() as u8 / 4) << 4, flags]);
                out.extend_from_slice(&[0xfa, 0xf0, 0, 0, 0, 0]);
                if flags & flag::SYN != 0 {
                    out.extend_from_slice(&SYN_OPTIONS);
                }
            }
            Self::Udp { from, to } => {
                put16(out, from);
                put16(out, to);
                put16(out, (8 + payload) as u16);
                put16(out, 0);
            }
            Self::Icmp { kind, code, rest } => {
                out.extend_from_slice(&[kind, code, 0, 0]);
                out.extend_from_slice(&rest.to_be_bytes());
            }
        }
    }

    /// Where the checksum stands in the header, where a zero would be wrong (RFC 792, RFC 4443 section 2.3, RFC
    /// 8200 section 8.1).
    fn checksum_offset(&self, v4: bool) -> Option<usize> {
        match self {
            Self::Icmp { .. } => Some(2),
            Self::Udp { .. } if !v4 => Some(6),
            _ => None,
        }
    }
}

/// Writes the frame into `out` (emptied first), cut to `snap` octets; returns its length on the wire.
///
/// `payload` appends the first octets of the payload, as many as it is asked for; `length` is how many the frame
/// carries, at most 65 000.
pub(super) fn write(
    out: &mut Vec<u8>,
    snap: usize,
    (from, to): (Ip, Ip),
    transport: &Transport,
    length: usize,
    payload: impl FnOnce(&mut Vec<u8>, usize),
) -> u32 {
    out.clear();
    let v4 = from.is_v4();
    link_header(out, from, to, if v4 { 0x0800 } else { 0x86dd });
    let behind = transport.header_length() + length;
    if v4 {
        ipv4_header(out, from, to, transport.protocol(true), behind);
    } else {
        ipv6_header(out, from, to, transport.protocol(false), behind);
    }
    let start = out.len();
    transport.write(out, length);
    let whole = out.len() + length;
    let sum_at = transport.checksum_offset(v4);
    // A checksum covers everything, also what the snap length cuts.
    let wanted = if sum_at.is_some() {
        length
    } else {
        length.min(snap.saturating_sub(out.len()))
    };
    payload(out, wanted);
    if let Some(offset) = sum_at {
        let pseudo = if v4 {
            0
        } else {
            pseudo_header(from, to, transport.protocol(v4), behind)
        };
        let sum = checksum(&out[start..], pseudo);
        out[start + offset..start + offset + 2].copy_from_slice(&sum.to_be_bytes());
    }
    if whole < SHORTEST {
        out.resize(SHORTEST, 0);
    }
    out.truncate(snap);
    whole.max(SHORTEST) as u32
}

/// An ARP question (RFC 826): who has `to`, says `from`. Both IPv4.
pub(super) fn write_arp(out: &mut Vec<u8>, snap: usize, from: Ip, to: Ip) -> u32 {
    out.clear();
    let (from4, to4) = (v4(from), v4(to));
    out.extend_from_slice(&[0xff; 6]);
    out.extend_from_slice(&hardware(from));
    out.extend_from_slice(&[0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    out.extend_from_slice(&hardware(from));
    out.extend_from_slice(&from4);
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&to4);
    out.resize(SHORTEST, 0);
    out.truncate(snap);
    SHORTEST as u32
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn v4(ip: Ip) -> [u8; 4] {
    ip.as_v4().unwrap_or(0).to_be_bytes()
}

fn link_header(out: &mut Vec<u8>, from: Ip, to: Ip, kind: u16) {
    out.extend_from_slice(&hardware(to));
    out.extend_from_slice(&hardware(from));
    put16(out, kind);
    debug_assert_eq!(out.len(), ETHERNET);
}

/// The hardware address that stands for `ip` on our link: groups as RFC 1112 section 6.4 and RFC 2464 section 7 map
/// them, our hosts one each, everyone else the router's.
pub(super) fn hardware(ip: Ip) -> [u8; 6] {
    let bits = ip.bits();
    match ip.as_v4() {
        Some(_) if ip.is_group() && v4(ip)[0] != 255 => {
            let [_, b, c, d] = v4(ip);
            [0x01, 0x00, 0x5e, b & 0x7f, c, d]
        }
        Some(v4) if v4 & 0xff == 0xff && v4 >> 16 == 0x0a14 || v4 == u32::MAX => [0xff; 6],
        Some(v4) if v4 >> 16 == 0x0a14 => [0x02, 0x20, 0x0a, 0x14, (v4 >> 8) as u8, v4 as u8],
        None if ip.is_group() => [
            0x33,
            0x33,
            (bits >> 24) as u8,
            (bits >> 16) as u8,
            (bits >> 8) as u8,
            bits as u8,
        ],
        // The last octets of our IPv6 addresses repeat those of the IPv4 address.
        None if bits >> 80 == 0x2001_0db8_0020 => [0x02, 0x20, 0x0a, 0x14, (bits >> 64) as u8, bits as u8],
        _ => [0x02, 0x20, 0x00, 0x00, 0x00, 0x01],
    }
}

/// How many routers a datagram from `ip` has still in hand here: fewer for those who are far.
fn hops_left(ip: Ip) -> u8 {
    match hardware(ip) {
        [0x02, 0x20, 0x0a, 0x14, 1 | 2, _] => 128,
        [0x02, 0x20, 0x0a, ..] => 64,
        _ => 44 + (ip.bits() >> 3) as u8 % 12,
    }
}

/// RFC 791 section 3.1; atomic datagrams (RFC 6864), so the identification is zero.
fn ipv4_header(out: &mut Vec<u8>, from: Ip, to: Ip, protocol: u8, behind: usize) {
    let start = out.len();
    out.extend_from_slice(&[0x45, 0]);
    put16(out, (20 + behind) as u16);
    // What is for this link only never crosses a router.
    let hops = if v4(to)[..3] == [224, 0, 0] {
        255
    } else {
        hops_left(from)
    };
    out.extend_from_slice(&[0, 0, 0x40, 0, hops, protocol, 0, 0]);
    out.extend_from_slice(&v4(from));
    out.extend_from_slice(&v4(to));
    let sum = checksum(&out[start..], 0);
    out[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
}

/// RFC 8200 section 3.
fn ipv6_header(out: &mut Vec<u8>, from: Ip, to: Ip, protocol: u8, behind: usize) {
    out.extend_from_slice(&[0x60, 0, 0, 0]);
    put16(out, behind as u16);
    // Neighbour Discovery counts only with 255 hops left (RFC 4861 section 7.1).
    let hops = if protocol == 58 { 255 } else { hops_left(from) };
    out.extend_from_slice(&[protocol, hops]);
    out.extend_from_slice(&from.bits().to_be_bytes());
    out.extend_from_slice(&to.bits().to_be_bytes());
}

/// Sum of the IPv6 pseudo-header (RFC 8200 section 8.1).
fn pseudo_header(from: Ip, to: Ip, protocol: u8, behind: usize) -> u32 {
    let words = |bits: u128| (0..8).map(|i| (bits >> (16 * i)) as u32 & 0xffff).sum::<u32>();
    words(from.bits()) + words(to.bits()) + u32::from(protocol) + behind as u32
}

/// The Internet checksum (RFC 1071).
fn checksum(octets: &[u8], start: u32) -> u16 {
    let mut sum = start;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low));
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
