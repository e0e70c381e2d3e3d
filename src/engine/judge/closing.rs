//! The close of an interval: every series judged and taught, tables emptied, what is idle forgotten.

use super::super::ledger::Ledger;
use super::super::ledger::{Finding, severity};
use super::super::plan::View;
use super::super::scoring::{Case, Opinion};
use super::super::series::{EntityState, Keep, PROBATION, Sequence, Series};
use super::{Judge, ViewState};
use crate::detect::{Baseline, Hold, Prior, Verdict};
use crate::model::{Interval, Point, Timestamp};
use std::time::Duration;

/// How long an entity without baselines is remembered, in intervals.
const KEEP_PROBATION: u32 = 60;
/// How long an entity with baselines is remembered.
const KEEP_KNOWN: Duration = Duration::from_secs(14 * 86_400);
/// An anomaly open for this long is the new normal (DETECTION 4.9).
const NEW_NORMAL: Duration = Duration::from_secs(86_400);

impl Judge {
    /// Judges rises of the present interval on what was counted so far: counts only grow.
    pub(super) fn look_early(&mut self, until: Timestamp) {
        let Some(interval) = self.present.as_ref().map(|p| p.interval) else {
            return;
        };
        if interval.end <= until {
            return; // the close looks at everything
        }
        for view in 0..self.views.len() {
            let slots: Vec<u32> = self
                .views
                .get(view)
                .map(|v| v.entities.touched().to_vec())
                .unwrap_or_default();
            for slot in slots {
                for (metric, opinion) in self.opinions(view, slot, interval.start, false).0 {
                    if opinion.passes {
                        self.found(view, slot, metric, &opinion, until);
                    }
                }
            }
        }
    }

    /// Closes the present interval; `whole` says that traffic was seen to its end.
    pub(super) fn close(&mut self, whole: bool) {
        let Some(present) = self.present.clone() else {
            return;
        };
        let interval = present.interval;
        let silent = self.table.rows().is_empty();
        let whole = whole && !present.partial && !silent;
        self.stats.intervals += 1;
        self.stats.partial_intervals += u64::from(!whole && !silent);
        self.stats.missing_intervals += u64::from(silent);
        self.close_strangers(interval);
        for view in 0..self.views.len() {
            self.close_view(view, interval, whole);
        }
        self.answer();
        self.learned += u64::from(whole);
        let now = std::mem::take(&mut self.load_now);
        if whole {
            self.load.learn(&now, self.learned);
        }
        self.thresholds = self.load.thresholds(&self.budget, self.config.interval);
        self.begin_next(interval);
    }

    fn close_view(&mut self, view: usize, interval: Interval, whole: bool) {
        let slots = self.views.get(view).map_or(0, |v| v.entities.rows().len() as u32);
        let mut order: Vec<u32> = (0..slots).collect();
        // Newcomers teach a common pool: the order must not depend on the order of arrival.
        if let Some(state) = self.views.get(view) {
            order.sort_unstable_by_key(|&slot| state.entities.get(slot).map(|row| row.key));
        }
        for slot in order {
            self.close_entity(view, slot, interval, whole);
        }
    }

    fn close_entity(&mut self, view: usize, slot: u32, interval: Interval, whole: bool) {
        self.step_sequential(view, slot, interval.start, whole);
        let (opinions, verdicts) = self.opinions(view, slot, interval.start, whole);
        for (metric, opinion) in &opinions {
            self.found_at_close(view, slot, *metric, opinion, interval);
        }
        self.close_scans(view, slot, interval.end);
        self.teach(view, slot, interval, whole, &verdicts);
    }

    /// What every rule says of an entity, and the verdict on each metric.
    fn opinions(
        &mut self,
        view: usize,
        slot: u32,
        at: Timestamp,
        whole: bool,
    ) -> (Vec<(usize, Opinion)>, Vec<Verdict>) {
        let (mut all, mut verdicts) = (Vec::new(), Vec::new());
        let (Some(state), Some(plan)) = (self.views.get(view), self.plan.views.get(view)) else {
            return (all, verdicts);
        };
        let Some(row) = state.entities.get(slot) else {
            return (all, verdicts);
        };
        let mut opinions = Vec::new();
        for (i, metric) in plan.metrics.iter().enumerate() {
            let series = row.state.series.get(i);
            let value = row.metric(metric.metric);
            let floors: Vec<f64> = metric
                .rules
                .iter()
                .map(|(rule, _)| self.plan.rules.get(*rule).map_or(0.0, |r| r.floor))
                .collect();
            let case = Case {
                plan: metric,
                at,
                value,
                interval: self.config.interval,
                thresholds: &self.thresholds,
                newcomers: state.newcomers.get(i),
                floors: &floors,
                whole,
            };
            let evidence = series.and_then(|s| s.sequential.as_ref()).map(|s| s.score);
            verdicts.push(case.opinions(series, evidence, &mut opinions));
            all.extend(opinions.drain(..).map(|opinion| (i, opinion)));
        }
        (all, verdicts)
    }

