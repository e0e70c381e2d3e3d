//! What kind of number a series holds, and the scale on which its noise is about constant (4.1).

use super::constants::{BEND, BYTES_UNIT, GAUGE_FLOOR, LARGEST, VARIANCE_FLOOR};
use serde::{Deserialize, Serialize};

/// What kind of number a series holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// How many of something happened in an interval: flows, packets, distinct addresses. Never negative.
    Count,
    /// Octets in an interval. Never negative; many small intervals, few huge ones.
    Bytes,
    /// A level or a ratio of any sign, judged as it is.
    Gauge,
}

impl Class {
    /// A measurement that can be worked with: not negative for counts and bytes, at most 1e15 in size; `None` for
    /// what is no finite number.
    pub(super) fn clean(self, x: f64) -> Option<f64> {
        let least = if self == Self::Gauge { -LARGEST } else { 0.0 };
        x.is_finite().then(|| x.clamp(least, LARGEST))
    }

    /// To the scale on which noise is constant: v = 2/sqrt(a) asinh(sqrt(a (x + 3/8))) (Anscombe 1948), bytes in
    /// units of a small packet, gauges as they are.
    pub(super) fn forward(self, x: f64) -> f64 {
        match self {
            Self::Count => stabilise(x),
            Self::Bytes => stabilise(x / BYTES_UNIT),
            Self::Gauge => x,
        }
    }

    /// Back to linear units; what lies below nothing is nothing.
    pub(super) fn inverse(self, v: f64) -> f64 {
        match self {
            Self::Count => unstabilise(v),
            Self::Bytes => unstabilise(v) * BYTES_UNIT,
            Self::Gauge => v,
        }
    }

    /// Variance that is always there around an expected `v`: that of counting, and that of a measurement with
    /// relative standard deviation `noise`.
    pub(super) fn floor(self, v: f64, noise: f64) -> f64 {
        match self {
            Self::Count | Self::Bytes => VARIANCE_FLOOR + noise * noise / BEND,
            Self::Gauge => {
                let floor = (GAUGE_FLOOR + noise) * v;
                floor * floor + f64::from(f32::MIN_POSITIVE)
            }
        }
    }
}

fn stabilise(x: f64) -> f64 {
    // asinh(y) written out: y is never negative here, and the library's careful form costs three times as much.
    let y = (BEND * (x.max(0.0) + 0.375)).sqrt();
    2.0 / BEND.sqrt() * (y + (y * y + 1.0).sqrt()).ln()
}

fn unstabilise(v: f64) -> f64 {
    let half = (v * BEND.sqrt() / 2.0).clamp(0.0, 40.0).sinh();
    (half * half / BEND - 0.375).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_there_and_back_changes_nothing() {
        for class in [Class::Count, Class::Bytes, Class::Gauge] {
            for x in [0.0, 0.5, 1.0, 40.0, 1e6, 1e12] {
                let back = class.inverse(class.forward(x));
                assert!(
                    (back - x).abs() <= 1e-9 * (1.0 + x),
                    "{class:?} {x} came back as {back}"
                );
            }
        }
    }

    #[test]
    fn poisson_noise_becomes_about_one() {
        for mean in [4.0_f64, 10.0, 30.0] {
            let step = Class::Count.forward(mean + mean.sqrt()) - Class::Count.forward(mean);
            assert!(
                (0.8..1.1).contains(&step),
                "one standard deviation at {mean} is {step}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_refused_and_what_is_too_large_is_cut() {
        assert_eq!(Class::Gauge.clean(f64::NAN), None);
        assert_eq!(Class::Count.clean(-3.0), Some(0.0));
        assert_eq!(Class::Gauge.clean(f64::MIN), Some(-LARGEST));
    }
}
