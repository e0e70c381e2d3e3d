//! Event time: instants and the half-open intervals they fall into.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// An instant of event time: nanoseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted.
///
/// Range: 1677-09-21 to 2262-04-11; arithmetic saturates at both ends. Zero is the epoch, which many captures use
/// for "unknown". Serialised it is RFC 3339 text in formats that people read, and a number of nanoseconds in others.
///
/// ```
/// use tidemark::model::Timestamp;
/// let at = Timestamp::from_secs(1_700_000_000);
/// assert_eq!(at.to_string(), "2023-11-14T22:13:20Z");
/// assert_eq!((at + std::time::Duration::from_millis(1500)).to_string(), "2023-11-14T22:13:21.5Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant that can be written.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant that can be written.
    pub const MAX: Self = Self(i64::MAX);

    /// Nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Seconds since the epoch; saturates.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Seconds and a fraction in nanoseconds since the epoch; saturates.
    pub const fn from_parts(secs: i64, nanos: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded towards the past.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Seconds since the epoch with a fraction, for plots and JSON numbers.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The start of the stretch of length `step` (aligned to the epoch) that holds this instant.
    ///
    /// A zero `step` counts as one nanosecond.
    pub fn floor(self, step: Duration) -> Self {
        let step = nanos(step).max(1);
        Self(self.0.saturating_sub(self.0.rem_euclid(step)))
    }

    /// Time since `earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A duration in nanoseconds, saturated to what a [`Timestamp`] can hold.
fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(span)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many digits of a second as are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every i64 of nanoseconds lies inside jiff's range of years -9999 to 9999.
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads RFC 3339 text, such as `2023-11-14T22:13:20.5Z`.
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        let read: jiff::Timestamp = text.parse()?;
        Ok(Self::from_parts(
            read.as_second(),
            i64::from(read.subsec_nanosecond()),
        ))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// A half-open stretch of event time, `start` inside, `end` outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
}

impl Interval {
    /// The interval of length `step`, aligned to the epoch, that holds `at`.
    pub fn holding(at: Timestamp, step: Duration) -> Self {
        let start = at.floor(step);
        Self {
            start,
            end: start + step,
        }
    }

    /// Whether `at` lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// Its length.
    pub fn length(&self) -> Duration {
        self.end.since(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_belongs_to_exactly_one_interval() {
        let step = Duration::from_secs(60);
        for nanos in [-60_000_000_001, -1, 0, 1, 59_999_999_999, 60_000_000_000] {
            let at = Timestamp::from_nanos(nanos);
            let here = Interval::holding(at, step);
            assert!(here.contains(at), "{at}");
            assert_eq!(here.length(), step);
            assert!(!Interval::holding(here.end, step).contains(at));
        }
    }

    #[test]
    fn the_ends_of_time_saturate() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::from_secs(1), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
        assert!(Timestamp::MIN.to_string().starts_with("1677-09-21"));
    }
}
