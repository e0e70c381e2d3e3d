//! The shape of days and weeks: how busy people are at an hour.

use super::exchange::{MINUTE, Nanos};

/// How busy something is over time, 1 at its busiest.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Always the same.
    Flat,
    /// A level for each hour of a working day (UTC), straight lines between them, and a factor for the weekend.
    Day([u8; 24], u8),
    /// A level in thousandths from each instant on, zero before the first.
    Steps(Vec<(Nanos, u16)>),
}

/// People at work: percent by hour, a tenth of it at weekends.
pub(super) const OFFICE: Shape = Shape::Day(
    [
        12, 10, 10, 10, 12, 18, 36, 64, 86, 94, 100, 100, 86, 88, 97, 100, 92, 70, 45, 32, 26, 22, 18, 15,
    ],
    25,
);
/// Visitors from outside: percent by hour, three quarters of it at weekends.
pub(super) const PUBLIC: Shape = Shape::Day(
    [
        45, 40, 35, 35, 38, 45, 58, 74, 86, 92, 95, 97, 100, 100, 98, 96, 95, 95, 98, 100, 98, 90, 75, 60,
    ],
    75,
);

impl Shape {
    /// The level at an instant, from 0 to 1.
    pub(super) fn at(&self, now: Nanos) -> f64 {
        match self {
            Self::Flat => 1.0,
            Self::Day(hours, weekend) => day(hours, *weekend, now),
            Self::Steps(steps) => {
                let passed = steps.partition_point(|&(from, _)| from <= now);
                let level = passed.checked_sub(1).and_then(|last| steps.get(last));
                level.map_or(0.0, |&(_, thousandths)| f64::from(thousandths) / 1000.0)
            }
        }
    }
}

fn day(hours: &[u8; 24], weekend: u8, now: Nanos) -> f64 {
    let minute = now.div_euclid(MINUTE);
    let (hour, past) = (
        (minute.div_euclid(60)).rem_euclid(24) as usize,
        minute.rem_euclid(60),
    );
    let (here, next) = (f64::from(hours[hour]), f64::from(hours[(hour + 1) % 24]));
    let level = (here + (next - here) * past as f64 / 60.0) / 100.0;
    // 1970-01-01 was a Thursday; 0 is Monday.
    let weekday = (minute.div_euclid(24 * 60) + 3).rem_euclid(7);
    if weekday >= 5 {
        level * f64::from(weekend) / 100.0
    } else {
        level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn at(text: &str) -> Nanos {
        let seconds = text.parse::<jiff::Timestamp>().unwrap().as_second();
        Timestamp::from_secs(seconds).as_nanos()
    }

    #[test]
    fn work_days_are_busier_than_nights_and_weekends() {
        let monday = OFFICE.at(at("2026-03-02T10:30:00Z"));
        assert_eq!(monday, 1.0);
        assert!(OFFICE.at(at("2026-03-02T03:00:00Z")) < 0.2);
        assert!(OFFICE.at(at("2026-03-07T10:30:00Z")) < 0.3);
        assert!(OFFICE.at(at("2026-03-08T10:30:00Z")) < 0.3);
        assert_eq!(OFFICE.at(at("2026-03-09T10:30:00Z")), 1.0);
    }

    #[test]
    fn hours_are_joined_by_straight_lines() {
        let half = OFFICE.at(at("2026-03-02T06:30:00Z"));
        assert!((half - 0.5).abs() < 1e-9);
    }

    #[test]
    fn steps_hold_until_the_next() {
        let steps = Shape::Steps(vec![(10, 500), (20, 1000), (30, 0)]);
        let levels = [5, 10, 19, 20, 29, 30].map(|now| steps.at(now));
        assert_eq!(levels, [0.0, 0.5, 0.5, 1.0, 1.0, 0.0]);
    }
}
