//! What a closed interval teaches: series their own past, pools what newcomers bring, charts their next point.

use super::super::ledger::Ledger;
use super::super::plan::View;
use super::super::series::{EntityState, PROBATION, Sequence, Series};
use super::Judge;
use crate::detect::{Baseline, Hold, Prior, Verdict};
use crate::model::{Interval, Metric, Point, Timestamp};
use std::time::Duration;

/// An anomaly open for this long is the new normal (DETECTION 4.9).
const NEW_NORMAL: Duration = Duration::from_secs(86_400);
/// Newcomers a pool learns from in one interval.
const TEACHERS: usize = 64;

impl Judge {
    /// Steps the sequential tests of an entity, whose evidence the opinions then read.
    pub(super) fn step_sequential(&mut self, view: usize, slot: u32, at: Timestamp, whole: bool) {
        let local = self.local(at);
        let (Some(state), Some(plan)) = (self.views.get_mut(view), self.plan.views.get(view)) else {
            return;
        };
        let Some(row) = state.entities.get_mut(slot).filter(|_| whole) else {
            return;
        };
        for (i, metric) in plan.metrics.iter().enumerate() {
            // The test is for counts: of packets looked at, not of those they stand for.
            let unit = row.state.per_sample(metric.metric, &row.counters);
            let resampled = row.state.is_resampled(&row.counters);
            let value = row.metric(metric.metric) / unit.max(1.0);
            if let Some(test) = row.state.series.get_mut(i).and_then(|s| s.sequential.as_mut()) {
                if resampled && metric.metric == Metric::Packets {
                    **test = Sequence::new(self.config.interval);
                }
                test.update(local, value);
                self.load_now.sequential += f64::from(u8::from(metric.counts));
            }
        }
    }

    /// Teaches the series of an entity, gives it series when it is past its probation, and keeps its charts.
    pub(super) fn teach(
        &mut self,
        view: usize,
        slot: u32,
        interval: Interval,
        whole: bool,
        verdicts: &[Verdict],
    ) {
        let (room, local) = (self.baselines_left(view), self.local(interval.start));
        let priors = self.priors;
        let (Some(state), Some(plan)) = (self.views.get_mut(view), self.plan.views.get(view)) else {
            return;
        };
        let Some(row) = state.entities.get_mut(slot) else {
            return;
        };
        row.state.note_sampling(&row.counters);
        let past_probation = row.is_touched() && row.state.seen + 1 >= PROBATION;
        let values: Vec<f64> = plan
            .metrics
            .iter()
            .map(|metric| row.metric(metric.metric))
            .collect();
        let entity = &mut row.state;
        if entity.series.is_empty() && past_probation && !plan.metrics.is_empty() {
            if room {
                entity.series = series(plan, self.config.interval);
                state.with_baselines += 1;
            } else {
                self.stats.baselines_refused += 1;
            }
        }
        let held = entity.is_held(&self.plan.gates) || entity.explained;
        let hold = match (whole, held) {
            (false, _) => Hold::Missing,
            (true, true) => Hold::Open,
            (true, false) => Hold::Free,
        };
        for ((i, &value), metric) in values.iter().enumerate().zip(&plan.metrics) {
            let verdict = verdicts.get(i).copied().unwrap_or_default();
            let Some(series) = entity.series.get_mut(i) else {
                continue;
            };
            if let Some(baseline) = &mut series.baseline {
                if hold == Hold::Free && !baseline.ready() {
                    series.young.learn(metric.class, value);
                }
                baseline.learn(local, value, &priors.of(metric.class), hold);
                // What will be judged in the next interval, which the next thresholds are for.
                self.load_now.series += f64::from(u8::from(baseline.ready() && metric.counts));
            }
            let charted = chart(
                series,
                interval.start,
                value,
                &verdict,
                hold == Hold::Open,
                self.config.history,
                &mut self.charts_left,
            );
            self.stats.uncharted += u64::from(!charted && self.config.history > 0);
        }
        for id in entity.episodes.iter().filter(|e| e.2.is_open()).map(|e| e.2.id) {
            show(&mut self.ledger, entity, plan, id);
        }
        if held {
            accept_new_normal(entity, interval, local, &values);
        }
    }

