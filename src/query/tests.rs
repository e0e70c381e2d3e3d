//! That answers are those of a naive computation, however the flows are cut and in whatever order they come.

use super::by::{network, wide};
use super::*;
use crate::filter::Filter;
use crate::model::{
    Columns, Country, EndReason, Exported, Field, FlowKey, FlowRecord, Handshake, Interval, Ip, Origin,
    TcpFlags, Timestamp, passed,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One of a few addresses of both families.
fn ip(n: u8) -> Ip {
    match n % 5 {
        4 => Ip::from_bits(0x2001_0db8 << 96 | u128::from(n)),
        _ => Ip::v4(0x0a00_0000 | u32::from(n) << 6),
    }
}

/// Records with few addresses and ports, between second 0 and 1000.
fn record() -> impl Strategy<Value = FlowRecord> {
    let numbers = (0u8..9, 0u8..9, 0u16..3, 0u16..4, 0u64..5_000, 1u64..9);
    let times = (
        0i64..1_000_000,
        prop_oneof![Just(0i64), 0i64..2_000, 0i64..400_000],
    );
    let handshakes = vec![Handshake::Answered, Handshake::Unanswered, Handshake::Unsolicited];
    let export = prop::option::of((0u32..3, prop::sample::select(vec![1u32, 10]), any::<bool>()));
    (
        numbers,
        times,
        prop::sample::select(handshakes),
        any::<bool>(),
        export,
    )
        .prop_map(
            move |(
                (src, dst, src_port, dst_port, bytes, packets),
                (start, length),
                handshake,
                initiator,
                export,
            )| {
                let millis = |ms: i64| Timestamp::from_nanos(ms * 1_000_000);
                FlowRecord {
                    key: FlowKey {
                        src: ip(src),
                        dst: ip(dst),
                        src_port,
                        dst_port,
                        protocol: FlowKey::TCP,
                    },
                    start: millis(start),
                    end: millis(start + length),
                    packets,
                    bytes,
                    tcp_flags: TcpFlags(TcpFlags::SYN),
                    end_reason: EndReason::EndOfFlow,
                    handshake,
                    initiator,
                    reverse: None,
                    src_origin: Origin {
                        asn: u32::from(src % 3),
                        internal: src < 4,
                        ..Origin::default()
                    },
                    dst_origin: Origin {
                        country: Country(if dst > 4 { *b"DE" } else { [0; 2] }),
                        internal: dst < 3,
                        ..Origin::default()
                    },
                    vlan: 0,
                    sampling_rate: export.map_or(1, |(_, rate, _)| rate),
                    export: export.map(|(in_if, _, scaled)| Exported {
                        in_if,
                        scaled,
                        ..Exported::by(Ip::v4(0xc000_0201))
                    }),
                }
            },
        )
}

fn by() -> impl Strategy<Value = Vec<By>> {
    let one_sided = prop::sample::subsequence(
        vec![
            By::Field(Field::SrcIp),
            By::Field(Field::DstIp),
            By::Field(Field::DstPort),
            By::Field(Field::SrcAs),
            By::Field(Field::Exporter),
            By::Field(Field::Handshake),
            By::Net(End::Src, 24, 64),
            By::Net(End::Dst, 20, wide(20)),
            By::Service,
        ],
        0..4,
    );
    let two_sided = prop::option::weighted(
        0.4,
        prop::sample::select(vec![
            By::Host,
            By::Either(Pair::Ip),
            By::Either(Pair::Port),
            By::Net(End::Either, 24, 64),
        ]),
    );
    (one_sided, two_sided, any::<prop::sample::Index>()).prop_map(|(mut by, two, at)| {
        if let Some(two) = two {
            let at = at.index(by.len() + 1);
            by.insert(at, two);
        }
        by
    })
}

const MEASURES: [Measure; 17] = [
    Measure::Bytes,
    Measure::Packets,
    Measure::Flows,
    Measure::Sources,
    Measure::Destinations,
    Measure::Ports,
    Measure::SynOnly,
    Measure::Failed,
    Measure::Unsolicited,
    Measure::BitRate,
    Measure::PacketRate,
    Measure::FlowRate,
    Measure::BytesPerPacket,
    Measure::Duration,
    Measure::Percentile(95, Of::Bytes),
    Measure::Percentile(50, Of::Duration),
    Measure::Percentile(90, Of::BitRate),
];

fn request() -> impl Strategy<Value = Request> {
    let measures = prop::sample::subsequence(MEASURES.to_vec(), 1..5).prop_shuffle();
    let range = prop_oneof![
        Just((None, None)),
        (0i64..500).prop_map(|since| (Some(since), None)),
        (0i64..500, 1i64..600).prop_map(|(since, length)| (Some(since), Some(since + length))),
    ];
    let every = prop::option::of(prop::sample::select(vec![7u64, 60, 300]));
    let filters = vec![
        "",
        "dst port 1 or src port 2",
        "request",
        "net 10.0.0.0/24 and packets > 3",
    ];
    let rest = (
        1usize..6,
        any::<bool>(),
        any::<bool>(),
        prop::sample::select(filters),
    );
    (by(), measures, range, every, rest).prop_map(
        |(by, mut measures, (since, until), every, (top, previous, flag, filter))| {
            if every.is_none() {
                measures.retain(|measure| !measure.is_over_steps());
                measures.push(Measure::Flows);
                measures.dedup();
            }
            if measures.iter().filter(|m| **m == Measure::Flows).count() > 1 {
                measures.pop();
            }
            let order = flag.then(|| Order {
                measure: measures[measures.len() - 1],
                ascending: top % 2 == 0,
            });
            Request {
                since: since.map(Timestamp::from_secs),
                until: until.map(Timestamp::from_secs),
                every: every.map(Duration::from_secs),
                top,
                order,
                previous: previous && until.is_some(),
                raw: flag,
                filter: Filter::parse(filter).unwrap(),
                ..Request::new(by, measures)
            }
        },
    )
}

/// The groups of a record: their words.
fn keys(request: &Request, record: &FlowRecord) -> BTreeSet<Vec<u128>> {
    let origin = |side: usize| [record.src_origin, record.dst_origin][side];
    let ip = |side: usize| [record.key.src, record.key.dst][side].bits();
    let port = |side: usize| u128::from([record.key.src_port, record.key.dst_port][side]);
    let word = |by: By, side: usize| match by {
        By::Field(Field::SrcIp) => Some(ip(0)),
        By::Field(Field::DstIp) => Some(ip(1)),
        By::Field(Field::DstPort) => Some(port(1)),
        By::Field(Field::SrcAs) => Some(u128::from(origin(0).asn)),
        By::Field(Field::Exporter) => Some(record.export.map_or(0, |e| e.exporter.bits())),
        By::Field(Field::Handshake) => Some(match record.handshake {
            Handshake::Answered => 1,
            Handshake::Unanswered => 3,
            _ => 4,
        }),
        By::Net(End::Src, v4, v6) => Some(network(ip(0), (v4, v6))),
        By::Net(End::Dst, v4, v6) => Some(network(ip(1), (v4, v6))),
        By::Net(End::Either, v4, v6) => Some(network(ip(side), (v4, v6))),
        By::Service => Some(port(usize::from(record.initiator))),
        By::Host => Some(ip(side)).filter(|_| origin(side).internal),
        By::Either(Pair::Ip) => Some(ip(side)),
        By::Either(Pair::Port) => Some(port(side)),
        other => panic!("{other} is not drawn"),
    };
    let key = |side| {
        request
            .by
            .iter()
            .map(|by| word(*by, side))
            .collect::<Option<Vec<u128>>>()
    };
    [key(0), key(1)].into_iter().flatten().collect()
}

/// Records of a stretch of time, to be computed with naively.
struct Naive<'a> {
    request: &'a Request,
    range: Interval,
    /// Of which some part lies in it.
    some: Vec<&'a FlowRecord>,
    /// Which begin in it.
    begun: Vec<&'a FlowRecord>,
}

