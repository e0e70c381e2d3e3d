//! Exporters and collectors of others, run as anybody would run them, and what is in the capture they are given.

#![allow(dead_code)]

#[path = "others.rs"]
mod others;

use super::daemon::Home;
use super::samples::records;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

// Not every test needs both.
#[allow(unused_imports)]
pub use others::{have, run};

/// Listens on a port the kernel chooses and keeps its state in its own folder.
pub const CONFIG: &str =
    "[listen]\nudp = [\"127.0.0.1:0\"]\ntcp = []\n[state]\ndir = \"state\"\nevery = \"1s\"\n";

/// Runs tidemark to its end; what it printed.
#[track_caller]
pub fn tidemark(arguments: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_tidemark"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// The number before a word in what a program said.
#[track_caller]
pub fn before(said: &str, word: &str) -> u64 {
    let head = said.split(word).next().filter(|head| head.len() < said.len());
    let number = head.and_then(|head| head.split(|c: char| !c.is_ascii_digit()).rfind(|n| !n.is_empty()));
    number
        .unwrap_or_else(|| panic!("`{word}` is not in: {said}"))
        .parse()
        .unwrap()
}

/// The number after a word in what a program said.
#[track_caller]
pub fn after(said: &str, word: &str) -> u64 {
    let tail = said.split(word).nth(1);
    let number = tail.and_then(|tail| tail.split(|c: char| !c.is_ascii_digit()).find(|n| !n.is_empty()));
    number
        .unwrap_or_else(|| panic!("`{word}` is not in: {said}"))
        .parse()
        .unwrap()
}

/// Runs pmacct over a capture with these plugins until it has sent everything.
pub fn pmacct(home: &Home, capture: &Path, names: &str, plugins: &str) {
    let config = home.path("pmacctd.conf");
    let capture = text(capture);
    let words = format!(
        "daemonize: false\npcap_savefile: {capture}\nplugins: {names}\n\
         aggregate: src_host, dst_host, src_port, dst_port, proto, tos\n{plugins}"
    );
    std::fs::write(&config, words).unwrap();
    run("pmacctd", &["-f", text(&config)]);
}

/// Packets and octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub packets: u64,
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, packets: u64, bytes: u64) {
        self.packets += packets;
        self.bytes += bytes;
    }
}

/// Flow Records as `tidemark flows` prints them.
#[derive(Debug)]
pub struct Flows {
    /// A line each, in columns.
    lines: Vec<Vec<String>>,
}

impl Flows {
    /// Of a capture of packets or of export.
    pub fn of(capture: &Path, read_as: &str) -> Self {
        let csv = tidemark(&["flows", text(capture), "--as", read_as, "--format", "csv"]);
        let lines = csv.lines().skip(1);
        Self {
            lines: lines
                .map(|line| line.split(',').map(str::to_owned).collect())
                .collect(),
        }
    }

    /// Those of them that are meant.
    pub fn only(&self, meant: impl Fn(&[String]) -> bool) -> Self {
        let lines = self.lines.iter().filter(|line| meant(line));
        Self {
            lines: lines.cloned().collect(),
        }
    }

    /// What NetFlow v5 can say.
    pub fn ipv4(&self) -> Self {
        self.only(|line| !line[2].contains(':'))
    }

    /// What has ports.
    pub fn with_ports(&self) -> Self {
        self.only(|line| line[6] == "6" || line[6] == "17")
    }

    /// Sums by what these columns say: 2 source, 3 destination, 4 and 5 their ports, 6 protocol.
    pub fn by(&self, columns: &[usize]) -> BTreeMap<String, Sum> {
        let mut sums = BTreeMap::<String, Sum>::new();
        for line in &self.lines {
            let key: Vec<&str> = columns.iter().map(|&column| &*line[column]).collect();
            let sum = sums.entry(key.join(" ")).or_default();
            sum.add(line[7].parse().unwrap(), line[8].parse().unwrap());
        }
        sums
    }

    pub fn total(&self) -> Sum {
        self.by(&[]).into_values().next().unwrap_or_default()
    }
}

/// A few minutes of traffic with a client that uses up its quota, as packets.
pub fn drill(home: &Home, minutes: u64) -> PathBuf {
    let path = home.path("drill.pcap");
    let duration = format!("{minutes}m");
    tidemark(&["drill", "rate-limit", "--duration", &duration, "-w", text(&path)]);
    path
}

/// Octets behind the Ethernet header in frames of these types, the padding of short frames too.
pub fn octets_of_frames(capture: &Path, types: &[[u8; 2]]) -> u64 {
    let records = records(capture);
    let counted = records
        .iter()
        .filter(|r| types.iter().any(|t| r.octets[12..14] == *t));
    counted.map(|r| u64::from(r.length) - 14).sum()
}

/// What the final summary says of the one exporter that was heard; fails where anything of it was lost, waits for a
/// Template, or could not be read.
#[track_caller]
pub fn heard_whole(summary: &serde_json::Value) -> &serde_json::Value {
    let exporters = summary["exporters"].as_array().unwrap();
    assert_eq!(exporters.len(), 1, "{summary}");
    let exporter = &exporters[0];
    for trouble in ["lost", "reordered", "given_up", "faults"] {
        assert_eq!(exporter[trouble], 0, "{trouble}: {summary}");
    }
    assert_eq!(exporter["untemplated"], exporter["recovered"], "{summary}");
    let dropped = summary["dropped"].as_object().unwrap();
    for loss in [
        "kernel_drops",
        "cut",
        "refused",
        "export_lost",
        "records_not_counted",
    ] {
        assert!(!dropped.contains_key(loss), "{loss}: {summary}");
    }
    exporter
}

/// Packets and octets of a final summary.
pub fn total(summary: &serde_json::Value) -> Sum {
    Sum {
        packets: summary["packets"].as_u64().unwrap(),
        bytes: summary["bytes"].as_u64().unwrap(),
    }
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
