//! Serial links: PPP in its framings, PPPoE, Cisco HDLC.

use super::cursor::Cursor;
use super::ethernet::cut;
use super::fault::{Layer, Undecoded};
use super::walk::{Next, Step};

/// PPP (RFC 1661, framing RFC 1662): address and control may be left out, the protocol may be one octet.
pub(super) fn ppp(at: Cursor<'_>) -> Step<'_> {
    let at = match at.array(0) {
        Some([0xff, 0x03]) => at.skip_or_end(2),
        _ => at,
    };
    let first = match at.octets() {
        [] | [0xff] => return Err(cut(Layer::Ppp, at)),
        [first, ..] => *first,
    };
    // Protocol numbers end in an odd octet and begin with an even one, so an odd first octet is a compressed field.
    let (protocol, octets) = if first & 1 == 1 {
        (u16::from(first), 1)
    } else {
        (at.u16(0).ok_or(cut(Layer::Ppp, at))?, 2)
    };
    let at = at.skip_or_end(octets);
    match protocol {
        0x0021 => Ok((Next::Ipv4, at)),
        0x0057 => Ok((Next::Ipv6, at)),
        0x0281 | 0x0283 => Ok((Next::Mpls, at)),
        0x0031 => bridged(at),
        _ => Err(Undecoded::NotIp { ethertype: protocol }),
    }
}

/// Bridging over PPP (RFC 3518): flags and MAC type, 1 for Ethernet.
fn bridged(at: Cursor<'_>) -> Step<'_> {
    match at.u8(1).ok_or(cut(Layer::Ppp, at))? {
        1 => Ok((Next::Ethernet, at.skip_or_end(2))),
        _ => Err(Undecoded::NotIp { ethertype: 0x0031 }),
    }
}

/// LINKTYPE_PPP_HDLC: the first octet tells PPP from Cisco HDLC (RFC 1547 section 4.3.1).
pub(super) fn hdlc(at: Cursor<'_>) -> Step<'_> {
    match at.u8(0).ok_or(cut(Layer::Ppp, at))? {
        0x0f | 0x8f => Ok((Next::CiscoHdlc, at)),
        _ => Ok((Next::Ppp, at)),
    }
}

/// Cisco HDLC: address (unicast 0x0f, multicast 0x8f), control, EtherType.
pub(super) fn cisco_hdlc(at: Cursor<'_>) -> Step<'_> {
    let protocol = at.u16(2).ok_or(cut(Layer::CiscoHdlc, at))?;
    Ok((Next::EtherType(protocol), at.skip_or_end(4)))
}

/// PPPoE (RFC 2516 section 4): version and type, code, session, length.
pub(super) fn pppoe(at: Cursor<'_>) -> Step<'_> {
    let [version_type, code, _, _] = at.array(0).ok_or(cut(Layer::Pppoe, at))?;
    let length = at.u16(4).ok_or(cut(Layer::Pppoe, at))?;
    if version_type != 0x11 {
        return Err(Undecoded::Malformed {
            layer: Layer::Pppoe,
            offset: at.offset(),
            what: "version and type are not 1",
        });
    }
    if code != 0 {
        return Err(Undecoded::NotIp { ethertype: 0x8864 });
    }
    Ok((Next::Ppp, at.skip_or_end(6).at_most(usize::from(length))))
}
