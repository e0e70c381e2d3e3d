//! Seeded random numbers for the tests of this module: the same ones on every machine.

/// A xorshift64* generator (Vigna 2016).
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            rng.next();
        }
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Above 0 and below 1.
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(super) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            // Halves of a Poisson count are Poisson counts.
            let half = mean / 2.0;
            return self.poisson(half) + self.poisson(mean - half);
        }
        let (least, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
        while product > least {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }

    /// Gamma with shape `k` and mean `mean` (Marsaglia and Tsang 2000).
    pub(super) fn gamma(&mut self, k: f64, mean: f64) -> f64 {
        if k < 1.0 {
            let power = self.uniform().powf(1.0 / k);
            return self.gamma(k + 1.0, mean * (k + 1.0) / k) * power;
        }
        let d = k - 1.0 / 3.0;
        loop {
            let z = self.normal();
            let v = (1.0 + z / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * z * z + d - d * v + d * v.ln() {
                return d * v * mean / k;
            }
        }
    }

    pub(super) fn negative_binomial(&mut self, mean: f64, k: f64) -> f64 {
        let rate = self.gamma(k, mean);
        self.poisson(rate)
    }
}
