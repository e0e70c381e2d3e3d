//! Instants and lengths of time as people write them.

use crate::model::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Unit, Zoned};
use std::time::Duration;

const EXPECTED: &str = "expected `2026-03-02T08:40:00Z`, `2026-03-02 08:40`, `2026-03-02`, `now`, `today`, `yesterday`, \
                        `2h ago` or `-2h`";

/// Reads an instant. Without a zone it is in UTC; a date alone, `today` and `yesterday` are its first instant.
///
/// # Errors
///
/// It is no instant; what would be.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is no time; {EXPECTED}");
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return timestamp(at);
    }
    let now = jiff::Timestamp::from_nanosecond(i128::from(now.as_nanos())).map_err(|e| e.to_string())?;
    let now = now.to_zoned(TimeZone::UTC);
    let start_of = |day: &Zoned| day.start_of_day().map_err(|_| wrong());
    let at = match text.to_lowercase().as_str() {
        "now" => now,
        "today" => start_of(&now)?,
        "yesterday" => start_of(&now.yesterday().map_err(|_| wrong())?)?,
        lower => match text.parse::<DateTime>() {
            Ok(at) => at.to_zoned(TimeZone::UTC).map_err(|_| wrong())?,
            Err(_) => {
                // A length of time says by itself only how long: it needs its `-` or `ago`.
                let span: Span = lower.parse().map_err(|_| wrong())?;
                if !span.is_negative() {
                    return Err(wrong());
                }
                now.checked_add(span).map_err(|_| wrong())?
            }
        },
    };
    timestamp(at.timestamp())
}

fn timestamp(at: jiff::Timestamp) -> Result<Timestamp, String> {
    i64::try_from(at.as_nanosecond())
        .map(Timestamp::from_nanos)
        .map_err(|_| "a year from 1678 to 2261".to_owned())
}

/// Reads a length of time of days (of 24 hours) and shorter: `5m`, `1h30m`, `1d`.
///
/// # Errors
///
/// It is no such length; what would be.
pub fn length(text: &str) -> Result<Duration, String> {
    let wrong = || "a length of time such as 30s, 5m, 1h or 1d".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return Err("a length of time of days or shorter: months and years differ".to_owned());
    }
    let seconds = span
        .total((Unit::Second, SpanRelativeTo::days_are_24_hours()))
        .map_err(|_| wrong())?;
    let length = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if length.is_zero() {
        Err(wrong())
    } else {
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Timestamp = Timestamp::from_secs(1_772_440_200); // 2026-03-02T08:30:00Z
        for (text, want) in [
            ("2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z"),
            ("2026-03-02T08:00:00+01:00", "2026-03-02T07:00:00Z"),
            ("2026-03-02 08:00", "2026-03-02T08:00:00Z"),
            ("2026-03-02T08:00:30", "2026-03-02T08:00:30Z"),
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("now", "2026-03-02T08:30:00Z"),
            ("Today", "2026-03-02T00:00:00Z"),
            ("yesterday", "2026-03-01T00:00:00Z"),
            ("2h ago", "2026-03-02T06:30:00Z"),
            ("-90m", "2026-03-02T07:00:00Z"),
            ("1 day ago", "2026-03-01T08:30:00Z"),
            ("2 months ago", "2026-01-02T08:30:00Z"),
        ] {
            assert_eq!(
                moment(text, now).map(|at| at.to_string()),
                Ok(want.to_owned()),
                "{text}"
            );
        }
        for text in ["", "soon", "2h", "2026-13-01", "08:00"] {
            let error = moment(text, now).unwrap_err();
            assert!(error.contains("2h ago"), "{text}: {error}");
        }
    }

    #[test]
    fn lengths_of_time_have_days_of_24_hours() {
        assert_eq!(length("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(length("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(length("1d"), Ok(Duration::from_secs(86_400)));
        for text in ["0s", "-5m", "often", "1 month"] {
            assert!(length(text).is_err(), "{text}");
        }
    }
}
