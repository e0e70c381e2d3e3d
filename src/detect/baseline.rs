//! What is usual for one series, and how strange an interval of it is.

use super::Class;
use super::constants as c;
use super::fleet::TailRecord;
use super::level::{Forecast, Lesson, Level};
use super::low::Low;
use super::season::Moment;
use super::silence::Silence;
use super::tail::Prior;
use crate::model::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is usual for one series: its level, seasons, noise and tails, learned interval by interval.
///
/// Bounded state: about 160 octets while young, at most 768 with its daily and weekly profiles. Deterministic; no
/// clock. Non-finite measurements are treated as missing.
///
/// ```
/// use std::time::Duration;
/// use tidemark::detect::{Baseline, Class, Hold, Prior};
/// use tidemark::model::Timestamp;
/// let minute = Duration::from_secs(60);
/// let mut flows = Baseline::new(Class::Count, minute);
/// let prior = Prior::default();
/// for i in 0..200 {
///     flows.learn(Timestamp::from_secs(i * 60), [2.0, 0.0, 3.0, 1.0][i as usize % 4], &prior, Hold::Free);
/// }
/// let verdict = flows.judge(Timestamp::from_secs(200 * 60), 500.0, 0.0, &prior);
/// assert!(verdict.ready && verdict.rise > 20.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    class: Class,
    /// Length of an interval in milliseconds.
    step: u32,
    /// Share of empty intervals.
    empty: f32,
    /// Intervals learned, empty ones too.
    seen: u32,
    silence: Silence,
    model: Model,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Model {
    Low(Low),
    Level(Level),
}

/// How an interval compares with what is usual. Values are in the series' unit per interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict {
    /// What was expected.
    pub expected: f64,
    /// Below this an interval would be one in a thousand.
    pub lower: f64,
    /// Above this an interval would be one in a thousand.
    pub upper: f64,
    /// -ln of the probability of this much or more; 0 where not above what is expected.
    pub rise: f64,
    /// -ln of the probability of this little or less, or of a silence this long; 0 where not below.
    pub dip: f64,
    /// Whether the series has shown enough to be judged; the scores are 0 until then.
    pub ready: bool,
    /// The slow part of the series, judged once an hour to a side; scores 0 where it is not.
    pub slow: SlowVerdict,
}

/// How the slow part of a series, its smoothed distance from base and season, compares with what is usual.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SlowVerdict {
    /// What base and season expect, and where an hour's extremes would be one in a thousand; in the series' unit.
    pub band: Band,
    /// -ln of the probability that the slow part is anywhere in an hour as high; 0 where it is not above.
    pub rise: f64,
    /// -ln of the probability that it is anywhere in an hour as low; 0 where it is not below.
    pub dip: f64,
    /// Whether it has shown enough to be judged.
    pub ready: bool,
}

/// What was expected, in a series' unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Band {
    /// The expected value.
    pub expected: f64,
    /// Less is one in a thousand.
    pub lower: f64,
    /// More is one in a thousand.
    pub upper: f64,
}

impl Verdict {
    /// What was expected.
    pub fn band(&self) -> Band {
        Band {
            expected: self.expected,
            lower: self.lower,
            upper: self.upper,
        }
    }
}

/// What an interval may teach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Everything.
    Free,
    /// An anomaly of the series is open: only the level follows, clipped, and the volatility runs on (4.9).
    Open,
    /// The data is missing or in doubt: nothing.
    Missing,
}

impl Baseline {
    /// A series nothing is known of, measured per `interval` (1 ms to 49 days; clamped).
    pub fn new(class: Class, interval: Duration) -> Self {
        Self {
            class,
            step: u32::try_from(interval.as_millis()).unwrap_or(u32::MAX).max(1),
            empty: 0.0,
            seen: 0,
            silence: Silence::default(),
            model: if class == Class::Count {
                Model::Low(Low::new())
            } else {
                Model::Level(Level::new())
            },
        }
    }

