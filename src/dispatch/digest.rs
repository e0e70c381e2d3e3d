//! When a digest is due.

use crate::model::{Timestamp, civil};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use std::time::Duration;

/// When, again and again.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    /// At every multiple of this since the epoch; above zero.
    Every(Duration),
    /// When clocks in the zone show this, every day or on one day of the week.
    At(Time, Option<Weekday>, TimeZone),
}

impl Due {
    /// The first instant after `at`.
    ///
    /// ```
    /// use tidemark::dispatch::Due;
    /// use tidemark::model::Timestamp;
    /// let at = Timestamp::from_secs(1_772_438_400); // 2026-03-02 08:00, a Monday
    /// let morning = Due::At(jiff::civil::time(8, 0, 0, 0), None, jiff::tz::TimeZone::UTC);
    /// assert_eq!(morning.after(at).to_string(), "2026-03-03T08:00:00Z");
    /// ```
    pub fn after(&self, at: Timestamp) -> Timestamp {
        match self {
            Self::Every(every) => at.floor(*every) + *every,
            Self::At(time, weekday, zone) => {
                let today = civil(zone, at).date();
                // A week and a day: today's hour may be over.
                let days = std::iter::successors(Some(today), |day| day.tomorrow().ok()).take(9);
                let fits = |day: &jiff::civil::Date| weekday.is_none_or(|weekday| day.weekday() == weekday);
                let mut dues = days
                    .filter(fits)
                    .filter_map(|day| instant(zone, day.to_datetime(*time)));
                dues.find(|due| *due > at).unwrap_or(Timestamp::MAX)
            }
        }
    }
}

/// An hour that clocks skip is taken after the gap.
fn instant(zone: &TimeZone, at: jiff::civil::DateTime) -> Option<Timestamp> {
    let nanos = zone.to_timestamp(at).ok()?.as_nanosecond();
    i64::try_from(nanos).ok().map(Timestamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_nanos(i64::try_from(at.as_nanosecond()).unwrap())
    }

    #[test]
    fn a_digest_is_due_by_the_clock_on_the_wall_through_daylight_saving() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let morning = Due::At(jiff::civil::time(8, 0, 0, 0), None, zone.clone());
        let monday = Due::At(jiff::civil::time(8, 0, 0, 0), Some(Weekday::Monday), zone);
        for (due, from, then) in [
            (&morning, "2026-03-28T06:59:59Z", "2026-03-28T07:00:00Z"),
            (&morning, "2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z"),
            (&monday, "2026-03-29T12:00:00Z", "2026-03-30T06:00:00Z"),
            (&monday, "2026-03-30T06:00:00Z", "2026-04-06T06:00:00Z"),
            (
                &Due::Every(Duration::from_secs(3600)),
                "2026-03-29T12:00:00Z",
                "2026-03-29T13:00:00Z",
            ),
        ] {
            assert_eq!(due.after(at(from)), at(then), "{due:?} after {from}");
        }
    }
}
