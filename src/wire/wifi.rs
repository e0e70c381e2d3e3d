//! Wireless LAN: IEEE 802.11 data frames, and the radiotap header that captures put before them.

use super::cursor::Cursor;
use super::ethernet::cut;
use super::fault::{Layer, Undecoded};
use super::walk::{Next, Step};

const TO_AND_FROM_DS: u8 = 0x03;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// An IEEE 802.11 frame (section 9.2). Only unencrypted data frames carry anything that can be read; of aggregated
/// ones (A-MSDU) the first.
pub(super) fn frame(at: Cursor<'_>) -> Step<'_> {
    let [control, flags] = at.array(0).ok_or(cut(Layer::Wifi, at))?;
    let (kind, subtype) = ((control >> 2) & 3, control >> 4);
    let (without_data, qos) = (subtype & 4 != 0, subtype & 8 != 0);
    if kind != 2 || without_data || flags & PROTECTED != 0 {
        return Err(Undecoded::NotIp { ethertype: 0 });
    }
    let mut octets = 24;
    if flags & TO_AND_FROM_DS == TO_AND_FROM_DS {
        octets += 6;
    }
    let mut aggregated = false;
    if qos {
        aggregated = at.u8(octets).ok_or(cut(Layer::Wifi, at))? & 0x80 != 0;
        octets += 2;
        if flags & ORDER != 0 {
            octets += 4;
        }
    }
    let body = at.skip(octets).ok_or(cut(Layer::Wifi, at))?;
    if aggregated {
        first_of_many(body)
    } else {
        Ok((Next::Llc, body))
    }
}

/// An A-MSDU subframe: two addresses, a length, LLC.
fn first_of_many(at: Cursor<'_>) -> Step<'_> {
    let length = at.u16(12).ok_or(cut(Layer::Wifi, at))?;
    Ok((Next::Llc, at.skip_or_end(14).at_most(usize::from(length))))
}

/// Radiotap (radiotap.org): version, padding, length and presence bits in little-endian order.
pub(super) fn radiotap(at: Cursor<'_>) -> Step<'_> {
    let [version, _, low, high, present @ ..] = at.array::<8>(0).ok_or(cut(Layer::Radiotap, at))?;
    let length = usize::from(u16::from_le_bytes([low, high]));
    if version != 0 || length < 8 {
        return Err(Undecoded::Malformed {
            layer: Layer::Radiotap,
            offset: at.offset(),
            what: "version is not 0 or length is below 8",
        });
    }
    let frame = at.skip(length).ok_or(cut(Layer::Radiotap, at))?;
    match flags(at.at_most(length), u32::from_le_bytes(present)) {
        Some(flags) if flags & 0x20 != 0 => padded(frame),
        _ => Ok((Next::Wifi, frame)),
    }
}

/// The Flags field, if present: it follows the presence words and the eight-octet timestamp, which is aligned.
fn flags(header: Cursor<'_>, present: u32) -> Option<u8> {
    const TIMESTAMP: u32 = 1;
    const FLAGS: u32 = 2;
    const MORE: u32 = 1 << 31;
    if present & FLAGS == 0 {
        return None;
    }
    let (mut field, mut word) = (8, present);
    while word & MORE != 0 {
        word = u32::from_le_bytes(header.array(field)?);
        field += 4;
    }
    if present & TIMESTAMP != 0 {
        field = field.next_multiple_of(8) + 8;
    }
    header.u8(field)
}

/// Some drivers pad between the 802.11 header and its body to four octets; only headers of 26 and 30 octets need it.
fn padded(at: Cursor<'_>) -> Step<'_> {
    let (next, body) = frame(at)?;
    let octets = body.offset().saturating_sub(at.offset());
    let pad = octets.next_multiple_of(4) - octets;
    let body = body.skip(pad as usize).ok_or(cut(Layer::Wifi, body))?;
    Ok((next, body))
}
