//! Files made by hand, octet by octet, and what is read of them.

use super::super::samples::Octets;
use super::*;
use crate::model::{EndReason, FlowKey, Handshake, Ip};
use proptest::prelude::*;
use std::io::Write;
use std::path::PathBuf;

/// Monday 2026-03-02 08:00 UTC.
const START: u64 = 1_772_438_400;

/// An extension of a flow: its type and what is in it.
fn extension(big: bool, kind: u16, fill: impl FnOnce(&mut Octets)) -> Vec<u8> {
    let mut body = Octets::new(big);
    fill(&mut body);
    let mut all = Octets::new(big);
    all.u16(kind).u16(body.out.len() as u16 + 4).raw(&body.out);
    all.out
}

/// A record of a type with what follows its length.
fn record(big: bool, kind: u16, body: &[u8]) -> Vec<u8> {
    let mut all = Octets::new(big);
    all.u16(kind).u16(body.len() as u16 + 4).raw(body);
    all.out
}

/// A flow of exporter 3 with these flags.
fn flow(big: bool, flags: u8, extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut head = Octets::new(big);
    head.u16(extensions.len() as u16)
        .raw(&[0, 0])
        .u16(3)
        .raw(&[flags, 9]);
    record(big, 11, &[head.out, extensions.concat()].concat())
}

/// Two seconds from `START + at` on, told of three seconds later; ten packets of 5000 octets.
fn generic(big: bool, at: u64, [from, to]: [u16; 2], protocol: u8, flags: u8) -> Vec<u8> {
    let millis = (START + at) * 1000;
    extension(big, 1, |body| {
        body.u64(millis + 500).u64(millis + 2500).u64(millis + 5500);
        body.u64(10)
            .u64(5000)
            .u16(from)
            .u16(to)
            .raw(&[protocol, flags, 0, 0x28]);
    })
}

fn ipv4(big: bool) -> Vec<u8> {
    extension(big, 2, |body| {
        body.u32(0xc000_0201).u32(0xc633_6402);
    })
}

fn plain_flow(at: u64) -> Vec<u8> {
    flow(
        false,
        0,
        &[generic(false, at, [40_000, 443], 6, 0x1b), ipv4(false)],
    )
}

fn block(big: bool, kind: u16, flags: u16, records: usize, octets: &[u8]) -> Vec<u8> {
    let mut all = Octets::new(big);
    all.u32(records as u32)
        .u32(octets.len() as u32)
        .u16(kind)
        .u16(flags)
        .raw(octets);
    all.out
}

fn header(big: bool, layout: u16, packing: u8, sealed: u8) -> Vec<u8> {
    let mut all = Octets::new(big);
    all.u16(0xa50c)
        .u16(layout)
        .u32(0x0107_0100)
        .u64(START)
        .raw(&[packing, sealed, 0, 0]);
    all.u32(1).u64(0).u32(0).u32(1);
    all.out
}

/// A file of one block.
fn file(big: bool, records: &[Vec<u8>]) -> Vec<u8> {
    [
        header(big, 2, 0, 0),
        block(big, 3, 0, records.len(), &records.concat()),
    ]
    .concat()
}

