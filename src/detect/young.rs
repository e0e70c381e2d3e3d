//! A series too young for its own tail: Student's t on the transformed scale.
//!
//! A few intervals tell a mean and a spread, and the predictive distribution of the next one under normal noise is
//! Student's t with n - 1 degrees of freedom (Gelman et al., Bayesian Data Analysis, section 3.2): heavy while little
//! is known, so that five quiet intervals condemn nothing but a mass. It serves until the baseline is ready.

use super::Class;
use super::constants::{BAND_SIGMAS, VARIANCE_FLOOR};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Intervals from which on a young series is judged.
const LEAST: u16 = 5;
/// Below this no tail is computed: -ln of the smallest double.
const MOST: f64 = 600.0;

/// Number, mean and sum of squared differences of the first intervals (Welford 1962): 12 octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Young {
    seen: u16,
    mean: f32,
    squares: f32,
}

/// What a young series says of an interval; values in linear units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct YoungVerdict {
    /// What was expected.
    pub expected: f64,
    /// Above this an interval would be one in a thousand.
    pub upper: f64,
    /// -ln of the probability of this much or more; 0 below what is expected and while too little is known.
    pub rise: f64,
}

impl Young {
    /// Takes in an interval, after judging it. Stops growing with the 65,535th.
    pub fn learn(&mut self, class: Class, x: f64) {
        let Some(x) = class.clean(x) else { return };
        let v = class.forward(x);
        self.seen = self.seen.saturating_add(1);
        let off = v - f64::from(self.mean);
        let mean = f64::from(self.mean) + off / f64::from(self.seen);
        self.squares += (off * (v - mean)) as f32;
        self.mean = mean as f32;
    }

    /// Judges an interval; learns nothing.
    pub fn judge(&self, class: Class, x: f64) -> YoungVerdict {
        let mean = f64::from(self.mean);
        let expected = if self.seen == 0 { 0.0 } else { class.inverse(mean) };
        let nothing = YoungVerdict {
            expected,
            upper: expected,
            rise: 0.0,
        };
        let (true, Some(x)) = (self.seen >= LEAST, class.clean(x)) else {
            return nothing;
        };
        let n = f64::from(self.seen);
        let variance = f64::from(self.squares) / (n - 1.0) + VARIANCE_FLOOR;
        let scale = (variance * (1.0 + 1.0 / n)).sqrt();
        let distance = (class.forward(x) - mean) / scale;
        YoungVerdict {
            expected,
            upper: class.inverse(mean + scale * edge(n - 1.0)),
            rise: rise(distance, n - 1.0),
        }
    }
}

/// -ln of the probability of a distance or more under Student's t; 0 below what is expected.
fn rise(distance: f64, freedom: f64) -> f64 {
    // The tail is an incomplete beta function, which costs more than all the rest: most intervals need none.
    let predictive = StudentsT::new(0.0, 1.0, freedom);
    let tail = predictive.ok().filter(|_| distance > 0.0).map(|t| t.sf(distance));
    let tail = tail.filter(|tail| *tail < 0.5);
    tail.map_or(0.0, |tail| (-tail.max(1e-260).ln()).min(MOST))
}

/// Where the upper edge of the usual band lies under Student's t, in standard deviations: the Cornish-Fisher expansion
/// (Abramowitz and Stegun 26.7.5), within a hundredth from four degrees of freedom on. To invert the distribution for
/// every series in every interval took half of all computing time.
fn edge(freedom: f64) -> f64 {
    let z = BAND_SIGMAS;
    let odd = [z, z.powi(3), z.powi(5), z.powi(7), z.powi(9)];
    let terms = [
        ([1.0, 1.0, 0.0, 0.0, 0.0], 4.0),
        ([3.0, 16.0, 5.0, 0.0, 0.0], 96.0),
        ([-15.0, 17.0, 19.0, 3.0, 0.0], 384.0),
        ([-945.0, -1920.0, 1482.0, 776.0, 79.0], 92_160.0),
    ];
    let sum = |weights: [f64; 5]| -> f64 { weights.iter().zip(odd).map(|(w, z)| w * z).sum() };
    let (mut edge, mut power) = (z, 1.0);
    for (weights, by) in terms {
        power *= freedom;
        edge += sum(weights) / (by * power);
    }
    edge
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: &[f64]) -> Young {
        let mut young = Young::default();
        values.iter().for_each(|&x| young.learn(Class::Count, x));
        young
    }

    #[test]
    fn the_edge_of_the_band_is_that_of_students_t_within_a_hundredth() {
        for freedom in [4.0, 5.0, 7.0, 10.0, 20.0, 60.0, 1000.0] {
            let exact = StudentsT::new(0.0, 1.0, freedom).unwrap().inverse_cdf(0.999);
            assert!((edge(freedom) / exact - 1.0).abs() < 0.01, "{freedom}: {exact}");
        }
    }

    #[test]
    fn nothing_is_said_of_the_first_intervals() {
        assert_eq!(after(&[3.0; 4]).judge(Class::Count, 1e6).rise, 0.0);
    }

    #[test]
    fn a_mass_after_ten_quiet_intervals_stands_out_and_a_burst_does_not() {
        let quiet = after(&[3.0, 5.0, 1.0, 4.0, 30.0, 2.0, 6.0, 1.0, 12.0, 3.0]);
        assert!(
            quiet.judge(Class::Count, 5000.0).rise > 9.0,
            "{:?}",
            quiet.judge(Class::Count, 5000.0)
        );
        assert!(quiet.judge(Class::Count, 30.0).rise < 5.0);
    }

    #[test]
    fn what_never_happened_is_strange_when_it_happens_a_lot() {
        assert!(after(&[0.0; 12]).judge(Class::Count, 200.0).rise > 14.0);
        assert!(after(&[0.0; 12]).judge(Class::Count, 1.0).rise < 5.0);
    }

    #[test]
    fn the_score_grows_with_the_value_and_stays_finite() {
        let young = after(&[10.0, 12.0, 9.0, 11.0, 10.0, 10.0]);
        let scores: Vec<f64> = (0..60)
            .map(|i| young.judge(Class::Count, 10f64.powf(f64::from(i) / 4.0)).rise)
            .collect();
        assert!(scores.windows(2).all(|w| w[0] <= w[1] + 1e-9) && scores.iter().all(|s| s.is_finite()));
    }

    #[test]
    fn false_alarms_on_bursty_counts_stay_near_what_is_promised() {
        let mut rng = crate::detect::simulate::Rng::new(5);
        let (mut alarms, rounds) = (0, 20_000);
        for _ in 0..rounds {
            let history: Vec<f64> = (0..12).map(|_| rng.negative_binomial(20.0, 2.0)).collect();
            let next = rng.negative_binomial(20.0, 2.0);
            alarms += usize::from(after(&history).judge(Class::Count, next).rise >= 1e3f64.ln());
        }
        assert!(
            alarms <= rounds * 2 / 1000,
            "{alarms} of {rounds} at one in a thousand"
        );
    }
}
