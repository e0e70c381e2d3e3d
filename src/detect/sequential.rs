//! Small lasting rises and falls of a count: a mixture Shiryaev-Roberts e-detector on negative binomial ratios (4.7).
//!
//! Shin, Ramdas, Rinaldo, "E-detectors": for each factor phi, R <- (R + 1) P(x; phi mu) / P(x; mu). If mean and size
//! are right, the expected time until the mean of the R passes 1/alpha by chance is at least 1/alpha intervals.

use super::Band;
use super::constants as c;
use super::low::Low;
use super::season::Moment;
use crate::model::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The evidence for a rise by each of the factors of [`c::RISE_FACTORS`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sequential {
    ratios: [f32; 6],
}

/// The evidence for a fall to each of the factors of [`c::FALL_FACTORS`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Fall {
    ratios: [f32; 3],
}

/// Evidence is cut here, far above every threshold.
const EVIDENCE_MOST: f64 = 1e30;

impl Sequential {
    /// Without evidence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a count `x` where `mu` was expected with size `k` (variance mu + mu^2/k). Returns the logarithm of
    /// the mean evidence, which raises an alarm at ln(1/alpha); [`Sequential::reset`] after an alarm.
    ///
    /// Arguments out of range (`x` < 0, `mu` or `k` <= 0, no number) are taken as no news.
    pub fn update(&mut self, x: f64, mu: f64, k: f64) -> f64 {
        step(&mut self.ratios, &c::RISE_FACTORS, x, mu, k);
        self.evidence()
    }

    /// The logarithm of the mean evidence; at least -87.
    pub fn evidence(&self) -> f64 {
        mean(&self.ratios)
    }

    /// Forgets the evidence, after an alarm.
    pub fn reset(&mut self) {
        *self = Self::new();
    }
}

/// One step of the Shiryaev-Roberts recursion for each factor.
fn step(ratios: &mut [f32], factors: &[f64], x: f64, mu: f64, k: f64) {
    if !(x >= 0.0 && mu > 0.0 && k > 0.0 && (x + mu).is_finite()) {
        return;
    }
    let k = k.min(1e6);
    for (ratio, phi) in ratios.iter_mut().zip(factors) {
        let news = x * phi.ln() - (x + k) * ((phi - 1.0) * mu / (mu + k)).ln_1p();
        let grown = (f64::from(*ratio) + 1.0) * news.clamp(-c::RATIO_CAP, c::RATIO_CAP).exp();
        *ratio = grown.min(EVIDENCE_MOST) as f32;
    }
}

/// The logarithm of the mean; at least -87.
fn mean(ratios: &[f32]) -> f64 {
    let sum: f64 = ratios.iter().map(|&r| f64::from(r)).sum();
    (sum / ratios.len() as f64).max(1e-38).ln()
}

/// Evidence of one series after an interval: logarithms, 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// That the mean rose.
    pub rise: f64,
    /// That the mean fell.
    pub fall: f64,
}

/// A series under the sequential test, with its own learned mean, hours and burstiness. About 80 octets while young.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequentialSeries {
    model: Low,
    test: Sequential,
    fall: Fall,
    step: u32,
}

impl SequentialSeries {
    /// Of a count per `interval` (1 ms to 49 days; clamped).
    pub fn new(interval: Duration) -> Self {
        Self {
            model: Low::new(),
            test: Sequential::new(),
            fall: Fall::default(),
            step: u32::try_from(interval.as_millis()).unwrap_or(u32::MAX).max(1),
        }
    }

    /// Takes in the closed interval that starts at `at` and counted `x`; returns the evidence, none until the series
    /// has shown enough. Missing intervals are not passed. The mean does not learn while the evidence of a change is
    /// above a thousand to one.
    pub fn update(&mut self, at: Timestamp, x: f64) -> Evidence {
        let Some(x) = super::Class::Count.clean(x) else {
            return Evidence::default();
        };
        let when = Moment::new(at, self.step);
        let evidence = if self.model.ready() {
            let (high, size) = self.model.cautious_mean_and_size(when, c::MEAN_CAUTION);
            let (low, _) = self.model.cautious_mean_and_size(when, -c::MEAN_CAUTION);
            step(&mut self.fall.ratios, &c::FALL_FACTORS, x, low, size);
            Evidence {
                rise: self.test.update(x, high, size).max(0.0),
                fall: mean(&self.fall.ratios).max(0.0),
            }
        } else {
            Evidence::default()
        };
        if evidence.rise.max(evidence.fall) <= c::FREEZE_ABOVE.ln() {
            self.model.learn(when, x);
        }
        evidence
    }

