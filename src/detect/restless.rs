//! How restless a series is at each time of day, relative to its mean (4.3).
//!
//! A backup that starts at ten o'clock sharp is an edge that no smooth profile foretells, every day anew. What makes it
//! usual is that there is an edge at that time of every day; so the largest residual of each half hour has a daily
//! profile of its own. It is a mean of logarithms: what happens every day counts in full, what happened once hardly.

use super::constants as c;
use super::level::nudge;
use super::season::Moment;
use serde::{Deserialize, Serialize};

/// Cells hold a binary logarithm in steps of this size, 0 where nothing is known.
const STEPS: f64 = 16.0;
const MIDDLE: f64 = 64.0;

/// The logarithm of the largest residual, in scales, by time of day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Restless {
    first: [u8; 24],
    second: [u8; 24],
    /// The bin being learned, its largest residual and how many were seen.
    bin: u8,
    seen: u16,
    peak: f32,
    /// Mean over all bins.
    mean: f32,
}

impl Restless {
    pub(super) fn new() -> Self {
        Self {
            first: [0; 24],
            second: [0; 24],
            bin: 0,
            seen: 0,
            peak: 0.0,
            mean: 1.0,
        }
    }

    fn cell(&self, bin: usize) -> Option<f64> {
        let cells = if bin < 24 { &self.first } else { &self.second };
        let cell = cells.get(bin % 24).copied().filter(|&cell| cell > 0)?;
        Some((f64::from(cell) - MIDDLE) / STEPS)
    }

    /// By how much a residual at `when` is expected to exceed the usual size.
    pub(super) fn factor(&self, when: Moment) -> f64 {
        let Some(here) = self.cell(when.half_hour()) else {
            return 1.0;
        };
        (here - f64::from(self.mean))
            .exp2()
            .clamp(c::RESTLESS_LEAST, c::RESTLESS_MOST)
    }

    /// Takes in a residual in scales.
    pub(super) fn learn(&mut self, when: Moment, z: f64) {
        let bin = when.half_hour();
        if bin != usize::from(self.bin) {
            self.leave();
            self.bin = bin as u8;
        }
        self.peak = self.peak.max(z.abs() as f32);
        self.seen = self.seen.saturating_add(1);
    }

    fn leave(&mut self) {
        if self.seen > 0 {
            let bin = usize::from(self.bin);
            let new = f64::from(self.peak).clamp(0.5, 1000.0).log2();
            nudge(&mut self.mean, 1.0 / 48.0, new);
            // The largest of few says little.
            let worth = f64::from(self.seen) / (f64::from(self.seen) + c::RESTLESS_FEW);
            let (old, rate) = match self.cell(bin) {
                Some(old) => (old, c::RESTLESS_RATE * worth),
                None => (f64::from(self.mean), 0.5 * worth),
            };
            let value = old + rate * (new - old);
            let cell = (value * STEPS + MIDDLE).round().clamp(1.0, 255.0) as u8;
            let cells = if bin < 24 {
                &mut self.first
            } else {
                &mut self.second
            };
            if let Some(slot) = cells.get_mut(bin % 24) {
                *slot = cell;
            }
        }
        (self.peak, self.seen) = (0.0, 0);
    }
}
