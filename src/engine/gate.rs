//! What stands between a rule's test and an anomaly, compiled, and what is remembered of deviations that wait.

use super::plan::PlanError;
use super::plan::filter;
use crate::aggregate::EntityKey;
use crate::filter::Filter;
use crate::model::{Calendar, Condition, Dimension, Direction, Exception, Grace, Metric, Rule, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a rule's gates ask, compiled.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) condition: Option<Condition>,
    /// Whether the condition can be asked before the interval is over.
    pub(super) stays: bool,
    /// Of how many of the newest intervals the condition counts those that deviate; none where it counts none.
    pub(super) lasts: Option<u8>,
    pub(super) grace: Grace,
    /// Calendars, by number; with whether they must hold.
    calendars: Vec<(usize, bool)>,
    /// Exceptions, by number.
    pub(super) excuses: Vec<usize>,
    pub(super) shadow: bool,
    /// Whether an open anomaly of the rule keeps its entity from learning: not in shadow beside rules that count.
    pub(super) holds: bool,
}

/// Traffic that is excused, compiled.
#[derive(Debug)]
pub(super) struct Excuse {
    pub(super) filter: Filter,
    pub(super) until: Option<Timestamp>,
}

/// All gates of a plan.
#[derive(Debug, Default)]
pub(super) struct Gates {
    /// In the order of the rules.
    pub(super) rules: Vec<Gate>,
    pub(super) excuses: Vec<Excuse>,
    calendars: Vec<Calendar>,
    /// Calendars during which no rule speaks.
    quiet: Vec<usize>,
}

impl Gates {
    /// Of these rules, with what stands above them all.
    pub(super) fn new(
        rules: &[Rule],
        calendars: &[Calendar],
        quiet: &[String],
        exceptions: &[Exception],
    ) -> Result<Self, PlanError> {
        let mut gates = Self {
            calendars: calendars.to_vec(),
            ..Self::default()
        };
        gates.quiet = quiet
            .iter()
            .map(|name| gates.calendar(None, name))
            .collect::<Result<_, _>>()?;
        for exception in exceptions {
            gates.excuse(None, exception)?;
        }
        for rule in rules {
            let gate = gates.of(rule, exceptions)?;
            gates.rules.push(gate);
        }
        Ok(gates)
    }

    fn of(&mut self, rule: &Rule, exceptions: &[Exception]) -> Result<Gate, PlanError> {
        let condition = rule.gates.when.as_ref().map(|when| when.condition.clone());
        let mut gate = Gate {
            stays: condition.as_ref().is_none_or(Condition::stays),
            lasts: condition.as_ref().and_then(Condition::lasts),
            condition,
            grace: rule.gates.grace,
            shadow: rule.gates.shadow,
            holds: true,
            ..Gate::default()
        };
        for (names, must) in [(&rule.gates.during, true), (&rule.gates.outside, false)] {
            for name in names {
                gate.calendars.push((self.calendar(Some(rule), name)?, must));
            }
        }
        for exception in &rule.gates.except {
            gate.excuses.push(self.excuse(Some(rule), exception)?);
        }
        let meant = |e: &Exception| e.rules.is_empty() || e.rules.contains(&rule.name);
        let common = exceptions.iter().enumerate().filter(|(_, e)| meant(e));
        gate.excuses.extend(common.map(|(i, _)| i));
        Ok(gate)
    }

    fn calendar(&self, rule: Option<&Rule>, name: &str) -> Result<usize, PlanError> {
        let known = self.calendars.iter().position(|calendar| calendar.name == name);
        known.ok_or_else(|| PlanError::Calendar {
            rule: rule.map(|rule| rule.name.clone()),
            name: name.to_owned(),
        })
    }

    fn excuse(&mut self, rule: Option<&Rule>, exception: &Exception) -> Result<usize, PlanError> {
        self.excuses.push(Excuse {
            filter: filter(rule, &exception.filter)?,
            until: exception.until,
        });
        Ok(self.excuses.len() - 1)
    }

    /// The gate of a rule.
    pub(super) fn get(&self, rule: usize) -> Option<&Gate> {
        self.rules.get(rule)
    }

    /// Whether the calendars let a rule speak at `at`.
    pub(super) fn is_time_for(&self, gate: &Gate, at: Timestamp) -> bool {
        let holds = |calendar: usize| self.calendars.get(calendar).is_some_and(|c| c.holds(at));
        gate.calendars
            .iter()
            .all(|&(calendar, must)| holds(calendar) == must)
            && !self.quiet.iter().any(|&calendar| holds(calendar))
    }
}

/// What a condition may ask of an entity in the present interval.
pub(super) trait Facts {
    /// What was counted so far.
    fn value(&self, metric: Metric) -> f64;
    /// What is usual for a metric: expected, lower and upper edge of the band.
    fn usual(&self, metric: Metric) -> [f64; 3];
    /// Whether the one that brings the most came up, or the one that did is gone.
    fn top(&self, dimension: Dimension, joins: bool) -> bool;
    /// In how many of the newest `of` intervals the rule's test deviated.
    fn lasted(&self, of: u8) -> u32;
}

