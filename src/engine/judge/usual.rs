//! Who usually brings how much to the entities that matter: learned from one interval of several, kept over restarts.

use super::super::evidence::{self, Evidence, Question};
use super::super::plan::{MetricPlan, View};
use super::Judge;
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
        for view in 0..self.views.len() {
            if self.plan.views.get(view).is_some_and(|plan| plan.finer.is_none()) {
                self.learn_usual_of(view);
            }
        }
    }

    fn learn_usual_of(&mut self, view: usize) {
        let Some(asked) = self.plan.views.get(view).and_then(metric) else {
            return;
        };
        let (asked, least) = (asked.metric, asked.least_floor);
        self.admit(view, asked, least);
        let Some(state) = self.views.get_mut(view) else {
            return;
        };
        let gates = &self.plan.gates;
        let learns = |slot: u32| {
            let row = state.entities.get(slot)?;
            (row.state.usual.is_some() && !row.state.is_held(gates)).then_some(slot)
        };
        let learning: Vec<bool> = (0..state.entities.len() as u32)
            .map(|slot| learns(slot).is_some())
            .collect();
        if !learning.contains(&true) {
            return;
        }
        let mut brought: Vec<(u32, u32)> = Vec::new();
        for id in 0..self.table.rows().len() as u32 {
            let first = |id: u32| {
                self.first_hit
                    .get(id as usize)
                    .map_or(self.hits.len(), |&at| at as usize)
            };
            let hits = self.hits.get(first(id)..first(id + 1)).unwrap_or_default();
            let of_view = hits.iter().filter(|hit| usize::from(hit.view) == view);
            let known = of_view.filter(|hit| learning.get(hit.slot as usize) == Some(&true));
            brought.extend(known.map(|hit| (hit.slot, id)));
        }
        brought.sort_unstable();
        let mut rows: Vec<(&Conversation, u64)> = Vec::new();
        let mut from = 0;
        for slot in (0..learning.len() as u32).filter(|slot| learning.get(*slot as usize) == Some(&true)) {
            rows.clear();
            let of_slot = brought.get(from..).unwrap_or_default();
            let of_slot = of_slot.iter().take_while(|(s, _)| *s == slot);
            for (_, id) in of_slot {
                from += 1;
                let row = self.table.get(*id);
                rows.extend(row.and_then(|row| Some((row, evidence::amount(asked, row)?))));
            }
            let row = state.entities.get_mut(slot);
            if let Some(usual) = row.and_then(|row| row.state.usual.as_mut()) {
                usual.learn(&rows);
            }
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
