//! What comes out: anomalies that say what, where, since when, how much and because of whom.

use super::{Dimension, Direction, Entity, Ip, Metric, Timestamp, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How much an anomaly matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a line in a digest.
    #[default]
    Low,
    /// Worth a mail.
    High,
    /// Worth waking somebody.
    Critical,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Low, Self::High, Self::Critical];

    /// The name in rules, JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What an anomaly is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A configured rate limit is reached, or nearly.
    RateLimit,
    /// More load than usual.
    LoadSpike,
    /// Less load than usual.
    Dip,
    /// What should speak is silent.
    Outage,
    /// Load moved from one place to another: a rise and a dip that go together.
    Failover,
    /// Unusually many sources reach one place.
    FanIn,
    /// Unusually many sources and flows, each small.
    DistributedFlood,
    /// SYN segments without the rest of a handshake.
    SynFlood,
    /// UDP datagrams in a mass.
    UdpFlood,
    /// ICMP messages in a mass.
    IcmpFlood,
    /// Packets in a mass, of no particular protocol.
    Flood,
    /// Answers nobody asked for.
    Reflection,
    /// One source tries one port on many hosts.
    ScanHorizontal,
    /// One source tries many ports on few hosts.
    ScanVertical,
    /// One source tries many ports on many hosts.
    ScanBlock,
    /// One source tries addresses or ports, a few an hour.
    ScanSlow,
    /// Many short connections of one source to a log-in service.
    BruteForce,
    /// Far more than usual leaves a host.
    Exfiltration,
    /// Contacts at a regular pace.
    Beacon,
    /// Data carried in questions to the DNS.
    DnsTunnel,
    /// A host works for a mining pool.
    Mining,
    /// A service of ours answers others with far more than it is asked.
    Amplifier,
    /// Many bytes without many flows.
    HeavyTransfer,
    /// An internal address never seen before.
    Stranger,
    /// A host answers on a port it never answered on before.
    NewService,
    /// The data itself is in doubt.
    DataQuality,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::RateLimit,
        Self::LoadSpike,
        Self::Dip,
        Self::Outage,
        Self::Failover,
        Self::FanIn,
        Self::DistributedFlood,
        Self::SynFlood,
        Self::UdpFlood,
        Self::IcmpFlood,
        Self::Flood,
        Self::Reflection,
        Self::ScanHorizontal,
        Self::ScanVertical,
        Self::ScanBlock,
        Self::ScanSlow,
        Self::BruteForce,
        Self::Exfiltration,
        Self::Beacon,
        Self::DnsTunnel,
        Self::Mining,
        Self::Amplifier,
        Self::HeavyTransfer,
        Self::Stranger,
        Self::NewService,
        Self::DataQuality,
    ];

    /// The name in rules, JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate-limit",
            Self::LoadSpike => "load-spike",
            Self::Dip => "dip",
            Self::Outage => "outage",
            Self::Failover => "failover",
            Self::FanIn => "fan-in",
            Self::DistributedFlood => "distributed-flood",
            Self::SynFlood => "syn-flood",
            Self::UdpFlood => "udp-flood",
            Self::IcmpFlood => "icmp-flood",
            Self::Flood => "flood",
            Self::Reflection => "reflection",
            Self::ScanHorizontal => "scan-horizontal",
            Self::ScanVertical => "scan-vertical",
            Self::ScanBlock => "scan-block",
            Self::ScanSlow => "scan-slow",
            Self::BruteForce => "brute-force",
            Self::Exfiltration => "exfiltration",
            Self::Beacon => "beacon",
            Self::DnsTunnel => "dns-tunnel",
            Self::Mining => "mining",
            Self::Amplifier => "amplifier",
            Self::HeavyTransfer => "heavy-transfer",
            Self::Stranger => "stranger",
            Self::NewService => "new-service",
            Self::DataQuality => "data-quality",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Names an anomaly: the same input, configuration and state give the same id. Prints as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnomalyId(pub u64);

/// Names an incident: the id of its first anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId(pub u64);

/// What is no id of an anomaly or incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError;

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id has 16 hexadecimal digits")
    }
}

impl std::error::Error for IdError {}

macro_rules! hexadecimal {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let hexadecimal = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
                let id = u64::from_str_radix(text, 16).ok().filter(|_| hexadecimal);
                id.map(Self).ok_or(IdError)
            }
        }
    };
}
hexadecimal!(AnomalyId);
hexadecimal!(IncidentId);

