//! Sources of exchanges: when something begins, minute by minute and hour by hour.

use super::exchange::{MINUTE, Nanos};
use super::rng::{Rng, mix, unit};
use super::stage::Stage;
use super::{calendar, calendar::Shape};

/// How the beginnings are spread.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// At random, this many a minute where the shape is 1.
    Random(f64),
    /// One every so often, each late by up to the second span.
    Steady(Nanos, Nanos),
}

/// A stretch in which a source does less than it would.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mute {
    /// The label of the source.
    pub label: &'static str,
    /// From.
    pub start: Nanos,
    /// Until.
    pub end: Nanos,
    /// The share that is left.
    pub keep: f64,
}

/// What begins when a source acts.
pub(super) type Act = Box<dyn FnMut(&mut Rng, Nanos, &mut Stage) + Send>;

/// One stream of beginnings, independent of all others.
pub(super) struct Source {
    /// Names it; also separates its randomness from that of the others.
    pub label: &'static str,
    rng: Rng,
    noise: u64,
    pace: Pace,
    shape: Shape,
    start: Nanos,
    end: Nanos,
    beats: i64,
    act: Act,
    mutes: Vec<Mute>,
}

impl Source {
    /// A source of the whole capture.
    pub(super) fn new(seed: u64, label: &'static str, pace: Pace, shape: Shape, act: Act) -> Self {
        let mut rng = Rng::new(seed, label);
        Self {
            label,
            noise: rng.bits(),
            rng,
            pace,
            shape,
            start: Nanos::MIN,
            end: Nanos::MAX,
            beats: 0,
            act,
            mutes: Vec::new(),
        }
    }

    /// Confines it to a stretch of time.
    pub(super) fn within(mut self, start: Nanos, end: Nanos) -> Self {
        (self.start, self.end) = (start, end);
        self
    }

    /// Takes over what concerns it.
    pub(super) fn mute(&mut self, mutes: &[Mute]) {
        self.mutes
            .extend(mutes.iter().filter(|mute| mute.label == self.label));
    }

    /// When it acts for the first time in `from..until`; it never acts outside of that.
    pub(super) fn first(&mut self, from: Nanos, until: Nanos) -> Option<Nanos> {
        self.start = self.start.max(from);
        self.end = self.end.min(until);
        self.next(self.start)
    }

    /// When it acts next after `now`, if it does at all.
    fn next(&mut self, now: Nanos) -> Option<Nanos> {
        let when = match self.pace {
            Pace::Steady(every, late) => {
                self.beats += 1;
                let beat = self.start + (self.beats - 1) * every.max(1);
                (beat + self.rng.below(late.max(1) as u64) as Nanos).max(now)
            }
            Pace::Random(per_minute) => self.thinned(now, per_minute * (1.0 + SPREAD))?,
        };
        (when < self.end).then_some(when)
    }

    /// The next event of a Poisson process of the highest rate that survives the shape (Lewis and Shedler 1979).
    fn thinned(&mut self, mut now: Nanos, most: f64) -> Option<Nanos> {
        if most <= 0.0 {
            return None;
        }
        while now < self.end {
            now += (self.rng.exponential(MINUTE as f64 / most) as Nanos).max(1);
            let level = self.shape.at(now) * self.weather(now) / (1.0 + SPREAD);
            if self.rng.chance(level) {
                return Some(now);
            }
        }
        None
    }

    /// What makes one minute busier than the next, about 1.
    fn weather(&self, now: Nanos) -> f64 {
        if matches!(self.shape, Shape::Flat | Shape::Steps(_)) {
            return 1.0;
        }
        let minute = mix(self.noise ^ now.div_euclid(MINUTE) as u64);
        let three = unit(minute) + unit(mix(minute)) + unit(mix(minute ^ 1));
        1.0 + SPREAD * (three / 1.5 - 1.0)
    }

    /// Acts, and says when it will again.
    pub(super) fn act(&mut self, now: Nanos, stage: &mut Stage) -> Option<Nanos> {
        let muted = self.mutes.iter().find(|mute| mute.start <= now && now < mute.end);
        let keep = muted.map_or(1.0, |mute| mute.keep);
        if keep >= 1.0 || self.rng.chance(keep) {
            (self.act)(&mut self.rng, now, stage);
        }
        self.next(now)
    }
}

/// The most by which the weather moves a minute.
const SPREAD: f64 = 0.3;

/// Whether a host of ours with the given number is at work at `now`; at night few are.
pub(super) fn at_work(number: u8, now: Nanos) -> bool {
    let personal = unit(mix(u64::from(number) + 77));
    calendar::OFFICE.at(now) > 0.1 + 0.7 * personal * personal
}
