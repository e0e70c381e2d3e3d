//! Rules: what to look at, with which test, and how much it matters.

use super::{Dimension, Gates, Kind, Metric, Severity};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// On which side of its band a series may leave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More than usual.
    #[default]
    Above,
    /// Less than usual.
    Below,
    /// Never seen before.
    New,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Above, Self::Below, Self::New];

    /// The name in JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
            Self::New => "new",
        }
    }
}

/// A configured limit on a rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The value of the metric that must not be reached within `per`; above zero.
    pub value: f64,
    /// The stretch of time `value` is meant for.
    pub per: Duration,
    /// The share of the limit at which to warn early, above 0 and at most 1; 0.7 by default.
    pub warn_at: f64,
}

/// How a series is judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Test {
    /// Against its own seasonal baseline; `above` and `below` say on which sides.
    Baseline {
        /// Judge rises.
        above: bool,
        /// Judge dips and silence.
        below: bool,
    },
    /// Against a configured limit.
    Limit(Limit),
    /// Mixture Shiryaev-Roberts test for small lasting rises of a count (DETECTION 4.7).
    Sequential,
    /// Threshold random walk over first contacts of a source (DETECTION 4.10; Jung et al. 2004).
    Scan,
    /// First traffic of an internal address never seen.
    NewHost,
    /// A pattern over single events, of which no series is kept.
    Pattern(Pattern),
}

/// What single events may add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pattern {
    /// Contacts of one host with one service at a regular pace (DETECTION 4.10; Greenwood 1946).
    Beacon,
    /// Questions for names of one domain that are long and never the same.
    Tunnel,
    /// A lasting connection with small messages both ways, as miners keep it with their pool.
    Mining,
    /// An answer from a port that never answered before.
    NewService,
    /// A rise and a dip of other rules that cancel each other out: it opens nothing, it names.
    Failover,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Beacon,
        Self::Tunnel,
        Self::Mining,
        Self::NewService,
        Self::Failover,
    ];

    /// The name of the test in rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Beacon => "beacon",
            Self::Tunnel => "dns-tunnel",
            Self::Mining => "mining",
            Self::NewService => "new-service",
            Self::Failover => "failover",
        }
    }

    /// What it is about: the dimensions a rule of it has.
    pub const fn dimensions(self) -> &'static [Dimension] {
        match self {
            Self::Beacon | Self::Mining => &[Dimension::SrcIp, Dimension::DstIp, Dimension::DstPort],
            Self::Tunnel => &[Dimension::SrcIp],
            Self::Failover => &[Dimension::DstIp],
            Self::NewService => &[Dimension::DstIp, Dimension::DstPort],
        }
    }

    /// What a rule of it measures.
    pub const fn metric(self) -> Metric {
        match self {
            Self::Beacon | Self::NewService | Self::Failover => Metric::Flows,
            Self::Tunnel => Metric::Bytes,
            Self::Mining => Metric::Packets,
        }
    }

    /// What is found is called, unless the rule says otherwise.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Beacon => Kind::Beacon,
            Self::Tunnel => Kind::DnsTunnel,
            Self::Mining => Kind::Mining,
            Self::NewService => Kind::NewService,
            Self::Failover => Kind::Failover,
        }
    }
}

/// What to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Unique among the rules in use; lower case, digits and hyphens.
    pub name: String,
    /// One sentence for people.
    pub description: String,
    /// Filter expression over conversations; `None` lets everything through.
    pub filter: Option<String>,
    /// How to group; empty for all traffic as one entity. At most two address dimensions.
    pub dimensions: Vec<Dimension>,
    /// What to measure.
    pub metric: Metric,
    /// How to judge.
    pub test: Test,
    /// The smallest |observed - expected| per interval (for [`Test::Scan`] contacts, for [`Test::NewHost`] sources,
    /// for [`Test::Pattern`] what the pattern says) that may become an anomaly, in the metric's unit. Keeps trifles out whatever the statistics say.
    pub floor: f64,
    /// How much it matters.
    pub severity: Severity,
    /// What an anomaly of this rule is called, unless its shape says something more particular.
    pub kind: Kind,
    /// MITRE ATT&CK technique, such as `T1046`.
    pub technique: Option<String>,
    /// What to check next, a sentence each.
    pub next: Vec<String>,
    /// Known false causes, a sentence each.
    pub false_causes: Vec<String>,
    /// What must hold beside the test.
    pub gates: Gates,
}
