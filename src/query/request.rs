//! What is asked of stored flows.

use super::by::By;
use super::measure::{Measure, Tally};
use crate::filter::Filter;
use crate::model::{Field, Interval, Timestamp};
use std::time::Duration;

/// Most dimensions of a request.
pub const MOST_DIMENSIONS: usize = 8;
/// Most measures of a request.
pub const MOST_MEASURES: usize = 16;
/// Most rows of an answer.
pub const MOST_ROWS: usize = 1_000_000;
/// Most steps of a time series.
pub const MOST_STEPS: u64 = 20_000;
/// The shortest step.
pub const SHORTEST_STEP: Duration = Duration::from_secs(1);

/// By which measure rows are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which; it need not be among those shown.
    pub measure: Measure,
    /// The least first.
    pub ascending: bool,
}

/// A question to stored flows: of those that pass a filter in a range of time, what was measured of each group.
///
/// ```
/// use tidemark::query::{By, Measure, Request};
/// use tidemark::model::Field;
/// let request = Request::new(vec![By::Field(Field::SrcIp)], vec![Measure::Bytes]);
/// assert_eq!(request.check(), Ok(()));
/// assert_eq!(request.order().measure, Measure::Bytes);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What flows are grouped by; nothing gives all in one row.
    pub by: Vec<By>,
    /// What is measured, in the order of the columns.
    pub measures: Vec<Measure>,
    /// Which flows count.
    pub filter: Filter,
    /// From when on; from the first flow where it is not said. Exact to the microsecond.
    pub since: Option<Timestamp>,
    /// Until when, itself outside; to the end of the last flow where it is not said.
    pub until: Option<Timestamp>,
    /// The length of the steps of a time series, aligned to 1970 in UTC.
    pub every: Option<Duration>,
    /// So many rows; the others are summed up in one.
    pub top: usize,
    /// How rows are ordered; by the first measure, the largest first, where it is not said.
    pub order: Option<Order>,
    /// Whether the same is measured in the stretch of equal length before.
    pub previous: bool,
    /// Whether amounts stay as they were exported, instead of being scaled by the sampling rate.
    pub raw: bool,
    /// Octets that groups may occupy.
    pub memory: usize,
}

/// Why a request cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing is measured, or too much.
    #[error("from 1 to {MOST_MEASURES} metrics can be asked for, not {0}")]
    Measures(usize),
    /// Too many dimensions.
    #[error("at most {MOST_DIMENSIONS} dimensions can be combined, not {0}")]
    Dimensions(usize),
    /// The same twice.
    #[error("`{0}` stands twice")]
    Repeated(String),
    /// Two dimensions of which a flow has two values each.
    #[error(
        "`{0}` and `{1}` both count a flow for either of its ends; at most one such dimension can be asked for"
    )]
    TwoSided(By, By),
    /// More rows than an answer can have.
    #[error("from 1 to {MOST_ROWS} rows can be asked for, not {0}")]
    Rows(usize),
    /// A percentile over steps without steps.
    #[error(
        "`{0}` is a percentile over the steps of a time series: say how long these are, such as `--every 5m`"
    )]
    Steps(Measure),
    /// Steps that are too short.
    #[error("a step is at least {} s long", SHORTEST_STEP.as_secs())]
    Short,
    /// Too many steps.
    #[error("that makes {0} steps, at most {MOST_STEPS} are possible: make them longer or the range shorter")]
    TooManySteps(u64),
    /// Too much to keep at once.
    #[error(
        "{rows} rows of {steps} steps each do not fit into the memory allowed: ask for fewer or longer ones"
    )]
    Room {
        /// Rows.
        rows: usize,
        /// Steps.
        steps: usize,
    },
    /// A range without length.
    #[error("the range ends at {until}, which is not after its begin {since}")]
    Empty {
        /// Its begin.
        since: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// The period before a range that is not known.
    #[error("the previous period can be told only of a range: say since when and until when")]
    Previous,
}

impl Request {
    /// Everything that is stored, the ten largest, in at most half a gibibyte.
    pub fn new(by: Vec<By>, measures: Vec<Measure>) -> Self {
        Self {
            by,
            measures,
            filter: Filter::default(),
            since: None,
            until: None,
            every: None,
            top: 10,
            order: None,
            previous: false,
            raw: false,
            memory: 512 << 20,
        }
    }

    /// Whether it can be answered.
    ///
    /// # Errors
    ///
    /// What cannot be.
    pub fn check(&self) -> Result<(), RequestError> {
        if self.measures.is_empty() || self.measures.len() > MOST_MEASURES {
            return Err(RequestError::Measures(self.measures.len()));
        }
        if self.by.len() > MOST_DIMENSIONS {
            return Err(RequestError::Dimensions(self.by.len()));
        }
        if let Some(twice) = twice(&self.by) {
            return Err(RequestError::Repeated(twice.to_string()));
        }
        if let Some(twice) = twice(&self.measures) {
            return Err(RequestError::Repeated(twice.to_string()));
        }
        let mut two_sided = self.by.iter().filter(|by| by.is_two_sided());
        if let (Some(one), Some(other)) = (two_sided.next(), two_sided.next()) {
            return Err(RequestError::TwoSided(*one, *other));
        }
        if self.top == 0 || self.top > MOST_ROWS {
            return Err(RequestError::Rows(self.top));
        }
        self.check_time()
    }

