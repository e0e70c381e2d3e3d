//! The most frequent frame, read in one go: Ethernet, IPv4 without options or fragments, TCP or UDP.

use super::{Decap, Fragment, Packet, ethernet};
use crate::model::{FlowKey, Ip, TcpFlags};

const ETHERNET_OCTETS: usize = 14;
const IP_OCTETS: usize = 20;
const UDP_OCTETS: usize = 8;
const TCP_OCTETS: usize = 20;
/// Where the transport header stands.
const TRANSPORT: usize = ETHERNET_OCTETS + IP_OCTETS;
/// All three headers. UDP's is shorter, but no frame on Ethernet is.
const HEADERS: usize = TRANSPORT + TCP_OCTETS;

/// Reads a frame as [`super::Walk`] does, but knows beforehand where everything stands: a quarter of the instructions.
/// `None` says only that the walk must be asked.
#[inline(always)]
pub(super) fn read(octets: &[u8], decap: Decap) -> Option<Packet<'_>> {
    // From here on the compiler knows that every place exists.
    let head: &[u8; HEADERS] = octets.first_chunk()?;
    let two = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let four = |at: usize| [head[at], head[at + 1], head[at + 2], head[at + 3]];
    let whole = two(20) & 0x3fff == 0;
    if two(12) != ethernet::IPV4 || head[14] != 0x45 || !whole || decap != Decap::default() {
        return None;
    }
    let (stated, protocol) = (usize::from(two(16)), head[23]);
    let end = octets.len().min(ETHERNET_OCTETS + stated);
    let (begin, end, tcp_flags) = match protocol {
        FlowKey::TCP => {
            let header = usize::from(head[TRANSPORT + 12] >> 4) * 4;
            if header < TCP_OCTETS || stated < IP_OCTETS + TCP_OCTETS {
                return None;
            }
            (TRANSPORT + header, end, TcpFlags(head[TRANSPORT + 13]))
        }
        FlowKey::UDP => {
            let length = usize::from(two(TRANSPORT + 4));
            if length < UDP_OCTETS || stated < IP_OCTETS + UDP_OCTETS {
                return None;
            }
            (TRANSPORT + UDP_OCTETS, end.min(TRANSPORT + length), TcpFlags(0))
        }
        _ => return None,
    };
    Some(Packet {
        key: FlowKey {
            src: Ip::from_v4_octets(four(26)),
            dst: Ip::from_v4_octets(four(30)),
            src_port: two(TRANSPORT),
            dst_port: two(TRANSPORT + 2),
            protocol,
        },
        bytes: stated as u32,
        tcp_flags,
        fragment: Fragment::None,
        vlan: 0,
        payload: octets.get(begin..end).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Walk, link};
    use super::*;
    use crate::model::LinkType;
    use crate::wire::cursor::Cursor;
    use proptest::prelude::*;

    /// A frame of sixty octets or more: TCP with options where `tcp`, else UDP.
    fn frame(tcp: bool, payload: usize) -> Vec<u8> {
        let transport = if tcp { 24 } else { UDP_OCTETS };
        let stated = (IP_OCTETS + transport + payload) as u16;
        let mut octets = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        octets.extend([0x45, 0]);
        octets.extend(stated.to_be_bytes());
        octets.extend([
            0,
            7,
            0x40,
            0,
            64,
            if tcp { 6 } else { 17 },
            0,
            0,
            192,
            0,
            2,
            1,
            198,
            51,
            100,
            2,
        ]);
        octets.extend([0x30, 0x39, 0, 53]);
        if tcp {
            octets.extend([
                0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 0, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4,
            ]);
        } else {
            octets.extend((UDP_OCTETS as u16 + payload as u16).to_be_bytes());
            octets.extend([0, 0]);
        }
        octets.extend((0..payload).map(|n| n as u8));
        octets.resize(octets.len().max(60), 0);
        octets
    }

    /// What the walk says.
    fn walked(octets: &[u8]) -> Option<Packet<'_>> {
        let first = link::first(LinkType(1)).unwrap();
        Walk::new(octets.len() as u32, Decap::default())
            .run(first, Cursor::new(octets))
            .ok()
    }

    #[test]
    fn the_most_frequent_frames_are_read() {
        for (tcp, payload) in [(true, 0), (true, 900), (false, 0), (false, 900)] {
            let octets = frame(tcp, payload);
            let packet = read(&octets, Decap::default());
            assert!(packet.is_some_and(|packet| packet.payload.len() == payload));
            assert_eq!(packet, walked(&octets));
        }
    }

    #[test]
    fn whoever_looks_into_tunnels_is_sent_to_the_walk() {
        assert_eq!(read(&frame(false, 9), Decap::ALL), None);
    }

    proptest! {
        #[test]
        fn what_it_says_is_what_the_walk_says(
            tcp in any::<bool>(),
            payload in 0..40usize,
            changed in proptest::collection::vec((12..62usize, any::<u8>()), 0..3),
            cut in 0..100usize,
        ) {
            let mut octets = frame(tcp, payload);
            for (at, octet) in changed {
                octets.get_mut(at).into_iter().for_each(|place| *place = octet);
            }
            octets.truncate(cut.max(14));
            if let Some(packet) = read(&octets, Decap::default()) {
                prop_assert_eq!(Some(packet), walked(&octets));
            }
        }
    }
}
