//! What the integration tests share: drills as captures, replays here or by the built program, lines to compare.
#![allow(dead_code, clippy::unwrap_used)]

pub mod others;
pub mod program;
pub mod samples;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidemark::app::{Pace, Replay, Setup, read_config};
use tidemark::drill::{Plan, Scenario, Truth, frames, truth};
use tidemark::engine::Engine;
use tidemark::input::{OutputFile, PcapWriter, Precision};
use tidemark::model::{Anomaly, Dimension, Ip, LinkType, RawPacket, Timestamp, Value};
use tidemark::report::{Summary, json};

/// The link type of drills.
pub const ETHERNET: LinkType = LinkType(1);

/// The configuration of Example Corp, relative to the root of the repository, which is where tests run.
pub const CONFIG: &str = "captures/tidemark.toml";

/// A plan of so many minutes with everything else as the command line has it.
pub fn plan(scenario: Scenario, seed: u64, minutes: u64) -> Plan {
    Plan {
        duration: Duration::from_secs(minutes * 60),
        ..Plan::new(scenario, seed)
    }
}

/// Example Corp, with its databases and its quota rule.
pub fn setup() -> Setup {
    Setup::new(read_config(Some(Path::new(CONFIG))).unwrap()).unwrap()
}

/// Hands every frame of a plan out as an input would.
pub fn each_frame(plan: &Plan, mut take: impl FnMut(&RawPacket<'_>)) {
    let mut traffic = frames(plan);
    while let Some(frame) = traffic.next_frame() {
        take(&RawPacket {
            at: frame.at,
            link: ETHERNET,
            octets: frame.octets,
            original_length: frame.original_length,
        });
    }
}

/// Writes the traffic of a plan to a capture; how many packets it has.
pub fn write_capture(plan: &Plan, path: &Path) -> u64 {
    let file = OutputFile::create(path, 3).unwrap();
    let mut capture = PcapWriter::new(file, Precision::Micros, ETHERNET, plan.snap as u32).unwrap();
    let mut packets = 0;
    each_frame(plan, |frame| {
        capture
            .write(frame.at, frame.octets, frame.original_length)
            .unwrap();
        packets += 1;
    });
    capture.finish().unwrap().finish().unwrap();
    packets
}

/// A replay of captures as the command line begins it.
pub fn replay_of(files: &[PathBuf]) -> Replay {
    Replay {
        files: files.to_vec(),
        filter: None,
        state: None,
        keep: None,
        past: None,
        pace: Pace::Max,
        fronts: 1,
        holding: tidemark::app::Holding::Packets,
        quiet: true,
        verbose: false,
    }
}

/// Replays captures with the configuration of Example Corp.
pub fn replay(files: &[PathBuf]) -> (Vec<Anomaly>, Summary) {
    replay_of(files).run(&setup()).unwrap()
}

/// What the engine finds in the traffic of a plan, without a file between.
pub fn judged(plan: &Plan) -> Vec<Anomaly> {
    let setup = setup();
    let config = setup.engine(None, "FILE".to_owned());
    let mut engine = Engine::new(config, setup.origins.clone(), 1).unwrap();
    each_frame(plan, |frame| {
        // Frames without IP are part of ordinary traffic.
        let _ = engine.observe(frame);
        while engine.poll().is_some() {}
    });
    engine.finish();
    engine.anomalies()
}

/// A drill, the truth about it, and what a replay of its capture found.
pub struct Case {
    pub truth: Truth,
    pub anomalies: Vec<Anomaly>,
    pub summary: Summary,
}

impl Case {
    /// An hour of a scenario with seed 1, through a capture on disk.
    pub fn of(scenario: Scenario) -> Self {
        Self::planned(&Plan::new(scenario, 1))
    }

    /// The traffic of a plan, through a capture on disk.
    pub fn planned(plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drill.pcap");
        write_capture(plan, &path);
        let (anomalies, summary) = replay(&[path]);
        Self {
            truth: truth(plan),
            anomalies,
            summary,
        }
    }

    /// When the incident begins.
    pub fn start(&self) -> Timestamp {
        self.truth.start.unwrap()
    }

    /// When it is over.
    pub fn end(&self) -> Timestamp {
        self.truth.end.unwrap()
    }

    /// The first anomaly that satisfies `wanted`, with everything found in the message when none does.
    #[track_caller]
    pub fn find(&self, promise: &str, wanted: impl Fn(&Anomaly) -> bool) -> &Anomaly {
        let found = self.anomalies.iter().find(|a| wanted(a));
        found.unwrap_or_else(|| panic!("{promise}\n{}", self.told()))
    }

    /// Everything that was found, a line each, to read when a promise fails.
    pub fn told(&self) -> String {
        let mut told = format!("truth: {} to {}\n", self.start(), self.end());
        told += &self.anomalies.iter().map(told_of).collect::<String>();
        if self.anomalies.is_empty() {
            told += "found: nothing\n";
        }
        told
    }
}

/// One anomaly in one line.
pub fn told_of(a: &Anomaly) -> String {
    format!(
        "found: {} ({}) at {}; {} {} {}, expected {:.1}; {} to {:?}, said {}; incident {}{}\n",
        a.kind,
        a.rule,
        a.entity,
        a.metric,
        a.direction.name(),
        a.worst.observed,
        a.worst.expected,
        a.started_at,
        a.ended_at.map(|at| at.to_string()),
        a.detected_at,
        a.incident,
        if a.headline { ", headline" } else { "" },
    )
}

/// An address.
pub fn ip(text: &str) -> Value {
    Value::Ip(address(text))
}

/// An address.
pub fn address(text: &str) -> Ip {
    text.parse().unwrap()
}

/// Whether the entity of an anomaly is at this address, on whatever side.
pub fn is_at(a: &Anomaly, address: Ip) -> bool {
    a.entity.addresses().any(|ip| ip == address)
}

/// Whether an anomaly names this address in its entity or among its contributors.
pub fn names(a: &Anomaly, address: Ip) -> bool {
    let contributes = |c: &tidemark::model::Contributor| c.value == Value::Ip(address);
    is_at(a, address) || a.contributors.values().flatten().any(contributes)
}

/// Values and shares of one dimension of the contributors.
pub fn shares(a: &Anomaly, dimension: Dimension) -> BTreeMap<Value, f64> {
    let contributors = a.contributors.get(&dimension);
    contributors
        .into_iter()
        .flatten()
        .map(|c| (c.value, c.share))
        .collect()
}

/// Anomaly lines in a form that does not depend on how the input was named.
pub fn lines(anomalies: &[Anomaly]) -> Vec<String> {
    let line = |anomaly: &Anomaly| {
        let mut out = Vec::new();
        json::anomaly(&mut out, anomaly).unwrap();
        String::from_utf8(out).unwrap()
    };
    comparable(&anomalies.iter().map(line).collect::<String>())
}

/// The anomaly lines among JSON lines, without the command that reproduces each, which names the input.
pub fn comparable(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["type"] == "anomaly" {
            line.as_object_mut().unwrap().remove("reproduce").unwrap();
            lines.push(line.to_string());
        }
    }
    lines
}

