//! Which anomalies have one cause (DETECTION 4.9): they overlap in time and share an address, or are brought about
//! by the same ones.

use crate::model::{
    Anomaly, Contributors, Dimension, Direction, IncidentId, Ip, Kind, Metric, Severity, Timestamp, Value,
};
use std::collections::BTreeMap;

/// How many intervals may lie between anomalies of one incident.
const APART: u32 = 2;
/// The share from which a contributor counts as a cause.
const CAUSE: f64 = 0.25;
/// The share from which one source AS counts as a cause.
const CAUSE_AS: f64 = 0.5;
/// How many contributors two anomalies must have in common when none of them stands out.
const COMMON: usize = 3;

/// Gives every anomaly its incident and marks each incident's headline.
///
/// An incident has the id of its first anomaly. The order of `anomalies` does not matter and stays as it is.
pub fn group(anomalies: &mut [Anomaly]) {
    let mut order: Vec<usize> = (0..anomalies.len()).collect();
    order.sort_by_key(|&i| (anomalies[i].started_at, anomalies[i].id));
    let causes: Vec<Causes> = anomalies.iter().map(Causes::of).collect();
    let mut parent: Vec<usize> = (0..anomalies.len()).collect();
    for (rank, &late) in order.iter().enumerate() {
        for &early in &order[..rank] {
            if find(&mut parent, late) != find(&mut parent, early)
                && near(&anomalies[early], &anomalies[late])
                && related(&causes[early], &causes[late])
            {
                let (a, b) = (find(&mut parent, early), find(&mut parent, late));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &i in &order {
        let root = find(&mut parent, i);
        members.entry(root).or_default().push(i);
    }
    for group in members.values() {
        let Some(&first) = group.first() else { continue };
        let incident = IncidentId(anomalies[first].id.0);
        let headline = group
            .iter()
            .copied()
            .max_by(|&a, &b| weight(&anomalies[a]).cmp(&weight(&anomalies[b])));
        for &i in group {
            anomalies[i].incident = incident;
            anomalies[i].headline = Some(i) == headline;
        }
    }
}

fn find(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// What makes one anomaly the better headline: gravity, a particular name, a particular place, then strangeness.
fn weight(a: &Anomaly) -> (Severity, bool, usize, u64, std::cmp::Reverse<(Timestamp, u64)>) {
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
        std::cmp::Reverse((a.started_at, a.id.0)),
    )
}

fn near(a: &Anomaly, b: &Anomaly) -> bool {
    let slack = a.interval.max(b.interval) * APART;
    let end = |x: &Anomaly| x.ended_at.unwrap_or(Timestamp::MAX);
    a.started_at <= end(b) + slack && b.started_at <= end(a) + slack
}

/// What an anomaly is about and what brought it about.
#[derive(Debug, Default)]
struct Causes {
    /// Addresses of the entity.
    own: Vec<Ip>,
    /// Addresses with a large share.
    large: Vec<Ip>,
    /// All listed contributing addresses.
    listed: Vec<Ip>,
    /// Source AS with a large share of a rise.
    source_as: Option<u32>,
}

impl Causes {
    fn of(anomaly: &Anomaly) -> Self {
        let mut causes = Self {
            own: anomaly.entity.addresses().filter(|ip| !ip.is_special()).collect(),
            ..Self::default()
        };
        // Two scans of ours that find the same open port have no common cause; two victims of one scanner have.
        for dimension in [Dimension::SrcIp, Dimension::DstIp, Dimension::Host] {
            for (ip, share) in addresses(&anomaly.contributors, dimension) {
                causes.listed.push(ip);
                if share >= CAUSE {
                    causes.large.push(ip);
                }
            }
        }
        causes.listed.sort_unstable();
        causes.listed.dedup();
        if anomaly.direction != Direction::Below && anomaly.metric != Metric::Failed {
            causes.source_as = leading_as(&anomaly.contributors);
        }
        causes
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

fn related(a: &Causes, b: &Causes) -> bool {
    let meets = |x: &[Ip], y: &[Ip]| x.iter().any(|ip| y.contains(ip));
    let common = a
        .listed
        .iter()
        .filter(|ip| b.listed.binary_search(ip).is_ok())
        .count();
    let smaller = a.listed.len().min(b.listed.len());
    meets(&a.own, &b.own)
        || meets(&a.own, &b.large)
        || meets(&b.own, &a.large)
        || meets(&a.large, &b.large)
        || (common >= COMMON && common * 2 >= smaller)
        || (a.source_as.is_some() && a.source_as == b.source_as)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::test_data::{anomaly, contributor, ip};

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
}
