//! Promises of the whole room: octets in, text out.

use super::samples::{Octets, Trickle, everything, three_records};
use super::*;
use crate::model::{FaultKind, LinkType, RawPacket, Timestamp};
use proptest::prelude::*;
use std::io::{Read, Write};

fn line(packet: &RawPacket<'_>) -> String {
    let octets = packet.octets.escape_ascii();
    let (at, link, original) = (packet.at, packet.link.0, packet.original_length);
    format!("{at} link {link} {octets} of {original}\n")
}

/// Everything a capture says, a line each, faults too.
fn read(source: impl Read) -> (String, Counters) {
    let mut reader = CaptureReader::new("f".into(), source);
    let mut text = String::new();
    while let Some(next) = reader.next() {
        match next {
            Ok(packet) => text += &line(&packet),
            Err(fault) => text += &format!("{}: {fault}\n", fault.kind.name()),
        }
    }
    assert!(reader.next().is_none(), "the end is the end");
    let counters = reader.counters();
    (text, counters)
}

fn text(octets: &[u8]) -> String {
    read(octets).0
}

#[test]
fn every_kind_of_pcap_is_read() {
    for big in [false, true] {
        for (magic, fraction, time) in [
            (0xa1b2_c3d4, 250_000, "2023-11-14T22:13:20.25Z"),
            (0xa1b2_3c4d, 250_000_001, "2023-11-14T22:13:20.250000001Z"),
        ] {
            let mut file = Octets::new(big);
            file.pcap(magic, 0x5400_0001)
                .record(1_700_000_000, fraction, b"abc", 60);
            file.record(u32::MAX, 0, b"", 0);
            let last = "2106-02-07T06:28:15Z link 1  of 0";
            assert_eq!(text(&file.out), format!("{time} link 1 abc of 60\n{last}\n"));
        }
        let mut file = Octets::new(big);
        file.pcap(0xa1b2_cd34, 1);
        for second in [1, 2] {
            file.u32(second).u32(0).u32(1).u32(9).raw(b"ifindex.").raw(b"x");
        }
        let expected = "1970-01-01T00:00:01Z link 1 x of 9\n1970-01-01T00:00:02Z link 1 x of 9\n";
        assert_eq!(text(&file.out), expected);
    }
}

#[test]
fn a_time_that_cannot_be_is_said_and_the_packet_used() {
    let mut file = Octets::new(false);
    file.pcap(0xa1b2_c3d4, 1)
        .record(1, u32::MAX, b"abc", 3)
        .record(2, 0, b"d", 1);
    assert_eq!(
        text(&file.out),
        "bad_record: f: byte 24: the fraction of a second is 4294967295 us; the packet is used\n\
         1970-01-01T01:11:35.967295Z link 1 abc of 3\n\
         1970-01-01T00:00:02Z link 1 d of 1\n"
    );
}

#[test]
fn versions_before_2_3_have_their_lengths_the_other_way_round() {
    let mut file = Octets::new(false);
    file.u32(0xa1b2_c3d4).u16(2).u16(2).u32(0).u32(0).u32(96).u32(1);
    file.u32(1).u32(0).u32(60).u32(2).raw(b"ab");
    assert_eq!(text(&file.out), "1970-01-01T00:00:01Z link 1 ab of 60\n");
}

#[test]
fn every_block_and_both_byte_orders_in_one_pcapng_are_read() {
    let (file, expected) = everything();
    let (text, counters) = read(&file[..]);
    assert_eq!(text, expected);
    assert_eq!(
        counters,
        Counters {
            packets: 5,
            octets: 12,
            untimed: 1,
            captures: 1,
            skipped: SkippedBlocks {
                names: 1,
                statistics: 1,
                secrets: 1,
                custom: 1,
                unknown: 1,
                first_unknown: Some((0x8000_0001, 224)),
            },
            faults: Default::default(),
        }
    );
}

#[test]
fn it_does_not_matter_how_the_octets_arrive() {
    for (file, expected) in [everything(), three_records()] {
        for step in [1, 2, 13, 100] {
            assert_eq!(read(Trickle::new(&file, step)).0, expected);
        }
    }
}

