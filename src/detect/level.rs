//! A series with many events an interval: three experts forecast it on the transformed scale (4.2), a robust scale
//! with a short memory says how far off they are (4.3), a tail how strange that is (4.4).

use super::Class;
use super::constants as c;
use super::fleet::TailRecord;
use super::profile::{Place, Profile};
use super::restless::Restless;
use super::season::Moment;
use super::slow::Slow;
use super::tail::{Law, Prior, Side, Tail};
use serde::{Deserialize, Serialize};

/// What is kept of such a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    levels: [f32; 3],
    base: f32,
    errors: [f32; 3],
    scale: f32,
    slow: f32,
    volatility: f32,
    /// Mean in linear units, for the hand-over.
    mean: f32,
    /// Last two measurements, newest first.
    last: [f32; 2],
    tail: Tail,
    /// Intervals learned.
    seen: u32,
    day: Option<Box<Profile>>,
    week: Option<Box<Profile>>,
    slow_part: Option<Box<Slow>>,
    restless: Option<Box<Restless>>,
}

/// What the experts say of one instant, on the transformed scale.
pub(super) struct Forecast {
    /// Expected value.
    pub(super) centre: f64,
    /// Standard deviation around it.
    pub(super) scale: f64,
    /// The same without the short memory.
    pub(super) quiet: f64,
    /// Base and season without the level, which follows.
    pub(super) usual: f64,
    experts: [Option<f64>; 3],
    places: [Option<Place>; 2],
}

/// What an interval may teach while an anomaly is open (4.9) and while none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// Everything.
    Full,
    /// Level, scale and tail, each clipped: a tail that never saw its worst would promise too much. Not the seasons.
    LevelOnly,
}

impl Level {
    /// A series first seen at `v`.
    pub(super) fn new() -> Self {
        Self {
            levels: [0.0; 3],
            base: 0.0,
            errors: [0.0; 3],
            scale: 0.0,
            slow: 0.0,
            volatility: 0.0,
            mean: 0.0,
            last: [f32::NAN; 2],
            tail: Tail::new(),
            seen: 0,
            day: None,
            week: None,
            slow_part: None,
            restless: None,
        }
    }

    /// Continues a series that another model knew: mean `mean` in linear units, `deviation` on the transformed scale.
    pub(super) fn continued(class: Class, mean: f64, deviation: f64) -> Self {
        let v = class.forward(mean) as f32;
        let deviation = deviation as f32;
        Self {
            levels: [v, 0.0, 0.0],
            base: v,
            errors: [deviation * 0.8, 0.0, 0.0],
            scale: deviation,
            slow: deviation,
            volatility: deviation * deviation,
            mean: mean as f32,
            seen: c::WARM_UP * 2,
            ..Self::new()
        }
    }

    /// Whether enough was seen to judge.
    pub(super) fn ready(&self) -> bool {
        self.seen >= c::WARM_UP
    }

    /// Mean in linear units.
    pub(super) fn mean(&self) -> f64 {
        f64::from(self.mean)
    }

    /// Robust standard deviation on the transformed scale.
    pub(super) fn deviation(&self) -> f64 {
        f64::from(self.scale)
    }

    /// What is expected at `when`.
    pub(super) fn forecast(&self, class: Class, when: Moment, noise: f64) -> Forecast {
        let [level, daily, weekly] = self.levels_or_base();
        let places = [
            self.day.as_deref().map(|p| p.place(when.day)),
            self.week.as_deref().map(|p| p.place(when.week)),
        ];
        let shape = |profile: &Option<Box<Profile>>, place: Option<Place>| profile.as_deref()?.at(place?);
        let experts = [
            Some(level),
            shape(&self.day, places[0]).map(|d| d + daily),
            shape(&self.week, places[1]).map(|w| w + weekly),
        ];
        let centre = self.weigh(&experts);
        let sc = f64::from(self.scale);
        let floor = class.floor(centre, noise);
        let least = c::SLOW_SHARE * f64::from(self.slow);
        let factor = self.restless.as_deref().map_or(1.0, |r| r.factor(when));
        let s2 = 0.5 * sc * sc * factor * factor + 0.5 * f64::from(self.volatility);
        Forecast {
            centre,
            scale: (s2.max(least * least) + floor).sqrt(),
            quiet: (sc * sc + floor).sqrt(),
            usual: f64::from(self.base) + self.season(&experts),
            experts,
            places,
        }
    }

    /// The experts' levels; one that was never heard starts from the base, which its profile is relative to.
    fn levels_or_base(&self) -> [f64; 3] {
        let mut levels = self.levels.map(f64::from);
        for (level, error) in levels.iter_mut().zip(self.errors).skip(1) {
            if error == 0.0 {
                *level = f64::from(self.base);
            }
        }
        levels
    }

