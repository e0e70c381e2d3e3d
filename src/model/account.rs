//! What a rule did so far: how much it judged, what it found, and what kept it from speaking.

use serde::{Deserialize, Serialize};

/// Times a rule would have opened an anomaly and did not, by what held it back.
///
/// A deviation that is held back in several intervals counts once, like the anomaly it would have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its conditions (`when`) did not hold.
    pub conditions: u64,
    /// Something had just started: Tidemark, an exporter, the host itself.
    pub grace: u64,
    /// Its calendar, or a maintenance window.
    pub calendar: u64,
    /// Exceptions account for it.
    pub exceptions: u64,
    /// Measures: what people said of anomalies, or listed as allowed.
    pub measures: u64,
    /// Nothing is reported yet (`learn`).
    pub learning: u64,
}

impl Held {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.conditions + self.grace + self.calendar + self.exceptions + self.measures + self.learning
    }
}

/// What one rule did, over all runs that the state connects.
///
/// `fired + shadowed` against `promised` is how noisy it is; `tests` against those of all rules is what it costs.
/// Everything is counted from the first interval in which the rule was in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleAccount {
    /// The rule's name.
    pub rule: String,
    /// Anomalies it opened that count.
    pub fired: u64,
    /// Anomalies it opened in shadow.
    pub shadowed: u64,
    /// Anomalies it would have opened.
    pub held: Held,
    /// Whole intervals it judged; times the length of an interval it is how long the rule was in use.
    pub intervals: u64,
    /// Tests it made: a series in an interval, once for each channel; for scans first contacts, for new hosts each of
    /// them.
    pub tests: u64,
    /// False alarms that its thresholds allow for these tests: the sum of `exp(-threshold)` over them, the bound that the
    /// budget sets. Floors, conditions and calendars only lower what is observed. Zero for limits, new hosts
    /// and miners, of which no chance can be stated.
    pub promised: f64,
}

impl RuleAccount {
    /// The empty account of a rule.
    pub fn of(rule: &str) -> Self {
        Self {
            rule: rule.to_owned(),
            ..Self::default()
        }
    }

    /// Counts `tests` that each raise a false alarm with a probability of at most `exp(-threshold)`.
    pub fn test(&mut self, tests: u64, threshold: f64) {
        self.tests += tests;
        self.promised += tests as f64 * (-threshold).exp();
    }
}
