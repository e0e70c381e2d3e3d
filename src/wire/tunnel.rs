//! Tunnels: from an IP packet to the packet inside it.

use super::cursor::Cursor;
use super::walk::Next;
use super::{Decap, ethernet, ip};
use crate::model::FlowKey;

const IP_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
const UDP_OCTETS: usize = 8;

/// What is inside a packet and where, if it is a tunnel that `decap` says to look into.
pub(super) fn inside<'a>(decap: Decap, outer: &ip::Header<'a>, dst_port: u16) -> Option<(Next, Cursor<'a>)> {
    match outer.protocol {
        IP_IN_IP if decap.ip_in_ip => Some((Next::Ipv4, outer.body)),
        IPV6_IN_IP if decap.ip_in_ip => Some((Next::Ipv6, outer.body)),
        GRE if decap.gre => gre(outer.body),
        FlowKey::UDP => match dst_port {
            4789 | 8472 if decap.vxlan => vxlan(outer.body.skip(UDP_OCTETS)?),
            2152 if decap.gtp_u => gtp_u(outer.body.skip(UDP_OCTETS)?),
            _ => None,
        },
        _ => None,
    }
}

const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_ACKNOWLEDGEMENT: u16 = 0x0080;
const GRE_VERSION: u16 = 0x0007;

/// GRE version 0 (RFC 2784, 2890; routing RFC 1701) and 1 (RFC 2637).
fn gre(at: Cursor<'_>) -> Option<(Next, Cursor<'_>)> {
    let (flags, protocol) = (at.u16(0)?, at.u16(2)?);
    let four_if = |mask: u16| if flags & mask != 0 { 4 } else { 0 };
    match flags & GRE_VERSION {
        0 => {
            let fields = four_if(GRE_CHECKSUM | GRE_ROUTING) + four_if(GRE_KEY) + four_if(GRE_SEQUENCE);
            let mut body = at.skip(4 + fields)?;
            if flags & GRE_ROUTING != 0 {
                body = past_routes(body)?;
            }
            gre_payload(protocol, flags & GRE_SEQUENCE != 0, body)
        }
        // Without a sequence number it is a bare acknowledgement.
        1 if protocol == 0x880b && flags & GRE_SEQUENCE != 0 => {
            Some((Next::Ppp, at.skip(8 + 4 + four_if(GRE_ACKNOWLEDGEMENT))?))
        }
        _ => None,
    }
}

/// Source route entries (RFC 1701): family, offset, length; the list ends with family 0 and length 0.
fn past_routes(mut at: Cursor<'_>) -> Option<Cursor<'_>> {
    loop {
        let (family, length) = (at.u16(0)?, at.u8(3)?);
        at = at.skip(4 + usize::from(length))?;
        if family == 0 && length == 0 {
            return Some(at);
        }
    }
}

fn gre_payload(protocol: u16, sequenced: bool, at: Cursor<'_>) -> Option<(Next, Cursor<'_>)> {
    const ERSPAN: u16 = 0x88be;
    const ERSPAN_3: u16 = 0x22eb;
    const WCCP: u16 = 0x883e;
    match protocol {
        ethernet::IPV4 | ethernet::IPV6 | ethernet::BRIDGED | 0x8847 | 0x8848 => {
            Some((Next::EtherType(protocol), at))
        }
        // Type II has a header and is numbered, type I has neither.
        ERSPAN if sequenced => Some((Next::Ethernet, at.skip(8)?)),
        ERSPAN => Some((Next::Ethernet, at)),
        ERSPAN_3 => {
            let optional = if at.u8(11)? & 1 == 1 { 8 } else { 0 };
            Some((Next::Ethernet, at.skip(12 + optional)?))
        }
        // Version 2 puts a four-octet redirect header before the packet, version 1 does not.
        WCCP if at.u8(0)? >> 4 == 4 => Some((Next::Ipv4, at)),
        WCCP => Some((Next::Ip, at.skip(4)?)),
        _ => None,
    }
}

/// VXLAN (RFC 7348 section 5): a bit that says the network identifier is valid, then a frame.
fn vxlan(at: Cursor<'_>) -> Option<(Next, Cursor<'_>)> {
    let valid = at.u8(0)? & 0x08 != 0;
    valid.then_some((Next::Ethernet, at.skip(8)?))
}

/// GTP-U (3GPP TS 29.281 section 5.1), user data only; extension headers are stepped over.
fn gtp_u(at: Cursor<'_>) -> Option<(Next, Cursor<'_>)> {
    const VERSION_1_GTP: u8 = 0x30;
    const USER_DATA: u8 = 255;
    let [flags, message] = at.array(0)?;
    if flags & 0xf0 != VERSION_1_GTP || message != USER_DATA {
        return None;
    }
    if flags & 0x07 == 0 {
        return Some((Next::Ip, at.skip(8)?));
    }
    let mut kind = if flags & 0x04 != 0 { at.u8(11)? } else { 0 };
    let mut body = at.skip(12)?;
    while kind != 0 {
        let octets = usize::from(body.u8(0)?) * 4;
        kind = body.u8(octets.checked_sub(1)?)?;
        body = body.skip(octets)?;
    }
    Some((Next::Ip, body))
}
