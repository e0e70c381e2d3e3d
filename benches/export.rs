//! Watches the cost of one record of flow export, from the octets of its message to a Flow Record, in nanoseconds: a
//! collector must take some hundred thousand a second beside everything else.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tidemark::collect::{Collector, Config, Sink};
use tidemark::model::{ExportFault, ExportMessage, FlowRecord, Ip, Timestamp, Transport};

/// Records of a message.
const RECORDS: u16 = 24;
const NOW: u32 = 1_700_000_000;
const UPTIME: u32 = 1_000_000;

/// Element, octets and value of the fields of a usual router's record.
const FIELDS: [(u16, u16, u64); 18] = [
    (8, 4, 0x0a00_0001),
    (12, 4, 0x0a00_0002),
    (15, 4, 0x0a00_00fe),
    (10, 4, 3),
    (14, 4, 4),
    (2, 4, 7),
    (1, 4, 700),
    (22, 4, UPTIME as u64 - 5000),
    (21, 4, UPTIME as u64 - 1000),
    (7, 2, 40000),
    (11, 2, 443),
    (6, 1, 0x1b),
    (4, 1, 6),
    (5, 1, 0),
    (16, 4, 64500),
    (17, 4, 64501),
    (9, 1, 24),
    (13, 1, 16),
];

/// Adds up what comes, so that nothing is optimised away.
struct Sum(u64);

impl Sink for Sum {
    fn record(&mut self, record: &FlowRecord) {
        self.0 += black_box(record).bytes;
    }
    fn fault(&mut self, fault: ExportFault) {
        self.0 += u64::from(fault.offset);
    }
}

/// The fields for a protocol: IPFIX says times by the calendar.
fn fields(version: u16) -> Vec<(u16, u16, u64)> {
    let now = u64::from(NOW) * 1000;
    let calendar = |field: (u16, u16, u64)| match field.0 {
        22 => (152, 8, now - 5000),
        21 => (153, 8, now - 1000),
        _ => field,
    };
    let plain = FIELDS.into_iter();
    if version == 9 {
        plain.collect()
    } else {
        plain.map(calendar).collect()
    }
}

fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u16 + 4;
    [&id.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

/// A message of v9 or IPFIX around a Set.
fn message(version: u16, set: &[u8]) -> Vec<u8> {
    let mut out = version.to_be_bytes().to_vec();
    if version == 9 {
        out.extend([0, 1]);
        out.extend(UPTIME.to_be_bytes());
    } else {
        out.extend((set.len() as u16 + 16).to_be_bytes());
    }
    for word in [NOW, 0, 1] {
        out.extend(word.to_be_bytes());
    }
    out.extend(set);
    out
}

/// The Template, and data of it.
fn described(version: u16) -> (Vec<u8>, Vec<u8>) {
    let fields = fields(version);
    let mut definition = [256u16.to_be_bytes(), (fields.len() as u16).to_be_bytes()].concat();
    let mut record = Vec::new();
    for (id, octets, value) in fields {
        definition.extend(id.to_be_bytes());
        definition.extend(octets.to_be_bytes());
        record.extend(&value.to_be_bytes()[8 - usize::from(octets)..]);
    }
    let templates = set(if version == 9 { 0 } else { 2 }, &definition);
    let data = set(256, &record.repeat(usize::from(RECORDS)));
    (message(version, &templates), message(version, &data))
}

/// A message of version 5.
fn fixed() -> Vec<u8> {
    let mut out = [5u16.to_be_bytes(), RECORDS.to_be_bytes()].concat();
    for word in [UPTIME, NOW, 0, 0, 0] {
        out.extend(u32::to_be_bytes(word));
    }
    for _ in 0..RECORDS {
        let times = [UPTIME - 5000, UPTIME - 1000];
        let words = [0x0a00_0001, 0x0a00_0002, 0x0a00_00fe, 0x0003_0004, 7, 700];
        for word in words
            .into_iter()
            .chain(times)
            .chain([40000 << 16 | 443, 0x001b_0600, 0, 0])
        {
            out.extend(u32::to_be_bytes(word));
        }
    }
    out
}

fn export(criterion: &mut Criterion) {
    let (v9, ipfix) = (described(9), described(10));
    let mut group = criterion.benchmark_group("a record of export");
    group.throughput(Throughput::Elements(u64::from(RECORDS)));
    for (name, first, data) in [
        ("v5", fixed(), fixed()),
        ("v9, 18 fields", v9.0, v9.1),
        ("IPFIX, 18 fields", ipfix.0, ipfix.1),
    ] {
        let mut collector = Collector::new(Config::default());
        let mut sum = Sum(0);
        let mut send = |octets: &[u8]| {
            let message = ExportMessage {
                at: Timestamp::from_secs(i64::from(NOW)),
                exporter: Ip::v4(0xc000_0201),
                source_port: 2055,
                collector_port: 4739,
                transport: Transport::Udp,
                octets,
            };
            collector.observe(&message, &mut sum);
        };
        send(&first);
        group.bench_function(name, |bench| bench.iter(|| send(black_box(&data))));
    }
    group.finish();
}

criterion_group!(benches, export);
criterion_main!(benches);
