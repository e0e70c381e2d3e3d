//! Who brought a deviation about: the part of each value of each dimension, against its own usual part.

use crate::model::{Contributor, Contributors, Dimension, Metric, Value};
use std::collections::BTreeMap;

/// What one value brought and usually brings, in the metric's unit per interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// In the interval in question.
    pub observed: f64,
    /// On average over the reference intervals.
    pub expected: f64,
}

/// Most contributors listed per dimension.
const MOST: usize = 10;

/// Parts below this share are not worth a line.
const LEAST: f64 = 0.01;

/// From this share on an address or network stands for itself, and its part is taken from the networks that hold it.
const HEAVY: f64 = 0.1;

/// Addresses, then the networks they are held by.
const NESTED: [[Dimension; 3]; 2] = [
    [Dimension::SrcIp, Dimension::SrcNet24, Dimension::SrcNet16],
    [Dimension::DstIp, Dimension::DstNet24, Dimension::DstNet16],
];

/// Lists the parts of each dimension, largest |share| first.
///
/// `total` is observed - expected of the whole entity over the same traffic, against which shares are measured; a
/// zero total gives shares of observed traffic instead. Dimensions of the entity itself say nothing and are left out,
/// and so are networks of it. Networks are listed with what is left of them without those of their addresses and
/// networks that bring a tenth or more by themselves: discounted hierarchical heavy hitters (Cormode, Korn,
/// Muthukrishnan, Srivastava 2003).
pub fn rank(
    parts: &BTreeMap<(Dimension, Value), Part>,
    total: Part,
    metric: Metric,
    own: &[Dimension],
    name: impl Fn(Dimension, Value) -> Option<String>,
) -> Contributors {
    let mut all = Contributors::new();
    let is_own = |dimension: Dimension| own.iter().any(|&own| dimension == own || dimension.holds(own));
    let networks = networks(parts, total, metric);
    let parts = parts.iter().chain(&networks);
    for (&(dimension, value), part) in parts.filter(|((dimension, _), _)| !is_own(*dimension)) {
        let share = share(part, total);
        let line = Contributor {
            value,
            name: None,
            observed: part.observed,
            expected: part.expected,
            share,
            usual: None,
        };
        all.entry(dimension).or_default().push(line);
    }
    for (dimension, list) in &mut all {
        // Values tie in a flood of equals; the order of values decides, so that it is the same every time.
        list.sort_by(|a, b| {
            b.share
                .abs()
                .total_cmp(&a.share.abs())
                .then(a.value.cmp(&b.value))
        });
        list.truncate(MOST);
        let best = list.first().map_or(0.0, |c| c.share.abs());
        list.retain(|c| c.share.abs() >= LEAST.min(best));
        for line in list {
            line.name = name(*dimension, line.value);
        }
    }
    all.retain(|_, list| !list.is_empty());
    all
}

/// The share of a part in the surplus, or of what was observed where there is none.
fn share(part: &Part, total: Part) -> f64 {
    let surplus = total.observed - total.expected;
    if surplus.abs() >= 1e-9 {
        (part.observed - part.expected) / surplus
    } else if total.observed > 0.0 {
        part.observed / total.observed
    } else {
        0.0
    }
}

