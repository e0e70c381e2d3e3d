//! NetFlow in, what became of contacts out.

use super::*;
use crate::engine::{Config, Engine, test_data};
use crate::enrich::Origins;
use crate::model::{ExportMessage, Ip, Networks, Timestamp, Transport};
use proptest::prelude::*;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// When scripts begin, seconds since 1970: a whole minute.
const START: i64 = 1_699_999_980;
/// Milliseconds since the exporter started, in every message.
const UPTIME: u32 = 10_000_000;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// One direction of a flow of one packet: second of the script, source, destination, protocol, TCP flags.
#[derive(Clone, Copy, Debug)]
struct Seen(i64, (&'static str, u16), (&'static str, u16), u8, u8);

/// NetFlow v5 with one record.
fn netflow(seen: &Seen, sequence: u32, sampling: u16) -> Vec<u8> {
    let &Seen(at, (src, src_port), (dst, dst_port), protocol, flags) = seen;
    let mut out = [5u16.to_be_bytes(), 1u16.to_be_bytes()].concat();
    out.extend(UPTIME.to_be_bytes());
    out.extend(((START + at) as u32).to_be_bytes());
    out.extend(0u32.to_be_bytes());
    out.extend(sequence.to_be_bytes());
    out.extend([0, 0]);
    out.extend(sampling.to_be_bytes());
    for address in [src, dst, "0.0.0.0"] {
        out.extend(address.parse::<std::net::Ipv4Addr>().unwrap().octets());
    }
    out.extend([0; 4]);
    for number in [1, 60, UPTIME, UPTIME] {
        out.extend(number.to_be_bytes());
    }
    out.extend(src_port.to_be_bytes());
    out.extend(dst_port.to_be_bytes());
    out.extend([0, flags, protocol, 0]);
    out.extend([0; 8]);
    out
}

fn engine() -> Engine {
    waiting(10)
}

/// An engine that waits so many seconds for records.
fn waiting(seconds: u64) -> Engine {
    let networks = ["10.0.0.0/8".parse().unwrap()];
    let config = Config {
        rules: vec![test_data::rule()],
        collecting: crate::collect::Config {
            lateness: Duration::from_secs(seconds),
            ..Default::default()
        },
        ..Config::default()
    };
    Engine::new(config, Arc::new(Origins::new(Networks::new(&networks))), 1).unwrap()
}

/// Plays records, arriving as they end, and judges up to second `until`.
fn play(engine: &mut Engine, script: &[Seen], sampling: u16, until: i64) {
    for (sequence, seen) in script.iter().enumerate() {
        let octets = netflow(seen, sequence as u32, sampling);
        engine.collect(&ExportMessage {
            at: Timestamp::from_secs(START + seen.0),
            exporter: Ip::v4(0xc000_0201),
            source_port: 5000,
            collector_port: 2055,
            transport: Transport::Udp,
            octets: &octets,
        });
    }
    engine.advance(Timestamp::from_secs(START + until + 11));
}

/// What became of the contacts of the present interval, a line each in order.
fn outcomes(engine: &Engine) -> String {
    let mut rows = engine.judge.table.rows().to_vec();
    rows.sort_by_key(|row| row.key);
    let mut text = String::new();
    for row in rows {
        let (key, c) = (row.key, row.counters);
        let all = [
            ("answered", c.answered),
            ("failed", c.failed),
            ("unsolicited", c.unsolicited),
        ];
        for (word, count) in all.iter().filter(|(_, count)| *count > 0) {
            writeln!(
                text,
                "{}>{} {:?} {}: {count} {word}",
                key.src, key.dst, key.role, key.port
            )
            .unwrap();
        }
    }
    text
}

/// A minute in which 10.0.0.1 asks a name server every ten seconds and gets an answer.
fn talk() -> Vec<Seen> {
    (0..6)
        .flat_map(|n| {
            let (us, server) = (("10.0.0.1", 40_000), ("192.0.2.53", 53));
            [
                Seen(n * 10 + 2, us, server, UDP, 0),
                Seen(n * 10 + 3, server, us, UDP, 0),
            ]
        })
        .collect()
}

/// What became of `script`, seconds of the minute after that talk.
fn after_talk(script: &[Seen]) -> String {
    after(talk(), script, 1)
}

fn after(mut before: Vec<Seen>, script: &[Seen], sampling: u16) -> String {
    before.extend(
        script
            .iter()
            .map(|&Seen(at, src, dst, protocol, flags)| Seen(at + 60, src, dst, protocol, flags)),
    );
    let mut engine = engine();
    play(&mut engine, &before, sampling, 110);
    outcomes(&engine)
}

