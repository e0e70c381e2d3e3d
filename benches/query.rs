//! Watches what it costs to group a million stored flows: by one key, by two, with a filter, over time.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use tidemark::filter::Filter;
use tidemark::model::{Column, Columns, Field, Timestamp};
use tidemark::query::{Answer, By, Inquiry, Measure, Request, Sure};

/// Flows, in batches as a store gives them.
const FLOWS: usize = 1_000_000;
const BATCH: usize = 125_000;
/// Sources and destinations that flows are drawn from.
const POPULATION: u64 = 100_000;

/// The next of a sequence that is the same every time (Knuth's MMIX generator).
fn next(draw: &mut u64) -> u64 {
    *draw = draw
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *draw >> 33
}

/// A rank, small ones far more often than large ones.
fn rank(draw: &mut u64) -> u64 {
    let unit = next(draw) as f64 / (1u64 << 31) as f64;
    (POPULATION as f64).powf(unit) as u64
}

fn coded(values: impl Iterator<Item = u128>) -> Column {
    let all: Vec<u128> = values.collect();
    let mut distinct = all.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let code = |value: &u128| distinct.partition_point(|known| known < value) as u32;
    Column::Coded {
        codes: all.iter().map(code).collect(),
        values: distinct,
    }
}

/// A batch, sorted by source and destination.
fn batch(draw: &mut u64, begin: i64) -> Columns {
    let mut flows: Vec<[u64; 5]> = (0..BATCH)
        .map(|_| {
            [
                rank(draw),
                rank(draw),
                next(draw) % 4,
                next(draw) % 100_000,
                next(draw) % 60_000_000,
            ]
        })
        .collect();
    flows.sort_unstable();
    let mut columns = Columns::new(BATCH);
    let v4 = |rank: u64| 0xffff_0a00_0000 | u128::from(rank);
    columns.set(Field::SrcIp, coded(flows.iter().map(|flow| v4(flow[0]))));
    columns.set(Field::DstIp, coded(flows.iter().map(|flow| v4(flow[1]))));
    columns.set(
        Field::DstPort,
        coded(flows.iter().map(|flow| [53, 80, 443, 8080][flow[2] as usize])),
    );
    columns.set(Field::Protocol, Column::Constant(6));
    columns.set(Field::Flows, Column::Constant(1));
    columns.set(Field::SamplingRate, Column::Constant(1));
    columns.set(Field::Scaled, Column::Constant(0));
    columns.set(
        Field::Bytes,
        Column::Plain(flows.iter().map(|flow| flow[3] as i64).collect()),
    );
    let start = |flow: &[u64; 5]| begin + flow[4] as i64;
    columns.set(Field::Start, Column::Plain(flows.iter().map(start).collect()));
    columns.set(
        Field::End,
        Column::Plain(
            flows
                .iter()
                .map(|flow| start(flow) + flow[3] as i64 * 50)
                .collect(),
        ),
    );
    columns
}

fn batches() -> Vec<Columns> {
    let mut draw = 1;
    (0..(FLOWS / BATCH) as i64)
        .map(|n| batch(&mut draw, n * 60_000_000))
        .collect()
}

fn answer(request: &Request, batches: &[Columns]) -> Option<Answer> {
    let mut inquiry = Inquiry::new(request).ok()?;
    while let Some(stage) = inquiry.stage() {
        let mut grouping = stage.grouping(1);
        let sure = Sure {
            filter: request.filter == Filter::default(),
            range: request.range().is_none(),
        };
        batches.iter().for_each(|batch| grouping.add(batch, sure));
        inquiry.take(&grouping).ok()?;
    }
    Some(inquiry.answer())
}

fn query(criterion: &mut Criterion) {
    let batches = batches();
    let src = By::Field(Field::SrcIp);
    let bytes = vec![Measure::Bytes];
    let by = |by: &[By]| Request::new(by.to_vec(), bytes.clone());
    let minutes = |request: Request| Request {
        since: Some(Timestamp::from_secs(0)),
        until: Some(Timestamp::from_secs(600)),
        ..request
    };
    let cases = [
        ("by source", by(&[src])),
        ("by source and destination", by(&[src, By::Field(Field::DstIp)])),
        ("by source and port", by(&[src, By::Field(Field::DstPort)])),
        ("by network", by(&[By::of(tidemark::model::Dimension::SrcNet24)])),
        (
            "by source, of one port",
            Request {
                filter: Filter::parse("dst port 443").unwrap_or_default(),
                ..by(&[src])
            },
        ),
        ("by source, in a range", minutes(by(&[src]))),
        (
            "by source, every minute",
            Request {
                every: Some(Duration::from_secs(60)),
                ..minutes(by(&[src]))
            },
        ),
        (
            "distinct destinations by source",
            Request::new(vec![src], vec![Measure::Destinations]),
        ),
    ];
    let mut group = criterion.benchmark_group("a million stored flows");
    group.throughput(Throughput::Elements(FLOWS as u64));
    group.sample_size(10);
    for (name, request) in cases {
        group.bench_function(name, |bench| bench.iter(|| black_box(answer(&request, &batches))));
    }
    group.finish();
}

criterion_group!(benches, query);
criterion_main!(benches);