    fn finding(
        &self,
        view: usize,
        slot: u32,
        metric: usize,
        opinion: &Opinion,
        at: Timestamp,
    ) -> Option<Finding> {
        let plan = self.plan.views.get(view)?;
        let row = self.views.get(view)?.entities.get(slot)?;
        let rule = self.plan.rules.get(opinion.rule)?;
        Some(Finding {
            rule: opinion.rule,
            entity: plan.grouping.entity(&row.key),
            metric: plan.metrics.get(metric)?.metric,
            direction: opinion.direction,
            deviation: opinion.deviation,
            interval: self.present.as_ref()?.interval,
            at,
            severity: severity(rule, &opinion.test, &opinion.deviation),
        })
    }

    fn found(&mut self, view: usize, slot: u32, metric: usize, opinion: &Opinion, at: Timestamp) {
        let key = self
            .views
            .get(view)
            .and_then(|v| v.entities.get(slot))
            .map(|row| row.key);
        if let (Some(key), Some(finding)) = (key, self.finding(view, slot, metric, opinion, at)) {
            self.open(view, &key, finding);
        }
    }

    fn found_at_close(
        &mut self,
        view: usize,
        slot: u32,
        metric: usize,
        opinion: &Opinion,
        interval: Interval,
    ) {
        let row = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot));
        let known = row.is_some_and(|row| row.state.episode(opinion.rule, opinion.direction).is_some());
        if !known && !opinion.passes {
            return;
        }
        if let Some(finding) = self.finding(view, slot, metric, opinion, interval.end) {
            self.step(view, slot, finding, opinion.passes);
        }
    }

    /// Steps the sequential tests of an entity, whose scores the opinions then read.
    fn step_sequential(&mut self, view: usize, slot: u32, at: Timestamp, whole: bool) {
        let (Some(state), Some(plan)) = (self.views.get_mut(view), self.plan.views.get(view)) else {
            return;
        };
        let Some(row) = state.entities.get_mut(slot) else {
            return;
        };
        for (i, metric) in plan.metrics.iter().enumerate() {
            let value = row.metric(metric.metric);
            let test = row.state.series.get_mut(i).and_then(|s| s.sequential.as_mut());
            if let (Some(test), true) = (test, whole) {
                test.score = test.series.update(at, value);
                self.load_now.sequential += 1.0;
            }
        }
    }

    /// Teaches the series of an entity, gives it series when it is past its probation, and keeps its chart.
    fn teach(&mut self, view: usize, slot: u32, interval: Interval, whole: bool, verdicts: &[Verdict]) {
        let (Some(state), Some(plan)) = (self.views.get_mut(view), self.plan.views.get(view)) else {
            return;
        };
        let ViewState { entities, newcomers } = state;
        let Some(row) = entities.get_mut(slot) else { return };
        let touched = row.is_touched();
        let values: Vec<f64> = plan
            .metrics
            .iter()
            .map(|metric| row.metric(metric.metric))
            .collect();
        let entity = &mut row.state;
        if entity.series.is_empty() && touched && entity.seen + 1 >= PROBATION {
            entity.series = plan
                .metrics
                .iter()
                .map(|metric| Series {
                    baseline: metric
                        .baseline
                        .then(|| Baseline::new(metric.class, self.config.interval)),
                    sequential: metric
                        .sequential()
                        .then(|| Box::new(Sequence::new(self.config.interval))),
                    ..Series::default()
                })
                .collect();
        }
        let hold = match (whole, entity.is_open()) {
            (false, _) => Hold::Missing,
            (true, true) => Hold::Open,
            (true, false) => Hold::Free,
        };
        for (i, &value) in values.iter().enumerate() {
            let verdict = verdicts.get(i).copied().unwrap_or_default();
            let pool = newcomers
                .get_mut(i)
                .filter(|_| touched && !verdict.ready && hold == Hold::Free);
            if let Some(pool) = pool {
                pool.learn(value, &Prior::default());
                self.load_now.newcomers += 1.0;
            }
            let Some(series) = entity.series.get_mut(i) else {
                continue;
            };
            self.load_now.series += f64::from(u8::from(verdict.ready));
            if let Some(baseline) = &mut series.baseline {
                baseline.learn(interval.start, value, &Prior::default(), hold);
            }
            chart(
                series,
                interval.start,
                value,
                &verdict,
                self.config.history,
                &mut self.charts_left,
            );
        }
        let open: Vec<u64> = entity
            .episodes
            .iter()
            .filter(|e| e.2.is_open())
            .map(|e| e.2.id)
            .collect();
        for id in open {
            show(&mut self.ledger, entity, plan, id);
        }
        accept_new_normal(entity, plan, interval, &values);
    }

    /// Passes over intervals without any traffic between others: missing, not zero. Episodes run out meanwhile.
    pub(super) fn miss(&mut self, from: Timestamp, to: Timestamp) {
        let step = self.config.interval;
        let missed = to.since(from).as_nanos() / step.as_nanos().max(1);
        self.stats.missing_intervals += missed as u64;
        let enough = (self.policy.quiet + self.policy.reopen) as u128;
        for n in 0..missed.min(enough) {
            let interval = Interval::holding(from + step * n as u32, step);
            for view in &mut self.views {
                for slot in 0..view.entities.rows().len() as u32 {
                    let Some(row) = view.entities.get_mut(slot) else {
                        continue;
                    };
                    for (_, _, episode) in &mut row.state.episodes {
                        let was_open = episode.is_open();
                        episode.step(interval, 0.0, false, &self.policy);
                        if was_open && !episode.is_open() {
                            self.ledger.close(episode.id, episode.last_at);
                        }
                    }
                }
            }
        }
    }

    /// Empties the tables for the interval after `interval` and forgets what is idle for long.
    fn begin_next(&mut self, interval: Interval) {
        let rows = self.table.take();
        if !rows.is_empty() {
            self.recent.push(interval, rows);
        }
        self.slots.clear();
        let known = KEEP_KNOWN.as_secs() / self.config.interval.as_secs().max(1);
        let keep = Keep {
            probation: KEEP_PROBATION,
            known: u32::try_from(known).unwrap_or(u32::MAX),
        };
        let policy = self.policy;
        for view in &mut self.views {
            view.entities
                .begin_interval(|_, touched, state| state.begin_interval(touched, &policy, &keep));
        }
        self.closed_until = Some(interval.end);
        self.present = None;
    }
}

