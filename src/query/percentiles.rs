//! Distributions of amounts over flows: exact while they are few, a sketch when they are many.

use sketches_ddsketch::{Config, DDSketch};

/// So many values are kept as they are.
const FEW: usize = 64;
/// The relative error of a percentile of many values.
pub const ERROR: f64 = 0.01;
/// So many bins reach from 1 to 2^64 at that error, so that none is ever given up.
const BINS: u32 = 4096;

/// Values of which percentiles can be asked. What it says depends on the values alone, not on their order.
#[derive(Clone, Default)]
pub(super) struct Percentiles {
    few: Vec<u64>,
    many: Option<Box<DDSketch>>,
}

impl std::fmt::Debug for Percentiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Percentiles of {}", self.len())
    }
}

impl Percentiles {
    /// Adds a value.
    pub(super) fn add(&mut self, value: u64) {
        match &mut self.many {
            Some(sketch) => sketch.add(value as f64),
            None => {
                self.few.push(value);
                self.outgrow();
            }
        }
    }

    /// Adds the values of another.
    pub(super) fn merge(&mut self, other: &Self) {
        if let Some(theirs) = &other.many {
            let mut sketch = theirs.clone();
            match &self.many {
                // Both have the same configuration, hence can be merged.
                Some(ours) => sketch.merge(ours).unwrap_or_default(),
                None => self.few.drain(..).for_each(|value| sketch.add(value as f64)),
            }
            self.many = Some(sketch);
        }
        other.few.iter().for_each(|value| self.add(*value));
    }

    /// Goes from few to many.
    fn outgrow(&mut self) {
        if self.few.len() > FEW {
            let mut sketch = DDSketch::new(Config::new(ERROR, BINS, 0.5));
            self.few.drain(..).for_each(|value| sketch.add(value as f64));
            self.few = Vec::new();
            self.many = Some(Box::new(sketch));
        }
    }

    fn len(&self) -> usize {
        self.few.len() + self.many.as_ref().map_or(0, |sketch| sketch.count())
    }

    /// The smallest value that is not less than `percent` of all (nearest rank), of many within [`ERROR`].
    pub(super) fn percentile(&self, percent: u8) -> Option<f64> {
        if let Some(sketch) = &self.many {
            // The crate's rank is q * (n - 1), rounded down.
            let rank = nearest_rank(sketch.count(), percent);
            let q = (rank as f64 + 0.5) / (sketch.count() as f64 - 1.0);
            return sketch.quantile(q.min(1.0)).ok().flatten();
        }
        let mut sorted = self.few.clone();
        sorted.sort_unstable();
        sorted
            .get(nearest_rank(sorted.len(), percent))
            .map(|value| *value as f64)
    }

    /// Octets on the heap.
    pub(super) fn heap(&self) -> usize {
        let sketch = |sketch: &DDSketch| size_of::<DDSketch>() + sketch.length() * size_of::<u64>();
        self.few.capacity() * size_of::<u64>() + self.many.as_deref().map_or(0, sketch)
    }
}

/// The place of a percentile among `count` sorted values: the nearest rank, from 0.
pub(super) fn nearest_rank(count: usize, percent: u8) -> usize {
    (count * usize::from(percent)).div_ceil(100).max(1) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Percentiles {
        let mut all = Percentiles::default();
        values.iter().for_each(|value| all.add(*value));
        all
    }

    #[test]
    fn the_ninety_fifth_of_twenty_is_the_nineteenth() {
        assert_eq!(of(&(1..=20).collect::<Vec<_>>()).percentile(95), Some(19.0));
        assert_eq!(of(&[7]).percentile(1), Some(7.0));
        assert_eq!(of(&[]).percentile(50), None);
    }

    proptest! {
        #[test]
        fn percentiles_are_near_and_do_not_depend_on_order_or_cuts(
            mut values in prop::collection::vec(prop_oneof![0u64..100, 1u64..1 << 62], 1..400),
            cut in 0usize..400,
            percent in 1u8..100,
        ) {
            let whole = of(&values).percentile(percent);
            let (one, other) = values.split_at(cut.min(values.len()));
            let mut merged = of(other);
            merged.merge(&of(one));
            prop_assert_eq!(merged.percentile(percent), whole);
            values.sort_unstable();
            let exact = values[nearest_rank(values.len(), percent)] as f64;
            prop_assert!((whole.unwrap() - exact).abs() <= exact * ERROR * 1.001, "{whole:?} {exact}");
        }
    }
}