/// The networks that bring a tenth or more beside what stands for itself in them.
///
/// Distinct things add up only along the side they are on: the sources of two destinations may be the same.
fn networks(
    parts: &BTreeMap<(Dimension, Value), Part>,
    total: Part,
    metric: Metric,
) -> BTreeMap<(Dimension, Value), Part> {
    let mut all = BTreeMap::new();
    for [address, networks @ ..] in NESTED {
        let own_side = match metric {
            Metric::Sources => address == Dimension::SrcIp,
            Metric::Destinations => address == Dimension::DstIp,
            other => !other.is_distinct(),
        };
        let of_side = parts
            .iter()
            .filter(|((dimension, _), _)| own_side && *dimension == address);
        // In order of addresses, so that those of one network follow each other.
        let mut rest: Vec<(Value, Part)> = of_side.map(|((_, value), part)| (*value, *part)).collect();
        for network in networks {
            let mut held: Vec<(Value, Part)> = Vec::new();
            for (value, part) in rest.iter().filter(|(_, part)| share(part, total).abs() < HEAVY) {
                let ip = match value {
                    Value::Ip(ip) => *ip,
                    Value::Net(prefix) => prefix.first(),
                    _ => continue,
                };
                let Some(prefix) = network.network(ip).filter(|_| !ip.is_special()) else {
                    continue;
                };
                match held.last_mut().filter(|(value, _)| *value == Value::Net(prefix)) {
                    Some((_, sum)) => {
                        sum.observed += part.observed;
                        sum.expected += part.expected;
                    }
                    None => held.push((Value::Net(prefix), *part)),
                }
            }
            let heavy = held.iter().filter(|(_, part)| share(part, total).abs() >= HEAVY);
            all.extend(heavy.map(|(value, part)| ((network, *value), *part)));
            rest = held;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ip;

    fn ranked(parts: &[(u32, f64, f64)], total: (f64, f64)) -> String {
        let parts = parts.iter().map(|&(ip, observed, expected)| {
            (
                (Dimension::SrcIp, Value::Ip(Ip::v4(ip))),
                Part { observed, expected },
            )
        });
        let total = Part {
            observed: total.0,
            expected: total.1,
        };
        let ranked = rank(
            &parts.collect(),
            total,
            Metric::Bytes,
            &[Dimension::DstIp],
            |_, _| None,
        );
        let lines = ranked.get(&Dimension::SrcIp).into_iter().flatten();
        lines
            .map(|c| format!("{} {:.2}", c.value, c.share))
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[test]
    fn the_surplus_is_shared_out_not_the_volume() {
        let text = ranked(&[(1, 900.0, 890.0), (2, 100.0, 0.0)], (1000.0, 890.0));
        assert_eq!(text, "0.0.0.2 0.91, 0.0.0.1 0.09");
    }

    #[test]
    fn who_moved_the_other_way_has_a_negative_share() {
        assert_eq!(
            ranked(&[(1, 300.0, 0.0), (2, 0.0, 200.0)], (300.0, 200.0)),
            "0.0.0.1 3.00, 0.0.0.2 -2.00"
        );
    }

    #[test]
    fn trifles_are_left_out_but_a_flood_of_equals_is_not() {
        assert_eq!(
            ranked(&[(1, 1000.0, 0.0), (2, 1.0, 0.0)], (1001.0, 0.0)),
            "0.0.0.1 1.00"
        );
        let flood: Vec<_> = (0..500).map(|n| (n, 1.0, 0.0)).collect();
        assert!(ranked(&flood, (500.0, 0.0)).starts_with("0.0.0.0 0.00, 0.0.0.1 0.00"));
    }

    #[test]
    fn the_entitys_own_dimensions_are_left_out() {
        let parts = BTreeMap::from([(
            (Dimension::DstIp, Value::Ip(Ip::v4(1))),
            Part {
                observed: 1.0,
                expected: 0.0,
            },
        )]);
        assert!(
            rank(
                &parts,
                Part {
                    observed: 1.0,
                    expected: 0.0
                },
                Metric::Bytes,
                &[Dimension::DstIp],
                |_, _| None
            )
            .is_empty()
        );
    }

    fn networks_of(parts: &[(&str, f64)], metric: Metric, dimension: Dimension) -> String {
        let total: f64 = parts.iter().map(|(_, observed)| observed).sum();
        let part = |observed| Part {
            observed,
            expected: 0.0,
        };
        let parts = parts
            .iter()
            .map(|(ip, n)| ((dimension, Value::Ip(ip.parse().unwrap())), part(*n)));
        let ranked = rank(&parts.collect(), part(total), metric, &[], |_, _| None);
        let lines = ranked.iter().filter(|(dimension, _)| dimension.finer().is_some());
        let text = |(dimension, list): (&Dimension, &Vec<Contributor>)| {
            let lines = list
                .iter()
                .map(|c| format!("{dimension} {} {:.2}", c.value, c.share));
            lines.collect::<Vec<_>>().join(", ")
        };
        lines.map(text).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_crowd_out_of_one_network_is_told_as_that_network() {
        let crowd: Vec<String> = (1..=200).map(|n| format!("198.51.100.{n}")).collect();
        let mut parts: Vec<(&str, f64)> = crowd.iter().map(|ip| (ip.as_str(), 4.0)).collect();
        parts.extend([("203.0.113.7", 150.0), ("203.0.113.8", 50.0)]);
        assert_eq!(
            networks_of(&parts, Metric::Bytes, Dimension::SrcIp),
            "src_net24 198.51.100.0/24 0.80",
            "what stands for itself is taken from its networks"
        );
    }

    #[test]
    fn a_crowd_spread_over_a_wide_network_is_told_as_the_wide_one() {
        let crowd: Vec<String> = (0..200).map(|n| format!("10.9.{n}.1")).collect();
        let parts: Vec<(&str, f64)> = crowd.iter().map(|ip| (ip.as_str(), 1.0)).collect();
        let told = networks_of(&parts, Metric::Destinations, Dimension::DstIp);
        assert_eq!(told, "dst_net16 10.9.0.0/16 1.00");
        assert_eq!(networks_of(&parts, Metric::Sources, Dimension::DstIp), "");
    }
}
