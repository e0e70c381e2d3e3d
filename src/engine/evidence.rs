//! The conversations under a deviation: who brought it about, and what shape the traffic had.
//!
//! Contributors are found by looking again at the conversations of the interval and of reference intervals before
//! the anomaly began; no series is kept per pair. All questions of one interval are answered in one pass.

use super::plan::View;
use crate::aggregate::{EntityKey, Grouping, Recent, Usual, UsualPart};
use crate::anomaly::{Part, Shape};
use crate::model::{Conversation, Counters, Dimension, Ip, Metric, Role, Timestamp, Value};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// Reference intervals looked at.
const REFERENCE: usize = 20;

/// Dimensions by which contributors are listed.
pub(super) const BY: [Dimension; 9] = [
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
    /// What is remembered of how much the values usually bring, from longer than the reference intervals.
    pub(super) usual_parts: BTreeMap<(Dimension, Value), UsualPart>,
    /// Reference intervals that were compared with.
    pub(super) references: usize,
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
struct Wanted(BTreeMap<usize, Keys>);

/// The entities asked about in one view.
struct Keys {
    questions: HashMap<EntityKey, Vec<usize>, FixedState>,
    /// A bit set for the mark of each key: nearly every conversation belongs to none, and is to be passed over fast.
    marks: Vec<u64>,
}

/// Words of a set of marks; a power of two.
const MARKS: usize = 1 << 8;

/// A number below 64 * [`MARKS`] that equal keys have in common.
#[inline]
fn mark(key: &EntityKey) -> usize {
    let [a, b] = key.addresses.map(Ip::folded);
    let numbers = u64::from(key.numbers[0]) << 32 | u64::from(key.numbers[1]);
    let mixed = (a ^ b.rotate_left(32) ^ numbers).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % (64 * MARKS)
}

impl Wanted {
    fn of(questions: &[Question]) -> Self {
        let mut wanted: BTreeMap<usize, Keys> = BTreeMap::new();
        for (i, question) in questions.iter().enumerate() {
            let keys = wanted.entry(question.view).or_insert_with(|| Keys {
                questions: HashMap::with_hasher(FixedState::default()),
                marks: vec![0; MARKS],
            });
            keys.questions.entry(question.key).or_default().push(i);
            let mark = mark(&question.key);
            if let Some(word) = keys.marks.get_mut(mark / 64) {
                *word |= 1 << (mark % 64);
            }
        }
        Self(wanted)
    }
}

impl Keys {
    /// The questions about `key`.
    #[inline]
    fn about(&self, key: &EntityKey) -> &[usize] {
        let mark = mark(key);
        let marked = self
            .marks
            .get(mark / 64)
            .is_some_and(|word| word >> (mark % 64) & 1 == 1);
        let questions = if marked { self.questions.get(key) } else { None };
        questions.map_or(&[], Vec::as_slice)
    }
}

/// What one question finds in the conversations of one interval.
#[derive(Default)]
struct Tally {
    /// In order of dimension and value.
    values: Vec<((Dimension, Value), f64)>,
    total: f64,
    shape: Shape,
}

/// What each question that finds anything finds.
fn tally(
    wanted: &Wanted,
    questions: &[Question],
    views: &[View],
    rows: &[Conversation],
) -> impl Iterator<Item = (usize, Tally)> {
    let mut found: Vec<Vec<&Conversation>> = questions.iter().map(|_| Vec::new()).collect();
    for (&view, keys) in &wanted.0 {
        let Some(view) = views.get(view) else { continue };
        for row in rows {
            for key in view.grouping.keys(row).into_iter().flatten() {
                let questions = keys.about(&key);
                // The filter is asked last, because it takes longest.
                if !questions.is_empty() && view.passes(row) {
                    for &i in questions {
                        found.get_mut(i).into_iter().for_each(|rows| rows.push(row));
                    }
                }
            }
        }
    }
    let found = found.into_iter().zip(questions).enumerate();
    let found = found.filter(|(_, (rows, _))| !rows.is_empty());
    found.map(|(i, (rows, question))| (i, Tally::of(question, &rows)))
}

impl Tally {
    /// Of the conversations that belong to the entity in question.
    fn of(question: &Question, rows: &[&Conversation]) -> Self {
        let mut tally = Self::default();
        rows.iter().for_each(|row| tally.shape.add(row));
        tally.shape.sources = distinct(rows.iter().map(|row| row.key.src));
        tally.shape.destinations = distinct(rows.iter().map(|row| row.key.dst));
        let requests = rows.iter().filter(|row| row.key.role == Role::Request);
        tally.shape.ports = distinct(requests.map(|row| row.key.port));
        let measured = rows.iter().map(|row| (*row, measure(question.metric, row)));
        // Of a metric that few conversations add to, the others need not be looked at once for each dimension.
        let bringing: Vec<_> = measured
            .filter(|(_, measured)| !matches!(measured, Measured::Nothing))
            .collect();
        for dimension in BY {
            tally.list(dimension, question, &bringing);
        }
        tally.total = together(bringing.iter().map(|(_, measured)| *measured));
        tally
    }

    /// Adds what each value of a dimension brought: amounts, and distinct things counted once for each value.
    fn list(&mut self, dimension: Dimension, question: &Question, bringing: &[(&Conversation, Measured)]) {
        let mut brought: Vec<(Value, Measured)> = Vec::with_capacity(bringing.len());
        for (row, measured) in bringing {
            for value in Grouping::values(dimension, row) {
                // An address says nothing about itself.
                let own = matches!(value, Value::Ip(ip) if question.key.addresses.contains(&ip));
                if !own {
                    brought.push((value, *measured));
                }
            }
        }
        brought.sort_unstable_by_key(|(value, measured)| (*value, measured.thing()));
        brought.dedup_by(|a, b| a.0 == b.0 && a.1.thing().is_some() && a.1.thing() == b.1.thing());
        for same in brought.chunk_by(|a, b| a.0 == b.0) {
            let sum = same
                .iter()
                .map(|(_, measured)| measured.amount().unwrap_or(1.0))
                .sum();
            self.values
                .extend(same.first().map(|(value, _)| ((dimension, *value), sum)));
        }
    }
}

/// How many different ones there are.
fn distinct<T: Ord>(things: impl Iterator<Item = T>) -> u64 {
    let mut all: Vec<T> = things.collect();
    all.sort_unstable();
    all.dedup();
    all.len() as u64
}

/// What a conversation adds to a metric.
#[derive(Clone, Copy)]
enum Measured {
    Amount(f64),
    /// One of a set that is counted.
    Thing(u128),
    Nothing,
}

impl Measured {
    fn amount(&self) -> Option<f64> {
        match self {
            Self::Amount(amount) => Some(*amount),
            _ => None,
        }
    }

    fn thing(&self) -> Option<u128> {
        match self {
            Self::Thing(thing) => Some(*thing),
            _ => None,
        }
    }
}

/// What a conversation adds to a metric whose parts add up, where that is anything.
pub(super) fn amount(metric: Metric, row: &Conversation) -> Option<u64> {
    measure(metric, row).amount().map(|amount| amount as u64)
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

/// What some conversations bring to a metric together.
pub(super) fn brought<'a>(metric: Metric, rows: impl Iterator<Item = &'a Conversation>) -> f64 {
    let measured: Vec<Measured> = rows.map(|row| measure(metric, row)).collect();
    together(measured.iter().copied())
}

/// The sum of amounts, and the number of different things.
fn together(measured: impl Iterator<Item = Measured> + Clone) -> f64 {
    let amounts = measured.clone().filter_map(|measured| measured.amount());
    amounts.sum::<f64>() + distinct(measured.filter_map(|measured| measured.thing())) as f64
}

impl Evidence {
    fn take_observed(&mut self, tally: Tally) {
        self.now = tally.shape;
        self.total.observed = tally.total;
        let part = |observed| Part {
            observed,
            expected: 0.0,
        };
        let parts = tally.values.into_iter().map(|(key, value)| (key, part(value)));
        self.parts = parts.collect();
    }

    /// Takes what is remembered for the reference intervals that are missing: after a restart there are none.
    pub(super) fn remember(&mut self, usual: &Usual) {
        let missing = REFERENCE.saturating_sub(self.references) as f64 / REFERENCE as f64;
        let fill = |expected: f64, remembered: f64| expected * (1.0 - missing) + remembered * missing;
        let Some(total) = usual.total() else { return };
        self.total.expected = fill(self.total.expected, total);
        let listed = usual.values().filter(|_| missing > 0.0);
        listed.for_each(|key| {
            self.parts.entry(key).or_default();
        });
        for (&(dimension, value), part) in &mut self.parts {
            if let Some(known) = usual.part(dimension, value) {
                part.expected = fill(part.expected, known.mean);
                self.usual_parts.insert((dimension, value), known);
            }
        }
    }

    fn take_expected(&mut self, tally: Tally) {
        self.usual = sum(&self.usual, &tally.shape);
        self.total.expected += tally.total;
        for (key, value) in tally.values {
            self.parts.entry(key).or_default().expected += value;
        }
    }

    /// Turns sums over `n` reference intervals into averages.
    fn average(&mut self, references: usize) {
        let n = references.max(1);
        self.references = references;
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
        asked_bytes: a.asked_bytes + b.asked_bytes,
        answered_bytes: a.answered_bytes + b.answered_bytes,
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
        sampled: c.sampled / n as u32,
    };
    Shape {
        all: each(&shape.all),
        tcp: each(&shape.tcp),
        udp: each(&shape.udp),
        icmp: each(&shape.icmp),
        reflected_packets: shape.reflected_packets / n,
        one_way_packets: shape.one_way_packets / n,
        login_flows: shape.login_flows / n as u32,
        asked_bytes: shape.asked_bytes / n,
        answered_bytes: shape.answered_bytes / n,
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
            addresses: [Ip::v4(9), Ip::default()],
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
    fn what_is_remembered_stands_for_past_intervals_that_are_missing() {
        let mut usual = Usual::new(Metric::Bytes, &BY);
        let (one, three) = (row(1, 9, 100), row(3, 9, 50));
        (0..5).for_each(|_| usual.learn(&[(&one, 100), (&three, 50)]));
        let part = |evidence: &Evidence, n| evidence.parts[&(Dimension::SrcIp, Value::Ip(Ip::v4(n)))];
        let mut evidence = Evidence::default();
        evidence.remember(&usual);
        assert!(
            (evidence.total.expected - 150.0).abs() < 1e-9,
            "nothing but what is remembered"
        );
        assert!((part(&evidence, 3).expected - 50.0).abs() < 1e-9);
        let mut evidence = ask(Metric::Bytes);
        assert_eq!(evidence.references, 3);
        evidence.remember(&usual);
        assert!((part(&evidence, 3).expected - (3.0 * 100.0 + 17.0 * 50.0) / 20.0).abs() < 1e-9);
        let known = &evidence.usual_parts[&(Dimension::SrcIp, Value::Ip(Ip::v4(3)))];
        assert!((known.mean - 50.0).abs() < 1e-9 && known.error == 0.0);
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
