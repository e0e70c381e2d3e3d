//! Who usually brings how much to the entities that matter: learned from one interval of several, kept over restarts.

use super::super::evidence::{self, Evidence, Question};
use super::super::plan::{MetricPlan, View};
use super::{Hit, Judge};
use crate::aggregate::Usual;
use crate::model::{Conversation, Interval};

/// One interval of so many is learned from: it costs a pass over its conversations.
const EVERY: i64 = 8;

/// The metric of a view whose parts are remembered: the first of which they add up.
fn metric(view: &View) -> Option<&MetricPlan> {
    view.metrics
        .iter()
        .find(|m| m.baseline && !m.metric.is_distinct())
}

impl Judge {
    /// Learns from an interval that has closed, while its conversations are still there.
    pub(super) fn learn_usual(&mut self, interval: Interval, whole: bool) {
        let length = interval.length().as_nanos().max(1);
        let number = i128::from(interval.start.as_nanos()) / length as i128;
        if !whole || number.rem_euclid(i128::from(EVERY)) != 0 {
            return;
        }
        let learning: Vec<Vec<bool>> = (0..self.views.len()).map(|view| self.learners(view)).collect();
        if !learning.iter().any(|slots| slots.contains(&true)) {
            return;
        }
        let brought = self.brought(&learning);
        let mut left = brought.as_slice();
        for (view, slots) in learning.iter().enumerate() {
            for slot in (0..slots.len()).filter(|slot| slots.get(*slot) == Some(&true)) {
                let own = left.partition_point(|(v, s, _)| (usize::from(*v), *s as usize) <= (view, slot));
                let (own, others) = left.split_at_checked(own).unwrap_or((left, &[]));
                left = others;
                self.learn_usual_of(view, slot as u32, own);
            }
        }
    }

    /// By slot, which entities of a view learn who usually brings how much to them.
    fn learners(&mut self, view: usize) -> Vec<bool> {
        let plan = self.plan.views.get(view).filter(|plan| plan.finer.is_none());
        let Some(asked) = plan.and_then(metric) else {
            return Vec::new();
        };
        let (asked, least) = (asked.metric, asked.least_floor);
        self.admit(view, asked, least);
        let Some(state) = self.views.get(view) else {
            return Vec::new();
        };
        let learns = |slot: u32| {
            let row = state.entities.get(slot);
            row.is_some_and(|row| row.state.usual.is_some() && !row.state.is_held(&self.plan.gates))
        };
        (0..state.entities.len() as u32).map(learns).collect()
    }

    /// The conversations of those that learn, by view, slot and number, found in one walk over all of them.
    fn brought(&self, learning: &[Vec<bool>]) -> Vec<(u16, u32, u32)> {
        let mut brought = Vec::new();
        let first = |id: usize| self.first_hit.get(id).map_or(self.hits.len(), |&at| at as usize);
        for id in 0..self.table.rows().len() {
            let hits = self.hits.get(first(id)..first(id + 1)).unwrap_or_default();
            let learns = |hit: &&Hit| {
                let slots = learning.get(usize::from(hit.view));
                slots.and_then(|slots| slots.get(hit.slot as usize)) == Some(&true)
            };
            let of_row = hits.iter().filter(learns);
            brought.extend(of_row.map(|hit| (hit.view, hit.slot, id as u32)));
        }
        brought.sort_unstable();
        brought
    }

    fn learn_usual_of(&mut self, view: usize, slot: u32, brought: &[(u16, u32, u32)]) {
        let Some(asked) = self.plan.views.get(view).and_then(metric).map(|m| m.metric) else {
            return;
        };
        let amount = |(_, _, id): &(u16, u32, u32)| {
            let row = self.table.get(*id)?;
            Some((row, evidence::amount(asked, row)?))
        };
        let rows: Vec<(&Conversation, u64)> = brought.iter().filter_map(amount).collect();
        let row = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot));
        if let Some(usual) = row.and_then(|row| row.state.usual.as_mut()) {
            usual.learn(&rows);
        }
    }

    /// Gives entities with a past, whose traffic could be an anomaly, a memory of who brings it, where there is room.
    fn admit(&mut self, view: usize, metric: crate::model::Metric, least: f64) {
        let (Some(state), Some(plan)) = (self.views.get_mut(view), self.plan.views.get(view)) else {
            return;
        };
        let own = plan.grouping.dimensions();
        let dimensions: Vec<_> = evidence::BY.into_iter().filter(|d| !own.contains(d)).collect();
        let mut with_usual = state
            .entities
            .rows()
            .filter(|row| row.state.usual.is_some())
            .count();
        // By key: who gets the last places must not depend on the order of arrival.
        let entities = &state.entities;
        let matters = |&slot: &u32| {
            let row = entities.get(slot)?;
            let known = !row.state.series.is_empty() && row.state.usual.is_none();
            (known && row.metric_at_least(metric, least)).then_some((row.key, slot))
        };
        let mut new: Vec<_> = entities.touched().iter().filter_map(matters).collect();
        new.sort_unstable();
        for (_, slot) in new {
            if with_usual >= self.usuals {
                self.stats.usual_refused += 1;
                continue;
            }
            if let Some(row) = state.entities.get_mut(slot) {
                row.state.usual = Some(Box::new(Usual::new(metric, &dimensions)));
                with_usual += 1;
            }
        }
    }

    /// Adds what is remembered of an entity to what was found under its deviation.
    pub(super) fn remember_usual(&self, question: &Question, evidence: &mut Evidence) {
        let row = self
            .views
            .get(question.view)
            .and_then(|view| view.entities.find(&question.key));
        let usual = row.and_then(|row| row.state.usual.as_deref());
        if let Some(usual) = usual.filter(|usual| usual.metric() == question.metric) {
            evidence.remember(usual);
        }
    }
}
