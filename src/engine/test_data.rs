//! The rule that tests of the engine share: a rise of bytes towards an address, without filter or floor.

use crate::model::{Dimension, Kind, Metric, Rule, Severity, Test};

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
