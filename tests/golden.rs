//! The captures of `captures/` and what Tidemark says of them, kept beside them as goldens.
//!
//! `make captures` writes both anew. After a change that is meant to change what is found,
//! `UPDATE_GOLDEN=1 cargo test --test golden` writes the goldens alone; the difference then shows in review.
#![allow(clippy::unwrap_used)]

mod common;

use common::{CONFIG, program, replay_of, setup};
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use tidemark::drill::{Plan, Scenario};
use tidemark::model::Anomaly;
use tidemark::report::{Style, Summary, json, text};

/// The most that all captures may take together.
const MOST_CAPTURED: u64 = 7_000_000;
/// The most that everything else beside them may take: goldens, truths, words.
const MOST_WRITTEN: u64 = 1_000_000;

/// The capture whose whole report is kept as text.
const REPORTED: &str = "captures/fan-in.pcap.zst";

/// The captures, relative to the root of the repository as the goldens name them.
fn captures() -> Vec<PathBuf> {
    let mut captures = common::files_below(Path::new("captures"));
    captures.retain(|path| path.to_str().unwrap().ends_with(".pcap.zst"));
    if captures.is_empty() {
        println!("SKIPPED: no captures here; `make captures` writes them");
    }
    captures
}

/// `captures/x.pcap.zst` has its golden in `captures/x.anomalies.jsonl`.
fn beside(capture: &Path, ending: &str) -> PathBuf {
    let name = capture.to_str().unwrap().replace(".pcap.zst", ending);
    PathBuf::from(name)
}

fn truth(capture: &Path) -> Json {
    let path = format!("{}.truth.json", capture.display());
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn replayed(capture: &Path) -> (Vec<Anomaly>, Summary) {
    replay_of(&[capture.to_owned()]).run(&setup()).unwrap()
}

fn lines(capture: &Path) -> String {
    let mut out = Vec::new();
    for anomaly in &replayed(capture).0 {
        json::anomaly(&mut out, anomaly).unwrap();
    }
    String::from_utf8(out).unwrap()
}

/// Writes the golden where that was asked for, else compares.
fn compare(golden: &Path, got: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| !value.is_empty()) {
        fs::write(golden, got).unwrap();
        return Ok(());
    }
    agrees(golden, got)
}

/// Says in readable words how a golden differs.
fn agrees(golden: &Path, got: &str) -> Result<(), String> {
    let name = golden.display();
    let want = fs::read_to_string(golden).map_err(|error| format!("{name}: {error}"))?;
    if want == got {
        return Ok(());
    }
    let difference = difference(&readable(&want), &readable(got));
    Err(format!(
        "{name} (`-`) differs from what is found now (`+`):\n{difference}\
         If that is meant: UPDATE_GOLDEN=1 cargo test --test golden\n"
    ))
}

/// Text as its lines, JSON lines as one line for every member.
fn readable(text: &str) -> Vec<String> {
    let spread = |line: &str| match serde_json::from_str::<Json>(line) {
        Ok(json) => serde_json::to_string_pretty(&json).unwrap(),
        Err(_) => line.to_owned(),
    };
    let spread: Vec<String> = text.lines().map(spread).collect();
    spread.join("\n").lines().map(str::to_owned).collect()
}

