//! Who usually brings how much to one entity: a bounded list of the largest for each dimension, over many intervals,
//! with the error it makes.
//!
//! SpaceSaving (Metwally, Agrawal, El Abbadi 2005: "Efficient computation of frequent and top-k elements in data
//! streams") over amounts, with exponential decay (Cormode, Shkapenyuk, Srivastava, Xu 2009: "Forward decay"). Only the
//! largest of each interval are taken in, so there is an error below as well: what the largest one left out brought.

use super::Grouping;
use crate::model::{Conversation, Country, Dimension, Ip, Metric, Value};
use serde::{Deserialize, Serialize};

/// Values kept of each dimension; of each interval as many are taken in.
const KEPT: usize = 10;
/// Intervals after which one counts half.
const HALF_LIFE: f64 = 64.0;
/// Fewer intervals than this say nothing of what is usual.
const LEAST: f64 = 2.5;

/// What one value usually brings in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UsualPart {
    /// On average over the intervals remembered, the newer ones counting more.
    pub mean: f64,
    /// Standard deviation over them.
    pub spread: f64,
    /// The mean is off by at most so much.
    pub error: f64,
}

/// The list of one dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Largest {
    dimension: Dimension,
    entries: Vec<Entry>,
    /// Decayed sum of the largest amounts left out.
    left_out: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    value: u128,
    /// Decayed sum of what it brought, and of `over`.
    mass: f64,
    /// What the value before it in this place had brought.
    over: f64,
    /// Decayed sum of squares of what it brought.
    squares: f64,
}

/// Who usually brings how much of one metric to one entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    metric: Metric,
    /// Decayed number of intervals taken in.
    weight: f64,
    /// Decayed sum of what all brought.
    total: f64,
    lists: Vec<Largest>,
}

/// A value as a number; only together with its dimension it means something.
fn number(value: Value) -> u128 {
    match value {
        Value::Ip(ip) => ip.bits(),
        Value::Net(prefix) => prefix.first().bits(),
        Value::Number(number) => u128::from(number),
        Value::Country(Country([a, b])) => u128::from(u16::from_be_bytes([a, b])),
    }
}

fn value(dimension: Dimension, number: u128) -> Value {
    match dimension {
        Dimension::SrcIp | Dimension::DstIp | Dimension::Host => Value::Ip(Ip::from_bits(number)),
        Dimension::SrcCountry | Dimension::DstCountry => {
            Value::Country(Country((number as u16).to_be_bytes()))
        }
        _ => Value::Number(number as u32),
    }
}

impl Usual {
    /// Nothing known yet. `metric` must be one whose parts add up, `dimensions` none of networks.
    pub fn new(metric: Metric, dimensions: &[Dimension]) -> Self {
        let list = |&dimension| Largest {
            dimension,
            entries: Vec::new(),
            left_out: 0.0,
        };
        Self {
            metric,
            weight: 0.0,
            total: 0.0,
            lists: dimensions.iter().map(list).collect(),
        }
    }

    /// Of which metric.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Takes in the conversations of one interval, in any order, with what each brought.
    pub fn learn(&mut self, rows: &[(&Conversation, u64)]) {
        let decay = (-std::f64::consts::LN_2 / HALF_LIFE).exp();
        self.weight = self.weight * decay + 1.0;
        self.total = self.total * decay + rows.iter().map(|(_, n)| *n).sum::<u64>() as f64;
        for list in &mut self.lists {
            let dimension = list.dimension;
            let values = rows.iter().flat_map(|(row, amount)| {
                Grouping::values(dimension, row).map(|value| (number(value), *amount))
            });
            let mut brought: Vec<(u128, u64)> = values.collect();
            brought.sort_unstable();
            let sums = brought.chunk_by(|a, b| a.0 == b.0);
            let sum = |same: &[(u128, u64)]| same.iter().map(|(_, n)| *n).sum::<u64>();
            let mut sums: Vec<(u64, u128)> = sums
                .filter_map(|same| Some((sum(same), same.first()?.0)))
                .collect();
            sums.sort_unstable_by(|a, b| b.cmp(a));
            list.take_in(decay, &sums);
        }
    }

