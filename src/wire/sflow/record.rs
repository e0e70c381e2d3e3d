//! Records of an sFlow flow sample: the sampled packet, and what the switch, router or gateway knew of it.

use super::{FlowSample, Sampled, address, cut, flaw, opaque};
use crate::model::{ExportTrouble, FlowKey, Ip, LinkType, TcpFlags};
use crate::wire::cursor::Cursor;
use crate::wire::fault::Undecoded;
use crate::wire::walk::{Next, Walk};
use crate::wire::{Decap, Packet, link};

/// Formats of `flow_data`, enterprise 0 (section 5 of the memo; 1020 from "sFlow Port NAT Structures").
const SAMPLED_HEADER: u32 = 1;
const SAMPLED_IPV4: u32 = 3;
const SAMPLED_IPV6: u32 = 4;
const EXTENDED_SWITCH: u32 = 1001;
const EXTENDED_ROUTER: u32 = 1002;
const EXTENDED_GATEWAY: u32 = 1003;
const EXTENDED_MPLS: u32 = 1006;
const EXTENDED_NAT: u32 = 1007;
const EXTENDED_NAT_PORT: u32 = 1020;

/// Reads `count` records from `at` on into `flow`, as many of them as are there.
pub(super) fn read_all(count: u32, mut at: Cursor<'_>, flow: &mut FlowSample) {
    for _ in 0..count {
        let Some((format, body, behind)) = opaque(at) else {
            let what = "a flow sample ends inside a record, or has fewer than it counts";
            flow.flaw.get_or_insert(cut(at, what));
            return;
        };
        at = behind;
        if read(format, body, flow).is_none() {
            let what = "a record is shorter than its own fields";
            flow.flaw
                .get_or_insert(flaw(ExportTrouble::Malformed, body, what));
        }
    }
}

/// One record; `None` where its fields are not all there. Enterprises' own and unknown formats say nothing to us.
fn read(format: u32, body: Cursor<'_>, flow: &mut FlowSample) -> Option<()> {
    match format {
        SAMPLED_HEADER => header(body, flow),
        SAMPLED_IPV4 => ip(body, flow, |at| Some((v4(at, 0)?, v4(at, 4)?, at.skip(8)?))),
        SAMPLED_IPV6 => ip(body, flow, |at| Some((v6(at, 0)?, v6(at, 16)?, at.skip(32)?))),
        EXTENDED_SWITCH => switch(body, flow),
        EXTENDED_ROUTER => router(body, flow),
        EXTENDED_GATEWAY => gateway(body, flow),
        EXTENDED_MPLS => mpls(body, flow),
        EXTENDED_NAT => nat(body, flow),
        EXTENDED_NAT_PORT => nat_port(body, flow),
        _ => Some(()),
    }
}

/// `sampled_header`: the first octets of the frame, as they were on the wire.
fn header(body: Cursor<'_>, flow: &mut FlowSample) -> Option<()> {
    let (protocol, frame_length, stripped) = (body.u32(0)?, body.u32(4)?, body.u32(8)?);
    let length = body.u32(12)? as usize;
    let frame = body.skip(16)?;
    let Some(first) = first(protocol) else {
        return Some(());
    };
    frame.skip(length)?;
    let octets = Cursor::new(frame.at_most(length).octets());
    // What was stripped at the end, such as the checksum, counts in the frame's length.
    let on_the_wire = frame_length.saturating_sub(stripped);
    match Walk::new(on_the_wire, Decap::default()).run(first, octets) {
        Ok(packet) => take(&packet, flow),
        Err(undecoded) => spoiled(undecoded, frame, flow),
    }
    Some(())
}

/// The first header by `header_protocol`; `None` for links nobody samples any more.
fn first(protocol: u32) -> Option<Next> {
    let linktype = match protocol {
        1 => 1,    // Ethernet
        7 => 9,    // PPP
        11 => 228, // IPv4
        12 => 229, // IPv6
        14 => 50,  // PPP over SONET/SDH (RFC 2615): framed like HDLC (RFC 1662)
        15 => 105, // IEEE 802.11
        13 => return Some(Next::Mpls),
        _ => return None,
    };
    link::first(LinkType(linktype)).ok()
}

fn take(packet: &Packet<'_>, flow: &mut FlowSample) {
    flow.packet = Some(Sampled {
        key: packet.key,
        bytes: packet.bytes,
        tcp_flags: packet.tcp_flags,
    });
    if packet.vlan != 0 {
        flow.vlan = packet.vlan;
    }
}

