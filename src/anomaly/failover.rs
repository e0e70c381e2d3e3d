//! Load that moved: a rise and dips of the same measure, at the same time, brought about by the same sources, that cancel
//! each other out (DETECTION 4.9).

use crate::model::{Anomaly, Dimension, Direction, Kind, Metric, Value};

/// What is left over may be at most this share of the larger side.
const LEFT: f64 = 0.25;
/// The share that the same sources must have on both sides, where it is not the same host.
const SAME: f64 = 0.5;
/// How many intervals may lie between the beginnings.
const APART: u32 = 3;
/// Among more open anomalies than this nothing is looked for: a storm moves no load.
const STORM: usize = 400;

/// Names what moved among open anomalies; those that were named now.
pub fn moved<'a>(open: &'a mut [&mut Anomaly]) -> Vec<&'a mut Anomaly> {
    if open.len() > STORM {
        return Vec::new();
    }
    let mut named = vec![None; open.len()];
    for (i, rise) in open
        .iter()
        .enumerate()
        .filter(|(_, a)| a.direction == Direction::Above)
    {
        let dips: Vec<usize> = (0..open.len())
            .filter(|&j| open.get(j).is_some_and(|dip| goes_with(rise, dip)))
            .collect();
        let lost: f64 = dips
            .iter()
            .filter_map(|&j| open.get(j))
            .map(|dip| size(dip))
            .sum();
        let gained = size(rise);
        if dips.is_empty() || (gained - lost).abs() > LEFT * gained.max(lost) {
            continue;
        }
        let losers: Vec<String> = dips
            .iter()
            .filter_map(|&j| open.get(j))
            .map(|dip| place(dip))
            .collect();
        let text = format!("What it gained was lost by {}", losers.join(" and "));
        for (j, text) in std::iter::once((i, text)).chain(
            dips.iter()
                .map(|&j| (j, format!("What it lost was gained by {}", place(rise)))),
        ) {
            if let Some(slot) = named.get_mut(j) {
                *slot = Some(text);
            }
        }
    }
    let all = open
        .iter_mut()
        .zip(named)
        .filter_map(|(anomaly, text)| Some((anomaly, text?)));
    all.filter(|(anomaly, text)| anomaly.kind != Kind::Failover || anomaly.detail.as_ref() != Some(text))
        .map(|(anomaly, text)| {
            anomaly.kind = Kind::Failover;
            anomaly.detail = Some(text);
            &mut **anomaly
        })
        .collect()
}

/// By how much it deviates: from its forecast, or, where the forecast has begun to follow the deviation, by what its sources
/// usually bring.
fn size(anomaly: &Anomaly) -> f64 {
    let sources = anomaly.contributors.get(&Dimension::SrcIp).into_iter().flatten();
    let theirs: f64 = sources.map(|c| c.observed - c.expected).sum();
    let whole = anomaly.worst.observed - anomaly.worst.expected;
    if theirs * whole > 0.0 {
        theirs.abs().max(whole.abs())
    } else {
        whole.abs()
    }
}

fn place(anomaly: &Anomaly) -> String {
    let values = anomaly.entity.0.iter().map(|(_, value)| value.to_string());
    values.collect::<Vec<_>>().join(" port ")
}

/// Whether a dip may be where a rise came from.
fn goes_with(rise: &Anomaly, dip: &Anomaly) -> bool {
    let amounts = matches!(rise.metric, Metric::Bytes | Metric::Packets | Metric::Flows);
    let together = rise
        .started_at
        .since(dip.started_at)
        .max(dip.started_at.since(rise.started_at));
    amounts
        && dip.direction == Direction::Below
        && rise.rule == dip.rule
        && rise.entity != dip.entity
        && together <= rise.interval * APART
        && (same_host(rise, dip) || same_sources(rise, dip) >= SAME)
}