/// The lines that were removed and added, by longest common subsequence, at most sixty.
fn difference(want: &[String], got: &[String]) -> String {
    let width = got.len() + 1;
    let mut common = vec![0_u32; (want.len() + 1) * width];
    for i in (0..want.len()).rev() {
        for j in (0..got.len()).rev() {
            common[i * width + j] = if want[i] == got[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut told) = (0, 0, Vec::new());
    while i < want.len() || j < got.len() {
        let removed =
            j == got.len() || i < want.len() && common[(i + 1) * width + j] >= common[i * width + j + 1];
        if i < want.len() && j < got.len() && want[i] == got[j] {
            (i, j) = (i + 1, j + 1);
        } else if removed {
            told.push(format!("-{:5} {}\n", i + 1, want[i]));
            i += 1;
        } else {
            told.push(format!("+{:5} {}\n", j + 1, got[j]));
            j += 1;
        }
    }
    let more = told.len().saturating_sub(60);
    told.truncate(60);
    if more > 0 {
        told.push(format!("       and {more} more lines\n"));
    }
    told.concat()
}

#[test]
fn the_anomalies_of_every_capture_are_those_of_its_golden() {
    let differ = |capture: PathBuf| compare(&beside(&capture, ".anomalies.jsonl"), &lines(&capture)).err();
    let differences: Vec<_> = captures().into_iter().filter_map(differ).collect();
    assert!(differences.is_empty(), "{}", differences.concat());
}

#[test]
fn the_report_for_people_is_that_of_its_golden() {
    let Some(capture) = captures().into_iter().find(|path| path == Path::new(REPORTED)) else {
        return;
    };
    let (anomalies, mut summary) = replayed(&capture);
    // What differs from run to run and from machine to machine.
    (summary.elapsed_seconds, summary.packets_per_second) = (None, None);
    summary.memory.clear();
    let mut out = Vec::new();
    let style = Style {
        color: false,
        width: 100,
    };
    text::write(&mut out, &anomalies, &summary, style).unwrap();
    let report = String::from_utf8(out).unwrap();
    let differs = compare(&beside(&capture, ".report.txt"), &report);
    assert!(differs.is_ok(), "{}", differs.unwrap_err());
}

#[test]
fn the_program_says_what_the_goldens_say() {
    for capture in captures() {
        let path = program::text(&capture);
        let ran = program::run(&["replay", path, "-c", CONFIG, "-q", "--format", "json"]).exits(0);
        let printed = ran
            .stdout
            .lines()
            .filter(|l| l.starts_with(r#"{"type":"anomaly""#));
        let printed: String = printed.map(|line| format!("{line}\n")).collect();
        assert_eq!(printed, lines(&capture), "{path}");
    }
}

#[test]
fn every_capture_is_what_the_drill_writes() {
    let folder = tempfile::tempdir().unwrap();
    let again = folder.path().join("again.pcap");
    for capture in captures() {
        let truth = truth(&capture);
        let scenario = Scenario::from_str(truth["scenario"].as_str().unwrap()).unwrap();
        let plan = Plan {
            duration: Duration::from_secs_f64(truth["duration_seconds"].as_f64().unwrap()),
            scale: truth["scale"].as_f64().unwrap_or(1.0),
            ..Plan::new(scenario, truth["seed"].as_u64().unwrap())
        };
        common::write_capture(&plan, &again);
        let kept = zstd::decode_all(fs::File::open(&capture).unwrap()).unwrap();
        assert!(kept == fs::read(&again).unwrap(), "{}", capture.display());
        let written = serde_json::to_value(tidemark::drill::truth(&plan)).unwrap();
        assert_eq!(truth, written, "{}", capture.display());
    }
}

#[test]
fn captures_and_goldens_stay_small() {
    let octets = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let captured: u64 = captures().iter().map(octets).sum();
    let total: u64 = common::files_below(Path::new("captures"))
        .iter()
        .map(octets)
        .sum();
    assert!(
        captured <= MOST_CAPTURED && total - captured <= MOST_WRITTEN,
        "{captured} octets of captures, {} beside them",
        total - captured
    );
}

#[test]
fn every_scenario_has_a_capture_with_truth_and_golden() {
    for scenario in Scenario::ALL {
        let capture = PathBuf::from(format!("captures/{scenario}.pcap.zst"));
        assert!(capture.is_file(), "{}", capture.display());
        assert_eq!(truth(&capture)["scenario"], scenario.name());
        assert!(beside(&capture, ".anomalies.jsonl").is_file(), "{scenario}");
    }
    assert!(beside(Path::new(REPORTED), ".report.txt").is_file());
}

#[test]
fn the_capture_of_every_incident_shows_it_under_its_name() {
    let mut missed = Vec::new();
    for &scenario in Scenario::ALL {
        if scenario == Scenario::Quiet {
            continue;
        }
        let capture = PathBuf::from(format!("captures/{scenario}.pcap.zst"));
        let truth = truth(&capture);
        let actors = ["attackers", "victims", "victim_networks"].map(|list| truth[list].as_array());
        let named = |line: &Json| {
            let entity = line["entity"].to_string();
            actors
                .iter()
                .flatten()
                .any(|list| list.iter().any(|ip| entity.contains(&ip.to_string())))
        };
        let found = lines(&capture)
            .lines()
            .map(|line| serde_json::from_str::<Json>(line).unwrap())
            .any(|line| line["kind"] == truth["kind"] && named(&line));
        if !found {
            missed.push(scenario.name());
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn a_difference_is_told_line_by_line() {
    let lines = |text: &str| readable(text);
    let want = lines("{\"kind\":\"dip\",\"score\":1}\n{\"kind\":\"scan\"}");
    let got = lines("{\"kind\":\"dip\",\"score\":2}\n{\"kind\":\"scan\"}");
    assert_eq!(
        difference(&want, &got),
        "-    3   \"score\": 1\n+    3   \"score\": 2\n"
    );
    assert_eq!(difference(&want, &want), "");
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join("x.anomalies.jsonl");
    let missing = agrees(&golden, "{}").unwrap_err();
    assert!(missing.contains("x.anomalies.jsonl"));
    fs::write(&golden, "{\"a\":1}\n").unwrap();
    let differs = agrees(&golden, "{\"a\":2}\n").unwrap_err();
    assert!(
        differs.contains("-    2   \"a\": 1") && differs.contains("UPDATE_GOLDEN=1"),
        "{differs}"
    );
    assert_eq!(agrees(&golden, "{\"a\":1}\n"), Ok(()));
}

#[test]
fn what_contributed_adds_up_to_what_was_observed() {
    let mut seen = 0;
    for scenario in Scenario::ALL {
        let text = fs::read_to_string(format!("captures/{scenario}.anomalies.jsonl")).unwrap();
        for line in text.lines() {
            let anomaly: serde_json::Value = serde_json::from_str(line).unwrap();
            let adds_up = ["bytes", "packets", "flows"].contains(&anomaly["metric"].as_str().unwrap());
            // The contacts of a beacon are those of hours, and a tunnel is measured by the news in its names.
            let is_pattern = ["beacon", "dns-tunnel"].contains(&anomaly["rule"].as_str().unwrap());
            if !adds_up || is_pattern || anomaly["direction"] != "above" {
                continue;
            }
            let parts = anomaly["contributors"]["protocol"].as_array().unwrap();
            let sum: f64 = parts.iter().map(|part| part["observed"].as_f64().unwrap()).sum();
            let observed = anomaly["observed"].as_f64().unwrap();
            // Values that moved by less than a hundredth of the surplus are left out.
            assert!(
                sum <= observed && sum >= 0.9 * observed,
                "{sum} of {observed}: {line}"
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}
