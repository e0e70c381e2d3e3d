//! Flow Records that others made: nfpcapd and nfdump, from a package anyone can install, and logs as Zeek writes them. What
//! they hold is read whole, and what is wrong in it is found.
#![allow(clippy::unwrap_used)]

mod common;

use common::others::{have, run};
use common::program::text;
use common::{each_frame, plan, replay_of, setup, write_capture};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tidemark::app::{Holding, are_records};
use tidemark::drill::{Plan, Scenario};
use tidemark::engine::Snapshot;
use tidemark::input::{RecordFiles, Recorded};
use tidemark::meter::{self, Meter, Sink};
use tidemark::model::{
    Anomaly, ConversationKey, Counters, EndReason, FlowKey, FlowRecord, Handshake, Kind, TcpFlags, Timestamp,
};
use tidemark::wire::{Decap, decode};

/// The flows nfpcapd makes of a drill, in a file of nfcapd, packed as `option` says.
fn nfpcapd(folder: &Path, plan: &Plan, option: Option<&str>) -> PathBuf {
    let (capture, flows) = (folder.join("drill.pcap"), folder.join("flows"));
    write_capture(plan, &capture);
    std::fs::create_dir(&flows).unwrap();
    // Longer than the drill, so that all of it is in one file; time-outs as those of the meter here.
    let mut arguments = vec![
        "-t",
        "86400",
        "-e",
        "60,15",
        "-r",
        text(&capture),
        "-w",
        text(&flows),
    ];
    arguments.extend(option);
    run("nfpcapd", &arguments);
    let mut files = std::fs::read_dir(&flows).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

/// What is compared of a flow: key, start in whole seconds, packets, octets, flags.
type Told = (FlowKey, i64, u64, u64, String);

/// The flows that nfdump prints of a file.
fn of_nfdump(file: &Path) -> Vec<Told> {
    // Without numbers resolved, in UTC, in full.
    let format = "fmt:%ts|%sa|%da|%sp|%dp|%pr|%pkt|%byt|%flg";
    let ran = Command::new("nfdump")
        .args(["-q", "-N", "-6", "-r", text(file), "-o", format])
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(ran.status.success());
    let said = String::from_utf8(ran.stdout).unwrap();
    let mut flows: Vec<Told> = said
        .lines()
        .filter(|line| line.contains('|'))
        .map(of_line)
        .collect();
    flows.sort();
    flows
}

fn of_line(line: &str) -> Told {
    let values: Vec<&str> = line.split('|').map(str::trim).collect();
    let protocol = match values[5] {
        "TCP" => 6,
        "UDP" => 17,
        "ICMP" => 1,
        "ICMP6" => 58,
        other => other.parse().unwrap(),
    };
    let icmp = protocol == 1 || protocol == 58;
    let dst_port = match values[4].split_once('.') {
        Some((kind, code)) => kind.parse::<u16>().unwrap() << 8 | code.parse::<u16>().unwrap(),
        None => values[4].parse().unwrap(),
    };
    let key = FlowKey {
        src: values[1].parse().unwrap(),
        dst: values[2].parse().unwrap(),
        src_port: if icmp { 0 } else { values[3].parse().unwrap() },
        dst_port,
        protocol,
    };
    let seconds = format!("{}Z", &values[0][..19].replace(' ', "T"));
    let start: jiff::Timestamp = seconds.parse().unwrap();
    let flags = if protocol == 6 {
        values[8].to_owned()
    } else {
        String::new()
    };
    (
        key,
        start.as_second(),
        values[6].parse().unwrap(),
        values[7].parse().unwrap(),
        flags,
    )
}

fn read(file: &Path) -> Vec<Recorded> {
    let mut files = RecordFiles::open([file]);
    std::iter::from_fn(|| files.next()).map(Result::unwrap).collect()
}

fn of_tidemark(file: &Path) -> Vec<Told> {
    let told = |recorded: &Recorded| {
        let record = &recorded.record;
        let flags = if record.key.protocol == 6 {
            record.tcp_flags.to_string()
        } else {
            String::new()
        };
        (
            record.key,
            record.start.as_secs(),
            record.packets,
            record.bytes,
            flags,
        )
    };
    let mut flows: Vec<Told> = read(file).iter().map(told).collect();
    flows.sort();
    flows
}

#[test]
fn a_file_of_nfpcapd_reads_as_nfdump_reads_it_however_it_is_packed() {
    if !have(&["nfpcapd", "nfdump"]) {
        return;
    }
    for option in [None, Some("-z"), Some("-y")] {
        let folder = tempfile::tempdir().unwrap();
        let file = nfpcapd(folder.path(), &plan(Scenario::SynFlood, 1, 45), option);
        let (theirs, ours) = (of_nfdump(&file), of_tidemark(&file));
        assert!(theirs.len() > 1000, "{option:?}");
        let differ = theirs.iter().zip(&ours).find(|(theirs, ours)| theirs != ours);
        assert_eq!((differ, theirs.len()), (None, ours.len()), "{option:?}");
        // nfdump writes what it reads packed anew.
        for packing in ["-j", "-z", "-y"] {
            let again = folder.path().join("again");
            run("nfdump", &["-q", "-r", text(&file), packing, "-w", text(&again)]);
            assert!(of_tidemark(&again) == ours, "{option:?} {packing}");
        }
    }
}

/// Writes connections as Zeek does: one line when it is over, however long it was.
struct Zeek(String);

impl Zeek {
    /// The log of a drill.
    fn of(plan: &Plan) -> String {
        let mut zeek = Self(String::from(
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
             #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\tconn_state\t\
             missed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n",
        ));
        let mut meter = Meter::new(meter::Config {
            active_timeout: Duration::from_secs(86_400),
            ..meter::Config::default()
        });
        let mut next = Timestamp::MIN;
        each_frame(plan, |frame| {
            let Ok(packet) = decode(frame.link, frame.octets, frame.original_length, Decap::default()) else {
                return;
            };
            if frame.at >= next {
                meter.sweep(frame.at, Timestamp::MIN, &mut zeek);
                next = frame.at + Duration::from_secs(1);
            }
            meter.observe(frame.at, &packet, &mut zeek);
        });
        meter.finish(&mut zeek);
        zeek.0
    }
}

impl Sink for Zeek {
    fn record(&mut self, record: FlowRecord) {
        // Both directions are in the initiator's line.
        if !record.initiator && record.reverse.is_some() {
            return;
        }
        let state = match (record.handshake, record.end_reason) {
            (Handshake::Answered, EndReason::EndOfFlow) => "SF",
            (Handshake::Answered, _) => "S1",
            (Handshake::Refused, _) => "REJ",
            (Handshake::Unanswered, _) => "S0",
            (Handshake::Unsolicited, _) => "SHR",
            (Handshake::Unknown, _) => "OTH",
        };
        let history = |flags: TcpFlags, lower: bool| {
            let letters = [
                (TcpFlags::SYN, 'S'),
                (TcpFlags::ACK, 'A'),
                (TcpFlags::FIN, 'F'),
                (TcpFlags::RST, 'R'),
            ];
            let seen = letters.iter().filter(|(flag, _)| flags.has(*flag));
            let letters = seen.map(|(_, letter)| {
                if lower {
                    letter.to_ascii_lowercase()
                } else {
                    *letter
                }
            });
            letters.collect::<String>()
        };
        let back = record
            .reverse
            .map_or((0, 0, TcpFlags(0)), |r| (r.packets, r.bytes, r.tcp_flags));
        let own = (record.packets, record.bytes, record.tcp_flags);
        let (key, sent, back) = match record.initiator {
            true => (record.key, own, back),
            false => (record.key.reversed(), (0, 0, TcpFlags(0)), own),
        };
        let (protocol, ports) = match key.protocol {
            6 => ("tcp", (key.src_port, key.dst_port)),
            17 => ("udp", (key.src_port, key.dst_port)),
            _ => {
                let kind = record.key.dst_port;
                ("icmp", (kind >> 8, kind & 0xff))
            }
        };
        let start = record.start.as_nanos();
        let _ = writeln!(
            self.0,
            "{}.{:06}\tC1\t{}\t{}\t{}\t{}\t{protocol}\t{:.6}\t{state}\t0\t{}{}\t{}\t{}\t{}\t{}",
            start / 1_000_000_000,
            start % 1_000_000_000 / 1000,
            key.src,
            ports.0,
            key.dst,
            ports.1,
            record.end.since(record.start).as_secs_f64(),
            history(sent.2, false),
            history(back.2, true),
            sent.0,
            sent.1,
            back.0,
            back.1,
        );
    }

    fn growth(&mut self, _key: ConversationKey, _counters: &Counters) {}
}

/// What began after the first twenty minutes, in which the drill is quiet.
fn later<'a>(plan: &Plan, anomalies: &'a [Anomaly]) -> Vec<&'a Anomaly> {
    let learned = plan.start + Duration::from_secs(20 * 60);
    anomalies.iter().filter(|a| a.started_at >= learned).collect()
}

