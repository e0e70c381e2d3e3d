//! Flow export of other people's exporters (the shared evaluation data, skipped where it is not at hand): what it says is
//! read, and whatever becomes of its octets on the way does no harm.
#![allow(clippy::unwrap_used)]

mod common;

use common::evaluation;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tidemark::app::Walk;
use tidemark::collect::{Collector, Config, Sink};
use tidemark::model::{ExportFault, ExportMessage, FlowRecord, Ip, Timestamp, Transport};

/// The header of this one counts the Templates only; its data is decoded all the same, by the lengths of its Sets: what
/// RFC 3954 section 5.1 calls Count is no length, and exporters disagree about it.
const COUNTS_TEMPLATES_ONLY: &str = "logstash-08-netflow-9-invalid-01";
/// Messages of each case that are damaged: more of the same make say nothing new.
const DAMAGED: usize = 40;
/// What the tables of a collector may take here: all cases together have far fewer Templates than this holds.
const BOUND: usize = 64 << 20;

/// Counts what comes out.
#[derive(Default)]
struct Count {
    records: u64,
    faults: u64,
}

impl Sink for Count {
    fn record(&mut self, record: &FlowRecord) {
        assert!(record.start <= record.end, "{record:?}");
        self.records += 1;
    }
    fn fault(&mut self, fault: ExportFault) {
        assert!(!fault.to_string().is_empty());
        self.faults += 1;
    }
}

/// Captures of export, with what is expected of each.
fn cases() -> Option<Vec<PathBuf>> {
    let folder = evaluation("decode")?;
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|e| e == "pcap"))
        .collect();
    captures.sort();
    assert!(captures.len() > 50, "{}", captures.len());
    Some(captures)
}

/// A message that was sent once.
struct Held {
    at: Timestamp,
    exporter: Ip,
    source_port: u16,
    transport: Transport,
    octets: Vec<u8>,
}

impl Held {
    /// Sends `octets` as this one was sent.
    fn send(&self, octets: &[u8], at: Timestamp, collector: &mut Collector, count: &mut Count) {
        let message = ExportMessage {
            at,
            exporter: self.exporter,
            source_port: self.source_port,
            collector_port: 2055,
            transport: self.transport,
            octets,
        };
        collector.observe(&message, count);
    }
}

/// Every message of a capture.
fn messages(capture: &PathBuf) -> Vec<Held> {
    let mut messages = Vec::new();
    let Ok(_) = Walk::new(true, false).run_export(std::slice::from_ref(capture), |message, _| {
        messages.push(Held {
            at: message.at,
            exporter: message.exporter,
            source_port: message.source_port,
            transport: message.transport,
            octets: message.octets.to_vec(),
        });
        Ok::<_, Infallible>(())
    });
    messages
}

#[test]
fn every_held_case_gives_the_number_of_records_that_is_expected() {
    let Some(cases) = cases() else { return };
    let mut wrong = Vec::new();
    for capture in cases {
        let case = capture.file_stem().unwrap().to_string_lossy().into_owned();
        let truth = fs::read_to_string(capture.with_extension("json")).unwrap();
        let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
        let allowed: BTreeSet<u64> = truth["counts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap())
            .collect();
        let (mut collector, mut count) = (Collector::new(Config::default()), Count::default());
        for held in &messages(&capture) {
            held.send(&held.octets, held.at, &mut collector, &mut count);
        }
        if !allowed.contains(&count.records) && case != COUNTS_TEMPLATES_ONLY {
            wrong.push(format!("{case}: {} records, not {allowed:?}", count.records));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The octets of a message with something wrong: cut, changed, or lengths and counts forged.
fn damaged(octets: &[u8], mut feed: impl FnMut(&[u8])) {
    let mut spoiled = octets.to_vec();
    for end in 0..octets.len() {
        feed(&octets[..end]);
        for flip in [0x01, 0x80, 0xff] {
            spoiled[end] = octets[end] ^ flip;
            feed(&spoiled);
        }
        spoiled[end] = octets[end];
    }
    // Every length and count of these protocols is a word of two octets or of four, and stands at an even place.
    for at in (0..octets.len().saturating_sub(3)).step_by(2) {
        for forged in [[0, 0], [0, 1], [0xff, 0xff]] {
            spoiled[at..at + 2].copy_from_slice(&forged);
            feed(&spoiled);
        }
        spoiled[at..at + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        feed(&spoiled);
        spoiled[at..at + 4].copy_from_slice(&octets[at..at + 4]);
    }
}

#[test]
fn held_messages_cut_changed_or_forged_anywhere_do_no_harm_and_stay_bounded() {
    let Some(cases) = cases() else { return };
    let (mut fed, mut count) = (0_u64, Count::default());
    let mut collector = Collector::new(Config::default());
    for capture in &cases {
        // The longest are not a hundred times worth their time.
        let short = messages(capture).into_iter().filter(|m| m.octets.len() <= 1500);
        for held in short.take(DAMAGED) {
            let mut at = held.at;
            let mut send = |octets: &[u8]| {
                at = at + Duration::from_millis(1);
                held.send(octets, at, &mut collector, &mut count);
                fed += 1;
            };
            send(&held.octets);
            damaged(&held.octets, &mut send);
        }
        assert!(
            collector.memory() < BOUND,
            "{}: {}",
            capture.display(),
            collector.memory()
        );
    }
    println!(
        "{fed} messages, {} records, {} faults",
        count.records, count.faults
    );
    assert!(
        fed > 500_000 && count.faults > fed / 20,
        "{fed} messages, {} faults",
        count.faults
    );
}
