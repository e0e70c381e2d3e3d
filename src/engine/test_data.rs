//! What tests of the engine share: a rule (a rise of bytes towards an address, without filter or floor), and a drill fed.

use super::Engine;
use crate::drill::{Plan, Scenario, frames};
use crate::model::{Dimension, Kind, LinkType, Metric, RawPacket, Rule, Severity, Test};
use std::time::Duration;

pub(super) fn rule() -> Rule {
    Rule {
        name: "load".into(),
        description: String::new(),
        filter: None,
        dimensions: vec![Dimension::DstIp],
        metric: Metric::Bytes,
        test: Test::Baseline {
            above: true,
            below: false,
        },
        floor: 0.0,
        severity: Severity::High,
        kind: Kind::LoadSpike,
        technique: None,
        next: vec![],
        false_causes: vec![],
        gates: crate::model::Gates::default(),
    }
}

/// Feeds a drill of `minutes`, leaving out the minutes in `gap`.
pub(super) fn feed(engine: &mut Engine, scenario: Scenario, minutes: u64, gap: std::ops::Range<u64>) {
    let mut plan = Plan::new(scenario, 1);
    plan.duration = Duration::from_secs(minutes * 60);
    let mut traffic = frames(&plan);
    while let Some(frame) = traffic.next_frame() {
        if gap.contains(&(frame.at.since(plan.start).as_secs() / 60)) {
            continue;
        }
        let raw = RawPacket {
            at: frame.at,
            link: LinkType(1),
            octets: frame.octets,
            original_length: frame.original_length,
        };
        let _ = engine.observe(&raw);
    }
    engine.finish();
}
