//! The conversations under a deviation: who brought it about, and what shape the traffic had.
//!
//! Contributors are found by looking again at the conversations of the interval and of reference intervals before
//! the anomaly began; no series is kept per pair. All questions of one interval are answered in one pass.

use super::plan::View;
use crate::aggregate::{EntityKey, Grouping, Recent};
use crate::anomaly::{Part, Shape};
use crate::model::{Conversation, Counters, Dimension, Ip, Metric, Role, Timestamp, Value};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Reference intervals looked at.
const REFERENCE: usize = 20;

/// Dimensions by which contributors are listed.
const BY: [Dimension; 9] = [
    Dimension::SrcIp,
    Dimension::DstIp,
    Dimension::SrcAs,
    Dimension::DstAs,
    Dimension::SrcCountry,
    Dimension::DstCountry,
    Dimension::DstPort,
    Dimension::SrcPort,
    Dimension::Protocol,
];

/// What is asked: the traffic of one entity in one view.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) view: usize,
    pub(super) key: EntityKey,
    pub(super) metric: Metric,
    /// Only intervals that ended by then are reference.
    pub(super) before: Timestamp,
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// By dimension and value.
    pub(super) parts: BTreeMap<(Dimension, Value), Part>,
    /// The whole entity.
    pub(super) total: Part,
    /// The traffic of the interval.
    pub(super) now: Shape,
    /// The average traffic of the reference intervals.
    pub(super) usual: Shape,
}

/// Answers all questions about the interval whose conversations are `now`.
pub(super) fn gather(
    questions: &[Question],
    views: &[View],
    now: &[Conversation],
    recent: &Recent,
) -> Vec<Evidence> {
    let mut answers: Vec<Evidence> = questions.iter().map(|_| Evidence::default()).collect();
    let wanted = Wanted::of(questions);
    for (question, tally) in tally(&wanted, questions, views, now) {
        if let Some(answer) = answers.get_mut(question) {
            answer.take_observed(tally);
        }
    }
    let mut references = vec![0usize; questions.len()];
    let newest = questions.iter().map(|q| q.before).max().unwrap_or(Timestamp::MIN);
    for (interval, rows) in recent.before(newest, REFERENCE) {
        for (question, count) in questions.iter().zip(&mut references) {
            *count += usize::from(interval.end <= question.before);
        }
        for (question, tally) in tally(&wanted, questions, views, rows) {
            let counts = questions.get(question).is_some_and(|q| interval.end <= q.before);
            if let (Some(answer), true) = (answers.get_mut(question), counts) {
                answer.take_expected(tally);
            }
        }
    }
    for (answer, n) in answers.iter_mut().zip(references) {
        answer.average(n);
    }
    answers
}

/// Questions by view and key.
struct Wanted(BTreeMap<usize, HashMap<EntityKey, Vec<usize>, FixedState>>);

impl Wanted {
    fn of(questions: &[Question]) -> Self {
        let mut wanted: BTreeMap<usize, HashMap<_, Vec<usize>, _>> = BTreeMap::new();
        for (i, question) in questions.iter().enumerate() {
            wanted
                .entry(question.view)
                .or_insert_with(|| HashMap::with_hasher(FixedState::default()))
                .entry(question.key)
                .or_default()
                .push(i);
        }
        Self(wanted)
    }
}

/// What one question finds in the conversations of one interval.
#[derive(Default)]
struct Tally {
    values: BTreeMap<(Dimension, Value), f64>,
    /// Distinct things per value, for metrics that count them.
    distinct: BTreeSet<(Dimension, Value, u128)>,
    all_distinct: BTreeSet<u128>,
    total: f64,
    shape: Shape,
    sources: BTreeSet<Ip>,
    destinations: BTreeSet<Ip>,
    ports: BTreeSet<u16>,
}

fn tally(
    wanted: &Wanted,
    questions: &[Question],
    views: &[View],
    rows: &[Conversation],
) -> BTreeMap<usize, Tally> {
    let mut tallies: BTreeMap<usize, Tally> = BTreeMap::new();
    for (&view, keys) in &wanted.0 {
        let Some(view) = views.get(view) else { continue };
        for row in rows.iter().filter(|row| view.passes(row)) {
            let hits = view
                .grouping
                .keys(row)
                .into_iter()
                .flatten()
                .filter_map(|key| keys.get(&key));
            for &i in hits.flatten() {
                if let Some(question) = questions.get(i) {
                    tallies.entry(i).or_default().add(question, row);
                }
            }
        }
    }
    tallies
}

