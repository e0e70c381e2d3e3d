//! Anomalies that an earlier run left open: what deviates again soon goes on under the name it had.

use super::ledger::Finding;
use crate::model::{Anomaly, AnomalyId, Direction, Entity, Facts, IncidentId, Metric, Severity, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// After a longer pause what deviates in the same place is something new.
const PAUSE: Duration = Duration::from_secs(3600);

/// What an anomaly was before this run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) id: AnomalyId,
    pub(super) started_at: Timestamp,
    pub(super) detected_at: Timestamp,
    pub(super) severity: Severity,
    incident: IncidentId,
}

/// Anomalies of an earlier run: those that are not found again yet, and those that go on.
#[derive(Debug, Default)]
pub(super) struct Carried {
    waiting: BTreeMap<u64, Past>,
    going_on: BTreeMap<AnomalyId, Past>,
    /// Until when what waits may be found again.
    deadline: Option<Timestamp>,
    lost: Vec<AnomalyId>,
}

/// Names the place of an anomaly: its rule, entity, metric and side.
pub(super) fn place(rule: &str, entity: &Entity, metric: Metric, direction: Direction) -> String {
    format!("{rule}\n{entity}\n{metric}\n{}", direction.name())
}

/// FNV-1a, 64 bits (draft-eastlake-fnv): stable and short; nothing here resists an adversary, nor needs to.
pub(super) fn fnv1a(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Carried {
    /// What an earlier run left open; the newest of several in one place waits.
    pub(super) fn new(open: impl IntoIterator<Item = Facts>) -> Self {
        let mut carried = Self::default();
        for facts in open {
            let place = place(&facts.rule, &facts.entity, facts.metric, facts.direction);
            let past = Past {
                id: facts.id,
                started_at: facts.started_at,
                detected_at: facts.detected_at,
                severity: facts.severity,
                incident: facts.incident,
            };
            let older = carried.waiting.insert(fnv1a(place.as_bytes()), past);
            carried.lost.extend(older.map(|older| older.id));
        }
        carried
    }

    /// The id under which a finding goes on, where it was open before.
    pub(super) fn resume(&mut self, rule: &str, finding: &Finding) -> Option<u64> {
        if self.waiting.is_empty() {
            return None;
        }
        let place = place(rule, &finding.entity, finding.metric, finding.direction);
        let past = self.waiting.remove(&fnv1a(place.as_bytes()))?;
        self.going_on.insert(past.id, past);
        Some(past.id.0)
    }

    /// What an anomaly that goes on was before.
    pub(super) fn past(&self, id: u64) -> Option<&Past> {
        self.going_on.get(&AnomalyId(id))
    }

    /// Puts anomalies that go on, and what joined them, into the incident they were in.
    pub(super) fn keep_incidents(&self, anomalies: &mut [Anomaly]) {
        if self.going_on.is_empty() {
            return;
        }
        let mut earlier = BTreeMap::new();
        for anomaly in anomalies.iter() {
            if let Some(past) = self.going_on.get(&anomaly.id) {
                let first = earlier.entry(anomaly.incident).or_insert(*past);
                if (past.started_at, past.id) < (first.started_at, first.id) {
                    *first = *past;
                }
            }
        }
        for anomaly in anomalies {
            anomaly.incident = earlier
                .get(&anomaly.incident)
                .map_or(anomaly.incident, |past| past.incident);
        }
    }

    /// Watching began at `start`, after learning had ended at `learned_until`: from when on nothing waits any more.
    pub(super) fn begin(&mut self, start: Timestamp, learned_until: Timestamp, patience: Duration) {
        if self.deadline.is_none() {
            let is_soon = learned_until == Timestamp::MIN || start.since(learned_until) <= PAUSE;
            self.deadline = Some(if is_soon { start + patience } else { start });
        }
    }

    /// Time has come to `at`: what was not found again until then is lost sight of.
    pub(super) fn advance(&mut self, at: Timestamp) {
        if !self.waiting.is_empty() && self.deadline.is_some_and(|deadline| at >= deadline) {
            let waiting = std::mem::take(&mut self.waiting);
            self.lost.extend(waiting.into_values().map(|past| past.id));
        }
    }

    /// What was lost sight of since it was asked last.
    pub(super) fn take_lost(&mut self) -> Vec<AnomalyId> {
        std::mem::take(&mut self.lost)
    }

    /// Forgets those that are over.
    pub(super) fn forget(&mut self, is_known: impl Fn(u64) -> bool) {
        self.going_on.retain(|id, _| is_known(id.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::test_data::anomaly;
    use crate::model::{Deviation, Interval};

    fn facts(id: u64, host: &str) -> Facts {
        Facts::of(&anomaly(id, host, 600))
    }

    fn found(facts: &Facts) -> Finding {
        let interval = Interval::holding(Timestamp::from_secs(6000), Duration::from_secs(60));
        Finding {
            rule: 0,
            entity: facts.entity.clone(),
            metric: facts.metric,
            direction: facts.direction,
            deviation: Deviation::default(),
            interval,
            started_at: interval.start,
            at: interval.end,
            severity: Severity::Low,
        }
    }

    fn lost(pause: i64, until: i64) -> Vec<u64> {
        let mut carried = Carried::new([facts(7, "10.0.0.7"), facts(8, "10.0.0.8")]);
        let start = Timestamp::from_secs(100_000);
        let learned = start - Duration::from_secs(pause as u64);
        assert_eq!(
            carried.resume(&facts(7, "10.0.0.7").rule, &found(&facts(7, "10.0.0.7"))),
            Some(7)
        );
        carried.begin(start, learned, Duration::from_secs(900));
        carried.advance(start + Duration::from_secs(until as u64));
        carried.take_lost().iter().map(|id| id.0).collect()
    }

    #[test]
    fn what_is_found_in_the_same_place_goes_on_under_its_name_and_once() {
        let mut carried = Carried::new([facts(7, "10.0.0.7")]);
        let (same, other) = (facts(7, "10.0.0.7"), facts(7, "10.0.0.9"));
        assert_eq!(carried.resume(&same.rule, &found(&other)), None);
        assert_eq!(carried.resume("another", &found(&same)), None);
        assert_eq!(carried.resume(&same.rule, &found(&same)), Some(7));
        assert_eq!(carried.resume(&same.rule, &found(&same)), None);
        assert_eq!(carried.past(7).map(|past| past.started_at), Some(same.started_at));
    }

    #[test]
    fn what_is_not_found_again_in_time_is_lost_and_after_a_long_pause_at_once() {
        assert!(lost(60, 899).is_empty());
        assert_eq!(lost(60, 900), [8]);
        assert_eq!(lost(3601, 0), [8]);
    }

    #[test]
    fn the_incident_keeps_its_name_and_takes_in_what_joins() {
        let before = Facts {
            incident: IncidentId(3),
            ..facts(7, "10.0.0.7")
        };
        let mut carried = Carried::new([before.clone()]);
        carried.resume(&before.rule, &found(&before));
        let in_incident = |id, incident| Anomaly {
            incident: IncidentId(incident),
            ..anomaly(id, "10.0.0.7", 600)
        };
        let mut all = [in_incident(7, 7), in_incident(9, 7), in_incident(10, 10)];
        carried.keep_incidents(&mut all);
        assert_eq!(all.map(|a| a.incident.0), [3, 3, 10]);
    }
}
