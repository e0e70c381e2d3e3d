//! Which of many anomalies have a cause in common: found by an index of what they share, so that ten thousand of them are
//! not compared each with each.

use crate::model::{Anomaly, Contributors, Dimension, Direction, Ip, Metric, Prefix, Timestamp, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many intervals may lie between anomalies of one incident.
const APART: u32 = 2;
/// The share from which a contributor counts as a cause.
const CAUSE: f64 = 0.25;
/// The share from which one source AS counts as a cause.
const CAUSE_AS: f64 = 0.5;
/// How many contributors two anomalies must have in common when none of them stands out.
const COMMON: usize = 3;
/// Anomalies with a listed contributor in common are compared with so many of the newest before them.
const NEWEST: usize = 16;
/// So many anomalies of one rule and side that begin within two intervals have a common cause: by chance it would be one
/// a day.
const STORM: usize = 12;

/// The groups of anomalies that have a cause in common.
pub(super) struct Links {
    parent: Vec<usize>,
    /// Pairs that were compared.
    pub(super) compared: u64,
}

/// What anomalies can have in common; those that have, and are near in time, are one incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    Address(Ip),
    Network(Prefix),
    SourceAs(u32),
}

impl Links {
    /// Of anomalies in any order.
    pub(super) fn of(anomalies: &[Anomaly]) -> Self {
        let mut order: Vec<usize> = (0..anomalies.len()).collect();
        order.sort_by_key(|&i| (anomalies[i].started_at, anomalies[i].id));
        let causes: Vec<Causes> = anomalies.iter().map(Causes::of).collect();
        let mut links = Self {
            parent: (0..anomalies.len()).collect(),
            compared: 0,
        };
        links.by_what_is_shared(anomalies, &causes, &order);
        links.by_common_crowds(anomalies, &causes, &order);
        links.by_storm(anomalies, &order);
        links
    }

    /// The group of an anomaly: the place of one of its members, the same for all of them.
    pub(super) fn group(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.group(a), self.group(b));
        self.parent[a.max(b)] = a.min(b);
    }

    /// Of those that share something each is compared with the one before it that lasts longest: whoever is near any of
    /// the earlier ones is near that one or in its group.
    fn by_what_is_shared(&mut self, anomalies: &[Anomaly], causes: &[Causes], order: &[usize]) {
        let networks: BTreeSet<Prefix> = anomalies.iter().flat_map(|a| a.entity.networks()).collect();
        let mut lasting: BTreeMap<Shared, usize> = BTreeMap::new();
        for &i in order {
            for shared in causes[i].shared(&networks) {
                let Some(&longest) = lasting.get(&shared) else {
                    lasting.insert(shared, i);
                    continue;
                };
                self.compared += 1;
                if near(&anomalies[longest], &anomalies[i]) {
                    self.unite(longest, i);
                }
                if end(&anomalies[i]) >= end(&anomalies[longest]) {
                    lasting.insert(shared, i);
                }
            }
        }
    }

    /// The same crowd: three contributors in common, and half of the shorter list.
    fn by_common_crowds(&mut self, anomalies: &[Anomaly], causes: &[Causes], order: &[usize]) {
        let mut newest: BTreeMap<Ip, Vec<usize>> = BTreeMap::new();
        for &i in order {
            let mut common: BTreeMap<usize, usize> = BTreeMap::new();
            for ip in &causes[i].listed {
                let before = newest.entry(*ip).or_default();
                before.iter().for_each(|&j| *common.entry(j).or_default() += 1);
                if before.len() >= NEWEST {
                    before.remove(0);
                }
                before.push(i);
            }
            for (j, common) in common {
                if self.group(i) == self.group(j) {
                    continue;
                }
                self.compared += 1;
                let smaller = causes[i].listed.len().min(causes[j].listed.len());
                if common >= COMMON && common * 2 >= smaller && near(&anomalies[j], &anomalies[i]) {
                    self.unite(i, j);
                }
            }
        }
    }

    /// The same thing happens to very many at once.
    fn by_storm(&mut self, anomalies: &[Anomaly], order: &[usize]) {
        let mut alike: BTreeMap<(&str, Direction), Vec<usize>> = BTreeMap::new();
        for &i in order {
            let a = &anomalies[i];
            alike.entry((&a.rule, a.direction)).or_default().push(i);
        }
        for all in alike.values() {
            for window in all.windows(STORM) {
                let (Some(&first), Some(&last)) = (window.first(), window.last()) else {
                    continue;
                };
                self.compared += 1;
                let slack = anomalies[first].interval * APART;
                if anomalies[last].started_at <= anomalies[first].started_at + slack {
                    window.iter().for_each(|&i| self.unite(first, i));
                }
            }
        }
    }
}

