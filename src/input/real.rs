//! Captures made by others: as many packets as other programs find in them, and a word about each that is damaged.

use super::Captures;
use std::path::{Path, PathBuf};

/// Captures whose records are sound though the index calls them unreadable: of link types that whoever counted does
/// not know, or whose own header is broken, which is not for this room to see; or compressed.
const SOUND: [&str; 6] = [
    "tcpdump/dsa-high-vid.pcap",
    "tcpdump/edsa-high-vid.pcap",
    "tcpdump/hoobr_juniper3.pcap",
    "tcpdump/vtp_asan-2.pcap",
    "tcpdump/vtp_asan-3.pcap",
    "zeek/nvt-line-limit-crlf-heap-buffer-overflow.pcap.gz",
];

/// The folder of that name beside the project, when it is there.
fn beside(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/eval")
        .join(name);
    if !path.is_dir() {
        println!("SKIPPED: {} is not there", path.display());
    }
    path.is_dir().then_some(path)
}

/// Packets and faults of a capture.
fn walk(path: &Path) -> (u64, Vec<String>) {
    let mut captures = Captures::open([path]);
    let mut faults = Vec::new();
    while let Some(next) = captures.next() {
        faults.extend(next.err().map(|fault| fault.to_string()));
    }
    (captures.counters().packets, faults)
}

#[test]
fn real_captures_have_the_packets_that_other_programs_count() {
    let Some(folder) = beside("packets") else { return };
    let index = std::fs::read_to_string(folder.join("index.csv")).unwrap();
    let mut seen = 0;
    for row in index.lines().skip(1) {
        let name = row.split(',').next().unwrap();
        let json = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&json).unwrap();
        let (packets, faults) = walk(&folder.join(name));
        assert_eq!(Some(packets), expected["frames"].as_u64(), "{name}: {faults:?}");
        // Fuzzed captures hold times that cannot be, which others pass over in silence.
        if expected["read_ok"] == true && !name.contains("fuzz") {
            assert!(faults.is_empty(), "{faults:?}");
        }
        seen += 1;
    }
    assert!(seen > 300, "only {seen} captures");
}

#[test]
fn real_captures_that_other_programs_cannot_read_to_their_end_have_a_fault() {
    let Some(folder) = beside("bad-input") else { return };
    let index = std::fs::read_to_string(folder.join("index.csv")).unwrap();
    for row in index.lines().skip(1) {
        let [name, _, _, readable, _] = row.splitn(5, ',').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let (_, faults) = walk(&folder.join(name));
        if readable == "0" && !SOUND.contains(&name) {
            assert!(!faults.is_empty(), "{name} is read in silence");
        }
    }
}
