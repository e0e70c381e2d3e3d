//! Watches whether a record of flow export costs the same however many entities there are: NetFlow v5 through the whole
//! engine, judging included, sources and destinations drawn alike from populations of different size.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tidemark::config::builtin_rules;
use tidemark::engine::{Config, Engine};
use tidemark::enrich::Origins;
use tidemark::model::{ExportMessage, Ip, Networks, Timestamp, Transport};

/// Records of a message.
const RECORDS: u32 = 30;
/// Between two messages: 200,000 records a second.
const APART: Duration = Duration::from_micros(150);
const START: Timestamp = Timestamp::from_secs(1_772_440_200);

fn engine() -> Engine {
    let config = Config {
        rules: builtin_rules(),
        memory_limit: 4 << 30,
        ..Config::default()
    };
    let internal: Vec<_> = "10.0.0.0/8".parse().into_iter().collect();
    let origins = Arc::new(Origins::new(Networks::new(&internal)));
    #[expect(clippy::unwrap_used, reason = "built-in rules can be used")]
    Engine::new(config, origins, 1).unwrap()
}

/// A message whose flows ended when it was sent, each between two entities of a population.
fn message(at: Timestamp, population: u32, draw: &mut u64) -> Vec<u8> {
    let mut out = vec![0, 5, 0, RECORDS as u8];
    for word in [3_600_000, at.as_secs() as u32, 0, 0, 0] {
        out.extend(u32::to_be_bytes(word));
    }
    for _ in 0..RECORDS {
        *draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let rank = ((*draw >> 33) as u32) % population;
        let outside = rank.wrapping_mul(0x9e37_79b1) | 0x8000_0000;
        let ends = [outside, 0x0a00_0000 | rank];
        for word in ends
            .into_iter()
            .chain([0, 0x0001_0002, 10, 7000, 3_595_000, 3_599_000])
        {
            out.extend(word.to_be_bytes());
        }
        out.extend([0x9c, 0x40, 0x01, 0xbb, 0, 0x1b, 6, 0]);
        out.extend([0; 8]);
    }
    out
}

fn entities(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a record of export among so many entities");
    group.throughput(Throughput::Elements(u64::from(RECORDS)));
    group.measurement_time(Duration::from_secs(10));
    for population in [1_000, 10_000, 100_000, 1_000_000] {
        let (mut engine, mut at, mut draw) = (engine(), START, 1);
        group.bench_function(BenchmarkId::from_parameter(population), |bench| {
            bench.iter(|| {
                at = at + APART;
                engine.collect(&ExportMessage {
                    at,
                    exporter: Ip::v4(0xc000_0201),
                    source_port: 2055,
                    collector_port: 2055,
                    transport: Transport::Udp,
                    octets: &message(at, population, &mut draw),
                });
                black_box(engine.poll());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, entities);
criterion_main!(benches);
