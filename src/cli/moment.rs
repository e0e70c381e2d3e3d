//! Now, for what is asked relative to it.

pub(super) use crate::query::{length, moment};

use crate::model::Timestamp;

/// Now, as the wall clock has it.
pub(super) fn present() -> Timestamp {
    let now = jiff::Timestamp::now().as_nanosecond();
    Timestamp::from_nanos(i64::try_from(now).unwrap_or(i64::MAX))
}

/// Reads an instant as an argument of the command line.
pub(super) fn from_now(text: &str) -> Result<Timestamp, String> {
    moment(text, present())
}
