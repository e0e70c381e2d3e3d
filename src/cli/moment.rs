//! Now, for what is asked relative to it.

pub(super) use crate::query::length;

use crate::model::Timestamp;
use crate::query::moment;

/// Now, as the wall clock has it.
pub(super) fn present() -> Timestamp {
    let now = jiff::Timestamp::now().as_nanosecond();
    Timestamp::from_nanos(i64::try_from(now).unwrap_or(i64::MAX))
}

/// What `--since` and `--until` say, relative to the same `now`.
pub(super) fn range(
    since: Option<&str>,
    until: Option<&str>,
    now: Timestamp,
) -> Result<[Option<Timestamp>; 2], String> {
    let time = |name: &str, text: Option<&str>| {
        let at = text.map(|text| moment(text, now)).transpose();
        at.map_err(|e| format!("{name}: {e}"))
    };
    Ok([time("--since", since)?, time("--until", until)?])
}

/// Reads an instant as an argument of the command line.
pub(super) fn from_now(text: &str) -> Result<Timestamp, String> {
    moment(text, present())
}
