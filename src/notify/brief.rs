//! What a message says of an anomaly, read from the JSON under which it is kept.

use crate::model::units;
use crate::model::{AnomalyId, IncidentId, Severity, Timestamp};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;

/// An anomaly without its charts and profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// Names it.
    pub id: AnomalyId,
    /// The incident it belongs to.
    pub incident: IncidentId,
    /// The rule that found it.
    pub rule: String,
    /// What it is called.
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// Where: dimension and value, in the rule's order.
    pub entity: Pairs<Value>,
    /// Of what.
    pub metric: String,
    /// Which way.
    pub direction: String,
    /// What was measured in the worst interval.
    pub observed: Option<f64>,
    /// What was expected.
    pub expected: Option<f64>,
    /// Lower edge of the usual band.
    pub lower: Option<f64>,
    /// Upper edge of the usual band.
    pub upper: Option<f64>,
    /// Unit of these.
    pub unit: String,
    /// How strange it is.
    pub score: Option<f64>,
    /// Start of the first deviating interval, RFC 3339.
    #[serde(with = "rfc3339")]
    pub started_at: Timestamp,
    /// When it could be said.
    #[serde(with = "rfc3339")]
    pub detected_at: Timestamp,
    /// End of the last deviating interval.
    #[serde(with = "rfc3339::maybe")]
    pub ended_at: Option<Timestamp>,
    /// Because of whom, by dimension.
    pub contributors: Pairs<Vec<Part>>,
    /// One or two sentences.
    pub text: String,
    /// A command that shows the traffic under it.
    pub reproduce: String,
    /// Found by a rule in shadow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// MITRE ATT&CK technique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// What to check next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// What harmless thing it may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub false_causes: Vec<String>,
}

/// One who contributed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Who.
    pub value: Value,
    /// By name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Brought in the worst interval.
    pub observed: Option<f64>,
    /// Brings in an ordinary one.
    pub expected: Option<f64>,
    /// Its part of the deviation.
    pub share: Option<f64>,
}

/// An object whose members keep their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs<T>(pub Vec<(String, T)>);

impl<T: Serialize> Serialize for Pairs<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder(std::marker::PhantomData))
    }
}

/// Instants as text.
pub(crate) mod rfc3339 {
    use crate::model::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    fn read(text: &str) -> Option<Timestamp> {
        let at: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(at.as_nanosecond()).ok().map(Timestamp::from_nanos)
    }

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| D::Error::custom("no time in RFC 3339"))
    }

    pub(crate) mod maybe {
        use super::{Deserialize, Deserializer, Error, Serializer, Timestamp, read};

        pub(crate) fn serialize<S: Serializer>(
            at: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match at {
                Some(at) => serializer.collect_str(at),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            let read = |text: String| read(&text).ok_or_else(|| D::Error::custom("no time in RFC 3339"));
            text.map(read).transpose()
        }
    }
}

impl Brief {
    /// Reads the JSON under which an anomaly is kept.
    ///
    /// # Errors
    ///
    /// It is not that.
    pub fn read(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// Where, in words.
    pub fn place(&self) -> String {
        if self.entity.0.is_empty() {
            return "all traffic".to_owned();
        }
        let part = |(dimension, value): &(String, Value)| format!("{dimension} {}", plain(value));
        self.entity.0.iter().map(part).collect::<Vec<_>>().join(", ")
    }

    /// The value of one of these dimensions in the entity, the first that it has.
    pub fn value(&self, dimensions: &[&str]) -> Option<String> {
        let of = |name: &&str| self.entity.0.iter().find(|(dimension, _)| dimension == name);
        dimensions.iter().find_map(of).map(|(_, value)| plain(value))
    }

    /// Who contributed most, in words, at most `most`; the dimension with the clearest first of all.
    pub fn who(&self, most: usize) -> Vec<String> {
        let mut dimensions: Vec<&(String, Vec<Part>)> = self.contributors.0.iter().collect();
        let lead = |parts: &[Part]| parts.first().and_then(|part| part.share).unwrap_or(0.0).abs();
        dimensions.sort_by(|a, b| lead(&b.1).total_cmp(&lead(&a.1)));
        let mut who = Vec::new();
        for (dimension, parts) in dimensions {
            for part in parts.iter().take(3) {
                let share = part
                    .share
                    .map_or(String::new(), |share| format!(", {}", units::share(share)));
                let name = part.name.as_ref().map(|name| format!(" ({name})"));
                who.push(format!(
                    "{dimension} {}{}{share}",
                    plain(&part.value),
                    name.unwrap_or_default()
                ));
            }
        }
        who.truncate(most);
        who
    }
}

/// A value without quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A number with its unit as people read it.
pub(crate) fn number(value: Option<f64>, metric: &str) -> String {
    match value {
        None => "unknown".to_owned(),
        Some(value) if metric == "bytes" => units::bytes(value),
        Some(value) => units::count(value),
    }
}
