//! What is stored can be looked at again: the flows kept of a capture tell of the same incidents as its packets, and a
//! change of rules is tried on them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn tidemark(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A capture replayed, its flows kept in `store`.
fn kept(capture: &str, store: &Path) -> Vec<serde_json::Value> {
    let capture = format!("captures/{capture}.pcap.zst");
    let store = store.to_str().unwrap();
    lines(&tidemark(&[
        "replay",
        &capture,
        "-c",
        "captures/tidemark.toml",
        "--format",
        "json",
        "--quiet",
        "--keep",
        store,
    ]))
}

fn replayed(store: &Path) -> Vec<serde_json::Value> {
    let store = store.to_str().unwrap();
    lines(&tidemark(&[
        "replay",
        "--store",
        store,
        "-c",
        "captures/tidemark.toml",
        "--format",
        "json",
        "--quiet",
    ]))
}

/// Rule, entity and minute of the anomalies that no packet need be seen for, of `severity` high and above.
fn grave(lines: &[serde_json::Value]) -> BTreeSet<String> {
    let anomalies = lines.iter().filter(|line| line["type"] == "anomaly");
    let grave = anomalies.filter(|line| ["high", "critical"].contains(&line["severity"].as_str().unwrap()));
    grave
        .map(|line| format!("{} {} {}", line["rule"], line["kind"], line["entity"]))
        .collect()
}

#[test]
fn stored_flows_tell_of_the_incidents_that_their_packets_tell_of() {
    for capture in ["rate-limit", "load-spike", "fan-in", "syn-flood"] {
        let store = tempfile::tempdir().unwrap();
        let from_packets = grave(&kept(capture, store.path()));
        let from_flows = grave(&replayed(store.path()));
        assert!(!from_packets.is_empty(), "{capture}");
        let missing: Vec<_> = from_packets.difference(&from_flows).collect();
        let more: Vec<_> = from_flows.difference(&from_packets).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{capture}: missing {missing:#?}, more {more:#?}"
        );
    }
}

#[test]
fn what_was_kept_is_counted_and_comes_back_octet_for_octet() {
    let store = tempfile::tempdir().unwrap();
    let first = kept("load-spike", store.path());
    let first = first.last().unwrap();
    let again = replayed(store.path());
    let again = again.last().unwrap();
    assert_eq!(first["stored"]["given_up"], 0);
    assert_eq!(first["stored"]["records"], again["flows"]);
    assert_eq!(first["packets"], again["packets"]);
    assert_eq!(first["bytes"], again["bytes"]);
}

#[test]
fn stored_flows_are_asked_and_printed_without_a_file() {
    let store = tempfile::tempdir().unwrap();
    let summary = kept("load-spike", store.path()).pop().unwrap();
    let folder = store.path().to_str().unwrap();
    let asked = lines(&tidemark(&[
        "query",
        "--store",
        folder,
        "-s",
        "all/bytes,packets,flows",
        "--format",
        "json",
    ]));
    let total = asked.iter().find(|line| line["type"] == "total").unwrap();
    assert_eq!(total["bytes"], summary["bytes"], "{total}");
    assert_eq!(total["packets"], summary["packets"]);
    let printed = lines(&tidemark(&[
        "flows", "--store", folder, "--format", "json", "-f", "tcp", "-n", "25",
    ]));
    assert_eq!(printed.len(), 25);
    assert!(printed.iter().all(|flow| flow["protocol"] == 6));
}

#[test]
fn a_store_that_is_not_there_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere: PathBuf = folder.path().join("nowhere");
    let output = tidemark(&["query", "--store", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("no flows are stored in") && said.contains("--keep DIR"),
        "{said}"
    );
}

#[test]
fn a_change_of_rules_is_tried_on_stored_flows() {
    let store = tempfile::tempdir().unwrap();
    kept("load-spike", store.path());
    let rules = store.path().join("mine.toml");
    let rule = "[[rule]]\nname = \"mine\"\ndescription = \"Much to one service.\"\nkind = \"load-spike\"\nseverity = \"high\"\n\
                dimensions = [\"dst_ip\"]\nmetric = \"bytes\"\ntest = \"limit\"\nlimit = \"1M\"\nper = \"1m\"\n";
    std::fs::write(&rules, rule).unwrap();
    let folder = store.path().to_str().unwrap();
    let arguments = [
        "rules",
        "backtest",
        "--store",
        folder,
        "--rule",
        rules.to_str().unwrap(),
        "-c",
        "captures/tidemark.toml",
        "--format",
        "json",
    ];
    let changes = lines(&tidemark(&arguments));
    assert!(
        changes
            .iter()
            .all(|change| change["event"] == "appears" && change["rule"] == "mine"),
        "{changes:#?}"
    );
    assert!(!changes.is_empty());
}
