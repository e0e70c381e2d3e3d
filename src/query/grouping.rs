//! Groups of flows under way: batches of columns are added, parts are merged, in any order.

use super::figures::Figures;
use super::keys::{Keys, NOBODY};
use super::lanes::{Numbers, Rows, Spare, combined, numbers};
use super::stage::{Purpose, Stage, Sure};
use super::steps::Times;
use super::sums::{Batch, Placed, Sums};
use crate::model::{Columns, Field, Interval, Timestamp};

/// Octets a group takes beside what is counted of it: its key, and the indices that find it.
const KEY: usize = 48;
/// The smallest number of groups for which there is always room.
const FEWEST: usize = 1_000;
/// Records between two looks at the memory that sets and distributions take.
const GLANCE: u64 = 1 << 18;

/// What was looked at, and what was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Records that were looked at.
    pub looked: u64,
    /// Records that passed the filter and lie in the range, at least in part.
    pub passed: u64,
    /// Groups with the least, given up for lack of memory.
    pub groups: u64,
    /// Records whose group there was no room for.
    pub records: u64,
}

/// Flows by group. The same code serves batches in memory and from files.
///
/// Rows whose group is not known, or was given up, are counted together, so that totals are always exact.
#[derive(Debug)]
pub struct Grouping {
    stage: Stage,
    keys: Keys,
    /// By group and step; those of nobody first.
    sums: Sums,
    /// Of all rows by step, where a row may count for two groups.
    total: Option<Sums>,
    counted: Counted,
    /// The first start and the last end that were seen, microseconds.
    span: Option<(i64, i64)>,
    limit: usize,
    most: usize,
    glanced: u64,
    spare: Spare,
}

impl Grouping {
    pub(super) fn new(stage: Stage, parts: usize) -> Self {
        let dimensions = match stage.purpose {
            Purpose::Span => 0,
            _ => stage.request.by.len(),
        };
        let keys = match stage.purpose {
            Purpose::Span | Purpose::Groups => Keys::new(dimensions),
            Purpose::Series | Purpose::Previous => Keys::only(dimensions, &stage.chosen),
        };
        let sums = Sums::new(&stage.tallies);
        let limit = stage.request.memory / parts.max(1);
        let group = KEY * dimensions.max(1) + sums.slot_size() * stage.steps.count();
        let two_sided = stage.request.is_two_sided() && stage.purpose != Purpose::Span;
        let total = two_sided.then(|| sums.clone());
        Self {
            most: (limit / group)
                .max(FEWEST)
                .min(u32::MAX as usize / stage.steps.count().max(1) - 2),
            stage,
            keys,
            sums,
            total,
            counted: Counted::default(),
            span: None,
            limit,
            glanced: 0,
            spare: Spare::default(),
        }
    }

    /// What was looked at so far.
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// Adds the records of a batch that pass the filter and lie in the range. The batch has the fields of
    /// [`Stage::fields`] of what is sure of it.
    pub fn add(&mut self, columns: &Columns, sure: Sure) {
        self.counted.looked += columns.rows() as u64;
        let rows = self.rows(columns, sure);
        if rows.len() == 0 {
            return;
        }
        self.counted.passed += rows.len() as u64;
        if self.stage.watch {
            self.watch(columns, &rows);
        }
        if self.stage.purpose == Purpose::Span {
            return;
        }
        let whole = self.stage.steps.count() == 1 && (sure.range || self.stage.is_unbounded());
        let batch = Batch::new(columns, self.stage.request.raw);
        if let Some(mut total) = self.total.take() {
            place(
                &self.stage,
                &mut total,
                &batch,
                &rows,
                &Numbers::One(NOBODY),
                whole,
            );
            self.total = Some(total);
        }
        let (rows, groups) = self.groups(columns, rows);
        self.sums
            .reserve((self.keys.len() + 1) * self.stage.steps.count());
        place(&self.stage, &mut self.sums, &batch, &rows, &groups, whole);
        self.look_at_memory(&groups);
        self.spare.put(groups);
    }

