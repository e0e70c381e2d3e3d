//! Incidents as people read them: the gravest first, and in each the anomaly that explains the rest first.

use crate::model::{Anomaly, HostProfile, IncidentId, Severity, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Anomalies with one cause.
#[derive(Clone, Debug)]
pub struct Incident<'a> {
    /// Names it.
    pub id: IncidentId,
    /// Of rules in shadow: nobody is told.
    pub shadow: bool,
    /// The gravest among its anomalies.
    pub severity: Severity,
    /// The earliest start.
    pub started_at: Timestamp,
    /// The latest end; none while any of them goes on.
    pub ended_at: Option<Timestamp>,
    /// The one to read first, then the others by time; never empty.
    pub anomalies: Vec<&'a Anomaly>,
}

impl<'a> Incident<'a> {
    /// `anomalies` are those of one incident.
    fn new(id: IncidentId, mut anomalies: Vec<&'a Anomaly>) -> Self {
        anomalies.sort_by_key(|a| (!a.headline, a.started_at, Reverse(a.severity), a.id));
        let ends: Option<Vec<Timestamp>> = anomalies.iter().map(|a| a.ended_at).collect();
        Self {
            id,
            shadow: anomalies.iter().all(|a| a.shadow),
            severity: anomalies.iter().map(|a| a.severity).max().unwrap_or_default(),
            started_at: anomalies.iter().map(|a| a.started_at).min().unwrap_or_default(),
            ended_at: ends.and_then(|ends| ends.into_iter().max()),
            anomalies,
        }
    }

    /// The anomaly to read first.
    pub fn headline(&self) -> Option<&'a Anomaly> {
        self.anomalies.first().copied()
    }

    /// The hosts it is about, each once.
    pub fn profiles(&self) -> Vec<&'a HostProfile> {
        let mut seen = BTreeSet::new();
        let all = self.anomalies.iter().flat_map(|a| &a.profiles);
        all.filter(|profile| seen.insert(profile.address)).collect()
    }
}

/// All incidents, by severity, then by time; those in shadow after the others.
pub fn incidents(anomalies: &[Anomaly]) -> Vec<Incident<'_>> {
    let mut groups: BTreeMap<IncidentId, Vec<&Anomaly>> = BTreeMap::new();
    for anomaly in anomalies {
        groups.entry(anomaly.incident).or_default().push(anomaly);
    }
    let mut incidents: Vec<_> = groups
        .into_iter()
        .map(|(id, group)| Incident::new(id, group))
        .collect();
    incidents.sort_by_key(|i| (i.shadow, Reverse(i.severity), i.started_at, i.id));
    incidents
}

/// How many incidents that count there are of each severity, gravest first, none left out.
pub fn by_severity(incidents: &[Incident]) -> [(Severity, usize); 3] {
    [Severity::Critical, Severity::High, Severity::Low].map(|severity| {
        (
            severity,
            incidents
                .iter()
                .filter(|i| !i.shadow && i.severity == severity)
                .count(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_gravest_incident_comes_first_and_its_headline_leads() {
        let mut anomalies = fixture::anomalies();
        anomalies.reverse();
        let incidents = incidents(&anomalies);
        let severities: Vec<_> = incidents.iter().map(|i| i.severity).collect();
        assert!(severities.is_sorted_by_key(|&s| Reverse(s)));
        assert!(incidents.iter().all(|i| i.headline().unwrap().headline));
        assert_eq!(
            incidents.iter().map(|i| i.anomalies.len()).sum::<usize>(),
            anomalies.len()
        );
    }

    #[test]
    fn an_incident_goes_on_while_any_of_its_anomalies_does() {
        let anomalies = fixture::anomalies();
        for incident in incidents(&anomalies) {
            let open = incident.anomalies.iter().any(|a| a.ended_at.is_none());
            assert_eq!(incident.ended_at.is_none(), open);
        }
    }

    #[test]
    fn a_host_is_profiled_once() {
        let anomalies = fixture::anomalies();
        let incidents = incidents(&anomalies);
        let all: Vec<_> = incidents.iter().flat_map(|i| i.profiles()).collect();
        assert_eq!(all.len(), 1);
    }
}
