//! Watches the cost of one look-up of an address, one match of a filter, and one interval of a series judged and
//! learned, in nanoseconds each: they bound how many conversations and series an interval can hold.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use tidemark::detect::{Baseline, Class, Hold, Prior};
use tidemark::enrich::Origins;
use tidemark::filter::Filter;
use tidemark::model::{Conversation, ConversationKey, Counters, Ip, Origin, Role, Timestamp};

/// Addresses all over the address space, the same every time.
fn addresses() -> impl Iterator<Item = Ip> {
    (0u32..).map(|n| Ip::v4(n.wrapping_mul(0x9e37_79b9)))
}

fn enrich(criterion: &mut Criterion) {
    let origins = Origins::default();
    let mut next = addresses();
    criterion.bench_function("origin of an address", |bench| {
        bench.iter(|| next.next().map(|ip| origins.origin(black_box(ip))));
    });
}

fn filter(criterion: &mut Criterion) {
    let Ok(filter) = Filter::parse("(src net 10.0.0.0/8 or dst port 443) and not proto udp") else {
        return;
    };
    let mut next = addresses();
    criterion.bench_function("match of a filter", |bench| {
        bench.iter(|| {
            let row = Conversation {
                key: ConversationKey {
                    src: next.next().unwrap_or_default(),
                    dst: Ip::v4(1),
                    port: 443,
                    protocol: 6,
                    role: Role::Request,
                },
                src_origin: Origin::default(),
                dst_origin: Origin::default(),
                counters: Counters::default(),
            };
            filter.matches(black_box(&row))
        });
    });
}

fn baseline(criterion: &mut Criterion) {
    let interval = Duration::from_secs(60);
    for (name, class, level) in [
        ("low count", Class::Count, 2.0),
        ("high count", Class::Count, 900.0),
        ("octets", Class::Bytes, 1e6),
    ] {
        let prior = Prior::default();
        let (mut series, mut minute) = (Baseline::new(class, interval), 0i64);
        criterion.bench_function(&format!("judge and learn: {name}"), |bench| {
            bench.iter(|| {
                minute += 1;
                let at = Timestamp::from_secs(minute * 60);
                let x = level + (minute % 7) as f64;
                let verdict = series.judge(at, black_box(x), 0.0, &prior);
                series.learn(at, x, &prior, Hold::Free);
                verdict
            });
        });
    }
}

criterion_group!(benches, enrich, filter, baseline);
criterion_main!(benches);
