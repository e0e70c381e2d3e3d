//! L3: questions to many Flow Records: which groups there are, what each counted, and how that went over time.
//!
//! A [`Request`] names what flows are grouped by, what is measured, a filter, a range. Who keeps flows walks over them
//! as an [`Inquiry`] says: each walk is a [`Stage`], which knows what columns it reads and what can be left out; a
//! [`Grouping`] takes batches of [`Columns`](crate::model::Columns) in, from memory and from files alike. Groupings of
//! parts merge, in any order and on any thread. What comes out is an [`Answer`].
//!
//! # Time
//!
//! A record's packets and octets are spread evenly from its start to its end, by the arithmetic with which live
//! intervals are made ([`passed`](crate::model::passed)): a range has the part that lies in it, and neighbouring ranges
//! add up. Flows, what became of their contacts, and distributions over flows count where the flow begins; distinct
//! things wherever some of it lies.
//!
//! # Exactness
//!
//! Sums are exact, and so is what is left beside the rows. Distinct counts are exact to about a hundred and have a
//! standard error of 1.6 % beyond ([`DistinctCount`](crate::aggregate::DistinctCount)); percentiles over flows are
//! exact for up to 64 and within 1 % beyond. Groups are limited by memory: when there are too many, the half that is
//! last in the order asked for is given up, counted, and its amounts stay in what is left.

mod answer;
mod by;
mod figures;
mod grouping;
mod inquiry;
mod keys;
mod lanes;
mod measure;
mod moment;
mod percentiles;
mod request;
mod stage;
mod steps;
mod sums;
mod words;

pub use answer::{Answer, Read, Row};
pub use by::{By, End, Pair, Value};
pub use figures::Figure;
pub use grouping::{Counted, Grouping};
pub use inquiry::Inquiry;
pub use measure::{Measure, Of, Unit};
pub use moment::{length, moment};
pub use percentiles::ERROR as PERCENTILE_ERROR;
pub use request::{MOST_DIMENSIONS, MOST_ROWS, MOST_STEPS, Order, Request, RequestError};
pub use stage::{Stage, Sure};
pub use words::{Statistic, WordError};

#[cfg(test)]
mod tests;