/// One incident, and in it an anomaly of this kind and entity.
#[track_caller]
fn is_found(plan: &Plan, anomalies: &[Anomaly], (kind, entity): (Kind, &str)) {
    let told: Vec<String> = anomalies
        .iter()
        .map(|a| format!("{} {} {} {}", a.started_at, a.kind.name(), a.entity, a.incident))
        .collect();
    let found = later(plan, anomalies);
    assert!(
        found
            .iter()
            .any(|a| a.kind == kind && a.entity.to_string() == entity),
        "{kind:?} {entity} is not among {told:#?}"
    );
    let incidents: BTreeSet<_> = anomalies.iter().map(|a| a.incident).collect();
    assert_eq!(incidents.len(), 1, "{told:#?}");
}

fn replay_records(file: &Path) -> Vec<Anomaly> {
    let files = [file.to_owned()];
    assert!(are_records(&files).unwrap());
    let mut replay = replay_of(&files);
    replay.holding = Holding::Records;
    let (anomalies, summary) = replay.run(&setup()).unwrap();
    assert!(
        summary.flows > 0 && summary.faults.is_empty(),
        "{:?}",
        summary.faults
    );
    anomalies
}

/// The incidents, with what flows alone tell of each: a miner is known by its names and pace, the new host by being new.
const FOUR: [(Scenario, (Kind, &str)); 4] = [
    (Scenario::RateLimit, (Kind::RateLimit, "dst_ip 203.0.113.10")),
    (
        Scenario::LoadSpike,
        (Kind::LoadSpike, "dst_ip 10.20.10.80, dst_port 443"),
    ),
    (
        Scenario::FanIn,
        (Kind::FanIn, "dst_ip 10.20.10.40, dst_port 14999"),
    ),
    (Scenario::Stranger, (Kind::Stranger, "host 10.20.99.77")),
];

