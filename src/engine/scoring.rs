//! How one metric of one entity is judged in one interval: each rule's test asked for its deviation.

use super::channel::{Channelled, speak};
use super::plan::{MetricPlan, scale};
use super::sampling;
use super::series::{Sequence, Series};
use crate::detect::limit::{self, Nearness};
use crate::detect::{Budget, Channel, Newcomers, Prior, Priors, Verdict};
use crate::model::{Deviation, Direction, Limit, Test, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Scores that open an anomaly, from the false-alarm budget; fixed for one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thresholds {
    pub(super) point: f64,
    /// Of the slow part, an hour to a side.
    pub(super) slow: f64,
    /// The same for each of the hour's intervals, as if each were its own test; for accounts.
    pub(super) slow_an_interval: f64,
    pub(super) sequential: f64,
    pub(super) scan: f64,
    pub(super) newcomer: f64,
    pub(super) pattern: f64,
    /// Of services never offered before, once an interval.
    pub(super) service: f64,
}

/// How much is watched, as moving counts: what the budget is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Load {
    /// Series judged against a baseline in an interval.
    pub(super) series: f64,
    /// Series under the sequential test.
    pub(super) sequential: f64,
    /// First contacts in an interval.
    pub(super) contacts: f64,
    /// Newcomers judged in an interval.
    pub(super) newcomers: f64,
    /// Paces and domains judged in an interval.
    pub(super) patterns: f64,
}

impl Load {
    /// Takes in one closed interval; moves by a thirtieth, or faster while young. Numbers of series rise at once: all those
    /// of a young network become ready in the same interval, and the threshold must be that of all of them.
    pub(super) fn learn(&mut self, now: &Self, intervals: u64) {
        let rate = 1.0 / (intervals.clamp(1, 30) as f64);
        let step = |old: &mut f64, new: f64| *old += rate * (new - *old);
        let rise = |old: &mut f64, new: f64| *old = new.max(*old + rate * (new - *old));
        rise(&mut self.series, now.series);
        rise(&mut self.sequential, now.sequential);
        step(&mut self.contacts, now.contacts);
        step(&mut self.newcomers, now.newcomers);
        step(&mut self.patterns, now.patterns);
    }

    /// The thresholds that keep the budget.
    pub(super) fn thresholds(&self, budget: &Budget, interval: Duration) -> Thresholds {
        let a_day = 86_400.0 / interval.as_secs_f64().max(1.0);
        let threshold = |channel, n: f64| budget.threshold(channel, n.max(1.0), a_day);
        let slow = budget.threshold(Channel::Base, self.series.max(1.0), a_day.min(24.0));
        Thresholds {
            point: threshold(Channel::Point, self.series),
            slow,
            slow_an_interval: slow + (a_day / 24.0).max(1.0).ln(),
            sequential: threshold(Channel::Sequential, self.sequential),
            scan: threshold(Channel::Scan, self.contacts),
            newcomer: threshold(Channel::Newcomer, self.newcomers),
            pattern: threshold(Channel::Pattern, self.patterns),
            service: threshold(Channel::Service, 1.0),
        }
    }
}

/// A rule's opinion of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Opinion {
    pub(super) rule: usize,
    pub(super) direction: Direction,
    pub(super) test: Test,
    pub(super) deviation: Deviation,
    /// Whether it may open an anomaly.
    pub(super) passes: bool,
    /// Start of what it is about, where that is before this interval.
    pub(super) since: Option<Timestamp>,
}

/// What the judging of one metric of one entity needs to know.
pub(super) struct Case<'a> {
    pub(super) plan: &'a MetricPlan,
    pub(super) at: Timestamp,
    /// The same as clocks in the configured zone show it.
    pub(super) local: Timestamp,
    pub(super) value: f64,
    pub(super) interval: Duration,
    pub(super) thresholds: &'a Thresholds,
    pub(super) newcomers: Option<&'a Newcomers>,
    /// How heavy tails are in this network.
    pub(super) priors: &'a Priors,
    /// Whether the interval is over and was whole: only then can there be too little.
    pub(super) whole: bool,
    /// Whether the network was watched long enough to know what is rare in it.
    pub(super) settled: bool,
    /// What one packet that was looked at stands for, where traffic is sampled; else 0.
    pub(super) per_sample: f64,
}

/// So many times a rule's floor is a mass.
const MASS: f64 = 10.0;

