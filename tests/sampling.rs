//! Traffic of which one packet in a thousand is looked at: chance alone raises no alarm, and a flood still does.
#![allow(clippy::unwrap_used)]

mod common;

use common::{address, setup, told_of};
use std::time::Duration;
use tidemark::drill::{Plan, Scenario};
use tidemark::engine::Engine;
use tidemark::model::{Anomaly, Dimension, ExportMessage, Timestamp, Transport, Value};

/// One packet in so many.
const RATE: u32 = 1000;

/// How packets are chosen.
#[derive(Clone, Copy, Debug)]
enum Choice {
    /// Each by its own chance.
    AtRandom,
    /// Counted off.
    EveryThousandth,
}

/// An sFlow datagram with one sampled frame.
fn datagram(number: u32, frame: &[u8], length: u32) -> Vec<u8> {
    let padded = frame.len().next_multiple_of(4) as u32;
    let head = [5, 1, 0x0a00_0009, 0, number, number, 1];
    let sample = [
        1,
        32 + 8 + 16 + padded,
        number,
        7,
        RATE,
        number.wrapping_mul(RATE),
        0,
        7,
        8,
        1,
    ];
    let record = [1, 16 + padded, 1, length + 4, 4, frame.len() as u32];
    let words = [&head[..], &sample, &record].concat();
    let mut octets: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
    octets.extend_from_slice(frame);
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// An Exporter that samples, and the engine that listens to it.
struct Sampler {
    engine: Engine,
    number: u32,
}

impl Sampler {
    fn new() -> Self {
        let setup = setup();
        let config = setup.engine(None, "FILE".to_owned());
        Self {
            engine: Engine::new(config, setup.origins.clone(), 1).unwrap(),
            number: 0,
        }
    }

    fn send(&mut self, at: Timestamp, frame: &[u8], length: u32) {
        self.number += 1;
        self.engine.collect(&ExportMessage {
            at,
            exporter: address("10.20.0.9"),
            source_port: 6343,
            collector_port: 6343,
            transport: Transport::Udp,
            octets: &datagram(self.number, frame, length),
        });
        while self.engine.poll().is_some() {}
    }
}

/// What is said of ordinary traffic of which a thousandth is looked at; `flood` is sent beside it, twenty samples a second
/// from then on for two minutes.
fn judged(seed: u64, hours: u64, choice: Choice, flood: Option<u64>) -> Vec<Anomaly> {
    let plan = Plan {
        duration: Duration::from_secs(hours * 3600),
        scale: 40.0,
        ..Plan::new(Scenario::Quiet, seed)
    };
    let mut sampler = Sampler::new();
    let (mut dice, mut passed) = (seed, 0u64);
    let from = plan.start + Duration::from_secs(flood.unwrap_or(u64::MAX / 4));
    let mut next = from;
    common::each_frame(&plan, |frame| {
        while frame.at >= next && next < from + Duration::from_secs(120) {
            sampler.send(next, &flooding(sampler.number), 74);
            next = next + Duration::from_millis(50);
        }
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        passed += 1;
        let chosen = match choice {
            Choice::AtRandom => (dice >> 33).is_multiple_of(u64::from(RATE)),
            Choice::EveryThousandth => (passed + seed).is_multiple_of(u64::from(RATE)),
        };
        if chosen {
            sampler.send(frame.at, frame.octets, frame.original_length);
        }
    });
    sampler.engine.finish();
    sampler.engine.anomalies()
}

/// A UDP datagram from one of many sources to the web server 10.20.10.80.
fn flooding(number: u32) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17, 0, 0]);
    frame.extend([
        198,
        18,
        (number / 250) as u8,
        (number % 250) as u8,
        10,
        20,
        10,
        80,
    ]);
    frame.extend([0x9c, 0x40, 0x1f, 0x90, 0, 40, 0, 0]);
    frame.resize(74, 0);
    frame
}

#[test]
fn half_a_day_of_sampled_quiet_traffic_raises_no_more_alarms_than_the_budget() {
    let mut told = Vec::new();
    for (seed, choice) in [
        (1, Choice::AtRandom),
        (2, Choice::EveryThousandth),
        (3, Choice::AtRandom),
    ] {
        let found = judged(seed, 4, choice, None);
        told.extend(found.iter().map(|a| format!("{seed} {choice:?} {}", told_of(a))));
    }
    assert!(told.len() <= 1, "{}", told.concat());
}

#[test]
fn a_flood_of_which_a_thousandth_is_looked_at_is_found() {
    let found = judged(5, 2, Choice::AtRandom, Some(5400));
    let victim = Some(Value::Ip(address("10.20.10.80")));
    let flood = found.iter().find(|a| a.entity.get(Dimension::DstIp) == victim);
    let told: Vec<String> = found.iter().map(told_of).collect();
    let flood = flood.unwrap_or_else(|| panic!("{}", told.concat()));
    let start = Plan::new(Scenario::Quiet, 5).start + Duration::from_secs(5400);
    assert!(
        flood.started_at >= start - Duration::from_secs(60)
            && flood.started_at <= start + Duration::from_secs(120),
        "{}",
        told.concat()
    );
}