fn end(a: &Anomaly) -> Timestamp {
    a.ended_at.unwrap_or(Timestamp::MAX)
}

fn near(a: &Anomaly, b: &Anomaly) -> bool {
    let slack: Duration = a.interval.max(b.interval) * APART;
    let until = |x: &Anomaly| x.ended_at.map(|end| end + slack).unwrap_or(Timestamp::MAX);
    a.started_at <= until(b) && b.started_at <= until(a)
}

/// What an anomaly is about and what brought it about.
#[derive(Debug, Default)]
struct Causes {
    /// Addresses of the entity, and contributing ones with a large share.
    addresses: Vec<Ip>,
    /// Networks of the entity, and contributing ones with a large share.
    networks: Vec<Prefix>,
    /// All listed contributing addresses.
    listed: Vec<Ip>,
    /// Source AS with a large share of a rise.
    source_as: Option<u32>,
}

impl Causes {
    fn of(anomaly: &Anomaly) -> Self {
        let mut causes = Self {
            addresses: anomaly.entity.addresses().filter(|ip| !ip.is_special()).collect(),
            networks: anomaly.entity.networks().collect(),
            ..Self::default()
        };
        // Two scans of ours that find the same open port have no common cause; two victims of one scanner have.
        for dimension in [Dimension::SrcIp, Dimension::DstIp, Dimension::Host] {
            for (ip, share) in addresses(&anomaly.contributors, dimension) {
                causes.listed.push(ip);
                if share >= CAUSE {
                    causes.addresses.push(ip);
                }
            }
        }
        for (dimension, list) in &anomaly.contributors {
            let large = list
                .iter()
                .filter(|c| dimension.finer().is_some() && c.share >= CAUSE);
            causes.networks.extend(large.filter_map(|c| match c.value {
                Value::Net(prefix) => Some(prefix),
                _ => None,
            }));
        }
        causes.listed.sort_unstable();
        causes.listed.dedup();
        if anomaly.direction != Direction::Below && anomaly.metric != Metric::Failed {
            causes.source_as = leading_as(&anomaly.contributors);
        }
        causes
    }

    /// What others may share with it. A network holds its addresses only where an anomaly is about the network.
    fn shared(&self, of_anomalies: &BTreeSet<Prefix>) -> BTreeSet<Shared> {
        let bases = self
            .networks
            .iter()
            .map(Prefix::first)
            .chain(self.addresses.iter().copied());
        let holding = bases.flat_map(|ip| {
            [Dimension::DstNet24, Dimension::DstNet16]
                .into_iter()
                .filter_map(move |d| d.network(ip))
        });
        let holding = holding
            .filter(|prefix| of_anomalies.contains(prefix))
            .map(Shared::Network);
        let own = self.networks.iter().copied().map(Shared::Network);
        let addresses = self.addresses.iter().copied().map(Shared::Address);
        let source_as = self.source_as.map(Shared::SourceAs);
        own.chain(holding).chain(addresses).chain(source_as).collect()
    }
}

fn addresses(contributors: &Contributors, dimension: Dimension) -> impl Iterator<Item = (Ip, f64)> + '_ {
    contributors
        .get(&dimension)
        .into_iter()
        .flatten()
        .filter_map(|c| match c.value {
            Value::Ip(ip) if !ip.is_special() => Some((ip, c.share)),
            _ => None,
        })
}

