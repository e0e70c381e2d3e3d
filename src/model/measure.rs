//! What people's words do to the detector: measures that hold deviations back, move a threshold, or accept a level.

use super::{AnomalyId, Direction, Entity, Metric, Timestamp};
use serde::{Deserialize, Serialize};

/// What a measure does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Steer {
    /// Deviations in its scope open nothing.
    Excuse,
    /// Deviations in its scope open something only from this score on: minus the natural logarithm of a probability.
    Raise {
        /// The least score.
        score: f64,
    },
    /// The level at which the series is now is its usual one.
    Accept,
}

impl Steer {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excuse => "excuse",
            Self::Raise { .. } => "raise",
            Self::Accept => "accept",
        }
    }
}

/// What a measure is for. What is not said is for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Rules, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// This entity and no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity>,
    /// This metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// This side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Traffic: a filter over conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Hosts known by a name like this; `*` stands for any characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Something that steers the detector, because of a verdict or because somebody listed it as allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Names it, from 1.
    pub id: u64,
    /// What it does.
    #[serde(flatten)]
    pub steer: Steer,
    /// For what.
    pub scope: Scope,
    /// First instant at which it no longer holds; none for good.
    pub until: Option<Timestamp>,
    /// Who wants it.
    pub by: String,
    /// Why.
    pub why: Option<String>,
    /// Since when.
    pub made_at: Timestamp,
    /// When somebody took it back.
    pub ended_at: Option<Timestamp>,
    /// The anomaly whose verdict it follows from; none for what is listed as allowed.
    pub anomaly: Option<AnomalyId>,
}

impl Measure {
    /// Whether it holds at `at`.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.ended_at.is_none() && self.until.is_none_or(|until| at < until)
    }
}

/// What a measure did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The measure.
    pub measure: u64,
    /// Intervals in which deviations opened nothing because of it.
    pub held: u64,
    /// Start of the newest such interval.
    pub last: Option<Timestamp>,
    /// What was expected before a level was accepted, in the metric's unit per interval; none until that is done.
    pub before: Option<f64>,
    /// What was expected right after.
    pub after: Option<f64>,
}

impl Effect {
    /// A deviation opened nothing in the interval that starts at `at`.
    pub fn hold(&mut self, at: Timestamp) {
        // A rise may be asked about several times before its interval is over.
        if self.last != Some(at) {
            self.held += 1;
            self.last = Some(at);
        }
    }
}

impl Scope {
    /// The series of an anomaly.
    pub fn of(rule: &str, entity: &Entity, metric: Metric, direction: Direction) -> Self {
        Self {
            rules: vec![rule.to_owned()],
            entity: Some(entity.clone()),
            metric: Some(metric),
            direction: Some(direction),
            ..Self::default()
        }
    }

    /// Whether it is for deviations like this one, as far as the series says that.
    pub fn is_for(&self, rule: &str, entity: &Entity, metric: Metric, direction: Direction) -> bool {
        (self.rules.is_empty() || self.rules.iter().any(|name| name == rule))
            && self.entity.as_ref().is_none_or(|own| own.is(entity))
            && self.metric.is_none_or(|own| own == metric)
            && self.direction.is_none_or(|own| own == direction)
    }
}

impl std::fmt::Display for Scope {
    /// `rule scan, src_ip 10.0.0.1`, `filter net 10.0.0.0/8`, `everything`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.rules.is_empty() {
            parts.push(format!("rule {}", self.rules.join(", ")));
        }
        parts.extend(self.entity.as_ref().map(|entity| entity.to_string()));
        parts.extend(self.metric.map(|metric| metric.to_string()));
        parts.extend(self.direction.map(|direction| direction.name().to_owned()));
        parts.extend(self.filter.as_ref().map(|filter| format!("traffic {filter}")));
        parts.extend(self.name.as_ref().map(|name| format!("name {name}")));
        if parts.is_empty() {
            return f.write_str("everything");
        }
        f.write_str(&parts.join(", "))
    }
}
