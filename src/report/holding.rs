//! What an incident holds, in counts: a storm of a thousand anomalies is told in a line.

use super::grouping::{Incident, incidents};
use crate::model::units::grouped;
use crate::model::{Anomaly, AnomalyId, IncidentId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Incidents told of in a summary, the largest first.
const TOLD: usize = 100;
/// Rules and kinds named in a sentence.
const NAMED: usize = 5;

/// What one incident holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// Which incident.
    pub incident: IncidentId,
    /// The anomaly to read first.
    pub headline: AnomalyId,
    /// How many anomalies it holds.
    pub anomalies: u64,
    /// How many entities these are about.
    pub entities: u64,
    /// How many are of each rule.
    pub by_rule: BTreeMap<String, u64>,
    /// How many are of each kind.
    pub by_kind: BTreeMap<&'static str, u64>,
}

impl Holding {
    /// Of some anomalies of one incident.
    pub fn of(incident: IncidentId, headline: AnomalyId, anomalies: &[&Anomaly]) -> Self {
        let (mut by_rule, mut by_kind) = (BTreeMap::new(), BTreeMap::new());
        for anomaly in anomalies {
            *by_rule.entry(anomaly.rule.clone()).or_default() += 1;
            *by_kind.entry(anomaly.kind.name()).or_default() += 1;
        }
        let entities: BTreeSet<_> = anomalies.iter().map(|a| &a.entity).collect();
        Self {
            incident,
            headline,
            anomalies: anomalies.len() as u64,
            entities: entities.len() as u64,
            by_rule,
            by_kind,
        }
    }

    /// In words: `And 988 more anomalies, about 940 entities: 900 host-flows-in, 88 service-flows.`
    pub fn sentence(&self) -> String {
        let mut rules: Vec<(&String, &u64)> = self.by_rule.iter().collect();
        rules.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), (*name).clone()));
        let mut parts: Vec<String> = rules
            .iter()
            .take(NAMED)
            .map(|(name, n)| format!("{} {name}", grouped(**n)))
            .collect();
        let others: u64 = rules.iter().skip(NAMED).map(|(_, n)| **n).sum();
        if others > 0 {
            parts.push(format!("{} of other rules", grouped(others)));
        }
        let entities = match self.entities {
            1 => "1 entity".to_owned(),
            n => format!("{} entities", grouped(n)),
        };
        let more = match self.anomalies {
            1 => "1 more anomaly".to_owned(),
            n => format!("{} more anomalies", grouped(n)),
        };
        format!("And {more}, about {entities}: {}.", parts.join(", "))
    }
}

/// What each incident of more than one anomaly holds, the largest first, at most a hundred.
pub fn holdings(anomalies: &[Anomaly]) -> Vec<Holding> {
    let all = incidents(anomalies);
    let several = |i: &&Incident<'_>| i.anomalies.len() > 1;
    let mut holdings: Vec<Holding> = all
        .iter()
        .filter(several)
        .filter_map(|i| Some(Holding::of(i.id, i.headline()?.id, &i.anomalies)))
        .collect();
    holdings.sort_by_key(|holding| (std::cmp::Reverse(holding.anomalies), holding.incident));
    holdings.truncate(TOLD);
    holdings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_storm_is_told_in_one_sentence() {
        let first = fixture::anomalies().remove(0);
        let storm: Vec<Anomaly> = (0..1000)
            .map(|n| Anomaly {
                id: AnomalyId(n),
                rule: format!("rule-{}", if n < 600 { 0 } else { n % 7 }),
                headline: n == 0,
                ..first.clone()
            })
            .collect();
        let all: Vec<&Anomaly> = storm.iter().collect();
        let holding = Holding::of(first.incident, AnomalyId(0), &all);
        assert_eq!(
            holding.sentence(),
            "And 1,000 more anomalies, about 1 entity: 657 rule-0, 58 rule-5, 57 rule-1, 57 rule-2, 57 rule-3, 114 of other \
             rules."
        );
        let told = holdings(&storm);
        assert_eq!((told.len(), told[0].anomalies), (1, 1000));
        assert_eq!(told[0].by_kind.values().sum::<u64>(), 1000);
    }
}
