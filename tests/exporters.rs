//! Exporters that others wrote, from packages anyone can install, send to a running daemon: what they say they sent
//! has arrived, and it adds up to what is in the packets they were given.
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

use daemon::{Daemon, Home};
use parts::{
    CONFIG, Flows, Sum, after, before, drill, have, heard_whole, octets_of_frames, pmacct, run, text, total,
};
use relay::Relay;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// softflowd counts what lies behind the Ethernet header, so that frames of the shortest length count with their
/// padding; packets are counted alike.
fn sum_of_softflowd(capture: &Path, version: &str) -> Sum {
    let flows = Flows::of(capture, "packets");
    let (flows, types) = match version {
        "5" => (flows.ipv4(), &[IPV4][..]),
        _ => (flows, &[IPV4, IPV6][..]),
    };
    Sum {
        packets: flows.total().packets,
        bytes: octets_of_frames(capture, types),
    }
}

fn softflowd(capture: &Path, version: &str, to: SocketAddr) -> String {
    let to = to.to_string();
    run(
        "softflowd",
        &["-r", text(capture), "-v", version, "-n", &to, "-d"],
    )
}

fn softflowd_is_heard_whole(version: &str) {
    if !have(&["softflowd"]) {
        return;
    }
    let home = Home::new(CONFIG);
    let capture = drill(&home, 10);
    let mut daemon = home.start();
    let to = daemon.listens();
    daemon.says(&["ready"]);
    let said = softflowd(&capture, version, to);
    assert!(said.contains("(0 failures)"), "{said}");
    let datagrams = before(&said, " packets (0 failures)");
    assert_eq!(daemon.counts("received", datagrams), datagrams);
    let summary = daemon.stops();
    let exporter = heard_whole(&summary);
    assert_eq!(exporter["messages"], datagrams);
    assert_eq!(
        exporter["records"],
        before(&said, " records)"),
        "{said}\n{summary}"
    );
    assert_eq!(total(&summary), sum_of_softflowd(&capture, version), "{summary}");
}

#[test]
fn softflowd_is_heard_whole_in_netflow_v5() {
    softflowd_is_heard_whole("5");
}

#[test]
fn softflowd_is_heard_whole_in_netflow_v9() {
    softflowd_is_heard_whole("9");
}

/// Its sequence numbers count the flows of their own message, which other collectors take for gaps.
#[test]
fn softflowd_is_heard_whole_in_ipfix() {
    softflowd_is_heard_whole("10");
}

/// One daemon for each protocol that pmacct speaks.
struct Receiver {
    daemon: Daemon,
    _home: Home,
    /// Lines of pmacct's configuration that send to it.
    plugin: String,
}

fn receiver(name: &str, lines: &str) -> Receiver {
    let home = Home::new(CONFIG);
    let mut daemon = home.start();
    let to = daemon.listens();
    daemon.says(&["ready"]);
    let plugin = lines.replace("NAME", name).replace("PLACE", &to.to_string());
    Receiver {
        daemon,
        _home: home,
        plugin,
    }
}

#[test]
fn pmacct_is_heard_whole_in_netflow_v5_and_v9_ipfix_and_sflow() {
    if !have(&["pmacctd"]) {
        return;
    }
    let probe = |version| {
        let lines = format!("nfprobe_receiver[NAME]: PLACE\nnfprobe_version[NAME]: {version}\n");
        receiver(&format!("v{version}"), &lines)
    };
    let (v5, v9, ipfix) = (probe(5), probe(9), probe(10));
    let sflow = receiver(
        "sampled",
        "sfprobe_receiver[NAME]: PLACE\nsfprobe_agentip[NAME]: 127.0.0.1\n",
    );
    let home = Home::new(CONFIG);
    let capture = drill(&home, 5);
    let plugins: String = [&v5, &v9, &ipfix, &sflow].map(|r| &*r.plugin).concat();
    pmacct(
        &home,
        &capture,
        "nfprobe[v5], nfprobe[v9], nfprobe[v10], sfprobe[sampled]",
        &plugins,
    );
    let all = Flows::of(&capture, "packets");
    let whole = all.total();
    for receiver in [v9, ipfix] {
        let summary = receiver.daemon.stops();
        heard_whole(&summary);
        assert_eq!(total(&summary), whole, "{summary}");
    }
    let summary = v5.daemon.stops();
    heard_whole(&summary);
    assert_eq!(total(&summary), all.ipv4().total(), "{summary}");
    sampled_whole(&sflow.daemon.stops(), whole);
}

/// One in one is sampled, and a sample is a record of one packet. The samples of the last datagram are still waiting
/// for more when sfprobe ends, and it drops them: that is up to a datagram's worth.
fn sampled_whole(summary: &serde_json::Value, whole: Sum) {
    let exporter = heard_whole(summary);
    let sum = total(summary);
    let messages = exporter["messages"].as_u64().unwrap();
    let unsent = whole.packets - sum.packets;
    assert_eq!(exporter["records"], sum.packets, "{summary}");
    assert_eq!(exporter["sampling_rate"], 1, "{summary}");
    assert!(
        unsent <= sum.packets.div_ceil(messages),
        "{unsent} of {whole:?}: {summary}"
    );
    assert!(
        sum.bytes <= whole.bytes && whole.bytes - sum.bytes <= unsent * 1500,
        "{whole:?}: {summary}"
    );
}

