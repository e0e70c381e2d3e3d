//! Link types as capture files number them, and the pseudo-headers that only captures have.

use super::cursor::Cursor;
use super::ethernet::cut;
use super::fault::{Layer, Undecoded};
use super::walk::{Next, Step};
use crate::model::LinkType;

/// The first header of a frame (the LINKTYPE_ registry of tcpdump.org).
#[inline]
pub(super) fn first(link: LinkType) -> Result<Next, Undecoded> {
    Ok(match link.0 {
        _ if link == LinkType::ETHERNET => Next::Ethernet,
        0 | 108 => Next::Loopback,
        9 => Next::Ppp,
        12 | 14 | 101 => Next::Ip,
        50 => Next::PppHdlc,
        51 => Next::Pppoe,
        104 => Next::CiscoHdlc,
        105 => Next::Wifi,
        113 => Next::LinuxCooked,
        127 => Next::Radiotap,
        228 => Next::Ipv4,
        229 => Next::Ipv6,
        276 => Next::LinuxCooked2,
        _ => return Err(Undecoded::UnknownLinkType(link)),
    })
}

/// LINKTYPE_LINUX_SLL: packet type, device type, address length, 8 octets of address, protocol.
pub(super) fn linux_cooked(at: Cursor<'_>) -> Step<'_> {
    let protocol = at.u16(14).ok_or(cut(Layer::LinuxCooked, at))?;
    Ok((cooked(protocol), at.skip_or_end(16)))
}

/// LINKTYPE_LINUX_SLL2: protocol first, 20 octets in all.
pub(super) fn linux_cooked2(at: Cursor<'_>) -> Step<'_> {
    let protocol = at.u16(0).ok_or(cut(Layer::LinuxCooked2, at))?;
    let at = at.skip(20).ok_or(cut(Layer::LinuxCooked2, at))?;
    Ok((cooked(protocol), at))
}

/// Linux' own protocol numbers below the EtherTypes (`if_ether.h`): 4 is 802.2; the others carry no IP.
fn cooked(protocol: u16) -> Next {
    match protocol {
        4 => Next::Llc,
        1 => Next::EtherType(0xffff), // Novell's IPX straight in 802.3
        _ => Next::EtherType(protocol),
    }
}

/// LINKTYPE_NULL and LINKTYPE_LOOP: an address family in four octets, in either byte order.
pub(super) fn loopback(at: Cursor<'_>) -> Step<'_> {
    let octets = at.array::<4>(0).ok_or(cut(Layer::Loopback, at))?;
    let family = u32::from_be_bytes(octets).min(u32::from_le_bytes(octets));
    let next = match family {
        2 => Next::Ipv4,
        // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin; Windows has 23.
        10 | 23 | 24 | 28 | 30 => Next::Ipv6,
        _ => {
            return Err(Undecoded::NotIp {
                ethertype: u16::try_from(family).unwrap_or_default(),
            });
        }
    };
    Ok((next, at.skip_or_end(4)))
}
