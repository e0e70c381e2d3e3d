//! The close of an interval: every series judged, tables emptied, what is idle forgotten.

use super::super::gate::Waiting;
use super::super::ledger::{Finding, severity};
use super::super::plan::View;
use super::super::scoring::{Case, Opinion};
use super::super::series::{EntityState, Keep, PROBATION};

use super::Judge;
use super::accounts::Tested;
use crate::aggregate::Row;
use crate::detect::Verdict;
use crate::model::{Direction, Interval, Timestamp};
use std::time::Duration;

/// How long an entity without baselines is remembered, in intervals.
const KEEP_PROBATION: u32 = 60;
/// How often answered contacts count as first ones again.
const HOUR: Duration = Duration::from_secs(3600);
/// How long a source is remembered that may be a slow scanner.
const KEEP_SUSPECT: Duration = Duration::from_secs(86_400);
/// How long an entity with baselines is remembered.
const KEEP_KNOWN: Duration = Duration::from_secs(14 * 86_400);

impl Judge {
    /// Judges rises of the present interval on what was counted so far: counts only grow.
    pub(super) fn look_early(&mut self, until: Timestamp) {
        let Some(interval) = self.present.as_ref().map(|p| p.interval) else {
            return;
        };
        if interval.end <= until {
            return; // the close looks at everything
        }
        let mut found = Vec::new();
        for (view, (state, plan)) in self.views.iter().zip(&self.plan.views).enumerate() {
            for &slot in state.entities.touched() {
                let Some(row) = state.entities.get(slot) else {
                    continue;
                };
                // What is below every floor cannot be found; that is nearly everything.
                if plan
                    .metrics
                    .iter()
                    .any(|m| row.metric_at_least(m.metric, m.least_floor))
                {
                    found.push((view, slot));
                }
            }
        }
        let mut opinions = Vec::new();
        for (view, slot) in found {
            self.opinions(view, slot, interval.start, false, &mut opinions, &mut Vec::new());
            for (metric, opinion) in opinions.drain(..) {
                if opinion.passes {
                    self.found(view, slot, metric, &opinion, until);
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
        let marked = self.quality.marks(interval).next().is_some();
        let whole = whole && !present.partial && !silent && !marked && interval.end <= self.ended;
        self.stats.marked_intervals += u64::from(marked);
        self.stats.intervals += 1;
        self.stats.partial_intervals += u64::from(!whole && !silent && !marked);
        self.stats.missing_intervals += u64::from(silent);
        self.close_strangers(interval);
        self.close_patterns(interval);
        for view in 0..self.views.len() {
            if self.plan.views.get(view).is_some_and(|plan| plan.finer.is_none()) {
                self.close_view(view, interval, whole);
            }
        }
        self.close_networks(interval, whole);
        self.learn_usual(interval, whole);
        if whole {
            self.accept_levels(interval);
        }
        self.answer();
        self.profile_hosts();
        self.learned += u64::from(whole);
        self.accounts
            .iter_mut()
            .for_each(|a| a.intervals += u64::from(whole));
        self.refit(interval);
        let now = std::mem::take(&mut self.load_now);
        if whole {
            self.load.learn(&now, self.learned);
        }
        self.thresholds = self.load.thresholds(&self.budget, self.config.interval);
        self.begin_next(interval);
    }

    pub(super) fn close_view(&mut self, view: usize, interval: Interval, whole: bool) {
        let slots = self.views.get(view).map_or(0, |v| v.entities.len() as u32);
        let (mut opinions, mut verdicts) = (Vec::new(), Vec::new());
        let mut tested = Tested::none(self.plan.views.get(view).map_or(0, |v| v.metrics.len()));
        for slot in 0..slots {
            if !self.is_of_interest(view, slot) {
                continue;
            }
            self.step_sequential(view, slot, interval.start, whole);
            verdicts.clear();
            self.opinions(view, slot, interval.start, whole, &mut opinions, &mut verdicts);
            if let Some(row) = self.views.get(view).and_then(|v| v.entities.get(slot)) {
                tested.count(&verdicts, &row.state.series);
            }
            for (metric, opinion) in opinions.drain(..) {
                self.found_at_close(view, slot, metric, &opinion, interval);
            }
            self.close_scans(view, slot, interval.end);
            self.note_risen(view, slot);
            self.teach(view, slot, interval, whole, &verdicts);
        }
        if whole {
            self.account_tests(view, &tested);
            self.teach_newcomers(view);
        }
    }

    /// Whether an entity can be judged or taught: it has a past, or is past its probation, or stands out.
    fn is_of_interest(&self, view: usize, slot: u32) -> bool {
        let (Some(state), Some(plan)) = (self.views.get(view), self.plan.views.get(view)) else {
            return false;
        };
        state.entities.get(slot).is_some_and(|row| {
            !row.state.series.is_empty()
                || !row.state.episodes.is_empty()
                || (row.is_touched() && row.state.seen + 1 >= PROBATION)
                || plan
                    .metrics
                    .iter()
                    .any(|m| row.metric_at_least(m.metric, m.least_floor))
        })
    }

    /// What judging a metric of a view takes, of the interval that begins at `at`, `local` where people are.
    pub(super) fn case<'a>(
        &'a self,
        view: usize,
        metric: usize,
        row: &Row<EntityState>,
        [at, local]: [Timestamp; 2],
        whole: bool,
    ) -> Option<Case<'a>> {
        let plan = self.plan.views.get(view)?.metrics.get(metric)?;
        Some(Case {
            plan,
            at,
            local,
            value: row.metric(plan.metric),
            interval: self.config.interval,
            thresholds: &self.thresholds,
            newcomers: self.views.get(view)?.newcomers.get(metric),
            priors: &self.priors,
            whole,
            settled: self.is_settled(at),
            per_sample: row.state.per_sample(plan.metric, &row.counters),
        })
    }

    /// What every rule says of an entity, by metric, and the verdict on each metric.
    fn opinions(
        &self,
        view: usize,
        slot: u32,
        at: Timestamp,
        whole: bool,
        all: &mut Vec<(usize, Opinion)>,
        verdicts: &mut Vec<Verdict>,
    ) {
        let (Some(state), Some(plan)) = (self.views.get(view), self.plan.views.get(view)) else {
            return;
        };
        let Some(row) = state.entities.get(slot) else {
            return;
        };
        let local = self.local(at);
        let mut opinions = Vec::new();
        for i in 0..plan.metrics.len() {
            let case = self.case(view, i, row, [at, local], whole);
            let Some(case) = case else { continue };
            verdicts.push(case.opinions(row.state.series.get(i), &mut opinions));
            all.extend(opinions.drain(..).map(|opinion| (i, opinion)));
        }
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
        let interval = self.present.as_ref()?.interval;
        Some(Finding {
            rule: opinion.rule,
            entity: plan.grouping.entity(&row.key),
            metric: plan.metrics.get(metric)?.metric,
            direction: opinion.direction,
            deviation: opinion.deviation,
            interval,
            started_at: opinion.since.unwrap_or(interval.start),
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
        let Some(row) = row else { return };
        let known = row.state.episode(opinion.rule, opinion.direction).is_some();
        let who = Waiting {
            rule: opinion.rule,
            key: row.key,
            direction: opinion.direction,
        };
        let counts = || self.is_awaited(&who, opinion.deviation.score, &self.policy);
        let passes = opinion.passes || (!known && counts());
        if !known && !passes {
            return;
        }
        let metric_of = |plan: &View| plan.metrics.get(metric).map(|plan| plan.metric);
        let rises = self.plan.views.get(view).and_then(metric_of);
        let rises = rises.filter(|_| !known && opinion.direction == Direction::Above);
        if rises.is_some_and(|metric| !self.is_own_rise(view, slot, metric, interval)) {
            let row = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot));
            let holds = self.plan.gates.get(opinion.rule).is_some_and(|gate| gate.holds);
            row.into_iter().for_each(|row| row.state.explained |= holds);
            return;
        }
        if let Some(finding) = self.finding(view, slot, metric, opinion, interval.end) {
            self.step(view, slot, finding, passes);
        }
    }

    /// Passes over intervals without any traffic between others: missing, not zero. Episodes run out meanwhile.
    pub(super) fn miss(&mut self, from: Timestamp, to: Timestamp) {
        let step = self.config.interval;
        let missed = to.since(from).as_nanos() / step.as_nanos().max(1);
        self.stats.missing_intervals += missed as u64;
        let enough = u128::from(self.policy.quiet + self.policy.reopen);
        for n in 0..missed.min(enough) {
            self.pass_over(Interval::holding(from + step * n as u32, step));
        }
    }

    fn pass_over(&mut self, interval: Interval) {
        for view in &mut self.views {
            for slot in 0..view.entities.len() as u32 {
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

    /// Empties the tables for the interval after `interval` and forgets what is idle for long.
    fn begin_next(&mut self, interval: Interval) {
        self.remember_questions();
        let rows = self.table.take();
        if !rows.is_empty() {
            self.recent.push(interval, rows);
        }
        self.hits.clear();
        self.first_hit.clear();
        let suspect = KEEP_SUSPECT.as_secs() / self.config.interval.as_secs().max(1);
        let known = KEEP_KNOWN.as_secs() / self.config.interval.as_secs().max(1);
        let keep = Keep {
            probation: KEEP_PROBATION,
            suspect: u32::try_from(suspect).unwrap_or(u32::MAX),
            crowded: false,
            known: u32::try_from(known).unwrap_or(u32::MAX),
            fresh: interval.start.floor(HOUR) != interval.end.floor(HOUR),
        };
        let (policy, away) = (self.policy, self.away());
        for view in &mut self.views {
            let mut with_baselines = 0;
            let keep = Keep {
                crowded: view.entities.is_crowded(),
                ..keep
            };
            view.entities.begin_interval(|_, touched, state| {
                let stays = state.begin_interval(touched, &policy, &keep, away);
                with_baselines += usize::from(stays && !state.series.is_empty());
                stays
            });
            view.with_baselines = with_baselines;
        }
        self.gating.begin_interval(interval.start, self.config.interval);
        self.closed_until = Some(interval.end);
        self.present = None;
    }
}