#[test]
fn an_answer_that_nobody_asked_for_is_unsolicited_over_udp_and_tcp() {
    let victim = ("10.0.0.9", 5000);
    let script = [
        Seen(5, ("198.51.100.1", 161), victim, UDP, 0),
        Seen(6, ("198.51.100.2", 11_211), ("10.0.0.9", 50_000), UDP, 0),
        Seen(7, ("198.51.100.3", 80), victim, TCP, 0x12),
        Seen(8, ("198.51.100.4", 443), victim, TCP, 0x14),
    ];
    assert_eq!(
        after_talk(&script),
        "198.51.100.1>10.0.0.9 Reply 161: 1 unsolicited\n\
         198.51.100.2>10.0.0.9 Reply 11211: 1 unsolicited\n\
         198.51.100.3>10.0.0.9 Reply 80: 1 unsolicited\n\
         198.51.100.4>10.0.0.9 Reply 443: 1 unsolicited\n"
    );
}

#[test]
fn what_cannot_be_told_from_an_answer_to_somebody_is_none() {
    let us = ("10.0.0.9", 5000);
    let script = [
        Seen(5, ("198.51.100.1", 5000), ("10.0.0.9", 6000), UDP, 0),
        Seen(6, ("198.51.100.3", 80), us, TCP, 0x18),
        Seen(7, ("10.0.0.8", 1900), us, UDP, 0),
        Seen(8, ("198.51.100.1", 53), ("224.0.0.251", 5000), UDP, 0),
        // A client resets what it began; a network stands for its hosts where there was no room.
        Seen(9, ("198.51.100.4", 40_000), ("10.0.0.9", 80), TCP, 0x04),
        Seen(9, ("198.51.100.0", 53), us, UDP, 0),
    ];
    assert_eq!(after_talk(&script), "");
}

#[test]
fn the_edge_of_an_interval_makes_no_answer_unsolicited() {
    let (us, server) = (("10.0.0.9", 40_000), ("192.0.2.53", 53));
    let script = [Seen(-1, us, server, UDP, 0), Seen(0, server, us, UDP, 0)];
    assert_eq!(after_talk(&script), "");
    let late = [
        Seen(-1, us, server, UDP, 0),
        Seen(0, ("192.0.2.54", 53), us, UDP, 0),
    ];
    assert_eq!(after_talk(&late), "192.0.2.54>10.0.0.9 Reply 53: 1 unsolicited\n");
}

#[test]
fn a_question_without_an_answer_failed_and_an_echo_that_comes_back_did_not() {
    const ICMP: u8 = 1;
    let us = ("10.0.0.9", 40_000);
    let script = [
        Seen(5, us, ("192.0.2.7", 161), UDP, 0),
        Seen(6, ("10.0.0.9", 0), ("192.0.2.8", 0x800), ICMP, 0),
        Seen(6, ("192.0.2.8", 0), ("10.0.0.9", 0), ICMP, 0),
        Seen(7, ("10.0.0.9", 0), ("192.0.2.9", 0x800), ICMP, 0),
        // Nobody need answer a broadcast.
        Seen(8, us, ("10.0.0.255", 138), UDP, 0),
    ];
    assert_eq!(
        after_talk(&script),
        "10.0.0.9>192.0.2.7 Request 161: 1 failed\n\
         10.0.0.9>192.0.2.8 Request 2048: 1 answered\n\
         10.0.0.9>192.0.2.9 Request 2048: 1 failed\n"
    );
}

#[test]
fn those_who_ask_each_other_from_the_port_of_the_service_are_answered() {
    let (us, server) = (("10.0.0.9", 123), ("192.0.2.12", 123));
    let script = [Seen(5, us, server, UDP, 0), Seen(5, server, us, UDP, 0)];
    assert_eq!(
        after_talk(&script),
        "10.0.0.9>192.0.2.12 Request 123: 1 answered\n192.0.2.12>10.0.0.9 Request 123: 1 answered\n"
    );
    assert_eq!(
        after_talk(&script[..1]),
        "10.0.0.9>192.0.2.12 Request 123: 1 failed\n"
    );
}