fn chart(series: &mut Series, at: Timestamp, value: f64, verdict: &Verdict, most: usize, left: &mut usize) {
    if series.history.capacity() == 0 {
        if *left == 0 {
            return;
        }
        *left -= 1;
    }
    if series.history.len() >= most {
        series.history.pop_front();
    }
    series.history.push_back(Point {
        at,
        observed: value as f32,
        expected: verdict.expected as f32,
        lower: verdict.lower as f32,
        upper: verdict.upper as f32,
    });
}

/// Gives an open anomaly the chart of the series it is about.
fn show(ledger: &mut Ledger, entity: &EntityState, plan: &View, id: u64) {
    let metric = ledger.get_mut(id).map(|anomaly| anomaly.metric);
    let series = plan.metrics.iter().position(|m| Some(m.metric) == metric);
    if let Some(series) = series.and_then(|i| entity.series.get(i)) {
        ledger.chart(id, &series.history);
    }
}

/// What has been open for a day is how it is now: the baselines move there, and the episodes end by themselves.
fn accept_new_normal(entity: &mut EntityState, plan: &View, interval: Interval, values: &[f64]) {
    let old = entity
        .episodes
        .iter()
        .any(|e| e.2.is_open() && interval.end.since(e.2.started_at) >= NEW_NORMAL);
    if !old {
        return;
    }
    for (i, _) in plan.metrics.iter().enumerate() {
        let baseline = entity.series.get_mut(i).and_then(|s| s.baseline.as_mut());
        if let (Some(baseline), Some(&value)) = (baseline, values.get(i)) {
            baseline.accept_new_normal(interval.start, value);
        }
    }
}