/// Whether a condition holds. Who brings the most is asked last, because it takes longest.
pub(super) fn holds(condition: &Condition, facts: &impl Facts) -> bool {
    let dear = |c: &&Condition| c.has(&|part| matches!(part, Condition::Top { .. }));
    match condition {
        Condition::All(parts) => {
            let (last, first): (Vec<_>, Vec<_>) = parts.iter().partition(dear);
            first.into_iter().chain(last).all(|part| holds(part, facts))
        }
        Condition::Any(parts) => {
            let (last, first): (Vec<_>, Vec<_>) = parts.iter().partition(dear);
            first.into_iter().chain(last).any(|part| holds(part, facts))
        }
        Condition::Not(part) => !holds(part, facts),
        Condition::Compare {
            metric,
            per,
            than,
            value,
        } => {
            // A ratio to nothing is no number, and compares with none.
            let per = per.map(|per| facts.value(per));
            per != Some(0.0) && than.holds(facts.value(*metric) / per.unwrap_or(1.0), *value)
        }
        Condition::Baseline {
            metric,
            above,
            factor,
        } => {
            let [expected, lower, upper] = facts.usual(*metric);
            let edge = if *above { upper } else { lower };
            let edge = factor.map_or(edge, |factor| factor * expected);
            let value = facts.value(*metric);
            if *above { value > edge } else { value < edge }
        }
        Condition::Top { dimension, joins } => facts.top(*dimension, *joins),
        Condition::Lasts { least, of } => facts.lasted(*of) >= u32::from(*least),
    }
}

/// A deviation of a rule, an entity and a side that opened nothing yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Waiting {
    pub(super) rule: usize,
    pub(super) key: EntityKey,
    pub(super) direction: Direction,
}

/// What is remembered of it.
#[derive(Clone, Copy, Debug)]
struct Record {
    /// Start of the newest interval it deviated in.
    at: Timestamp,
    /// The intervals it deviated in, the newest in the lowest bit.
    bits: u32,
    /// Whether it was counted as held back.
    counted: bool,
}

/// Deviations that wait to become anomalies, or were held back. Bounded: what has no room is not waited for.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    records: BTreeMap<Waiting, Record>,
    /// Deviations there was no room for.
    pub(super) refused: u64,
}

/// Most deviations remembered, about a hundred octets each.
const ROOM: usize = 16_384;
/// A deviation that is held back again after so many quiet intervals is another one: that of closing an anomaly.
const QUIET: u128 = 5;
/// Intervals remembered of each.
const INTERVALS: u128 = 32;

impl WaitingRoom {
    /// A rule's test deviated in the interval that begins at `at`.
    pub(super) fn deviated(&mut self, who: Waiting, at: Timestamp, step: Duration) {
        let full = self.records.len() >= ROOM;
        if full && !self.records.contains_key(&who) {
            self.refused += 1;
            return;
        }
        let new = Record {
            at,
            bits: 0,
            counted: false,
        };
        let record = self.records.entry(who).or_insert(new);
        let gone = between(record.at, at, step);
        record.bits = if gone < INTERVALS { record.bits << gone } else { 0 } | 1;
        record.counted &= gone <= QUIET;
        record.at = record.at.max(at);
    }

    /// Whether it deviated lately and waits.
    pub(super) fn waits(&self, who: &Waiting) -> bool {
        self.records.contains_key(who)
    }

    /// In how many of the newest `of` intervals it deviated; start of the first of them.
    pub(super) fn lasted(&self, who: &Waiting, of: u8, step: Duration) -> (u32, Option<Timestamp>) {
        let Some(record) = self.records.get(who) else {
            return (0, None);
        };
        let of = u32::from(of.clamp(1, 32));
        let bits = record.bits & (u32::MAX >> (32 - of));
        let first = 31u32.saturating_sub(bits.leading_zeros());
        (bits.count_ones(), (bits != 0).then(|| record.at - step * first))
    }

    /// Whether its being held back is still to be counted; it counts from now on.
    pub(super) fn counts(&mut self, who: &Waiting) -> bool {
        match self.records.get_mut(who) {
            Some(record) => !std::mem::replace(&mut record.counted, true),
            None => true,
        }
    }

    /// It became an anomaly.
    pub(super) fn leave(&mut self, who: &Waiting) {
        self.records.remove(who);
    }

    /// Forgets what deviated last long before `at`.
    pub(super) fn forget(&mut self, at: Timestamp, step: Duration) {
        self.records
            .retain(|_, record| between(record.at, at, step) < INTERVALS);
    }

    /// Forgets everything: rules have other numbers now.
    pub(super) fn clear(&mut self) {
        self.records.clear();
    }
}

