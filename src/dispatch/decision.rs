//! What is to be told now, and to whom: everything but the words.

use crate::model::{AnomalyId, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Anomalies that a message names; the rest is counted.
pub(super) const NAMED: usize = 20;
/// Rules that a message names.
const RULES: usize = 20;

/// What a message says of what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It began.
    Opened,
    /// It grew, or more is known.
    Updated,
    /// It became graver.
    Escalated,
    /// Somebody looks after it.
    Acknowledged,
    /// Nobody looks after it any more.
    Unacknowledged,
    /// It has an owner, a comment or a verdict.
    Discussed,
    /// Nobody acknowledged it in time.
    Reminder,
    /// It is over.
    Closed,
    /// So many were held back.
    Group,
    /// So many were not told by themselves.
    Digest,
    /// A trouble of the program itself began.
    Trouble,
    /// A trouble of the program itself is over.
    Well,
    /// It is open still; for receivers that forget.
    Refresh,
    /// The program is alive.
    Heartbeat,
    /// Somebody tries out the way.
    Test,
}

impl Phase {
    /// The name in JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Escalated => "escalated",
            Self::Acknowledged => "acknowledged",
            Self::Unacknowledged => "unacknowledged",
            Self::Discussed => "discussed",
            Self::Reminder => "reminder",
            Self::Closed => "closed",
            Self::Group => "group",
            Self::Digest => "digest",
            Self::Trouble => "trouble",
            Self::Well => "well",
            Self::Refresh => "refresh",
            Self::Heartbeat => "heartbeat",
            Self::Test => "test",
        }
    }

    /// Worth nothing when it is late: it is sent or not, and never kept.
    pub const fn is_fleeting(self) -> bool {
        matches!(self, Self::Refresh | Self::Heartbeat)
    }
}

/// How many anomalies, of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub anomalies: u64,
    /// Of each severity: low, high, critical.
    pub by_severity: [u64; 3],
    /// Of each rule; of rules after the twentieth under an empty name.
    pub by_rule: BTreeMap<String, u64>,
}

impl Counts {
    /// Counts one.
    pub(super) fn add(&mut self, severity: Severity, rule: &str) {
        self.anomalies += 1;
        self.by_severity[severity as usize] += 1;
        let is_known = self.by_rule.contains_key(rule) || self.by_rule.len() < RULES;
        let name = if is_known { rule } else { "" };
        *self.by_rule.entry(name.to_owned()).or_default() += 1;
    }
}

/// One message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The route it goes to.
    pub route: String,
    /// What it is about: messages of one key belong together, and a receiver that knows the key makes one thing of them.
    pub key: String,
    /// Its place among all messages of its route; key, phase and this name it for ever.
    pub number: u64,
    /// What it says.
    pub phase: Phase,
    /// How much it matters.
    pub severity: Severity,
    /// When it was decided.
    pub at: Timestamp,
    /// What it is about, the one to read first at the beginning; of many the gravest.
    pub anomalies: Vec<AnomalyId>,
    /// How many it is about.
    pub counts: Counts,
    /// Since when what it counts was gathered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Who did what it tells of, where that was a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// A trouble of the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
}

impl Decision {
    /// About nothing yet.
    pub fn new(route: &str, key: &str, phase: Phase, severity: Severity, at: Timestamp) -> Self {
        Self {
            route: route.to_owned(),
            key: key.to_owned(),
            number: 0,
            phase,
            severity,
            at,
            anomalies: Vec::new(),
            counts: Counts::default(),
            since: None,
            by: None,
            note: None,
            own: None,
        }
    }

    /// Names the message for ever, over restarts too: whoever gets it twice can tell.
    pub fn id(&self) -> String {
        format!(
            "{}/{}/{}/{}",
            self.route,
            self.key,
            self.phase.name(),
            self.number
        )
    }
}
