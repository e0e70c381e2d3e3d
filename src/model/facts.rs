//! What can be asked of an anomaly by filters: of lists, of silences, of who is told.

use super::{
    Anomaly, AnomalyId, Dimension, Direction, Entity, IncidentId, Ip, Kind, Metric, Prefix, Severity,
    Timestamp, Value, Verdict,
};
use serde::{Deserialize, Serialize};

/// A contributor of at least this part is what an anomaly is about.
const LEADING: f64 = 0.5;

/// An anomaly and its life, as far as filters ask about them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Names it.
    pub id: AnomalyId,
    /// The incident it belongs to, as it was when it was last told of.
    pub incident: IncidentId,
    /// The rule that found it.
    pub rule: String,
    /// What it is called.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// Where.
    pub entity: Entity,
    /// Of what.
    pub metric: Metric,
    /// Which way.
    pub direction: Direction,
    /// How strange: minus the natural logarithm of a probability.
    pub score: f64,
    /// Start of the first deviating interval.
    pub started_at: Timestamp,
    /// When it could be said.
    pub detected_at: Timestamp,
    /// End of the last deviating interval; none while it goes on.
    pub ended_at: Option<Timestamp>,
    /// Found by a rule in shadow.
    pub shadow: bool,
    /// The sentence for people.
    pub text: String,
    /// Addresses it is about: the entity's, and contributors of at least half of it.
    pub addresses: Vec<Ip>,
    /// Networks it is about, likewise.
    pub networks: Vec<Prefix>,
    /// Autonomous systems it is about, likewise.
    pub systems: Vec<u32>,
    /// Ports it is about, likewise.
    pub ports: Vec<u16>,
    /// Names of what it is about, likewise.
    pub names: Vec<String>,
    /// Who acknowledged it.
    #[serde(skip)]
    pub acknowledged: Option<String>,
    /// Whose it is to solve.
    #[serde(skip)]
    pub assignee: Option<String>,
    /// What somebody said it was.
    #[serde(skip)]
    pub verdict: Option<Verdict>,
    /// Whether a silence lies on it.
    #[serde(skip)]
    pub silenced: bool,
}

impl Facts {
    /// Of an anomaly about whose life nothing is known yet.
    pub fn of(anomaly: &Anomaly) -> Self {
        let mut facts = Self {
            id: anomaly.id,
            incident: anomaly.incident,
            rule: anomaly.rule.clone(),
            kind: anomaly.kind,
            severity: anomaly.severity,
            entity: anomaly.entity.clone(),
            metric: anomaly.metric,
            direction: anomaly.direction,
            score: anomaly.worst.score,
            started_at: anomaly.started_at,
            detected_at: anomaly.detected_at,
            ended_at: anomaly.ended_at,
            shadow: anomaly.shadow,
            text: anomaly.text.clone(),
            addresses: Vec::new(),
            networks: Vec::new(),
            systems: Vec::new(),
            ports: Vec::new(),
            names: Vec::new(),
            acknowledged: None,
            assignee: None,
            verdict: None,
            silenced: false,
        };
        for &(dimension, value) in &anomaly.entity.0 {
            facts.add(dimension, value);
        }
        for (&dimension, list) in &anomaly.contributors {
            for one in list.iter().filter(|one| one.share >= LEADING) {
                facts.add(dimension, one.value);
                facts.name(one.name.as_deref());
            }
        }
        for profile in &anomaly.profiles {
            profile.names.iter().for_each(|name| facts.name(Some(name)));
        }
        facts
    }

    fn add(&mut self, dimension: Dimension, value: Value) {
        match (dimension, value) {
            (Dimension::Exporter, _) => {}
            (_, Value::Ip(ip)) => add(&mut self.addresses, ip),
            (_, Value::Net(prefix)) => add(&mut self.networks, prefix),
            (Dimension::SrcAs | Dimension::DstAs, Value::Number(number)) => add(&mut self.systems, number),
            (Dimension::SrcPort | Dimension::DstPort, Value::Number(number)) => {
                add(&mut self.ports, number as u16);
            }
            _ => {}
        }
    }

    fn name(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            add(&mut self.names, name.to_owned());
        }
    }

    /// Whether it goes on.
    pub const fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}
