//! Calendars: stretches of civil time in a zone, daylight saving included, during or outside of which a rule speaks.

use super::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

/// A named set of instants: hours of weekdays that are no holidays, and windows.
///
/// All times are those of clocks on the wall in `zone`. Where clocks are put forward, an hour that does not exist is
/// skipped; where they are put back, an hour that comes twice holds twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// Its name.
    pub name: String,
    /// Where its clocks hang.
    pub zone: TimeZone,
    /// The ordinary week; none where there are windows alone.
    pub week: Option<Hours>,
    /// Days on which the ordinary week does not hold.
    pub holidays: Vec<Holiday>,
    /// Further stretches, holidays or not.
    pub windows: Vec<Window>,
}

/// Stretches of the day on some days of the week. One that ends before it begins ends on the next day, and belongs to
/// the day on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Days, Monday first.
    pub days: [bool; 7],
    /// From and to, the latter outside; empty for the whole day.
    pub hours: Vec<(Time, Time)>,
}

/// A day that is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holiday {
    /// Once.
    On(Date),
    /// Every year: month and day.
    Yearly(i8, i8),
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// Once: first instant inside, first instant after.
    Once(Timestamp, Timestamp),
    /// Again and again.
    Again(Hours, Nth),
}

/// Which of its weekdays in a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nth {
    /// Every one.
    #[default]
    Every,
    /// The first to the fifth.
    Number(i8),
    /// The last.
    Last,
}

impl Default for Hours {
    /// Always.
    fn default() -> Self {
        Self {
            days: [true; 7],
            hours: Vec::new(),
        }
    }
}

impl Calendar {
    /// Whether `at` lies in it.
    ///
    /// ```
    /// use tidemark::model::{Calendar, Hours, Timestamp};
    /// let days = [true, true, true, true, true, false, false];
    /// let office = Calendar {
    ///     name: "office".into(),
    ///     zone: jiff::tz::TimeZone::UTC,
    ///     week: Some(Hours { days, hours: vec![] }),
    ///     holidays: vec![],
    ///     windows: vec![],
    /// };
    /// let monday = Timestamp::from_secs(1_772_438_400); // 2026-03-02 08:00
    /// assert!(office.holds(monday) && !office.holds(monday - std::time::Duration::from_secs(86_400)));
    /// ```
    pub fn holds(&self, at: Timestamp) -> bool {
        let now = civil(&self.zone, at);
        let works = |day: Date| !self.holidays.iter().any(|holiday| holiday.is(day));
        let week = self.week.as_ref().is_some_and(|week| week.holds(now, works));
        week || self.windows.iter().any(|window| window.holds(at, now))
    }
}

/// The date and time that clocks in `zone` show.
pub fn civil(zone: &TimeZone, at: Timestamp) -> DateTime {
    // Every i64 of nanoseconds lies inside jiff's range of years -9999 to 9999.
    jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos()))
        .map_or(DateTime::MIN, |at| zone.to_datetime(at))
}

/// How far clocks in `zone` are ahead of UTC at `at`, in seconds; behind it where negative.
pub fn ahead(zone: &TimeZone, at: Timestamp) -> i32 {
    jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).map_or(0, |at| zone.to_offset(at).seconds())
}

impl Holiday {
    fn is(&self, day: Date) -> bool {
        match self {
            Self::On(date) => *date == day,
            Self::Yearly(month, of_month) => (day.month(), day.day()) == (*month, *of_month),
        }
    }
}

impl Hours {
    /// Whether a stretch that began on a day that is `right` holds now.
    fn holds(&self, now: DateTime, right: impl Fn(Date) -> bool) -> bool {
        let begins = |day: Date| {
            let weekday = day.weekday().to_monday_zero_offset();
            right(day) && self.days.get(usize::from(weekday.unsigned_abs())) == Some(&true)
        };
        let (today, time) = (now.date(), now.time());
        let inside = |&(from, to): &(Time, Time)| {
            if from < to {
                return begins(today) && from <= time && time < to;
            }
            let since_yesterday = time < to && today.yesterday().is_ok_and(begins);
            since_yesterday || (time >= from && begins(today))
        };
        match self.hours.is_empty() {
            true => begins(today),
            false => self.hours.iter().any(inside),
        }
    }
}

impl Window {
    fn holds(&self, at: Timestamp, now: DateTime) -> bool {
        match self {
            Self::Once(from, until) => *from <= at && at < *until,
            Self::Again(hours, nth) => hours.holds(now, |day| nth.is(day)),
        }
    }
}

impl Nth {
    fn is(self, day: Date) -> bool {
        match self {
            Self::Every => true,
            Self::Number(n) => (day.day() - 1) / 7 + 1 == n,
            Self::Last => day.day() + 7 > day.days_in_month(),
        }
    }
}

