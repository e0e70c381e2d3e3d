//! Anomalies for tests: one address, one minute, nothing else.

use crate::model::{
    Anomaly, AnomalyId, Contributor, Contributors, DataQuality, Deviation, Dimension, Direction, Entity,
    IncidentId, Ip, Kind, Metric, Severity, Timestamp, Value,
};
use std::time::Duration;

pub(super) fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

pub(super) fn contributor(address: &str, share: f64) -> Contributor {
    Contributor {
        value: Value::Ip(ip(address)),
        name: None,
        observed: 10.0,
        expected: 0.0,
        share,
        usual: None,
    }
}

/// A load spike towards `address` from second `start` on, two minutes long.
pub(crate) fn anomaly(id: u64, address: &str, start: i64) -> Anomaly {
    let at = Timestamp::from_secs(start);
    Anomaly {
        id: AnomalyId(id),
        rule: "load".into(),
        kind: Kind::LoadSpike,
        severity: Severity::High,
        entity: Entity(vec![(Dimension::DstIp, Value::Ip(ip(address)))]),
        metric: Metric::Bytes,
        direction: Direction::Above,
        worst: Deviation {
            observed: 9.3e6,
            expected: 1e6,
            lower: 0.7e6,
            upper: 1.4e6,
            score: 40.0,
        },
        unit: "bytes per 60 s".into(),
        started_at: at,
        detected_at: at + Duration::from_secs(10),
        escalated_at: None,
        ended_at: Some(at + Duration::from_secs(120)),
        incident: IncidentId(0),
        headline: false,
        shadow: false,
        contributors: Contributors::new(),
        data_quality: DataQuality::default(),
        text: String::new(),
        detail: None,
        reproduce: String::new(),
        technique: None,
        next: vec![],
        false_causes: vec![],
        profiles: vec![],
        history: vec![],
        interval: Duration::from_secs(60),
    }
}