/// The flows nfpcapd makes of a capture, in the files of nfdump.
fn nfpcapd(home: &Home, capture: &Path) -> PathBuf {
    let folder = home.path("nfpcapd");
    std::fs::create_dir(&folder).unwrap();
    // Longer than the capture, so that all of it is in one file.
    run(
        "nfpcapd",
        &["-t", "3600", "-r", text(capture), "-w", text(&folder)],
    );
    only_file(&folder)
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

/// What nfdump reads in one of its files: records, packets, octets.
fn nfdump(file: &Path) -> (u64, Sum) {
    let said = run("nfdump", &["-I", "-r", text(file)]);
    let sum = Sum {
        packets: after(&said, "\nPackets: "),
        bytes: after(&said, "\nBytes: "),
    };
    (after(&said, "\nFlows: "), sum)
}

fn nfreplay_is_heard_whole(version: &str) {
    if !have(&["nfpcapd", "nfreplay", "nfdump"]) {
        return;
    }
    let home = Home::new(CONFIG);
    let capture = drill(&home, 5);
    let flows = nfpcapd(&home, &capture);
    let mut daemon = home.start();
    let to = daemon.listens();
    daemon.says(&["ready"]);
    let port = to.port().to_string();
    run(
        "nfreplay",
        &["-H", "127.0.0.1", "-p", &port, "-v", version, "-r", text(&flows)],
    );
    let summary = daemon.stops();
    let exporter = heard_whole(&summary);
    let packets = Flows::of(&capture, "packets");
    if version == "5" {
        assert_eq!(total(&summary), packets.ipv4().total(), "{summary}");
    } else {
        let (records, sum) = nfdump(&flows);
        assert_eq!((sum, packets.total()), (total(&summary), sum), "{summary}");
        assert_eq!(exporter["records"], records, "{summary}");
    }
}

#[test]
fn nfreplay_is_heard_whole_in_netflow_v5() {
    nfreplay_is_heard_whole("5");
}

#[test]
fn nfreplay_is_heard_whole_in_netflow_v9() {
    nfreplay_is_heard_whole("9");
}

/// nfcapd, which writes down what it receives and repeats it to a daemon.
fn nfcapd(to: SocketAddr, folder: &Path) -> (Daemon, SocketAddr) {
    std::fs::create_dir(folder).unwrap();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new("nfcapd");
    command
        .args(["-b", "127.0.0.1", "-p", &free.port().to_string(), "-t", "3600"])
        .args(["-R", &format!("127.0.0.1/{}", to.port()), "-w", text(folder)]);
    let mut nfcapd = Daemon::start(command);
    nfcapd.says(&["Startup nfcapd"]);
    (nfcapd, free)
}

#[test]
fn nfcapd_reads_the_same_in_the_same_datagrams() {
    if !have(&["softflowd", "nfcapd", "nfdump"]) {
        return;
    }
    for version in ["5", "9", "10"] {
        let home = Home::new(CONFIG);
        let capture = drill(&home, 5);
        let mut daemon = home.start();
        let to = daemon.listens();
        daemon.says(&["ready"]);
        let folder = home.path("nfcapd");
        let (mut nfcapd, at) = nfcapd(to, &folder);
        let said = softflowd(&capture, version, at);
        // What the daemon has, nfcapd had before.
        daemon.counts("received", before(&said, " packets (0 failures)"));
        nfcapd.signal("TERM");
        nfcapd.ends();
        let (records, sum) = nfdump(&only_file(&folder));
        let summary = daemon.stops();
        assert_eq!(heard_whole(&summary)["records"], records, "v{version}: {summary}");
        assert_eq!(total(&summary), sum, "v{version}: {summary}");
    }
}

/// What ipfixDump, which stands on libfixbuf, reads in a file of IPFIX messages: messages and Data Records.
fn ipfix_dump(file: &Path) -> (u64, u64, Sum) {
    let said = run("ipfixDump", &["-s", "-i", text(file)]);
    let stats = said.split("File Stats:").nth(1).unwrap();
    let told = run("ipfixDump", &["-d", "-i", text(file)]);
    let counts = |name: &str| {
        let lines = told.lines().filter(|line| line.contains(name));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    };
    let sum = Sum {
        packets: counts(" packetDeltaCount"),
        bytes: counts(" octetDeltaCount"),
    };
    (before(stats, " Messages"), before(stats, " Data Records"), sum)
}

#[test]
fn libfixbuf_reads_the_same_in_the_same_ipfix_messages() {
    if !have(&["softflowd", "ipfixDump"]) {
        return;
    }
    let home = Home::new(CONFIG);
    let capture = drill(&home, 5);
    let mut daemon = home.start();
    let relay = Relay::new(daemon.listens());
    daemon.says(&["ready"]);
    softflowd(&capture, "10", relay.address);
    let messages = relay.ends();
    let file = home.path("messages.ipfix");
    std::fs::write(&file, messages.concat()).unwrap();
    daemon.counts("received", messages.len() as u64);
    let summary = daemon.stops();
    let exporter = heard_whole(&summary);
    let (count, records, sum) = ipfix_dump(&file);
    assert_eq!(exporter["messages"], count);
    let read = exporter["records"].as_u64().unwrap() + exporter["options"].as_u64().unwrap();
    assert_eq!(read, records, "{summary}");
    assert_eq!(total(&summary), sum, "{summary}");
}
