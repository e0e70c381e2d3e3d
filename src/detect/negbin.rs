//! Tails of the negative binomial distribution in logarithms, exact far beyond where probabilities underflow.
//!
//! Parameters are the mean `mu` and the size `k`: variance mu + mu^2 / k; a large `k` is Poisson. P(X >= x) is the
//! regularised incomplete beta function I_q(x, k) with q = mu / (mu + k) (Johnson, Kemp, Kotz, Univariate Discrete
//! Distributions, 5.6), taken as its continued fraction (Abramowitz and Stegun 26.5.8) without leaving logarithms.

use statrs::function::gamma::ln_gamma;

/// The largest size kept: beyond, the distribution is Poisson to nine digits and the logarithms lose theirs.
const SIZE_MOST: f64 = 1e6;
/// Sums of fewer terms than this are cheaper than special functions.
const SUM_TERMS: f64 = 64.0;

/// A negative binomial distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NegativeBinomial {
    mu: f64,
    k: f64,
    /// -ln P(X = 0).
    empty: f64,
}

impl NegativeBinomial {
    /// With mean `mu` (> 0) and size `k` (> 0), each brought into a workable range.
    pub(super) fn new(mu: f64, k: f64) -> Self {
        let mu = mu.clamp(1e-12, 1e15);
        let k = k.clamp(1e-9, SIZE_MOST);
        let empty = k * (mu / k).ln_1p();
        Self { mu, k, empty }
    }

    /// -ln P(X = 0).
    pub(super) fn empty(&self) -> f64 {
        self.empty
    }

    /// -ln P(X >= x) and -ln P(X <= x). Both are finite and at least 0; the first grows with `x`, the second falls.
    pub(super) fn scores(&self, x: f64) -> (f64, f64) {
        let x = x.ceil().max(0.0);
        if x < SUM_TERMS && self.empty < 600.0 {
            let (below, at) = self.sum(x);
            let rise = if below < 1.0 - 1e-6 {
                -(-below).ln_1p()
            } else {
                -self.ln_upper(x)
            };
            return (rise.max(0.0), -(below + at).min(1.0).ln());
        }
        let rise = -self.ln_upper(x);
        (rise.max(0.0), if x < self.mu { self.dip_far(x) } else { 0.0 })
    }

    /// P(X < x) and P(X = x) by summing up.
    fn sum(&self, x: f64) -> (f64, f64) {
        let q = self.mu / (self.mu + self.k);
        let (mut below, mut p, mut j) = (0.0, (-self.empty).exp(), 0.0);
        while j < x {
            below += p;
            p *= q * (j + self.k) / (j + 1.0);
            j += 1.0;
        }
        (below, p)
    }

    /// The smallest x with -ln P(X >= x) >= `score`, by summing up; at most `most`.
    pub(super) fn edge(&self, score: f64, most: f64) -> f64 {
        let q = self.mu / (self.mu + self.k);
        let rest = (-score).exp();
        let (mut above, mut p, mut j) = (1.0, (-self.empty).exp(), 0.0);
        while above > rest && j < most {
            above -= p;
            p *= q * (j + self.k) / (j + 1.0);
            j += 1.0;
        }
        j
    }

    /// ln P(X >= x) for x >= 1.
    fn ln_upper(&self, x: f64) -> f64 {
        let (mu, k) = (self.mu, self.k);
        let (ln_q, ln_p) = (-(k / mu).ln_1p(), -(mu / k).ln_1p());
        let front = x * ln_q + k * ln_p - ln_beta(x, k);
        let q = mu / (mu + k);
        // The fraction converges fast on the near side of the mean; on the other the complement is taken.
        if q < (x + 1.0) / (x + k + 2.0) {
            front - x.ln() + fraction(x, k, q).ln()
        } else {
            let lower = (front - k.ln()).exp() * fraction(k, x, k / (mu + k));
            (-lower.clamp(0.0, 1.0 - 1e-15)).ln_1p()
        }
    }

    /// -ln P(X <= x) for x below the mean where summing would be long: the beta function's other tail.
    fn dip_far(&self, x: f64) -> f64 {
        let upper = self.ln_upper(x + 1.0);
        let lower = -upper.exp_m1();
        if lower > 1e-10 {
            return -lower.ln();
        }
        // I_p(k, x + 1) itself.
        let (a, b, p) = (self.k, x + 1.0, self.k / (self.mu + self.k));
        let front = -a * (self.mu / self.k).ln_1p() - b * (self.k / self.mu).ln_1p() - ln_beta(a, b) - a.ln();
        -(front + fraction(a, b, p).ln()).min(0.0)
    }
}

/// ln B(a, b), without cancellation where one is far larger.
fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if large > 1e5 * small.max(1.0) {
        ln_gamma(small) - small * (large + (small - 1.0) / 2.0).ln()
    } else {
        ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
    }
}

/// The continued fraction of the incomplete beta function (modified Lentz).
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for i in 1..500 {
        let m = f64::from(i);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            value *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-12 {
            break;
        }
    }
    value.max(TINY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::function::beta::beta_reg;

    #[test]
    fn the_tail_is_the_incomplete_beta_function_where_that_exists() {
        for (mu, k) in [
            (0.02, 0.5),
            (0.3, 10.0),
            (3.0, 2.0),
            (10.0, 1e4),
            (30.0, 20.0),
            (200.0, 5.0),
        ] {
            let model = NegativeBinomial::new(mu, k);
            for x in [1.0, 2.0, 5.0, 20.0, 63.0, 64.0, 100.0, 400.0] {
                let want = -beta_reg(x, k, mu / (mu + k)).ln();
                let (got, _) = model.scores(x);
                if want < 600.0 {
                    assert!(
                        (got - want).abs() < 1e-6 * (1.0 + want),
                        "{mu} {k} {x}: {got}, not {want}"
                    );
                }
            }
        }
    }

    #[test]
    fn both_tails_are_monotone_and_finite_however_far() {
        for (mu, k) in [
            (1e-12, 1e-9),
            (0.02, 0.01),
            (3.0, 1e6),
            (9.0, 0.2),
            (500.0, 50.0),
            (1e15, 1e6),
        ] {
            let model = NegativeBinomial::new(mu, k);
            let (mut rise, mut dip) = (0.0, f64::MAX);
            let mut x = 0.0;
            while x < 1e15 {
                let (r, d) = model.scores(x);
                assert!(r.is_finite() && d.is_finite(), "{mu} {k} {x}: {r} {d}");
                assert!(r >= rise * (1.0 - 1e-6) - 1e-5, "{mu} {k} {x}: {r} after {rise}");
                assert!(d <= dip * (1.0 + 1e-6) + 1e-5, "{mu} {k} {x}: {d} after {dip}");
                (rise, dip) = (r, d);
                x = if x < 300.0 { x + 1.0 } else { x * 1.7 };
            }
        }
    }

    #[test]
    fn the_edge_is_the_first_count_that_is_strange_enough() {
        let model = NegativeBinomial::new(3.0, 5.0);
        let edge = model.edge(6.9, 1e4);
        assert!(model.scores(edge).0 >= 6.9 && model.scores(edge - 1.0).0 < 6.9);
    }
}
