//! What people say of anomalies, from the command line to the budget in the summary.
#![allow(clippy::unwrap_used)]

mod common;

use common::program::{Ran, run, text};
use tempfile::TempDir;
use tidemark::drill::Scenario;

/// A folder with a capture of a scan, replayed once with a state.
fn replayed() -> (TempDir, Ran) {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("drill.pcap");
    common::write_capture(&common::plan(Scenario::ScanVertical, 1, 15), &capture);
    let ran = replay(&folder);
    (folder, ran)
}

fn replay(folder: &TempDir) -> Ran {
    let (capture, state) = (folder.path().join("drill.pcap"), folder.path().join("state"));
    run(&[
        "replay",
        "-q",
        "--format",
        "json",
        text(&capture),
        "--state",
        text(&state),
    ])
    .exits(0)
}

#[test]
fn a_verdict_is_listed_and_counted_for_its_rule() {
    let (folder, first) = replayed();
    let state = folder.path().join("state");
    let scan = first
        .objects("anomaly")
        .into_iter()
        .find(|a| a["kind"] == "scan-vertical")
        .unwrap();
    let (id, rule) = (scan["id"].as_str().unwrap(), scan["rule"].as_str().unwrap());
    for verdict in ["attack", "false"] {
        run(&[
            "anomalies",
            "verdict",
            id,
            verdict,
            "--state",
            text(&state),
            "--by",
            "kim",
        ])
        .exits(0)
        .says(&[rule, verdict]);
    }
    let listed = run(&["anomalies", "list", "--state", text(&state)]).exits(0);
    let line = listed.stdout.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(line.ends_with("false by kim"), "the newest word counts: {line}");

    // The same capture once more: the accounts go on, the verdict stands beside what was found.
    let budget = replay(&folder).summary()["budget"].clone();
    assert_eq!(budget["verdicts"]["false"], 1, "{budget}");
    let rules = budget["rules"].as_array().unwrap();
    let of = |name: &str| rules.iter().find(|rule| rule["rule"] == name).unwrap();
    assert_eq!(of(rule)["verdicts"]["false"], 1);
    assert_eq!(of("stranger")["verdicts"]["false"], 0);
    let cost: f64 = rules.iter().map(|rule| rule["cost"].as_f64().unwrap()).sum();
    assert!((cost - 1.0).abs() < 1e-9, "costs are parts of the whole: {cost}");
    assert!(budget["fired"].as_u64() > first.summary()["budget"]["fired"].as_u64());
}

#[test]
fn a_verdict_on_what_is_not_known_is_refused_with_words() {
    let (folder, _) = replayed();
    let state = folder.path().join("state");
    let say = |id: &str, verdict: &str| run(&["anomalies", "verdict", id, verdict, "--state", text(&state)]);
    say("0123456789abcdef", "false")
        .exits(2)
        .says(&["knows no anomaly 0123456789abcdef"]);
    say("12", "false").exits(2).says(&["16 hexadecimal digits"]);
    say("0123456789abcdef", "maybe")
        .exits(2)
        .says(&["attack, false, expected, new-normal"]);
    let nowhere = folder.path().join("nowhere");
    run(&["anomalies", "list", "--state", text(&nowhere)])
        .exits(2)
        .says(&["there is no state in"]);
}
