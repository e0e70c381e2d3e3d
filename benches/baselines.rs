//! Watches what one update of one baseline costs, and what the close of an interval costs for each entity that is watched.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tidemark::config::builtin_rules;
use tidemark::detect::{Baseline, Class, Hold, Prior};
use tidemark::engine::{Config, Engine};
use tidemark::enrich::Origins;
use tidemark::model::{ExportMessage, Ip, Networks, Timestamp, Transport};

const MINUTE: Duration = Duration::from_secs(60);
/// Monday, so that no week is cut.
const START: Timestamp = Timestamp::from_secs(1_772_409_600);
/// Hosts of ours in the engine that is closed.
const HOSTS: u32 = 1000;
/// Records of a message.
const RECORDS: u32 = 25;

/// A day with two humps, noise that is the same everywhere; about `level` in an interval.
fn value(n: i64, level: f64) -> f64 {
    let phase = (n % 1440) as f64 / 1440.0 * std::f64::consts::TAU;
    let noise = ((n * 7919) % 101) as f64 / 101.0;
    (level * (1.0 + 0.5 * phase.sin() + 0.2 * (2.0 * phase).cos() + 0.3 * noise)).floor()
}

/// A series that knows its days and weeks.
fn grown(class: Class, level: f64, prior: &Prior) -> (Baseline, i64) {
    let (mut baseline, n) = (Baseline::new(class, MINUTE), 15 * 1440);
    for i in 0..n {
        baseline.learn(START + MINUTE * i as u32, value(i, level), prior, Hold::Free);
    }
    (baseline, n)
}

fn updates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one interval of one series, judged and learned");
    group.throughput(Throughput::Elements(1));
    for (name, class, level) in [
        ("bytes", Class::Bytes, 4e6),
        ("count", Class::Count, 300.0),
        ("few", Class::Count, 2.0),
    ] {
        let prior = Prior::of(class);
        let (mut baseline, mut n) = grown(class, level, &prior);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let (at, x) = (START + MINUTE * n as u32, value(n, level));
                black_box(baseline.judge(at, x, 0.0, &prior));
                baseline.learn(at, x, &prior, Hold::Free);
                n += 1;
            });
        });
    }
    group.finish();
}

/// NetFlow v5: hosts from `first` on each get something from one of ten servers.
fn message(at: Timestamp, first: u32, n: i64) -> Vec<u8> {
    let mut out = vec![0, 5, 0, RECORDS as u8];
    for word in [3_600_000, at.as_secs() as u32, 0, 0, 0] {
        out.extend(u32::to_be_bytes(word));
    }
    for host in first..first + RECORDS {
        let packets = value(n + i64::from(host), 40.0) as u32 + 1;
        let ends = [0xc633_6400 | (host % 10), 0x0a00_0000 | host];
        for word in ends
            .into_iter()
            .chain([0, 0x0001_0002, packets, packets * 700, 3_590_000, 3_599_000])
        {
            out.extend(word.to_be_bytes());
        }
        out.extend([0x01, 0xbb, 0x9c, 0x40, 0, 0x1b, 6, 0]);
        out.extend([0; 8]);
    }
    out
}

/// Has every host get something in interval `n`, and judges up to its end.
fn interval(engine: &mut Engine, n: i64) {
    let at = START + MINUTE * n as u32 + MINUTE / 2;
    for first in (0..HOSTS).step_by(RECORDS as usize) {
        engine.collect(&ExportMessage {
            at,
            exporter: Ip::v4(0xc000_0201),
            source_port: 2055,
            collector_port: 2055,
            transport: Transport::Udp,
            octets: &message(at, first, n),
        });
    }
    engine.advance(at + MINUTE);
    while engine.poll().is_some() {}
}

fn closes(criterion: &mut Criterion) {
    let config = Config {
        rules: builtin_rules(),
        collecting: tidemark::collect::Config {
            lateness: Duration::from_secs(10),
            ..Default::default()
        },
        ..Config::default()
    };
    let internal: Vec<_> = "10.0.0.0/8".parse().into_iter().collect();
    let origins = Arc::new(Origins::new(Networks::new(&internal)));
    #[expect(clippy::unwrap_used, reason = "built-in rules can be used")]
    let mut engine = Engine::new(config, origins, 1).unwrap();
    let mut n = 0;
    while n < 120 {
        interval(&mut engine, n);
        n += 1;
    }
    let mut group = criterion.benchmark_group("an interval of a thousand hosts");
    group.throughput(Throughput::Elements(u64::from(HOSTS)));
    group.bench_function("all built-in rules", |bench| {
        bench.iter(|| {
            interval(&mut engine, n);
            n += 1;
        });
    });
    group.finish();
}

criterion_group!(benches, updates, closes);
criterion_main!(benches);