#[test]
fn the_four_incidents_are_found_in_files_of_nfpcapd() {
    if !have(&["nfpcapd"]) {
        return;
    }
    for (scenario, expected) in FOUR {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::new(scenario, 1);
        let file = nfpcapd(folder.path(), &plan, None);
        is_found(&plan, &replay_records(&file), expected);
    }
}

#[test]
fn the_four_incidents_are_found_in_logs_of_zeek() {
    for (scenario, expected) in FOUR {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::new(scenario, 1);
        let log = folder.path().join("conn.log");
        std::fs::write(&log, Zeek::of(&plan)).unwrap();
        is_found(&plan, &replay_records(&log), expected);
    }
}

#[test]
fn four_quiet_hours_in_a_log_open_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(Scenario::Quiet, 1, 240);
    let log = folder.path().join("conn.log");
    std::fs::write(&log, Zeek::of(&plan)).unwrap();
    assert_eq!(replay_records(&log), []);
}

#[test]
fn baselines_that_records_filled_are_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let (log, state) = (folder.path().join("conn.log"), folder.path().join("state"));
    std::fs::write(&log, Zeek::of(&plan(Scenario::Quiet, 1, 30))).unwrap();
    let mut first = replay_of(&[log]);
    first.holding = Holding::Records;
    first.state = Some(state.clone());
    first.run(&setup()).unwrap();
    let learned: Snapshot = tidemark::store::load(&state).unwrap().unwrap();
    assert!(learned.entities() > 50, "{}", learned.entities());
}

#[test]
fn files_of_several_kinds_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(Scenario::Quiet, 1, 1);
    let (log, capture) = (folder.path().join("conn.log"), folder.path().join("office.pcap"));
    std::fs::write(&log, Zeek::of(&plan)).unwrap();
    write_capture(&plan, &capture);
    let refused = are_records(&[capture.clone(), log.clone()])
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("conn.log is a log of Zeek and")
            && refused.contains("office.pcap is something else")
    );
    assert!(!are_records(&[capture]).unwrap());
    assert!(are_records(&[log, PathBuf::from("-")]).unwrap());
}
