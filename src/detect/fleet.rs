//! What a network's older series teach its younger ones: how heavy tails are here (4.4).
//!
//! The mean excess of a series is one over the rate of its tail, and that rate is taken to differ between series like a
//! gamma variable, the prior of each new one. The prior is fitted by matching moments: were the rates Gamma(A, B), mean
//! excesses would have the mean B/(A-1) and the variance mean^2/(A-2) (inverse gamma), on top of what the finite record
//! of each adds (Robbins 1956, the empirical Bayes approach to statistics).

use super::Class;
use super::constants as c;
use super::tail::Prior;
use serde::{Deserialize, Serialize};

/// The prior of each class of series; the shipped ones until a fleet is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Priors([Prior; 3]);

impl Default for Priors {
    fn default() -> Self {
        Self([Class::Count, Class::Bytes, Class::Gauge].map(Prior::of))
    }
}

impl Priors {
    /// The prior of a class.
    pub fn of(&self, class: Class) -> Prior {
        let Self([count, bytes, gauge]) = *self;
        match class {
            Class::Count => count,
            Class::Bytes => bytes,
            Class::Gauge => gauge,
        }
    }
}

/// The record of a series' tail: how many exceedances, and the sum of their excesses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailRecord {
    /// Exceedances, older ones for less.
    pub exceedances: f64,
    /// Sum of their excesses.
    pub excess: f64,
}

/// Sums over a fleet, in whole numbers: the order in which series are added changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    series: u64,
    mean: u128,
    square: u128,
    /// What the finite records add to the variance.
    noise: u128,
}

/// Fits the priors to a fleet.
///
/// ```
/// use tidemark::detect::{Class, Prior, Priors, Refit, TailRecord};
/// let mut refit = Refit::default();
/// for _ in 0..500 {
///     refit.add(Class::Bytes, TailRecord { exceedances: 100.0, excess: 60.0 });
/// }
/// let fitted = refit.priors().of(Class::Bytes);
/// assert!(fitted.b / fitted.a > Prior::of(Class::Bytes).b / Prior::of(Class::Bytes).a);
/// assert_eq!(refit.priors().of(Class::Count), Prior::of(Class::Count));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Refit([Sums; 3]);

/// Fractions are added up in units of this.
const UNIT: f64 = 1e-9;

fn whole(x: f64) -> u128 {
    (x / UNIT).round() as u128
}

impl Refit {
    /// Takes in the tail of a series; one whose record is short teaches nothing.
    pub fn add(&mut self, class: Class, tail: TailRecord) {
        if tail.exceedances < c::FLEET_RECORD || !tail.excess.is_finite() {
            return;
        }
        let mean = (tail.excess / tail.exceedances).clamp(c::FLEET_MEANS.0, c::FLEET_MEANS.1);
        let Self([count, bytes, gauge]) = self;
        let sums = match class {
            Class::Count => count,
            Class::Bytes => bytes,
            Class::Gauge => gauge,
        };
        sums.series += 1;
        sums.mean += whole(mean);
        sums.square += whole(mean * mean);
        sums.noise += whole(mean * mean / tail.exceedances);
    }

    /// The priors that fit; the shipped one where a class has too few series to say, and near it where it has few.
    pub fn priors(&self) -> Priors {
        let shipped = Priors::default();
        let Self([count, bytes, gauge]) = self;
        Priors([
            count.fit(shipped.of(Class::Count)),
            bytes.fit(shipped.of(Class::Bytes)),
            gauge.fit(shipped.of(Class::Gauge)),
        ])
    }
}

impl Sums {
    fn fit(&self, shipped: Prior) -> Prior {
        let n = self.series as f64;
        if n < c::FLEET_LEAST {
            return shipped;
        }
        let of = |sum: u128| sum as f64 * UNIT / n;
        let mean = of(self.mean);
        let variance = (of(self.square) - mean * mean - of(self.noise)).max(0.0);
        // The shipped prior is worth some series of its own.
        let worth = n / (n + c::FLEET_SHIPPED);
        let blend = |own: f64, shipped: f64| shipped + worth * (own - shipped);
        let usual = shipped.b / (shipped.a - 1.0);
        let mean = blend(mean, usual);
        let relative = blend(variance / (mean * mean), 1.0 / (shipped.a - 2.0));
        let a = (2.0 + 1.0 / relative.max(1e-6)).clamp(c::FLEET_A.0, c::FLEET_A.1);
        Prior {
            a,
            b: mean * (a - 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulate::Rng;
    use super::*;

    /// Tails of a fleet whose rates are Gamma(a, b), each known by 200 exceedances.
    fn fleet(a: f64, b: f64, series: usize) -> Vec<TailRecord> {
        let mut rng = Rng::new(41);
        let one = |rng: &mut Rng| {
            let rate = rng.gamma(a, a / b);
            TailRecord {
                exceedances: 200.0,
                excess: rng.gamma(200.0, 200.0 / rate),
            }
        };
        (0..series).map(|_| one(&mut rng)).collect()
    }

    fn fitted(tails: &[TailRecord]) -> Prior {
        let mut refit = Refit::default();
        tails.iter().for_each(|&tail| refit.add(Class::Bytes, tail));
        refit.priors().of(Class::Bytes)
    }

    #[test]
    fn the_prior_that_made_a_fleet_is_found_in_it() {
        for (a, b) in [(8.0, 4.0), (12.0, 2.0), (25.0, 10.0)] {
            let found = fitted(&fleet(a, b, 3000));
            assert!((found.a / a - 1.0).abs() < 0.3, "{a} {b}: {found:?}");
            assert!(
                (found.b / found.a / (b / a) - 1.0).abs() < 0.1,
                "{a} {b}: {found:?}"
            );
        }
    }

    #[test]
    fn few_series_change_little_and_fewer_nothing() {
        let shipped = Prior::of(Class::Bytes);
        let heavy = fleet(20.0, 20.0, 1000);
        assert_eq!(fitted(&heavy[..9]), shipped);
        let (some, all) = (fitted(&heavy[..20]), fitted(&heavy));
        assert!(shipped.b / shipped.a < some.b / some.a && some.b / some.a < all.b / all.a);
    }

    #[test]
    fn the_order_of_series_changes_nothing() {
        let mut tails = fleet(7.0, 3.0, 500);
        let before = fitted(&tails);
        tails.reverse();
        assert_eq!(fitted(&tails), before);
    }

    #[test]
    fn what_fits_is_always_within_its_bounds() {
        for tail in [
            (0.0, 0.0),
            (1e9, 1e12),
            (50.0, f64::NAN),
            (50.0, 0.0),
            (f64::MAX, f64::MAX),
        ] {
            let tail = TailRecord {
                exceedances: tail.0,
                excess: tail.1,
            };
            let prior = fitted(&[tail; 60]);
            assert!(
                prior.a >= 5.0 && prior.a <= 40.0 && prior.b > 0.0 && prior.b.is_finite(),
                "{prior:?}"
            );
        }
    }
}
