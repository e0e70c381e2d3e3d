//! Watches the cost of a packet on its way in, in packets a second: decoding, metering, the tick's table of
//! conversations, and the whole engine. A drill's flows are short, so that beginning and ending them weighs more here
//! than on a busy link. First figures, on one core of an EPYC: decoding 36 million a second, with metering 6.3 million.

#[allow(dead_code, reason = "each bench takes what it needs")]
mod common;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tidemark::aggregate::Conversations;
use tidemark::config::builtin_rules;
use tidemark::engine;
use tidemark::enrich::Origins;
use tidemark::meter::{Meter, Sink};
use tidemark::model::{ConversationKey, Counters, FlowRecord};

/// Event time between two sweeps.
const TICK: Duration = Duration::from_secs(10);

/// Keeps growth, forgets records.
#[derive(Default)]
struct Grown(Vec<(ConversationKey, Counters)>);

impl Sink for Grown {
    fn record(&mut self, record: FlowRecord) {
        black_box(record);
    }
    fn growth(&mut self, key: ConversationKey, counters: &Counters) {
        self.0.push((key, *counters));
    }
}

/// Meters all frames with a sweep every tick.
fn meter(traffic: &[common::Frame], sink: &mut Grown) {
    let mut meter = Meter::new(Default::default());
    let mut next = None;
    for frame in traffic {
        let Some(packet) = frame.packet() else { continue };
        if frame.at >= *next.get_or_insert(frame.at + TICK) {
            meter.sweep(frame.at, frame.at, sink);
            next = Some(frame.at + TICK);
        }
        meter.observe(frame.at, &packet, sink);
    }
    meter.finish(sink);
}

fn stages(criterion: &mut Criterion) {
    let traffic = common::traffic();
    let mut group = criterion.benchmark_group("packets");
    group.throughput(Throughput::Elements(traffic.len() as u64));
    group.bench_function("decode", |bench| {
        bench.iter(|| {
            traffic
                .iter()
                .filter(|frame| black_box(frame.packet()).is_some())
                .count()
        });
    });
    group.bench_function("decode and meter", |bench| {
        bench.iter(|| {
            let mut grown = Grown::default();
            meter(&traffic, &mut grown);
            grown.0.len()
        });
    });
    group.bench_function("engine", |bench| {
        bench.iter(|| {
            let config = engine::Config {
                rules: builtin_rules(),
                ..engine::Config::default()
            };
            let mut engine = engine::Engine::new(config, Arc::new(Origins::default()), 1).ok()?;
            for frame in &traffic {
                let _ = engine.observe(&frame.raw());
            }
            engine.finish();
            Some(engine.anomalies().len())
        });
    });
    group.finish();
}

fn aggregate(criterion: &mut Criterion) {
    let mut grown = Grown::default();
    meter(&common::traffic(), &mut grown);
    let mut group = criterion.benchmark_group("conversations");
    group.throughput(Throughput::Elements(grown.0.len() as u64));
    group.bench_function("aggregate", |bench| {
        let mut table = Conversations::new(1 << 20, 1);
        bench.iter(|| {
            for (key, counters) in &grown.0 {
                table.add(key, counters, Default::default);
            }
            table.take().len()
        });
    });
    group.finish();
}

criterion_group!(benches, stages, aggregate);
criterion_main!(benches);
