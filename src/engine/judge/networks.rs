//! Networks: their rows are filled when an interval closes, from the rows of what they are made up of, and without what
//! is an anomaly of a few of those by itself.
//!
//! These are discounted hierarchical heavy hitters (Cormode, Korn, Muthukrishnan, Srivastava 2003: "Finding hierarchical
//! heavy hitters in data streams"), of what rises above the usual instead of volume: what a host brings beyond its usual
//! counts for the host, or where many rise together for their network, and not for both and the wider network too.

use super::super::evidence::{self, Evidence, Question};
use super::super::plan::View;
use super::super::series::EntityState;
use super::Judge;
use crate::aggregate::{EntityKey, Row};
use crate::anomaly::Episode;
use crate::detect::Prior;
use crate::model::{Counters, Dimension, Direction, Interval, Ip, Metric, Timestamp, Value};
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// From so many parts of a network on that rise by themselves, it is the network that rises.
const SPREAD: usize = 5;
/// The share of a rise from which it is that of one part, and not the network's (DETECTION 4.9).
const ONE: f64 = 0.7;

/// Addresses and networks whose rise is an anomaly in the interval that closes.
pub(super) type Risen = HashSet<(Dimension, u128), FixedState>;

impl Judge {
    /// Notes what entity has an open rise, once it was judged.
    pub(super) fn note_risen(&mut self, view: usize, slot: u32) {
        let (Some(state), Some(plan)) = (self.views.get(view), self.plan.views.get(view)) else {
            return;
        };
        let Some(row) = state.entities.get(slot) else {
            return;
        };
        let rises = |direction: Direction| direction != Direction::Below;
        // What is in shadow explains nothing to others.
        let counts = |rule: u16| {
            self.plan
                .gates
                .get(usize::from(rule))
                .is_some_and(|gate| !gate.shadow)
        };
        let risen = |e: &(u16, Direction, Episode)| rises(e.1) && e.2.is_open() && counts(e.0);
        if !row.state.episodes.iter().any(risen) {
            return;
        }
        for (dimension, address) in plan.grouping.addresses(&row.key) {
            let bits = address.bits();
            match dimension {
                Dimension::Host => {
                    self.risen.insert((Dimension::SrcIp, bits));
                    self.risen.insert((Dimension::DstIp, bits));
                }
                one => {
                    self.risen.insert((one, bits));
                }
            }
        }
    }

    /// Fills and closes the views of networks, each after the one it is filled from.
    pub(super) fn close_networks(&mut self, interval: Interval, whole: bool) {
        for view in 0..self.views.len() {
            if let Some(finer) = self.plan.views.get(view).and_then(|plan| plan.finer) {
                self.fill(view, finer, self.local(interval.start));
                self.close_view(view, interval, whole);
            }
        }
        self.risen.clear();
    }

    fn fill(&mut self, view: usize, finer: usize, local: Timestamp) {
        let (before, after) = self.views.split_at_mut(view);
        let (Some(parts), Some(wholes)) = (before.get(finer), after.first_mut()) else {
            return;
        };
        let (Some(part_plan), Some(plan)) = (self.plan.views.get(finer), self.plan.views.get(view)) else {
            return;
        };
        let mut apart: Vec<(EntityKey, u32)> = Vec::new();
        for &slot in parts.entities.touched() {
            let Some(row) = parts.entities.get(slot) else {
                continue;
            };
            let key = plan.grouping.coarsen(&row.key);
            if is_risen(&self.risen, part_plan, &row.key) {
                apart.push((key, slot));
            } else {
                wholes.entities.fold(&key, row, None);
            }
        }
        apart.sort_unstable();
        for same in apart.chunk_by(|a, b| a.0 == b.0) {
            for (key, slot) in same {
                if let Some(row) = parts.entities.get(*slot) {
                    let usual = (same.len() < SPREAD).then(|| usual(part_plan, row, local));
                    wholes.entities.fold(key, row, usual.as_ref());
                }
            }
        }
    }

    /// Whether a rise is the entity's own; only of networks it may be somebody else's: that of one of its parts, or of
    /// one address or network on the other side that has risen by itself.
    pub(super) fn is_own_rise(&self, view: usize, slot: u32, metric: Metric, interval: Interval) -> bool {
        let Some(plan) = self.plan.views.get(view).filter(|plan| plan.finer.is_some()) else {
            return true;
        };
        let Some(row) = self.views.get(view).and_then(|state| state.entities.get(slot)) else {
            return true;
        };
        let question = Question {
            view,
            key: row.key,
            metric,
            before: interval.start,
        };
        let evidence = evidence::gather(&[question], &self.plan.views, self.table.rows(), &self.recent);
        let Some(evidence) = evidence.first() else {
            return true;
        };
        let own = plan.grouping.dimensions();
        own.iter().any(|&dimension| {
            let rise = dimension
                .finer()
                .and_then(|part| self.spread_rise(part, evidence));
            let others = SIDES.iter().flatten().filter(|other| is_opposite(own, **other));
            rise.is_some_and(|rise| {
                !others
                    .into_iter()
                    .any(|&other| self.explains(other, rise, evidence))
            })
        })
    }