    /// The rows that count.
    fn rows(&self, columns: &Columns, sure: Sure) -> Rows {
        let all = columns.rows();
        let in_range = sure.range || self.stage.is_unbounded();
        if sure.filter && in_range {
            return Rows::All(all);
        }
        let mut rows = match sure.filter {
            true => None,
            false => self.stage.request.filter.select(columns).rows(),
        };
        if !in_range {
            let (starts, ends) = (Times::of(columns, Field::Start), Times::of(columns, Field::End));
            let touches = |row: &u32| {
                let row = *row as usize;
                self.stage.steps.touches(starts.get(row), ends.get(row))
            };
            rows = match rows {
                None if (0..all as u32).all(|row| touches(&row)) => None,
                None => Some((0..all as u32).filter(touches).collect()),
                Some(mut some) => {
                    some.retain(touches);
                    Some(some)
                }
            };
        }
        rows.map_or(Rows::All(all), Rows::Some)
    }

    fn watch(&mut self, columns: &Columns, rows: &Rows) {
        let (starts, ends) = (Times::of(columns, Field::Start), Times::of(columns, Field::End));
        for row in rows.to_vec() {
            let (start, end) = (starts.get(row as usize), ends.get(row as usize));
            let (first, last) = self.span.unwrap_or((start, end));
            self.span = Some((first.min(start), last.max(end).max(start)));
        }
    }

    /// Rows with their groups; a row stands twice when it belongs to two.
    fn groups(&mut self, columns: &Columns, rows: Rows) -> (Rows, Numbers) {
        let by = self.stage.request.by.clone();
        self.keys.limit(self.most);
        let mut groups = [Numbers::One(1), Numbers::One(NOBODY)];
        let (mut two, mut sides) = (false, [Numbers::One(NOBODY), Numbers::One(NOBODY)]);
        for (dimension, by) in by.into_iter().enumerate() {
            let lanes = by.lanes();
            let mut values = lanes
                .iter()
                .map(|lane| numbers(&mut self.keys, dimension, *lane, columns, &rows, &mut self.spare));
            let first = values.next().unwrap_or(Numbers::One(NOBODY));
            let second = values.next();
            drop(values);
            if !two && second.is_some() {
                groups = [groups[0].clone(), groups[0].clone()];
            }
            if let Some(second) = &second {
                two = true;
                sides = [first.clone(), second.clone()];
            }
            let [one, other] = groups;
            let (keys, spare) = (&mut self.keys, &mut self.spare);
            let mut join = |before, value| match dimension {
                0 => value,
                _ => combined(keys, dimension, before, value, spare),
            };
            let other = match two {
                true => join(other, second.unwrap_or_else(|| first.clone())),
                false => other,
            };
            groups = [join(one, first), other];
        }
        let [one, other] = groups;
        if two {
            both(&rows, one, other, &sides)
        } else {
            (rows, one)
        }
    }

    /// Makes room: when the groups are too many, or what is counted of them takes too much, the lesser half goes.
    fn look_at_memory(&mut self, groups: &Numbers) {
        if self.keys.is_full(self.most) {
            let nobody = match groups {
                Numbers::One(group) => u64::from(*group == NOBODY),
                Numbers::Each(groups) => groups.iter().filter(|group| **group == NOBODY).count() as u64,
            };
            self.counted.records += nobody;
            return self.give_up();
        }
        let varies = self.counted.passed - self.glanced >= GLANCE;
        if varies && self.keys.len() > FEWEST {
            self.glanced = self.counted.passed;
            if self.keys.memory() + self.sums.memory() > self.limit {
                self.give_up();
            }
        }
    }

    /// Gives up the half of the groups that is last in the order asked for.
    fn give_up(&mut self) {
        if self.stage.purpose != Purpose::Groups || self.keys.len() < 2 {
            return;
        }
        let order = self.stage.request.order();
        let kept = self.figures().foremost(self.keys.len() / 2, order);
        let mut keep = vec![false; self.keys.len() + 1];
        for group in kept {
            if let Some(place) = keep.get_mut(group as usize) {
                *place = true;
            }
        }
        let fresh = Self {
            limit: self.limit,
            most: self.most,
            total: self.total.take(),
            counted: self.counted,
            span: self.span,
            glanced: self.glanced,
            ..Self::new(self.stage.clone(), 1)
        };
        let whole = std::mem::replace(self, fresh);
        let given_up = keep.iter().skip(1).filter(|kept| !**kept).count();
        self.counted.groups += given_up as u64;
        self.take_over(&whole, |group| keep.get(group as usize).copied().unwrap_or(false));
    }