#[test]
fn a_file_cut_anywhere_gives_what_was_whole_and_says_what_was_not() {
    for (file, expected) in [everything(), three_records()] {
        let ends: Vec<String> = (0..file.len()).map(|cut| text(&file[..cut])).collect();
        for (cut, text) in ends.iter().enumerate() {
            let packets: String = text
                .lines()
                .filter(|l| l.contains(" link "))
                .map(|l| format!("{l}\n"))
                .collect();
            assert!(expected.starts_with(&packets), "cut at {cut}: {text}");
            let faults = text.lines().count() - packets.lines().count();
            assert!(faults <= 1, "cut at {cut}: {text}");
            // Between two records a cut cannot be seen.
            assert!(
                faults == 1 || text.is_empty() || packets == *text,
                "cut at {cut}: {text}"
            );
        }
    }
    let (file, _) = three_records();
    assert_eq!(
        text(&file[..3]),
        "unreadable: f: byte 0: is no pcap or pcapng capture (begins with d4 c3 b2)\n"
    );
    assert_eq!(
        text(&file[..20]),
        "truncated: f: byte 0: the file ends inside the pcap file header\n"
    );
    assert!(text(&file[..30]).ends_with("truncated: f: byte 24: the file ends inside a record header\n"));
    let cut = text(&file[..file.len() - 1]);
    assert!(
        cut.ends_with("truncated: f: byte 62: the file ends inside a record of 5 octets, 4 are there\n"),
        "{cut}"
    );
    let (file, _) = everything();
    let cut = text(&file[..file.len() - 1]);
    assert!(
        cut.ends_with("the file ends inside a block of type 0x2 and 36 octets\n"),
        "{cut}"
    );
}

#[test]
fn reading_goes_on_after_a_record_that_cannot_be() {
    let mut file = Octets::new(true);
    file.pcap(0xa1b2_c3d4, 1).record(1000, 5, b"before", 6);
    file.u32(1001)
        .u32(0)
        .u32(0x7fff_ffff)
        .u32(60)
        .raw(b"not to be trusted");
    file.record(1002, 7, b"after", 5).record(1003, 8, b"last", 4);
    assert_eq!(
        text(&file.out),
        "1970-01-01T00:16:40.000005Z link 1 before of 6\n\
         bad_record: f: byte 46: record of 2147483647 octets, more than 262144 can be; 33 octets skipped, reading \
         goes on at byte 79\n\
         1970-01-01T00:16:42.000007Z link 1 after of 5\n\
         1970-01-01T00:16:43.000008Z link 1 last of 4\n"
    );
}

#[test]
fn a_hole_of_zeros_is_no_packets() {
    let (mut file, expected) = three_records();
    file.extend([0; 5000]);
    let end =
        "bad_record: f: byte 83: zeros where a record should be; no record found up to the end of the file\n";
    assert_eq!(text(&file), format!("{expected}{end}"));
}

#[test]
fn a_second_file_header_is_said_and_read() {
    let (mut file, expected) = three_records();
    let mut other = Octets::new(true);
    other.pcap(0xa1b2_3c4d, 101).record(9, 1, b"x", 1);
    file.extend(other.out);
    let text = text(&file);
    let rest = text.strip_prefix(expected).unwrap();
    assert!(
        rest.starts_with("bad_record: f: byte 83: a second pcap file header where a record should be"),
        "{text}"
    );
    assert!(
        rest.ends_with("\n1970-01-01T00:00:09.000000001Z link 101 x of 1\n"),
        "{text}"
    );
}

#[test]
fn a_block_that_contradicts_itself_costs_only_itself() {
    let mut file = Octets::new(false);
    file.section().interface(1, 0, &[]).packet(0, 1, b"one", 3);
    let broken = file.out.len();
    file.packet(0, 2, b"two", 3);
    let end = file.out.len();
    file.packet(0, 3, b"three", 5);
    file.out[end - 4] ^= 0x10;
    let packets =
        |a, b| format!("1970-01-01T00:00:00.000001Z link 1 one of 3\n{a}\n1970-01-01T00:00:00.000003Z {b}");
    assert_eq!(
        text(&file.out),
        packets(
            format!(
                "bad_record: f: byte {broken}: block of type 0x6 has 36 octets by its start and 52 by its end; \
                 36 octets skipped, reading goes on at byte {end}"
            ),
            "link 1 three of 5\n"
        )
    );
    // A packet longer than its block, and one of an interface that is not described.
    file.out[end - 4] ^= 0x10;
    file.out[broken + 20] = 200;
    let found = text(&file.out);
    assert!(
        found.contains("packet of 200 octets in a block that has room for 4\n"),
        "{found}"
    );
    file.out[broken + 8] = 3;
    let found = text(&file.out);
    assert!(
        found.contains("packet of interface 3, but the section describes 1\n"),
        "{found}"
    );
    assert!(found.ends_with("three of 5\n"), "{found}");
}

#[test]
fn a_badly_described_interface_keeps_its_number() {
    let mut file = Octets::new(false);
    file.section()
        .interface(1, 0, &[9, 0, 50, 0])
        .interface(101, 0, &[]);
    file.packet(0, 1, b"one", 3).packet(1, 2, b"two", 3);
    assert_eq!(
        text(&file.out),
        "bad_record: f: byte 28: interface 0 is badly described: its option 9 of 50 octets is longer than the block\n\
         bad_record: f: byte 72: packet of interface 0, which is badly described\n\
         1970-01-01T00:00:00.000002Z link 101 two of 3\n"
    );
}

