//! Flow Records as comma-separated values (RFC 4180, but for lines that end in LF), one header line first.

use super::push::{number, time};
use crate::model::FlowRecord;

/// The header line.
pub const HEADER: &str = "start,end,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags,src_as,dst_as,\
                          sampling_rate,exporter,observation_domain,in_if,out_if,end_reason,handshake,initiator,\
                          reverse_packets,reverse_bytes,src_country,dst_country,vlan\n";

/// Adds one line to `out`. An empty field is unknown. No field can hold a comma or quote, so none is quoted.
pub fn flow(out: &mut Vec<u8>, flow: &FlowRecord) {
    time(out, flow.start);
    out.push(b',');
    time(out, flow.end);
    out.push(b',');
    flow.key.src.write(out);
    out.push(b',');
    flow.key.dst.write(out);
    for value in [
        u64::from(flow.key.src_port),
        u64::from(flow.key.dst_port),
        u64::from(flow.key.protocol),
        flow.packets,
        flow.bytes,
        u64::from(flow.tcp_flags.0),
        u64::from(flow.src_origin.asn),
        u64::from(flow.dst_origin.asn),
        u64::from(flow.sampling_rate),
    ] {
        out.push(b',');
        number(out, value);
    }
    out.push(b',');
    let exported = flow.export.as_ref();
    if let Some(exported) = exported {
        exported.exporter.write(out);
    }
    optional(out, exported.map(|e| u64::from(e.domain)));
    optional(out, exported.map(|e| u64::from(e.in_if)));
    optional(out, exported.map(|e| u64::from(e.out_if)));
    for word in [
        flow.end_reason.name(),
        flow.handshake.name(),
        if flow.initiator { "true" } else { "false" },
    ] {
        out.push(b',');
        out.extend_from_slice(word.as_bytes());
    }
    optional(out, flow.reverse.map(|r| r.packets));
    optional(out, flow.reverse.map(|r| r.bytes));
    for country in [flow.src_origin.country, flow.dst_origin.country] {
        out.push(b',');
        if country.is_known() {
            out.extend(country.0.map(|c| if c.is_ascii_alphabetic() { c } else { b'?' }));
        }
    }
    optional(out, (flow.vlan != 0).then_some(u64::from(flow.vlan)));
    out.push(b'\n');
}

/// A comma and a number, or nothing after the comma.
fn optional(out: &mut Vec<u8>, value: Option<u64>) {
    out.push(b',');
    if let Some(value) = value {
        number(out, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_line_has_the_fields_of_the_header() {
        let mut out = HEADER.as_bytes().to_vec();
        for record in fixture::flows() {
            flow(&mut out, &record);
        }
        let text = String::from_utf8(out).unwrap();
        let fields: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(fields, [25, 25, 25]);
        assert_eq!(
            text.lines().nth(1).unwrap(),
            "2026-03-10T13:00:00.123Z,2026-03-10T13:00:00.655004Z,10.0.4.21,203.0.113.80,51234,443,6,12,3411,27,0,\
             64501,1,,,,,end_of_flow,answered,true,10,14202,,DE,12"
        );
    }
}