/// A frame that gave no packet: ordinary where it carries no IP, else a flaw.
fn spoiled(undecoded: Undecoded, frame: Cursor<'_>, flow: &mut FlowSample) {
    let (kind, offset, what) = match undecoded {
        Undecoded::NotIp { .. } | Undecoded::UnknownLinkType(_) => return,
        Undecoded::Cut { offset, .. } => (
            ExportTrouble::Cut,
            offset,
            "the sampled header ends before its addresses",
        ),
        Undecoded::Malformed { offset, what, .. } => (ExportTrouble::Malformed, offset, what),
    };
    let mut flaw = flaw(kind, frame, what);
    flaw.offset = flaw.offset.saturating_add(offset);
    flow.flaw.get_or_insert(flaw);
}

/// `sampled_ipv4` and `sampled_ipv6`: the packet's fields, for agents that send no header. `addresses` gives source,
/// destination and what comes behind them. A header that was read says the same, and more exactly.
fn ip<'a>(
    body: Cursor<'a>,
    flow: &mut FlowSample,
    addresses: impl Fn(Cursor<'a>) -> Option<(Ip, Ip, Cursor<'a>)>,
) -> Option<()> {
    let (bytes, protocol) = (body.u32(0)?, body.u32(4)?);
    let (src, dst, at) = addresses(body.skip(8)?)?;
    let (src_port, dst_port) = (low_16(at.u32(0)?), low_16(at.u32(4)?));
    let (flags, tos) = (at.u32(8)?, at.u32(12)?);
    let protocol = low_8(protocol);
    flow.export.tos = low_8(tos);
    flow.packet.get_or_insert(Sampled {
        key: FlowKey {
            src,
            dst,
            src_port,
            dst_port,
            protocol,
        },
        bytes,
        tcp_flags: if protocol == FlowKey::TCP {
            TcpFlags(low_8(flags))
        } else {
            TcpFlags::default()
        },
    });
    Some(())
}

fn v4(at: Cursor<'_>, offset: usize) -> Option<Ip> {
    at.array(offset).map(Ip::from_v4_octets)
}

fn v6(at: Cursor<'_>, offset: usize) -> Option<Ip> {
    at.array(offset).map(Ip::from_v6_octets)
}

/// `extended_switch`: VLAN and priority of the port it came in by, then of the one it left by.
fn switch(body: Cursor<'_>, flow: &mut FlowSample) -> Option<()> {
    let vlan = body.u32(0)?;
    body.u32(12)?;
    if flow.vlan == 0 && (1..=4095).contains(&vlan) {
        flow.vlan = low_16(vlan);
    }
    Some(())
}

/// `extended_router`: next hop and the lengths of the routes of both addresses.
fn router(body: Cursor<'_>, flow: &mut FlowSample) -> Option<()> {
    let (next_hop, at) = address(body)?;
    let (src_mask, dst_mask) = (at.u32(0)?, at.u32(4)?);
    flow.export.next_hop = next_hop;
    flow.export.src_mask = low_8(src_mask);
    flow.export.dst_mask = low_8(dst_mask);
    Some(())
}

/// `extended_gateway`: border router, our AS, the source's AS, its peer, then the path to the destination. The last AS
/// of the path is the destination's.
fn gateway(body: Cursor<'_>, flow: &mut FlowSample) -> Option<()> {
    let (border, at) = address(body)?;
    let (src_as, segments) = (at.u32(4)?, at.u32(12)?);
    let mut at = at.skip(16)?;
    if flow.export.next_hop.is_none() {
        flow.export.next_hop = border;
    }
    flow.export.src_as = src_as;
    for _ in 0..segments {
        let length = at.u32(4)? as usize;
        let members = at.skip(8)?;
        at = members.skip(length.checked_mul(4)?)?;
        if let Some(last) = length.checked_sub(1) {
            flow.export.dst_as = members.u32(last * 4)?;
        }
    }
    Some(())
}

/// `extended_mpls`: next hop, the label stack it came with, the one it left with.
fn mpls(body: Cursor<'_>, flow: &mut FlowSample) -> Option<()> {
    let (_, at) = address(body)?;
    if at.u32(0)? > 0 {
        flow.export.mpls_label = at.u32(4)? >> 12;
    }
    Some(())
}

/// `extended_nat`: both addresses as translated; one that was not is as in the header.
fn nat(body: Cursor<'_>, flow: &mut FlowSample) -> Option<()> {
    let (src, at) = address(body)?;
    let (dst, _) = address(at)?;
    flow.export.nat_src = src;
    flow.export.nat_dst = dst;
    Some(())
}

/// `extended_nat_port`: both ports as translated.
fn nat_port(body: Cursor<'_>, flow: &mut FlowSample) -> Option<()> {
    let (src, dst) = (body.u32(0)?, body.u32(4)?);
    flow.export.nat_src_port = low_16(src);
    flow.export.nat_dst_port = low_16(dst);
    Some(())
}

fn low_8(value: u32) -> u8 {
    (value & 0xff) as u8
}

fn low_16(value: u32) -> u16 {
    (value & 0xffff) as u16
}
