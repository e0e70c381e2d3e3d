//! Where in the day and the week an interval lies.

use super::constants::{self as c, DAY_BINS};
use crate::model::Timestamp;

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// The middle of an interval within the day and the week (UTC), and the interval's length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Part of the day gone, 0 to 1.
    pub(super) day: f64,
    /// Part of the week gone, 0 to 1; weeks begin on the epoch's weekday.
    pub(super) week: f64,
    /// Length of the interval in seconds.
    pub(super) step: f64,
    /// Number of the hour, cut to 32 bits; of the interval where that is longer.
    pub(super) block: u32,
}

impl Moment {
    /// Of the interval that starts at `at` and lasts `step` milliseconds.
    pub(super) fn new(at: Timestamp, step: u32) -> Self {
        let middle = at.as_nanos().saturating_add(i64::from(step) * 500_000) / 1_000_000;
        let part = |cycle: i64| middle.rem_euclid(cycle * 1000) as f64 / (cycle * 1000) as f64;
        Self {
            day: part(DAY),
            week: part(WEEK),
            step: f64::from(step) / 1000.0,
            block: middle.div_euclid((c::BLOCK * 1000.0).max(f64::from(step)) as i64) as u32,
        }
    }

    /// Hour of the day, 0 to 23.
    pub(super) fn hour(&self) -> usize {
        ((self.day * 24.0) as usize).min(23)
    }

    /// Bins of a daily profile for intervals of this length: none may be skipped.
    pub(super) fn day_bins(&self) -> usize {
        if self.step * DAY_BINS as f64 > DAY as f64 {
            24
        } else {
            DAY_BINS
        }
    }

    /// Half hour of the day, 0 to 47.
    pub(super) fn half_hour(&self) -> usize {
        ((self.day * 48.0) as usize).min(47)
    }

    /// How many intervals lie in a bin of `seconds`, at least one.
    pub(super) fn intervals_in(&self, seconds: f64) -> f64 {
        (seconds / self.step).max(1.0)
    }
}