fn micros(at: Timestamp) -> i64 {
    at.as_nanos().div_euclid(1000)
}

fn ratio(over: f64, under: f64) -> Figure {
    if under > 0.0 {
        Figure::Real(over / under)
    } else {
        Figure::Unknown
    }
}

fn nearest(mut values: Vec<f64>, percent: u8) -> Figure {
    values.sort_unstable_by(f64::total_cmp);
    let place = (values.len() * usize::from(percent)).div_ceil(100).max(1) - 1;
    values
        .get(place)
        .map_or(Figure::Unknown, |value| Figure::Real(*value))
}

impl<'a> Naive<'a> {
    fn new(request: &'a Request, records: &[&'a FlowRecord], range: Interval) -> Self {
        let (from, until) = (micros(range.start), micros(range.end));
        let in_range = |r: &&&FlowRecord| {
            let (start, end) = (micros(r.start), micros(r.end));
            start < until && (end > from || start >= from)
        };
        let some: Vec<&FlowRecord> = records.iter().filter(in_range).copied().collect();
        let begun = some.iter().filter(|r| micros(r.start) >= from).copied().collect();
        Self {
            request,
            range,
            some,
            begun,
        }
    }

    fn scale(&self, r: &FlowRecord) -> u64 {
        match r.export {
            Some(export) if !export.scaled && !self.request.raw => u64::from(r.sampling_rate),
            _ => 1,
        }
    }

    fn spread(&self, amount: fn(&FlowRecord) -> u64) -> u64 {
        let (from, until) = (micros(self.range.start), micros(self.range.end));
        let part = |r: &&FlowRecord| {
            let (whole, start, end) = (amount(r) * self.scale(r), micros(r.start), micros(r.end));
            passed(whole, start, end, until) - passed(whole, start, end, from)
        };
        self.some.iter().map(part).sum()
    }

    fn count(&self, holds: impl Fn(&FlowRecord) -> bool) -> Figure {
        Figure::Whole(self.begun.iter().filter(|r| holds(r)).count() as u64)
    }

    fn distinct(&self, word: impl Fn(&FlowRecord) -> Option<u128>) -> Figure {
        let words: BTreeSet<u128> = self.some.iter().filter_map(|r| word(r)).collect();
        Figure::Whole(words.len() as u64)
    }

    fn figure(&self, measure: Measure) -> Figure {
        let (bytes, packets) = (self.spread(|r| r.bytes), self.spread(|r| r.packets));
        let (flows, seconds) = (self.begun.len() as u64, self.range.length().as_secs_f64());
        match measure {
            Measure::Bytes => Figure::Whole(bytes),
            Measure::Packets => Figure::Whole(packets),
            Measure::Flows => Figure::Whole(flows),
            Measure::Sources => self.distinct(|r| Some(r.key.src.bits())),
            Measure::Destinations => self.distinct(|r| Some(r.key.dst.bits())),
            Measure::Ports => self.distinct(|r| r.initiator.then_some(u128::from(r.key.dst_port))),
            Measure::SynOnly | Measure::Failed => {
                self.count(|r| r.initiator && r.handshake == Handshake::Unanswered)
            }
            Measure::Unsolicited => self.count(|r| r.handshake == Handshake::Unsolicited),
            Measure::BitRate => ratio(8.0 * bytes as f64, seconds),
            Measure::PacketRate => ratio(packets as f64, seconds),
            Measure::FlowRate => ratio(flows as f64, seconds),
            Measure::BytesPerPacket => ratio(bytes as f64, packets as f64),
            other => self.of_flows(other),
        }
    }

    fn of_flows(&self, measure: Measure) -> Figure {
        let micros: Vec<f64> = self
            .begun
            .iter()
            .map(|r| r.end.since(r.start).as_micros() as f64)
            .collect();
        match measure {
            Measure::Duration => ratio(micros.iter().sum::<f64>() / 1e6, self.begun.len() as f64),
            Measure::Percentile(percent, Of::Duration) => {
                nearest(micros.iter().map(|micros| micros / 1e6).collect(), percent)
            }
            Measure::Percentile(percent, Of::Bytes) => {
                let bytes = self.begun.iter().map(|r| (r.bytes * self.scale(r)) as f64);
                nearest(bytes.collect(), percent)
            }
            Measure::Percentile(percent, Of::BitRate) => {
                let rates = steps(self.request, self.range).into_iter().map(|step| {
                    let rate = figure(self.request, &self.some, step, Measure::BitRate);
                    rate.as_f64().unwrap()
                });
                nearest(rates.collect(), percent)
            }
            other => panic!("{other} is not drawn"),
        }
    }
}

