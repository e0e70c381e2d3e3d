//! What the tests of one series say of an interval, each against its own expectation, and which of them speaks.

use super::series::Sequence;
use crate::detect::{Band, Evidence, SlowVerdict, Verdict};
use crate::model::{Deviation, Direction, Timestamp};

/// The score of one test against its threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channelled {
    pub(super) score: f64,
    pub(super) passes: bool,
    pub(super) since: Option<Timestamp>,
    /// Whether the score is a sum over intervals.
    adds_up: bool,
    /// What the test expected.
    band: Band,
}

impl Channelled {
    /// Of a single interval.
    pub(super) fn point(score: f64, threshold: f64, verdict: &Verdict) -> Self {
        Self {
            score,
            passes: score >= threshold,
            since: None,
            adds_up: false,
            band: verdict.band(),
        }
    }

    /// Of the slow part. Its threshold is that of an hour, so a score that passes is told on the scale of intervals.
    pub(super) fn slow(slow: &SlowVerdict, rise: bool, threshold: f64, point: f64) -> Self {
        let score = if rise { slow.rise } else { slow.dip };
        let passes = score >= threshold;
        Self {
            score: if passes { score + point - threshold } else { score },
            passes,
            since: None,
            adds_up: false,
            band: slow.band,
        }
    }

    /// Of what has added up over intervals; the band is that of the mean over them.
    pub(super) fn evidence(
        sequence: &Sequence,
        [at, local]: [Timestamp; 2],
        rise: bool,
        threshold: f64,
    ) -> Self {
        let Evidence { rise: up, fall } = sequence.evidence();
        let score = if rise { up } else { fall };
        Self {
            score,
            passes: score >= threshold,
            since: sequence.since(at, rise),
            adds_up: true,
            band: sequence.band(local, rise),
        }
    }
}

/// What the tests of a rule make of `value`: the strangest of those that pass speaks for it, or else the strangest.
/// Returns the deviation, whether any passes by at least `floor`, and since when.
pub(super) fn speak(
    value: f64,
    direction: Direction,
    floor: f64,
    verdict: &Verdict,
    channels: &[Option<Channelled>],
) -> (Deviation, bool, Option<Timestamp>) {
    let difference = |c: &Channelled| match direction {
        Direction::Below => c.band.expected - value,
        _ => value - c.band.expected,
    };
    let passes = |c: &Channelled| c.passes && difference(c) >= floor && difference(c) > 0.0;
    // A sum of evidence outlives its cause: an interval that is back near its place is judged by itself alone.
    let counts = |c: &Channelled| difference(c) > 0.0 && (!c.adds_up || difference(c) >= floor);
    let score = |c: &Channelled| if counts(c) { c.score } else { 0.0 };
    let all = || channels.iter().flatten();
    let strangest = all().max_by(|a, b| {
        let key = |c: &Channelled| (passes(c), score(c));
        let ((pa, sa), (pb, sb)) = (key(a), key(b));
        // Of equals the first speaks.
        pa.cmp(&pb)
            .then(sa.total_cmp(&sb))
            .then(std::cmp::Ordering::Greater)
    });
    let band = strangest.map_or(verdict.band(), |c| c.band);
    let run = strangest.is_some_and(|c| c.adds_up && counts(c));
    let deviation = Deviation {
        observed: value,
        expected: band.expected,
        // Intervals of a run lie about its mean; none is shown inside the band that the run has left.
        lower: if run && direction == Direction::Below {
            band.lower.max(value)
        } else {
            band.lower
        },
        upper: if run && direction == Direction::Above {
            band.upper.min(value)
        } else {
            band.upper
        },
        score: all().map(score).fold(0.0, f64::max),
    };
    let since = all().filter(|c| passes(c)).filter_map(|c| c.since).min();
    (deviation, all().any(passes), since)
}
