//! What a series is about: dimensions, their values, and the metrics kept of them.

use super::{Country, Ip, Prefix};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use std::fmt;

/// One way to group traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Source address.
    SrcIp,
    /// Destination address.
    DstIp,
    /// An internal address, whichever side it is on: both directions of its traffic.
    Host,
    /// Network of the source: /24 of IPv4, /64 of IPv6.
    SrcNet24,
    /// Wide network of the source: /16 of IPv4, /48 of IPv6.
    SrcNet16,
    /// Network of the destination: /24 of IPv4, /64 of IPv6.
    DstNet24,
    /// Wide network of the destination: /16 of IPv4, /48 of IPv6.
    DstNet16,
    /// Autonomous system of the source.
    SrcAs,
    /// Autonomous system of the destination.
    DstAs,
    /// Country of the source.
    SrcCountry,
    /// Country of the destination.
    DstCountry,
    /// Port of the service the packets go to; replies have none.
    DstPort,
    /// Port of the service the packets come from; requests have none.
    SrcPort,
    /// IANA protocol number.
    Protocol,
    /// Who exported: for anomalies of the data itself. Traffic is not grouped by it.
    Exporter,
}

impl Dimension {
    /// All by which traffic is grouped, in the order in which contributors are listed.
    pub const ALL: [Self; 14] = [
        Self::SrcIp,
        Self::DstIp,
        Self::Host,
        Self::SrcNet24,
        Self::SrcNet16,
        Self::DstNet24,
        Self::DstNet16,
        Self::SrcAs,
        Self::DstAs,
        Self::SrcCountry,
        Self::DstCountry,
        Self::DstPort,
        Self::SrcPort,
        Self::Protocol,
    ];

    /// The name in rules, filters, JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SrcIp => "src_ip",
            Self::DstIp => "dst_ip",
            Self::Host => "host",
            Self::SrcNet24 => "src_net24",
            Self::SrcNet16 => "src_net16",
            Self::DstNet24 => "dst_net24",
            Self::DstNet16 => "dst_net16",
            Self::SrcAs => "src_as",
            Self::DstAs => "dst_as",
            Self::SrcCountry => "src_country",
            Self::DstCountry => "dst_country",
            Self::DstPort => "dst_port",
            Self::SrcPort => "src_port",
            Self::Protocol => "protocol",
            Self::Exporter => "exporter",
        }
    }

    /// Of this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter().chain([Self::Exporter]);
        all.find(|dimension| dimension.name() == name)
    }

    /// A value of it from text as [`Value`] prints it; none where it is no such value.
    pub fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::SrcIp | Self::DstIp | Self::Host | Self::Exporter => text.parse().ok().map(Value::Ip),
            Self::SrcNet24 | Self::SrcNet16 | Self::DstNet24 | Self::DstNet16 => {
                text.parse().ok().map(Value::Net)
            }
            Self::SrcCountry | Self::DstCountry => Country::read(text).map(Value::Country),
            Self::SrcAs | Self::DstAs | Self::DstPort | Self::SrcPort | Self::Protocol => {
                text.parse().ok().map(Value::Number)
            }
        }
    }

    /// For networks the dimension one step finer, of whose values theirs are made up: /16 of /24 of addresses.
    pub const fn finer(self) -> Option<Self> {
        match self {
            Self::SrcNet16 => Some(Self::SrcNet24),
            Self::SrcNet24 => Some(Self::SrcIp),
            Self::DstNet16 => Some(Self::DstNet24),
            Self::DstNet24 => Some(Self::DstIp),
            _ => None,
        }
    }

    /// Whether its values are networks of values of `other`.
    pub fn holds(self, other: Self) -> bool {
        self.finer()
            .is_some_and(|finer| finer == other || finer.holds(other))
    }

    /// For networks the one that holds `ip`.
    pub fn network(self, ip: Ip) -> Option<Prefix> {
        let (v4, v6) = match self {
            Self::SrcNet24 | Self::DstNet24 => (24, 64),
            Self::SrcNet16 | Self::DstNet16 => (16, 48),
            _ => return None,
        };
        Some(Prefix::new(ip, if ip.is_v4() { v4 } else { v6 }))
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One value of one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Value {
    /// An address.
    Ip(Ip),
    /// A network.
    Net(Prefix),
    /// An AS, port or protocol number.
    Number(u32),
    /// A country.
    Country(Country),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Net(prefix) => prefix.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Country(country) => country.fmt(f),
        }
    }
}

impl Serialize for Value {
    /// Addresses and countries as text, numbers as numbers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u32(*number),
            other => serializer.collect_str(other),
        }
    }
}

/// One value of a combination of dimensions; no dimension twice, in the rule's order.
///
/// The empty entity is all traffic the rule's filter lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity(pub Vec<(Dimension, Value)>);