/// What a naive computation says of some records in a stretch of time.
fn figure(request: &Request, records: &[&FlowRecord], range: Interval, measure: Measure) -> Figure {
    Naive::new(request, records, range).figure(measure)
}

fn steps(request: &Request, range: Interval) -> Vec<Interval> {
    let every = request.every.unwrap();
    let mut steps = vec![];
    let mut at = range.start;
    while at < range.end {
        let end = (at.floor(every) + every).min(range.end);
        steps.push(Interval { start: at, end });
        at = end;
    }
    steps
}

fn answer(request: &Request, batches: &[Columns], parts: usize) -> Result<Answer, RequestError> {
    let mut inquiry = Inquiry::new(request)?;
    while let Some(stage) = inquiry.stage() {
        let mut groupings: Vec<_> = (0..parts).map(|_| stage.grouping(parts)).collect();
        for (at, batch) in batches.iter().enumerate() {
            let word = |field, row| batch.word(field, row);
            let bounds = |field: Field| {
                let words = || (0..batch.rows()).map(|row| word(field, row));
                Some([words().min()?, words().max()?])
            };
            let Some(sure) = stage.sure(bounds) else { continue };
            groupings[at % parts].add(&batch.only(&stage.fields(sure)), sure);
        }
        let mut whole = groupings.pop().unwrap();
        groupings.iter().for_each(|part| whole.merge(part));
        inquiry.take(&whole)?;
    }
    Ok(inquiry.answer())
}

