//! How strange it is that nothing comes: the probability of an empty stretch, corrected by past stretches (4.5).

use super::constants::{EXCESS_HALF_LIFE, SILENCE_PRIOR};
use serde::{Deserialize, Serialize};

/// The running stretch of empty intervals and the record of past ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Silence {
    /// Sum of -ln P(empty) over the running stretch.
    run: f32,
    /// Its first summand: what any stretch of one interval has.
    first: f32,
    stretches: f32,
    excess: f32,
}

impl Silence {
    /// -ln of the probability of the running stretch with one more empty interval, whose own is `empty`.
    ///
    /// `evidence` is what the series' mean rests on, in events: a mean known badly makes silence less strange. The
    /// excess over one interval would be exponential with mean about 1 if intervals were independent; its learned
    /// mean corrects for series that come in bursts.
    pub(super) fn score(&self, empty: f64, evidence: f64) -> f64 {
        let run = f64::from(self.run) + empty;
        let first = if self.run > 0.0 {
            f64::from(self.first)
        } else {
            empty
        };
        let evidence = evidence.max(0.5);
        let uncertain = evidence * (run / evidence).ln_1p();
        let (a, b) = (
            SILENCE_PRIOR + f64::from(self.stretches),
            SILENCE_PRIOR + f64::from(self.excess),
        );
        uncertain.min(first + a * ((run - first).max(0.0) / b).ln_1p())
    }

    /// One more empty interval, whose -ln P(empty) is `empty`.
    pub(super) fn extend(&mut self, empty: f64) {
        if self.run == 0.0 {
            self.first = empty as f32;
        }
        self.run = (f64::from(self.run) + empty).min(1e9) as f32;
    }

    /// The stretch is over; `learn` says whether it was usual.
    pub(super) fn end(&mut self, learn: bool) {
        if self.run > 0.0 && learn {
            let keep = (-1.0 / EXCESS_HALF_LIFE).exp2() as f32;
            let mean = (SILENCE_PRIOR as f32 + self.excess) / (SILENCE_PRIOR as f32 + self.stretches);
            self.stretches = self.stretches * keep + 1.0;
            self.excess = self.excess * keep + (self.run - self.first).clamp(0.0, 20.0 * mean);
        }
        self.run = 0.0;
    }
}
