//! Packets in, records and growth out, written as small scripts.

use super::*;
use crate::model::{Ip, TcpFlags};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Default)]
struct Log {
    records: String,
    growth: BTreeMap<ConversationKey, Counters>,
    packets: u64,
}

impl Sink for Log {
    fn record(&mut self, r: FlowRecord) {
        let reverse = r.reverse.map_or(0, |x| x.packets);
        self.packets += r.packets;
        writeln!(
            self.records,
            "{}:{}>{}:{} p{} {}..{} n{} b{} rev{} {} {:?} {:?}{}",
            r.key.src,
            r.key.src_port,
            r.key.dst,
            r.key.dst_port,
            r.key.protocol,
            r.start.as_secs(),
            r.end.as_secs(),
            r.packets,
            r.bytes,
            reverse,
            r.tcp_flags,
            r.end_reason,
            r.handshake,
            if r.initiator { " first" } else { "" }
        )
        .unwrap();
    }
    fn growth(&mut self, key: ConversationKey, counters: &Counters) {
        self.growth.entry(key).or_default().add(counters);
    }
}

impl Log {
    fn growth_text(&self) -> String {
        let line = |(k, c): (&ConversationKey, &Counters)| {
            format!(
                "{}>{} port {} {:?}: {} flows, {} packets, {} failed, {} syn, {} answered, {} unsolicited\n",
                k.src,
                k.dst,
                k.port,
                k.role,
                c.flows,
                c.packets,
                c.failed,
                c.syn_only,
                c.answered,
                c.unsolicited
            )
        };
        self.growth.iter().map(line).collect()
    }
}

const CLIENT: Ip = Ip::from_v4_octets([10, 0, 0, 1]);
const SERVER: Ip = Ip::from_v4_octets([192, 0, 2, 1]);

fn flags(text: &str) -> TcpFlags {
    TcpFlags(text.bytes().map(|b| 1 << "FSRPAU".find(b as char).unwrap()).sum())
}

/// `SECOND > FLAGS` from the client, `<` from the server, `sweep SECOND`; one packet is 100 octets.
fn script(config: Config, protocol: u8, ports: (u16, u16), text: &str) -> Log {
    let mut meter = Meter::new(config);
    let mut log = Log::default();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "sweep" {
            let now = Timestamp::from_secs(words[1].parse().unwrap());
            meter.sweep(now, now, &mut log);
            continue;
        }
        let ask = FlowKey {
            src: CLIENT,
            dst: SERVER,
            src_port: ports.0,
            dst_port: ports.1,
            protocol,
        };
        let key = if words[1] == ">" { ask } else { ask.reversed() };
        let tcp_flags = flags(words.get(2).unwrap_or(&""));
        let packet = Packet {
            key,
            bytes: 100,
            tcp_flags,
            fragment: Fragment::None,
            vlan: 0,
            payload: &[],
        };
        meter.observe(Timestamp::from_secs(words[0].parse().unwrap()), &packet, &mut log);
    }
    meter.finish(&mut log);
    let stats = meter.stats();
    assert_eq!(stats.packets, log.packets, "every packet is in a record");
    let told: u64 = log.growth.values().map(|c| c.packets).sum();
    assert_eq!(
        stats.packets,
        told + stats.late_packets,
        "every packet grew a conversation or was late"
    );
    log
}

fn tcp(text: &str) -> Log {
    script(Config::default(), FlowKey::TCP, (40000, 443), text)
}

#[test]
fn a_connection_is_two_records_that_know_each_other() {
    let log = tcp("1 > S\n1 < SA\n1 > A\n2 > PA\n3 < PA\n4 > FA\n4 < FA\n4 > A\nsweep 10");
    assert_eq!(
        log.records,
        "10.0.0.1:40000>192.0.2.1:443 p6 1..4 n5 b500 rev3 ...AP.SF EndOfFlow Answered first\n\
         192.0.2.1:443>10.0.0.1:40000 p6 1..4 n3 b300 rev5 ...AP.SF EndOfFlow Answered\n"
    );
    assert_eq!(
        log.growth_text(),
        "10.0.0.1>192.0.2.1 port 443 Request: 1 flows, 5 packets, 0 failed, 0 syn, 1 answered, 0 unsolicited\n\
         192.0.2.1>10.0.0.1 port 443 Reply: 1 flows, 3 packets, 0 failed, 0 syn, 0 answered, 0 unsolicited\n"
    );
}

