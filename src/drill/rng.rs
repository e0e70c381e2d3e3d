//! Seeded randomness that is the same on every machine, so that a plan always makes the same octets.
//!
//! Only integer arithmetic and the exactly rounded IEEE 754 operations (+ - * / and comparison) are used: the
//! logarithm and exponential are computed here instead of by the platform's mathematics library.

pub(super) use crate::model::mix_step as mix;

/// xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018; public domain),
/// seeded by SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub(super) struct Rng {
    state: [u64; 4],
}

/// The top 53 bits of `bits` as a number from 0 (inside) to 1 (outside).
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

impl Rng {
    /// The generator of one purpose: `label` separates streams of one seed, so that adding a purpose changes no
    /// other.
    pub(super) fn new(seed: u64, label: &str) -> Self {
        let mut at = seed;
        for octet in label.bytes() {
            at = mix(at ^ u64::from(octet));
        }
        let state = std::array::from_fn(|i| mix(at.wrapping_add(i as u64)));
        Self { state }
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// From 0 (inside) to 1 (outside).
    pub(super) fn unit(&mut self) -> f64 {
        unit(self.bits())
    }

    /// An integer from 0 to `end`, `end` outside; 0 when `end` is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// An integer from `low` to `high`, both inside.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of `items`, which must not be empty.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Exponential distribution.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * ln(1.0 - self.unit())
    }

    /// Standard normal distribution, by the sum of twelve uniform numbers: close enough within three deviations,
    /// and it never leaves six.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Log-normal distribution with the given median and deviation of the logarithm, clipped to `low..=high`.
    pub(super) fn log_normal(&mut self, median: u64, sigma: f64, low: u64, high: u64) -> u64 {
        let value = median as f64 * exp(sigma * self.normal());
        (value as u64).clamp(low, high)
    }
}

/// Natural logarithm of a positive normal number: the exponent, and the series of 2 artanh((m-1)/(m+1)).
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    let z = (m - 1.0) / (m + 1.0);
    let (mut term, mut sum) = (z, 0.0);
    for n in 0..20 {
        sum += term / f64::from(2 * n + 1);
        term *= z * z;
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * sum
}

/// Exponential by the Taylor series at a sixty-fourth of `x`, then squared six times; for |x| below 30.
fn exp(x: f64) -> f64 {
    let x = x / 64.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..14 {
        term *= x / f64::from(n);
        sum += term;
    }
    (0..6).fold(sum, |e, _| e * e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_a_stream_never_changes() {
        // Golden values: a change here changes every capture ever made.
        assert_eq!(Rng::new(1, "web").bits(), 8_308_318_840_606_341_005);
    }

    #[test]
    fn the_generator_is_xoshiro256starstar() {
        // What the authors' own program prints from this state.
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let four = std::array::from_fn(|_| rng.bits());
        assert_eq!(four, [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn streams_of_one_seed_differ_by_label_and_by_seed() {
        let first = |seed, label| Rng::new(seed, label).bits();
        assert_ne!(first(1, "web"), first(1, "dns"));
        assert_ne!(first(1, "web"), first(2, "web"));
    }

    #[test]
    fn logarithm_and_exponential_agree_with_the_platform() {
        for x in [1e-9, 0.1, 0.5, 1.0, 1.9, 2.0, 7.3, 1e6] {
            assert!(
                (ln(x) - f64::ln(x)).abs() < 1e-12 * f64::ln(x).abs().max(1.0),
                "{x}"
            );
        }
        for x in [-8.0, -1.0, 0.0, 0.3, 1.0, 9.0] {
            assert!((exp(x) / f64::exp(x) - 1.0).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut rng = Rng::new(7, "moments");
        let n = 20_000;
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || rng.exponential(3.0)) - 3.0).abs() < 0.1);
        assert!(mean(&mut || rng.normal()).abs() < 0.03);
        assert!((mean(&mut || rng.below(10) as f64) - 4.5).abs() < 0.1);
        let below = (0..n)
            .filter(|_| rng.log_normal(1000, 1.0, 0, u64::MAX) < 1000)
            .count();
        assert!((9_500..10_500).contains(&below));
    }
}
