//! Entities without a past of their own, judged by what newcomers usually bring (4.10).
//!
//! How *many* newcomers come in an interval is a count like any other: a [`Baseline`](super::Baseline) of
//! [`Class::Count`](super::Class::Count) over the number of never-seen keys judges it.

use super::constants as c;
use super::tail::{POINT, Prior, Side, Tail};
use serde::{Deserialize, Serialize};

/// What the newcomers of one kind (a combination of dimensions and a metric) bring in their first interval.
///
/// ```
/// use tidemark::detect::{Newcomers, Prior};
/// let (mut pool, prior) = (Newcomers::new(), Prior::default());
/// for i in 0..300 {
///     pool.learn(f64::from(10 + i * 37 % 90), &prior); // packets a minute
/// }
/// assert!(pool.judge(90.0, &prior) < 5.0);
/// assert!(pool.judge(20_000.0, &prior) > 10.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Newcomers {
    mean: f32,
    variance: f32,
    seen: u32,
    tail: Tail,
}

impl Default for Newcomers {
    fn default() -> Self {
        Self::new()
    }
}

impl Newcomers {
    /// A pool nothing is known of.
    pub fn new() -> Self {
        Self {
            mean: 0.0,
            variance: 0.0,
            seen: 0,
            tail: Tail::new(),
        }
    }

    /// Whether enough newcomers were seen to judge one.
    pub fn ready(&self) -> bool {
        self.seen >= c::NEWCOMER_WARM_UP
    }

    /// What a newcomer usually brings (geometric mean), in the metric's unit.
    pub fn expected(&self) -> f64 {
        f64::from(self.mean).exp_m1()
    }

    /// -ln of the probability that a newcomer brings `value` or more; 0 below the usual and until [`Newcomers::ready`].
    pub fn judge(&self, value: f64, prior: &Prior) -> f64 {
        if !self.ready() || value.is_nan() {
            return 0.0;
        }
        self.tail.score(&POINT, self.distance(value), Side::Rise, prior)
    }

    /// Takes in what a newcomer brought, after judging it.
    pub fn learn(&mut self, value: f64, prior: &Prior) {
        if value.is_nan() {
            return;
        }
        if self.ready() {
            self.tail.learn(&POINT, self.distance(value), prior);
        }
        self.seen = self.seen.saturating_add(1);
        let rate = c::NEWCOMER_RATE.max(1.0 / f64::from(self.seen));
        let off = logarithm(value) - f64::from(self.mean);
        let most = if self.ready() {
            c::CLIP * self.spread()
        } else {
            f64::MAX
        };
        let off = off.clamp(-most, most);
        self.mean = (f64::from(self.mean) + rate * off) as f32;
        // West's update: the old and the new deviation together.
        self.variance = ((1.0 - rate) * (f64::from(self.variance) + rate * off * off)) as f32;
    }

    /// How many standard deviations `value` lies out, the mean's own uncertainty included.
    fn distance(&self, value: f64) -> f64 {
        let unsure = (1.0 + 1.0 / f64::from(self.seen.max(1))).sqrt();
        (logarithm(value) - f64::from(self.mean)) / (self.spread() * unsure)
    }

    fn spread(&self) -> f64 {
        f64::from(self.variance).sqrt().max(c::NEWCOMER_SPREAD)
    }
}

fn logarithm(value: f64) -> f64 {
    value.clamp(0.0, c::LARGEST).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::super::simulate::Rng;
    use super::*;

    #[test]
    fn newcomers_are_called_strange_about_as_often_as_promised() {
        let mut rng = Rng::new(21);
        let (mut pool, prior, mut strange) = (Newcomers::new(), Prior::default(), 0);
        for _ in 0..50_000 {
            let value = (3.5 + rng.normal()).exp();
            strange += u32::from(pool.judge(value, &prior) >= 1e3_f64.ln());
            pool.learn(value, &prior);
        }
        // The score is two-sided, so 25 are due on this side; the prior's heavier tail is spent on caution.
        assert!((3..=50).contains(&strange), "{strange} of 50000");
    }

    #[test]
    fn nobody_is_judged_by_fewer_than_twenty_others() {
        let (mut pool, prior) = (Newcomers::new(), Prior::default());
        for _ in 0..19 {
            pool.learn(1.0, &prior);
            assert_eq!(pool.judge(1e9, &prior), 0.0);
        }
        pool.learn(1.0, &prior);
        assert!(pool.judge(1e9, &prior) > 10.0);
    }

    #[test]
    fn no_value_breaks_the_pool() {
        let (mut pool, prior) = (Newcomers::new(), Prior::default());
        for value in [f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, -1.0].repeat(20) {
            pool.learn(value, &prior);
            assert!(pool.judge(value, &prior).is_finite() && pool.expected().is_finite());
        }
    }
}
