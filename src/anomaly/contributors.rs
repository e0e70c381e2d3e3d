//! Who brought a deviation about: the part of each value of each dimension, against its own usual part.

use crate::model::{Contributor, Contributors, Dimension, Value};
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

/// Lists the parts of each dimension, largest |share| first.
///
/// `total` is observed - expected of the whole entity over the same traffic, against which shares are measured; a
/// zero total gives shares of observed traffic instead. Dimensions of the entity itself say nothing and are left out.
pub fn rank(
    parts: &BTreeMap<(Dimension, Value), Part>,
    total: Part,
    own: &[Dimension],
    name: impl Fn(Dimension, Value) -> Option<String>,
) -> Contributors {
    let surplus = total.observed - total.expected;
    let mut all = Contributors::new();
    for (&(dimension, value), part) in parts {
        if own.contains(&dimension) {
            continue;
        }
        let share = if surplus.abs() >= 1e-9 {
            (part.observed - part.expected) / surplus
        } else if total.observed > 0.0 {
            part.observed / total.observed
        } else {
            0.0
        };
        let line = Contributor {
            value,
            name: None,
            observed: part.observed,
            expected: part.expected,
            share,
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
        let ranked = rank(&parts.collect(), total, &[Dimension::DstIp], |_, _| None);
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
                &[Dimension::DstIp],
                |_, _| None
            )
            .is_empty()
        );
    }
}
