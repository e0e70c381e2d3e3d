//! Times and durations as people read them: UTC, the date once, no digit that says nothing.

use crate::model::Timestamp;
use crate::model::units::{NONE, duration};
use serde::Serializer;
use std::time::Duration;

/// What follows a slash in a rate: `s`, `min`, `h`, `5 min`.
pub fn per(step: Duration) -> String {
    let text = duration(step);
    text.strip_prefix("1 ").unwrap_or(&text).to_owned()
}

/// Writes instants of one report, in UTC: the time alone on the day the report starts, else with the date.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// The day on which the date goes without saying.
    day: Option<jiff::civil::Date>,
}

impl Clock {
    /// `start` is an instant of the day that was already named; without it every time has its date.
    pub fn new(start: Option<Timestamp>) -> Self {
        Self {
            day: start.map(|at| civil(at).date()),
        }
    }

    /// `13:42`, `13:42:07` or `2026-03-11 00:05`.
    pub fn at(&self, at: Timestamp) -> String {
        let at = civil(at);
        let format = if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        let time = at.strftime(format);
        if self.day == Some(at.date()) {
            time.to_string()
        } else {
            format!("{} {time}", at.date())
        }
    }

    /// `13:42 – 13:55`; an open end reads `since 13:42`.
    pub fn span(&self, start: Timestamp, end: Option<Timestamp>) -> String {
        match end {
            None => format!("since {}", self.at(start)),
            Some(end) => {
                let same_day = Self::new(Some(start));
                // The second date is left out where it is the first one.
                let end = if civil(start).date() == civil(end).date() {
                    same_day.at(end)
                } else {
                    self.at(end)
                };
                format!("{} – {end}", self.at(start))
            }
        }
    }

    /// The span in UTC, seconds cut off, or the words for not knowing it.
    pub fn span_or_unknown(&self, start: Option<Timestamp>, end: Option<Timestamp>) -> String {
        let minute = |at: Timestamp| at.floor(Duration::from_secs(60));
        match (start, end) {
            (Some(start), Some(end)) if end.since(start) > Duration::from_secs(600) => {
                format!("{} UTC", self.span(minute(start), Some(minute(end))))
            }
            (Some(start), end) => {
                let second = |at: Timestamp| at.floor(Duration::from_secs(1));
                format!("{} UTC", self.span(second(start), end.map(second)))
            }
            _ => NONE.to_owned(),
        }
    }
}

/// The date and time of an instant in UTC.
pub(super) fn civil(at: Timestamp) -> jiff::civil::DateTime {
    // Every i64 of nanoseconds lies inside jiff's range, so the default is never used.
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or_default();
    jiff::tz::Offset::UTC.to_datetime(at)
}

/// RFC 3339 text, or null.
pub fn optional_rfc3339<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let seconds = [
            0.0, 0.004, 0.42, 5.0, 59.4, 60.0, 125.0, 12_000.0, 86_400.0, 370_000.0,
        ];
        let said = seconds.map(|s| duration(Duration::from_secs_f64(s)));
        let want = [
            "0 s",
            "0.004 s",
            "0.4 s",
            "5 s",
            "59 s",
            "1 min",
            "2 min 5 s",
            "3 h 20 min",
            "1 d",
            "4 d 6 h",
        ];
        assert_eq!(said, want);
        assert_eq!(
            [1, 10, 60, 300, 3600].map(|s| per(Duration::from_secs(s))),
            ["s", "10 s", "min", "5 min", "h"]
        );
    }

    #[test]
    fn the_date_is_said_once() {
        let start = Timestamp::from_secs(1_773_149_400);
        let clock = Clock::new(Some(start));
        let end = start + Duration::from_secs(787);
        assert_eq!(clock.span(start, Some(end)), "13:30 – 13:43:07");
        assert_eq!(
            Clock::new(None).span(start, Some(end)),
            "2026-03-10 13:30 – 13:43:07"
        );
        assert_eq!(
            clock.span(start, Some(start + Duration::from_secs(43_200))),
            "13:30 – 2026-03-11 01:30"
        );
        assert_eq!(clock.span(start, None), "since 13:30");
    }

    #[test]
    fn the_ends_of_time_can_be_written() {
        assert_eq!(Clock::new(None).at(Timestamp::MIN), "1677-09-21 00:12:43");
        assert_eq!(Clock::new(None).at(Timestamp::MAX), "2262-04-11 23:47:16");
    }
}
