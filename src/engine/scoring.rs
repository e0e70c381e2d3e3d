//! How one metric of one entity is judged in one interval: each rule's test asked for its deviation.

use super::plan::MetricPlan;
use super::series::Series;
use crate::detect::limit::{self, Nearness};
use crate::detect::{Budget, Channel, Newcomers, Prior, Verdict};
use crate::model::{Deviation, Direction, Limit, Test, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Scores that open an anomaly, from the false-alarm budget; fixed for one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thresholds {
    pub(super) point: f64,
    pub(super) sequential: f64,
    pub(super) scan: f64,
    pub(super) newcomer: f64,
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
}

impl Load {
    /// Takes in one closed interval; moves by a thirtieth, or faster while young.
    pub(super) fn learn(&mut self, now: &Self, intervals: u64) {
        let rate = 1.0 / (intervals.clamp(1, 30) as f64);
        let step = |old: &mut f64, new: f64| *old += rate * (new - *old);
        step(&mut self.series, now.series);
        step(&mut self.sequential, now.sequential);
        step(&mut self.contacts, now.contacts);
        step(&mut self.newcomers, now.newcomers);
    }

    /// The thresholds that keep the budget.
    pub(super) fn thresholds(&self, budget: &Budget, interval: Duration) -> Thresholds {
        let a_day = 86_400.0 / interval.as_secs_f64().max(1.0);
        let threshold = |channel, n: f64| budget.threshold(channel, n.max(1.0), a_day);
        Thresholds {
            point: threshold(Channel::Point, self.series),
            sequential: threshold(Channel::Sequential, self.sequential),
            scan: threshold(Channel::Scan, self.contacts),
            newcomer: threshold(Channel::Newcomer, self.newcomers),
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
}

/// What the judging of one metric of one entity needs to know.
pub(super) struct Case<'a> {
    pub(super) plan: &'a MetricPlan,
    pub(super) at: Timestamp,
    pub(super) value: f64,
    pub(super) interval: Duration,
    pub(super) thresholds: &'a Thresholds,
    pub(super) newcomers: Option<&'a Newcomers>,
    /// The floor of each rule in the plan's order.
    pub(super) floors: &'a [f64],
    /// Whether the interval is over and was whole: only then can there be too little.
    pub(super) whole: bool,
}

impl Case<'_> {
    /// Asks every rule. Learns nothing, except that the sequential test steps where the interval is `over`.
    pub(super) fn opinions(
        &self,
        series: Option<&Series>,
        sequential: Option<f64>,
        out: &mut Vec<Opinion>,
    ) -> Verdict {
        let baseline = series.and_then(|s| s.baseline.as_ref());
        let verdict = baseline
            .map(|b| b.judge(self.at, self.value, self.plan.noise, &Prior::default()))
            .unwrap_or_default();
        for (i, &(rule, test)) in self.plan.rules.iter().enumerate() {
            let floor = self.floors.get(i).copied().unwrap_or(0.0);
            match test {
                Test::Baseline { above, below } => {
                    if above {
                        out.push(self.rise(rule, test, floor, &verdict));
                    }
                    if below && self.whole {
                        out.push(self.dip(rule, test, floor, &verdict));
                    }
                }
                Test::Limit(limit) => out.push(self.limit(rule, test, &limit)),
                Test::Sequential => {
                    out.extend(sequential.map(|r| self.sequential(rule, test, floor, r, &verdict)))
                }
                Test::Scan | Test::NewHost => {}
            }
        }
        verdict
    }

    fn rise(&self, rule: usize, test: Test, floor: f64, verdict: &Verdict) -> Opinion {
        let stranger = if verdict.ready { None } else { self.newcomers };
        let (score, threshold) = match stranger {
            Some(pool) => (
                pool.judge(self.value, &Prior::default()),
                self.thresholds.newcomer,
            ),
            None => (verdict.rise, self.thresholds.point),
        };
        let passes = score >= threshold && self.value - verdict.expected >= floor;
        Opinion {
            rule,
            direction: Direction::Above,
            test,
            deviation: self.deviation(verdict, score),
            passes,
        }
    }

    fn dip(&self, rule: usize, test: Test, floor: f64, verdict: &Verdict) -> Opinion {
        let passes = verdict.dip >= self.thresholds.point && verdict.expected - self.value >= floor;
        Opinion {
            rule,
            direction: Direction::Below,
            test,
            deviation: self.deviation(verdict, verdict.dip),
            passes,
        }
    }

    fn sequential(&self, rule: usize, test: Test, floor: f64, score: f64, verdict: &Verdict) -> Opinion {
        let passes = score >= self.thresholds.sequential && self.value - verdict.expected >= floor;
        Opinion {
            rule,
            direction: Direction::Above,
            test,
            deviation: self.deviation(verdict, score),
            passes,
        }
    }

    fn limit(&self, rule: usize, test: Test, limit: &Limit) -> Opinion {
        let reading = limit::check(limit, self.value, self.interval, self.interval);
        let value = limit.value * self.interval.as_secs_f64() / limit.per.as_secs_f64().max(1e-9);
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
        }
    }

    fn deviation(&self, verdict: &Verdict, score: f64) -> Deviation {
        Deviation {
            observed: self.value,
            expected: verdict.expected,
            lower: verdict.lower,
            upper: verdict.upper,
            score,
        }
    }
}
