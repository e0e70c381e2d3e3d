//! What people's words have in force: measures, what each did, and how to undo it.

use super::plan::{self, PlanError};
use super::series::{EntityState, Sequence};
use crate::aggregate::EntityKey;
use crate::detect::Baseline;
use crate::filter::{Filter, like};
use crate::model::{Direction, Effect, Entity, Measure, Metric, Steer, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Accepted levels that can be undone at a time: each keeps a baseline of some kilobytes.
const UNDOABLE: usize = 1000;

/// The measures in force.
#[derive(Debug, Default)]
pub(super) struct Steering {
    pub(super) measures: Vec<InForce>,
    pub(super) effects: BTreeMap<u64, Effect>,
    /// Of accepted levels, what was usual before.
    pub(super) undo: Vec<Undo>,
}

/// A measure, compiled.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) measure: Measure,
    pub(super) filter: Option<Filter>,
}

/// What was usual before somebody accepted a level.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Undo {
    measure: u64,
    /// The view, by its fingerprint.
    pub(super) view: String,
    pub(super) key: EntityKey,
    /// Which of the view's series.
    pub(super) series: u16,
    baseline: Baseline,
}

impl Undo {
    /// Keeps what is usual now for the measure `measure`.
    pub(super) fn new(
        measure: u64,
        view: String,
        key: EntityKey,
        series: usize,
        baseline: &Baseline,
    ) -> Self {
        Self {
            measure,
            view,
            key,
            series: series as u16,
            baseline: baseline.clone(),
        }
    }

    /// Puts back what was usual, for intervals of `step`.
    pub(super) fn put_back(self, state: &mut EntityState, step: Duration) {
        let Some(series) = state.series.get_mut(usize::from(self.series)) else {
            return;
        };
        if let Some(baseline) = &mut series.baseline {
            *baseline = self.baseline;
        }
        // What has added up against the accepted level says nothing about this one.
        if let Some(sequence) = &mut series.sequential {
            **sequence = Sequence::new(step);
        }
    }
}

impl InForce {
    fn new(measure: Measure) -> Result<Self, PlanError> {
        let text = measure.scope.filter.as_deref();
        Ok(Self {
            filter: text.map(|text| plan::filter(None, text)).transpose()?,
            measure,
        })
    }

    /// Whether it may hold a deviation back, as far as the series and the names of its hosts say.
    pub(super) fn may_hold(
        &self,
        at: Timestamp,
        (rule, metric, direction): (&str, Metric, Direction),
        entity: &Entity,
        score: f64,
        name: impl Fn(&str) -> bool,
    ) -> bool {
        let scope = &self.measure.scope;
        let holds = match self.measure.steer {
            Steer::Excuse => true,
            Steer::Raise { score: least } => score < least,
            Steer::Accept => false,
        };
        holds
            && self.measure.is_active(at)
            && scope.is_for(rule, entity, metric, direction)
            && scope.name.as_deref().is_none_or(name)
    }
}

impl Steering {
    /// Puts these in force and no others, and says of which accepted levels are to be undone.
    pub(super) fn put(&mut self, measures: Vec<(Measure, Effect)>) -> Result<Vec<Undo>, PlanError> {
        let mut effects = BTreeMap::new();
        let mut compiled = Vec::with_capacity(measures.len());
        for (measure, effect) in measures {
            // What was counted here is newer than what the caller has of it.
            let known = self.effects.get(&measure.id).copied();
            effects.insert(measure.id, known.unwrap_or(effect));
            compiled.push(InForce::new(measure)?);
        }
        self.measures = compiled;
        self.effects = effects;
        let (stays, ends) = std::mem::take(&mut self.undo)
            .into_iter()
            .partition(|undo| self.effects.contains_key(&undo.measure));
        self.undo = stays;
        Ok(ends)
    }

    /// Accepted levels that are yet to be put into their baselines.
    pub(super) fn to_accept(&self) -> impl Iterator<Item = &Measure> {
        let done = |id: u64| self.effects.get(&id).is_some_and(|effect| effect.after.is_some());
        let all = self.measures.iter().map(|one| &one.measure);
        all.filter(move |measure| measure.steer == Steer::Accept && !done(measure.id))
    }

    /// A level was accepted.
    pub(super) fn accepted(&mut self, measure: u64, before: f64, after: f64, undo: Undo) {
        if let Some(effect) = self.effects.get_mut(&measure) {
            (effect.before, effect.after) = (Some(before), Some(after));
        }
        if self.undo.len() >= UNDOABLE {
            self.undo.remove(0);
        }
        self.undo.push(undo);
    }
}

/// Whether one of a host's names is like a pattern, in any case.
pub(super) fn is_named(names: &[String], pattern: &str) -> bool {
    let pattern = pattern.to_lowercase();
    names.iter().any(|name| like(&pattern, &name.to_lowercase()))
}
