//! Nothing is lost in silence: what was received is in the aggregates, or was dropped and counted, or is still held.
#![allow(clippy::unwrap_used)]

mod common;

use common::{replay_of, samples, setup};
use std::collections::BTreeMap;
use std::time::Duration;
use tidemark::drill::{Plan, Scenario, frames};
use tidemark::engine::{Config, Front, FrontStats};
use tidemark::meter::{self, Meter, Sink};
use tidemark::model::{ConversationKey, Counters, FlowRecord, RawPacket, Timestamp};
use tidemark::wire::{Decap, decode};

const TICK: Duration = Duration::from_secs(10);

/// Packets and octets.
type Sum = (u64, u64);

/// What a meter gave out.
#[derive(Default)]
struct Given {
    records: Sum,
    growth: Sum,
    count: u64,
}

impl Sink for Given {
    fn record(&mut self, record: FlowRecord) {
        self.records.0 += record.packets;
        self.records.1 += record.bytes;
        self.count += 1;
    }
    fn growth(&mut self, _key: ConversationKey, counters: &Counters) {
        self.growth.0 += counters.packets;
        self.growth.1 += counters.bytes;
    }
}

/// What an observer who knows nothing of flows counts.
fn received(plan: &Plan) -> (Sum, u64) {
    let (mut sum, mut not_ip) = ((0, 0), 0);
    common::each_frame(plan, |raw| {
        match decode(raw.link, raw.octets, raw.original_length, Decap::default()) {
            Ok(packet) => sum = (sum.0 + 1, sum.1 + u64::from(packet.bytes)),
            Err(_) => not_ip += 1,
        }
    });
    (sum, not_ip)
}

/// Meters a plan with a sweep every ten seconds; everything given out before and after `finish`.
fn metered(plan: &Plan, config: meter::Config) -> (Given, Given, meter::Stats) {
    let mut meter = Meter::new(config);
    let mut before = Given::default();
    let mut next = plan.start;
    common::each_frame(plan, |raw| {
        if raw.at >= next {
            meter.sweep(raw.at, Timestamp::MIN, &mut before);
            next = raw.at + TICK;
        }
        if let Ok(packet) = decode(raw.link, raw.octets, raw.original_length, Decap::default()) {
            meter.observe(raw.at, &packet, &mut before);
        }
    });
    let mut rest = Given::default();
    meter.finish(&mut rest);
    (before, rest, meter.stats())
}

#[test]
fn every_packet_is_in_one_flow_record_and_in_the_growth_of_one_conversation() {
    for scenario in [Scenario::FanIn, Scenario::SynFlood, Scenario::Reflection] {
        let plan = common::plan(scenario, 1, 20);
        let (sum, _) = received(&plan);
        let (before, held, stats) = metered(&plan, meter::Config::default());
        assert!(held.count > 0, "{scenario}: something was still held in the end");
        let total = |a: Sum, b: Sum| (a.0 + b.0, a.1 + b.1);
        assert_eq!(total(before.records, held.records), sum, "{scenario}: records");
        assert_eq!(total(before.growth, held.growth), sum, "{scenario}: growth");
        assert_eq!((stats.packets, stats.bytes), sum);
        assert_eq!((stats.records, stats.active), (before.count + held.count, 0));
    }
}

#[test]
fn a_full_flow_cache_ends_flows_early_and_loses_nothing() {
    let plan = common::plan(Scenario::SynFlood, 1, 20);
    let config = meter::Config {
        cache_limit: 200,
        ..meter::Config::default()
    };
    let (before, held, stats) = metered(&plan, config);
    assert!(
        stats.evicted > 1000,
        "120 new flows a second do not fit: {}",
        stats.evicted
    );
    let (sum, _) = received(&plan);
    assert_eq!(before.records.0 + held.records.0, sum.0);
    assert_eq!(before.growth.1 + held.growth.1, sum.1);
}

/// Runs a Front over frames; packets and octets of the conversations in all its partials, and its last counts.
fn aggregated(config: &Config, packets: &[(Timestamp, Vec<u8>, u32)]) -> (Sum, FrontStats) {
    let mut front = Front::new(config, setup().origins.clone());
    let mut sum = (0, 0);
    let mut gather = |front: &mut Front, until| {
        front.flush(until, None);
        let Some(partial) = front.release(until) else {
            return;
        };
        for row in partial.conversations.rows() {
            sum.0 += row.counters.packets;
            sum.1 += row.counters.bytes;
        }
    };
    let mut until = packets[0].0.floor(TICK) + TICK;
    let mut last = until;
    for (at, octets, length) in packets {
        while *at >= until {
            gather(&mut front, until);
            until = until + TICK;
        }
        if let Ok(packet) = decode(common::ETHERNET, octets, *length, Decap::default()) {
            front.observe(*at, &packet, None);
        }
        last = until;
    }
    front.finish(None);
    gather(&mut front, last);
    (sum, front.stats())
}