#[test]
fn silence_after_a_syn_is_a_failed_contact_and_so_is_a_reset() {
    let silent = tcp("1 > S\n2 > S\nsweep 10");
    assert!(
        silent
            .growth_text()
            .contains("1 flows, 2 packets, 1 failed, 1 syn, 0 answered")
    );
    let refused = tcp("1 > S\n1 < RA\nsweep 10");
    assert!(
        refused
            .growth_text()
            .contains("1 flows, 1 packets, 1 failed, 0 syn, 0 answered")
    );
    assert!(refused.records.contains("EndOfFlow Refused first"));
}

#[test]
fn the_outcome_waits_for_the_answer_time_out() {
    let log = tcp("9 > S\nsweep 10\n11 < SA\n11 > A\nsweep 20");
    assert!(
        log.growth_text().contains("0 failed, 0 syn, 1 answered"),
        "{}",
        log.growth_text()
    );
}

#[test]
fn an_answer_without_a_question_is_unsolicited() {
    let syn_ack = tcp("1 < SA\nsweep 10");
    assert!(
        syn_ack
            .growth_text()
            .contains("port 443 Reply: 1 flows, 1 packets, 0 failed, 0 syn, 0 answered, 1")
    );
    let snmp = script(Config::default(), FlowKey::UDP, (40000, 161), "1 <\nsweep 10");
    assert!(snmp.growth_text().contains("port 161 Reply") && snmp.growth_text().contains("1 unsolicited"));
    let late_question = script(
        Config::default(),
        FlowKey::UDP,
        (40000, 161),
        "1 <\n2 >\nsweep 10",
    );
    assert!(late_question.growth_text().contains("1 answered, 0 unsolicited"));
}

#[test]
fn probes_without_a_connection_fail() {
    for probe in ["", "F", "FPU"] {
        let log = tcp(&format!("1 > {probe}\n1 < RA\nsweep 10"));
        assert!(
            log.growth_text().contains("1 failed"),
            "{probe}: {}",
            log.growth_text()
        );
    }
}

#[test]
fn a_capture_that_begins_in_mid_connection_knows_the_service_by_its_port() {
    let log = tcp("1 < A\n1 > A\nsweep 10");
    assert!(
        log.growth_text().contains("10.0.0.1>192.0.2.1 port 443 Request"),
        "{}",
        log.growth_text()
    );
    assert!(log.records.contains("Answered"));
}

#[test]
fn idle_and_active_time_outs_cut_records_by_capture_time_alone() {
    let idle = "1 > S\n1 < SA\n20 > A\n";
    let text = tcp(idle).records;
    // Whether a sweep came in between changes when a record is given out, never what it says.
    assert_eq!(
        tcp(&format!("{}sweep 19\n20 > A\n", "1 > S\n1 < SA\n")).records,
        text
    );
    assert!(text.contains("1..1 n1 b100 rev1 ......S. IdleTimeout"), "{text}");
    let active: String = (0..14).map(|i| format!("{} > A\n", i * 10)).collect();
    let records = tcp(&active).records;
    assert_eq!(records.matches("ActiveTimeout").count(), 2);
    assert_eq!(records.lines().count(), 3);
}

#[test]
fn a_long_flow_grows_tick_by_tick_and_counts_once() {
    let text: String = (0..30)
        .map(|i| format!("{} > A\nsweep {}\n", i * 10, i * 10 + 9))
        .collect();
    let log = tcp(&text);
    assert!(
        log.growth_text().contains("1 flows, 30 packets"),
        "{}",
        log.growth_text()
    );
}

#[test]
fn a_packet_from_before_the_last_sweep_is_metered_and_counted_late() {
    let mut meter = Meter::new(Config::default());
    let mut log = Log::default();
    let key = FlowKey {
        src: CLIENT,
        dst: SERVER,
        src_port: 1,
        dst_port: 2,
        protocol: FlowKey::UDP,
    };
    let packet = Packet {
        key,
        bytes: 9,
        tcp_flags: TcpFlags(0),
        fragment: Fragment::None,
        vlan: 0,
        payload: &[],
    };
    meter.observe(Timestamp::from_secs(11), &packet, &mut log);
    meter.sweep(Timestamp::from_secs(20), Timestamp::from_secs(20), &mut log);
    meter.observe(Timestamp::from_secs(15), &packet, &mut log);
    meter.finish(&mut log);
    assert_eq!((meter.stats().late_packets, log.packets), (1, 2));
    assert_eq!(log.growth.values().map(|c| c.packets).sum::<u64>(), 1);
}