    /// How the interval that starts at `at` and measured `x` compares with what is usual. Learns nothing.
    ///
    /// `noise` is the relative standard deviation of the measurement itself, such as 1.04/sqrt(m) of a HyperLogLog;
    /// 0 for exact ones. Of an interval that is not over only `rise` means anything, for `x` can still grow.
    pub fn judge(&self, at: Timestamp, x: f64, noise: f64, prior: &Prior) -> Verdict {
        let Some(x) = self.class.clean(x) else {
            return Verdict::default();
        };
        let noise = if noise.is_finite() {
            noise.clamp(0.0, 10.0)
        } else {
            10.0
        };
        let when = Moment::new(at, self.step);
        let verdict = match &self.model {
            Model::Low(low) => self.judge_low(low, when, x, noise),
            Model::Level(level) => self.judge_level(level, when, x, noise, prior),
        };
        if verdict.ready {
            verdict
        } else {
            Verdict {
                rise: 0.0,
                dip: 0.0,
                slow: SlowVerdict::default(),
                ..verdict
            }
        }
    }

    fn judge_low(&self, low: &Low, when: Moment, x: f64, noise: f64) -> Verdict {
        let model = low.model(when, noise);
        let expected = low.expected(when);
        let (rise, dip) = model.scores(x);
        let mut dip = if x < expected { low.recalibrated(dip) } else { 0.0 };
        if x == 0.0 {
            dip = dip.max(self.silence.score(low.sure(when).empty(), low.evidence()));
        }
        Verdict {
            expected,
            lower: 0.0,
            upper: model.edge(low.raw(c::BAND_ODDS.ln()), expected.mul_add(20.0, 200.0)),
            rise: if x > expected { low.recalibrated(rise) } else { 0.0 },
            dip,
            ready: low.ready(),
            slow: SlowVerdict::default(),
        }
    }

    fn judge_level(&self, level: &Level, when: Moment, x: f64, noise: f64, prior: &Prior) -> Verdict {
        let forecast = level.forecast(self.class, when, noise);
        let (lower, upper) = level.band(self.class, &forecast, c::BAND_ODDS.ln(), prior);
        let mut verdict = Verdict {
            expected: self.class.inverse(forecast.centre),
            lower: self.class.inverse(lower),
            upper: self.class.inverse(upper),
            ready: level.ready(),
            ..Verdict::default()
        };
        if !self.is_sparse() {
            let v = self.class.forward(x);
            (verdict.rise, verdict.dip) = level.scores(self.class, &forecast, v, prior);
            verdict.slow = self.judge_slow(level, &forecast, v);
            return verdict;
        }
        verdict.lower = verdict.lower.min(0.0);
        if x != 0.0 {
            let presence = (1.0 - f64::from(self.empty)).max(c::PRESENCE_LEAST);
            let (rise, _) = level.scores(self.class, &forecast, self.class.forward(x), prior);
            verdict.rise = if rise > 0.0 { rise - presence.ln() } else { 0.0 };
        } else if self.class == Class::Bytes {
            verdict.dip = self.silence.score(self.emptiness(), self.presences());
        }
        verdict
    }

    fn judge_slow(&self, level: &Level, forecast: &Forecast, v: f64) -> SlowVerdict {
        // The slow part of what is mostly nothing is whatever came last (4.6).
        let Some(slow) = level.slow_part().filter(|_| f64::from(self.empty) <= c::SPARSE) else {
            return SlowVerdict::default();
        };
        let prior = Prior::of(self.class);
        let (rise, dip) = slow.scores(v - forecast.usual, forecast.quiet, &prior);
        let (below, above) = slow.band(c::BAND_ODDS.ln(), forecast.quiet, &prior);
        SlowVerdict {
            band: Band {
                expected: self.class.inverse(forecast.usual),
                lower: self.class.inverse(forecast.usual - below),
                upper: self.class.inverse(forecast.usual + above),
            },
            rise,
            dip,
            ready: true,
        }
    }

    /// Whether most intervals of a series of bytes or a gauge are empty, so that the others are judged among themselves.
    fn is_sparse(&self) -> bool {
        self.class != Class::Count && f64::from(self.empty) > c::SPARSE
    }

    /// -ln of the share of empty intervals.
    fn emptiness(&self) -> f64 {
        -f64::from(self.empty).clamp(1e-3, 1.0).ln()
    }

