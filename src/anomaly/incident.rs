//! Which anomalies have one cause (DETECTION 4.9), and which of them to read first.

use super::linking::Links;
use crate::model::{Anomaly, AnomalyId, Entity, IncidentId, Ip, Kind, Prefix, Severity, Timestamp, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The share of a network's deviation from which one in it is the headline instead (DETECTION 4.9).
const MOST: f64 = 0.7;

/// Gives every anomaly its incident and marks each incident's headline.
///
/// An incident has the id of its first anomaly. The order of `anomalies` does not matter and stays as it is.
pub fn group(anomalies: &mut [Anomaly]) {
    let mut links = Links::of(anomalies);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in 0..anomalies.len() {
        members.entry(links.group(i)).or_default().push(i);
    }
    for group in members.values() {
        let first = group
            .iter()
            .map(|&i| (anomalies[i].started_at, anomalies[i].id))
            .min();
        let headline = headline(anomalies, group);
        for &i in group {
            anomalies[i].incident = IncidentId(first.map_or(0, |(_, id)| id.0));
            anomalies[i].headline = Some(anomalies[i].id) == headline;
        }
    }
}

/// The gravest with the most particular name; but where it is about an address or network in a network that has an
/// anomaly as well, that one, unless something in the network brings most of its deviation.
fn headline(anomalies: &[Anomaly], group: &[usize]) -> Option<AnomalyId> {
    let members = || group.iter().map(|&i| &anomalies[i]);
    let mut best = members().max_by_key(|a| weight(a))?;
    let size = |a: &Anomaly| (a.worst.observed - a.worst.expected).abs();
    let mut wider: Vec<&Anomaly> = members()
        .filter(|a| a.severity >= best.severity && holds(&a.entity, &best.entity))
        .collect();
    wider.sort_by_key(|a| Reverse((longest(&a.entity), weight(a))));
    for parent in wider {
        let alike = |a: &&Anomaly| (a.metric, a.direction) == (parent.metric, parent.direction);
        let inside = members()
            .filter(alike)
            .filter(|a| holds(&parent.entity, &a.entity));
        if !inside.into_iter().any(|child| size(child) >= MOST * size(parent)) {
            best = parent;
        }
    }
    Some(best.id)
}

/// The length of an entity's longest prefix.
fn longest(entity: &Entity) -> u8 {
    entity.networks().map(|prefix| prefix.length()).max().unwrap_or(0)
}

/// Whether an address or narrower network of `inner` lies in a network of `outer`.
fn holds(outer: &Entity, inner: &Entity) -> bool {
    let within = |prefix: Prefix| {
        inner.0.iter().any(|(_, value)| match value {
            Value::Ip(ip) => prefix.contains(*ip),
            Value::Net(other) => other.length() > prefix.length() && prefix.contains(first(other)),
            _ => false,
        })
    };
    outer.networks().any(within)
}

fn first(prefix: &Prefix) -> Ip {
    prefix.first()
}

/// What makes one anomaly the better headline: gravity, a particular name, a particular place, then strangeness.
fn weight(a: &Anomaly) -> (Severity, bool, usize, u64, Reverse<(Timestamp, u64)>) {
    let general = matches!(
        a.kind,
        Kind::LoadSpike | Kind::Dip | Kind::HeavyTransfer | Kind::Flood | Kind::Stranger
    );
    let addresses = a.entity.addresses().count();
    (
        a.severity,
        !general,
        addresses,
        a.worst.score.max(0.0) as u64,
        Reverse((a.started_at, a.id.0)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::test_data::{anomaly, contributor, ip};
    use crate::model::{Dimension, Direction};

    fn incidents(mut all: Vec<Anomaly>) -> String {
        group(&mut all);
        let line = |a: &Anomaly| format!("{}:{}{}", a.id.0, a.incident.0, if a.headline { "*" } else { "" });
        all.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_rise_and_a_dip_on_one_host_are_one_incident() {
        let rise = anomaly(1, "10.0.0.1", 600);
        let dip = Anomaly {
            direction: Direction::Below,
            kind: Kind::Dip,
            ..anomaly(2, "10.0.0.1", 620)
        };
        let elsewhere = anomaly(3, "10.0.0.9", 600);
        assert_eq!(incidents(vec![dip, rise, elsewhere]), "2:1 1:1* 3:3*");
    }

    #[test]
    fn distant_in_time_is_another_incident() {
        assert_eq!(
            incidents(vec![anomaly(1, "10.0.0.1", 600), anomaly(2, "10.0.0.1", 6000)]),
            "1:1* 2:2*"
        );
    }

    #[test]
    fn a_host_and_whoever_it_harms_are_one_incident() {
        let mut victim = anomaly(2, "10.0.0.7", 600);
        victim
            .contributors
            .insert(Dimension::SrcIp, vec![contributor("10.0.0.1", 0.9)]);
        assert_eq!(incidents(vec![anomaly(1, "10.0.0.1", 600), victim]), "1:1* 2:1");
    }

    #[test]
    fn three_hosts_reached_by_the_same_strangers_are_one_incident() {
        let reached = |id, host| {
            let mut a = anomaly(id, host, 600);
            let sources = (1..=9)
                .map(|n| contributor(&format!("198.51.100.{n}"), 0.1))
                .collect();
            a.contributors.insert(Dimension::SrcIp, sources);
            a
        };
        let all = vec![
            reached(1, "10.0.0.1"),
            reached(2, "10.0.0.2"),
            reached(3, "10.0.0.3"),
        ];
        assert_eq!(incidents(all), "1:1* 2:1 3:1");
    }

    #[test]
    fn the_graver_and_more_particular_anomaly_is_the_headline() {
        let flood = Anomaly {
            kind: Kind::SynFlood,
            severity: Severity::Critical,
            ..anomaly(5, "10.0.0.1", 660)
        };
        assert_eq!(incidents(vec![anomaly(1, "10.0.0.1", 600), flood]), "1:1 5:1*");
    }

    #[test]
    fn special_addresses_link_nothing() {
        assert_eq!(
            incidents(vec![anomaly(1, "0.0.0.0", 600), anomaly(2, "0.0.0.0", 600)]),
            "1:1* 2:2*"
        );
        assert!(ip("0.0.0.0").is_special());
    }

    /// A network's anomaly of `size`, and two of hosts in it.
    fn network_and_hosts(size: f64, hosts: [f64; 2]) -> String {
        let sized = |mut a: Anomaly, size: f64| {
            (a.worst.observed, a.worst.expected) = (size, 0.0);
            a
        };
        let network = Anomaly {
            entity: Entity(vec![(
                Dimension::DstNet24,
                Value::Net("10.9.0.0/24".parse().unwrap()),
            )]),
            ..anomaly(3, "10.9.0.1", 600)
        };
        incidents(vec![
            sized(anomaly(1, "10.9.0.1", 600), hosts[0]),
            sized(anomaly(2, "10.9.0.2", 600), hosts[1]),
            sized(network, size),
        ])
    }

    #[test]
    fn a_network_is_the_headline_unless_one_host_brings_most_of_it() {
        assert_eq!(network_and_hosts(100.0, [30.0, 30.0]), "1:1 2:1 3:1*");
        assert_eq!(network_and_hosts(100.0, [75.0, 20.0]), "1:1* 2:1 3:1");
    }
}
