//! A series with few events an interval: a negative binomial count whose mean, hours and burstiness are learned (4.5).

use super::constants as c;
use super::level::nudge;
use super::negbin::NegativeBinomial;
use super::season::Moment;
use super::tail::step;
use serde::{Deserialize, Serialize};

/// What is kept of such a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Low {
    /// Forgetting sums of counts and of intervals.
    counts: f32,
    weight: f32,
    /// Forgetting sums of (x - mu)^2 - mu and of mu^2.
    spread: f32,
    square: f32,
    /// Recalibration: threshold on -ln P, exceedances beyond, sum of their excesses.
    threshold: f32,
    exceedances: f32,
    excess: f32,
    /// Intervals learned.
    seen: u32,
    hours: Option<Box<Hours>>,
}

/// Forgetting sums of counts and of intervals for each hour of the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Hours {
    counts: [f32; 24],
    weight: [f32; 24],
}

impl Low {
    pub(super) fn new() -> Self {
        Self::continued(c::PRIOR_MEAN, 0.0, c::PRIOR_INTERVALS)
    }

    /// Continues a series that another model knew: mean `mean`, overdispersion `dispersion`, worth `weight` intervals.
    pub(super) fn continued(mean: f64, dispersion: f64, weight: f64) -> Self {
        let square = if dispersion > 0.0 {
            weight * mean * mean
        } else {
            0.0
        };
        Self {
            counts: (mean * weight) as f32,
            weight: weight as f32,
            spread: (square * dispersion) as f32,
            square: square as f32,
            threshold: -c::COUNT_ZETA.ln() as f32,
            exceedances: 0.0,
            excess: 0.0,
            seen: if weight > c::PRIOR_INTERVALS {
                c::WARM_UP
            } else {
                0
            },
            hours: None,
        }
    }

    /// Whether enough was seen to judge. The model states its own uncertainty, so empty intervals count too.
    pub(super) fn ready(&self) -> bool {
        self.seen >= c::WARM_UP
    }

    /// Mean count per interval over all hours.
    pub(super) fn mean(&self) -> f64 {
        f64::from(self.counts) / f64::from(self.weight).max(1e-9)
    }

    /// How many events the mean rests on.
    pub(super) fn evidence(&self) -> f64 {
        f64::from(self.counts)
    }

    /// Overdispersion: variance = mean + dispersion mean^2, shrunk to a prior.
    pub(super) fn dispersion(&self) -> f64 {
        let (spread, square) = (f64::from(self.spread), f64::from(self.square));
        let weight = c::PRIOR_DISPERSION_WEIGHT;
        ((spread + c::PRIOR_DISPERSION * weight) / (square + weight)).clamp(1e-4, 1e6)
    }

    /// Expected count at `when`.
    pub(super) fn expected(&self, when: Moment) -> f64 {
        let mean = self.mean();
        let Some(hours) = self.hours.as_deref() else {
            return mean;
        };
        let hour = when.hour();
        let get = |sums: &[f32; 24]| f64::from(sums.get(hour).copied().unwrap_or(0.0));
        let factor = (get(&hours.counts) + c::HOUR_SHRINK) / (get(&hours.weight) * mean + c::HOUR_SHRINK);
        mean * factor
    }

    /// The distribution of the count at `when`; `noise` is the relative standard deviation of measuring it.
    pub(super) fn model(&self, when: Moment, noise: f64) -> NegativeBinomial {
        let unsure = 1.0 / (self.evidence() + 0.5);
        NegativeBinomial::new(
            self.expected(when),
            1.0 / (self.dispersion() + noise * noise + unsure),
        )
    }

    /// Mean and size to test a lasting change against: the mean is taken `errors` standard errors higher than learned
    /// (lower where negative), for evidence adds up over intervals and so would an error of the mean.
    pub(super) fn cautious_mean_and_size(&self, when: Moment, errors: f64) -> (f64, f64) {
        let mean = self.mean().max(1e-9);
        let relative_error = ((1.0 / mean + self.dispersion()) / f64::from(self.weight).max(1.0)).sqrt();
        let mu = self.expected(when) * (1.0 + errors * relative_error).max(0.1);
        (
            mu.max(1e-9),
            1.0 / (self.dispersion() + 1.0 / (self.evidence() + 0.5)),
        )
    }

    /// The distribution of the count at `when` if the mean were certain.
    pub(super) fn sure(&self, when: Moment) -> NegativeBinomial {
        NegativeBinomial::new(self.expected(when), 1.0 / self.dispersion())
    }

