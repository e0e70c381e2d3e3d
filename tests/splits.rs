//! However the same packets come, over however many Fronts, the same anomalies come out, line by line and id by id.
#![allow(clippy::unwrap_used)]

mod common;

use common::{CONFIG, lines, program, replay, replay_of, same, samples, setup};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tidemark::drill::{Plan, Scenario};
use tidemark::engine::Engine;

/// Scenarios whose anomalies come from every kind of test: limit, baseline, sequential, scan, first sight.
const SCENARIOS: [Scenario; 6] = [
    Scenario::RateLimit,
    Scenario::FanIn,
    Scenario::Stranger,
    Scenario::SynFlood,
    Scenario::Reflection,
    Scenario::ScanHorizontal,
];

/// A capture in a folder of its own, and the lines it gives as it is.
struct Sample {
    folder: TempDir,
    capture: PathBuf,
    want: Vec<String>,
}

impl Sample {
    fn of(scenario: Scenario) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("whole.pcap");
        common::write_capture(&Plan::new(scenario, 1), &capture);
        let want = lines(&replay(std::slice::from_ref(&capture)).0);
        assert!(
            !want.is_empty(),
            "{scenario}: nothing is found, so nothing can be compared"
        );
        Self {
            folder,
            capture,
            want,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// These files together give the lines of the whole.
    #[track_caller]
    fn is_same_as(&self, what: &str, files: &[PathBuf]) {
        same(what, &self.want, &lines(&replay(files).0));
    }
}

#[test]
fn the_same_capture_gives_the_same_lines_twice() {
    for scenario in SCENARIOS {
        let sample = Sample::of(scenario);
        sample.is_same_as(scenario.name(), std::slice::from_ref(&sample.capture));
    }
}

/// 2 and 7 Fronts give the lines of one.
#[track_caller]
fn fronts_change_nothing(scenario: Scenario) {
    let sample = Sample::of(scenario);
    for fronts in [2, 7] {
        let mut replay = replay_of(std::slice::from_ref(&sample.capture));
        replay.fronts = fronts;
        let (anomalies, _) = replay.run(&setup()).unwrap();
        let what = format!("{scenario} over {fronts} Fronts");
        same(&what, &sample.want, &lines(&anomalies));
    }
}

#[test]
fn any_number_of_fronts_gives_the_same_lines_and_ids() {
    let others = SCENARIOS
        .into_iter()
        .filter(|scenario| *scenario != Scenario::ScanHorizontal);
    others.for_each(fronts_change_nothing);
}

#[test]
fn any_number_of_fronts_gives_the_same_scan() {
    fronts_change_nothing(Scenario::ScanHorizontal);
}

#[test]
fn any_number_of_fronts_counts_the_same() {
    let sample = Sample::of(Scenario::Stranger);
    let counted = |fronts: usize| {
        let mut replay = replay_of(std::slice::from_ref(&sample.capture));
        replay.fronts = fronts;
        let (_, mut s) = replay.run(&setup()).unwrap();
        // A Front does not know which names the others passed on already, so more come twice and are given up.
        s.dropped.remove("names_given_up");
        (
            s.packets,
            s.bytes,
            s.flows,
            s.conversations,
            s.intervals,
            s.dropped,
            s.watched,
        )
    };
    let one = counted(1);
    assert_eq!(one, counted(2));
    assert_eq!(one, counted(7));
}

#[test]
fn the_program_gives_the_same_lines_over_any_number_of_fronts() {
    let sample = Sample::of(Scenario::FanIn);
    for fronts in ["1", "2", "7"] {
        let capture = program::text(&sample.capture);
        let ran = program::run(&[
            "replay", capture, "-c", CONFIG, "-q", "--format", "json", "--fronts", fronts,
        ]);
        same(fronts, &sample.want, &common::comparable(&ran.exits(0).stdout));
    }
}

/// Replays a plan frame by frame, asking for events after every `batch` frames; what was told, and the lines in the end.
fn in_batches(plan: &Plan, batch: usize) -> (Vec<String>, Vec<String>) {
    let setup = setup();
    let config = setup.engine(None, "FILE".to_owned());
    let mut engine = Engine::new(config, setup.origins.clone(), 1).unwrap();
    let mut told = Vec::new();
    let mut tell = |engine: &mut Engine| {
        while let Some(event) = engine.poll() {
            told.push(format!("{event:?}"));
        }
    };
    let mut frames = 0;
    common::each_frame(plan, |frame| {
        let _ = engine.observe(frame);
        frames += 1;
        if frames % batch == 0 {
            tell(&mut engine);
        }
    });
    engine.finish();
    tell(&mut engine);
    (told, lines(&engine.anomalies()))
}

#[test]
fn events_asked_for_seldom_or_often_are_the_same() {
    let plan = Plan::new(Scenario::Stranger, 1);
    let (told, want) = in_batches(&plan, 1);
    assert!(!told.is_empty());
    for batch in [7, 1000, usize::MAX] {
        let (others, got) = in_batches(&plan, batch);
        same(&format!("events every {batch} frames"), &told, &others);
        same(&format!("lines in batches of {batch}"), &want, &got);
    }
}

#[test]
fn saying_the_time_between_packets_changes_nothing() {
    let plan = Plan::new(Scenario::FanIn, 1);
    let setup = setup();
    let mut engine = Engine::new(setup.engine(None, "FILE".to_owned()), setup.origins.clone(), 1).unwrap();
    common::each_frame(&plan, |frame| {
        engine.advance(frame.at);
        let _ = engine.observe(frame);
    });
    engine.finish();
    same("advanced", &in_batches(&plan, 1).1, &lines(&engine.anomalies()));
}

#[test]
fn two_halves_given_together_are_the_whole_in_either_order() {
    let sample = Sample::of(Scenario::FanIn);
    let records = samples::records(&sample.capture);
    let (first, second) = records.split_at(records.len() / 2);
    let [a, b] = [sample.path("a.pcap"), sample.path("b.pcap")];
    samples::write_pcap(&a, first, false, false);
    samples::write_pcap(&b, second, false, false);
    sample.is_same_as("in order", &[a.clone(), b.clone()]);
    sample.is_same_as("the later half first", &[b, a]);
}

#[test]
fn a_ring_of_files_given_together_is_the_whole() {
    let sample = Sample::of(Scenario::Stranger);
    let records = samples::records(&sample.capture);
    let minute = |r: &&samples::Record| r.micros / 60_000_000 % 3;
    let paths: Vec<_> = (0..3).map(|part| sample.path(&format!("{part}.pcap"))).collect();
    for (part, path) in (0..3).zip(&paths) {
        samples::write_pcap(path, records.iter().filter(|r| minute(r) == part), false, false);
    }
    sample.is_same_as("every third minute in a file of its own", &paths);
}

#[test]
fn two_halves_over_a_kept_state_find_what_the_whole_finds() {
    // The halves meet in the quiet before the incident, so whatever the whole finds lies in the second.
    let sample = Sample::of(Scenario::ScanVertical);
    let records = samples::records(&sample.capture);
    let (first, second) = records.split_at(records.len() / 2);
    let [a, b] = [sample.path("a.pcap"), sample.path("b.pcap")];
    samples::write_pcap(&a, first, false, false);
    samples::write_pcap(&b, second, false, false);
    let found = |file: &Path| {
        let mut replay = replay_of(&[file.to_owned()]);
        replay.state = Some(sample.path("state"));
        replay.run(&setup()).unwrap().0
    };
    assert!(found(&a).is_empty());
    let places: Vec<_> = found(&b).iter().map(|a| (a.kind, a.entity.clone())).collect();
    let whole: Vec<_> = replay(std::slice::from_ref(&sample.capture)).0;
    let whole: Vec<_> = whole.iter().map(|a| (a.kind, a.entity.clone())).collect();
    assert_eq!(places, whole);
}

#[test]
fn gzip_and_zstd_give_the_lines_of_the_plain_file() {
    let sample = Sample::of(Scenario::Stranger);
    // The names say nothing: what a file is, its first octets tell.
    let [gz, zst] = [sample.path("a.bin"), sample.path("b.bin")];
    samples::gzip(&sample.capture, &gz);
    samples::zstandard(&sample.capture, &zst);
    sample.is_same_as("gzip", &[gz]);
    sample.is_same_as("zstd", &[zst]);
}

#[test]
fn pcapng_gives_the_lines_of_pcap() {
    let sample = Sample::of(Scenario::Stranger);
    let path = sample.path("a.pcapng");
    samples::write_pcapng(&path, &samples::records(&sample.capture));
    sample.is_same_as("pcapng", &[path]);
}

#[test]
fn byte_order_and_precision_of_a_capture_change_nothing() {
    let sample = Sample::of(Scenario::Stranger);
    let records = samples::records(&sample.capture);
    for (big_endian, nanos) in [(true, false), (false, true), (true, true)] {
        let path = sample.path("other.pcap");
        samples::write_pcap(&path, &records, big_endian, nanos);
        sample.is_same_as(&format!("big-endian {big_endian}, nanoseconds {nanos}"), &[path]);
    }
}

#[test]
fn standard_input_gives_the_lines_of_the_file() {
    let sample = Sample::of(Scenario::Stranger);
    let capture = fs::read(&sample.capture).unwrap();
    let arguments = ["replay", "-", "-c", CONFIG, "-q", "--format", "json"];
    let ran = program::run_with_input(&arguments, &capture).exits(0);
    same("standard input", &sample.want, &common::comparable(&ran.stdout));
    let zst = zstd::encode_all(&capture[..], 1).unwrap();
    let ran = program::run_with_input(&arguments, &zst).exits(0);
    same(
        "zstd on standard input",
        &sample.want,
        &common::comparable(&ran.stdout),
    );
}