    /// What a value usually brings; what is not listed brings between nothing and the error. Nothing is known of
    /// dimensions without a list, nor before three intervals.
    pub fn part(&self, dimension: Dimension, value: Value) -> Option<UsualPart> {
        let list = self.lists.iter().find(|list| list.dimension == dimension)?;
        let weight = (self.weight >= LEAST).then_some(self.weight)?;
        let number = number(value);
        let Some(entry) = list.entries.iter().find(|entry| entry.value == number) else {
            return Some(UsualPart {
                error: (list.left_out + list.least()) / weight,
                ..UsualPart::default()
            });
        };
        let mean = (entry.mass - entry.over) / weight;
        Some(UsualPart {
            mean,
            spread: (entry.squares / weight - mean * mean).max(0.0).sqrt(),
            error: (entry.over + list.left_out) / weight,
        })
    }

    /// The values listed, of every dimension.
    pub fn values(&self) -> impl Iterator<Item = (Dimension, Value)> + '_ {
        self.lists.iter().flat_map(|list| {
            let values = list.entries.iter().map(|entry| entry.value);
            values.map(|number| (list.dimension, value(list.dimension, number)))
        })
    }

    /// What all bring together on average, once three intervals are known.
    pub fn total(&self) -> Option<f64> {
        (self.weight >= LEAST).then(|| self.total / self.weight)
    }

    /// Octets on the heap.
    pub fn memory(&self) -> usize {
        let entries = self.lists.iter().map(|list| list.entries.capacity());
        entries.sum::<usize>() * size_of::<Entry>() + self.lists.capacity() * size_of::<Largest>()
    }
}

impl Largest {
    /// The mass that a value must have had to be listed: none while there is room.
    fn least(&self) -> f64 {
        let masses = self.entries.iter().map(|entry| entry.mass);
        if self.entries.len() < KEPT {
            0.0
        } else {
            masses.fold(f64::INFINITY, f64::min)
        }
    }

