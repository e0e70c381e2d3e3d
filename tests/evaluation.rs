//! Measures against the shared evaluation data, where it is at hand: metering, damaged input, attacks in other people's
//! traffic. Its licences are mixed, so it is no part of the repository, and without it these tests say SKIPPED.
#![allow(clippy::unwrap_used)]

mod common;

use common::{evaluation, replay_of, told_of};
use flate2::read::GzDecoder;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidemark::app::{Setup, Walk};
use tidemark::config::Config;
use tidemark::meter::{self, Meter, Sink};
use tidemark::model::{Anomaly, ConversationKey, Counters, FlowKey, FlowRecord, Ip, Timestamp};
use tidemark::wire::{Decap, decode};

/// Addresses, ports and protocol of both directions of a conversation, the smaller end first.
type Tuple = (Ip, u16, Ip, u16, u8);

/// Packets and octets.
type Totals = BTreeMap<Tuple, (u64, u64)>;

/// Every Flow Record of a capture.
#[derive(Default)]
struct Records(Vec<FlowRecord>);

impl Sink for Records {
    fn record(&mut self, record: FlowRecord) {
        self.0.push(record);
    }
    fn growth(&mut self, _key: ConversationKey, _counters: &Counters) {}
}

/// The Flow Records of a capture, as `tidemark flows` meters them, and whether anything was said of the file.
fn metered(path: &Path) -> (Vec<FlowRecord>, bool) {
    let mut records = Records::default();
    let mut meter = Meter::new(meter::Config::default());
    let mut walk = Walk::new(true, false);
    walk.run(&[path.to_owned()], |raw| {
        let packet = match decode(raw.link, raw.octets, raw.original_length, Decap::default()) {
            Ok(packet) => packet,
            Err(undecoded) => return Ok::<_, ()>(Err(undecoded)),
        };
        meter.observe(raw.at, &packet, &mut records);
        Ok(Ok(()))
    })
    .unwrap();
    meter.finish(&mut records);
    (records.0, !walk.troubles.listed.is_empty())
}

fn tuple(src: Ip, src_port: u16, dst: Ip, dst_port: u16, protocol: u8, ports: bool) -> Tuple {
    let has_ports = ports && matches!(protocol, FlowKey::TCP | FlowKey::UDP);
    let (a, b) = if has_ports {
        ((src, src_port), (dst, dst_port))
    } else {
        ((src, 0), (dst, 0))
    };
    let (a, b) = (a.min(b), a.max(b));
    (a.0, a.1, b.0, b.1, protocol)
}

/// The rows of an expectation: source, port, destination, port, protocol, packets, octets.
fn expected(rows: &Json, ports: bool) -> Totals {
    let mut totals = Totals::new();
    for row in rows.as_array().unwrap() {
        let address = |i: usize| row[i].as_str().unwrap().parse::<Ip>().unwrap();
        let number = |i: usize| row[i].as_u64().unwrap();
        let key = tuple(
            address(0),
            number(1) as u16,
            address(2),
            number(3) as u16,
            number(4) as u8,
            ports,
        );
        let total = totals.entry(key).or_default();
        *total = (total.0 + number(5), total.1 + number(6));
    }
    totals
}

fn got(records: &[FlowRecord], ports: bool) -> Totals {
    let mut totals = Totals::new();
    for record in records {
        let k = &record.key;
        let key = tuple(k.src, k.src_port, k.dst, k.dst_port, k.protocol, ports);
        let total = totals.entry(key).or_default();
        *total = (total.0 + record.packets, total.1 + record.bytes);
    }
    totals
}

/// Whether packets and octets of every 5-tuple are those expected, by the outermost or the innermost IP header.
fn is_exact(expectation: &Json, records: &[FlowRecord]) -> bool {
    // Later fragments have no ports, and a length of zero (segmentation offload) says nothing of octets.
    let ports = expectation["fragments"] == 0;
    let octets = expectation["zero_length"] == 0;
    let relevant = |totals: Totals| -> Totals {
        let only_packets = |(packets, octet_count)| (packets, if octets { octet_count } else { 0 });
        totals.into_iter().map(|(k, v)| (k, only_packets(v))).collect()
    };
    let have = relevant(got(records, ports));
    ["outer", "inner"]
        .iter()
        .filter_map(|layer| expectation.get(layer))
        .any(|rows| relevant(expected(rows, ports)) == have)
}

