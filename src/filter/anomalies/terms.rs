//! The conditions of filters over anomalies, each with how it is asked.

use crate::filter::Compare;
use crate::model::{AnomalyId, Facts, IncidentId, Prefix, Severity, Verdict};

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// Everything.
    Any,
    /// How much it matters.
    Severity(Compare, Severity),
    /// The rule is one of these patterns.
    Rule(Vec<String>),
    /// The kind, metric, direction is one of these.
    Kind(Vec<String>),
    Metric(Vec<String>),
    Direction(Vec<String>),
    /// It is about an address in one of these networks, or a network that overlaps with one.
    Address(Vec<Prefix>),
    /// Its exporter is in one of these networks.
    Exporter(Vec<Prefix>),
    /// It is about one of these autonomous systems.
    As(Vec<u32>),
    /// It is about one of these ports.
    Port(Vec<u16>),
    /// It is about something with a name like one of these.
    Name(Vec<String>),
    /// Its sentence holds this, in small letters.
    Text(String),
    /// How strange.
    Score(Compare, f64),
    /// How it stands.
    Open(bool),
    Acknowledged,
    Silenced,
    Shadow,
    /// Whose it is; none for nobody's.
    Assignee(Option<String>),
    /// What was said of it; none for nothing.
    Verdict(Option<Verdict>),
    Id(AnomalyId),
    Incident(IncidentId),
}

impl Term {
    pub(super) fn matches(&self, facts: &Facts) -> bool {
        let one = |names: &[String], name: &str| names.iter().any(|pattern| like(pattern, name));
        match self {
            Self::Any => true,
            Self::Severity(compare, severity) => compare.holds(facts.severity, *severity),
            Self::Rule(names) => one(names, &facts.rule),
            Self::Kind(names) => one(names, facts.kind.name()),
            Self::Metric(names) => one(names, facts.metric.name()),
            Self::Direction(names) => one(names, facts.direction.name()),
            Self::Address(prefixes) => prefixes.iter().any(|prefix| is_about(facts, prefix)),
            Self::Exporter(prefixes) => {
                let exporter = facts.entity.get(crate::model::Dimension::Exporter);
                matches!(exporter, Some(crate::model::Value::Ip(ip)) if prefixes.iter().any(|p| p.contains(ip)))
            }
            Self::As(numbers) => facts.systems.iter().any(|asn| numbers.contains(asn)),
            Self::Port(numbers) => facts.ports.iter().any(|port| numbers.contains(port)),
            Self::Name(patterns) => facts.names.iter().any(|name| one(patterns, &name.to_lowercase())),
            Self::Text(words) => facts.text.to_lowercase().contains(words.as_str()),
            Self::Score(compare, score) => compare.holds(facts.score, *score),
            Self::Open(open) => facts.is_open() == *open,
            Self::Acknowledged => facts.acknowledged.is_some(),
            Self::Silenced => facts.silenced,
            Self::Shadow => facts.shadow,
            Self::Assignee(name) => facts.assignee == *name,
            Self::Verdict(verdict) => facts.verdict == *verdict,
            Self::Id(id) => facts.id == *id,
            Self::Incident(id) => facts.incident == *id,
        }
    }
}

/// Whether an anomaly is about something in `prefix`.
fn is_about(facts: &Facts, prefix: &Prefix) -> bool {
    let overlaps = |other: &Prefix| prefix.contains(other.first()) || other.contains(prefix.first());
    facts.addresses.iter().any(|&ip| prefix.contains(ip)) || facts.networks.iter().any(overlaps)
}

/// Whether `text` is like `pattern`, in which `*` stands for any characters.
///
/// It looks for the longest run of fixed parts from left to right, so its time grows with the product of both lengths
/// at worst.
pub fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}
