//! The stretches of time that series and their parts are made of.

use super::section::{Entry, Result};
use super::values;
use super::{DAY, HOUR, SECOND};
use std::time::Duration;

pub(super) fn interval(entry: &Entry<'_>) -> Result<Duration> {
    let interval = entry.duration(SECOND * 10..=HOUR)?;
    if DAY.as_nanos().is_multiple_of(interval.as_nanos()) && interval.subsec_nanos() == 0 {
        return Ok(interval);
    }
    let error = entry.error(format!("{} does not divide a day evenly", values::span(interval)));
    Err(error.hint("10s, 15s, 20s, 30s, 1m, 5m, 10m, 15m and 1h do".to_owned()))
}

pub(super) fn tick(entry: &Entry<'_>, interval: Duration) -> Result<Duration> {
    let tick = entry.duration(SECOND..=interval)?;
    if interval.as_nanos().is_multiple_of(tick.as_nanos()) && tick.subsec_nanos() == 0 {
        return Ok(tick);
    }
    let [tick, whole] = [tick, interval].map(values::span);
    Err(entry.error(format!(
        "{tick} does not divide the interval of {whole} into whole seconds"
    )))
}

/// The longest tick up to ten seconds that divides the interval.
pub(super) fn default_tick(interval: Duration) -> Duration {
    let seconds = interval.as_secs();
    let longest = (1..=10).rev().find(|tick| seconds.is_multiple_of(*tick));
    Duration::from_secs(longest.unwrap_or(1))
}