    fn check_time(&self) -> Result<(), RequestError> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && until <= since
        {
            return Err(RequestError::Empty { since, until });
        }
        if self.previous && self.range().is_none() {
            return Err(RequestError::Previous);
        }
        match self.every {
            Some(every) if every < SHORTEST_STEP => Err(RequestError::Short),
            Some(every) => self.range().map_or(Ok(()), |range| check_steps(range, every)),
            None => match self.all_measures().into_iter().find(|m| m.is_over_steps()) {
                Some(measure) => Err(RequestError::Steps(measure)),
                None => Ok(()),
            },
        }
    }

    /// The range, where both ends are said.
    pub fn range(&self) -> Option<Interval> {
        let (start, end) = (self.since?, self.until?);
        Some(Interval { start, end })
    }

    /// The stretch of equal length before a range.
    pub(super) fn previous_range(&self) -> Option<Interval> {
        let range = self.range().filter(|_| self.previous)?;
        Some(Interval {
            start: range.start - range.length(),
            end: range.start,
        })
    }

    /// How rows are ordered.
    pub fn order(&self) -> Order {
        let first = self.measures.first().copied().unwrap_or(Measure::Bytes);
        self.order.unwrap_or(Order {
            measure: first,
            ascending: false,
        })
    }

    /// The measures shown, and that by which rows are ordered.
    pub(super) fn all_measures(&self) -> Vec<Measure> {
        let mut all = self.measures.clone();
        let order = self.order().measure;
        if !all.contains(&order) {
            all.push(order);
        }
        all
    }

    /// What has to be counted for some measures.
    pub(super) fn tallies(measures: &[Measure]) -> Vec<Tally> {
        let mut tallies: Vec<Tally> = measures.iter().flat_map(|m| m.tallies()).copied().collect();
        tallies.sort_unstable();
        tallies.dedup();
        tallies
    }

    /// Whether a flow may count for two groups: then rows add up to more than the total.
    pub fn is_two_sided(&self) -> bool {
        self.by.iter().any(|by| by.is_two_sided())
    }

    /// Every field that answering may read.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = self.fields_of(&Self::tallies(&self.all_measures()));
        fields.extend(self.filter.fields());
        fields.extend([Field::Start, Field::End]);
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// What grouping and counting read, times and the filter aside.
    pub(super) fn fields_of(&self, tallies: &[Tally]) -> Vec<Field> {
        let mut fields: Vec<Field> = self.by.iter().flat_map(|by| by.fields()).collect();
        fields.extend(tallies.iter().flat_map(|tally| tally.fields()));
        if !self.raw && tallies.iter().any(|tally| tally.is_scaled()) {
            fields.extend([Field::SamplingRate, Field::Scaled]);
        }
        fields
    }
}

/// Whether a series of a range has no more steps than are possible.
pub(super) fn check_steps(range: Interval, every: Duration) -> Result<(), RequestError> {
    let steps = range.length().as_nanos().div_ceil(every.as_nanos().max(1));
    match u64::try_from(steps).unwrap_or(u64::MAX) {
        steps if steps > MOST_STEPS => Err(RequestError::TooManySteps(steps)),
        _ => Ok(()),
    }
}

fn twice<T: PartialEq>(items: &[T]) -> Option<&T> {
    items
        .iter()
        .enumerate()
        .find(|(at, item)| items.iter().take(*at).any(|other| other == *item))
        .map(|(_, item)| item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{End, Of, Pair};

    fn request(change: impl FnOnce(&mut Request)) -> Result<(), RequestError> {
        let mut request = Request::new(vec![By::Field(Field::SrcIp)], vec![Measure::Bytes]);
        change(&mut request);
        request.check()
    }

    #[test]
    fn what_cannot_be_answered_is_refused_in_words() {
        let refused: [(RequestError, &str); 7] = [
            (request(|r| r.measures.clear()).unwrap_err(), "metrics"),
            (
                request(|r| r.by = vec![By::Host; 2]).unwrap_err(),
                "`host` stands twice",
            ),
            (
                request(|r| r.by = vec![By::Either(Pair::Ip), By::Net(End::Either, 24, 64)]).unwrap_err(),
                "`ip` and `net24`",
            ),
            (
                request(|r| r.measures = vec![Measure::Percentile(95, Of::BitRate)]).unwrap_err(),
                "--every 5m",
            ),
            (request(|r| r.previous = true).unwrap_err(), "since when"),
            (
                request(|r| {
                    r.since = Some(Timestamp::from_secs(5));
                    r.until = r.since;
                })
                .unwrap_err(),
                "not after",
            ),
            (
                request(|r| {
                    r.since = Some(Timestamp::from_secs(0));
                    r.until = Some(Timestamp::from_secs(86_400 * 30));
                    r.every = Some(Duration::from_secs(1));
                })
                .unwrap_err(),
                "2592000 steps",
            ),
        ];
        for (error, words) in refused {
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_measure_to_order_by_is_counted_though_it_is_not_shown() {
        let mut request = Request::new(vec![], vec![Measure::Bytes]);
        request.order = Some(Order {
            measure: Measure::Packets,
            ascending: false,
        });
        assert!(request.fields().contains(&Field::Packets));
    }
}
