//! What a frame carries in IP, for whoever puts fragments and streams together: pieces, datagrams and segments.

use super::cursor::Cursor;
use super::fault::Undecoded;
use super::ip::Header;
use super::walk::Walk;
use super::{Decap, Fragment, link};
use crate::model::{Ip, LinkType, TcpFlags};

/// The payload of one IP packet, or the piece of a datagram that is in it. Of tunnels it is the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried<'a> {
    /// Source address.
    pub src: Ip,
    /// Destination address.
    pub dst: Ip,
    /// What the payload is: the IANA number behind all extension headers.
    pub protocol: u8,
    /// Which piece of a fragmented datagram it is; `None` for a whole one.
    pub piece: Option<Piece>,
    /// The payload as far as it was captured.
    pub body: &'a [u8],
    /// Whether the frame ends before the packet does.
    pub cut: bool,
}

/// The place of a piece in its datagram (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The Identification field, which all pieces share.
    pub id: u32,
    /// Where it begins, in units of 8 octets, 13 bits.
    pub offset: u16,
    /// Whether more follow.
    pub more: bool,
}

/// Reads a frame down to its outermost IP header.
///
/// # Errors
///
/// As [`decode`](super::decode).
pub fn carried(link: LinkType, octets: &[u8], original_length: u32) -> Result<Carried<'_>, Undecoded> {
    let frame = Cursor::new(octets);
    let header = Walk::new(original_length, Decap::default()).header(link::first(link)?, frame)?;
    Ok(Carried {
        src: header.src,
        dst: header.dst,
        protocol: header.protocol,
        piece: piece(&header),
        body: header.body.octets(),
        cut: header.cut,
    })
}

fn piece(header: &Header<'_>) -> Option<Piece> {
    match header.fragment {
        Fragment::None => None,
        Fragment::First { id } | Fragment::Later { id } => Some(Piece {
            id,
            offset: header.offset,
            more: header.more,
        }),
    }
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Port it was sent from.
    pub src_port: u16,
    /// Port it was sent to.
    pub dst_port: u16,
    /// Octets of payload as its header states them; more than `payload` has where the frame was cut.
    pub length: usize,
    /// The payload as far as it was captured, without padding of the link layer.
    pub payload: &'a [u8],
}

/// The datagram (RFC 768) in the payload of an IP packet; `None` where its header is cut or states less than itself.
///
/// A length of 0 is segmentation offload: all that the IP header allows.
pub fn udp(body: &[u8]) -> Option<Datagram<'_>> {
    let at = Cursor::new(body);
    let (src_port, dst_port, stated) = (at.u16(0)?, at.u16(2)?, at.u16(4)?);
    let behind = at.skip(8)?;
    let length = match stated {
        0 => behind.octets().len(),
        _ => usize::from(stated).checked_sub(8)?,
    };
    Some(Datagram {
        src_port,
        dst_port,
        length,
        payload: behind.at_most(length).octets(),
    })
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Port it was sent from.
    pub src_port: u16,
    /// Port it was sent to.
    pub dst_port: u16,
    /// Sequence number of its first octet, or of its SYN.
    pub sequence: u32,
    /// Its flags.
    pub flags: TcpFlags,
    /// The payload as far as it was captured.
    pub payload: &'a [u8],
}

/// The segment (RFC 9293 section 3.1) in the payload of an IP packet; `None` where its header is cut or states less
/// than itself.
pub fn tcp(body: &[u8]) -> Option<Segment<'_>> {
    const HEADER: usize = 20;
    let at = Cursor::new(body);
    let octets = usize::from(at.u8(12)? >> 4) * 4;
    let payload = at.skip(octets.max(HEADER))?.octets();
    (octets >= HEADER).then_some(Segment {
        src_port: at.u16(0)?,
        dst_port: at.u16(2)?,
        sequence: at.u32(4)?,
        flags: TcpFlags(at.u8(13)?),
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: LinkType = LinkType(228);

    /// IPv4 from 192.0.2.1 to 192.0.2.2 with a UDP header that states `stated` octets, and two octets of padding.
    fn datagram(flags_and_offset: [u8; 2], stated: u8) -> Vec<u8> {
        let [flags, offset] = flags_and_offset;
        vec![
            0x45, 0, 0, 32, 0, 9, flags, offset, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, // IPv4
            0x30, 0x39, 0x08, 0x07, 0, stated, 0, 0, b'e', b'x', b'p', b'o', // UDP
            0, 0,
        ]
    }

    #[test]
    fn a_datagram_keeps_its_stated_length_where_it_is_cut() {
        let frame = datagram([0, 0], 12);
        let whole = carried(IPV4, &frame, 34).unwrap();
        let read = udp(whole.body).unwrap();
        assert_eq!(
            (read.src_port, read.dst_port, read.length, read.payload),
            (12345, 2055, 4, b"expo".as_slice())
        );
        assert!(!whole.cut && whole.piece.is_none());
        let cut = carried(IPV4, &frame[..30], 34).unwrap();
        let read = udp(cut.body).unwrap();
        assert_eq!((cut.cut, read.length, read.payload), (true, 4, b"ex".as_slice()));
    }

    #[test]
    fn a_piece_knows_its_place() {
        let frame = datagram([0x20, 3], 12);
        let piece = carried(IPV4, &frame, 34).unwrap().piece;
        let want = Piece {
            id: 9,
            offset: 3,
            more: true,
        };
        assert_eq!(piece, Some(want));
        let mut v6 = vec![0x60, 0, 0, 0, 0, 12, 44, 64];
        v6.extend([0; 32]);
        v6.extend([17, 0, 0, 8 << 3, 0, 0, 1, 2, 1, 2, 3, 4]);
        let carried = carried(LinkType(229), &v6, 52).unwrap();
        let want = Piece {
            id: 258,
            offset: 8,
            more: false,
        };
        assert_eq!(
            (carried.piece, carried.body),
            (Some(want), [1, 2, 3, 4].as_slice())
        );
    }

    #[test]
    fn a_header_that_states_less_than_itself_is_none() {
        assert_eq!(udp(&[0, 1, 0, 2, 0, 7, 0, 0, 1]), None);
        assert_eq!(udp(&[0, 1, 0, 2, 0, 8, 0]), None);
        let mut segment = [0; 24];
        segment[12] = 0x60;
        assert!(tcp(&segment).unwrap().payload.is_empty());
        segment[12] = 0x40;
        assert_eq!((tcp(&segment), tcp(&segment[..19])), (None, None));
    }
}
