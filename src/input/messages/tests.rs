//! Frames in, messages out: fragments in any order, streams with gaps, and what is no export.

use super::*;
use crate::model::{LinkType, Timestamp};
use proptest::prelude::*;

/// IPv4 from 192.0.2.1 to 192.0.2.2.
fn ip(protocol: u8, id: u8, flags_and_offset: u16, body: &[u8]) -> Vec<u8> {
    let length = (20 + body.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, id]);
    packet.extend(flags_and_offset.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    packet.extend_from_slice(body);
    packet
}

fn datagram(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut octets = 40_000u16.to_be_bytes().to_vec();
    octets.extend(port.to_be_bytes());
    octets.extend((8 + payload.len() as u16).to_be_bytes());
    octets.extend([0, 0]);
    octets.extend_from_slice(payload);
    octets
}

fn segment(sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![0x9c, 0x40, 0x12, 0x83];
    octets.extend(sequence.to_be_bytes());
    octets.extend([0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
    octets.extend_from_slice(payload);
    ip(6, 1, 0, &octets)
}

/// An IPFIX message of `length` octets with one Set, told from others by `mark`.
fn ipfix(length: u16, mark: u8) -> Vec<u8> {
    let mut message = vec![0, 10];
    message.extend(length.to_be_bytes());
    message.extend([0; 11]);
    message.push(mark);
    message.extend([1, 0]);
    message.extend((length - 16).to_be_bytes());
    message.resize(usize::from(length), mark);
    message
}

/// Frames, a second apart, to the messages in them.
fn messages_of(frames: &[Vec<u8>]) -> (Vec<Vec<u8>>, Found) {
    let (mut messages, mut taken) = (Messages::default(), Vec::new());
    for (second, octets) in frames.iter().enumerate() {
        let frame = RawPacket {
            at: Timestamp::from_secs(second as i64),
            link: LinkType(101),
            octets,
            original_length: octets.len() as u32,
        };
        let _ = messages.frame(&frame, |message| taken.push(message.octets.to_vec()));
    }
    (taken, messages.found())
}

#[test]
fn datagrams_to_a_collector_or_with_a_header_of_export_are_messages() {
    let frames = [
        ip(17, 1, 0, &datagram(2055, b"whatever")),
        ip(17, 1, 0, &datagram(30_000, &ipfix(40, 7))),
        ip(17, 1, 0, &datagram(53, b"whatever")),
        ip(17, 1, 0, &datagram(2055, b"")),
        ip(6, 1, 0, b"short"),
    ];
    let (messages, found) = messages_of(&frames);
    assert_eq!(messages, [b"whatever".to_vec(), ipfix(40, 7)]);
    assert_eq!((found.messages, found.other_datagrams), (2, 2));
}

#[test]
fn fragments_are_put_together_in_any_order_and_given_up_when_they_contradict() {
    let message = ipfix(100, 7);
    let whole = datagram(4739, &message);
    let pieces = [
        ip(17, 5, 0x2000, &whole[..40]),
        ip(17, 5, 0x2005, &whole[40..80]),
        ip(17, 5, 10, &whole[80..]),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let frames = order.map(|n: usize| pieces[n].clone());
        assert_eq!(
            messages_of(&frames).0,
            std::slice::from_ref(&message),
            "{order:?}"
        );
    }
    let unaligned = [ip(17, 5, 0x2000, &whole[..41]), ip(17, 5, 5, &whole[40..])];
    let (messages, found) = messages_of(&unaligned);
    assert_eq!((messages.len(), found.fragments_given_up), (0, 1));
}

#[test]
fn unfinished_datagrams_are_bounded() {
    let frames: Vec<_> = (0..=255u8).map(|id| ip(17, id, 0x2000, &[0; 8])).collect();
    assert_eq!(messages_of(&frames).1.fragments_given_up, 128);
}

#[test]
fn a_stream_is_framed_by_the_length_of_its_messages() {
    let octets: Vec<u8> = [ipfix(40, 1), ipfix(60, 2), ipfix(50, 3)].concat();
    let frames = [
        segment(99, 0x02, b""),
        segment(100, 0x10, &octets[..3]),
        segment(103, 0x10, &octets[3..70]),
        segment(170, 0x18, &octets[70..]),
    ];
    let (messages, found) = messages_of(&frames);
    assert_eq!(messages, [ipfix(40, 1), ipfix(60, 2), ipfix(50, 3)]);
    assert_eq!(found.streams_broken, 0);
}

#[test]
fn segments_out_of_order_and_repeated_change_nothing_across_the_wrap_too() {
    let octets: Vec<u8> = [ipfix(40, 1), ipfix(60, 2)].concat();
    let first = u32::MAX - 20;
    let part = |from: usize, to: usize| segment(first.wrapping_add(from as u32), 0x10, &octets[from..to]);
    let frames = [
        segment(first.wrapping_sub(1), 0x02, b""),
        part(80, 100),
        part(0, 30),
        part(10, 50),
        part(0, 30),
        part(45, 80),
    ];
    assert_eq!(messages_of(&frames).0, [ipfix(40, 1), ipfix(60, 2)]);
}

#[test]
fn a_stream_met_in_the_middle_is_taken_up_at_a_message() {
    let frames = [
        segment(1000, 0x10, b"the end of a message"),
        segment(1020, 0x10, &ipfix(40, 1)),
        segment(1060, 0x11, &ipfix(40, 2)),
    ];
    assert_eq!(messages_of(&frames).0, [ipfix(40, 1), ipfix(40, 2)]);
}

#[test]
fn a_stream_goes_on_after_octets_that_never_came() {
    let mut frames = vec![segment(99, 0x02, b""), segment(100, 0x10, &ipfix(40, 1))];
    // Octets 140 to 1140 were not captured.
    let long = ipfix(60_000, 2);
    let mut sequence = 1140;
    for _ in 0..6 {
        frames.push(segment(sequence, 0x10, &long[..30_000]));
        frames.push(segment(sequence + 30_000, 0x10, &long[30_000..]));
        sequence += 60_000;
    }
    let (messages, found) = messages_of(&frames);
    assert_eq!((messages.len(), found.streams_broken), (7, 1));
}

#[test]
fn other_streams_give_nothing() {
    let frames = [
        segment(99, 0x02, b""),
        segment(100, 0x18, b"GET / HTTP/1.1\r\n\r\n"),
        segment(118, 0x18, b"\0\x0a\0\x03 and so on"),
    ];
    let (messages, found) = messages_of(&frames);
    assert_eq!((messages.len(), found.streams_broken), (0, 0));
}

/// What a capture of so many frames of each kind is taken for.
fn is_export(frames: &[(&[u8], u32)]) -> bool {
    let mut tally = Tally::default();
    for (octets, count) in frames {
        for _ in 0..*count {
            tally.add(&RawPacket {
                at: Timestamp::from_secs(0),
                link: LinkType(101),
                octets,
                original_length: octets.len() as u32,
            });
        }
    }
    tally.is_export()
}

#[test]
fn a_capture_is_export_when_most_of_it_is() {
    let export = ip(17, 1, 0, &datagram(30_000, &ipfix(40, 7)));
    let dns = ip(17, 1, 0, &datagram(53, b"\0\x0a\x01\0\0\x01 and a question"));
    let web = segment(1, 0x18, b"GET / HTTP/1.1");
    let stream = segment(1, 0x18, &ipfix(40, 7));
    let silent = segment(1, 0x10, b"");
    assert!(is_export(&[(&export, 1)]));
    assert!(is_export(&[(&export, 30), (&dns, 5), (&web, 20), (&silent, 900)]));
    assert!(is_export(&[(&stream, 10), (&silent, 10)]));
    assert!(!is_export(&[]));
    assert!(!is_export(&[(&dns, 50)]));
    assert!(!is_export(&[(&export, 5), (&dns, 20)]));
    assert!(!is_export(&[(&export, 10), (&web, 100)]));
}

#[test]
fn each_version_is_known_by_its_length() {
    let counted = |version: u8, count: u8, length: usize| {
        let mut octets = vec![0, version, 0, count];
        octets.resize(length, 0);
        octets
    };
    let cases: [(Vec<u8>, usize, bool); 8] = [
        (counted(5, 2, 120), 120, true),
        (counted(5, 2, 121), 121, false),
        (counted(5, 2, 60), 120, true), // cut by the capture
        (counted(7, 2, 128), 128, true),
        (counted(9, 2, 20), 20, true),
        (counted(6, 2, 120), 120, false),
        (ipfix(40, 1), 41, false),
        (vec![], 0, false),
    ];
    for (octets, length, likely) in cases {
        assert_eq!(is_likely(&octets, length), likely, "{octets:?}");
    }
}

proptest! {
    #[test]
    fn a_stream_in_any_order_gives_all_its_messages(
        lengths in prop::collection::vec(20u16..200, 1..8),
        cuts in prop::collection::vec(1usize..90, 20),
        first in any::<u32>(),
        seed in any::<u64>(),
    ) {
        let sent: Vec<Vec<u8>> = lengths.iter().zip(0..).map(|(&length, mark)| ipfix(length, mark)).collect();
        let octets = sent.concat();
        let (mut frames, mut at) = (Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            let end = octets.len().min(at + cut);
            frames.push(segment(first.wrapping_add(at as u32), 0x10, &octets[at..end]));
            at = end;
            if at == octets.len() {
                break;
            }
        }
        // A shuffle that depends on the seed alone.
        let count = frames.len() as u64;
        frames.sort_by_key(|frame| frame.iter().fold(seed, |a, &b| a.wrapping_mul(31).wrapping_add(u64::from(b))) % count);
        frames.insert(0, segment(first.wrapping_sub(1), 0x02, b""));
        prop_assert_eq!(messages_of(&frames).0, sent);
    }

    #[test]
    fn any_frames_are_taken(frames in prop::collection::vec(
        (prop::sample::select(vec![6u8, 17]), any::<u8>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..80)), 0..40)
    ) {
        let frames: Vec<_> = frames.iter().map(|(protocol, id, flags, body)| ip(*protocol, *id, *flags, body)).collect();
        let (messages, found) = messages_of(&frames);
        prop_assert_eq!(messages.len() as u64, found.messages);
    }
}