/// Equal, but that sums of floating-point numbers and sketches may be off a little.
fn near(one: Figure, other: Figure) -> bool {
    match (one, other) {
        (Figure::Real(a), Figure::Real(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => one == other,
    }
}

fn naive_check(request: &Request, records: &[FlowRecord], got: &Answer) {
    let passing: Vec<&FlowRecord> = records.iter().filter(|r| request.filter.matches(*r)).collect();
    let (since, until) = (request.since, request.until);
    let touched = |r: &&&FlowRecord| {
        until.is_none_or(|until| r.start < until)
            && since.is_none_or(|since| r.end > since || r.start >= since)
    };
    let passing: Vec<&FlowRecord> = passing.iter().filter(touched).copied().collect();
    let seen = Interval {
        start: since.unwrap_or_else(|| passing.iter().map(|r| r.start).min().unwrap_or_default()),
        end: until.unwrap_or_else(|| {
            let last = passing.iter().map(|r| r.end).max().unwrap_or_default();
            last + Duration::from_micros(1)
        }),
    };
    let range = got.range.unwrap_or(seen);
    if passing.is_empty() && request.range().is_none() {
        // No flow says when: there is no length of time to divide by.
        assert!(got.rows.is_empty() && got.other.is_none());
        return;
    }
    assert_eq!(range, seen);
    let mut groups: BTreeMap<Vec<u128>, Vec<&FlowRecord>> = BTreeMap::new();
    for record in &passing {
        for key in keys(request, record) {
            groups.entry(key).or_default().push(record);
        }
    }
    if request.by.is_empty() {
        groups.clear();
    }
    assert_eq!(got.groups, groups.len() as u64);
    assert_eq!(got.rows.len(), groups.len().min(request.top));
    let check = |row: &Row, records: &[&FlowRecord]| check_row(request, got, range, row, records);
    if request.every.is_some() && !passing.is_empty() {
        assert_eq!(got.steps, steps(request, range));
    }
    check(&got.total, &passing);
    let mut rest = groups.clone();
    for row in &got.rows {
        let words = groups
            .keys()
            .find(|key| {
                request
                    .by
                    .iter()
                    .zip(*key)
                    .map(|(by, word)| by.value(*word))
                    .collect::<Vec<_>>()
                    == row.key
            })
            .unwrap()
            .clone();
        check(row, &rest.remove(&words).unwrap());
    }
    let others: Vec<&FlowRecord> = rest.into_values().flatten().collect();
    match &got.other {
        Some(other) => check(other, &others),
        None => assert!(others.is_empty() || request.is_two_sided()),
    }
    check_order(request, &groups, range, got);
}

/// The numbers of a row are those of its records.
fn check_row(request: &Request, got: &Answer, range: Interval, row: &Row, records: &[&FlowRecord]) {
    for (at, measure) in request.measures.iter().enumerate() {
        let want = figure(request, records, range, *measure);
        let number = row.figures[at];
        assert!(near(number, want), "{measure}: {number:?} {want:?}");
        // Within a step a percentile over steps is the rate.
        let measure = match measure {
            Measure::Percentile(_, Of::BitRate) => Measure::BitRate,
            measure => *measure,
        };
        for (n, step) in got.steps.iter().enumerate() {
            let want = figure(request, records, *step, measure);
            let number = row.series[at][n];
            assert!(near(number, want), "{measure} in step {n}: {number:?} {want:?}");
        }
    }
}

/// The rows are those that come first.
fn check_order(
    request: &Request,
    groups: &BTreeMap<Vec<u128>, Vec<&FlowRecord>>,
    range: Interval,
    got: &Answer,
) {
    let order = request.order();
    let value = |records: &[&FlowRecord]| {
        figure(request, records, range, order.measure)
            .as_f64()
            .unwrap_or(-1.0)
    };
    let mut want: Vec<f64> = groups.values().map(|records| value(records)).collect();
    want.sort_unstable_by(f64::total_cmp);
    if !order.ascending {
        want.reverse();
    }
    let at = request.measures.iter().position(|m| *m == order.measure).unwrap();
    for (row, want) in got.rows.iter().zip(want) {
        let got = row.figures[at].as_f64().unwrap_or(-1.0);
        assert!((got - want).abs() <= 1e-9 * want.abs(), "{got} {want}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_are_those_of_a_naive_computation(
        request in request(),
        records in prop::collection::vec(record(), 0..60),
    ) {
        let columns = Columns::of(records.iter().map(|record| (record, record.end)));
        let got = answer(&request, std::slice::from_ref(&columns), 1).unwrap();
        naive_check(&request, &records, &got);
        if let Some(previous) = got.previous {
            let before = Request {
                since: Some(previous.start),
                until: Some(previous.end),
                every: None,
                previous: false,
                order: None,
                measures: request.measures.iter().copied().filter(|m| !m.is_over_steps()).chain([Measure::Flows]).collect::<BTreeSet<_>>().into_iter().collect(),
                ..request.clone()
            };
            let want = answer(&before, &[columns], 1).unwrap();
            for (at, measure) in request.measures.iter().enumerate().filter(|(_, m)| !m.is_over_steps()) {
                let place = before.measures.iter().position(|m| m == measure).unwrap();
                prop_assert!(near(got.total.previous[at], want.total.figures[place]));
            }
        }
    }

    #[test]
    fn answers_depend_on_no_order_and_no_cut(
        request in request(),
        records in prop::collection::vec(record(), 1..60),
        size in 1usize..40,
        parts in 1usize..4,
        turned in any::<bool>(),
    ) {
        let whole = Columns::of(records.iter().map(|record| (record, record.end)));
        let want = answer(&request, &[whole], 1).unwrap();
        let mut batches: Vec<Columns> = records
            .chunks(size)
            .map(|chunk| Columns::of(chunk.iter().map(|record| (record, record.end))))
            .collect();
        if turned {
            batches.reverse();
        }
        let mut got = answer(&request, &batches, parts).unwrap();
        // How much was looked at depends on what could be left out.
        got.counted = want.counted;
        prop_assert_eq!(got, want);
    }

    #[test]
    fn the_parts_of_a_range_add_up(
        records in prop::collection::vec(record(), 1..60),
        cut in 1i64..1_400,
    ) {
        let columns = [Columns::of(records.iter().map(|record| (record, record.end)))];
        let total = |since: i64, until: i64| {
            let mut request = Request::new(vec![], vec![Measure::Bytes, Measure::Packets, Measure::Flows]);
            request.since = Some(Timestamp::from_secs(since));
            request.until = Some(Timestamp::from_secs(until));
            let figures = answer(&request, &columns, 1).unwrap().total.figures;
            figures.into_iter().map(|figure| figure.as_f64().unwrap()).collect::<Vec<_>>()
        };
        let parts: Vec<f64> = total(0, cut).iter().zip(total(cut, 1_500)).map(|(a, b)| a + b).collect();
        prop_assert_eq!(parts, total(0, 1_500));
    }
}

/// So many records, each of its own source, the later the larger.
fn many(count: u32) -> Columns {
    let mut columns = Columns::new(count as usize);
    columns.set(
        Field::SrcIp,
        crate::model::Column::Coded {
            codes: (0..count).collect(),
            values: (0..count).map(|n| Ip::v4(n).bits()).collect(),
        },
    );
    columns.set(
        Field::Bytes,
        crate::model::Column::Plain((1..=i64::from(count)).collect()),
    );
    columns.set(Field::Flows, crate::model::Column::Constant(1));
    columns
}

#[test]
fn what_is_given_up_for_lack_of_memory_is_counted_and_totals_stay_exact() {
    let mut request = Request::new(
        vec![By::Field(Field::SrcIp)],
        vec![Measure::Bytes, Measure::Flows],
    );
    request.memory = 200_000;
    request.top = 2;
    let batches: Vec<Columns> = (0..4).map(|_| many(5_000)).collect();
    let got = answer(&request, &batches, 1).unwrap();
    assert!(got.counted.groups > 0 && got.groups < 5_000);
    let flows: Vec<_> = got
        .rows
        .iter()
        .chain(&got.other)
        .map(|row| row.figures[1].as_f64().unwrap())
        .collect();
    assert_eq!(flows.iter().sum::<f64>(), 20_000.0);
    assert_eq!(
        got.total.figures,
        [Figure::Whole(4 * 5_000 * 5_001 / 2), Figure::Whole(20_000)]
    );
    let roomy = answer(
        &Request::new(request.by.clone(), request.measures.clone()),
        &batches,
        2,
    )
    .unwrap();
    assert_eq!((roomy.groups, roomy.counted.groups), (5_000, 0));
    assert_eq!(roomy.rows[0].key, [Value::Ip(Ip::v4(4_999))]);
}

#[test]
fn equals_stand_in_the_order_of_their_values() {
    let mut request = Request::new(vec![By::Field(Field::SrcIp)], vec![Measure::Flows]);
    request.top = 3;
    let got = answer(&request, &[many(100)], 1).unwrap();
    let keys: Vec<_> = got.rows.iter().map(|row| row.key[0]).collect();
    assert_eq!(keys, [0, 1, 2].map(|n| Value::Ip(Ip::v4(n))));
}

#[test]
fn parts_of_a_walk_can_be_grouped_on_threads_of_their_own() {
    let stage = Inquiry::new(&Request::new(vec![], vec![Measure::Flows]))
        .unwrap()
        .stage()
        .unwrap();
    let mut parts = std::thread::scope(|scope| {
        let walk = || {
            let mut part = stage.grouping(2);
            part.add(&many(10), Sure::default());
            part
        };
        let threads = [scope.spawn(walk), scope.spawn(walk)];
        threads.map(|thread| thread.join().unwrap())
    });
    let [one, other] = &mut parts;
    one.merge(other);
    assert_eq!(one.counted().passed, 20);
}