    /// What a -ln P of `raw` is worth after what the series has shown; never more than `raw`.
    pub(super) fn recalibrated(&self, raw: f64) -> f64 {
        let u = f64::from(self.threshold);
        if raw <= u {
            return raw.min(-c::COUNT_ZETA.ln() * raw / u);
        }
        let (a, b) = self.posterior();
        raw.min(-c::COUNT_ZETA.ln() + a * ((raw - u) / b).ln_1p())
    }

    /// The -ln P that is worth `score`.
    pub(super) fn raw(&self, score: f64) -> f64 {
        let u = f64::from(self.threshold);
        let beyond = score + c::COUNT_ZETA.ln();
        if beyond <= 0.0 {
            return score.max(score * u / -c::COUNT_ZETA.ln());
        }
        let (a, b) = self.posterior();
        score.max(u + b * (beyond / a).exp_m1()).min(600.0)
    }

    fn posterior(&self) -> (f64, f64) {
        (
            c::COUNT_TAIL_A + f64::from(self.exceedances),
            c::COUNT_TAIL_B + f64::from(self.excess),
        )
    }

    /// Takes in a count.
    pub(super) fn learn(&mut self, when: Moment, x: f64) {
        let mu = self.expected(when);
        let (raw, _) = self.model(when, 0.0).scores(x);
        self.seen = self.seen.saturating_add(1);
        if self.ready() {
            self.learn_threshold(raw);
        }
        // A burst teaches only as much as a count that the model still holds possible.
        let sd = (mu + self.dispersion() * mu * mu).sqrt();
        let x = if self.ready() {
            x.min(mu + 10.0 * sd + 10.0)
        } else {
            x
        };
        let keep = 1.0 - c::COUNT_RATE;
        self.counts = (f64::from(self.counts) * keep + x) as f32;
        self.weight = (f64::from(self.weight) * keep + 1.0) as f32;
        // Before the mean has settled, its own error would be taken for burstiness.
        if self.ready() {
            let spread = f64::from(self.spread) * keep + (x - mu) * (x - mu) - mu;
            self.spread = spread.max(0.0) as f32;
            self.square = (f64::from(self.square) * keep + mu * mu) as f32;
        }
        self.learn_hour(when, x);
    }

    /// Takes in a count of an open anomaly: only the recalibration, for one that never saw the worst would promise too
    /// much.
    pub(super) fn learn_strangeness(&mut self, when: Moment, x: f64) {
        if self.ready() {
            let (raw, _) = self.model(when, 0.0).scores(x);
            self.learn_threshold(raw);
        }
    }

    fn learn_threshold(&mut self, raw: f64) {
        let u = f64::from(self.threshold);
        let passed = raw > u;
        if passed {
            let (a, b) = self.posterior();
            let keep = (-1.0 / c::EXCESS_HALF_LIFE).exp2();
            self.exceedances = (f64::from(self.exceedances) * keep + 1.0) as f32;
            self.excess = (f64::from(self.excess) * keep + (raw - u).min(c::EXCESS_CAP * b / a)) as f32;
        }
        let rate = step(u16::try_from(self.seen).unwrap_or(u16::MAX), c::THRESHOLD_RATE);
        let target = if passed { 1.0 } else { 0.0 };
        let next = u * (1.0 + rate * (target - c::COUNT_ZETA));
        self.threshold = next.clamp(-c::COUNT_ZETA.ln(), 1e6) as f32;
    }

    fn learn_hour(&mut self, when: Moment, x: f64) {
        if self.hours.is_none() {
            if f64::from(self.counts) < c::HOUR_COUNTS
                || f64::from(self.seen) * when.step < c::DAY_PROFILE_AGE
            {
                return;
            }
            self.hours = Some(Box::new(Hours {
                counts: [0.0; 24],
                weight: [0.0; 24],
            }));
        }
        let Some(hours) = self.hours.as_deref_mut() else {
            return;
        };
        let keep = 1.0 - (when.step / c::HOUR_MEMORY).min(0.1);
        let hour = when.hour();
        for (sums, new) in [(&mut hours.counts, x), (&mut hours.weight, 1.0)] {
            if let Some(sum) = sums.get_mut(hour) {
                nudge(sum, 1.0, f64::from(*sum) * keep + new);
            }
        }
    }

    /// Octets on the heap.
    #[cfg(test)]
    pub(super) fn heap(&self) -> usize {
        self.hours.as_ref().map_or(0, |_| size_of::<Hours>())
    }
}
