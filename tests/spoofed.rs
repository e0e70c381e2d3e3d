//! Memory stays inside its limit while more sources pass than any table could hold: a flood with forged addresses, as
//! packets and as flow export. What is asked is the operating system, not the program's own accounts.

#![allow(clippy::unwrap_used)]
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tidemark::config::builtin_rules;
use tidemark::engine::{Config, Engine};
use tidemark::enrich::Origins;
use tidemark::model::{ExportMessage, Ip, LinkType, Networks, RawPacket, Timestamp, Transport};

/// Sources that pass.
const SOURCES: u32 = 10_000_000;
/// What the tables may take.
const LIMIT: usize = 192 << 20;
/// Sources a second of event time.
const PACE: u64 = 100_000;
/// Monday, half an hour past eight.
const START: Timestamp = Timestamp::from_secs(1_772_440_200);

fn engine() -> Engine {
    let config = Config {
        rules: builtin_rules(),
        memory_limit: LIMIT,
        ..Config::default()
    };
    let networks = Networks::new(&["10.0.0.0/8".parse().unwrap()]);
    Engine::new(config, Arc::new(Origins::new(networks)), 1).unwrap()
}

/// Octets of memory this process occupies at most so far.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

/// The n-th forged source: every address once, in no order.
fn source(n: u32) -> u32 {
    n.wrapping_mul(0x9e37_79b1)
}

fn at(n: u32) -> Timestamp {
    START + Duration::from_nanos(u64::from(n) * 1_000_000_000 / PACE)
}

/// A flood: by how many octets memory grew, and the engine after it.
fn flood(mut send: impl FnMut(&mut Engine, u32)) -> (usize, Engine) {
    let mut engine = engine();
    let before = peak();
    for n in 0..SOURCES {
        send(&mut engine, n);
        if n % 1000 == 0 {
            while engine.poll().is_some() {}
            while engine.fault().is_some() {}
        }
    }
    engine.finish();
    let grown = peak() - before;
    eprintln!("{} of {} MiB", grown >> 20, LIMIT >> 20);
    (grown, engine)
}

/// A SYN from a forged source to one of our servers.
fn syn(n: u32) -> [u8; 40] {
    let mut packet = [0; 40];
    packet[..10].copy_from_slice(&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6]);
    packet[12..16].copy_from_slice(&source(n).to_be_bytes());
    packet[16..20].copy_from_slice(&[10, 0, 0, 80]);
    packet[20..24].copy_from_slice(&[0x9c, 0x40, 0x01, 0xbb]);
    packet[32..34].copy_from_slice(&[0x50, 2]);
    packet
}

/// A NetFlow v5 message of thirty such.
fn message(first: u32) -> Vec<u8> {
    let seconds = at(first).as_secs() as u32;
    let mut out = vec![0, 5, 0, 30];
    for word in [3_600_000, seconds, 0, first] {
        out.extend(u32::to_be_bytes(word));
    }
    out.extend([0; 4]);
    for n in first..first + 30 {
        let words = [
            source(n),
            0x0a00_0050,
            0,
            0x0001_0002,
            1,
            40,
            3_599_500,
            3_599_500,
        ];
        for word in words {
            out.extend(word.to_be_bytes());
        }
        out.extend([0x9c, 0x40, 0x01, 0xbb, 0, 2, 6, 0]);
        out.extend([0; 8]);
    }
    out
}

#[test]
fn ten_million_forged_sources_as_packets_stay_inside_the_limit() {
    let (grown, engine) = flood(|engine, n| {
        let octets = &syn(n);
        let raw = RawPacket {
            at: at(n),
            link: LinkType(101),
            octets,
            original_length: 40,
        };
        engine.observe(&raw).unwrap();
    });
    assert_eq!(engine.front_stats().meter.packets, u64::from(SOURCES));
    assert!(grown <= LIMIT);
}

#[test]
fn ten_million_forged_sources_as_flow_export_stay_inside_the_limit() {
    let (grown, engine) = flood(|engine, n| {
        if n % 30 == 0 {
            engine.collect(&ExportMessage {
                at: at(n),
                exporter: Ip::v4(0xc000_0201),
                source_port: 2055,
                collector_port: 2055,
                transport: Transport::Udp,
                octets: &message(n),
            });
        }
    });
    let records = u64::from(SOURCES.div_ceil(30) * 30);
    assert_eq!(engine.front_stats().export.records, records);
    assert_eq!(
        engine.front_stats().export.packets,
        records,
        "all of them are counted"
    );
    assert!(grown <= LIMIT);
}