/// Fails with the first lines that differ, `want` before `-` and `got` before `+`.
#[track_caller]
pub fn same(what: &str, want: &[String], got: &[String]) {
    if want == got {
        return;
    }
    let mut told = format!("{what}: {} lines were expected, {} came\n", want.len(), got.len());
    let longest = want.len().max(got.len());
    let differs = (0..longest).filter(|&i| want.get(i) != got.get(i));
    for i in differs.take(5) {
        for (mark, line) in [('-', want.get(i)), ('+', got.get(i))] {
            if let Some(line) = line {
                told += &format!(
                    "{mark}{:4} {}\n",
                    i + 1,
                    around_difference(line, want.get(i), got.get(i))
                );
            }
        }
    }
    panic!("{told}");
}

/// The part of a long line where two differ.
fn around_difference<'a>(line: &'a str, a: Option<&String>, b: Option<&String>) -> &'a str {
    let (Some(a), Some(b)) = (a, b) else {
        return part(line, 0, 300);
    };
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    part(line, common.saturating_sub(80), common + 160)
}

fn part(line: &str, from: usize, to: usize) -> &str {
    let inside = |at: usize| (0..=at.min(line.len())).rev().find(|&i| line.is_char_boundary(i));
    line.get(inside(from).unwrap_or(0)..inside(to).unwrap_or(0))
        .unwrap_or(line)
}

/// The folder of shared evaluation data; says that a test is skipped where it is not there.
pub fn evaluation(part: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/eval").join(part);
    if !folder.is_dir() {
        println!("SKIPPED: ../shared/eval/{part} is not here");
        return None;
    }
    Some(folder)
}

/// Every file below a folder, sorted.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
