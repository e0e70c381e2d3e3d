//! What must hold beside a rule's test before it may open an anomaly.

use super::{Dimension, Metric, Timestamp};
use std::time::Duration;

/// Everything beside the test that decides whether a rule may open an anomaly. Nothing of it ends one that is open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gates {
    /// What must hold in the interval.
    pub when: Option<When>,
    /// How long nothing is opened after a start.
    pub grace: Grace,
    /// Calendars that must all hold.
    pub during: Vec<String>,
    /// Calendars none of which may hold.
    pub outside: Vec<String>,
    /// Traffic that is excused.
    pub except: Vec<Exception>,
    /// Judged, counted and shown, but never told to anybody, and no part of an incident.
    pub shadow: bool,
}

/// A condition with the text it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// As written.
    pub text: String,
    /// What it says.
    pub condition: Condition,
}

/// What must hold in an interval of an entity.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of them.
    All(Vec<Self>),
    /// At least one of them.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A metric, or a ratio of two, compared with a number. A ratio to nothing does not compare.
    Compare {
        /// What is measured.
        metric: Metric,
        /// What it is divided by.
        per: Option<Metric>,
        /// How it must compare.
        than: Than,
        /// With what; in the metric's unit per interval, for a ratio without a unit.
        value: f64,
    },
    /// A metric outside its own usual band, or so many times what is usual.
    Baseline {
        /// What is measured.
        metric: Metric,
        /// More than usual; else less.
        above: bool,
        /// How many times the expected value it must pass; `None` for the edge of the band.
        factor: Option<f64>,
    },
    /// Who brings the most: one who did not before, or no longer the one who did.
    Top {
        /// By what contributors are told apart.
        dimension: Dimension,
        /// Somebody came up; else somebody went.
        joins: bool,
    },
    /// The rule's own test deviated in at least so many of the newest intervals.
    Lasts {
        /// How many, at least 1.
        least: u8,
        /// Of how many, at most 32; the present one among them.
        of: u8,
    },
}

/// How a value must compare with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Than {
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

impl Than {
    /// Whether `left` compares so with `right`. Nothing compares with what is no number.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::More => left > right,
            Self::AtLeast => left >= right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
        }
    }
}

impl Condition {
    /// Whether it stays true as an interval grows, so that it can be asked before the interval is over.
    pub fn stays(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::stays),
            Self::Compare { per, than, .. } => per.is_none() && matches!(than, Than::More | Than::AtLeast),
            Self::Baseline { above, .. } => *above,
            Self::Lasts { .. } => true,
            Self::Not(_) | Self::Top { .. } => false,
        }
    }

    /// Whether any part of it is such.
    pub fn has(&self, such: &impl Fn(&Self) -> bool) -> bool {
        such(self)
            || match self {
                Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.has(such)),
                Self::Not(part) => part.has(such),
                _ => false,
            }
    }

    /// The longest stretch of intervals in which it counts those that deviate.
    pub fn lasts(&self) -> Option<u8> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().filter_map(Self::lasts).max(),
            Self::Not(part) => part.lasts(),
            Self::Lasts { of, .. } => Some(*of),
            Self::Compare { .. } | Self::Baseline { .. } | Self::Top { .. } => None,
        }
    }

    /// Calls `visit` with every metric it asks for, and whether it asks for the metric's baseline.
    pub fn metrics(&self, visit: &mut impl FnMut(Metric, bool)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.metrics(visit)),
            Self::Not(part) => part.metrics(visit),
            Self::Compare { metric, per, .. } => {
                visit(*metric, false);
                per.iter().for_each(|per| visit(*per, false));
            }
            Self::Baseline { metric, .. } => visit(*metric, true),
            Self::Top { .. } | Self::Lasts { .. } => {}
        }
    }
}

/// How long a rule opens nothing after a start; zero for not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grace {
    /// After Tidemark begins to see traffic.
    pub tidemark: Duration,
    /// After an exporter that tells a tenth of everything or more began anew, or was heard for the first time.
    pub exporter: Duration,
    /// After an entity with an address is back that was silent for [`Grace::AWAY`].
    pub host: Duration,
}

impl Grace {
    /// How long an entity must have been silent to be back: longer than pauses at work, shorter than a reboot after an
    /// update takes with its owner at lunch.
    pub const AWAY: Duration = Duration::from_secs(30 * 60);
}

/// Traffic that is excused: an anomaly that is none without its change is not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Filter expression over conversations.
    pub filter: String,
    /// First instant at which it no longer holds; none for good.
    pub until: Option<Timestamp>,
    /// Why, for people.
    pub why: String,
    /// Rules it is for, by name; empty for all. A rule's own has none.
    pub rules: Vec<String>,
}
