//! Transport headers: ports, TCP flags, payload.

use super::cursor::Cursor;
use crate::model::{FlowKey, TcpFlags};

/// What a transport header says; zero and empty where it says nothing or is cut.
#[derive(Default)]
pub(super) struct Transport<'a> {
    pub src_port: u16,
    pub dst_port: u16,
    pub tcp_flags: TcpFlags,
    pub payload: &'a [u8],
}

const DCCP: u8 = 33;
const UDP_LITE: u8 = 136;
const UDP_OCTETS: usize = 8;

/// Reads the header of `protocol` at the start of `body`; `later` fragments have none.
#[inline]
pub(super) fn read(protocol: u8, body: Cursor<'_>, later: bool) -> Transport<'_> {
    if later {
        return Transport::default();
    }
    match protocol {
        FlowKey::TCP => tcp(body),
        FlowKey::UDP => udp(body),
        FlowKey::SCTP | DCCP | UDP_LITE => ports(body),
        FlowKey::ICMP | FlowKey::ICMPV6 => Transport {
            dst_port: body.u16(0).unwrap_or_default(),
            ..Transport::default()
        },
        _ => Transport::default(),
    }
}

#[inline]
fn ports(body: Cursor<'_>) -> Transport<'_> {
    match body.array(0) {
        Some([a, b, c, d]) => Transport {
            src_port: u16::from_be_bytes([a, b]),
            dst_port: u16::from_be_bytes([c, d]),
            ..Transport::default()
        },
        None => Transport::default(),
    }
}

/// RFC 9293 section 3.1.
#[inline]
fn tcp(body: Cursor<'_>) -> Transport<'_> {
    let Some([offset, flags]) = body.array(12) else {
        return ports(body);
    };
    let octets = usize::from(offset >> 4) * 4;
    Transport {
        tcp_flags: TcpFlags(flags),
        // A header below 20 octets contradicts itself: nothing after it can be placed.
        payload: if octets < 20 {
            &[]
        } else {
            body.skip_or_end(octets).octets()
        },
        ..ports(body)
    }
}

/// RFC 768. A length of 0 is segmentation offload or a jumbogram: all that the IP header allows.
#[inline]
fn udp(body: Cursor<'_>) -> Transport<'_> {
    let whole = match body.u16(4) {
        Some(0) | None => body,
        Some(length) => body.at_most(usize::from(length)),
    };
    Transport {
        payload: whole.skip_or_end(UDP_OCTETS).octets(),
        ..ports(body)
    }
}
