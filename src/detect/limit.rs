//! A configured limit on a rate, with a warning before it is reached.

use crate::model::Limit;
use std::time::Duration;

/// How near a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nearness {
    /// Below the warning level.
    Clear,
    /// At or above the warning level, by what was counted or by what it projects to.
    Warn,
    /// At or above the limit, by what was counted.
    Reached,
}

/// What a measurement means for a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// How near.
    pub nearness: Nearness,
    /// What was counted, in the limit's unit per the limit's stretch of time.
    pub rate: f64,
    /// What the interval will come to at this pace, in the same unit; never below `rate`.
    pub projected: f64,
}

/// The part of an interval that must be over before its pace says anything.
const PACE_FROM: f64 = 0.25;

/// Compares `value`, counted over the first `elapsed` of an interval of length `interval`, with `limit`.
///
/// Counts only grow, so what is reached early stays reached, and a projection may warn but never clear and never
/// claim the limit reached. A zero `interval` or `limit.per` and what is no number read as nothing counted.
pub fn check(limit: &Limit, value: f64, interval: Duration, elapsed: Duration) -> Reading {
    let whole = interval.as_secs_f64();
    let scale = limit.per.as_secs_f64() / whole;
    let rate = if whole > 0.0 && value.is_finite() {
        value.max(0.0) * scale
    } else {
        0.0
    };
    let part = (elapsed.as_secs_f64() / whole).clamp(0.0, 1.0);
    let projected = if part >= PACE_FROM { rate / part } else { rate };
    let nearness = if rate >= limit.value && rate > 0.0 {
        Nearness::Reached
    } else if projected >= limit.value * limit.warn_at && rate > 0.0 {
        Nearness::Warn
    } else {
        Nearness::Clear
    };
    Reading {
        nearness,
        rate,
        projected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const LIMIT: Limit = Limit {
        value: 1000.0,
        per: MINUTE,
        warn_at: 0.7,
    };

    #[test]
    fn it_warns_at_seven_tenths_and_is_reached_at_the_limit() {
        for (value, want) in [
            (0.0, Nearness::Clear),
            (699.0, Nearness::Clear),
            (700.0, Nearness::Warn),
            (999.0, Nearness::Warn),
            (1000.0, Nearness::Reached),
        ] {
            assert_eq!(check(&LIMIT, value, MINUTE, MINUTE).nearness, want, "{value}");
        }
    }

    #[test]
    fn half_an_interval_may_warn_by_its_pace_but_reach_only_by_its_count() {
        let half = MINUTE / 2;
        assert_eq!(check(&LIMIT, 349.0, MINUTE, half).nearness, Nearness::Clear);
        assert_eq!(check(&LIMIT, 350.0, MINUTE, half).nearness, Nearness::Warn);
        assert_eq!(check(&LIMIT, 900.0, MINUTE, half).nearness, Nearness::Warn);
        assert_eq!(check(&LIMIT, 1000.0, MINUTE, half).nearness, Nearness::Reached);
    }

    #[test]
    fn one_packet_in_the_first_second_is_no_pace() {
        assert_eq!(
            check(&LIMIT, 20.0, MINUTE, Duration::from_secs(1)).nearness,
            Nearness::Clear
        );
    }

    #[test]
    fn a_limit_per_second_is_compared_with_the_minute_mean() {
        let limit = Limit {
            per: Duration::from_secs(1),
            ..LIMIT
        };
        let reading = check(&limit, 60_000.0, MINUTE, MINUTE);
        assert_eq!(
            (reading.nearness, reading.rate.round()),
            (Nearness::Reached, 1000.0)
        );
    }

    #[test]
    fn nonsense_reads_as_nothing() {
        for value in [f64::NAN, f64::INFINITY, -5.0] {
            assert_eq!(check(&LIMIT, value, MINUTE, MINUTE).nearness, Nearness::Clear);
        }
        assert_eq!(
            check(&LIMIT, 1e9, Duration::ZERO, Duration::ZERO).nearness,
            Nearness::Clear
        );
    }
}