    /// What the parts of a network that have not risen by themselves bring together beyond the usual, unless one of
    /// them brings most of it.
    fn spread_rise(&self, part: Dimension, evidence: &Evidence) -> Option<f64> {
        let mut rises = rises(part, evidence);
        let risen = |bits: u128| self.risen.contains(&(part, bits));
        if rises.iter().filter(|(bits, _)| risen(*bits)).count() < SPREAD {
            rises.retain(|(bits, _)| !risen(*bits));
        }
        let largest = rises.iter().map(|(_, rise)| *rise).fold(0.0, f64::max);
        let all: f64 = rises.iter().map(|(_, rise)| rise.max(0.0)).sum();
        (largest < ONE * all).then_some(all)
    }

    /// Whether one value of `other` that has risen by itself brings most of a rise.
    fn explains(&self, other: Dimension, rise: f64, evidence: &Evidence) -> bool {
        let risen = rises(other, evidence)
            .into_iter()
            .filter(|(bits, _)| self.risen.contains(&(other, *bits)));
        risen.into_iter().any(|(_, brought)| brought >= ONE * rise)
    }
}

/// Addresses and networks of the source, and of the destination.
const SIDES: [[Dimension; 3]; 2] = [
    [Dimension::SrcIp, Dimension::SrcNet24, Dimension::SrcNet16],
    [Dimension::DstIp, Dimension::DstNet24, Dimension::DstNet16],
];

/// Whether a dimension is on a side that an entity of the dimensions `own` says nothing of.
fn is_opposite(own: &[Dimension], other: Dimension) -> bool {
    let sides = SIDES.iter().filter(|side| side.contains(&other));
    !sides
        .into_iter()
        .flatten()
        .any(|dimension| own.contains(dimension))
}

/// How much each value of a dimension of addresses or networks brought beyond its usual.
fn rises(dimension: Dimension, evidence: &Evidence) -> Vec<(u128, f64)> {
    // Parts stand in order of addresses, so that those of one network follow each other.
    let mut rises: Vec<(u128, f64)> = Vec::new();
    for (&(of, value), brought) in &evidence.parts {
        if let (Value::Ip(ip), true) = (value, dimension == of || dimension.holds(of)) {
            let (bits, rise) = (address(dimension, ip), brought.observed - brought.expected);
            match rises.last_mut().filter(|(last, _)| *last == bits) {
                Some((_, sum)) => *sum += rise,
                None => rises.push((bits, rise)),
            }
        }
    }
    rises
}

/// The address of a part, or of the network that the part is.
fn address(part: Dimension, ip: Ip) -> u128 {
    part.network(ip).map_or(ip, |network| network.first()).bits()
}

fn is_risen(risen: &Risen, plan: &View, key: &EntityKey) -> bool {
    !risen.is_empty()
        && plan
            .grouping
            .addresses(key)
            .any(|(dimension, address)| risen.contains(&(dimension, address.bits())))
}

/// Of what was counted of an entity, as much as is usual. Of what has no series, nothing.
fn usual(plan: &View, row: &Row<EntityState>, local: Timestamp) -> Counters {
    let mut usual = Counters {
        sampled: row.counters.sampled,
        ..Counters::default()
    };
    for (metric, series) in plan.metrics.iter().zip(&row.state.series) {
        let value = row.metric(metric.metric);
        let ready = series.baseline.as_ref().filter(|baseline| baseline.ready());
        let expected = match ready {
            Some(baseline) => {
                baseline
                    .judge(local, value, 0.0, &Prior::of(metric.class))
                    .expected
            }
            None => series.young.judge(metric.class, value).expected,
        };
        let most = value.min(expected).max(0.0);
        match metric.metric {
            Metric::Bytes => usual.bytes = most as u64,
            Metric::Packets => usual.packets = most as u64,
            Metric::Flows => usual.flows = most as u32,
            Metric::SynOnly => usual.syn_only = most as u32,
            Metric::Failed => usual.failed = most as u32,
            Metric::Unsolicited => usual.unsolicited = most as u32,
            Metric::Sources | Metric::Destinations | Metric::Ports => {}
        }
    }
    usual
}
