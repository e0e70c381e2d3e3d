//! One walk over stored flows: what it must read, what it may leave out, and the grouping that it fills.

use super::grouping::Grouping;
use super::measure::Tally;
use super::request::Request;
use super::steps::Steps;
use crate::filter::Chance;
use crate::model::{Field, Interval};
use std::sync::Arc;

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The times of the first and the last flow.
    Span,
    /// The groups, of which the foremost are chosen.
    Groups,
    /// Time series of the chosen.
    Series,
    /// The chosen in the period before.
    Previous,
}

/// What is known of a part of the store before it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sure {
    /// That all its records pass the filter.
    pub filter: bool,
    /// That all its records lie in the range as a whole.
    pub range: bool,
}

/// A walk over stored flows.
#[derive(Clone, Debug)]
pub struct Stage {
    pub(super) request: Arc<Request>,
    pub(super) purpose: Purpose,
    pub(super) range: Interval,
    pub(super) steps: Steps,
    pub(super) tallies: Vec<Tally>,
    /// The keys of the chosen groups.
    pub(super) chosen: Arc<Vec<Vec<u128>>>,
    /// Whether the times of the first and last flow are to be found.
    pub(super) watch: bool,
}

impl Stage {
    /// The stretch of time that matters; a record outside need not be read.
    pub fn range(&self) -> Interval {
        self.range
    }

    /// What is sure of a part of the store whose fields lie between the bounds given, both inside; `None` when none of
    /// its records matters. Bounds that are not known are `None`.
    pub fn sure(&self, bounds: impl Fn(Field) -> Option<[u128; 2]>) -> Option<Sure> {
        let micros = |field: Field| bounds(field).map(|bounds| bounds.map(|word| word as i64));
        let range = match (micros(Field::Start), micros(Field::End)) {
            (Some([first, last_start]), Some([_, last])) => self.steps.covers(first, last.max(last_start))?,
            _ => false,
        };
        let filter = match self.request.filter.chance(&bounds) {
            Chance::Never => return None,
            Chance::Always => true,
            Chance::Perhaps => false,
        };
        Some(Sure { filter, range })
    }

    /// The fields that must be read.
    pub fn fields(&self, sure: Sure) -> Vec<Field> {
        let mut fields = match self.purpose {
            Purpose::Span => Vec::new(),
            _ => self.request.fields_of(&self.tallies),
        };
        if self.needs_times(sure) {
            fields.extend([Field::Start, Field::End]);
        }
        if !sure.filter {
            fields.extend(self.request.filter.fields());
        }
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    pub(super) fn needs_times(&self, sure: Sure) -> bool {
        self.watch || self.steps.count() > 1 || !(sure.range || self.is_unbounded())
    }

    /// Whether no record lies outside the range.
    pub(super) fn is_unbounded(&self) -> bool {
        let Interval { start, end } = self.range;
        start == crate::model::Timestamp::MIN && end == crate::model::Timestamp::MAX
    }

    /// An empty grouping to fill, one of `parts` that will be merged and share the memory.
    pub fn grouping(&self, parts: usize) -> Grouping {
        Grouping::new(self.clone(), parts)
    }
}
