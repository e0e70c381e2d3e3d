//! From a residual in scales to a probability: peaks over a moving threshold with a gamma prior on their mean (4.4).
//!
//! The excess over the threshold is taken as exponential with an unknown mean that has a gamma prior, so the tail of
//! the predictive distribution is that of a generalised Pareto whose heaviness is the uncertainty itself
//! (Siffer et al. KDD 2017 fit such a tail; here it is updated in constant time).

use super::Class;
use super::constants as c;
use super::fleet::TailRecord;
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

/// How tails are followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Law {
    /// Two-sided probability of an exceedance of the thresholds.
    pub(super) zeta: f64,
    /// Bend of excesses.
    pub(super) xi: f64,
    /// The least a threshold may be.
    pub(super) least: f64,
    /// Smallest step of the thresholds' search.
    pub(super) rate: f64,
    /// Half-life of the record, in exceedances.
    pub(super) half_life: f64,
    /// One excess counts at most this many times the mean one.
    pub(super) cap: f64,
}

/// Of single intervals.
pub(super) const POINT: Law = Law {
    zeta: c::ZETA,
    xi: c::XI,
    least: c::THRESHOLD_LEAST,
    rate: c::THRESHOLD_RATE,
    half_life: c::EXCESS_HALF_LIFE,
    cap: c::EXCESS_CAP,
};

/// Of single intervals of a gauge.
pub(super) const GAUGE: Law = Law {
    cap: c::GAUGE_EXCESS_CAP,
    ..POINT
};

/// Of hourly extremes of the slow part.
pub(super) const BLOCK: Law = Law {
    zeta: c::BLOCK_ZETA,
    xi: c::BLOCK_XI,
    least: c::BLOCK_THRESHOLD_LEAST,
    rate: c::BLOCK_THRESHOLD_RATE,
    half_life: c::BLOCK_HALF_LIFE,
    cap: c::GAUGE_EXCESS_CAP,
};

impl Law {
    /// Of single intervals of a class.
    pub(super) fn of(class: Class) -> &'static Self {
        if class == Class::Gauge { &GAUGE } else { &POINT }
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
            upper: c::THRESHOLD_START as f32,
            lower: c::THRESHOLD_START as f32,
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
    pub(super) fn score(&self, law: &Law, m: f64, side: Side, prior: &Prior) -> f64 {
        let u = self.threshold(side);
        if m <= u {
            return -law.zeta.ln() * (m / u).max(0.0);
        }
        let (a, b) = self.posterior(prior);
        -law.zeta.ln() + a * (bend(law, m, u) / b).ln_1p()
    }

    /// How many scales out a residual must lie for [`Tail::score`] to reach `score`.
    pub(super) fn edge(&self, law: &Law, score: f64, side: Side, prior: &Prior) -> f64 {
        let u = self.threshold(side);
        let beyond = score + law.zeta.ln();
        if beyond <= 0.0 {
            return u * (score / -law.zeta.ln()).max(0.0);
        }
        let (a, b) = self.posterior(prior);
        let y = b * (beyond / a).exp_m1();
        u * (1.0 + (law.xi * y).min(40.0).exp_m1() / law.xi)
    }

    /// Takes in a residual of `z` scales. Thresholds move to where they are passed once in 2/zeta intervals each.
    pub(super) fn learn(&mut self, law: &Law, z: f64, prior: &Prior) {
        self.learn_extremes(law, z, -z, prior);
    }

    /// The same for the largest residual above and the largest below of several.
    pub(super) fn learn_extremes(&mut self, law: &Law, above: f64, below: f64, prior: &Prior) {
        for (side, m) in [(Side::Rise, above), (Side::Dip, below)] {
            let u = self.threshold(side);
            if m > u {
                let (a, b) = self.posterior(prior);
                let keep = (-1.0 / law.half_life).exp2();
                self.exceedances = (f64::from(self.exceedances) * keep + 1.0) as f32;
                self.excess = (f64::from(self.excess) * keep + bend(law, m, u).min(law.cap * b / a)) as f32;
            }
        }
        self.seen = self.seen.saturating_add(1);
        let rate = step(self.seen, law.rate);
        self.upper = moved(law, self.upper, above, rate);
        self.lower = moved(law, self.lower, below, rate);
    }

    /// What it has seen beyond its thresholds.
    pub(super) fn record(&self) -> TailRecord {
        TailRecord {
            exceedances: f64::from(self.exceedances),
            excess: f64::from(self.excess),
        }
    }

    /// Keeps only the share `keep` of the record of excesses.
    pub(super) fn forget(&mut self, keep: f64) {
        self.exceedances *= keep as f32;
        self.excess *= keep as f32;
    }
}

/// The excess of `m` over `u`, bent so that a Pareto tail of index 1/xi becomes exponential.
fn bend(law: &Law, m: f64, u: f64) -> f64 {
    (law.xi * (m - u) / u).ln_1p() / law.xi
}

/// The step of the threshold search after `seen` residuals: max(least, .5 / k^.7).
pub(super) fn step(seen: u16, least: f64) -> f64 {
    // Beyond 100 residuals the power is below every floor.
    if seen > 100 {
        least
    } else {
        (0.5 / f64::from(seen.max(1)).powf(0.7)).max(least)
    }
}

/// One step of the search for the quantile 1 - zeta/2 (Robbins and Monro 1951, on the logarithm).
fn moved(law: &Law, u: f32, m: f64, rate: f64) -> f32 {
    let passed = if m > f64::from(u) { 1.0 } else { 0.0 };
    let next = f64::from(u) * (1.0 + rate * (passed - law.zeta / 2.0));
    next.clamp(law.least, 1e6) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_is_where_the_score_is_reached() {
        let mut tail = Tail::new();
        let prior = Prior::default();
        for i in 0..500 {
            tail.learn(&POINT, f64::from(i % 41) / 10.0 - 1.5, &prior);
        }
        for score in [0.5, 3.0, 6.9, 20.0, 60.0] {
            for side in [Side::Rise, Side::Dip] {
                let back = tail.score(&POINT, tail.edge(&POINT, score, side, &prior), side, &prior);
                assert!((back - score).abs() < 1e-6, "{score} came back as {back}");
            }
        }
    }

    #[test]
    fn further_out_is_never_less_strange() {
        let tail = Tail::new();
        let mut last = -1.0;
        for i in 0..2000 {
            let score = tail.score(
                &POINT,
                f64::from(i) * f64::from(i) / 50.0,
                Side::Rise,
                &Prior::default(),
            );
            assert!(score > last && score.is_finite());
            last = score;
        }
    }
}
