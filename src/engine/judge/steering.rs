//! What measures do: deviations held back, levels accepted and given back.

use super::super::ledger::Finding;
use super::super::plan::{MetricPlan, PlanError};
use super::super::series::Sequence;
use super::super::steering::{Undo, is_named};
use super::Judge;
use crate::aggregate::EntityKey;
use crate::detect::Baseline;
use crate::model::{Effect, Interval, Ip, Measure, Metric, Timestamp};

impl Judge {
    /// Has these measures in force from now on, and no others. Levels that are no longer accepted are as before.
    ///
    /// # Errors
    ///
    /// [`PlanError`]: a filter cannot be used; nothing has changed.
    pub fn steer(&mut self, measures: Vec<(Measure, Effect)>) -> Result<(), PlanError> {
        for undo in self.steering.put(measures)? {
            self.undo(undo);
        }
        self.gating.excused.take();
        Ok(())
    }

    /// What the measures in force did so far, in the order of their numbers.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.steering.effects.values()
    }

    fn undo(&mut self, undo: Undo) {
        let view = self
            .plan
            .views
            .iter()
            .position(|plan| plan.fingerprint() == undo.view);
        let Some(view) = view.and_then(|i| self.views.get_mut(i)) else {
            return;
        };
        let slot = view.entities.find(&undo.key).map(|_| ());
        let slot = slot.and_then(|()| view.entities.slot(&undo.key));
        if let Some(row) = slot.and_then(|slot| view.entities.get_mut(slot)) {
            undo.put_back(&mut row.state, self.config.interval);
        }
    }

    /// The measure that holds a finding back.
    pub(super) fn held_by(&self, view: usize, key: &EntityKey, finding: &Finding) -> Option<u64> {
        if self.steering.measures.is_empty() {
            return None;
        }
        let rule = self.plan.rules.get(finding.rule)?;
        let series = (rule.name.as_str(), finding.metric, finding.direction);
        let named = |pattern: &str| {
            let names = |ip: Ip| self.hosts.names(ip);
            finding.entity.addresses().any(|ip| is_named(&names(ip), pattern))
        };
        let (at, score) = (finding.interval.start, finding.deviation.score);
        let mut measures = self.steering.measures.iter();
        let holds = measures.find(|one| {
            one.may_hold(at, series, &finding.entity, score, named)
                && one
                    .filter
                    .as_ref()
                    .is_none_or(|filter| self.accounts_for(&[filter], view, key, finding))
        });
        holds.map(|one| one.measure.id)
    }

    /// Counts a finding that a measure held back.
    pub(super) fn count_held(&mut self, measure: u64, at: Timestamp) {
        if let Some(effect) = self.steering.effects.get_mut(&measure) {
            effect.hold(at);
        }
    }

    /// Puts levels that people accepted into their baselines, at the close of an interval.
    pub(super) fn accept_levels(&mut self, interval: Interval) {
        let asked: Vec<Measure> = self.steering.to_accept().cloned().collect();
        for measure in asked {
            self.accept_level(&measure, interval);
        }
    }

    fn accept_level(&mut self, measure: &Measure, interval: Interval) -> Option<()> {
        let name = measure.scope.rules.first()?;
        let rule = self.plan.rules.iter().position(|rule| rule.name == *name)?;
        let metric: Metric = measure.scope.metric?;
        let tests = |m: &MetricPlan| m.metric == metric && m.rules.iter().any(|(i, ..)| *i == rule);
        let views = &self.plan.views;
        let view = views.iter().position(|view| view.metrics.iter().any(tests))?;
        let plan = views.get(view)?;
        let series = plan.metrics.iter().position(|m| m.metric == metric)?;
        let prior = self.priors.of(plan.metrics.get(series)?.class);
        let key = plan.grouping.key_of(measure.scope.entity.as_ref()?)?;
        let (local, fingerprint) = (self.local(interval.start), plan.fingerprint());
        let entities = &mut self.views.get_mut(view)?.entities;
        entities.find(&key)?;
        let slot = entities.slot(&key)?;
        let row = entities.get_mut(slot)?;
        let value = row.metric(metric);
        let series_state = row.state.series.get_mut(series)?;
        let baseline = series_state.baseline.as_mut()?;
        let undo = Undo::new(measure.id, fingerprint, key, series, baseline);
        let expected = |baseline: &Baseline| baseline.judge(local, value, 0.0, &prior).expected;
        let before = expected(baseline);
        baseline.accept_new_normal(local, value);
        let after = expected(baseline);
        // What has added up against the old level says nothing about the new one.
        if let Some(sequence) = &mut series_state.sequential {
            **sequence = Sequence::new(self.config.interval);
        }
        self.steering.accepted(measure.id, before, after, undo);
        Some(())
    }
}
