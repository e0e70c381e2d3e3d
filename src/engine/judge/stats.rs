//! What a Judge counted: how much it watches, what it gave up for lack of room, how it stands.

use super::super::series::EntityState;
use super::{Hit, Judge, ViewState};

/// What a Judge counted and how it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JudgeStats {
    /// Intervals closed.
    pub intervals: u64,
    /// Intervals without any traffic between others: treated as missing, not as zero.
    pub missing_intervals: u64,
    /// Intervals that were only partly covered: the first and the last.
    pub partial_intervals: u64,
    /// Conversations of the present interval and all closed ones.
    pub conversations: u64,
    /// Packets and messages dropped before they could be read.
    pub dropped_before: u64,
    /// Intervals that were marked: data is missing from them.
    pub marked_intervals: u64,
    /// Entities and series by view.
    pub watched: Vec<Watched>,
    /// Entities refused for lack of room.
    pub entities_refused: u64,
    /// Times an entity got no baselines for lack of room.
    pub baselines_refused: u64,
    /// Times it was not remembered who usually brings what to an entity, for lack of room.
    pub usual_refused: u64,
    /// Conversations refused or folded for lack of room.
    pub conversations_folded: u64,
    /// Past intervals given up early for lack of room: contributors are compared with fewer.
    pub recent_given_up: u64,
    /// Series without a chart for lack of room.
    pub uncharted: u64,
    /// Anomalies not kept for lack of room.
    pub anomalies_refused: u64,
    /// Deviations whose conditions could not be asked for lack of room or time.
    pub waiting_refused: u64,
    /// Names, questions and hosts given up for lack of room.
    pub names_given_up: u64,
    /// Contacts, questions and services not remembered for lack of room.
    pub contacts_given_up: u64,
    /// Octets the tables take.
    pub memory: u64,
    /// Series judged per interval, a moving average.
    pub scored: f64,
    /// Score (-ln p) that opens an anomaly of one interval of one series.
    pub threshold: f64,
}

/// One view's size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Dimensions and filter, in words.
    pub view: String,
    /// Entities remembered.
    pub entities: u64,
    /// Entities that have baselines.
    pub with_baselines: u64,
    /// Series of these entities.
    pub series: u64,
}

impl Judge {
    /// What was counted so far.
    pub fn stats(&self) -> JudgeStats {
        let watched = self
            .views
            .iter()
            .zip(&self.plan.views)
            .map(|(view, plan)| Watched {
                view: plan.to_string(),
                entities: view.entities.len() as u64,
                with_baselines: view
                    .entities
                    .rows()
                    .filter(|r| !r.state.series.is_empty())
                    .count() as u64,
                series: view.entities.rows().map(|r| r.state.series.len() as u64).sum(),
            });
        JudgeStats {
            watched: watched.collect(),
            entities_refused: self.views.iter().map(|v| v.entities.refused()).sum(),
            conversations_folded: self.table.folded() + self.table.refused(),
            recent_given_up: self.recent.given_up(),
            anomalies_refused: self.ledger.refused,
            waiting_refused: self.gating.waiting.refused + self.gating.walks_refused.get(),
            names_given_up: self.hosts.given_up,
            contacts_given_up: self.patterns.learned.given_up(),
            memory: self.memory() as u64,
            scored: self.load.series,
            threshold: self.thresholds.point,
            ..self.stats.clone()
        }
    }

    /// Octets the tables take, about.
    fn memory(&self) -> usize {
        let state = |s: &EntityState| {
            s.series.len() * 256
                + s.contacts.as_ref().map_or(0, |_| 64)
                + s.usual.as_ref().map_or(0, |u| u.memory())
        };
        let entities = |view: &ViewState| {
            view.entities.memory() + view.entities.rows().map(|r| state(&r.state)).sum::<usize>()
        };
        self.views.iter().map(entities).sum::<usize>()
            + self.table.memory()
            + self.hits.capacity() * size_of::<Hit>()
            + self.first_hit.capacity() * 4
            + self.recent.memory()
            + self.pairing.memory()
            + self.apart.memory()
            + self.hosts.memory()
            + self.patterns.learned.memory()
            + self.ledger.memory()
    }
}
