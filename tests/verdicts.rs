//! What people say of anomalies and do about them, from the command line to the budget and back to the detector.
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
        .says(&[verdict, "by kim"]);
    }
    let listed = run(&["anomalies", "list", "--state", text(&state)]).exits(0);
    let line = listed.stdout.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(line.contains("false by kim"), "the newest word counts: {line}");

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
fn what_is_not_known_or_makes_no_sense_is_refused_with_words() {
    let (folder, _) = replayed();
    let state = folder.path().join("state");
    let refused = |args: &[&str], words: &str| {
        let place = ["--state", text(&state)];
        run(&[&["anomalies"], args, &place].concat())
            .exits(2)
            .says(&[words]);
    };
    refused(
        &["verdict", "0123456789abcdef", "false"],
        "there is no anomaly 0123456789abcdef",
    );
    refused(&["verdict", "12", "false"], "16 hexadecimal digits");
    refused(
        &["verdict", "0123456789abcdef", "maybe"],
        "attack, false, expected, new-normal",
    );
    refused(&["list", "-f", "sevrity high"], "did you mean `severity`");
    refused(
        &["silence", "rule scan", "--for", "1h", "--why", " "],
        "a silence says why",
    );
    refused(&["silence", "rule scan", "--why", "because"], "--until");
    refused(&["allow", "--why", "because"], "to allow everything");
    refused(&["allow", "--net", "10.0.0.0/99"], "10.0.0.0/99");
    refused(&["revoke", "7"], "no measure in force 7");
    let nowhere = folder.path().join("nowhere");
    run(&["anomalies", "list", "--state", text(&nowhere)])
        .exits(2)
        .says(&["no anomalies are kept in"]);
}

/// The JSON lines of `tidemark anomalies list`.
fn listed(state: &std::path::Path, filter: &str) -> Vec<serde_json::Value> {
    let args = [
        "anomalies",
        "list",
        "--format",
        "json",
        "-f",
        filter,
        "--state",
        text(state),
    ];
    let ran = run(&args).exits(0);
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_anomaly_is_looked_after_in_the_terminal() {
    let (folder, first) = replayed();
    let state = folder.path().join("state");
    let found = first.objects("anomaly");
    assert_eq!(listed(&state, "any").len(), found.len());
    let scan = found.iter().find(|a| a["kind"] == "scan-vertical").unwrap();
    let id = scan["id"].as_str().unwrap();
    let act = |args: &[&str]| {
        let place = ["--state", text(&state), "--by", "kim"];
        run(&[&["anomalies"], args, &place].concat()).exits(0)
    };
    act(&["acknowledge", id, "--note", "on it"]);
    act(&["assign", id, "--to", "lee"]);
    act(&["comment", id, "a pen test?"]);
    act(&[
        "verdict",
        id,
        "expected",
        "--until",
        "2099-01-01",
        "--why",
        "yes, a pen test",
    ]);
    let kept = listed(&state, "kind scan-vertical and acknowledged and assignee lee");
    let [kept] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!(kept["id"], id);
    assert_eq!(
        kept["text"], scan["text"],
        "the line of the report, with how it stands"
    );
    assert_eq!(kept["life"]["verdict"]["verdict"], "expected");
    let shown = act(&["show", id]);
    for words in [
        "acknowledged: on it",
        "assigned to lee",
        "commented: a pen test?",
        "judged expected until 2099-01-01T00:00:00Z: yes, a pen test",
        "opens nothing",
        "it has held nothing back so far",
    ] {
        assert!(shown.stdout.contains(words), "{words}: {}", shown.stdout);
    }
    let silence = act(&["silence", "kind scan-*", "--for", "1h", "--why", "pen test"]);
    silence.says(&["silence 1 until"]);
    assert!(act(&["silences"]).stdout.contains("[kind scan-*]"));
    assert_eq!(
        listed(&state, "silenced").len(),
        listed(&state, "kind scan-*").len()
    );
    act(&["unsilence", "1"]);
    assert_eq!(listed(&state, "silenced").len(), 0);
    // It is expected: the same scan once more is held back, and that is shown.
    let again = replay(&folder).objects("anomaly");
    assert!(
        again
            .iter()
            .all(|a| a["rule"] != scan["rule"] || a["entity"] != scan["entity"])
    );
    assert!(
        act(&["measures"])
            .stdout
            .contains("it has held something back in")
    );
    // What was said can be unsaid.
    act(&["retract", id]);
    let after = replay(&folder).objects("anomaly");
    assert!(
        after
            .iter()
            .any(|a| a["rule"] == scan["rule"] && a["entity"] == scan["entity"])
    );
}

#[test]
fn what_is_allowed_opens_nothing_until_it_is_revoked() {
    let (folder, first) = replayed();
    let state = folder.path().join("state");
    let scan = first.objects("anomaly");
    let scan = scan.iter().find(|a| a["kind"] == "scan-vertical").unwrap();
    let source = scan["entity"]["src_ip"].as_str().unwrap();
    let by = ["--state", text(&state), "--by", "kim"];
    run(&[
        &["anomalies", "allow", "--net", source, "--why", "our scanner"],
        &by[..],
    ]
    .concat())
    .exits(0)
    .says(&["measure 1", "opens nothing"]);
    let of = |ran: &Ran| {
        let all = ran.objects("anomaly");
        all.iter().filter(|a| a["entity"]["src_ip"] == source).count()
    };
    assert_eq!(of(&replay(&folder)), 0);
    run(&[&["anomalies", "revoke", "1"], &by[..]].concat()).exits(0);
    assert!(of(&replay(&folder)) > 0);
}
