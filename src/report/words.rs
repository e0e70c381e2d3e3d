//! What dimensions, entities, metrics and values are called in a report for people.

use super::when::per;
use crate::model::units::duration;
use crate::model::units::one_in;
use crate::model::units::{bit_rate, bytes, count, printable};
use crate::model::{Anomaly, Contributor, Dimension, Direction, Entity, FlowKey, Kind, Metric, Value};
use std::time::Duration;

/// The heading over contributors of a dimension.
pub const fn dimension(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::SrcIp => "source",
        Dimension::DstIp => "destination",
        Dimension::Host => "host",
        Dimension::SrcNet24 => "source network",
        Dimension::SrcNet16 => "wide source network",
        Dimension::DstNet24 => "destination network",
        Dimension::DstNet16 => "wide destination network",
        Dimension::SrcAs => "source AS",
        Dimension::DstAs => "destination AS",
        Dimension::SrcCountry => "source country",
        Dimension::DstCountry => "destination country",
        Dimension::DstPort => "port",
        Dimension::SrcPort => "source port",
        Dimension::Protocol => "protocol",
        Dimension::Exporter => "exporter",
    }
}

/// What a metric counts.
pub const fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::Bytes => "bytes",
        Metric::Packets => "packets",
        Metric::Flows => "flows",
        Metric::Sources => "sources",
        Metric::Destinations => "destinations",
        Metric::Ports => "ports",
        Metric::SynOnly => "SYNs without answer",
        Metric::Failed => "failed contacts",
        Metric::Unsolicited => "unasked answers",
    }
}

/// What a severity, a kind or a rule is: its name, spelt out.
pub fn kind(kind: Kind) -> String {
    let name = match kind {
        Kind::SynFlood => "SYN flood",
        Kind::UdpFlood => "UDP flood",
        Kind::IcmpFlood => "ICMP flood",
        Kind::ScanHorizontal => "Horizontal scan",
        Kind::ScanVertical => "Vertical scan",
        Kind::ScanBlock => "Block scan",
        Kind::FanIn => "Fan-in",
        Kind::ScanSlow => "Slow scan",
        Kind::DnsTunnel => "DNS tunnel",
        other => {
            let name = other.name().replace('-', " ");
            let mut letters = name.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            return first.into_iter().chain(letters).collect();
        }
    };
    name.to_owned()
}

/// The name of a protocol, or its number.
pub fn protocol(number: u32) -> String {
    let name = match u8::try_from(number) {
        Ok(FlowKey::ICMP) => "ICMP",
        Ok(2) => "IGMP",
        Ok(FlowKey::TCP) => "TCP",
        Ok(FlowKey::UDP) => "UDP",
        Ok(47) => "GRE",
        Ok(50) => "ESP",
        Ok(51) => "AH",
        Ok(FlowKey::ICMPV6) => "ICMP6",
        Ok(89) => "OSPF",
        Ok(FlowKey::SCTP) => "SCTP",
        _ => return number.to_string(),
    };
    name.to_owned()
}

/// A value as it is called in its dimension: `AS64500`, `443`, `UDP`.
pub fn value(dimension: Dimension, value: Value) -> String {
    match (dimension, value) {
        (Dimension::SrcAs | Dimension::DstAs, Value::Number(0)) => "unknown AS".to_owned(),
        (Dimension::SrcAs | Dimension::DstAs, Value::Number(asn)) => format!("AS{asn}"),
        (Dimension::Protocol, Value::Number(number)) => protocol(number),
        (_, value) => value.to_string(),
    }
}

/// Where: `to 10.20.0.14, port 14999`.
pub fn entity(entity: &Entity) -> String {
    if entity.0.is_empty() {
        return "all traffic".to_owned();
    }
    let part = |&(dim, val): &(Dimension, Value)| {
        let before = match dim {
            Dimension::SrcIp | Dimension::SrcNet24 | Dimension::SrcNet16 => "from",
            Dimension::DstIp | Dimension::DstNet24 | Dimension::DstNet16 => "to",
            Dimension::SrcAs | Dimension::SrcCountry => "from",
            Dimension::DstAs | Dimension::DstCountry => "to",
            Dimension::Host => "host",
            Dimension::DstPort => "port",
            Dimension::SrcPort => "from port",
            Dimension::Protocol => "protocol",
            Dimension::Exporter => "exporter",
        };
        format!("{before} {}", value(dim, val))
    };
    entity.0.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// A contributor's value and, where one is known, its name.
pub fn contributor(dim: Dimension, contributor: &Contributor) -> (String, Option<String>) {
    let name = contributor.name.as_deref().map(printable);
    (value(dim, contributor.value), name.filter(|n| !n.is_empty()))
}

/// The unit in which an anomaly's values are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Whether the values are octets.
    octets: bool,
    /// What is counted.
    noun: String,
    /// The stretch of time they are counted over, where there is one.
    over: Option<Duration>,
}

