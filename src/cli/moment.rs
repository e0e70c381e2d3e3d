//! Now, for what is asked relative to it.

pub(super) use crate::query::{length, moment};

use crate::model::Timestamp;

/// Now, as the wall clock has it.
pub(super) fn present() -> Timestamp {
    let now = jiff::Timestamp::now().as_nanosecond();
    Timestamp::from_nanos(i64::try_from(now).unwrap_or(i64::MAX))
}