#[test]
fn packets_and_octets_of_at_least_98_percent_of_captures_are_exact() {
    let Some(folder) = evaluation("packets") else {
        return;
    };
    let files = common::files_below(&folder);
    let (mut captures, mut plain, mut inexact) = (0, 0, Vec::new());
    for path in files
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
    {
        let expectation: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let Some(name) = expectation["file"]
            .as_str()
            .filter(|_| expectation["outer"].is_array())
        else {
            continue;
        };
        captures += 1;
        plain += u64::from(expectation["plain"] == true);
        if !is_exact(&expectation, &metered(&folder.join(name)).0) {
            inexact.push((name.to_owned(), expectation["plain"] == true));
        }
    }
    println!(
        "{} of {captures} captures exact, {plain} of them plain",
        captures - inexact.len()
    );
    assert!(captures >= 300 && plain >= 100, "the data is there");
    assert!(inexact.len() * 50 <= captures, "{inexact:?}");
    assert!(
        inexact.iter().all(|(_, plain)| !plain),
        "plain captures are all exact: {inexact:?}"
    );
}

/// The files of the bad-input collection, and whether each can be read to its end.
fn bad_input() -> Option<Vec<(PathBuf, bool)>> {
    let folder = evaluation("bad-input")?;
    let index = fs::read_to_string(folder.join("index.csv")).unwrap();
    let rows = index.lines().skip(1).map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        // What says which can be read did not unpack captures; we do.
        (
            folder.join(fields[0]),
            fields[3] == "1" || fields[0].ends_with(".gz"),
        )
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() >= 600);
    Some(rows)
}

/// Runs `read`, which says whether anything was said of a file, over all of them: no panic, and no silence about what
/// cannot be read.
#[track_caller]
fn none_panics_or_is_silent(read: impl Fn(&Path) -> bool) {
    let Some(files) = bad_input() else { return };
    let (mut panics, mut silent) = (Vec::new(), Vec::new());
    for (path, readable) in &files {
        match catch_unwind(AssertUnwindSafe(|| read(path))) {
            Err(_) => panics.push(path),
            Ok(false) if !readable => silent.push(path),
            Ok(_) => {}
        }
    }
    assert!(
        panics.is_empty() && silent.is_empty(),
        "panics: {panics:?}, silent: {silent:?}"
    );
}

#[test]
fn no_bad_input_makes_the_meter_panic_or_keep_silent() {
    none_panics_or_is_silent(|path| metered(path).1);
}

#[test]
fn no_bad_input_makes_a_replay_panic_or_keep_silent() {
    let setup = Setup::new(Config::default()).unwrap();
    none_panics_or_is_silent(|path| match replay_of(&[path.to_owned()]).run(&setup) {
        Ok((_, summary)) => !summary.faults.is_empty(),
        Err(_) => true,
    });
}

#[test]
fn no_bad_input_makes_several_fronts_disagree_with_one() {
    let Some(files) = bad_input() else { return };
    let setup = Setup::new(Config::default()).unwrap();
    let run = |path: &Path, fronts: usize| {
        let mut replay = replay_of(&[path.to_owned()]);
        replay.fronts = fronts;
        let (anomalies, s) = replay.run(&setup).ok()?;
        Some((
            common::lines(&anomalies),
            s.packets,
            s.bytes,
            s.conversations,
            s.intervals,
        ))
    };
    let differs = |path: &&PathBuf| run(path, 1) != run(path, 3);
    let different: Vec<_> = files.iter().map(|(path, _)| path).filter(differs).collect();
    assert!(different.is_empty(), "{different:?}");
}

/// One attack laid over a quiet background.
struct Overlay {
    name: String,
    class: String,
    hard: bool,
    start: Timestamp,
    end: Timestamp,
    actors: BTreeSet<Ip>,
    anomalies: Vec<Anomaly>,
}

impl Overlay {
    /// Those that name an attacker or a victim and overlap the attack or the two minutes after it.
    fn hits(&self) -> impl Iterator<Item = &Anomaly> {
        let until = self.end + Duration::from_secs(120);
        self.anomalies.iter().filter(move |a| {
            let overlaps = a.started_at <= until && a.ended_at.is_none_or(|end| end >= self.start);
            overlaps && a.detected_at >= self.start && self.actors.iter().any(|ip| common::names(a, *ip))
        })
    }

    /// Seconds from the start of the attack to the first word about it.
    fn delay(&self) -> Option<Duration> {
        self.hits().map(|a| a.detected_at.since(self.start)).min()
    }