fn same_host(a: &Anomaly, b: &Anomaly) -> bool {
    let host = |a: &Anomaly| a.entity.get(Dimension::DstIp);
    host(a).is_some() && host(a) == host(b)
}

/// The share that sources have on both sides, listed ones only.
fn same_sources(a: &Anomaly, b: &Anomaly) -> f64 {
    let list = |a: &Anomaly| -> Vec<(Value, f64)> {
        let listed = a.contributors.get(&Dimension::SrcIp).into_iter().flatten();
        listed.map(|c| (c.value, c.share)).collect()
    };
    let (a, b) = (list(a), list(b));
    // Ten are listed; of more, the same share of the listed ones is asked for.
    let whole = |side: &[(Value, f64)]| {
        side.iter()
            .map(|(_, share)| share.max(0.0))
            .sum::<f64>()
            .clamp(0.05, 1.0)
    };
    let of = |value: &Value| {
        b.iter()
            .find(|(other, _)| other == value)
            .map_or(0.0, |(_, share)| *share)
    };
    let common: f64 = a.iter().map(|(value, share)| share.min(of(value)).max(0.0)).sum();
    common / whole(&a).max(whole(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::test_data::{anomaly, contributor};
    use crate::model::Deviation;

    fn side(id: u64, host: &str, observed: f64, sources: &[&str]) -> Anomaly {
        let expected = 100.0;
        let mut side = anomaly(id, host, 600);
        side.worst = Deviation {
            observed,
            expected,
            ..Deviation::default()
        };
        if observed < expected {
            side.direction = Direction::Below;
        }
        let share = 1.0 / sources.len() as f64;
        let list = sources.iter().map(|source| contributor(source, share)).collect();
        side.contributors.insert(Dimension::SrcIp, list);
        side
    }

    fn kinds(mut all: Vec<Anomaly>) -> Vec<Kind> {
        let mut open: Vec<&mut Anomaly> = all.iter_mut().collect();
        moved(&mut open);
        all.iter().map(|a| a.kind).collect()
    }

    const CLIENTS: [&str; 2] = ["10.0.9.1", "10.0.9.2"];

    #[test]
    fn what_one_host_loses_and_another_gains_has_moved() {
        let (mut dip, mut rise) = (
            side(1, "10.0.0.1", 2.0, &CLIENTS),
            side(2, "10.0.0.2", 195.0, &CLIENTS),
        );
        let mut open = vec![&mut dip, &mut rise];
        let named = moved(&mut open);
        assert_eq!(named.len(), 2);
        assert_eq!(dip.detail.as_deref(), Some("What it lost was gained by 10.0.0.2"));
        assert_eq!(
            rise.detail.as_deref(),
            Some("What it gained was lost by 10.0.0.1")
        );
        let mut open = vec![&mut dip, &mut rise];
        assert!(moved(&mut open).is_empty(), "it is named once");
    }

    #[test]
    fn several_hosts_may_lose_what_one_gains() {
        let all = vec![
            side(1, "10.0.0.1", 40.0, &CLIENTS),
            side(2, "10.0.0.2", 50.0, &CLIENTS),
            side(3, "10.0.0.3", 205.0, &CLIENTS),
        ];
        assert_eq!(kinds(all), [Kind::Failover; 3]);
    }

    #[test]
    fn what_does_not_cancel_or_has_other_sources_or_times_has_not_moved() {
        let dip = || side(1, "10.0.0.1", 2.0, &CLIENTS);
        let more = side(2, "10.0.0.2", 400.0, &CLIENTS);
        let others = side(2, "10.0.0.2", 198.0, &["10.0.8.1", "10.0.8.2"]);
        let mut later = side(2, "10.0.0.2", 198.0, &CLIENTS);
        later.started_at = later.started_at + std::time::Duration::from_secs(600);
        for rise in [more, others, later] {
            assert_eq!(kinds(vec![dip(), rise]), [Kind::LoadSpike; 2]);
        }
    }
}