#[test]
fn a_probe_without_flags_or_taken_back_failed_when_it_is_refused_and_is_not_known_otherwise() {
    let us = ("10.0.0.9", 40_000);
    let script = [
        Seen(4, us, ("192.0.2.7", 78), TCP, 0x06),
        Seen(4, ("192.0.2.7", 78), us, TCP, 0x04),
        Seen(4, us, ("192.0.2.7", 79), TCP, 0x06),
        Seen(4, ("192.0.2.7", 79), us, TCP, 0x12),
        Seen(5, us, ("192.0.2.7", 80), TCP, 0),
        Seen(5, ("192.0.2.7", 80), us, TCP, 0x14),
        Seen(6, us, ("192.0.2.7", 81), TCP, 0),
        Seen(7, us, ("192.0.2.7", 82), TCP, 0x29),
    ];
    assert_eq!(
        after_talk(&script),
        "10.0.0.9>192.0.2.7 Request 78: 1 failed\n10.0.0.9>192.0.2.7 Request 80: 1 failed\n\
         10.0.0.9>192.0.2.7 Request 82: 1 failed\n"
    );
}

#[test]
fn an_exporter_of_one_direction_or_of_samples_makes_nothing_fail_and_nothing_unsolicited() {
    let script = [
        Seen(5, ("10.0.0.9", 40_000), ("192.0.2.7", 161), UDP, 0),
        Seen(6, ("198.51.100.1", 53), ("10.0.0.9", 5000), UDP, 0),
    ];
    for asking in [false, true] {
        let one_way = talk().into_iter().filter(|seen| (seen.2.1 == 53) == asking);
        assert_eq!(after(one_way.collect(), &script, 1), "", "asking: {asking}");
    }
    // Mode 1, one in a hundred.
    assert_eq!(after(talk(), &script, 1 << 14 | 100), "");
}

#[test]
fn what_export_could_not_tell_all_of_teaches_nothing() {
    let mut engine = waiting(120);
    let minutes = (0..8).flat_map(|n| {
        talk()
            .into_iter()
            .map(move |seen| Seen(seen.0 + n * 60, seen.1, seen.2, seen.3, seen.4))
    });
    let mut script: Vec<Seen> = minutes.collect();
    script.retain(|seen| seen.0 >= 30);
    play(&mut engine, &script, 1, 480);
    engine.finish();
    // It began in the middle of the first of eight minutes, and of the last two records might have come.
    assert_eq!(engine.judge.learned, 5);
}

#[test]
fn half_an_hour_of_scans_and_forged_sources_turns_nothing_off() {
    let mut pairing = Pairing::default();
    (0..30).for_each(|_| pairing.learn(1.0));
    (0..100).for_each(|_| pairing.learn(0.0));
    assert!(
        pairing.is_expected(),
        "five minutes known, attacked for a quarter of an hour"
    );
    (0..REMEMBERED as usize).for_each(|_| pairing.learn(1.0));
    (0..180).for_each(|_| pairing.learn(0.0));
    assert!(pairing.is_expected());
    (0..10_000).for_each(|_| pairing.learn(0.0));
    assert!(
        !pairing.is_expected(),
        "what is no longer seen is no longer expected"
    );
}

#[test]
fn a_scan_has_one_voice_and_what_comes_in_has_none() {
    let row = |src: u32, dst: u32| Conversation {
        key: ConversationKey {
            src: Ip::v4(src),
            dst: Ip::v4(dst),
            port: 53,
            protocol: UDP,
            role: Role::Request,
        },
        src_origin: crate::model::Origin {
            internal: src < 100,
            ..Default::default()
        },
        dst_origin: crate::model::Origin {
            internal: dst < 100,
            ..Default::default()
        },
        counters: Counters {
            unsolicited: 1,
            ..Counters::default()
        },
    };
    let mut apart = Apart::default();
    apart.questions.extend((200..1200).map(|n| row(1, n)));
    apart.questions.extend((2000..9000).map(|n| row(n, 3)));
    assert_eq!(apart.share(|_| false), Some(0.0));
    apart.questions.push(row(2, 5000));
    apart.settle();
    assert_eq!(apart.share(|asked| asked.key.dst == Ip::v4(5000)), Some(0.5));
    assert_eq!(Apart::default().share(|_| true), None);
}

proptest! {
    #[test]
    fn no_order_of_arrival_within_a_tick_changes_what_became_of_contacts(seed in 0usize..24) {
        let us = ("10.0.0.9", 40_000);
        let mut script = vec![
            Seen(5, us, ("192.0.2.7", 161), UDP, 0),
            Seen(5, ("192.0.2.7", 161), us, UDP, 0),
            Seen(5, ("192.0.2.8", 161), us, UDP, 0),
            Seen(5, us, ("192.0.2.7", 80), TCP, 0),
            Seen(5, ("192.0.2.7", 80), us, TCP, 0x14),
        ];
        let want = after_talk(&script);
        for n in 0..script.len() {
            script.swap(n, (seed * 7 + n * 3) % 5);
        }
        prop_assert_eq!(after_talk(&script), want);
    }
}