impl Tally {
    fn add(&mut self, question: &Question, row: &Conversation) {
        self.shape.add(row);
        self.sources.insert(row.key.src);
        self.destinations.insert(row.key.dst);
        if row.key.role == Role::Request {
            self.ports.insert(row.key.port);
        }
        let measured = measure(question.metric, row);
        if let Measured::Amount(amount) = measured {
            self.total += amount;
        }
        for dimension in BY {
            for value in Grouping::values(dimension, row) {
                // An address says nothing about itself.
                if matches!(value, Value::Ip(ip) if question.key.addresses.contains(&ip.bits())) {
                    continue;
                }
                match measured {
                    Measured::Amount(amount) => *self.values.entry((dimension, value)).or_default() += amount,
                    Measured::Thing(thing) => {
                        if self.distinct.insert((dimension, value, thing)) {
                            *self.values.entry((dimension, value)).or_default() += 1.0;
                        }
                    }
                    Measured::Nothing => {}
                }
            }
        }
        if let Measured::Thing(thing) = measured {
            self.total += f64::from(u8::from(self.all_distinct.insert(thing)));
        }
    }

    fn finished_shape(&self) -> Shape {
        Shape {
            sources: self.sources.len() as u64,
            destinations: self.destinations.len() as u64,
            ports: self.ports.len() as u64,
            ..self.shape
        }
    }
}

/// What a conversation adds to a metric.
#[derive(Clone, Copy)]
enum Measured {
    Amount(f64),
    /// One of a set that is counted.
    Thing(u128),
    Nothing,
}

fn measure(metric: Metric, row: &Conversation) -> Measured {
    let counters = &row.counters;
    let amount = match metric {
        Metric::Bytes => counters.bytes,
        Metric::Packets => counters.packets,
        Metric::Flows => u64::from(counters.flows),
        Metric::SynOnly => u64::from(counters.syn_only),
        Metric::Failed => u64::from(counters.failed),
        Metric::Unsolicited => u64::from(counters.unsolicited),
        Metric::Sources => return Measured::Thing(row.key.src.bits()),
        Metric::Destinations => return Measured::Thing(row.key.dst.bits()),
        Metric::Ports => {
            return row
                .key
                .dst_port()
                .map_or(Measured::Nothing, |port| Measured::Thing(u128::from(port)));
        }
    };
    if amount == 0 {
        Measured::Nothing
    } else {
        Measured::Amount(amount as f64)
    }
}

impl Evidence {
    fn take_observed(&mut self, tally: Tally) {
        self.now = tally.finished_shape();
        self.total.observed = tally.total;
        for (key, value) in tally.values {
            self.parts.entry(key).or_default().observed = value;
        }
    }

    fn take_expected(&mut self, tally: Tally) {
        let shape = tally.finished_shape();
        self.usual = sum(&self.usual, &shape);
        self.total.expected += tally.total;
        for (key, value) in tally.values {
            self.parts.entry(key).or_default().expected += value;
        }
    }

    /// Turns sums over `n` reference intervals into averages.
    fn average(&mut self, n: usize) {
        let n = n.max(1);
        self.total.expected /= n as f64;
        self.parts.values_mut().for_each(|part| part.expected /= n as f64);
        self.usual = divide(&self.usual, n as u64);
    }
}

fn sum(a: &Shape, b: &Shape) -> Shape {
    let add = |x: &Counters, y: &Counters| {
        let mut sum = *x;
        sum.add(y);
        sum
    };
    Shape {
        all: add(&a.all, &b.all),
        tcp: add(&a.tcp, &b.tcp),
        udp: add(&a.udp, &b.udp),
        icmp: add(&a.icmp, &b.icmp),
        reflected_packets: a.reflected_packets + b.reflected_packets,
        one_way_packets: a.one_way_packets + b.one_way_packets,
        login_flows: a.login_flows.saturating_add(b.login_flows),
        sources: a.sources + b.sources,
        destinations: a.destinations + b.destinations,
        ports: a.ports + b.ports,
    }
}