impl Case<'_> {
    /// Asks every rule, each with its floor. Learns nothing.
    pub(super) fn opinions(&self, series: Option<&Series>, out: &mut Vec<Opinion>) -> Verdict {
        let verdict = self.verdict(series);
        let sequence = series
            .and_then(|s| s.sequential.as_deref())
            .filter(|_| self.whole);
        for &(rule, test, floor) in &self.plan.rules {
            match test {
                Test::Baseline { above, below } => {
                    if above {
                        let channels = [
                            Some(self.point_rise(series, floor, &verdict)),
                            sequence.map(|s| self.evidence(s, true)),
                            self.slow(&verdict, true),
                        ];
                        out.push(self.opinion(rule, test, Direction::Above, floor, &verdict, &channels));
                    }
                    if below && self.whole {
                        let channels = [
                            Some(Channelled::point(
                                self.dip(&verdict),
                                self.thresholds.point,
                                &verdict,
                            )),
                            sequence.map(|s| self.evidence(s, false)),
                            self.slow(&verdict, false),
                        ];
                        out.push(self.opinion(rule, test, Direction::Below, floor, &verdict, &channels));
                    }
                }
                Test::Sequential => {
                    let channels = [sequence.map(|s| self.evidence(s, true))];
                    out.push(self.opinion(rule, test, Direction::Above, floor, &verdict, &channels));
                }
                Test::Limit(limit) => out.push(self.limit(rule, test, &limit)),
                Test::Scan | Test::NewHost | Test::Pattern(_) => {}
            }
        }
        verdict
    }

    /// What is usual for the series, and how strange the value is; learns nothing.
    pub(super) fn verdict(&self, series: Option<&Series>) -> Verdict {
        let baseline = series.and_then(|s| s.baseline.as_ref());
        let prior = self.priors.of(self.plan.class);
        let judge = |noise| baseline.map(|b| b.judge(self.local, self.value, noise, &prior));
        let mut verdict = judge(self.plan.noise).unwrap_or_default();
        if self.per_sample > 0.0 {
            let noise = sampling::noise(self.plan.class, verdict.expected, self.per_sample);
            verdict = judge(self.plan.noise.hypot(noise)).unwrap_or_default();
        }
        let Some(series) = series.filter(|_| !verdict.ready) else {
            return verdict;
        };
        let young = series.young.judge(self.plan.class, self.value);
        Verdict {
            expected: young.expected,
            lower: 0.0,
            upper: young.upper,
            ..verdict
        }
    }

    /// The strangest of the channels speaks for the rule; any of them may open an anomaly.
    fn opinion(
        &self,
        rule: usize,
        test: Test,
        direction: Direction,
        floor: f64,
        verdict: &Verdict,
        channels: &[Option<Channelled>],
    ) -> Opinion {
        let (deviation, passes, since) = speak(self.value, direction, floor, verdict, channels);
        Opinion {
            rule,
            direction,
            test,
            deviation,
            passes,
            since,
        }
    }

    /// One interval above its own past; above its first intervals, or what newcomers bring, while it has no past.
    fn point_rise(&self, series: Option<&Series>, floor: f64, verdict: &Verdict) -> Channelled {
        let (score, threshold) = if verdict.ready {
            (verdict.rise, self.thresholds.point)
        } else {
            let young = series.map_or(0.0, |s| s.young.judge(self.plan.class, self.value).rise);
            let stranger = self.newcomer(series.is_some(), floor);
            (young.max(stranger), self.thresholds.newcomer)
        };
        let (class, sampled) = (self.plan.class, self.per_sample);
        let score = score.min(sampling::most(class, self.value, verdict.expected, sampled));
        Channelled::point(score, threshold, verdict)
    }

    /// The slow part, which only a whole interval adds to.
    fn slow(&self, verdict: &Verdict, rise: bool) -> Option<Channelled> {
        let slow = Some(&verdict.slow).filter(|slow| self.whole && slow.ready)?;
        let Thresholds {
            slow: threshold,
            point,
            ..
        } = *self.thresholds;
        Some(Channelled::slow(slow, rise, threshold, point))
    }

    /// One interval below its own past, as far as sampling alone does not explain it.
    fn dip(&self, verdict: &Verdict) -> f64 {
        let class = self.plan.class;
        let most = sampling::most_below(class, self.value, verdict.expected, self.per_sample);
        verdict.dip.min(most)
    }

    /// How strange a value is for an entity never seen before.
    fn newcomer(&self, known: bool, floor: f64) -> f64 {
        let Some(pool) = self.newcomers.filter(|_| !known) else {
            return 0.0;
        };
        if pool.ready() {
            return pool.judge(self.value, &Prior::of(self.plan.class));
        }
        // Newcomers of the kind are so rare that nothing is known of them: only a mass is worth a word.
        let mass = self.settled && floor > 0.0 && self.value >= MASS * floor;
        if mass { self.thresholds.newcomer } else { 0.0 }
    }

    /// What has added up over intervals.
    fn evidence(&self, sequence: &Sequence, rise: bool) -> Channelled {
        Channelled::evidence(sequence, [self.at, self.local], rise, self.thresholds.sequential)
    }

    fn limit(&self, rule: usize, test: Test, limit: &Limit) -> Opinion {
        let reading = limit::check(limit, self.value, self.interval, self.interval);
        let value = limit.value * scale(self.interval, limit.per);
        // A limit is no matter of chance; its score is made so that it holds down to nine tenths of the warning.
        let near = reading.rate >= 0.9 * limit.warn_at * limit.value;
        let score = if near {
            20.0 * reading.rate / limit.value
        } else {
            0.0
        };
        let deviation = Deviation {
            observed: self.value,
            expected: value,
            lower: 0.0,
            upper: limit.warn_at * value,
            score,
        };
        let passes = reading.nearness != Nearness::Clear;
        Opinion {
            rule,
            direction: Direction::Above,
            test,
            deviation,
            passes,
            since: None,
        }
    }
}