impl Entity {
    /// The value it has in `dimension`.
    pub fn get(&self, dimension: Dimension) -> Option<Value> {
        self.0.iter().find(|(d, _)| *d == dimension).map(|&(_, v)| v)
    }

    /// Whether both are the same, in whichever order their dimensions stand.
    pub fn is(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|part| other.0.contains(part))
    }

    /// The networks in it.
    pub fn networks(&self) -> impl Iterator<Item = Prefix> + '_ {
        self.0.iter().filter_map(|(_, v)| {
            if let Value::Net(prefix) = v {
                Some(*prefix)
            } else {
                None
            }
        })
    }

    /// The addresses in it; those of networks are not.
    pub fn addresses(&self) -> impl Iterator<Item = Ip> + '_ {
        self.0
            .iter()
            .filter_map(|(_, v)| if let Value::Ip(ip) = v { Some(*ip) } else { None })
    }
}

impl fmt::Display for Entity {
    /// `dst_ip 10.0.0.1, dst_port 443`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("all traffic");
        }
        for (i, (dimension, value)) in self.0.iter().enumerate() {
            write!(f, "{}{dimension} {value}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Serialize for Entity {
    /// A map from dimension to value.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (dimension, value) in &self.0 {
            map.serialize_entry(dimension.name(), value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Entity {
    /// A map from dimension to value, in its order.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Parts)
    }
}

/// Reads the parts of an entity in the order in which they stand.
struct Parts;

/// A value as JSON has it: text or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Number(u32),
}

impl<'de> serde::de::Visitor<'de> for Parts {
    type Value = Entity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from dimension to value")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Entity, A::Error> {
        use serde::de::Error;
        let mut parts = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Written>()? {
            let dimension = Dimension::named(&name);
            let dimension = dimension.ok_or_else(|| A::Error::custom(format!("no dimension `{name}`")))?;
            let text = match value {
                Written::Text(text) => text,
                Written::Number(number) => number.to_string(),
            };
            let value = dimension.read(&text);
            let value = value.ok_or_else(|| A::Error::custom(format!("no value of {name}: `{text}`")))?;
            parts.push((dimension, value));
        }
        Ok(Entity(parts))
    }
}

/// What is measured of an entity in each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Octets of the IP layer.
    Bytes,
    /// Packets.
    Packets,
    /// Flows that began.
    Flows,
    /// Distinct source addresses (HyperLogLog).
    Sources,
    /// Distinct destination addresses (HyperLogLog).
    Destinations,
    /// Distinct service ports contacted (HyperLogLog).
    Ports,
    /// TCP flows that began with a SYN and saw no answer.
    SynOnly,
    /// Contacts that failed: refused or unanswered.
    Failed,
    /// Flows of answers without a question.
    Unsolicited,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Bytes,
        Self::Packets,
        Self::Flows,
        Self::Sources,
        Self::Destinations,
        Self::Ports,
        Self::SynOnly,
        Self::Failed,
        Self::Unsolicited,
    ];

    /// The name in rules, filters, JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Packets => "packets",
            Self::Flows => "flows",
            Self::Sources => "sources",
            Self::Destinations => "destinations",
            Self::Ports => "ports",
            Self::SynOnly => "syn_only",
            Self::Failed => "failed",
            Self::Unsolicited => "unsolicited",
        }
    }

    /// Whether the value is an estimate of a number of distinct things, whose parts do not add up.
    pub const fn is_distinct(self) -> bool {
        matches!(self, Self::Sources | Self::Destinations | Self::Ports)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_a_map_in_json_and_words_in_text() {
        let entity = Entity(vec![
            (Dimension::DstIp, Value::Ip("10.0.0.1".parse().unwrap())),
            (Dimension::DstPort, Value::Number(443)),
        ]);
        assert_eq!(
            serde_json::to_string(&entity).unwrap(),
            r#"{"dst_ip":"10.0.0.1","dst_port":443}"#
        );
        assert_eq!(
            serde_json::from_str::<Entity>(r#"{"dst_ip":"10.0.0.1","dst_port":443}"#).unwrap(),
            entity
        );
        for wrong in [
            r#"{"dst_ip":"nobody"}"#,
            r#"{"planet":"Mars"}"#,
            r#"{"dst_port":-1}"#,
        ] {
            assert!(serde_json::from_str::<Entity>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(entity.to_string(), "dst_ip 10.0.0.1, dst_port 443");
    }

    #[test]
    fn names_in_text_and_in_serialised_form_are_the_same() {
        for dimension in Dimension::ALL {
            assert_eq!(
                serde_json::to_string(&dimension).unwrap(),
                format!("\"{dimension}\"")
            );
        }
    }
}