fn divide(shape: &Shape, n: u64) -> Shape {
    let each = |c: &Counters| Counters {
        bytes: c.bytes / n,
        packets: c.packets / n,
        flows: c.flows / n as u32,
        syn_only: c.syn_only / n as u32,
        failed: c.failed / n as u32,
        answered: c.answered / n as u32,
        unsolicited: c.unsolicited / n as u32,
    };
    Shape {
        all: each(&shape.all),
        tcp: each(&shape.tcp),
        udp: each(&shape.udp),
        icmp: each(&shape.icmp),
        reflected_packets: shape.reflected_packets / n,
        one_way_packets: shape.one_way_packets / n,
        login_flows: shape.login_flows / n as u32,
        sources: shape.sources / n,
        destinations: shape.destinations / n,
        ports: shape.ports / n,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Config;
    use crate::engine::plan::Plan;
    use crate::engine::test_data::rule;
    use crate::model::{ConversationKey, Interval, Origin, Rule};
    use std::time::Duration;

    fn plan(metric: Metric) -> Plan {
        let rule = Rule { metric, ..rule() };
        Plan::new(&Config {
            rules: vec![rule],
            ..Config::default()
        })
        .unwrap()
    }

    fn row(src: u32, dst: u32, bytes: u64) -> Conversation {
        Conversation {
            key: ConversationKey {
                src: Ip::v4(src),
                dst: Ip::v4(dst),
                port: 443,
                protocol: 6,
                role: Role::Request,
            },
            src_origin: Origin {
                asn: 64500 + src % 2,
                ..Origin::default()
            },
            dst_origin: Origin::default(),
            counters: Counters {
                bytes,
                packets: 1,
                flows: 1,
                ..Counters::default()
            },
        }
    }

    fn ask(metric: Metric) -> Evidence {
        let mut recent = Recent::new(100, 1000);
        for minute in 0..4 {
            let interval = Interval::holding(Timestamp::from_secs(minute * 60), Duration::from_secs(60));
            recent.push(interval, vec![row(1, 9, 100), row(3, 9, 100), row(1, 8, 5000)]);
        }
        let key = EntityKey {
            addresses: [Ip::v4(9).bits(), 0],
            numbers: [0, 0],
        };
        let question = Question {
            view: 0,
            key,
            metric,
            before: Timestamp::from_secs(180),
        };
        let now = [row(1, 9, 100), row(2, 9, 900), row(4, 9, 50), row(2, 8, 7)];
        gather(&[question], &plan(metric).views, &now, &recent).remove(0)
    }

    #[test]
    fn parts_are_compared_with_their_own_usual() {
        let evidence = ask(Metric::Bytes);
        let part = |n| evidence.parts[&(Dimension::SrcIp, Value::Ip(Ip::v4(n)))];
        assert_eq!(
            part(1),
            Part {
                observed: 100.0,
                expected: 100.0
            }
        );
        assert_eq!(
            part(2),
            Part {
                observed: 900.0,
                expected: 0.0
            }
        );
        assert_eq!(
            part(3),
            Part {
                observed: 0.0,
                expected: 100.0
            }
        );
        assert_eq!(
            evidence.total,
            Part {
                observed: 1050.0,
                expected: 200.0
            }
        );
        assert_eq!((evidence.now.sources, evidence.usual.sources), (3, 2));
    }

    #[test]
    fn distinct_counts_are_of_distinct_things_per_value() {
        let evidence = ask(Metric::Sources);
        let asn = |n| evidence.parts[&(Dimension::SrcAs, Value::Number(n))];
        assert_eq!(
            asn(64500),
            Part {
                observed: 2.0,
                expected: 0.0
            }
        );
        assert_eq!(
            asn(64501),
            Part {
                observed: 1.0,
                expected: 2.0
            }
        );
        assert_eq!(
            evidence.total,
            Part {
                observed: 3.0,
                expected: 2.0
            }
        );
    }

    #[test]
    fn an_address_is_no_contributor_to_itself() {
        let evidence = ask(Metric::Bytes);
        assert!(
            !evidence
                .parts
                .contains_key(&(Dimension::DstIp, Value::Ip(Ip::v4(9))))
        );
    }
}
