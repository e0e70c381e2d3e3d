//! What looks like flow export, by its first octets and its length, and whether a capture is mostly that.

use crate::model::{FlowKey, RawPacket};
use crate::wire::carried::{carried, tcp, udp};
use crate::wire::sflow;

/// Octets of a NetFlow v5 and v7 header, and of their records.
const V5: (usize, usize) = (24, 48);
const V7: (usize, usize) = (24, 52);
/// Most records in a v5 or v7 datagram that fits an Ethernet frame, with room for jumbo frames of some exporters.
const MOST_RECORDS: usize = 64;
/// Octets of the headers of NetFlow v9 (RFC 3954 section 5.1) and IPFIX (RFC 7011 section 3.1).
const V9: usize = 20;
const IPFIX: usize = 16;
/// Where IPFIX goes over TCP (RFC 7011 section 10.4.3).
const IPFIX_PORT: u16 = 4739;

/// Whether octets look like a message of flow export that is `length` octets long where it is whole: a version that
/// exists, and a length that agrees with what the header and the first Set say.
pub fn is_likely(octets: &[u8], length: usize) -> bool {
    let word = |at: usize| {
        let word = octets.get(at..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_be_bytes(*word)))
    };
    let counted = |(header, record): (usize, usize)| {
        word(2).is_some_and(|count| (1..=MOST_RECORDS).contains(&count) && length == header + count * record)
    };
    let set = |at: usize, templates: [usize; 2]| {
        // Nothing but the header says nothing against it.
        let (Some(id), Some(set)) = (word(at), word(at + 2)) else {
            return octets.len() >= at;
        };
        (id >= 256 || templates.contains(&id)) && set >= 4 && at + set <= length
    };
    match word(0) {
        Some(5) => counted(V5),
        Some(7) => counted(V7),
        Some(9) => word(2).is_some_and(|count| count > 0) && set(V9, [0, 1]),
        Some(10) => word(2) == Some(length) && length >= IPFIX && set(IPFIX, [2, 3]),
        Some(0) => sflow::is_likely(octets) && length >= 28 && length.is_multiple_of(4),
        _ => false,
    }
}

/// Counts what the frames of a capture carry, to tell captured export from captured packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// UDP datagrams, or their first fragments.
    pub datagrams: u64,
    /// Those of them, and those TCP segments, that look like export.
    pub export: u64,
    /// Packets that say something: all but TCP segments without data.
    pub packets: u64,
}

impl Tally {
    /// UDP datagrams that are enough to tell.
    const ENOUGH: u64 = 50;
    /// Packets that are enough to tell where UDP is rare.
    const ENOUGH_PACKETS: u64 = 1000;

    /// Counts a frame; what carries no IP says nothing.
    pub fn add(&mut self, frame: &RawPacket<'_>) {
        let Ok(carried) = carried(frame.link, frame.octets, frame.original_length) else {
            return;
        };
        if carried.piece.is_some_and(|piece| piece.offset > 0) {
            return;
        }
        match carried.protocol {
            FlowKey::UDP => {
                self.datagrams += 1;
                self.packets += 1;
                let likely = |datagram: crate::wire::carried::Datagram<'_>| {
                    is_likely(datagram.payload, datagram.length)
                };
                self.export += u64::from(udp(carried.body).is_some_and(likely));
            }
            FlowKey::TCP => {
                let Some(segment) = tcp(carried.body).filter(|s| !s.payload.is_empty()) else {
                    return;
                };
                self.packets += 1;
                // Any stream may hold octets that look like IPFIX; one to its port means it.
                let meant = segment.dst_port == IPFIX_PORT;
                self.export += u64::from(meant && super::streams::begins_message(segment.payload));
            }
            _ => self.packets += 1,
        }
    }

    /// Whether more frames would not change the answer.
    pub fn is_enough(&self) -> bool {
        self.datagrams >= Self::ENOUGH || self.packets >= Self::ENOUGH_PACKETS
    }

    /// Whether this is captured export. Ordinary traffic in which some datagrams are export is not: they must be most
    /// of the datagrams, and a good part of everything.
    pub fn is_export(&self) -> bool {
        self.export > 0 && self.export * 2 > self.datagrams && self.export * 4 > self.packets
    }
}
