//! MPLS label stacks (RFC 3032), under which nothing says what follows.

use super::cursor::Cursor;
use super::ethernet::{self, cut};
use super::fault::{Layer, Undecoded};
use super::walk::{Next, Step};

/// How many labels a stack may have; segment routing uses up to about ten.
const MAX_LABELS: usize = 16;
const LABEL_OCTETS: usize = 4;
/// The control word of a pseudo-wire (RFC 4385).
const CONTROL_WORD: usize = 4;

/// Labels down to the bottom of the stack; then the first four bits tell (RFC 4928 section 3).
pub(super) fn stack(at: Cursor<'_>) -> Step<'_> {
    let mut below = at;
    for _ in 0..MAX_LABELS {
        let [_, _, traffic_class_and_bottom, _] = below.array(0).ok_or(cut(Layer::Mpls, below))?;
        below = below.skip_or_end(LABEL_OCTETS);
        if traffic_class_and_bottom & 1 == 1 {
            return payload(below);
        }
    }
    Err(Undecoded::Malformed {
        layer: Layer::Mpls,
        offset: at.offset(),
        what: "more than 16 labels",
    })
}

fn payload(at: Cursor<'_>) -> Step<'_> {
    let first = at.u8(0).ok_or(cut(Layer::Mpls, at))?;
    let is_ethernet = |start: usize| at.u16(start + 12).is_some_and(ethernet::is_plausible);
    match first >> 4 {
        4 => Ok((Next::Ipv4, at)),
        6 => Ok((Next::Ipv6, at)),
        // The associated channel of a pseudo-wire (RFC 4385 section 5).
        1 if !is_ethernet(0) => Err(Undecoded::NotIp { ethertype: 0x8847 }),
        0 if is_ethernet(CONTROL_WORD) => Ok((Next::Ethernet, at.skip_or_end(CONTROL_WORD))),
        _ if is_ethernet(0) => Ok((Next::Ethernet, at)),
        _ => Err(Undecoded::NotIp { ethertype: 0x8847 }),
    }
}
