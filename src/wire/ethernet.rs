//! Ethernet and what EtherTypes lead to: tags, LLC and SNAP.

use super::cursor::Cursor;
use super::fault::{Layer, Undecoded};
use super::walk::{Next, Step};
use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

/// EtherType of IPv4.
pub(super) const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub(super) const IPV6: u16 = 0x86dd;
/// EtherType of bridged Ethernet in GRE.
pub(super) const BRIDGED: u16 = 0x6558;
/// Lowest EtherType; below are lengths of IEEE 802.3 frames.
const LOWEST: u16 = 0x0600;

const HEADER_OCTETS: usize = 14;
const TAG_OCTETS: usize = 4;

/// Ethernet II or 802.3: two addresses and an EtherType.
#[inline]
pub(super) fn header(at: Cursor<'_>) -> Step<'_> {
    let header = Ethernet2HeaderSlice::from_slice(at.octets()).map_err(|_| cut(Layer::Ethernet, at))?;
    Ok((
        Next::EtherType(header.ether_type().0),
        at.skip_or_end(HEADER_OCTETS),
    ))
}

/// What an EtherType leads to.
pub(super) fn ethertype(number: u16, at: Cursor<'_>) -> Step<'_> {
    let next = match number {
        IPV4 => Next::Ipv4,
        IPV6 => Next::Ipv6,
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => Next::Vlan,
        0x8847 | 0x8848 => Next::Mpls,
        0x8864 => Next::Pppoe,
        BRIDGED => Next::Ethernet,
        0x88e7 => Next::Backbone,
        0x8903 => Next::FabricPath,
        0x8909 => Next::CiscoMetadata,
        // What follows the length in 802.3; padding behind it does not belong to the packet.
        0..=1500 => return Ok((Next::Llc, at.at_most(usize::from(number)))),
        _ => return Err(Undecoded::NotIp { ethertype: number }),
    };
    Ok((next, at))
}

/// Whether an EtherType field makes sense where one is guessed at.
pub(super) fn is_plausible(number: u16) -> bool {
    matches!(
        number,
        IPV4 | IPV6 | 0x0806 | 0x8100 | 0x88a8 | 0x8847 | 0x8864 | 0x88cc
    )
}

/// An IEEE 802.1Q tag: VLAN identifier and what follows.
pub(super) fn vlan(at: Cursor<'_>) -> Result<(u16, Next, Cursor<'_>), Undecoded> {
    let tag = SingleVlanHeaderSlice::from_slice(at.octets()).map_err(|_| cut(Layer::Vlan, at))?;
    Ok((
        tag.vlan_identifier().value(),
        Next::EtherType(tag.ether_type().0),
        at.skip_or_end(TAG_OCTETS),
    ))
}

/// IEEE 802.1ah: a four-octet service tag before a customer's whole frame.
pub(super) fn backbone(at: Cursor<'_>) -> Step<'_> {
    let inner = at.skip(4).ok_or(cut(Layer::Backbone, at))?;
    Ok((Next::Ethernet, inner))
}

/// Cisco FabricPath: a two-octet forwarding tag before a host's whole frame.
pub(super) fn fabric_path(at: Cursor<'_>) -> Step<'_> {
    let inner = at.skip(2).ok_or(cut(Layer::FabricPath, at))?;
    Ok((Next::Ethernet, inner))
}

/// Cisco metadata: version, length, one option with its value, then an EtherType.
pub(super) fn cisco_metadata(at: Cursor<'_>) -> Step<'_> {
    let number = at.u16(6).ok_or(cut(Layer::CiscoMetadata, at))?;
    Ok((Next::EtherType(number), at.skip_or_end(8)))
}

/// IEEE 802.2 LLC, with SNAP (RFC 1042) where it says so.
pub(super) fn llc(at: Cursor<'_>) -> Step<'_> {
    let [dsap, ssap, control] = at.array(0).ok_or(cut(Layer::Llc, at))?;
    match (dsap, ssap, control) {
        (0xaa, 0xaa, 0x03) => snap(at),
        (0x06, 0x06, 0x03) => Ok((Next::Ip, at.skip_or_end(3))),
        _ => Err(Undecoded::NotIp {
            ethertype: u16::from(dsap),
        }),
    }
}

fn snap(at: Cursor<'_>) -> Step<'_> {
    let ([a, b, c], protocol) = at.array(3).zip(at.u16(6)).ok_or(cut(Layer::Llc, at))?;
    let at = at.skip_or_end(8);
    match ([a, b, c], protocol) {
        // Encapsulated Ethernet (RFC 1042) and its bridge-tunnel form (IEEE 802.1H).
        ([0, 0, 0] | [0, 0, 0xf8], LOWEST..) => Ok((Next::EtherType(protocol), at)),
        // Bridged Ethernet (RFC 2427), with and without its checksum.
        ([0, 0x80, 0xc2], 0x0001 | 0x0007) => Ok((Next::Ethernet, at)),
        _ => Err(Undecoded::NotIp { ethertype: protocol }),
    }
}

#[inline]
pub(super) fn cut(layer: Layer, at: Cursor<'_>) -> Undecoded {
    Undecoded::Cut {
        layer,
        offset: at.end(),
    }
}
