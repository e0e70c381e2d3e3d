//! Flow Records as an aligned table, a line each, in the look operators know from nfdump.

use super::push::{number, time_for_people};
use super::words::protocol;
use crate::model::units::{bytes, grouped};
use crate::model::{FlowKey, FlowRecord, Ip};
use std::io::Write;

/// A table under way: its columns grow when an IPv6 address needs the room, and its totals.
#[derive(Clone, Debug)]
pub struct FlowTable {
    /// Width of the source column.
    src: usize,
    /// Width of the destination column.
    dst: usize,
    flows: u64,
    packets: u64,
    bytes: u64,
    /// Reused text of one address and port.
    cell: Vec<u8>,
}

impl FlowTable {
    /// A table wide enough for IPv4.
    pub const fn new() -> Self {
        Self {
            src: 21,
            dst: 21,
            flows: 0,
            packets: 0,
            bytes: 0,
            cell: Vec::new(),
        }
    }

    /// The header line.
    pub fn header(&self, out: &mut Vec<u8>) {
        // Writing to a Vec does not fail.
        writeln!(
            out,
            "{:<23} {:>9} {:<5} {:>src$}    {:<dst$} {:<8} {:>8} {:>10}",
            "Start (UTC)",
            "Seconds",
            "Proto",
            "Source",
            "Destination",
            "Flags",
            "Packets",
            "Bytes",
            src = self.src,
            dst = self.dst,
        )
        .unwrap_or_default();
    }

    /// One line.
    pub fn flow(&mut self, out: &mut Vec<u8>, flow: &FlowRecord) {
        time_for_people(out, flow.start);
        let seconds = flow.end.since(flow.start).as_secs_f64();
        write!(
            out,
            " {seconds:>9.3} {:<5} ",
            protocol(u32::from(flow.key.protocol))
        )
        .unwrap_or_default();
        self.place(flow.key.src, flow.key.src_port, flow.key.protocol, false);
        self.src = self.src.max(self.cell.len());
        pad(out, self.src - self.cell.len());
        out.extend_from_slice(&self.cell);
        out.extend_from_slice(b" -> ");
        self.place(flow.key.dst, flow.key.dst_port, flow.key.protocol, true);
        self.dst = self.dst.max(self.cell.len());
        out.extend_from_slice(&self.cell);
        pad(out, self.dst - self.cell.len());
        writeln!(out, " {} {:>8} {:>10}", flow.tcp_flags, flow.packets, flow.bytes).unwrap_or_default();
        self.flows += 1;
        self.packets = self.packets.saturating_add(flow.packets);
        self.bytes = self.bytes.saturating_add(flow.bytes);
    }

    /// The totals, one line.
    pub fn totals(&self, out: &mut Vec<u8>) {
        writeln!(
            out,
            "Total: {} flows, {} packets, {} ({} bytes)",
            grouped(self.flows),
            grouped(self.packets),
            bytes(self.bytes as f64),
            grouped(self.bytes)
        )
        .unwrap_or_default();
    }

    /// Puts `address:port` into the cell, `[address]:port` for IPv6; type and code where ICMP keeps them.
    fn place(&mut self, ip: Ip, port: u16, protocol: u8, is_destination: bool) {
        self.cell.clear();
        let (open, close): (&[u8], &[u8]) = if ip.is_v4() { (b"", b":") } else { (b"[", b"]:") };
        self.cell.extend_from_slice(open);
        ip.write(&mut self.cell);
        self.cell.extend_from_slice(close);
        if is_destination && matches!(protocol, FlowKey::ICMP | FlowKey::ICMPV6) {
            number(&mut self.cell, u64::from(port >> 8));
            self.cell.push(b'.');
            number(&mut self.cell, u64::from(port & 0xff));
        } else {
            number(&mut self.cell, u64::from(port));
        }
    }
}

/// Spaces.
fn pad(out: &mut Vec<u8>, width: usize) {
    out.resize(out.len() + width, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn flows_line_up_under_their_header() {
        let mut table = FlowTable::new();
        let mut out = Vec::new();
        table.header(&mut out);
        for flow in fixture::flows() {
            table.flow(&mut out, &flow);
        }
        table.totals(&mut out);
        let want = "\
Start (UTC)               Seconds Proto                Source    Destination           Flags     Packets      Bytes
2026-03-10 13:00:00.123     0.532 TCP         10.0.4.21:51234 -> 203.0.113.80:443      ...AP.SF       12       3411
2026-03-10 13:00:00.000     0.000 ICMP6   [2001:db8:77::53]:0 -> [2001:db8::1:2:3:4]:128.0 ........        1        104
Total: 2 flows, 13 packets, 3.52 kB (3,515 bytes)
";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}