#[test]
fn echo_requests_and_replies_are_one_conversation() {
    let mut meter = Meter::new(Config::default());
    let mut log = Log::default();
    let ask = FlowKey {
        src: CLIENT,
        dst: SERVER,
        src_port: 0,
        dst_port: 0x0800,
        protocol: FlowKey::ICMP,
    };
    let answer = FlowKey {
        src: SERVER,
        dst: CLIENT,
        src_port: 0,
        dst_port: 0,
        protocol: FlowKey::ICMP,
    };
    for key in [ask, answer] {
        let packet = Packet {
            key,
            bytes: 84,
            tcp_flags: TcpFlags(0),
            fragment: Fragment::None,
            vlan: 0,
            payload: &[],
        };
        meter.observe(Timestamp::from_secs(1), &packet, &mut log);
    }
    meter.finish(&mut log);
    assert_eq!(
        log.records,
        "10.0.0.1:0>192.0.2.1:2048 p1 1..1 n1 b84 rev1 ........ ForcedEnd Answered first\n\
         192.0.2.1:0>10.0.0.1:0 p1 1..1 n1 b84 rev1 ........ ForcedEnd Answered\n"
    );
}

#[test]
fn a_full_cache_ends_the_longest_silent_and_counts_it() {
    let mut meter = Meter::new(Config {
        cache_limit: 8,
        ..Config::default()
    });
    let mut log = Log::default();
    for n in 0..20u16 {
        let key = FlowKey {
            src: CLIENT,
            dst: SERVER,
            src_port: n + 1,
            dst_port: 9,
            protocol: FlowKey::UDP,
        };
        let packet = Packet {
            key,
            bytes: 9,
            tcp_flags: TcpFlags(0),
            fragment: Fragment::None,
            vlan: 0,
            payload: &[],
        };
        meter.observe(Timestamp::from_nanos(i64::from(n)), &packet, &mut log);
        assert!(meter.stats().active <= 8);
    }
    meter.finish(&mut log);
    assert_eq!(meter.stats().evicted, 12);
    assert_eq!(log.packets, 20, "nothing is lost");
    assert_eq!(log.records.matches("LackOfResources").count(), 12);
}

#[test]
fn a_new_syn_after_the_end_is_a_new_flow() {
    let log = tcp("1 > S\n1 < RA\n2 > S\n2 < RA\nsweep 10");
    assert_eq!(log.records.lines().count(), 4);
    assert!(log.growth_text().contains("2 flows, 2 packets, 2 failed"));
}

/// Packets between few ends, so that conversations begin, end, are evicted and begin again within a batch.
fn packets() -> impl Strategy<Value = Vec<(i64, FlowKey, u8, bool)>> {
    let protocols = prop_oneof![
        4 => Just(FlowKey::TCP),
        2 => Just(FlowKey::UDP),
        1 => Just(FlowKey::ICMP)
    ];
    let packet = (
        -2..6i64,
        0..4u32,
        0..4u32,
        0..3u16,
        protocols,
        0..32u8,
        any::<bool>(),
    );
    let unpack = |(step, src, dst, port, protocol, flags, sweep): (i64, u32, u32, u16, u8, u8, bool)| {
        let key = FlowKey {
            src: Ip::v4(src),
            dst: Ip::v4(dst),
            src_port: 40_000 * u16::from(protocol != FlowKey::ICMP),
            dst_port: port * 0x0400,
            protocol,
        };
        (step, key, flags, sweep && step > 4)
    };
    proptest::collection::vec(packet.prop_map(unpack), 0..400)
}

proptest! {
    #[test]
    fn counting_by_batches_is_counting_one_by_one(
        packets in packets(),
        limit in prop_oneof![Just(5usize), Just(1000)],
        batch in 2..=BATCH,
    ) {
        let run = |batch: usize| {
            let mut meter = Meter::new(Config { cache_limit: limit, ..Config::default() });
            meter.batch = batch;
            let (mut log, mut now) = (Log::default(), 100);
            for &(step, key, flags, sweep) in &packets {
                now += step;
                let at = Timestamp::from_secs(now);
                let packet = Packet {
                    key,
                    bytes: 60,
                    tcp_flags: TcpFlags(flags),
                    fragment: Fragment::None,
                    vlan: 0,
                    payload: &[],
                };
                meter.observe(at, &packet, &mut log);
                if sweep {
                    meter.sweep(at, at, &mut log);
                }
            }
            meter.finish(&mut log);
            (log.records, log.growth, log.packets, meter.stats())
        };
        prop_assert_eq!(run(batch), run(1));
    }
}
