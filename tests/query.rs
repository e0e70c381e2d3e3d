//! `tidemark query` against figures counted in other ways: packet by packet, record by record, and by nfdump.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/relay.rs"]
mod relay;

use common::program::{Ran, run, text};
use common::{others, samples};
use relay::Relay;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tidemark::drill::Scenario;

/// A quarter of an hour of a load spike.
fn capture() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drill.pcap");
    common::write_capture(&common::plan(Scenario::LoadSpike, 1, 15), &path);
    (folder, path)
}

fn query(capture: &Path, arguments: &[&str]) -> Ran {
    run(&[&["query", text(capture), "-q"], arguments].concat())
}

/// The value of one dimension and a number, of each row.
fn rows(ran: &Ran, dimension: &str, metric: &str) -> Vec<(String, u64)> {
    let row = |row: &Json| {
        let key = match &row[dimension] {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        (key, row[metric].as_u64().unwrap())
    };
    ran.objects("row").iter().map(row).collect()
}

/// The first ten of a count, the largest first, equals in the order of addresses.
fn ten(counted: BTreeMap<Ipv4Addr, u64>) -> Vec<(String, u64)> {
    let mut all: Vec<_> = counted.into_iter().collect();
    all.sort_by_key(|&(ip, count)| (std::cmp::Reverse(count), ip));
    all.truncate(10);
    all.into_iter()
        .map(|(ip, count)| (ip.to_string(), count))
        .collect()
}

/// Octets of the IP layer by source address, out of the headers of a capture's IPv4 packets.
fn octets_by_source(capture: &Path) -> BTreeMap<Ipv4Addr, u64> {
    let mut octets = BTreeMap::new();
    for record in samples::records(capture) {
        let frame = &record.octets;
        if frame[12..14] == [8, 0] {
            let length = u64::from(u16::from_be_bytes([frame[16], frame[17]]));
            let source = Ipv4Addr::new(frame[26], frame[27], frame[28], frame[29]);
            *octets.entry(source).or_default() += length;
        }
    }
    octets
}

#[test]
fn the_top_sources_are_those_of_the_packets() {
    let (_folder, capture) = capture();
    let want = octets_by_source(&capture);
    let ran = query(&capture, &["-s", "srcip/bytes", "-f", "ipv4", "--format", "json"]).exits(0);
    assert_eq!(rows(&ran, "src_ip", "bytes"), ten(want.clone()));
    let total = ran.objects("total")[0]["bytes"].as_u64().unwrap();
    assert_eq!(total, want.values().sum::<u64>());
    let shown: u64 = rows(&ran, "src_ip", "bytes").iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(
        ran.objects("other")[0]["bytes"],
        total - shown,
        "the others are exact"
    );
    assert_eq!(ran.summary()["groups"], want.len());
}

#[test]
fn groups_are_those_of_the_records_that_flows_prints() {
    let (_folder, capture) = capture();
    let filter = "dst port 443 or udp";
    let printed = run(&["flows", text(&capture), "-q", "--format", "json", "-f", filter]).exits(0);
    let mut want: BTreeMap<(u64, u64), [u64; 3]> = BTreeMap::new();
    for line in printed.stdout.lines() {
        let flow: Json = serde_json::from_str(line).unwrap();
        let number = |name: &str| flow[name].as_u64().unwrap();
        let sums = want.entry((number("protocol"), number("dst_port"))).or_default();
        for (sum, amount) in sums.iter_mut().zip([number("bytes"), number("packets"), 1]) {
            *sum += amount;
        }
    }
    let arguments = [
        "-s",
        "proto,dstport",
        "-n",
        "100000",
        "--format",
        "json",
        "-f",
        filter,
    ];
    let ran = query(&capture, &arguments).exits(0);
    let got: BTreeMap<(u64, u64), [u64; 3]> = ran
        .objects("row")
        .iter()
        .map(|row| {
            let number = |name: &str| row[name].as_u64().unwrap();
            let sums = [number("bytes"), number("packets"), number("flows")];
            ((number("protocol"), number("dst_port")), sums)
        })
        .collect();
    assert!(want.len() > 10, "{}", want.len());
    assert_eq!(got, want);
    assert!(ran.objects("other").is_empty());
}

#[test]
fn the_steps_of_a_series_add_up_and_the_previous_period_is_what_it_was() {
    let (_folder, capture) = capture();
    let range = ["--since", "2026-03-02 08:05", "--until", "2026-03-02T08:10:00Z"];
    let arguments = [
        &[
            "-s",
            "dst_ip/bytes,flows,p95_bps",
            "--every",
            "1m",
            "--previous",
            "--format",
            "json",
        ][..],
        &range,
    ];
    let ran = query(&capture, &arguments.concat()).exits(0);
    assert_eq!(ran.summary()["steps"].as_array().unwrap().len(), 5);
    for row in ran.objects("row").iter().chain(&ran.objects("total")) {
        let series = row["series"]["bytes"].as_array().unwrap();
        let sum: u64 = series.iter().map(|bytes| bytes.as_u64().unwrap()).sum();
        assert_eq!(row["bytes"], sum, "{row}");
        let most = row["series"]["p95_bps"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Json::as_f64);
        assert_eq!(
            row["p95_bps"].as_f64(),
            most.max_by(f64::total_cmp),
            "the largest of five"
        );
    }
    let before = [
        "-s",
        "/bytes",
        "--since",
        "2026-03-02 08:00",
        "--until",
        "2026-03-02 08:05",
        "--format",
        "json",
    ];
    let before = query(&capture, &before).exits(0);
    assert_eq!(
        ran.objects("total")[0]["previous"]["bytes"],
        before.objects("total")[0]["bytes"]
    );
}

#[test]
fn the_table_has_shares_others_a_total_and_what_it_is_made_of() {
    let (_folder, capture) = capture();
    let ran = query(&capture, &["-s", "srcip/bytes,flows", "-n", "3"]).exits(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("src_ip by bytes: 3 of "), "{}", ran.stdout);
    let words: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!(words, ["src_ip", "bytes", "share", "flows"]);
    assert!(
        lines[6].starts_with("other ") && lines[7].starts_with("total "),
        "{}",
        ran.stdout
    );
    assert!(lines[7].contains("100 %"), "{}", ran.stdout);
    assert!(lines[9].ends_with(" flows"), "{}", ran.stdout);
    assert!(
        ran.stdout
            .lines()
            .all(|line| line.chars().count() <= 80 && line == line.trim_end())
    );
}

#[test]
fn csv_has_a_line_for_each_row_and_step() {
    let (_folder, capture) = capture();
    let ran = query(&capture, &["-s", "proto/bytes,bpp", "--format", "csv"]).exits(0);
    assert_eq!(ran.stdout.lines().next(), Some("row,protocol,bytes,bpp"));
    assert!(ran.stdout.lines().last().unwrap().starts_with("total,,"));
    let ran = query(
        &capture,
        &["-s", "proto/bytes", "-n", "1", "--every", "5m", "--format", "csv"],
    )
    .exits(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "row,time,protocol,bytes");
    assert!(lines[1].starts_with("row,2026-03-02T08:00:"), "{}", lines[1]);
    assert!(lines.iter().all(|line| line.split(',').count() == 4));
}

#[test]
fn a_bad_question_says_what_to_change() {
    let (_folder, capture) = capture();
    for (arguments, words) in [
        (
            &["-s", "srcpi/bytes"][..],
            &["-s: `srcpi` is no dimension", "^^^^^", "did you mean `srcip`?"][..],
        ),
        (&["-s", "srcip/p95_bps"], &["--every 5m"]),
        (&["-f", "dst prot 80"], &["-f: ", "^"]),
        (&["--since", "soon"], &["--since: `soon` is no time", "2h ago"]),
        (&["--previous"], &["since when and until when"]),
        (&["-s", "ip,port/bytes"], &["at most one such dimension"]),
        (
            &["-O", "bites"],
            &["--order: `bites` is no metric", "did you mean `bytes`?"],
        ),
    ] {
        query(&capture, arguments).exits(2).says(words);
    }
}

#[test]
fn captured_export_is_scaled_by_sampling_unless_raw_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sampled.pcap");
    // NetFlow v5 (Cisco): one record of 10 packets and 4000 octets, sampled one in 100.
    let mut message = vec![0, 5, 0, 1];
    for word in [3_600_000_u32, 1_772_440_200, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    message.extend([0, 0, 0x40, 100]);
    for word in [
        0x0a00_0001_u32,
        0xc000_0201,
        0,
        0x0007_0009,
        10,
        4000,
        3_590_000,
        3_599_000,
    ] {
        message.extend(word.to_be_bytes());
    }
    message.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0x1b, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let frames = relay::frames(&[message], 1_772_440_200_000_000);
    samples::write_pcap(&path, &frames, false, false);
    let asked = [
        "--as",
        "export",
        "-s",
        "inif,exporter/bytes,packets",
        "--format",
        "json",
    ];
    let scaled = query(&path, &asked).exits(0).objects("row").remove(0);
    assert_eq!(
        (&scaled["bytes"], &scaled["packets"], &scaled["in_if"]),
        (&400_000.into(), &1_000.into(), &7.into())
    );
    assert_eq!(scaled["exporter"], "192.0.2.1");
    let raw = query(&path, &[&asked[..], &["--raw"]].concat())
        .exits(0)
        .objects("row")
        .remove(0);
    assert_eq!(raw["bytes"], 4_000);
    let other = query(&path, &[&asked[..], &["-f", "in if 8"]].concat()).exits(0);
    assert!(other.objects("row").is_empty());
}

/// What nfdump says of `-s STATISTIC`: the value in the field named and the octets, in its order.
fn nfdump(file: &Path, statistic: &str) -> Vec<(String, u64)> {
    let printed = others::run(
        "nfdump",
        &[
            "-r",
            text(file),
            "-N",
            "-q",
            "-n",
            "10",
            "-s",
            statistic,
            "-o",
            "csv",
        ],
    );
    let mut lines = printed.lines().skip_while(|line| !line.starts_with("ts,"));
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |known: &[&str]| names.iter().position(|name| known.contains(name)).unwrap();
    // Older ones call octets so.
    let (value, octets) = (place(&["val"]), place(&["byt", "ibyt"]));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        Some((
            (*fields.get(value)?).to_owned(),
            fields.get(octets)?.parse().ok()?,
        ))
    };
    lines.map_while(row).collect()
}