/// How many intervals of length `step` lie between two starts.
fn between(from: Timestamp, to: Timestamp, step: Duration) -> u128 {
    to.since(from).as_nanos() / step.as_nanos().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ip, Than};

    const STEP: Duration = Duration::from_secs(60);

    fn who(n: u128) -> Waiting {
        Waiting {
            rule: 0,
            key: EntityKey {
                addresses: [Ip::from_bits(n), Ip::default()],
                numbers: [0, 0],
            },
            direction: Direction::Above,
        }
    }

    fn minute(n: u64) -> Timestamp {
        Timestamp::from_secs(0) + STEP * n as u32
    }

    #[test]
    fn deviating_intervals_are_counted_once_each_however_often_they_are_looked_at() {
        let mut room = WaitingRoom::default();
        for n in [1, 1, 1, 2, 4, 4] {
            room.deviated(who(1), minute(n), STEP);
        }
        let lasted = |of| room.lasted(&who(1), of, STEP);
        assert_eq!(lasted(1), (1, Some(minute(4))));
        assert_eq!(lasted(3), (2, Some(minute(2))));
        assert_eq!(lasted(32), (3, Some(minute(1))));
        assert_eq!(room.lasted(&who(2), 32, STEP), (0, None));
    }

    #[test]
    fn what_is_held_back_counts_once_until_it_was_quiet_for_long() {
        let mut room = WaitingRoom::default();
        let counted = [1, 2, 3, 8, 14, 15].map(|n| {
            room.deviated(who(1), minute(n), STEP);
            room.counts(&who(1))
        });
        assert_eq!(counted, [true, false, false, false, true, false]);
    }

    #[test]
    fn the_room_is_bounded_and_empties_itself() {
        let mut room = WaitingRoom::default();
        (0..ROOM as u128 + 10).for_each(|n| room.deviated(who(n), minute(1), STEP));
        assert_eq!((room.records.len(), room.refused), (ROOM, 10));
        room.forget(minute(32), STEP);
        assert_eq!(room.records.len(), ROOM);
        room.forget(minute(33), STEP);
        assert_eq!(room.records.len(), 0);
    }

    /// Metrics that are twice their number of letters, usually half that; ports lead anew; it lasted twice.
    struct Letters;

    impl Facts for Letters {
        fn value(&self, metric: Metric) -> f64 {
            match metric {
                Metric::Failed => 0.0,
                other => 2.0 * other.name().len() as f64,
            }
        }
        fn usual(&self, metric: Metric) -> [f64; 3] {
            let usual = metric.name().len() as f64;
            [usual, usual - 1.0, usual + 1.0]
        }
        fn top(&self, dimension: Dimension, joins: bool) -> bool {
            dimension == Dimension::DstPort && joins
        }
        fn lasted(&self, of: u8) -> u32 {
            u32::from(of.min(2))
        }
    }

    #[test]
    fn every_kind_of_condition_holds_and_fails() {
        let compare = |metric, per, than, value| Condition::Compare {
            metric,
            per,
            than,
            value,
        };
        let baseline = |above, factor| Condition::Baseline {
            metric: Metric::Flows,
            above,
            factor,
        };
        let top = |dimension| Condition::Top {
            dimension,
            joins: true,
        };
        let (flows, bytes) = (Metric::Flows, Metric::Bytes);
        let pairs = [
            (
                compare(flows, None, Than::AtLeast, 10.0),
                compare(flows, None, Than::More, 10.0),
            ),
            (
                compare(bytes, Some(flows), Than::AtMost, 1.0),
                compare(bytes, Some(flows), Than::Less, 1.0),
            ),
            (baseline(true, None), baseline(false, None)),
            (baseline(true, Some(1.9)), baseline(true, Some(2.0))),
            (baseline(false, Some(2.1)), baseline(false, Some(2.0))),
            (top(Dimension::DstPort), top(Dimension::SrcIp)),
            (
                Condition::Lasts { least: 2, of: 3 },
                Condition::Lasts { least: 3, of: 5 },
            ),
        ];
        for (right, wrong) in pairs {
            assert!(holds(&right, &Letters), "{right:?}");
            assert!(!holds(&wrong, &Letters), "{wrong:?}");
            let either = [wrong.clone(), right.clone()];
            assert!(holds(&Condition::Any(either.to_vec()), &Letters));
            assert!(!holds(&Condition::All(either.to_vec()), &Letters));
            assert!(holds(&Condition::Not(Box::new(wrong)), &Letters));
        }
    }

    #[test]
    fn a_ratio_to_nothing_compares_with_nothing() {
        for than in [Than::More, Than::AtLeast, Than::Less, Than::AtMost] {
            let ratio = Condition::Compare {
                metric: Metric::Bytes,
                per: Some(Metric::Failed),
                than,
                value: 1.0,
            };
            assert!(!holds(&ratio, &Letters), "{than:?}");
        }
    }
}
