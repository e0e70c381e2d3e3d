//! What is usual at each time of the day or week, relative to the base (4.2), in two octets a bin (4.11).

use serde::{Deserialize, Serialize};

/// Bits of a cell that count visits; the rest is the value in steps.
const VISIT_BITS: u32 = 3;
const VISITS_MOST: i16 = 7;
/// Largest value of a cell in steps.
const STEPS_MOST: f32 = 4095.0;
/// Steps in one scale of the series when the profile is made.
const STEPS_PER_SCALE: f64 = 16.0;
const NO_BIN: u16 = u16::MAX;

/// One cycle cut into equal bins. A bin is learned in full precision while the clock is in it and kept rounded after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Profile {
    cells: Box<[i16]>,
    /// Size of one step.
    step: f32,
    /// The bin being learned and its value.
    current: u16,
    value: f32,
    /// Intervals that taught the bin being learned.
    taught: f32,
}

/// Where in a profile an instant lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    bin: usize,
    neighbour: usize,
    /// Weight of the neighbour, 0 to 1/2.
    share: f64,
}

impl Profile {
    /// Of `bins` bins, for a series whose noise is about `scale`.
    pub(super) fn new(bins: usize, scale: f64) -> Self {
        Self {
            cells: vec![0; bins].into_boxed_slice(),
            step: (scale / STEPS_PER_SCALE).clamp(1e-30, 1e30) as f32,
            current: NO_BIN,
            value: 0.0,
            taught: 0.0,
        }
    }

    /// The place of an instant that lies at `phase` (0 to 1) of the cycle.
    pub(super) fn place(&self, phase: f64) -> Place {
        let bins = self.cells.len();
        let at = phase * bins as f64;
        let bin = (at as usize).min(bins - 1);
        let off = at - bin as f64 - 0.5;
        let neighbour = if off < 0.0 {
            (bin + bins - 1) % bins
        } else {
            (bin + 1) % bins
        };
        Place {
            bin,
            neighbour,
            share: off.abs(),
        }
    }

    /// The value of a bin that an earlier cycle taught.
    fn bin(&self, bin: usize) -> Option<f64> {
        let cell = self.cells.get(bin).copied().unwrap_or(0);
        if cell & VISITS_MOST == 0 {
            return None;
        }
        if usize::from(self.current) == bin {
            return Some(f64::from(self.value));
        }
        Some(f64::from(cell >> VISIT_BITS) * f64::from(self.step))
    }

    /// The value at `place`, between bin centres in a straight line; `None` before a whole cycle has come by.
    pub(super) fn at(&self, place: Place) -> Option<f64> {
        let own = self.bin(place.bin)?;
        if place.share == 0.0 {
            return Some(own);
        }
        Some(
            self.bin(place.neighbour)
                .map_or(own, |other| own + place.share * (other - own)),
        )
    }

    /// Teaches the bin of `place` that its value is about `value`; `per_bin` intervals make a bin, `cycles` cycles
    /// its memory.
    pub(super) fn learn(&mut self, place: Place, value: f64, per_bin: f64, cycles: f64) {
        if usize::from(self.current) != place.bin {
            self.leave();
            self.enter(place.bin, per_bin);
        }
        self.taught += 1.0;
        let rate = (1.0 / (per_bin * cycles)).max(1.0 / f64::from(self.taught));
        self.value += (rate * (value - f64::from(self.value))) as f32;
    }

    fn enter(&mut self, bin: usize, per_bin: f64) {
        let cell = self.cells.get(bin).copied().unwrap_or(0);
        self.current = bin as u16;
        self.value = f32::from(cell >> VISIT_BITS) * self.step;
        self.taught = f32::from(cell & VISITS_MOST) * per_bin as f32;
    }

    /// Keeps what the current bin has learned, coarsening every cell when it does not fit.
    fn leave(&mut self) {
        while (self.value / self.step).abs() > STEPS_MOST && self.step < 1e30 {
            self.step *= 2.0;
            for cell in &mut self.cells {
                *cell = pack(f32::from(*cell >> VISIT_BITS) / 2.0, *cell & VISITS_MOST);
            }
        }
        let steps = self.value / self.step;
        if let Some(cell) = self.cells.get_mut(usize::from(self.current)) {
            *cell = pack(steps, (*cell & VISITS_MOST).saturating_add(1).min(VISITS_MOST));
        }
    }

    /// Octets on the heap.
    #[cfg(test)]
    pub(super) fn heap(&self) -> usize {
        size_of::<Self>() + self.cells.len() * 2
    }
}

fn pack(steps: f32, visits: i16) -> i16 {
    ((steps.round().clamp(-STEPS_MOST, STEPS_MOST) as i16) << VISIT_BITS) | visits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_is_known_from_its_second_visit_on() {
        let mut profile = Profile::new(24, 1.0);
        for cycle in 0..3 {
            for hour in 0..24 {
                let place = profile.place((f64::from(hour) + 0.5) / 24.0);
                assert_eq!(
                    profile.at(place).is_some(),
                    cycle > 0,
                    "cycle {cycle} hour {hour}"
                );
                profile.learn(place, f64::from(hour), 1.0, 5.0);
            }
        }
        let nine = profile.at(profile.place(9.5 / 24.0)).unwrap();
        assert!((nine - 9.0).abs() < 0.1, "{nine}");
        let ten = profile.at(profile.place(10.0 / 24.0)).unwrap();
        assert!((ten - 9.5).abs() < 0.1, "{ten}");
    }

    #[test]
    fn values_far_beyond_the_first_scale_are_kept_coarser() {
        let mut profile = Profile::new(24, 0.001);
        for _ in 0..2 {
            for hour in 0..24 {
                let place = profile.place((f64::from(hour) + 0.5) / 24.0);
                profile.learn(place, f64::from(hour) * 1e6, 1.0, 5.0);
            }
        }
        let last = profile.at(profile.place(22.5 / 24.0)).unwrap();
        assert!((last / 22e6 - 1.0).abs() < 0.01, "{last}");
    }
}
