//! Numbers, addresses and times as text at the end of a buffer, without allocation: millions of lines pass here.

use crate::model::Timestamp;

/// A whole number in decimal.
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// A number below 10 to the power of `width`, with leading zeros.
fn padded(out: &mut Vec<u8>, value: u32, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10_u32.pow(place) % 10) as u8);
    }
}

/// RFC 3339 in UTC with milli-, micro- or nanoseconds, the fewest that lose nothing.
pub fn time(out: &mut Vec<u8>, at: Timestamp) {
    date_and_time(out, at, b'T');
    let nanos = at.as_nanos().rem_euclid(1_000_000_000) as u32;
    out.push(b'.');
    match nanos {
        n if n.is_multiple_of(1_000_000) => padded(out, n / 1_000_000, 3),
        n if n.is_multiple_of(1_000) => padded(out, n / 1_000, 6),
        n => padded(out, n, 9),
    }
    out.push(b'Z');
}

/// `2026-03-10 13:00:00.123`, the rest of the fraction cut off.
pub fn time_for_people(out: &mut Vec<u8>, at: Timestamp) {
    date_and_time(out, at, b' ');
    out.push(b'.');
    padded(
        out,
        (at.as_nanos().rem_euclid(1_000_000_000) / 1_000_000) as u32,
        3,
    );
}

/// Date and time to the second with `between` between them.
fn date_and_time(out: &mut Vec<u8>, at: Timestamp, between: u8) {
    let seconds = at.as_secs();
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400) as u32;
    for (value, width, after) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, between),
        (second / 3_600, 2, b':'),
        (second / 60 % 60, 2, b':'),
    ] {
        padded(out, value, width);
        out.push(after);
    }
    padded(out, second % 60, 2);
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
///
/// Counts in years that begin in March, so that the leap day is the last of a year, and in eras of 400 such years,
/// which all have 146 097 days. Every [`Timestamp`] lies between the years 1677 and 2262.
fn civil(days: i64) -> (u32, u32, u32) {
    let since_era_zero = days + 719_468;
    let era = since_era_zero.div_euclid(146_097);
    let day_of_era = since_era_zero.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March on, five months in turn have 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year_of_era + era * 400 + next_year;
    (year as u32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_have_the_fewest_digits_that_lose_nothing() {
        let at = |nanos| text(|out| time(out, Timestamp::from_nanos(nanos)));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(1_500_000), "1970-01-01T00:00:00.001500Z");
        assert_eq!(at(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(at(1_709_164_800_000_000_000), "2024-02-29T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn every_time_is_read_back_as_the_same_instant(nanos: i64) {
            let written = text(|out| time(out, Timestamp::from_nanos(nanos)));
            let read: jiff::Timestamp = written.parse().unwrap();
            prop_assert_eq!(read.as_nanosecond(), i128::from(nanos));
        }

        #[test]
        fn numbers_are_written_as_the_standard_library_does(value: u64) {
            prop_assert_eq!(text(|out| number(out, value)), value.to_string());
        }
    }
}