    /// About how many non-empty intervals the share of empty ones rests on.
    fn presences(&self) -> f64 {
        f64::from(self.seen).min(1.0 / c::EMPTY_RATE) * (1.0 - f64::from(self.empty))
    }

    /// The record of its tails, which teaches the fleet's prior; none of a count model, whose tail is its own.
    pub fn tail(&self) -> Option<TailRecord> {
        match &self.model {
            Model::Low(_) => None,
            Model::Level(level) => Some(level.record()),
        }
    }

    /// Whether the series has shown enough to be judged.
    pub fn ready(&self) -> bool {
        match &self.model {
            Model::Low(low) => low.ready(),
            Model::Level(level) => level.ready(),
        }
    }

    /// Takes in the closed interval that starts at `at` and measured `x`. Call once an interval, in order, after
    /// judging it.
    pub fn learn(&mut self, at: Timestamp, x: f64, prior: &Prior, hold: Hold) {
        let Some(x) = self.class.clean(x).filter(|_| hold != Hold::Missing) else {
            return;
        };
        let when = Moment::new(at, self.step);
        self.learn_silence(when, x, hold);
        let sparse = self.is_sparse();
        match &mut self.model {
            Model::Low(low) if hold == Hold::Free => low.learn(when, x),
            Model::Low(low) => low.learn_strangeness(when, x),
            Model::Level(_) if sparse && x == 0.0 => {}
            Model::Level(level) => {
                let lesson = if hold == Hold::Free {
                    Lesson::Full
                } else {
                    Lesson::LevelOnly
                };
                level.learn(self.class, when, x, prior, lesson);
            }
        }
        self.hand_over();
    }

    fn learn_silence(&mut self, when: Moment, x: f64, hold: Hold) {
        if x == 0.0 {
            let empty = match &self.model {
                Model::Low(low) => low.sure(when).empty(),
                Model::Level(_) => self.emptiness(),
            };
            self.silence.extend(empty);
        } else {
            self.silence.end(hold == Hold::Free);
        }
        if hold == Hold::Free {
            self.seen = self.seen.saturating_add(1);
            let rate = c::EMPTY_RATE.max(1.0 / f64::from(self.seen));
            super::level::nudge(&mut self.empty, rate, if x == 0.0 { 1.0 } else { 0.0 });
        }
    }

    /// Changes the model of a count whose mean has left the model's range (4.5).
    fn hand_over(&mut self) {
        match &self.model {
            Model::Low(low) if low.mean() > c::MEAN_HIGH => {
                self.model = Model::Level(if low.ready() {
                    let (mean, od) = (low.mean(), low.dispersion());
                    // The transform's slope at the mean is 1/sqrt(mean + a mean^2).
                    let variance = (mean + od * mean * mean) / (mean + c::BEND * mean * mean);
                    Level::continued(self.class, mean, variance.sqrt())
                } else {
                    Level::new()
                });
            }
            Model::Level(level)
                if self.class == Class::Count && level.ready() && level.mean() < c::MEAN_LOW =>
            {
                let (mean, sd) = (level.mean().max(0.01), level.deviation());
                let od = (sd * sd * (mean + c::BEND * mean * mean) - mean) / (mean * mean);
                self.model = Model::Low(Low::continued(mean, od.clamp(1e-3, 100.0), 100.0));
            }
            _ => {}
        }
    }

    /// Takes `x`, where the series has stayed for a day of an open anomaly, as the new normal (4.9).
    pub fn accept_new_normal(&mut self, at: Timestamp, x: f64) {
        let Some(x) = self.class.clean(x) else { return };
        let when = Moment::new(at, self.step);
        match &mut self.model {
            Model::Low(low) => {
                *low = Low::continued(x.max(0.01), low.dispersion(), 2.0 * f64::from(c::WARM_UP))
            }
            Model::Level(level) => level.accept(self.class, when, x),
        }
        self.silence.end(false);
        self.hand_over();
    }

    /// Octets of state, those on the heap included.
    #[cfg(test)]
    pub(crate) fn octets(&self) -> usize {
        size_of::<Self>()
            + match &self.model {
                Model::Low(low) => low.heap(),
                Model::Level(level) => level.heap(),
            }
    }
}
