//! The range of a request cut into steps, and which part of a record falls into which.

use crate::model::{Column, Columns};
use crate::model::{Field, Interval, Timestamp, passed};
use std::time::Duration;

/// A range of time in steps of equal length that are aligned to 1970; the first and the last may be cut short by the
/// range. In microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    from: i64,
    until: i64,
    every: Option<i64>,
    count: usize,
}

/// The part of a record in a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) row: u32,
    pub(super) slot: u32,
    start: i64,
    end: i64,
    from: i64,
    until: i64,
    /// Whether the record begins in the step: there it counts as a flow.
    pub(super) begins: bool,
}

impl Piece {
    /// Its part of an amount of the whole record.
    #[inline]
    pub(super) fn of(&self, amount: u64) -> u64 {
        let by = |instant| passed(amount, self.start, self.end, instant);
        by(self.until).saturating_sub(by(self.from))
    }
}

/// Where rows of a batch go: as a whole, or in pieces.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) rows: Vec<u32>,
    pub(super) slots: Vec<u32>,
    pub(super) pieces: Vec<Piece>,
}

fn micros(at: Timestamp) -> i64 {
    match at {
        Timestamp::MIN => i64::MIN,
        Timestamp::MAX => i64::MAX,
        at => at.as_nanos().div_euclid(1000),
    }
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_nanos(micros.saturating_mul(1000))
}

impl Steps {
    /// `range` in steps of `every`, or in one.
    pub(super) fn new(range: Interval, every: Option<Duration>) -> Self {
        let (from, until) = (micros(range.start), micros(range.end));
        let every = every.map(|every| i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1));
        let count = every.map_or(1, |every| {
            let first = from.div_euclid(every);
            let last = until.saturating_sub(1).div_euclid(every);
            usize::try_from(last.saturating_sub(first)).unwrap_or(0) + 1
        });
        Self {
            from,
            until,
            every,
            count,
        }
    }

    /// How many.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// One of them, as far as it lies in the range.
    pub(super) fn interval(&self, step: usize) -> Interval {
        let (from, until) = self.bounds(step);
        Interval {
            start: timestamp(from),
            end: timestamp(until),
        }
    }

    #[inline]
    fn bounds(&self, step: usize) -> (i64, i64) {
        let Some(every) = self.every else {
            return (self.from, self.until);
        };
        let start = (self.from.div_euclid(every).saturating_add(step as i64)).saturating_mul(every);
        (start.max(self.from), start.saturating_add(every).min(self.until))
    }

    /// The step that holds an instant of the range.
    #[inline]
    fn step(&self, at: i64) -> usize {
        match self.every {
            None => 0,
            Some(every) => (at.div_euclid(every) - self.from.div_euclid(every)) as usize,
        }
    }

    /// Whether something of a record lies in the range.
    #[inline]
    pub(super) fn touches(&self, start: i64, end: i64) -> bool {
        start < self.until && (end > self.from || start >= self.from)
    }

    /// Whether every record that begins and ends between these microseconds lies in the range as a whole; `None` when
    /// none of them does in part.
    pub(super) fn covers(&self, first: i64, last: i64) -> Option<bool> {
        if first >= self.until || last < self.from {
            return None;
        }
        Some(first >= self.from && last < self.until)
    }

    /// Puts rows, each with the first of the slots of its group, into the steps of these.
    pub(super) fn cut(&self, columns: &Columns, rows: impl Iterator<Item = (u32, u32)>) -> Cut {
        let mut cut = Cut::default();
        let (starts, ends) = (Times::of(columns, Field::Start), Times::of(columns, Field::End));
        for (row, slot) in rows {
            let start = starts.get(row as usize);
            let end = ends.get(row as usize).max(start);
            let first = self.step(start.max(self.from));
            let last = self.step(end.min(self.until.saturating_sub(1)));
            if first == last && start >= self.from && end < self.until {
                cut.rows.push(row);
                cut.slots.push(slot + first as u32);
                continue;
            }
            for step in first..=last {
                let (from, until) = self.bounds(step);
                if end > from || start >= from {
                    cut.pieces.push(Piece {
                        row,
                        slot: slot + step as u32,
                        start,
                        end,
                        from,
                        until,
                        begins: start >= from && start < until,
                    });
                }
            }
        }
        cut
    }
}

/// The times of a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Times<'a> {
    Plain(&'a [i64]),
    Other(Option<&'a Column>),
}

impl<'a> Times<'a> {
    pub(super) fn of(columns: &'a Columns, field: Field) -> Self {
        match columns.get(field) {
            Some(Column::Plain(values)) => Self::Plain(values),
            other => Self::Other(other),
        }
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> i64 {
        match self {
            Self::Plain(values) => values.get(row).copied().unwrap_or(0),
            Self::Other(column) => column.map_or(0, |column| column.number(row)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: i64) -> Timestamp {
        Timestamp::from_secs(n)
    }

    fn steps(from: i64, until: i64, every: Option<u64>) -> Steps {
        let range = Interval {
            start: seconds(from),
            end: seconds(until),
        };
        Steps::new(range, every.map(Duration::from_secs))
    }

    #[test]
    fn steps_are_aligned_and_cut_short_by_the_range() {
        let steps = steps(90, 250, Some(60));
        let spans: Vec<_> = (0..steps.count())
            .map(|n| steps.interval(n))
            .map(|i| (i.start.as_secs(), i.end.as_secs()))
            .collect();
        assert_eq!(spans, [(90, 120), (120, 180), (180, 240), (240, 250)]);
    }

    #[test]
    fn a_record_is_in_the_steps_it_lasts_and_begins_in_one() {
        let steps = steps(0, 300, Some(60));
        let mut columns = Columns::new(3);
        let micros = |seconds: [i64; 3]| Column::Plain(seconds.map(|s| s * 1_000_000).into());
        columns.set(Field::Start, micros([30, 61, -60]));
        columns.set(Field::End, micros([120, 119, 60]));
        let cut = steps.cut(&columns, (0..3).map(|row| (row, row * 100)));
        assert_eq!((cut.rows, cut.slots), (vec![1], vec![101]));
        let pieces: Vec<_> = cut.pieces.iter().map(|p| (p.slot, p.of(900), p.begins)).collect();
        assert_eq!(
            pieces,
            [(0, 300, true), (1, 600, false), (200, 450, false)],
            "an end on the boundary is not in the step after it"
        );
    }
}
