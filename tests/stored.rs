//! Stored flows survive: killed at any instant while storing, merging and summing up, every file is whole, what was
//! acknowledged is there, and nothing is there twice.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use tidemark::filter::Filter;
use tidemark::model::{Field, FlowKey, FlowRecord, Handshake, Interval, Ip, Origin, Timestamp, mix_step};
use tidemark::query::{Measure, Request};
use tidemark::store::flows::{Archive, Caretaker, FlowStore, Keeping, ParquetStore, Retention, Rows};

/// Where the child stores.
const FOLDER: &str = "TIDEMARK_TEST_STORE";
/// Lives of the child.
const LIVES: u64 = 100;
/// Records in a file.
const EACH: u64 = 50;
/// Event time between two records: an hour is over after four files.
const PACE: Duration = Duration::from_secs(20);
const BEGIN: Timestamp = Timestamp::from_secs(1_790_000_000);
const EVER: Interval = Interval {
    start: Timestamp::MIN,
    end: Timestamp::MAX,
};

fn keeping() -> Keeping {
    let long = Retention {
        age: Duration::from_secs(1 << 30),
        size: u64::MAX,
    };
    Keeping {
        tiers: [long; 4],
        min_free: 0,
    }
}

/// The record of a number, which is its octets.
fn record(number: u64) -> (FlowRecord, Timestamp) {
    let at = BEGIN + PACE * u32::try_from(number).unwrap();
    let record = FlowRecord {
        key: FlowKey {
            src: Ip::v4(0x0a00_0000 + number as u32 % 7),
            dst: Ip::v4(0x0a00_0100 + number as u32 % 5),
            src_port: 40_000,
            dst_port: 443,
            protocol: 6,
        },
        start: at,
        end: at,
        packets: 1,
        bytes: number,
        handshake: Handshake::Answered,
        ..FlowRecord::unknown()
    };
    (record, at)
}

/// How often each number is stored; every file is read.
fn stored(root: &Path) -> BTreeMap<u64, u64> {
    let mut numbers = BTreeMap::new();
    let scanned =
        ParquetStore::new(root, 1).scan(EVER, &Filter::default(), &[Field::Bytes], &mut |columns| {
            (0..columns.rows()).for_each(|row| *numbers.entry(columns.record(row).bytes).or_default() += 1);
            ControlFlow::Continue(())
        });
    let scanned = scanned.unwrap();
    assert_eq!(scanned.unreadable, 0, "{:?}", scanned.trouble);
    numbers
}

#[test]
#[ignore = "the child of the test below: stores until it is killed, and says what it has stored"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let root = Path::new(&folder);
    let mut archive = Archive::open(root, 0).unwrap();
    let mut next = stored(root).keys().last().map_or(1, |last| last + 1);
    println!("ready {next}");
    let mut caretaker = Caretaker::new(root, keeping());
    let mut rows = Rows::with_capacity(0);
    loop {
        rows.clear();
        for number in next..next + EACH {
            let (record, at) = record(number);
            rows.push(&record, at);
        }
        archive.add(&rows.columns(|_| Origin::default())).unwrap();
        archive.end().unwrap().unwrap();
        next += EACH;
        println!("stored {}", next - 1);
        caretaker.look_after(record(next).1).unwrap();
    }
}

/// Has the child store until it has lived for `life` after it was ready; the last number it said was stored.
fn live(root: &Path, life: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(FOLDER, root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (say, said) = channel();
    let listener = thread::spawn(move || lines.map_while(Result::ok).all(|line| say.send(line).is_ok()));
    let ready = said.iter().any(|line| line.contains("ready"));
    assert!(ready, "the child did not come up");
    // An instant of its life, not something to wait for: it is over when time is.
    let until = Instant::now() + life;
    let left = || until.saturating_duration_since(Instant::now());
    let mut heard: Vec<String> = std::iter::from_fn(|| said.recv_timeout(left()).ok()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    listener.join().unwrap();
    heard.extend(said.try_iter());
    let numbers = heard
        .iter()
        .filter_map(|line| line.strip_prefix("stored ")?.parse().ok());
    numbers.max().unwrap_or(0)
}

#[test]
fn killed_a_hundred_times_while_storing_it_keeps_what_it_acknowledged_and_doubles_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut chance) = (0, 1);
    for life in 0..LIVES {
        chance = mix_step(chance);
        let said = live(root.path(), Duration::from_micros(chance % 60_000));
        acknowledged = acknowledged.max(said);
        let numbers = stored(root.path());
        let doubled: Vec<_> = numbers.iter().filter(|(_, times)| **times != 1).take(5).collect();
        assert!(
            doubled.is_empty(),
            "life {life}: stored more than once: {doubled:?}"
        );
        let missing: Vec<u64> = (1..=acknowledged)
            .filter(|number| !numbers.contains_key(number))
            .take(5)
            .collect();
        assert!(
            missing.is_empty(),
            "life {life}: acknowledged and lost: {missing:?}"
        );
    }
    assert!(
        acknowledged > 20 * EACH,
        "{acknowledged} in {LIVES} lives: too few to mean anything"
    );
    sums_agree(root.path());
}

/// What was summed up between kills tells the same as the records.
fn sums_agree(root: &Path) {
    std::mem::drop(Archive::open(root, 0).unwrap());
    let numbers = stored(root);
    let last = record(numbers.len() as u64).1 + Duration::from_secs(7_200);
    Caretaker::new(root, keeping()).look_after(last).unwrap();
    let total = |root: &Path| {
        let request = Request::new(vec![], vec![Measure::Flows, Measure::Bytes]);
        ParquetStore::new(root, 2).query(&request).unwrap().total
    };
    let before = total(root);
    for tier in ["raw", "1m", "5m"] {
        std::fs::remove_dir_all(root.join(format!("tier={tier}"))).unwrap();
        assert_eq!(total(root), before, "without tier {tier}");
    }
}
