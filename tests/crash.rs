//! Killed at any moment, a hundred times, while flow export comes in: each time it starts again with what it had
//! learned and with the Templates it had been told once.
#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;

use daemon::{Daemon, Home};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, id};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

/// Lives of each daemon; there are four.
const LIVES: u64 = 25;
/// Flow Records in a message.
const RECORDS: u32 = 10;
/// What was learned may be so old after a kill, whatever is configured.
const OLDEST: Duration = Duration::from_secs(30);

/// Numbers that look random and are the same in every run (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(self.0 % end)
    }
}

/// An address that no other test of this machine listens on: its port is still free after a kill.
fn config(port: u16) -> String {
    let [.., a, b, c] = id().to_be_bytes();
    format!(
        "[listen]\nudp = [\"127.{}.{b}.{c}:{port}\"]\ntcp = []\n[state]\ndir = \"state\"\nevery = \"1s\"\n",
        64 + a % 64
    )
}

/// What a daemon learned before: baselines of an hour of traffic that ended a little while ago.
fn learn(home: &Home) {
    let ended = SystemTime::now() - Duration::from_secs(4000);
    let seconds = ended.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let start = tidemark::model::Timestamp::from_secs(i64::try_from(seconds).unwrap()).to_string();
    let run = |arguments: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_tidemark"))
            .args(arguments)
            .current_dir(home.folder())
            .output();
        assert!(ran.unwrap().status.success(), "{arguments:?}");
    };
    run(&[
        "drill",
        "quiet",
        "--duration",
        "1h",
        "--start",
        &start,
        "-w",
        "drill.pcap",
    ]);
    run(&["replay", "drill.pcap", "-c", "tidemark.toml", "--state", "state"]);
}

/// Sends messages of flow export without a pause until told to stop; how many there were.
struct Exporter {
    stop: Sender<()>,
    thread: JoinHandle<u32>,
}

impl Exporter {
    fn start(to: SocketAddr, version: u16) -> Self {
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let began = Instant::now();
            for number in 0.. {
                // Nobody listens while the daemon is down.
                let _ = socket.send_to(&message(version, number, began), to);
                if stopped.recv_timeout(Duration::from_millis(2)).is_ok() {
                    return number + 1;
                }
            }
            unreachable!()
        });
        Self { stop, thread }
    }

    fn stop(self) -> u32 {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap()
    }
}

/// A message of NetFlow v9 or IPFIX; only the first has the Template.
fn message(version: u16, number: u32, began: Instant) -> Vec<u8> {
    let mut sets = Vec::new();
    if number == 0 {
        let fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 4), (2, 4_u16)];
        let mut body = vec![1, 0, 0, fields.len() as u8];
        for (element, length) in fields {
            body.extend([0, element].into_iter().chain(u16::to_be_bytes(length)));
        }
        set(&mut sets, if version == 9 { 0 } else { 2 }, &body);
    }
    let mut body = Vec::new();
    for n in 0..RECORDS {
        let client = [10, 0, (number % 8) as u8, n as u8];
        body.extend(client.into_iter().chain([192, 0, 2, 1]));
        body.extend([0x9c, 0x40, 0x01, 0xbb, 6]);
        body.extend(1000_u32.to_be_bytes().into_iter().chain(4_u32.to_be_bytes()));
    }
    set(&mut sets, 256, &body);
    let seconds = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs() as u32;
    let uptime = 3_600_000 + began.elapsed().as_millis() as u32;
    let count = RECORDS as u16 + u16::from(number == 0);
    let head = match version {
        9 => [
            &9_u16.to_be_bytes()[..],
            &count.to_be_bytes(),
            &uptime.to_be_bytes(),
        ]
        .concat(),
        _ => [10_u16.to_be_bytes(), (16 + sets.len() as u16).to_be_bytes()].concat(),
    };
    // NetFlow v9 counts messages, IPFIX Data Records.
    let sequence = if version == 9 { number } else { number * RECORDS };
    let tail = [seconds, sequence, 7].map(u32::to_be_bytes).concat();
    [head, tail, sets].concat()
}

fn set(sets: &mut Vec<u8>, id: u16, body: &[u8]) {
    let padding = body.len().wrapping_neg() % 4;
    sets.extend(id.to_be_bytes());
    sets.extend(((4 + body.len() + padding) as u16).to_be_bytes());
    sets.extend(body);
    sets.resize(sets.len() + padding, 0);
}

/// Starts a daemon that must take over what was learned; it, how many entities that are, and where it listens.
#[track_caller]
fn starts_again(home: &Home) -> (Daemon, u64, SocketAddr) {
    let mut daemon = home.start();
    let to = daemon.listens();
    let line = daemon.says(&["state of"]);
    assert!(line.contains("taken over"), "{line}");
    let entities = line.split(" entities").next().unwrap().rsplit(' ').next();
    let entities = entities.unwrap().parse().unwrap();
    (daemon, entities, to)
}

/// Lives and dies; the exporter goes on meanwhile.
fn lives_and_dies(home: &Home, mut daemon: Daemon, learned: u64, mut chance: Chance) {
    for life in 0..LIVES {
        if life % 2 == 0 {
            // At any moment from its birth on.
            daemon.talks_for(chance.below(900));
        } else {
            // Its clients' Templates came before its birth. Statistics are told while the state is being written.
            daemon.says(&["ready"]);
            assert!(daemon.counts("records", 1) > 0);
            daemon.talks_for(chance.below(60));
        }
        daemon.signal("KILL");
        daemon.ends();
        let wrong = daemon
            .said
            .iter()
            .find(|line| line.contains(" error ") || line.contains("emplate"));
        assert_eq!(wrong, None);
        let age = home
            .state()
            .metadata()
            .unwrap()
            .modified()
            .unwrap()
            .elapsed()
            .unwrap();
        assert!(age < OLDEST, "{age:?}");
        let entities;
        (daemon, entities, _) = starts_again(home);
        assert!(entities >= learned, "{entities} of {learned}");
    }
    daemon.says(&["ready"]);
    drop(daemon);
}

fn survives(version: u16, seed: u64) {
    let home = Home::new(&config(0));
    learn(&home);
    let (mut daemon, learned, to) = starts_again(&home);
    assert!(learned > 100, "{learned}");
    home.configure(&config(to.port()));
    daemon.says(&["ready"]);
    let exporter = Exporter::start(to, version);
    daemon.counts("records", 1);
    daemon.says(&["state saved"]);
    lives_and_dies(&home, daemon, learned, Chance(seed));
    let (mut daemon, ..) = starts_again(&home);
    daemon.says(&["ready"]);
    daemon.counts("records", 1);
    let sent = exporter.stop();
    let summary = daemon.stops();
    let exporter = &summary["exporters"][0];
    let count = |name: &str| exporter[name].as_u64().unwrap();
    assert_eq!(
        (count("templates"), count("untemplated"), count("faults")),
        (1, 0, 0),
        "{summary}"
    );
    assert_eq!((count("reordered"), count("restarts")), (0, 0), "{summary}");
    // Everything that was sent has arrived and is remembered, or is counted as lost.
    let units = if version == 9 { 1 } else { RECORDS };
    assert_eq!(
        count("sequenced") + count("lost"),
        u64::from(sent * units),
        "{summary}"
    );
}

#[test]
fn killed_a_hundred_times_it_starts_again_with_all_it_knew() {
    thread::scope(|scope| {
        for (version, seed) in [(9, 1), (10, 2), (9, 3), (10, 4)] {
            scope.spawn(move || survives(version, seed));
        }
    });
}