/// The days of the week by their names, Monday first.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    /// Office hours in Berlin, by the rule that stands in POSIX (IEEE Std 1003.1, 8.3) for every year.
    fn office(hours: &[(Time, Time)]) -> Calendar {
        Calendar {
            name: "office".into(),
            zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
            week: Some(Hours {
                days: [true, true, true, true, true, false, false],
                hours: hours.to_vec(),
            }),
            holidays: vec![],
            windows: vec![],
        }
    }

    fn utc(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_nanos(at.as_nanosecond() as i64)
    }

    fn held(calendar: &Calendar, instants: &[&str]) -> Vec<bool> {
        instants.iter().map(|text| calendar.holds(utc(text))).collect()
    }

    #[test]
    fn office_hours_follow_the_clock_on_the_wall_in_summer_and_winter() {
        let office = office(&[(time(8, 0, 0, 0), time(18, 0, 0, 0))]);
        // Friday before and Monday after both changes of 2026: 29 March forward, 25 October back.
        let begin = [
            "2026-03-27T06:59:59Z",
            "2026-03-27T07:00:00Z",
            "2026-03-30T05:59:59Z",
            "2026-03-30T06:00:00Z",
        ];
        assert_eq!(held(&office, &begin), [false, true, false, true]);
        let begin = [
            "2026-10-23T05:59:59Z",
            "2026-10-23T06:00:00Z",
            "2026-10-26T06:59:59Z",
            "2026-10-26T07:00:00Z",
        ];
        assert_eq!(held(&office, &begin), [false, true, false, true]);
        let end = [
            "2026-10-23T15:59:59Z",
            "2026-10-23T16:00:00Z",
            "2026-10-26T16:59:59Z",
            "2026-10-26T17:00:00Z",
        ];
        assert_eq!(held(&office, &end), [true, false, true, false]);
    }

    #[test]
    fn an_hour_that_does_not_exist_is_skipped_and_one_that_comes_twice_holds_twice() {
        let mut night = office(&[(time(2, 0, 0, 0), time(3, 0, 0, 0))]);
        night.week = Some(Hours {
            days: [true; 7],
            hours: vec![(time(2, 0, 0, 0), time(3, 0, 0, 0))],
        });
        let minutes_of = |day: &str, hours: u32| {
            let start = utc(day);
            let at = |n: u32| start + std::time::Duration::from_secs(60) * n;
            (0..hours * 60).filter(|&n| night.holds(at(n))).count()
        };
        // From midnight to midnight in Berlin: days of 23, 25 and 24 hours.
        assert_eq!(minutes_of("2026-03-28T23:00:00Z", 23), 0);
        assert_eq!(minutes_of("2026-10-24T22:00:00Z", 25), 120);
        assert_eq!(minutes_of("2026-11-10T23:00:00Z", 24), 60);
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = office(&[(time(22, 0, 0, 0), time(6, 0, 0, 0))]);
        // Friday evening, Saturday morning, Saturday evening, Monday morning; CET.
        let instants = [
            "2026-01-09T21:30:00Z",
            "2026-01-10T04:00:00Z",
            "2026-01-10T21:30:00Z",
            "2026-01-12T04:00:00Z",
        ];
        assert_eq!(held(&night, &instants), [true, true, false, false]);
    }

    #[test]
    fn holidays_are_off_and_windows_hold_on_holidays_too() {
        let mut office = office(&[(time(8, 0, 0, 0), time(18, 0, 0, 0))]);
        office.holidays = vec![Holiday::On(date(2026, 5, 14)), Holiday::Yearly(12, 25)];
        let days = [
            "2026-05-14T10:00:00Z",
            "2026-05-15T10:00:00Z",
            "2026-12-25T10:00:00Z",
            "2028-12-25T10:00:00Z",
        ];
        assert_eq!(held(&office, &days), [false, true, false, false]);
        office.windows = vec![Window::Once(
            utc("2026-05-14T09:00:00Z"),
            utc("2026-05-14T11:00:00Z"),
        )];
        let ends = [
            "2026-05-14T08:59:59Z",
            "2026-05-14T09:00:00Z",
            "2026-05-14T10:59:59Z",
            "2026-05-14T11:00:00Z",
        ];
        assert_eq!(held(&office, &ends), [false, true, true, false]);
    }

    #[test]
    fn the_second_tuesday_and_the_last_sunday_are_found_in_every_month() {
        let on = |day: usize, nth| Calendar {
            week: None,
            windows: vec![Window::Again(
                Hours {
                    days: std::array::from_fn(|i| i == day),
                    hours: vec![],
                },
                nth,
            )],
            ..office(&[])
        };
        let days = |calendar: &Calendar| {
            let first = utc("2026-02-01T12:00:00Z");
            let held =
                (0..59u32).filter(|&n| calendar.holds(first + std::time::Duration::from_secs(86_400) * n));
            held.map(|n| n + 1).collect::<Vec<_>>()
        };
        // February 2026 begins on a Sunday and has 28 days; day 29 of the list is 1 March.
        assert_eq!(days(&on(1, Nth::Number(2))), [10, 28 + 10]);
        assert_eq!(days(&on(6, Nth::Last)), [22, 28 + 29]);
    }
}