    /// Mean of the experts, weighted by the inverse fourth power of their errors.
    fn weigh(&self, experts: &[Option<f64>; 3]) -> f64 {
        let errors = self.errors_or_guesses();
        let least = errors.iter().copied().fold(f64::MAX, f64::min);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (expert, error) in experts.iter().zip(errors) {
            if let Some(f) = expert {
                let ratio = least / error;
                let weight = ratio * ratio * ratio * ratio;
                sum += weight * f;
                weights += weight;
            }
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    }

    /// What the profiles say relative to the base, weighted like the experts that use them; 0 where none does.
    fn season(&self, experts: &[Option<f64>; 3]) -> f64 {
        let levels = self.levels_or_base();
        let errors = self.errors_or_guesses();
        let (mut sum, mut weights) = (0.0, 0.0);
        for k in 1..3 {
            if let Some(f) = experts[k] {
                let weight = (errors[1] / errors[k]).powi(4);
                sum += weight * (f - levels[k]);
                weights += weight;
            }
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    }

    /// The experts' errors; one without a record is held a little worse than the next simpler one.
    fn errors_or_guesses(&self) -> [f64; 3] {
        let mut errors = self.errors.map(f64::from);
        let floor = f64::from(f32::MIN_POSITIVE) + 1e-6 * f64::from(self.scale);
        errors[0] = errors[0].max(floor);
        for i in 1..3 {
            if errors[i] == 0.0 {
                errors[i] = c::UNSEEN_ERROR * errors[i - 1];
            }
            errors[i] = errors[i].max(floor);
        }
        errors
    }

    /// The score of a transformed measurement: (rise, dip), one of them 0.
    pub(super) fn scores(&self, class: Class, forecast: &Forecast, v: f64, prior: &Prior) -> (f64, f64) {
        let z = (v - forecast.centre) / forecast.scale;
        if z >= 0.0 {
            (self.tail.score(Law::of(class), z, Side::Rise, prior), 0.0)
        } else {
            (0.0, self.tail.score(Law::of(class), -z, Side::Dip, prior))
        }
    }

    /// The record of its tails.
    pub(super) fn record(&self) -> TailRecord {
        self.tail.record()
    }

    /// The slow part, once it can be judged.
    pub(super) fn slow_part(&self) -> Option<&Slow> {
        self.slow_part.as_deref().filter(|slow| slow.ready())
    }

    /// The band on the transformed scale inside which neither score reaches `score`.
    pub(super) fn band(&self, class: Class, forecast: &Forecast, score: f64, prior: &Prior) -> (f64, f64) {
        let below = self.tail.edge(Law::of(class), score, Side::Dip, prior) * forecast.scale;
        let above = self.tail.edge(Law::of(class), score, Side::Rise, prior) * forecast.scale;
        (forecast.centre - below, forecast.centre + above)
    }

    /// Takes in a measurement: `x` in linear units.
    pub(super) fn learn(&mut self, class: Class, when: Moment, x: f64, prior: &Prior, lesson: Lesson) {
        let v = class.forward(x);
        if self.seen == 0 {
            self.levels = [v as f32, 0.0, 0.0];
            self.base = v as f32;
        }
        let forecast = self.forecast(class, when, 0.0);
        let r = v - forecast.centre;
        let filled = self.is_straight(x);
        self.last = [x as f32, self.last[0]];
        self.seen = self.seen.saturating_add(1);
        let clip = c::CLIP
            * if lesson == Lesson::Full {
                forecast.scale
            } else {
                forecast.quiet
            };
        let rc = if self.seen <= c::WARM_UP {
            r
        } else {
            r.clamp(-clip, clip)
        };
        let vc = forecast.centre + rc;
        self.learn_levels(&forecast, vc);
        if !filled {
            self.learn_volatility(r);
        }
        if !filled {
            self.learn_scale(rc);
            if let Some(restless) = self.restless.as_deref_mut() {
                restless.learn(when, r / forecast.quiet);
            } else if f64::from(self.seen) * when.step >= c::DAY_PROFILE_AGE && self.seen > c::WARM_UP {
                self.restless = Some(Box::new(Restless::new()));
            }
            if self.seen > c::WARM_UP {
                self.tail.learn(Law::of(class), r / forecast.scale, prior);
            }
        }
        self.learn_slow(class, &forecast, v, when);
        if lesson == Lesson::LevelOnly {
            return;
        }
        self.learn_errors(&forecast, v);
        self.learn_shapes(&forecast, vc, when);
        let rate = self.rate(c::COUNT_RATE);
        nudge(&mut self.mean, rate, class.inverse(vc));
    }

    /// `rate`, or faster while young: an average over all seen so far.
    fn rate(&self, rate: f64) -> f64 {
        rate.max(1.0 / f64::from(self.seen.max(1)))
    }

    /// Whether `x` continues the last two measurements in a straight line: somebody filled a gap (4.3).
    fn is_straight(&self, x: f64) -> bool {
        let [one, two] = self.last.map(f64::from);
        x != 0.0 && (x - 2.0 * one + two).abs() <= c::STRAIGHT * (x.abs() + one.abs())
    }

    fn learn_levels(&mut self, forecast: &Forecast, vc: f64) {
        let rate = self.rate(c::LEVEL_RATE);
        self.levels = self.levels_or_base().map(|level| level as f32);
        for (level, expert) in self.levels.iter_mut().zip(&forecast.experts) {
            if let Some(f) = expert {
                nudge(level, rate, f64::from(*level) + vc - f);
            }
        }
    }

    fn learn_volatility(&mut self, r: f64) {
        let rate = self.rate(c::VOLATILITY_RATE);
        nudge(&mut self.volatility, rate, r * r);
    }

    fn learn_scale(&mut self, rc: f64) {
        let rate = self.rate(c::SCALE_RATE);
        let size = 1.25 * rc.abs();
        let most = if self.seen <= c::WARM_UP {
            f64::MAX
        } else {
            c::CLIP * f64::from(self.scale)
        };
        // A scale of nothing could never grow by multiples of itself.
        let size = if self.scale > 0.0 { size.min(most) } else { size };
        nudge(&mut self.scale, rate, size);
        let rate = self.rate(c::SLOW_SCALE_RATE);
        nudge(&mut self.slow, rate, f64::from(self.scale));
    }

    /// The slow part, kept from the second hour on: before, there is no hour to compare with.
    fn learn_slow(&mut self, class: Class, forecast: &Forecast, v: f64, when: Moment) {
        let rate = self.rate(0.0);
        let distance = v - forecast.usual;
        if let Some(slow) = self.slow_part.as_deref_mut() {
            slow.learn(when, distance, forecast.quiet, &Prior::of(class), rate);
        } else if f64::from(self.seen) * when.step >= c::BLOCK && self.ready() {
            self.slow_part = Some(Box::new(Slow::new(distance)));
        }
    }

    fn learn_errors(&mut self, forecast: &Forecast, v: f64) {
        let guesses = self.errors_or_guesses();
        let rate = self.rate(c::ERROR_RATE);
        let most = c::CLIP * forecast.scale;
        for ((error, expert), guess) in self.errors.iter_mut().zip(&forecast.experts).zip(guesses) {
            if let Some(f) = expert {
                if *error == 0.0 {
                    *error = guess as f32;
                }
                nudge(error, rate, (v - f).abs().min(most));
            }
        }
    }

    /// The base and the daily and weekly profiles, the latter made when the series is old enough for them.
    fn learn_shapes(&mut self, forecast: &Forecast, vc: f64, when: Moment) {
        // Once there are profiles the base must not chase the hours of the first day: they are relative to it.
        let rate = if self.day.is_some() {
            c::BASE_RATE
        } else {
            self.rate(c::BASE_RATE)
        };
        nudge(&mut self.base, rate, vc);
        let shape = vc - f64::from(self.base);
        let age = f64::from(self.seen) * when.step;
        if let (Some(day), Some(place)) = (self.day.as_deref_mut(), forecast.places[0]) {
            day.learn(
                place,
                shape,
                when.intervals_in(86_400.0 / when.day_bins() as f64),
                c::DAY_MEMORY,
            );
        } else if age >= c::DAY_PROFILE_AGE && self.ready() {
            self.day = Some(Box::new(Profile::new(when.day_bins(), forecast.quiet)));
        }
        if let (Some(week), Some(place)) = (self.week.as_deref_mut(), forecast.places[1]) {
            week.learn(place, shape, when.intervals_in(3_600.0), c::WEEK_MEMORY);
        } else if age >= c::WEEK_PROFILE_AGE && self.ready() {
            self.week = Some(Box::new(Profile::new(c::WEEK_BINS, forecast.quiet)));
        }
    }

    /// Takes `v` as the new normal: levels and base move there, shapes stay, the tail half forgets.
    pub(super) fn accept(&mut self, class: Class, when: Moment, x: f64) {
        let v = class.forward(x);
        let forecast = self.forecast(class, when, 0.0);
        let shift = v - forecast.centre;
        self.base += shift as f32;
        for (level, expert) in self.levels.iter_mut().zip(&forecast.experts) {
            if let Some(f) = expert {
                *level += (v - f) as f32;
            }
        }
        self.mean = x as f32;
        self.volatility = self.scale * self.scale;
        self.tail.forget(c::NEW_NORMAL_KEEPS);
        if let Some(slow) = self.slow_part.as_deref_mut() {
            slow.accept();
        }
    }

    /// Octets on the heap.
    #[cfg(test)]
    pub(super) fn heap(&self) -> usize {
        self.day.iter().chain(&self.week).map(|p| p.heap()).sum::<usize>()
            + self.slow_part.as_ref().map_or(0, |_| size_of::<Slow>())
            + self.restless.as_ref().map_or(0, |_| size_of::<Restless>())
    }
}

/// Moves `state` towards `target` by the share `rate`.
pub(super) fn nudge(state: &mut f32, rate: f64, target: f64) {
    let was = f64::from(*state);
    *state = (was + rate * (target - was)).clamp(-3e38, 3e38) as f32;
}
