//! From a residual in scales to a probability: peaks over a moving threshold with a gamma prior on their mean (4.4).
//!
//! The excess over the threshold is taken as exponential with an unknown mean that has a gamma prior, so the tail of
//! the predictive distribution is that of a generalised Pareto whose heaviness is the uncertainty itself
//! (Siffer et al. KDD 2017 fit such a tail; here it is updated in constant time).

use super::Class;
use super::constants::{
    EXCESS_CAP, EXCESS_HALF_LIFE, THRESHOLD_LEAST, THRESHOLD_RATE, THRESHOLD_START, XI, ZETA,
};
use serde::{Deserialize, Serialize};

/// What is believed of a tail before a series has shown its own: as if `a` exceedances had summed up to `b`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// Exceedances, above 0.
    pub a: f64,
    /// Sum of their excesses, above 0. Larger is heavier.
    pub b: f64,
}

impl Prior {
    /// The shipped prior of a class: counts are nearer to a bell curve, bytes and gauges heavier.
    pub fn of(class: Class) -> Self {
        match class {
            Class::Count => Self { a: 20.0, b: 4.0 },
            Class::Bytes | Class::Gauge => Self::default(),
        }
    }
}

impl Default for Prior {
    /// The shipped prior (4.4) for anything: [`Prior::of`] knows better.
    fn default() -> Self {
        Self { a: 20.0, b: 6.0 }
    }
}

/// The two tails of a series: a threshold each, one record of excesses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tail {
    upper: f32,
    lower: f32,
    exceedances: f32,
    excess: f32,
    /// Residuals seen; stops at its largest value.
    seen: u16,
}

/// Which side of the expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Above.
    Rise,
    /// Below.
    Dip,
}

impl Tail {
    pub(super) fn new() -> Self {
        Self {
            upper: THRESHOLD_START as f32,
            lower: THRESHOLD_START as f32,
            exceedances: 0.0,
            excess: 0.0,
            seen: 0,
        }
    }

    fn threshold(&self, side: Side) -> f64 {
        f64::from(match side {
            Side::Rise => self.upper,
            Side::Dip => self.lower,
        })
    }

    /// Posterior gamma of the mean excess: shape and scale.
    fn posterior(&self, prior: &Prior) -> (f64, f64) {
        (
            prior.a.max(1.0) + f64::from(self.exceedances),
            prior.b.max(1e-3) + f64::from(self.excess),
        )
    }

    /// -ln of the two-sided probability of a residual at least `m` scales out on `side`; 0 for `m` <= 0.
    /// Continuous and increasing in `m`.
    pub(super) fn score(&self, m: f64, side: Side, prior: &Prior) -> f64 {
        let u = self.threshold(side);
        if m <= u {
            return -ZETA.ln() * (m / u).max(0.0);
        }
        let (a, b) = self.posterior(prior);
        -ZETA.ln() + a * (bend(m, u) / b).ln_1p()
    }

    /// How many scales out a residual must lie for [`Tail::score`] to reach `score`.
    pub(super) fn edge(&self, score: f64, side: Side, prior: &Prior) -> f64 {
        let u = self.threshold(side);
        let beyond = score + ZETA.ln();
        if beyond <= 0.0 {
            return u * (score / -ZETA.ln()).max(0.0);
        }
        let (a, b) = self.posterior(prior);
        let y = b * (beyond / a).exp_m1();
        u * (1.0 + (XI * y).min(40.0).exp_m1() / XI)
    }

    /// Takes in a residual of `z` scales. Thresholds move to where they are passed once in 2/zeta intervals each.
    pub(super) fn learn(&mut self, z: f64, prior: &Prior) {
        for (side, m) in [(Side::Rise, z), (Side::Dip, -z)] {
            let u = self.threshold(side);
            if m > u {
                let (a, b) = self.posterior(prior);
                let keep = (-1.0 / EXCESS_HALF_LIFE).exp2();
                self.exceedances = (f64::from(self.exceedances) * keep + 1.0) as f32;
                self.excess = (f64::from(self.excess) * keep + bend(m, u).min(EXCESS_CAP * b / a)) as f32;
            }
        }
        self.seen = self.seen.saturating_add(1);
        let rate = step(self.seen);
        self.upper = moved(self.upper, z, rate);
        self.lower = moved(self.lower, -z, rate);
    }

    /// Keeps only the share `keep` of the record of excesses.
    pub(super) fn forget(&mut self, keep: f64) {
        self.exceedances *= keep as f32;
        self.excess *= keep as f32;
    }
}

/// The excess of `m` over `u`, bent so that a Pareto tail of index 1/xi becomes exponential.
fn bend(m: f64, u: f64) -> f64 {
    (XI * (m - u) / u).ln_1p() / XI
}

/// The step of the threshold search after `seen` residuals: max(.02, .5 / k^.7).
pub(super) fn step(seen: u16) -> f64 {
    // Beyond 100 residuals the power is below the floor.
    if seen > 100 {
        THRESHOLD_RATE
    } else {
        (0.5 / f64::from(seen.max(1)).powf(0.7)).max(THRESHOLD_RATE)
    }
}

/// One step of the search for the quantile 1 - zeta/2 (Robbins and Monro 1951, on the logarithm).
fn moved(u: f32, m: f64, rate: f64) -> f32 {
    let passed = if m > f64::from(u) { 1.0 } else { 0.0 };
    let next = f64::from(u) * (1.0 + rate * (passed - ZETA / 2.0));
    next.clamp(THRESHOLD_LEAST, 1e6) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_is_where_the_score_is_reached() {
        let mut tail = Tail::new();
        let prior = Prior::default();
        for i in 0..500 {
            tail.learn(f64::from(i % 41) / 10.0 - 1.5, &prior);
        }
        for score in [0.5, 3.0, 6.9, 20.0, 60.0] {
            for side in [Side::Rise, Side::Dip] {
                let back = tail.score(tail.edge(score, side, &prior), side, &prior);
                assert!((back - score).abs() < 1e-6, "{score} came back as {back}");
            }
        }
    }

    #[test]
    fn further_out_is_never_less_strange() {
        let tail = Tail::new();
        let mut last = -1.0;
        for i in 0..2000 {
            let score = tail.score(f64::from(i) * f64::from(i) / 50.0, Side::Rise, &Prior::default());
            assert!(score > last && score.is_finite());
            last = score;
        }
    }
}
