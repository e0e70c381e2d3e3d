//! What stored flows answered.

use super::by::{By, Value};
use super::figures::Figure;
use super::grouping::Counted;
use super::measure::Measure;
use super::request::Order;
use crate::model::Interval;

/// One group, all others, or all together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its values, in the order of [`Answer::by`]; none for others and all.
    pub key: Vec<Value>,
    /// Its numbers, in the order of [`Answer::measures`].
    pub figures: Vec<Figure>,
    /// For each measure the numbers of all steps; empty without steps.
    pub series: Vec<Vec<Figure>>,
    /// Its numbers in the period before; empty where that was not asked for.
    pub previous: Vec<Figure>,
}

/// What was read for an answer. The store fills in what it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// From when to when the records reach that are kept, where that is known.
    pub reach: Option<Interval>,
    /// Files that were opened.
    pub files: u64,
    /// Files that could not be read.
    pub unreadable: u64,
    /// Records that were left out without a look at them.
    pub skipped: u64,
    /// Octets that were read.
    pub bytes: u64,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What flows are grouped by.
    pub by: Vec<By>,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// How rows are ordered.
    pub order: Order,
    /// Which stretch of time this is: the range asked for; where it was open, as far as flows reach; nothing where it
    /// was open and no time had to be looked at.
    pub range: Option<Interval>,
    /// The steps of the series.
    pub steps: Vec<Interval>,
    /// The period before, where it was asked for.
    pub previous: Option<Interval>,
    /// The foremost groups, in their order.
    pub rows: Vec<Row>,
    /// All other flows together: the total less the rows. None where there are no others, and where a flow may count
    /// for two rows.
    pub other: Option<Row>,
    /// All flows together, each once.
    pub total: Row,
    /// How many groups there are; those given up are not among them.
    pub groups: u64,
    /// What was looked at, in the first walk that grouped, and what was given up for lack of memory.
    pub counted: Counted,
    /// What was read.
    pub read: Read,
    /// What was wrong with the first file that could not be read.
    pub trouble: Option<String>,
}