#[test]
fn nfdump_finds_the_same_ten_in_the_same_flows() {
    if !others::have(&["nfdump", "nfpcapd", "nfreplay"]) {
        return;
    }
    let (folder, capture) = capture();
    let written = folder.path().join("nfdump");
    std::fs::create_dir(&written).unwrap();
    others::run(
        "nfpcapd",
        &["-t", "3600", "-r", text(&capture), "-w", text(&written)],
    );
    let file = std::fs::read_dir(&written)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let nowhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    let relay = Relay::new(nowhere.local_addr().unwrap());
    let port = relay.address.port().to_string();
    others::run(
        "nfreplay",
        &["-H", "127.0.0.1", "-p", &port, "-v", "9", "-r", text(&file)],
    );
    let path = folder.path().join("export.pcap");
    let frames = relay::frames(&relay.ends(), 1_772_440_200_000_000);
    samples::write_pcap(&path, &frames, false, false);
    for (theirs, ours) in [
        ("srcip", "src_ip"),
        ("dstip", "dst_ip"),
        ("ip", "ip"),
        ("dstport", "dst_port"),
        ("proto", "protocol"),
    ] {
        let statistic = format!("{theirs}/bytes");
        let ran = query(&path, &["--as", "export", "-s", &statistic, "--format", "json"]).exits(0);
        let mut got = rows(&ran, ours, "bytes");
        let mut want = nfdump(&file, &statistic);
        if ours.ends_with("ip") {
            assert!(
                want.iter().all(|(value, _)| value.parse::<IpAddr>().is_ok()),
                "{want:?}"
            );
        }
        // Which of equals comes first is its own affair.
        got.sort();
        want.sort();
        assert_eq!(got, want, "{statistic}");
    }
}