#[test]
fn the_rest_of_a_flood_of_faults_is_summed_up() {
    let mut file = Octets::new(false);
    file.section();
    for _ in 0..1000 {
        file.packet(0, 1, b"lost", 4);
    }
    let (text, counters) = read(&file.out[..]);
    assert_eq!(text.lines().count() as u64, NAMED_FAULTS + 1);
    assert!(
        text.ends_with("from here on 980 more faults not named (980 bad_record)\n"),
        "{text}"
    );
    assert_eq!(counters.faults[&FaultKind::BadRecord], 1000);
}

#[test]
fn long_blocks_are_stepped_over_and_longer_ones_refused() {
    let mut file = Octets::new(false);
    file.section().interface(1, 0, &[]);
    file.block(10, |b| b.raw(&[7; 3 << 20])).packet(0, 1, b"x", 1);
    file.u32(0xbad).u32(64 << 20).packet(0, 2, b"y", 1);
    let (text, counters) = read(&file.out[..]);
    assert_eq!(counters.skipped.secrets, 1);
    assert!(
        text.starts_with("1970-01-01T00:00:00.000001Z link 1 x of 1\nbad_record"),
        "{text}"
    );
    assert!(text.ends_with("0.000002Z link 1 y of 1\n"), "{text}");
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

fn zstd(octets: &[u8]) -> Vec<u8> {
    zstd::encode_all(octets, 1).unwrap()
}

fn unpacked(octets: &[u8]) -> String {
    let source = std::io::Cursor::new(octets.to_vec());
    read(decompress::decompressed(source).unwrap()).0
}

#[test]
fn several_gzip_members_and_zstd_frames_are_one_capture() {
    let (file, expected) = everything();
    let (front, back) = file.split_at(100);
    assert_eq!(unpacked(&file), expected);
    assert_eq!(unpacked(&[gzip(front), gzip(back)].concat()), expected);
    assert_eq!(unpacked(&[zstd(front), zstd(back)].concat()), expected);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    assert_eq!(unpacked(&[&skippable[..], &zstd(&file)].concat()), expected);
    let twice = "unreadable: f: byte 0: is no pcap or pcapng capture (looks like gzip inside compressed data; \
                 decompress it once)\n";
    assert_eq!(unpacked(&gzip(&gzip(&file))), twice);
}

#[test]
fn compressed_data_cut_anywhere_gives_a_fault_and_no_false_packet() {
    // Octets that do not compress, so that most cuts lie inside them.
    let mut file = Octets::new(false);
    file.pcap(0xa1b2_c3d4, 1);
    let mut state = 1u32;
    for second in 1..40 {
        let noise = [(); 40].map(|()| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        file.record(second, 0, &noise, 40);
    }
    let expected = text(&file.out);
    for packed in [gzip(&file.out), zstd(&file.out)] {
        for cut in 1..packed.len() {
            let text = unpacked(&packed[..cut]);
            let (packets, faults): (Vec<_>, Vec<_>) = text.lines().partition(|l| l.contains(" link "));
            assert_eq!(faults.len(), 1, "cut at {cut}: {text}");
            assert!(
                packets.is_empty() || expected.starts_with(&packets.join("\n")),
                "cut at {cut}: {text}"
            );
        }
        let cut = unpacked(&packed[..packed.len() - 1]);
        assert!(cut.contains("truncated: f: byte "), "{cut}");
    }
}

proptest! {
    #[test]
    fn flipped_bits_neither_crash_nor_go_unnoticed_by_the_counters(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8u32), 1..6),
        ng in any::<bool>(),
    ) {
        let (mut file, _) = if ng { everything() } else { three_records() };
        for (at, bit) in flips {
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
        }
        let (whole, counters) = read(&file[..]);
        let faults = whole.lines().filter(|l| l.contains(": f: byte ")).count() as u64;
        prop_assert_eq!(counters.faults_in_all(), faults);
        prop_assert_eq!(counters.packets, whole.lines().count() as u64 - faults);
        prop_assert_eq!(read(Trickle::new(&file, 1)).0, whole);
    }

    #[test]
    fn what_is_written_is_read_again(
        packets in proptest::collection::vec((0..1i64 << 52, proptest::collection::vec(any::<u8>(), 0..90), 0..2000u32), 0..20),
        snap in 1..100u32,
        nanos in any::<bool>(),
    ) {
        let (precision, unit) = if nanos { (Precision::Nanos, 1) } else { (Precision::Micros, 1000) };
        let mut writer = PcapWriter::new(Vec::new(), precision, LinkType(113), snap).unwrap();
        let mut expected = String::new();
        for (at, octets, original) in &packets {
            // All zeros are a hole, not a packet; see above.
            let at = at + 1000;
            writer.write(Timestamp::from_nanos(at), octets, *original).unwrap();
            expected += &line(&RawPacket {
                at: Timestamp::from_nanos(at - at % unit),
                link: LinkType(113),
                octets: &octets[..octets.len().min(snap as usize)],
                original_length: (*original).max(octets.len() as u32),
            });
        }
        prop_assert_eq!(text(&writer.finish().unwrap()), expected);
    }
}