impl Measure {
    /// From an anomaly's unit, `bytes per 60 s` style.
    pub fn of(anomaly: &Anomaly) -> Self {
        let (noun, over) = match anomaly.unit.split_once(" per ") {
            Some((noun, over)) => (noun, seconds(over).or(Some(anomaly.interval))),
            None => (anomaly.unit.as_str(), None),
        };
        let named = noun.is_empty() || noun == anomaly.metric.name();
        Self {
            octets: anomaly.metric == Metric::Bytes,
            noun: if named {
                metric(anomaly.metric).to_owned()
            } else {
                printable(noun)
            },
            over: over.filter(|o| !o.is_zero()),
        }
    }

    /// The unit alone: `sources per min`.
    pub fn unit(&self) -> String {
        match self.over {
            Some(over) => format!("{} per {}", self.noun, per(over)),
            None => self.noun.clone(),
        }
    }

    /// The number alone, for a column under [`Measure::unit`]: `1.24 MB`, `52`.
    pub fn number(&self, value: f64) -> String {
        if self.octets { bytes(value) } else { count(value) }
    }

    /// In full: `1.24 MB/min`, `52 sources/min`.
    pub fn full(&self, value: f64) -> String {
        let noun = if self.octets {
            String::new()
        } else {
            format!(" {}", self.noun)
        };
        match self.over {
            Some(over) => format!("{}{noun}/{}", self.number(value), per(over)),
            None => format!("{}{noun}", self.number(value)),
        }
    }

    /// Octets as a bit rate; nothing for other metrics.
    pub fn rate(&self, value: f64) -> Option<String> {
        self.over
            .filter(|_| self.octets)
            .and_then(|over| bit_rate(value, over))
    }
}

/// A number of seconds, `60 s` style.
fn seconds(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?.trim_end();
    number.parse().ok().map(Duration::from_secs)
}

/// What is usual: `1 – 9`, `at least 5`, `at most 12`; nothing where there is no band.
pub fn band(measure: &Measure, anomaly: &Anomaly) -> Option<String> {
    let (lower, upper) = (anomaly.worst.lower, anomaly.worst.upper);
    if anomaly.direction == Direction::New {
        return None;
    }
    match (lower.is_finite(), upper.is_finite()) {
        (true, true) if lower == upper => Some(measure.number(upper)),
        (true, true) => Some(format!("{} – {}", measure.number(lower), measure.number(upper))),
        (true, false) => Some(format!("at least {}", measure.number(lower))),
        (false, true) => Some(format!("at most {}", measure.number(upper))),
        (false, false) => None,
    }
}

/// How long an anomaly lasted, or that it goes on.
pub fn lasted(started: crate::model::Timestamp, ended: Option<crate::model::Timestamp>) -> String {
    match ended {
        Some(end) => duration(end.since(started)),
        None => "still going on".to_owned(),
    }
}

/// How improbable an anomaly is by chance, in words; nothing where chance plays no part: a configured limit, or
/// something that was simply never there before.
pub fn odds(anomaly: &Anomaly) -> Option<String> {
    let chance = anomaly.kind != Kind::RateLimit && anomaly.direction != Direction::New;
    one_in(anomaly.worst.score).filter(|_| chance)
}

/// `1 anomaly`, `2 anomalies`.
pub fn anomalies(n: usize) -> String {
    if n == 1 {
        "1 anomaly".to_owned()
    } else {
        format!("{n} anomalies")
    }
}

/// `1 incident`, `2 incidents`.
pub fn incidents(n: usize) -> String {
    if n == 1 {
        "1 incident".to_owned()
    } else {
        format!("{n} incidents")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn entities_read_as_places() {
        let ip = Value::Ip("10.20.0.14".parse().unwrap());
        let parts = vec![(Dimension::DstIp, ip), (Dimension::DstPort, Value::Number(14999))];
        assert_eq!(entity(&Entity(parts)), "to 10.20.0.14, port 14999");
        let parts = vec![
            (Dimension::SrcAs, Value::Number(64500)),
            (Dimension::Protocol, Value::Number(17)),
        ];
        assert_eq!(entity(&Entity(parts)), "from AS64500, protocol UDP");
        assert_eq!(entity(&Entity::default()), "all traffic");
    }

    #[test]
    fn values_are_told_in_the_unit_the_anomaly_names() {
        let mut anomaly = fixture::anomalies().remove(0);
        for (unit, metric, want) in [
            ("bytes per 60 s", Metric::Bytes, "1.24 MB/min"),
            ("packets per 1 s", Metric::Packets, "1.24 M packets/s"),
            (
                "syn_only per 300 s",
                Metric::SynOnly,
                "1.24 M SYNs without answer/5 min",
            ),
            ("contacts", Metric::Failed, "1.24 M contacts"),
            ("", Metric::Ports, "1.24 M ports"),
        ] {
            anomaly.unit = unit.to_owned();
            anomaly.metric = metric;
            assert_eq!(Measure::of(&anomaly).full(1_240_000.0), want);
        }
    }

    #[test]
    fn kinds_are_spelt_out() {
        assert_eq!(
            [Kind::RateLimit, Kind::SynFlood, Kind::Dip].map(kind),
            ["Rate limit", "SYN flood", "Dip"]
        );
    }
}