/// All frames of a plan.
fn collected(plan: &Plan) -> Vec<(Timestamp, Vec<u8>, u32)> {
    let mut traffic = frames(plan);
    let mut all = Vec::new();
    while let Some(frame) = traffic.next_frame() {
        all.push((frame.at, frame.octets.to_vec(), frame.original_length));
    }
    all
}

#[test]
fn received_is_aggregated_and_late_in_a_front() {
    let plan = common::plan(Scenario::FanIn, 1, 15);
    let config = setup().engine(None, "FILE".to_owned());
    let (sum, _) = received(&plan);
    let mut packets = collected(&plan);
    let (got, stats) = aggregated(&config, &packets);
    assert_eq!(
        (got, stats.meter.late_packets),
        (sum, 0),
        "in order nothing is late"
    );
    // One packet in a hundred comes three minutes too late.
    for i in (0..packets.len()).step_by(100).skip(50) {
        let early = packets[i].0 - Duration::from_secs(180);
        packets[i].0 = early;
    }
    let (got, stats) = aggregated(&config, &packets);
    assert!(stats.meter.late_packets > 50, "{}", stats.meter.late_packets);
    assert_eq!(stats.meter.packets, sum.0);
    assert_eq!(
        got.0 + stats.meter.late_packets,
        sum.0,
        "received = aggregated + late"
    );
}

#[test]
fn what_a_full_table_of_conversations_refuses_is_counted() {
    let plan = common::plan(Scenario::SynFlood, 1, 15);
    let mut config = setup().engine(None, "FILE".to_owned());
    config.memory_limit = 1 << 20;
    let (sum, _) = received(&plan);
    let (got, stats) = aggregated(&config, &collected(&plan));
    assert!(
        stats.folded > 0 && stats.refused > 0,
        "1200 sources in ten seconds do not fit into a mebibyte: {stats:?}"
    );
    // What is refused is the growth of one conversation in ten seconds: a handful of packets.
    let lost = sum.0 - got.0;
    assert!(
        lost > 0 && lost <= 20 * stats.refused,
        "{lost} packets lost, {} refused",
        stats.refused
    );
}

#[test]
fn the_summary_of_a_replay_counts_what_is_in_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("drill.pcap");
    let plan = common::plan(Scenario::Stranger, 1, 20);
    let written = common::write_capture(&plan, &capture);
    let (sum, not_ip) = received(&plan);
    assert_eq!(written, sum.0 + not_ip);
    let (_, summary) = common::replay(std::slice::from_ref(&capture));
    let dropped = |reason: &str| summary.dropped.get(reason).copied().unwrap_or(0);
    assert_eq!((summary.packets, summary.bytes), sum);
    assert_eq!(dropped("not_ip"), not_ip);
    assert_eq!(
        summary.packets + dropped("not_ip"),
        samples::records(&capture).len() as u64
    );
    assert_eq!(dropped("late_packets"), 0);
}

#[test]
fn the_flows_the_program_prints_add_up_to_the_packets_it_read() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("drill.pcap");
    let plan = common::plan(Scenario::ScanHorizontal, 1, 20);
    common::write_capture(&plan, &capture);
    let (_, summary) = replay_of(std::slice::from_ref(&capture)).run(&setup()).unwrap();
    let ran = common::program::run(&["flows", "-q", "--format", "json", common::program::text(&capture)]);
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    let printed = ran.exits(0).stdout;
    for line in printed.lines() {
        let flow: serde_json::Value = serde_json::from_str(line).unwrap();
        for field in ["packets", "bytes"] {
            *sums.entry(field).or_default() += flow[field].as_u64().unwrap();
        }
    }
    assert_eq!((sums["packets"], sums["bytes"]), (summary.packets, summary.bytes));
    assert_eq!(
        printed.lines().count() as u64,
        summary.flows,
        "both meter the same flows"
    );
}

#[test]
fn a_frame_that_cannot_be_read_is_told_and_changes_nothing() {
    let plan = common::plan(Scenario::Quiet, 1, 5);
    let setup = setup();
    let config = setup.engine(None, "FILE".to_owned());
    let mut engine = tidemark::engine::Engine::new(config, setup.origins.clone(), 1).unwrap();
    let mut refused = 0;
    common::each_frame(&plan, |raw| {
        let damaged = RawPacket {
            octets: &raw.octets[..raw.octets.len().min(20)],
            ..*raw
        };
        refused += u64::from(engine.observe(&damaged).is_err());
        let _ = engine.observe(raw);
    });
    engine.finish();
    let (sum, not_ip) = received(&plan);
    let stats = engine.front_stats().meter;
    assert!(refused >= sum.0 + not_ip);
    assert_eq!((stats.packets, stats.bytes), sum);
}
