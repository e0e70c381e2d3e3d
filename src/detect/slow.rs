//! Slow ramps, long shifts and slow dips: what a level follows too willingly to ever find strange (4.6).
//!
//! The distance from base and season is smoothed and measured in its own scale. Neighbouring intervals of it are nearly
//! the same, so a tail learned interval by interval would climb the ramp with it; the extremes of hours are calibrated
//! instead, and an hour is one test to a side (block maxima, Gumbel 1958).

use super::constants as c;
use super::level::nudge;
use super::season::Moment;
use super::tail::{BLOCK, Prior, Side, Tail};
use serde::{Deserialize, Serialize};

/// What is kept of the slow part of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Slow {
    /// Smoothed distance from base and season.
    part: f32,
    /// Its robust scale.
    scale: f32,
    /// Extremes of the running block, in scales.
    most: f32,
    least: f32,
    /// Number of the running block, cut to 32 bits.
    block: u32,
    /// Blocks learned.
    blocks: u16,
    tail: Tail,
}

impl Slow {
    /// Of a series in which the distance is `distance` at first.
    pub(super) fn new(distance: f64) -> Self {
        Self {
            part: distance as f32,
            scale: 0.0,
            most: f32::NEG_INFINITY,
            least: f32::INFINITY,
            block: 0,
            blocks: 0,
            tail: Tail::new(),
        }
    }

    /// Whether enough was seen to judge.
    pub(super) fn ready(&self) -> bool {
        self.blocks >= c::BLOCK_WARM_UP
    }

    /// The slow part after one more interval at `distance`.
    fn next(&self, distance: f64) -> f64 {
        let part = f64::from(self.part);
        part + c::SLOW_PART_RATE * (distance - part)
    }

    /// In scales; `noise` is the scale of single intervals.
    fn distance(&self, part: f64, noise: f64) -> f64 {
        let scale = f64::from(self.scale) + c::SLOW_PART_SHARE * noise;
        part / scale.max(f64::from(f32::MIN_POSITIVE))
    }

    /// -ln of the probability that the slow part is anywhere in an hour as high, and as low, as with one more interval
    /// at `distance`; one of them is 0.
    pub(super) fn scores(&self, distance: f64, noise: f64, prior: &Prior) -> (f64, f64) {
        let q = self.distance(self.next(distance), noise);
        if q >= 0.0 {
            (self.tail.score(&BLOCK, q, Side::Rise, prior), 0.0)
        } else {
            (0.0, self.tail.score(&BLOCK, -q, Side::Dip, prior))
        }
    }

    /// How far the slow part may go, in the unit of distances, before a score reaches `score`: below and above.
    pub(super) fn band(&self, score: f64, noise: f64, prior: &Prior) -> (f64, f64) {
        let scale = f64::from(self.scale) + c::SLOW_PART_SHARE * noise;
        let edge = |side| self.tail.edge(&BLOCK, score, side, prior) * scale;
        (edge(Side::Dip), edge(Side::Rise))
    }

    /// Takes in an interval. `rate` is one over the number of intervals seen, at least that of the scale.
    pub(super) fn learn(&mut self, when: Moment, distance: f64, noise: f64, prior: &Prior, rate: f64) {
        let block = when.block;
        if block != self.block {
            self.close(prior);
            self.block = block;
        }
        let part = self.next(distance);
        let q = self.distance(part, noise) as f32;
        self.part = part as f32;
        self.most = self.most.max(q);
        self.least = self.least.min(q);
        let size = (1.25 * part.abs()).min(c::CLIP * (f64::from(self.scale) + c::SLOW_PART_SHARE * noise));
        nudge(&mut self.scale, rate.max(c::SLOW_PART_SCALE_RATE), size);
    }

    /// Teaches the tail the extremes of the block that is over.
    fn close(&mut self, prior: &Prior) {
        if self.most >= self.least {
            self.tail
                .learn_extremes(&BLOCK, f64::from(self.most), f64::from(-self.least), prior);
            self.blocks = self.blocks.saturating_add(1);
        }
        (self.most, self.least) = (f32::NEG_INFINITY, f32::INFINITY);
    }

    /// The base has moved to where the series is.
    pub(super) fn accept(&mut self) {
        self.part = 0.0;
        (self.most, self.least) = (f32::NEG_INFINITY, f32::INFINITY);
        self.tail.forget(c::NEW_NORMAL_KEEPS);
    }
}