/// One judged interval of a series, for the record and for the chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Start of the interval.
    pub at: Timestamp,
    /// What was measured, in the metric's unit per interval.
    pub observed: f32,
    /// What was expected.
    pub expected: f32,
    /// Lower edge of the usual band.
    pub lower: f32,
    /// Upper edge of the usual band.
    pub upper: f32,
}

/// One interval outside its band, in full precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Deviation {
    /// What was measured, in the metric's unit per interval.
    pub observed: f64,
    /// What was expected.
    pub expected: f64,
    /// Lower edge of the usual band.
    pub lower: f64,
    /// Upper edge of the usual band.
    pub upper: f64,
    /// Minus the natural logarithm of the probability of this or worse; larger is stranger.
    pub score: f64,
}

/// One value of a dimension and its part in an anomaly.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contributor {
    /// Which.
    pub value: Value,
    /// Its name, where one is known (DNS, TLS, AS organisation).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it brought in the anomaly's worst interval.
    pub observed: f64,
    /// What it brings in an ordinary interval.
    pub expected: f64,
    /// Its part of the entity's deviation, 1 for all of it; negative where it moved the other way.
    pub share: f64,
    /// What is remembered of it from longer than the ordinary intervals that `expected` is the average of.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub usual: Option<UsualContribution>,
}

/// What a contributor brings in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct UsualContribution {
    /// On average over the intervals remembered.
    #[serde(rename = "usual")]
    pub mean: f64,
    /// Standard deviation over them.
    #[serde(rename = "usual_spread")]
    pub spread: f64,
    /// The average is off by at most so much, because only the largest are remembered.
    #[serde(rename = "usual_error")]
    pub error: f64,
}

/// Contributors by dimension, largest |share| first, at most ten each.
pub type Contributors = BTreeMap<Dimension, Vec<Contributor>>;

/// How far the data under an anomaly can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DataQuality {
    /// `good`, `partial` or `poor`.
    pub grade: &'static str,
    /// Why it is not good, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What is known of a host, enough to see what it is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostProfile {
    /// Its address.
    pub address: Ip,
    /// When it first took part in traffic.
    pub first_seen: Timestamp,
    /// Names others know it by.
    pub names: Vec<String>,
    /// Services it offers, `tcp/443` style, most used first.
    pub services: Vec<String>,
    /// Services it uses, `tcp/443` style, most used first.
    pub uses: Vec<String>,
    /// Whom it talks with, most bytes first.
    pub peers: Vec<Peer>,
    /// Names it asked the DNS for, newest first.
    pub questions: Vec<String>,
}

/// One peer of a profiled host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peer {
    /// Its address.
    pub address: Ip,
    /// Its name, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Octets both ways.
    pub bytes: u64,
}

/// The episode from the first deviation to the return: what people review.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anomaly {
    /// Names it.
    pub id: AnomalyId,
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
    /// The worst interval: `observed`, `expected`, `lower`, `upper`, `score`.
    #[serde(flatten)]
    pub worst: Deviation,
    /// Unit of the values, such as `bytes per 60 s`.
    pub unit: String,
    /// Start of the first deviating interval, or the first event of a sequential test.
    pub started_at: Timestamp,
    /// When it could be said, in event time.
    pub detected_at: Timestamp,
    /// When it became graver: a limit that was near was reached; none where it did not.
    pub escalated_at: Option<Timestamp>,
    /// End of the last deviating interval; none while it goes on.
    pub ended_at: Option<Timestamp>,
    /// The incident it belongs to.
    pub incident: IncidentId,
    /// Whether it is the one to read first of its incident.
    pub headline: bool,
    /// Found by a rule in shadow: shown, but nobody is told of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// Because of whom.
    pub contributors: Contributors,
    /// How far to trust it.
    pub data_quality: DataQuality,
    /// One or two sentences for people.
    pub text: String,
    /// What the test itself saw beyond numbers, such as the pace of a beacon; a clause of `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A command that shows the traffic under it.
    pub reproduce: String,
    /// MITRE ATT&CK technique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// What to check next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// What harmless thing it may have been, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub false_causes: Vec<String>,
    /// Profiles of the internal hosts it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<HostProfile>,
    /// The series around it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Point>,
    /// Length of the series' interval.
    #[serde(skip)]
    pub interval: Duration,
}
