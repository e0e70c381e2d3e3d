//! IPv4 and IPv6 headers down to the transport protocol: addresses, lengths, fragments.

use super::Fragment;
use super::cursor::Cursor;
use super::ethernet::cut;
use super::fault::{Layer, Undecoded};
use super::walk::{Next, Step};
use crate::model::Ip;
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

/// What an IP header says.
pub(super) struct Header<'a> {
    pub src: Ip,
    pub dst: Ip,
    pub protocol: u8,
    pub bytes: u32,
    pub fragment: Fragment,
    /// Where a fragment begins in its datagram, in units of 8 octets.
    pub offset: u16,
    /// Whether fragments follow.
    pub more: bool,
    /// Whether the frame ends before the packet does.
    pub cut: bool,
    /// From the transport header on, as far as captured, without what lies behind the stated length.
    pub body: Cursor<'a>,
}

const V4_OCTETS: usize = 20;
const V6_OCTETS: usize = 40;

/// Tells the version by the first four bits.
pub(super) fn by_version(at: Cursor<'_>) -> Step<'_> {
    match at.u8(0).ok_or(cut(Layer::Ip, at))? >> 4 {
        4 => Ok((Next::Ipv4, at)),
        6 => Ok((Next::Ipv6, at)),
        _ => Err(malformed(Layer::Ip, at, "version is neither 4 nor 6")),
    }
}

/// An IPv4 header (RFC 791 section 3.1). Options may be cut, the 20 octets before them may not.
#[inline]
pub(super) fn v4(at: Cursor<'_>, original_length: u32) -> Result<Header<'_>, Undecoded> {
    match Ipv4HeaderSlice::from_slice(at.octets()) {
        Ok(header) => v4_fields(&header, at, header.slice().len(), original_length),
        Err(_) => v4_irregular(at, original_length),
    }
}

/// A header that is cut or wrong: says which, or reads it without its options.
#[cold]
fn v4_irregular(at: Cursor<'_>, original_length: u32) -> Result<Header<'_>, Undecoded> {
    let version_and_length = at.u8(0).ok_or(cut(Layer::Ipv4, at))?;
    if version_and_length >> 4 != 4 {
        return Err(malformed(Layer::Ipv4, at, "version is not 4"));
    }
    let stated = usize::from(version_and_length & 15) * 4;
    if stated < V4_OCTETS {
        return Err(malformed(Layer::Ipv4, at, "header length is below 20"));
    }
    let mut fixed: [u8; V4_OCTETS] = at.array(0).ok_or(cut(Layer::Ipv4, at))?;
    if let Some(first) = fixed.first_mut() {
        *first = 0x45;
    }
    match Ipv4HeaderSlice::from_slice(&fixed) {
        Ok(header) => v4_fields(&header, at, stated, original_length),
        Err(_) => Err(cut(Layer::Ipv4, at)),
    }
}

#[inline]
fn v4_fields<'a>(
    header: &Ipv4HeaderSlice<'_>,
    at: Cursor<'a>,
    header_octets: usize,
    original_length: u32,
) -> Result<Header<'a>, Undecoded> {
    let stated = usize::from(header.total_len());
    if stated < header_octets && stated != 0 {
        return Err(malformed(
            Layer::Ipv4,
            at,
            "total length is below the header length",
        ));
    }
    let bytes = match stated {
        0 => on_the_wire(at, original_length, header_octets),
        _ => stated as u32,
    };
    let id = u32::from(header.identification());
    Ok(Header {
        src: Ip::from_v4_octets(header.source()),
        dst: Ip::from_v4_octets(header.destination()),
        protocol: header.protocol().0,
        bytes,
        fragment: fragment(header.fragments_offset().value(), header.more_fragments(), id),
        offset: header.fragments_offset().value(),
        more: header.more_fragments(),
        cut: at.octets().len() < bytes as usize,
        body: at.at_most(bytes as usize).skip_or_end(header_octets),
    })
}

/// An IPv6 header (RFC 8200) with its extension headers, which may be cut.
#[inline(never)]
pub(super) fn v6(at: Cursor<'_>, original_length: u32) -> Result<Header<'_>, Undecoded> {
    let header = Ipv6HeaderSlice::from_slice(at.octets()).map_err(|_| match at.u8(0) {
        Some(first) if first >> 4 != 6 => malformed(Layer::Ipv6, at, "version is not 6"),
        _ => cut(Layer::Ipv6, at),
    })?;
    let stated = u32::from(header.payload_length());
    let next = header.next_header().0;
    let behind = at.skip_or_end(V6_OCTETS);
    let bytes = match (stated, next) {
        (0, NO_NEXT) => V6_OCTETS as u32,
        (0, HOP_BY_HOP) => match jumbo_length(behind) {
            Some(length) => length.saturating_add(V6_OCTETS as u32),
            None => on_the_wire(at, original_length, V6_OCTETS),
        },
        (0, _) => on_the_wire(at, original_length, V6_OCTETS),
        _ => stated + V6_OCTETS as u32,
    };
    let chain = extensions(next, behind.at_most(bytes as usize - V6_OCTETS));
    Ok(Header {
        src: Ip::from_v6_octets(header.source()),
        dst: Ip::from_v6_octets(header.destination()),
        protocol: chain.protocol,
        bytes,
        fragment: chain.fragment,
        offset: chain.offset,
        more: chain.more,
        cut: at.octets().len() < bytes as usize,
        body: chain.body,
    })
}

/// Segmentation offload leaves the length 0, because the card fills it in per segment; what was on the wire from here
/// on is then the length.
#[cold]
fn on_the_wire(at: Cursor<'_>, original_length: u32, header_octets: usize) -> u32 {
    original_length
        .saturating_sub(at.offset())
        .max(header_octets as u32)
}

#[inline]
fn fragment(offset: u16, more: bool, id: u32) -> Fragment {
    match (offset, more) {
        (0, false) => Fragment::None,
        (0, true) => Fragment::First { id },
        _ => Fragment::Later { id },
    }
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// How many extension headers a packet may have before the next one counts as its protocol.
const MAX_EXTENSIONS: usize = 16;

struct Chain<'a> {
    protocol: u8,
    fragment: Fragment,
    offset: u16,
    more: bool,
    body: Cursor<'a>,
}

/// Follows extension headers (RFC 8200 section 4, RFC 7045) as far as they were captured.
///
/// Behind a later fragment's header lies the middle of something, so the chain ends there.
fn extensions(next: u8, at: Cursor<'_>) -> Chain<'_> {
    let mut chain = Chain {
        protocol: next,
        fragment: Fragment::None,
        offset: 0,
        more: false,
        body: at,
    };
    for _ in 0..MAX_EXTENSIONS {
        let Some((next, octets)) = extension(chain.protocol, chain.body) else {
            break;
        };
        if chain.protocol == FRAGMENT {
            fragment_header(&mut chain);
        }
        chain.protocol = next;
        chain.body = chain.body.skip_or_end(octets);
        if matches!(chain.fragment, Fragment::Later { .. }) {
            break;
        }
    }
    chain
}

/// The number behind an extension header, and how many octets that one has; `None` where it is none, or is cut.
fn extension(number: u8, at: Cursor<'_>) -> Option<(u8, usize)> {
    let [next, length] = at.array(0)?;
    let octets = match number {
        HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | MOBILITY | HIP | SHIM6 => (usize::from(length) + 1) * 8,
        FRAGMENT => 8,
        AUTHENTICATION => (usize::from(length) + 2) * 4,
        _ => return None,
    };
    // A header whose message is itself, such as a binding update, is what the packet is about.
    let ends_here = next == NO_NEXT && matches!(number, MOBILITY | HIP | SHIM6);
    (!ends_here).then_some((next, octets))
}

fn fragment_header(chain: &mut Chain<'_>) {
    if let Some((offset_and_more, id)) = chain.body.u16(2).zip(chain.body.u32(4)) {
        (chain.offset, chain.more) = (offset_and_more >> 3, offset_and_more & 1 == 1);
        chain.fragment = fragment(chain.offset, chain.more, id);
    }
}

/// The Jumbo Payload option (RFC 2675 section 2) in a hop-by-hop header.
fn jumbo_length(at: Cursor<'_>) -> Option<u32> {
    const PAD1: u8 = 0;
    const JUMBO: u8 = 0xc2;
    let [_, length] = at.array(0)?;
    let mut options = at.at_most((usize::from(length) + 1) * 8).skip(2)?;
    loop {
        match options.u8(0)? {
            PAD1 => options = options.skip(1)?,
            JUMBO => return options.u32(2),
            _ => options = options.skip(2 + usize::from(options.u8(1)?))?,
        }
    }
}

fn malformed(layer: Layer, at: Cursor<'_>, what: &'static str) -> Undecoded {
    Undecoded::Malformed {
        layer,
        offset: at.offset(),
        what,
    }
}
