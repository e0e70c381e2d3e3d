//! The one knob: how many false alarms a day are acceptable over everything watched, as a threshold a test (4.8).
//!
//! Expected false alarms add up whatever the dependence between tests, so dividing the budget among them (Bonferroni)
//! is exact for the knob.

use super::constants as c;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A family of tests that shares a part of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Single intervals against the baseline.
    Point,
    /// Slow ramps and shifts.
    Base,
    /// Sequential tests of counts.
    Sequential,
    /// Scans.
    Scan,
    /// Entities never seen before.
    Newcomer,
    /// Services that hosts never offered before.
    Service,
    /// Patterns over single events.
    Pattern,
}

impl Channel {
    /// Its part of the budget; the parts sum up to 1.
    pub const fn share(self) -> f64 {
        match self {
            Self::Point => c::SHARE_POINT,
            Self::Base => c::SHARE_BASE,
            Self::Sequential => c::SHARE_SEQUENTIAL,
            Self::Scan => c::SHARE_SCAN,
            Self::Newcomer => c::SHARE_NEWCOMER,
            Self::Service => c::SHARE_SERVICE,
            Self::Pattern => c::SHARE_PATTERN,
        }
    }
}

/// How many false alarms a day are acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Over everything watched, above 0.
    pub false_alarms_per_day: f64,
}

impl Default for Budget {
    /// One a day.
    fn default() -> Self {
        Self {
            false_alarms_per_day: 1.0,
        }
    }
}

impl Budget {
    /// The score (-ln p) at which a test of `channel` raises an alarm, where `series` of them are watched, each tested
    /// `tests_per_day` times. At least ln 20: nothing more likely than one in twenty is ever an alarm.
    ///
    /// ```
    /// use tidemark::detect::{Budget, Channel};
    /// // 10,000 hosts with six metrics, judged every minute.
    /// let threshold = Budget::default().threshold(Channel::Point, 60_000.0, 1440.0);
    /// assert!((threshold - 19.0).abs() < 0.1);
    /// ```
    pub fn threshold(&self, channel: Channel, series: f64, tests_per_day: f64) -> f64 {
        let tests = series.max(1.0) * tests_per_day.max(1e-3);
        let allowed = self.false_alarms_per_day.clamp(1e-9, 1e9) * channel.share();
        (tests / allowed).ln().max(20.0_f64.ln())
    }
}

/// How many series are scored an interval, averaged over a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    mean: f64,
    weight: f64,
}

impl Watched {
    /// Takes in that `series` were scored in an interval of length `interval`.
    pub fn learn(&mut self, series: usize, interval: Duration) {
        let days = (interval.as_secs_f64() / 86_400.0).clamp(1e-9, 1.0);
        self.weight = self.weight * (-days).exp() + days;
        self.mean += (days / self.weight).min(1.0) * (series as f64 - self.mean);
    }

    /// The average, at least 1.
    pub fn series(&self) -> f64 {
        self.mean.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_the_whole_budget() {
        use Channel::*;
        let sum: f64 = [Point, Base, Sequential, Scan, Newcomer, Service, Pattern]
            .map(Channel::share)
            .iter()
            .sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ten_times_the_series_need_ten_times_the_odds() {
        let budget = Budget::default();
        let few = budget.threshold(Channel::Point, 100.0, 1440.0);
        let many = budget.threshold(Channel::Point, 1000.0, 1440.0);
        assert!((many - few - 10.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn the_number_watched_follows_within_a_day() {
        let minute = Duration::from_secs(60);
        let mut watched = Watched::default();
        watched.learn(50, minute);
        assert_eq!(watched.series(), 50.0);
        for _ in 0..3 * 1440 {
            watched.learn(1000, minute);
        }
        assert!((watched.series() - 1000.0).abs() < 60.0, "{}", watched.series());
    }
}
