//! When a flow was: the times of a record in whatever form, related to the message that brought it, and corrected.

use super::{Account, Config};
use crate::model::Timestamp;
use crate::wire::export::{Fields, Header, Number, Plan, Unit};
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;
const MILLI: i64 = 1_000_000;
/// Seconds from 1900 to 1970 (RFC 5905 section 6).
const NTP_TO_UNIX: i64 = 2_208_988_800;

/// The clocks of one message: the exporter's, which its times relate to, and ours. Nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Arrival.
    at: i64,
    /// Export, by the exporter's clock.
    exported: i64,
    /// Milliseconds since the exporter started, where the header says so.
    uptime: Option<u32>,
    /// When the exporter started, where options data or the record says so.
    pub started: Option<i64>,
    /// Whether the two clocks differ by more than is allowed.
    skewed: bool,
    skew: i64,
    longest: i64,
}

/// Start and end of a flow, and where from they are counted.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: i64,
    end: i64,
    /// By the exporter's clock rather than by the message's header.
    absolute: bool,
}

impl Clock {
    /// Of a message with this header that arrived `at`. Arrival at the epoch is taken for unknown.
    pub fn new(at: Timestamp, header: &Header, config: &Config) -> Self {
        let (arrived, exported) = (at.as_nanos(), header.exported.as_nanos());
        let (at, skew) = if arrived == 0 {
            (exported, i64::MAX / 4)
        } else {
            (arrived, nanos(config.skew))
        };
        Self {
            at,
            exported,
            uptime: header.uptime,
            started: None,
            skewed: at.saturating_sub(exported).saturating_abs() > skew,
            skew,
            longest: nanos(config.longest_flow),
        }
    }

    /// The same for an exporter that started then, nanoseconds since 1970.
    pub fn of_start(self, started: Option<i64>) -> Self {
        Self { started, ..self }
    }

    /// Arrival less export, nanoseconds.
    pub fn offset(&self) -> i64 {
        self.at.saturating_sub(self.exported)
    }

    /// How long after the end of a flow its record arrived, nanoseconds; 0 where it ends later.
    pub fn lateness(&self, end: Timestamp) -> i64 {
        self.at.saturating_sub(end.as_nanos()).max(0)
    }

    /// Start and end of a record with fixed times, in milliseconds since the exporter started.
    #[inline]
    pub fn fixed(&self, first: u32, last: u32, account: &mut Account) -> (Timestamp, Timestamp) {
        let unknown = first == 0 && last == 0;
        let start = self.since_start(u64::from(first)).filter(|_| !unknown);
        let end = self.since_start(u64::from(last)).filter(|_| !unknown);
        let span = Span {
            start: start.unwrap_or(self.exported),
            end: end.unwrap_or(self.exported),
            absolute: false,
        };
        self.place(span, account)
    }

    /// Start and end of a record of `plan`.
    #[inline]
    pub fn times(&self, plan: &Plan, fields: &Fields, account: &mut Account) -> (Timestamp, Timestamp) {
        let start = plan
            .start
            .and_then(|unit| self.instant(unit, fields, Number::Start));
        let end = plan.end.and_then(|unit| self.instant(unit, fields, Number::End));
        let relative = matches!(plan.start, Some(Unit::Uptime | Unit::MicrosBefore) | None)
            && matches!(plan.end, Some(Unit::Uptime | Unit::MicrosBefore) | None);
        let span = match (start, end) {
            (Some(start), Some(end)) => (start, end),
            (Some(start), None) => (start, start.saturating_add(duration(plan, fields))),
            (None, Some(end)) => (end.saturating_sub(duration(plan, fields)), end),
            (None, None) => self.unplaced(plan, fields),
        };
        let span = Span {
            start: span.0,
            end: span.1,
            absolute: !relative,
        };
        self.place(span, account)
    }

    /// Where nothing says when it was, it ended when it was exported.
    fn unplaced(&self, plan: &Plan, fields: &Fields) -> (i64, i64) {
        let uptimes = plan.start == Some(Unit::Uptime) && plan.end == Some(Unit::Uptime);
        let length = if uptimes {
            // Without a start to count from their difference is still good.
            let (start, end) = (fields.number(Number::Start), fields.number(Number::End));
            i64::from((end as u32).wrapping_sub(start as u32)).saturating_mul(MILLI)
        } else {
            duration(plan, fields)
        };
        let length = if length > self.longest { 0 } else { length };
        (self.exported.saturating_sub(length), self.exported)
    }