    /// Whether one more entity of a view may have baselines.
    fn baselines_left(&self, view: usize) -> bool {
        self.views
            .get(view)
            .is_some_and(|state| state.with_baselines < self.baselines)
    }

    /// Teaches the pools of newcomers what entities without a past of their own brought.
    ///
    /// A pool learns from a few of them, chosen by hash, so that it depends neither on the order of arrival nor, much,
    /// on how many thousands of strangers one interval brings.
    pub(super) fn teach_newcomers(&mut self, view: usize) {
        let (Some(state), Some(plan)) = (self.views.get_mut(view), self.plan.views.get(view)) else {
            return;
        };
        let ready = |series: &Series| series.baseline.as_ref().is_some_and(Baseline::ready);
        let strangers = state.entities.touched().iter().filter_map(|&slot| {
            let row = state.entities.get(slot)?;
            let known = !row.state.series.is_empty() && row.state.series.iter().all(ready);
            (!known && !row.state.is_held(&self.plan.gates)).then(|| (row.key.spread(), slot))
        });
        let mut chosen: Vec<(u64, u32)> = strangers.collect();
        let counting = plan.metrics.iter().filter(|metric| metric.counts).count();
        self.load_now.newcomers += (chosen.len() * counting) as f64;
        if chosen.len() > TEACHERS {
            chosen.select_nth_unstable(TEACHERS);
            chosen.truncate(TEACHERS);
        }
        chosen.sort_unstable();
        for (_, slot) in chosen {
            let Some(row) = state.entities.get(slot) else {
                continue;
            };
            for (i, (pool, metric)) in state.newcomers.iter_mut().zip(&plan.metrics).enumerate() {
                if !row.state.series.get(i).is_some_and(ready) {
                    pool.learn(row.metric(metric.metric), &Prior::of(metric.class));
                }
            }
        }
    }
}

/// Series for every metric of a view, nothing learned yet.
fn series(plan: &View, interval: Duration) -> Vec<Series> {
    let new = plan.metrics.iter().map(|metric| Series {
        baseline: metric.baseline.then(|| Baseline::new(metric.class, interval)),
        sequential: metric.sequential().then(|| Box::new(Sequence::new(interval))),
        ..Series::default()
    });
    new.collect()
}

/// Keeps one more point for the chart; false where there is no room for one.
fn chart(
    series: &mut Series,
    at: Timestamp,
    value: f64,
    verdict: &Verdict,
    open: bool,
    most: usize,
    left: &mut usize,
) -> bool {
    if series.history.is_none() {
        if *left == 0 || most == 0 {
            return false;
        }
        *left -= 1;
    }
    let history = series.history.get_or_insert_default();
    if history.len() >= most {
        history.pop_front();
    }
    let point = Point {
        at,
        observed: value as f32,
        expected: verdict.expected as f32,
        lower: verdict.lower as f32,
        upper: verdict.upper as f32,
    };
    // While an anomaly is open the volatility swells with it; the chart shows the band it broke out of.
    let before = history.back().copied().filter(|_| open);
    history.push_back(before.map_or(point, |before| Point {
        at,
        observed: point.observed,
        ..before
    }));
    true
}

/// Gives an open anomaly the chart of the series it is about.
fn show(ledger: &mut Ledger, entity: &EntityState, plan: &View, id: u64) {
    let metric = ledger.get_mut(id).map(|anomaly| anomaly.metric);
    let series = plan.metrics.iter().position(|m| Some(m.metric) == metric);
    let series = series.and_then(|i| entity.series.get(i));
    if let Some(history) = series.and_then(|series| series.history.as_deref()) {
        ledger.chart(id, history);
    }
}

/// What has been open for a day is how it is now: the baselines move there, and the episodes end by themselves.
fn accept_new_normal(entity: &mut EntityState, interval: Interval, local: Timestamp, values: &[f64]) {
    let old = entity
        .episodes
        .iter()
        .any(|e| e.2.is_open() && interval.end.since(e.2.started_at) >= NEW_NORMAL);
    if !old {
        return;
    }
    for (series, &value) in entity.series.iter_mut().zip(values) {
        if let Some(baseline) = &mut series.baseline {
            baseline.accept_new_normal(local, value);
        }
    }
}