fn read(octets: &[u8]) -> (Vec<Recorded>, Vec<String>, Tally) {
    let mut reader = RecordReader::new("f".into(), octets);
    let (mut records, mut faults) = (Vec::new(), Vec::new());
    while let Some(next) = reader.next() {
        match next {
            Ok(recorded) => records.push(recorded),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    (records, faults, reader.tally())
}

fn only(octets: &[u8]) -> Recorded {
    let (mut records, faults, _) = read(octets);
    assert_eq!((records.len(), faults), (1, Vec::<String>::new()));
    records.remove(0)
}

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

#[test]
fn all_that_a_flow_of_nfcapd_says_is_read_in_either_byte_order() {
    for big in [false, true] {
        let exporter = {
            let mut body = Octets::new(big);
            body.u32(9).u64(0).u32(0).u32(0xc000_02fe).u16(2).u16(3).u32(77);
            record(big, 7, &body.out)
        };
        let mut extensions = vec![generic(big, 0, [40_000, 443], 6, 0x1b), ipv4(big)];
        extensions.push(extension(big, 4, |body| {
            body.u32(7).u32(8).raw(&[24, 16, 1, 0, 0, 2, 0, 0]);
        }));
        extensions.push(extension(big, 5, |body| {
            body.u64(1).u64(4).u64(900);
        }));
        extensions.push(extension(big, 6, |body| {
            body.u32(120).u32(0);
        }));
        extensions.push(extension(big, 7, |body| {
            body.u32(64_500).u32(64_501);
        }));
        extensions.push(extension(big, 10, |body| {
            body.u32(0xc000_0209);
        }));
        extensions.push(extension(big, 14, |body| {
            body.u32(0x0001_2345 << 4).raw(&[0; 36]);
        }));
        extensions.push(extension(big, 20, |body| {
            body.u32(0xcb00_7107).u32(0);
        }));
        extensions.push(extension(big, 22, |body| {
            body.u16(1234).u16(443);
        }));
        // Nobody knows this one.
        extensions.push(extension(big, 999, |body| {
            body.u32(1);
        }));
        let Recorded { record, received } = only(&file(big, &[exporter, flow(big, 0, &extensions)]));
        assert_eq!(
            record.key,
            FlowKey {
                src: ip("192.0.2.1"),
                dst: ip("198.51.100.2"),
                src_port: 40_000,
                dst_port: 443,
                protocol: 6,
            }
        );
        let millis = |at: Timestamp| at.as_nanos() / 1_000_000 - START as i64 * 1000;
        assert_eq!(
            [record.start, record.end, received].map(millis),
            [500, 2500, 5500]
        );
        assert_eq!((record.packets, record.bytes), (10, 5000));
        let back = record.reverse.unwrap();
        assert_eq!((back.packets, back.bytes), (4, 900));
        assert_eq!(record.handshake, Handshake::Answered);
        assert_eq!((record.end_reason, record.vlan), (EndReason::ActiveTimeout, 120));
        let export = record.export.unwrap();
        assert_eq!((export.exporter, export.domain), (ip("192.0.2.254"), 77));
        assert_eq!((export.in_if, export.out_if, export.direction), (7, 8, Some(1)));
        assert_eq!((export.src_mask, export.dst_mask, export.tos), (24, 16, 0x28));
        assert_eq!((export.src_as, export.dst_as), (64_500, 64_501));
        assert_eq!(export.next_hop, Some(ip("192.0.2.9")));
        assert_eq!(export.mpls_label, 0x1_2345);
        assert_eq!((export.nat_src, export.nat_dst), (Some(ip("203.0.113.7")), None));
        assert_eq!((export.nat_src_port, export.nat_dst_port), (1234, 443));
        assert!(!export.scaled && record.sampling_rate == 1);
    }
}

#[test]
fn ipv6_and_icmp_are_read_and_who_received_a_flow_is_told_by_itself() {
    let addresses = extension(false, 3, |body| {
        body.u64(0x2001_0db8_0000_0000)
            .u64(1)
            .u64(0x2001_0db8_0000_0000)
            .u64(2);
    });
    let received = extension(false, 12, |body| {
        body.u32(0xc000_02fd);
    });
    let echo = generic(false, 0, [9, 128 << 8], 58, 0);
    let record = only(&file(false, &[flow(false, 0, &[echo, addresses, received])])).record;
    assert_eq!(
        (record.key.src, record.key.dst),
        (ip("2001:db8::1"), ip("2001:db8::2"))
    );
    assert_eq!((record.key.src_port, record.key.dst_port), (0, 128 << 8));
    assert_eq!(record.export.unwrap().exporter, ip("192.0.2.253"));
}

#[test]
fn a_sampled_flow_is_scaled_already_by_the_rate_of_its_sampler() {
    let mut body = Octets::new(false);
    body.u16(3).u16(1).u64(5).u32(1).u32(99);
    let sampler = record(false, 15, &body.out);
    let mut body = Octets::new(false);
    body.u32(9).u64(0).u32(0).u32(0xc000_02fe).u16(2).u16(3).u32(0);
    let exporter = record(false, 7, &body.out);
    let named = extension(false, 18, |body| {
        body.u64(5).u16(3).u16(0);
    });
    let sampled = |extensions: &[Vec<u8>]| {
        let flow = flow(
            false,
            2,
            &[&[generic(false, 0, [1, 2], 17, 0), ipv4(false)][..], extensions].concat(),
        );
        only(&file(false, &[exporter.clone(), sampler.clone(), flow])).record
    };
    let known = sampled(&[named]);
    assert!(known.export.unwrap().scaled);
    assert_eq!(known.sampling_rate, 100);
    // Of a sampler that nobody told of it is known only that it left something out.
    assert_eq!(sampled(&[]).sampling_rate, 2);
}

#[test]
fn counters_of_what_left_alone_are_those_of_the_flow() {
    let mut nothing = generic(false, 0, [1, 53], 17, 0);
    nothing[4 + 24..4 + 40].fill(0);
    let out = extension(false, 5, |body| {
        body.u64(0).u64(3).u64(180);
    });
    let record = only(&file(false, &[flow(false, 0, &[nothing, ipv4(false), out])])).record;
    assert_eq!((record.packets, record.bytes, record.reverse), (3, 180, None));
}

#[test]
fn a_flow_received_long_after_it_ended_was_read_out_of_a_capture() {
    let mut late = plain_flow(0);
    // msecReceived, a year later.
    let at = 12 + 4 + 16;
    late[at..at + 8].copy_from_slice(&((START + 31_536_000) * 1000).to_le_bytes());
    let recorded = only(&file(false, &[late]));
    assert_eq!(recorded.received, recorded.record.end);
}

#[test]
fn an_event_of_a_firewall_is_placed_where_it_happened() {
    let mut created = generic(false, 0, [40_000, 443], 6, 0);
    created[4..4 + 16].fill(0);
    created[4 + 24..4 + 40].fill(0);
    let event = extension(false, 19, |body| {
        body.u64((START + 7) * 1000).u32(1).u16(0).raw(&[1, 0]);
    });
    let recorded = only(&file(false, &[flow(false, 1, &[created, ipv4(false), event])]));
    assert_eq!(recorded.record.start.as_secs() as u64, START + 7);
    assert_eq!(recorded.record.handshake, Handshake::Unknown);
}

#[test]
fn blocks_are_unpacked_however_they_were_packed() {
    let flows: Vec<Vec<u8>> = (0..40).map(plain_flow).collect();
    let octets = flows.concat();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&octets).unwrap();
    // LZO1X of nothing but literals: a run of all octets and the end.
    let run = octets.len() - 18;
    let mut lzo = vec![0; 1 + (run - 1) / 255];
    lzo.push(((run - 1) % 255 + 1) as u8);
    lzo.extend(&octets);
    lzo.extend([17, 0, 0]);
    let packed = [
        (1, lzo),
        (2, bzip2.finish().unwrap()),
        (3, lz4_flex::block::compress(&octets)),
        (4, zstd::encode_all(&octets[..], 1).unwrap()),
    ];
    let plain = read(&file(false, &flows));
    assert_eq!((plain.0.len(), &plain.1), (40, &Vec::new()));
    for (packing, octets) in packed {
        let head = header(false, 2, packing, 0);
        let whole = [
            head,
            block(false, 3, 0, 40, &octets),
            block(false, 3, 1, 1, &plain_flow(50)),
        ]
        .concat();
        let (records, faults, _) = read(&whole);
        assert_eq!(faults, Vec::<String>::new(), "{packing}");
        assert_eq!(records[..40], plain.0[..], "{packing}");
        assert_eq!(records.len(), 41, "a block may stay unpacked");
    }
}

#[test]
fn what_is_damaged_costs_itself_and_is_named_with_its_place() {
    let (first, second) = (plain_flow(0), plain_flow(1));
    let mut lying = plain_flow(2);
    lying[2..4].copy_from_slice(&2u16.to_le_bytes());
    let mut overlong = plain_flow(3);
    overlong[14..16].copy_from_slice(&900u16.to_le_bytes());
    let old = record(false, 10, &[0; 40]);
    let bare = flow(false, 0, &[ipv4(false)]);
    let mut damaged = header(false, 2, 0, 0);
    damaged.extend(block(
        false,
        3,
        0,
        3,
        &[first.clone(), overlong, second.clone()].concat(),
    ));
    damaged.extend(block(false, 3, 0, 3, &[old, bare, lying, first.clone()].concat()));
    damaged.extend(block(false, 9, 0, 1, &first));
    damaged.extend(block(false, 4, 0, 1, &[1; 30]));
    damaged.extend(block(
        false,
        3,
        0,
        2,
        &[record(false, 0x8002, &[0; 64]), second].concat(),
    ));
    let (records, faults, tally) = read(&damaged);
    assert_eq!(records.len(), 3);
    let flow = 12 + 52 + 12;
    assert_eq!(first.len(), flow);
    let second_block = 40 + 12 + 3 * flow + 12;
    let expected = [
        format!(
            "f: byte {}: an extension 1 of 900 octets where 64 are left",
            40 + 12 + flow
        ),
        format!("f: byte {second_block}: a flow in records of type 10, which are not read"),
        format!(
            "f: byte {}: a flow without addresses or without counters",
            second_block + 44
        ),
        format!(
            "f: byte {}: a record of 2 octets where {} are left; the rest of its block is not read",
            second_block + 44 + 24,
            2 * flow
        ),
        format!(
            "f: byte {}: a block of type 9, which is not read",
            second_block + 44 + 24 + 2 * flow
        ),
    ];
    assert_eq!(faults, expected);
    assert_eq!((tally.records, tally.files, tally.passed), (3, 1, 2));
    assert_eq!(tally.faults.values().sum::<u64>(), 5);
}

#[test]
fn a_block_that_cannot_be_unpacked_costs_itself() {
    let octets = zstd::encode_all(&plain_flow(0)[..], 1).unwrap();
    let mut spoiled = octets.clone();
    spoiled[6..].fill(0x55);
    let whole = [
        header(false, 2, 4, 0),
        block(false, 3, 0, 1, &spoiled),
        block(false, 3, 0, 1, &octets),
    ];
    let (records, faults, _) = read(&whole.concat());
    assert_eq!((records.len(), faults.len()), (1, 1));
    assert!(faults[0].starts_with("f: byte 40: a block of "), "{faults:?}");
}

#[test]
fn every_shorter_file_gives_the_flows_that_are_whole_in_it() {
    let flows: Vec<Vec<u8>> = (0..3).map(plain_flow).collect();
    let whole = file(false, &flows);
    for length in 1..whole.len() {
        let (records, faults, _) = read(&whole[..length]);
        assert_eq!(
            records.len(),
            length.saturating_sub(40 + 12) / flows[0].len(),
            "{length}"
        );
        let between = length == 40;
        assert_eq!(faults.len(), usize::from(!between), "{length}: {faults:?}");
        let ends = faults
            .iter()
            .all(|fault| fault.contains("ends inside") || length < 4);
        assert!(ends, "{length}: {faults:?}");
    }
    let packed = zstd::encode_all(&flows.concat()[..], 1).unwrap();
    let packed = [header(false, 2, 4, 0), block(false, 3, 0, 3, &packed)].concat();
    let (records, faults, _) = read(&packed[..packed.len() - 1]);
    assert_eq!(
        (records.len(), faults),
        (0, vec!["f: byte 40: the file ends inside a block".to_owned()])
    );
}

#[test]
fn what_is_not_read_is_said_in_words() {
    let said = |octets: &[u8]| read(octets).1.remove(0);
    assert_eq!(
        said(&header(false, 1, 0, 0)),
        "f: byte 0: is a flow file of layout 1; layout 2 is read; nfdump 1.7 makes it of older files: nfdump -r FILE -w NEW"
    );
    assert_eq!(
        said(&header(false, 2, 0, 1)),
        "f: byte 0: is an encrypted flow file"
    );
    assert_eq!(
        said(&header(false, 2, 9, 0)),
        "f: byte 0: is packed in a way of number 9; none, LZO, bzip2, LZ4 and zstd are read (0 to 4)"
    );
    assert_eq!(
        said(b"time,bytes\n1,2\n"),
        "f: byte 0: is no file of Flow Records (nfcapd, Zeek's conn.log) (looks like text)"
    );
    assert_eq!(said(b""), "f: byte 0: is empty");
    let huge = [
        header(false, 2, 0, 0),
        [0, 0, 0, 0, 255, 255, 255, 127, 3, 0, 0, 0].to_vec(),
    ]
    .concat();
    assert_eq!(
        said(&huge),
        "f: byte 40: a block of 2147483647 octets; none is larger than 16777216, the rest is not read"
    );
}

const HEAD: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
#open\t2026-03-02-08-00-00\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\t\
orig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\t\
resp_ip_bytes\ttunnel_parents\tvlan\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\t\
string\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\tint\n";

/// A line of a log; what follows the service.
fn line(ends: &str, rest: &str) -> String {
    format!("1772438400.250000\tCx1\t{ends}\t-\t{rest}\n")
}

const WEB: &str = "192.0.2.1\t40000\t198.51.100.2\t443\ttcp";

#[test]
fn a_connection_of_zeek_is_a_flow_with_its_reverse() {
    let log = HEAD.to_owned()
        + &line(
            WEB,
            "2.500000\t500\t9000\tSF\tT\tF\t7\tShADadFf\t10\t1020\t12\t9624\t(empty)\t120",
        )
        + "#close\t2026-03-02-09-00-00\n";
    let (records, faults, tally) = read(log.as_bytes());
    assert_eq!((records.len(), faults), (1, vec![]));
    let Recorded { record, received } = &records[0];
    assert_eq!(
        record.start.as_nanos(),
        START as i64 * 1_000_000_000 + 250_000_000
    );
    assert_eq!(record.end.since(record.start).as_millis(), 2500);
    assert_eq!(*received, record.end);
    assert_eq!((record.packets, record.bytes, record.vlan), (10, 1020, 120));
    assert_eq!(record.tcp_flags.to_string(), "...A..SF");
    let back = record.reverse.unwrap();
    assert_eq!(
        (back.packets, back.bytes, back.tcp_flags.to_string()),
        (12, 9624, "...A..SF".into())
    );
    assert_eq!(
        (record.handshake, record.end_reason),
        (Handshake::Answered, EndReason::EndOfFlow)
    );
    assert!(record.initiator && record.export.is_none());
    assert_eq!(tally.missed_octets, 7);
}

#[test]
fn json_lines_say_the_same_as_tab_separated_values() {
    let tsv = HEAD.to_owned() + &line(WEB, "2.5\t500\t9000\tREJ\t-\t-\t0\tSr\t1\t60\t1\t40\t-\t-");
    let json = r#"{"ts":1772438400.25,"uid":"Cx\"1","id.orig_h":"192.0.2.1","id.orig_p":40000,"id.resp_h":"198.51.100.2","id.resp_p":443,"proto":"tcp","duration":2.5,"orig_bytes":500,"resp_bytes":9000,"conn_state":"REJ","history":"Sr","orig_pkts":1,"orig_ip_bytes":60,"resp_pkts":1,"resp_ip_bytes":40,"tunnel_parents":["a"]}"#;
    let (of_tsv, of_json) = (read(tsv.as_bytes()), read(format!("{json}\n").as_bytes()));
    assert_eq!(of_tsv.0, of_json.0);
    assert_eq!((of_tsv.0.len(), of_json.1), (1, vec![]));
    assert_eq!(of_tsv.0[0].record.handshake, Handshake::Refused);
    let other = json.replacen('{', r#"{"_path":"dns","#, 1);
    assert_eq!(read(format!("{other}\n{json}\n").as_bytes()).2.passed, 1);
}

#[test]
fn octets_are_those_of_the_ip_layer_and_else_of_the_payload() {
    let log = HEAD.to_owned() + &line(WEB, "-\t500\t-\tS0\t-\t-\t-\tS\t1\t-\t0\t-\t-\t-");
    let record = only(log.as_bytes()).record;
    assert_eq!((record.packets, record.bytes, record.reverse), (1, 500, None));
    assert_eq!(
        (record.start, record.handshake),
        (record.end, Handshake::Unanswered)
    );
}

#[test]
fn where_only_the_responder_was_heard_the_flow_is_its() {
    let name = "192.0.2.1\t40000\t198.51.100.2\t53\tudp";
    let log = HEAD.to_owned() + &line(name, "1\t0\t90\tSHR\t-\t-\t0\td\t0\t0\t2\t146\t-\t-");
    let record = only(log.as_bytes()).record;
    assert_eq!((record.key.src, record.key.src_port), (ip("198.51.100.2"), 53));
    assert_eq!((record.packets, record.bytes, record.reverse), (2, 146, None));
    assert_eq!(
        (record.initiator, record.handshake),
        (false, Handshake::Unsolicited)
    );
}

#[test]
fn icmp_has_type_and_code_where_ports_stand() {
    let echo = "2001:db8::1\t128\t2001:db8::2\t129\ticmp";
    let log = HEAD.to_owned() + &line(echo, "1\t0\t0\tOTH\t-\t-\t0\t-\t2\t112\t2\t112\t-\t-");
    let record = only(log.as_bytes()).record;
    assert_eq!(record.key.protocol, FlowKey::ICMPV6);
    assert_eq!((record.key.src_port, record.key.dst_port), (0, 128 << 8 | 129));
}

#[test]
fn a_bad_line_costs_itself_and_is_named_with_its_number() {
    let good = line(WEB, "1\t1\t1\tSF\t-\t-\t0\tSh\t1\t60\t1\t60\t-\t-");
    let bad_count = line(WEB, "1\t1\t1\tSF\t-\t-\t0\tSh\tmany\t60\t1\t60\t-\t-");
    let bad_address = good.replace("192.0.2.1", "somewhere");
    let short = "1772438400.25\tCx1\t192.0.2.1\n";
    let text = format!("{HEAD}{good}{bad_count}{bad_address}{short}\n{good}");
    let log = [text.as_bytes(), &b"\xff\xfe\n"[..], good.as_bytes()].concat();
    let (records, faults, tally) = read(&log);
    assert_eq!(records.len(), 3);
    let offset = HEAD.len() + good.len();
    let more = offset + bad_count.len();
    assert_eq!(
        faults,
        [
            format!("f: byte {offset}: line 10: `orig_pkts` is `many`, not a count"),
            format!("f: byte {more}: line 11: `id.orig_h` is `somewhere`, not an address"),
            format!(
                "f: byte {}: line 12: it has 3 values for 22 fields",
                more + bad_address.len()
            ),
            format!("f: byte {}: line 15: it is no text in UTF-8", text.len()),
        ]
    );
    assert_eq!(tally.faults.values().sum::<u64>(), 4);
}

#[test]
fn a_log_may_begin_anew_with_other_fields_or_separators() {
    let comma = "#separator ,\n#unset_field,?\n#path,conn\n#fields,proto,id.resp_h,id.orig_h,ts\n\
                 udp,198.51.100.2,192.0.2.1,1772438401\n";
    let log = HEAD.to_owned() + &line(WEB, "1\t1\t1\tSF\t-\t-\t0\tSh\t1\t60\t1\t60\t-\t-") + comma;
    let (records, faults, _) = read(log.as_bytes());
    assert_eq!((records.len(), faults), (2, vec![]));
    assert_eq!(records[1].record.key.protocol, FlowKey::UDP);
}

#[test]
fn another_log_of_zeek_is_refused() {
    let dns = HEAD.replace("#path\tconn", "#path\tdns");
    assert_eq!(
        read(dns.as_bytes()).1,
        ["f: byte 69: line 5: it is a log of `dns`; connections are in conn.log"]
    );
    let without = "#separator \\x09\n#fields\tts\tproto\n";
    assert_eq!(
        read(without.as_bytes()).1,
        ["f: byte 16: line 2: `#fields` has no `id.orig_h`"]
    );
}

#[test]
fn a_log_that_is_cut_off_gives_its_whole_lines() {
    let good = line(WEB, "1\t1\t1\tSF\t-\t-\t0\tSh\t1\t60\t1\t60\t-\t-");
    let log = format!("{HEAD}{good}{}", &good[..good.len() / 2]);
    let (records, faults, _) = read(log.as_bytes());
    assert_eq!(records.len(), 1);
    assert_eq!(
        faults,
        [format!(
            "f: byte {}: the file ends inside line 10",
            HEAD.len() + good.len()
        )]
    );
}

#[test]
fn a_line_without_an_end_is_stepped_over() {
    let good = line(WEB, "1\t1\t1\tSF\t-\t-\t0\tSh\t1\t60\t1\t60\t-\t-");
    let log = [HEAD, &"x".repeat(3 << 20), "\n", &good].concat();
    let (records, faults, _) = read(log.as_bytes());
    assert_eq!(records.len(), 1);
    assert_eq!(
        faults,
        [format!(
            "f: byte {}: line 9 is longer than 1048576 octets",
            HEAD.len()
        )]
    );
}

/// Writes files into a folder of their own.
fn files(contents: &[&[u8]]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = contents.iter().enumerate().map(|(n, octets)| {
        let path = folder.path().join(format!("{n}"));
        std::fs::write(&path, octets).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

fn arrivals(paths: &[PathBuf]) -> Vec<i64> {
    let mut files = RecordFiles::open(paths.iter().cloned());
    let arrivals = std::iter::from_fn(|| files.next());
    let arrivals = arrivals.map(|next| next.unwrap().received.as_secs() - START as i64);
    arrivals.collect()
}

#[test]
fn several_files_are_one_stream_in_order_of_arrival() {
    let flows =
        |times: std::ops::Range<u64>| file(false, &times.map(|n| plain_flow(n * 10)).collect::<Vec<_>>());
    let mixed = file(false, &[plain_flow(300), plain_flow(2), plain_flow(150)]);
    let packed = zstd::encode_all(&flows(20..40)[..], 1).unwrap();
    let (_folder, paths) = files(&[&flows(60..90), &packed, &mixed, &flows(0..30)]);
    let seen = arrivals(&paths);
    assert_eq!(seen.len(), 83);
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(
        paths
            .iter()
            .all(|path| format_of(path) == Some(RecordFormat::Nfcapd))
    );
}

#[test]
fn a_long_connection_listed_first_does_not_run_ahead_of_those_after_it() {
    let mut log = HEAD.to_owned();
    for (start, length) in [(0, 50_000), (1, 2), (2, 2), (40, 1)] {
        log += &line(
            WEB,
            &format!("{length}\t1\t1\tSF\t-\t-\t0\tSh\t1\t60\t1\t60\t-\t-"),
        )
        .replace("1772438400.250000", &format!("{}", START + start));
    }
    let (_folder, paths) = files(&[log.as_bytes()]);
    assert_eq!(arrivals(&paths), [3, 4, 41, 50_000]);
    assert_eq!(format_of(&paths[0]), Some(RecordFormat::Zeek));
}

#[test]
fn a_file_that_is_not_there_costs_only_itself() {
    let (folder, mut paths) = files(&[&file(false, &[plain_flow(0)])]);
    paths.insert(0, folder.path().join("missing"));
    let mut files = RecordFiles::open(paths);
    let all: Vec<_> = std::iter::from_fn(|| files.next()).collect();
    assert_eq!(all.iter().filter(|next| next.is_ok()).count(), 1);
    assert_eq!(files.tally().faults.values().sum::<u64>(), 1);
    assert_eq!(files.tally().records, 1);
}

/// Sound files of every kind.
fn sound() -> Vec<Vec<u8>> {
    let flows: Vec<Vec<u8>> = (0..5).map(plain_flow).collect();
    let packed =
        |packing: u8, octets: &[u8]| [header(false, 2, packing, 0), block(false, 3, 0, 5, octets)].concat();
    let octets = flows.concat();
    let text = HEAD.to_owned() + &line(WEB, "1\t1\t1\tSF\t-\t-\t0\tSh\t1\t60\t1\t60\t-\t-").repeat(3);
    let json = r#"{"ts":1772438400.25,"id.orig_h":"192.0.2.1","id.orig_p":4,"id.resp_h":"192.0.2.2","id.resp_p":80,"proto":"tcp","duration":2.5,"conn_state":"SF"}"#;
    vec![
        file(false, &flows),
        file(
            true,
            &(0..5)
                .map(|_| flow(true, 2, &[generic(true, 0, [1, 2], 17, 0), ipv4(true)]))
                .collect::<Vec<_>>(),
        ),
        packed(3, &lz4_flex::block::compress(&octets)),
        packed(4, &zstd::encode_all(&octets[..], 1).unwrap()),
        text.into_bytes(),
        format!("{json}\n{json}\n").into_bytes(),
    ]
}

proptest! {
    #[test]
    fn no_damage_breaks_the_reader_and_every_record_has_its_times_in_order(
        kind in 0usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = sound().swap_remove(kind);
        for (place, octet) in &changes {
            let place = place.index(octets.len());
            octets[place] = *octet;
        }
        octets.truncate(cut.index(octets.len()) + 1);
        let (records, faults, tally) = read(&octets);
        prop_assert_eq!(records.len() as u64, tally.records);
        prop_assert!(faults.iter().all(|fault| fault.starts_with("f: byte ")));
        for Recorded { record, received } in records {
            prop_assert!(record.start <= record.end && record.end <= received);
            prop_assert!(record.sampling_rate >= 1 && record.start.as_nanos() >= 0);
        }
    }
}