    fn told(&self) -> String {
        let kinds: BTreeSet<_> = self.hits().map(|a| a.kind.name()).collect();
        let kinds: Vec<_> = kinds.into_iter().collect();
        let others = self.anomalies.len() - self.hits().count();
        format!(
            "{:58} {:10} {:4} {:>7} {:40} {others:3} others",
            self.name,
            self.class,
            if self.hard { "hard" } else { "" },
            self.delay()
                .map_or("missed".to_owned(), |d| format!("{} s", d.as_secs())),
            kinds.join(",")
        )
    }
}

fn instant(text: &Json) -> Timestamp {
    let at: jiff::Timestamp = text.as_str().unwrap().parse().unwrap();
    Timestamp::from_nanos(i64::try_from(at.as_nanosecond()).unwrap())
}

/// Addresses listed in place, or in a file beside.
fn actors(folder: &Path, attack: &Json) -> BTreeSet<Ip> {
    let mut actors = BTreeSet::new();
    for role in ["attackers", "victims"] {
        let listed = attack[role].as_array();
        actors.extend(
            listed
                .into_iter()
                .flatten()
                .filter_map(|a| a.as_str()?.parse::<Ip>().ok()),
        );
        if let Some(file) = attack[format!("{role}_file")].as_str() {
            let mut text = String::new();
            let file = fs::File::open(folder.join(file)).unwrap();
            GzDecoder::new(file).read_to_string(&mut text).unwrap();
            actors.extend(text.split_whitespace().filter_map(|a| a.parse::<Ip>().ok()));
        }
    }
    actors
}

/// Every attack over the packets of the lab, replayed with the built-in defaults.
fn overlays() -> Option<Vec<Overlay>> {
    let folder = evaluation("attacks")?;
    let setup = Setup::new(Config::default()).unwrap();
    let listed = fs::read_to_string(folder.join("overlays.json")).unwrap();
    let listed: Vec<Json> = serde_json::from_str(&listed).unwrap();
    let lab = listed
        .iter()
        .filter(|case| case["as"] == "packets" && case["attack"].is_object());
    let overlay = |case: &Json| {
        let attack = &case["attack"];
        let file = folder.join(case["file"].as_str().unwrap());
        Overlay {
            name: case["case"].as_str().unwrap().to_owned(),
            class: attack["class"].as_str().unwrap().to_owned(),
            hard: case["hard"] == true,
            start: instant(&attack["start"]),
            end: instant(&attack["end"]),
            actors: actors(&folder, attack),
            anomalies: replay_of(&[file]).run(&setup).unwrap().0,
        }
    };
    let overlays: Vec<_> = lab.map(overlay).collect();
    assert!(overlays.len() >= 15);
    overlays.iter().for_each(|o| println!("{}", o.told()));
    Some(overlays)
}

/// What was missed among those that are wanted, in words.
fn missed(overlays: &[Overlay], within: Duration, wanted: impl Fn(&Overlay) -> bool) -> String {
    let late = |o: &&Overlay| wanted(o) && o.delay().is_none_or(|delay| delay > within);
    let tell = |o: &Overlay| o.told() + "\n" + &o.anomalies.iter().map(told_of).collect::<String>();
    overlays.iter().filter(late).map(tell).collect()
}

#[test]
fn every_flood_reflection_and_scan_in_the_lab_is_found_within_two_intervals() {
    let Some(overlays) = overlays() else { return };
    let missed = missed(&overlays, Duration::from_secs(120), |o| {
        !o.hard && matches!(o.class.as_str(), "flood" | "reflection" | "scan")
    });
    assert_eq!(missed, "");
}

#[test]
fn at_least_half_of_the_hard_attacks_is_found() {
    let Some(overlays) = overlays() else { return };
    let hard = overlays.iter().filter(|o| o.hard).count();
    let missed = overlays.iter().filter(|o| o.hard && o.delay().is_none()).count();
    assert!(missed * 2 <= hard, "{missed} of {hard} missed");
}

#[test]
fn the_lab_without_an_attack_raises_at_most_one_alarm() {
    let Some(folder) = evaluation("attacks/backgrounds") else {
        return;
    };
    let setup = Setup::new(Config::default()).unwrap();
    let (anomalies, _) = replay_of(&[folder.join("lab-packets.pcap")]).run(&setup).unwrap();
    let told: String = anomalies.iter().map(told_of).collect();
    assert!(anomalies.len() <= 1, "{told}");
}