fn leading_as(contributors: &Contributors) -> Option<u32> {
    let first = contributors.get(&Dimension::SrcAs)?.first()?;
    match first.value {
        Value::Number(asn) if first.share >= CAUSE_AS => Some(asn),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::test_data::{anomaly, contributor, ip};
    use crate::model::{AnomalyId, Entity};

    fn groups(anomalies: &[Anomaly]) -> (usize, u64) {
        let mut links = Links::of(anomalies);
        let groups: BTreeSet<usize> = (0..anomalies.len()).map(|i| links.group(i)).collect();
        (groups.len(), links.compared)
    }

    fn of_network(id: u64, network: &str, start: i64) -> Anomaly {
        let prefix: Prefix = network.parse().unwrap();
        Anomaly {
            entity: Entity(vec![(Dimension::DstNet24, Value::Net(prefix))]),
            rule: "network".into(),
            ..anomaly(id, "10.0.0.1", start)
        }
    }

    #[test]
    fn a_network_and_the_hosts_in_it_are_one_incident_and_hosts_of_a_network_alone_are_not() {
        let hosts = [anomaly(1, "10.9.0.1", 600), anomaly(2, "10.9.0.2", 600)];
        assert_eq!(groups(&hosts).0, 2);
        let mut all = hosts.to_vec();
        all.push(of_network(3, "10.9.0.0/24", 660));
        assert_eq!(groups(&all).0, 1);
        all.push(of_network(4, "10.7.0.0/24", 660));
        assert_eq!(groups(&all).0, 2);
    }

    #[test]
    fn two_who_are_reached_by_one_network_are_one_incident() {
        let reached = |id, host| {
            let mut a = anomaly(id, host, 600);
            let network = crate::model::Contributor {
                value: Value::Net("198.51.100.0/24".parse().unwrap()),
                ..contributor("::", 0.9)
            };
            a.contributors.insert(Dimension::SrcNet24, vec![network]);
            a
        };
        assert_eq!(groups(&[reached(1, "10.9.0.1"), reached(2, "10.7.0.1")]).0, 1);
    }

    /// Ten thousand hosts that share nothing: `every` seconds apart, of `rules` rules.
    fn storm(every: i64, rules: usize) -> Vec<Anomaly> {
        let one = |n: u64| Anomaly {
            id: AnomalyId(n),
            rule: format!("rule-{}", n as usize % rules),
            ..anomaly(
                n,
                &format!("10.{}.{}.7", n / 250, n % 250),
                600 + every * n as i64,
            )
        };
        (0..10_000).map(one).collect()
    }

    #[test]
    fn a_storm_of_ten_thousand_is_a_handful_of_incidents_without_comparing_each_with_each() {
        let (incidents, compared) = groups(&storm(0, 5));
        assert_eq!(incidents, 5);
        assert!(compared < 100_000, "{compared}");
    }

    #[test]
    fn what_happens_to_many_one_after_the_other_is_no_storm() {
        assert_eq!(groups(&storm(60, 1)).0, 10_000);
    }

    #[test]
    fn ten_thousand_with_the_same_crowd_are_one_incident_and_few_comparisons() {
        let mut all = storm(60, 1);
        let crowd: Vec<_> = (1..=9)
            .map(|n| contributor(&format!("198.51.100.{n}"), 0.1))
            .collect();
        for a in &mut all {
            a.contributors.insert(Dimension::SrcIp, crowd.clone());
        }
        let (incidents, compared) = groups(&all);
        assert_eq!(incidents, 1);
        // Some fourteen each; every pair would be fifty million.
        assert!(compared < 200_000, "{compared}");
    }

    #[test]
    fn ten_thousand_brought_about_by_one_are_one_incident_and_few_comparisons() {
        let mut all = storm(60, 1);
        for a in &mut all {
            a.contributors
                .insert(Dimension::SrcIp, vec![contributor("198.51.100.7", 0.9)]);
        }
        let (incidents, compared) = groups(&all);
        assert_eq!((incidents, compared < 100_000), (1, true), "{compared}");
    }

    #[test]
    fn one_that_lasts_is_near_to_all_that_begin_meanwhile() {
        let mut all = vec![anomaly(1, "10.0.0.1", 600)];
        all[0].ended_at = None;
        all.extend((2..9).map(|n| anomaly(n, "10.0.0.1", 600 + 3600 * n as i64)));
        assert_eq!(groups(&all).0, 1);
        assert_eq!(groups(&all[1..]).0, 7);
        assert!(!ip("10.0.0.1").is_special());
    }
}