    /// Count expected in the interval that starts at `at`.
    pub fn expected(&self, at: Timestamp) -> f64 {
        self.model.expected(Moment::new(at, self.step))
    }

    /// Length of an interval.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(u64::from(self.step))
    }

    /// Count expected in the interval that starts at `at`, and the band that a mean over `intervals` like it would leave
    /// once in a thousand, were their counts independent.
    pub fn band(&self, at: Timestamp, intervals: f64) -> Band {
        let when = Moment::new(at, self.step);
        let expected = self.model.expected(when);
        let variance = expected * (1.0 + self.model.dispersion() * expected);
        let off = c::BAND_SIGMAS * (variance / intervals.max(1.0)).sqrt();
        Band {
            expected,
            lower: (expected - off).max(0.0),
            upper: expected + off,
        }
    }

    /// Octets of state, those on the heap included.
    #[cfg(test)]
    pub(crate) fn octets(&self) -> usize {
        size_of::<Self>() + self.model.heap()
    }

    /// Forgets the evidence, after an alarm. The mean is kept.
    pub fn reset(&mut self) {
        self.test.reset();
        self.fall = Fall::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulate::Rng;
    use super::*;

    /// Median delay in intervals (0: the first one) of a rise by `factor` at an alarm of 1 in 1e6, mean known.
    fn delay(mean: f64, factor: f64) -> usize {
        let mut rng = Rng::new(7);
        let mut delays: Vec<usize> = (0..101)
            .map(|_| {
                let mut test = Sequential::new();
                for _ in 0..50 {
                    test.update(rng.negative_binomial(mean, 20.0), mean, 20.0);
                }
                let hit = |_: &usize| {
                    test.update(rng.negative_binomial(mean * factor, 20.0), mean, 20.0) >= 1e6_f64.ln()
                };
                (0..2000).find(hit).unwrap_or(2000)
            })
            .collect();
        delays.sort_unstable();
        delays[50]
    }

    #[test]
    fn delays_are_those_of_the_published_simulation() {
        // (mean, factor, median delay of section 3, tolerance)
        for (mean, factor, want, slack) in [
            (3.0, 1.5, 43, 10),
            (3.0, 3.0, 4, 2),
            (30.0, 1.3, 25, 6),
            (30.0, 1.5, 11, 2),
            (30.0, 2.0, 3, 2),
            (300.0, 1.3, 19, 5),
        ] {
            let got = delay(mean, factor) + 1;
            assert!(
                got.abs_diff(want) <= slack,
                "x{factor} at {mean}: {got}, not {want}"
            );
        }
    }

    #[test]
    fn false_alarms_keep_their_promise() {
        let mut rng = Rng::new(11);
        for mean in [3.0, 30.0] {
            let (mut test, mut alarms) = (Sequential::new(), 0);
            for _ in 0..150_000 {
                if test.update(rng.negative_binomial(mean, 20.0), mean, 20.0) >= 1e3_f64.ln() {
                    alarms += 1;
                    test.reset();
                }
            }
            assert!(
                alarms <= 150,
                "{alarms} alarms at mean {mean} where 150 were promised"
            );
        }
    }

    #[test]
    fn a_series_with_a_learned_mean_finds_a_rise_by_half_and_none_before() {
        let mut rng = Rng::new(3);
        let mut series = SequentialSeries::new(Duration::from_secs(60));
        let at = |i: i64| Timestamp::from_secs(i * 60);
        let threshold = 1e6_f64.ln();
        for i in 0..3000 {
            assert!(
                series.update(at(i), rng.negative_binomial(30.0, 20.0)).rise < threshold,
                "false alarm at {i}"
            );
        }
        let found = (0..60).find(|i| {
            series
                .update(at(3000 + i), rng.negative_binomial(45.0, 20.0))
                .rise
                >= threshold
        });
        assert!(found.is_some_and(|i| i <= 25), "{found:?}");
    }
}
