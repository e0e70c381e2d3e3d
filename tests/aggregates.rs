//! The same traffic as packets and as flow export: whoever watches sees the same sums, by flow and by entity.
#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;
#[path = "common/parts.rs"]
mod parts;
#[path = "common/relay.rs"]
mod relay;
#[path = "common/samples.rs"]
#[allow(dead_code)]
mod samples;

use daemon::Home;
use parts::{CONFIG, Flows, drill, have, heard_whole, pmacct, text, tidemark, total};
use relay::{Relay, frames};
use samples::{records, write_pcap};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What one entity comes to, by rule and entity.
type Sums = BTreeMap<(String, String), f64>;

/// A configuration under which every entity of these views is told of, with its sum over one interval that all of the
/// capture lies in: a limit that any packet reaches.
fn every_sum(home: &Home) -> PathBuf {
    let mut config =
        "networks = [\"10.20.0.0/16\", \"2001:db8:20::/48\"]\ninterval = \"1h\"\n[rules]\nbuiltin = false\n"
            .to_owned();
    let views = [
        "src_ip",
        "dst_ip",
        "protocol",
        "src_port",
        "dst_port",
        "src_ip\", \"dst_ip",
    ];
    for (n, dimensions) in views.into_iter().enumerate() {
        for metric in ["bytes", "packets", "flows"] {
            write!(
                config,
                "[[rule]]\nname = \"{metric}-{n}\"\ndescription = \"Sums.\"\ndimensions = [\"{dimensions}\"]\n\
                 metric = \"{metric}\"\ntest = \"limit\"\nlimit = 1\nper = \"1h\"\n"
            )
            .unwrap();
        }
    }
    let path = home.path("sums.toml");
    std::fs::write(&path, config).unwrap();
    path
}

/// What the engine makes of a capture, entity by entity.
fn sums(capture: &Path, read_as: &str, config: &Path) -> Sums {
    let lines = tidemark(&[
        "replay",
        text(capture),
        "--as",
        read_as,
        "-c",
        text(config),
        "--format",
        "json",
        "-q",
    ]);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let sum = |line: serde_json::Value| {
        let key = (
            line["rule"].as_str().unwrap().to_owned(),
            line["entity"].to_string(),
        );
        (key, line["observed"].as_f64().unwrap())
    };
    lines.filter(|line| line["type"] == "anomaly").map(sum).collect()
}

/// Where both ends of a flow use the same port, as NTP does, one direction does not say who asked; both count as
/// questions then. So the entities of that port are added up over both sides.
fn both_sides_of_ntp(mut sums: Sums) -> Sums {
    let of_ntp: Vec<_> = sums
        .keys()
        .filter(|(_, entity)| entity.contains("_port\":123}"))
        .cloned()
        .collect();
    for key in of_ntp {
        let sum = sums.remove(&key).unwrap();
        let metric = key.0.split('-').next().unwrap().to_owned();
        *sums.entry((metric, "port 123".to_owned())).or_default() += sum;
    }
    sums
}

/// Packets exported as IPFIX to a running daemon, and the same messages in a capture that ends a second after the
/// packets do, as it would have been had they been exported then: the flows carry their own times.
#[test]
fn packets_and_their_ipfix_have_the_same_sums_by_flow_and_by_entity() {
    if !have(&["pmacctd"]) {
        return;
    }
    let home = Home::new(CONFIG);
    // No longer than records may be late: pmacct tells of all flows at the end.
    let capture = drill(&home, 1);
    let mut daemon = home.start();
    let relay = Relay::new(daemon.listens());
    daemon.says(&["ready"]);
    let plugin = format!("nfprobe_receiver[n]: {}\nnfprobe_version[n]: 10\n", relay.address);
    pmacct(&home, &capture, "nfprobe[n]", &plugin);
    let messages = relay.ends();
    let summary = daemon.stops();
    assert_eq!(heard_whole(&summary)["messages"], messages.len());
    let end = records(&capture).iter().map(|r| r.micros).max().unwrap() + 1_000_000;
    let export = home.path("export.pcap");
    write_pcap(&export, &frames(&messages, end), false, false);
    let (metered, exported) = (Flows::of(&capture, "packets"), Flows::of(&export, "export"));
    assert_eq!(total(&summary), metered.total());
    // By addresses, and by the whole key; ICMP has types for ports, and there exporters differ.
    for columns in [&[2][..], &[3], &[6], &[2, 3, 6]] {
        assert_eq!(metered.by(columns), exported.by(columns));
    }
    let (metered, exported) = (metered.with_ports(), exported.with_ports());
    assert_eq!(metered.by(&[2, 3, 4, 5, 6]), exported.by(&[2, 3, 4, 5, 6]));
    let config = every_sum(&home);
    let metered = both_sides_of_ntp(sums(&capture, "packets", &config));
    let exported = both_sides_of_ntp(sums(&export, "export", &config));
    assert!(metered.len() > 500, "{}", metered.len());
    assert_eq!(metered, exported);
}