    /// Adds what another grouping of the same stage counted.
    pub fn merge(&mut self, other: &Self) {
        let (ours, theirs) = (&mut self.counted, other.counted);
        ours.looked += theirs.looked;
        ours.passed += theirs.passed;
        ours.groups += theirs.groups;
        ours.records += theirs.records;
        self.span = match (self.span, other.span) {
            (Some((first, last)), Some((start, end))) => Some((first.min(start), last.max(end))),
            (ours, theirs) => ours.or(theirs),
        };
        if let (Some(ours), Some(theirs)) = (&mut self.total, &other.total) {
            ours.reserve(self.stage.steps.count());
            for step in 0..self.stage.steps.count() {
                ours.merge_slot(step, theirs, step);
            }
        }
        self.limit += other.limit;
        self.most += other.most;
        self.take_over(other, |_| true);
        if self.keys.is_full(self.most) {
            self.give_up();
        }
    }

    /// Adds the groups of another; those that are not kept are counted as nobody's.
    fn take_over(&mut self, other: &Self, keep: impl Fn(u32) -> bool) {
        let steps = self.stage.steps.count();
        self.keys.limit(self.most.max(other.most).saturating_mul(2));
        for group in 0..=other.keys.len() as u32 {
            let ours = match group {
                NOBODY => NOBODY,
                group if !keep(group) => NOBODY,
                group => self.keys.group(&other.keys.key(group)),
            } as usize;
            self.sums.reserve((self.keys.len() + 1).max(ours + 1) * steps);
            for step in 0..steps {
                self.sums
                    .merge_slot(ours * steps + step, &other.sums, group as usize * steps + step);
            }
        }
    }

    pub(super) fn purpose(&self) -> Purpose {
        self.stage.purpose
    }

    /// Whether there are flows without a group.
    pub(super) fn has_nobodies(&self) -> bool {
        self.counted.groups + self.counted.records > 0
    }

    /// From the first start to just after the last end that were seen.
    pub(super) fn span(&self) -> Option<Interval> {
        let at = |micros: i64| Timestamp::from_nanos(micros.saturating_mul(1000));
        self.span.map(|(first, last)| Interval {
            start: at(first),
            end: at(last.saturating_add(1)),
        })
    }

    pub(super) fn figures(&self) -> Figures<'_> {
        Figures {
            keys: &self.keys,
            by: &self.stage.request.by,
            sums: &self.sums,
            total: self.total.as_ref(),
            steps: self.stage.steps,
            seconds: None,
        }
    }
}

/// Counts rows in the slots of their groups.
fn place(stage: &Stage, sums: &mut Sums, batch: &Batch<'_>, rows: &Rows, groups: &Numbers, whole: bool) {
    let steps = stage.steps.count();
    sums.reserve(steps);
    if whole {
        let placed = match (rows, groups) {
            (Rows::All(rows), Numbers::One(slot)) => Placed::AllInOne(*rows, *slot),
            (Rows::All(_), Numbers::Each(slots)) => Placed::All(slots),
            (Rows::Some(rows), Numbers::One(slot)) => Placed::SomeInOne(rows, *slot),
            (Rows::Some(rows), Numbers::Each(slots)) => Placed::Some(rows, slots),
        };
        return sums.add(batch, placed);
    }
    let slot = |at: usize| groups.get(at) * steps as u32;
    let cut = match rows {
        Rows::All(rows) => {
            let rows = (0..*rows).map(|row| (row as u32, slot(row)));
            stage.steps.cut(batch.columns, rows)
        }
        Rows::Some(rows) => {
            let rows = rows.iter().enumerate().map(|(at, row)| (*row, slot(at)));
            stage.steps.cut(batch.columns, rows)
        }
    };
    sums.add_cut(batch, &cut);
}

/// Rows of both sides; once where both are in the same group or one is in none.
fn both(rows: &Rows, one: Numbers, other: Numbers, sides: &[Numbers; 2]) -> (Rows, Numbers) {
    let (mut listed, mut groups) = (Vec::new(), Vec::new());
    for (at, row) in rows.to_vec().into_iter().enumerate() {
        let (first, second) = (one.get(at), other.get(at));
        let same = sides[0].get(at) == sides[1].get(at);
        let twice = second != NOBODY && !same;
        if first != NOBODY || !twice {
            listed.push(row);
            groups.push(first);
        }
        if twice {
            listed.push(row);
            groups.push(second);
        }
    }
    (Rows::Some(listed), Numbers::Each(groups))
}
