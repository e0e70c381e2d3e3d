//! Durations and sizes as people write them, both ways.

use jiff::{SignedDuration, Span, SpanRelativeTo};
use std::time::Duration;

/// Reads `90s`, `5m`, `1h30m`, `2d`: jiff's friendly format, a day being 24 hours.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = |_| format!("`{text}` is not a duration such as \"90s\", \"5m\" or \"1h30m\"");
    let span: Span = text.parse().map_err(wrong)?;
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(wrong)?;
    Duration::try_from(length).map_err(|_| format!("`{text}` is a negative duration"))
}

/// Writes a duration so that [`duration`] reads it.
pub(super) fn span(duration: Duration) -> String {
    match SignedDuration::try_from(duration) {
        Ok(length) => format!("{length:#}"),
        Err(_) => format!("{}s", duration.as_secs()),
    }
}

/// Writes octets with the largest binary unit that divides them.
pub(super) fn size(octets: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units
        .iter()
        .find(|(_, bits)| octets != 0 && octets.is_multiple_of(1 << bits))
    {
        Some((unit, bits)) => format!("{}{unit}", octets >> bits),
        None => format!("{octets}B"),
    }
}