    /// Takes in what the values brought in an interval, the largest first.
    fn take_in(&mut self, decay: f64, sums: &[(u64, u128)]) {
        for entry in &mut self.entries {
            entry.mass *= decay;
            entry.over *= decay;
            entry.squares *= decay;
        }
        self.left_out = self.left_out * decay + sums.get(KEPT).map_or(0.0, |(amount, _)| *amount as f64);
        for &(amount, value) in sums.iter().take(KEPT) {
            let amount = amount as f64;
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.value == value) {
                entry.mass += amount;
                entry.squares += amount * amount;
                continue;
            }
            let mut new = Entry {
                value,
                mass: amount,
                over: 0.0,
                squares: amount * amount,
            };
            if self.entries.len() < KEPT {
                self.entries.push(new);
                continue;
            }
            let order =
                |a: &&mut Entry, b: &&mut Entry| a.mass.total_cmp(&b.mass).then(a.value.cmp(&b.value));
            if let Some(least) = self.entries.iter_mut().min_by(order) {
                new.over = least.mass;
                new.mass += least.mass;
                *least = new;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConversationKey, Counters, Origin, Role};

    fn row(src: u32) -> Conversation {
        Conversation {
            key: ConversationKey {
                src: Ip::v4(src),
                dst: Ip::v4(9),
                port: 80,
                protocol: 6,
                role: Role::Request,
            },
            src_origin: Origin {
                country: Country(*b"FI"),
                ..Origin::default()
            },
            dst_origin: Origin::default(),
            counters: Counters::default(),
        }
    }

    /// Takes in intervals, each a list of sources and amounts.
    fn learned(intervals: &[Vec<(u32, u64)>]) -> Usual {
        let mut usual = Usual::new(Metric::Bytes, &[Dimension::SrcIp, Dimension::SrcCountry]);
        for interval in intervals {
            let rows: Vec<(Conversation, u64)> = interval.iter().map(|&(src, n)| (row(src), n)).collect();
            let rows: Vec<(&Conversation, u64)> = rows.iter().map(|(row, n)| (row, *n)).collect();
            usual.learn(&rows);
        }
        usual
    }

    fn source(usual: &Usual, src: u32) -> UsualPart {
        usual.part(Dimension::SrcIp, Value::Ip(Ip::v4(src))).unwrap()
    }

    #[test]
    fn few_values_are_known_without_an_error() {
        let usual = learned(&vec![vec![(1, 100), (2, 50), (1, 20)]; 30]);
        let (first, other) = (source(&usual, 1), source(&usual, 7));
        assert!((first.mean - 120.0).abs() < 1e-9 && first.error == 0.0 && first.spread < 1e-3);
        assert_eq!(other, UsualPart::default());
        assert!((usual.total().unwrap() - 170.0).abs() < 1e-9);
        let country = usual.part(Dimension::SrcCountry, Value::Country(Country(*b"FI")));
        assert!((country.unwrap().mean - 170.0).abs() < 1e-9);
        assert_eq!(usual.part(Dimension::Protocol, Value::Number(6)), None);
    }

    #[test]
    fn the_true_mean_lies_within_the_stated_error_whoever_comes_and_goes() {
        // Three who are always there in a crowd of others, most of whom come once.
        let mut dice = 1u64;
        let mut roll = |n: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (dice >> 33) % n
        };
        let interval = |roll: &mut dyn FnMut(u64) -> u64| {
            let mut rows = vec![(1, 900 + roll(200)), (2, 300), (3, 40)];
            rows.extend((0..40).map(|_| (100 + roll(5000) as u32, 1 + roll(60))));
            rows
        };
        let intervals: Vec<Vec<(u32, u64)>> = (0..300).map(|_| interval(&mut roll)).collect();
        let usual = learned(&intervals);
        let decay = 0.5f64.powf(1.0 / HALF_LIFE);
        for src in (1..=3).chain([150, 4000]) {
            let (mut mass, mut weight) = (0.0, 0.0);
            for interval in &intervals {
                let brought = interval.iter().filter(|(s, _)| *s == src).map(|(_, n)| *n as f64);
                mass = mass * decay + brought.sum::<f64>();
                weight = weight * decay + 1.0;
            }
            let (told, truth) = (source(&usual, src), mass / weight);
            assert!(
                (told.mean - truth).abs() <= told.error + 1e-9,
                "{src}: {told:?}, {truth}"
            );
        }
        let large = source(&usual, 1);
        assert!(
            large.error < 0.1 * large.mean && (40.0..80.0).contains(&large.spread),
            "{large:?}"
        );
    }

    #[test]
    fn what_was_long_ago_counts_little_and_the_order_of_rows_nothing() {
        let mut intervals = vec![vec![(1, 1000)]; 200];
        intervals.extend(vec![vec![(2, 10), (3, 20)]; 640]);
        let usual = learned(&intervals);
        assert!(source(&usual, 1).mean < 1.5, "{:?}", source(&usual, 1));
        intervals.iter_mut().for_each(|rows| rows.reverse());
        assert_eq!(learned(&intervals), usual);
    }

    #[test]
    fn a_list_stays_as_short_as_it_was_promised() {
        let crowd = |n: u32| (0..500).map(|src| (n * 500 + src, 5)).collect();
        let intervals: Vec<Vec<(u32, u64)>> = (0..20).map(crowd).collect();
        let usual = learned(&intervals);
        assert!(usual.memory() < 4096, "{}", usual.memory());
        assert_eq!(
            usual.values().filter(|(d, _)| *d == Dimension::SrcIp).count(),
            KEPT
        );
    }
}