    /// A time of the record; `None` where it is zero, or counts from a start that is not known.
    fn instant(&self, unit: Unit, fields: &Fields, of: Number) -> Option<i64> {
        let value = fields.number(of);
        if value == 0
            && (unit != Unit::Uptime || fields.either(Number::Start, Number::End) == 0)
            && unit != Unit::MicrosBefore
        {
            return None;
        }
        let signed = i64::try_from(value).unwrap_or(i64::MAX);
        Some(match unit {
            Unit::Seconds => signed.saturating_mul(SECOND),
            Unit::Millis => signed.saturating_mul(MILLI),
            Unit::NtpMicros => ntp(value, 1_000),
            Unit::NtpNanos => ntp(value, 1),
            Unit::MicrosBefore => self.exported.saturating_sub(signed.saturating_mul(1_000)),
            Unit::Uptime => match fields.number(Number::SystemStart) {
                0 => return self.since_start(value),
                started => i64::try_from(started)
                    .unwrap_or(i64::MAX)
                    .saturating_mul(MILLI)
                    .saturating_add(signed.saturating_mul(MILLI)),
            },
        })
    }

    /// From milliseconds since the exporter started. The header's own count places them; both wrap after 49.7 days,
    /// so their difference is taken in 32 bits, signed: a flow may end a little after its message was stamped.
    fn since_start(&self, value: u64) -> Option<i64> {
        if let Some(now) = self.uptime {
            let age = now.wrapping_sub(value as u32).cast_signed();
            return Some(self.exported.saturating_sub(i64::from(age) * MILLI));
        }
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.started
            .map(|at| at.saturating_add(value.saturating_mul(MILLI)))
    }

    /// Corrects what cannot be, and counts it.
    #[inline]
    fn place(&self, span: Span, account: &mut Account) -> (Timestamp, Timestamp) {
        let Span {
            mut start, mut end, ..
        } = span;
        let mut corrected = false;
        if start > end {
            (start, corrected) = (end, true);
        }
        if end.saturating_sub(start) > self.longest {
            (start, corrected) = (end.saturating_sub(self.longest), true);
        }
        if self.skewed && !(span.absolute && self.at.saturating_sub(end).saturating_abs() <= self.skew) {
            // By the exporter's own clock it is as old as it is by ours after the shift.
            let shift = self.offset();
            (start, end) = (start.saturating_add(shift), end.saturating_add(shift));
            account.skewed += 1;
        }
        let age = self.at.saturating_sub(end);
        if age < self.skew.saturating_neg() || age > self.longest.saturating_add(self.skew) {
            let length = end.saturating_sub(start);
            (start, end, corrected) = (self.at.saturating_sub(length), self.at, true);
        }
        account.corrected += u64::from(corrected);
        (Timestamp::from_nanos(start), Timestamp::from_nanos(end))
    }
}

/// The stated duration, nanoseconds; 0 where there is none.
fn duration(plan: &Plan, fields: &Fields) -> i64 {
    let value = i64::try_from(fields.number(Number::Duration)).unwrap_or(i64::MAX);
    match plan.duration {
        Some(Unit::Millis) => value.saturating_mul(MILLI),
        Some(_) => value.saturating_mul(1_000),
        None => 0,
    }
}

/// NTP time to nanoseconds since 1970. Some exporters write plain micro- or nanoseconds since 1970 into these
/// elements; as NTP times those would lie before 1968, which none does: `scale` makes nanoseconds of them.
fn ntp(value: u64, scale: i64) -> i64 {
    let (seconds, fraction) = (value >> 32, value & 0xffff_ffff);
    if seconds >> 31 == 0 {
        return i64::try_from(value).unwrap_or(i64::MAX).saturating_mul(scale);
    }
    let nanos = (fraction * SECOND as u64) >> 32;
    (seconds as i64 - NTP_TO_UNIX) * SECOND + nanos as i64
}

fn nanos(span: Duration) -> i64 {
    // A quarter of what a Timestamp holds: sums of two stay inside.
    i64::try_from(span.as_nanos())
        .unwrap_or(i64::MAX)
        .min(i64::MAX / 4)
}
