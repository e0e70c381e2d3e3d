//! One message as it is kept until it is sent: what was decided, and everything that is said of it.

use super::brief::{Brief, number, rfc3339};
use crate::dispatch::{Counts, Decision, Phase};
use crate::model::units::{duration, printable};
use crate::model::{AnomalyId, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Traffic is shown from so long before an anomaly to so long after it.
const AROUND: Duration = Duration::from_secs(600);

/// Who speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Its name among other instances.
    pub name: String,
    /// Where its dashboard is reached, without a slash at the end; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Names it for ever: whoever gets it twice can tell.
    pub id: String,
    /// Messages with the same key are about the same thing.
    pub key: String,
    /// The route it takes.
    pub route: String,
    /// What it says.
    pub phase: Phase,
    /// How much it matters.
    pub severity: Severity,
    /// When it was decided, RFC 3339.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// How many anomalies it is about.
    pub counts: Counts,
    /// Since when what it is about goes on.
    #[serde(with = "rfc3339::maybe", default)]
    pub since: Option<Timestamp>,
    /// Who did what it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// A trouble of the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The anomalies it names, the one to read first at the beginning.
    pub anomalies: Vec<Brief>,
    /// Who speaks.
    pub sender: Sender,
}

impl Message {
    /// Puts a decision into a message; `brief` knows the anomalies.
    pub fn of(decision: Decision, sender: &Sender, brief: impl Fn(AnomalyId) -> Option<Brief>) -> Self {
        Self {
            id: format!("{}/{}", sender.name, decision.id()),
            key: format!("tidemark/{}/{}", sender.name, decision.key),
            route: decision.route,
            phase: decision.phase,
            severity: decision.severity,
            at: decision.at,
            counts: decision.counts,
            since: decision.since,
            by: decision.by,
            note: decision.note,
            trouble: decision.own,
            anomalies: decision.anomalies.into_iter().filter_map(brief).collect(),
            sender: sender.clone(),
        }
    }

    /// One that tries out a route.
    pub fn test(route: &str, sender: &Sender, at: Timestamp) -> Self {
        let mut decision = Decision::new(route, "test", Phase::Test, Severity::Low, at);
        decision.number = at.as_nanos().unsigned_abs();
        Self::of(decision, sender, |_| None)
    }

    /// The anomaly it is about.
    pub fn first(&self) -> Option<&Brief> {
        self.anomalies.first()
    }

    /// Whether it is about several anomalies that are summed up.
    pub const fn is_sum(&self) -> bool {
        matches!(self.phase, Phase::Group | Phase::Digest)
    }

    /// Whether what it is about is over.
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Closed | Phase::Well)
    }

    /// One line that says it all; no character of it steers a terminal.
    pub fn title(&self) -> String {
        let what = self.first().map_or_else(|| self.about(), headline);
        let title = match self.phase {
            Phase::Opened | Phase::Refresh => what,
            Phase::Updated => format!("Goes on: {what}"),
            Phase::Escalated => format!("Now {}: {what}", self.severity.name()),
            Phase::Acknowledged => format!("Acknowledged{}: {what}", self.by_whom()),
            Phase::Unacknowledged => format!("Given back{}: {what}", self.by_whom()),
            Phase::Discussed => format!(
                "{}{}: {what}",
                self.note.as_deref().unwrap_or("Noted"),
                self.by_whom()
            ),
            Phase::Reminder => format!("Nobody has acknowledged{}: {what}", self.lasting()),
            Phase::Closed => format!("Over{}: {what}", self.lasting()),
            Phase::Group | Phase::Digest | Phase::Trouble | Phase::Well | Phase::Heartbeat | Phase::Test => {
                self.about()
            }
        };
        let more = match self.counts.anomalies {
            n if n > 1 && !self.is_sum() => format!(" (and {} more of its incident)", n - 1),
            _ => String::new(),
        };
        printable(&format!("{title}{more}"))
    }

    /// What a message says that is about no single anomaly.
    fn about(&self) -> String {
        let name = &self.sender.name;
        let trouble = self.trouble.as_deref().unwrap_or_default();
        match self.phase {
            Phase::Group => match (self.counts.anomalies, trouble) {
                (0, trouble) => format!("Tidemark on {name}: {trouble}"),
                (_, "") => format!("{} held back{}", self.number_of(), self.from()),
                (_, trouble) => format!("{} held back{}; {trouble}", self.number_of(), self.from()),
            },
            Phase::Digest => format!("{}{}", self.number_of(), self.from()),
            Phase::Trouble => format!("Tidemark on {name}: {trouble}"),
            Phase::Well => format!("Tidemark on {name}: {trouble}"),
            Phase::Heartbeat => format!("Tidemark on {name} is alive"),
            Phase::Test => format!("Test of route {} by Tidemark on {name}", self.route),
            _ => format!("{} of Tidemark on {name}", self.number_of()),
        }
    }

    /// `312 anomalies (3 critical, 9 high, 300 low)`.
    fn number_of(&self) -> String {
        let [low, high, critical] = self.counts.by_severity;
        let parts = [(critical, "critical"), (high, "high"), (low, "low")];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, name)| format!("{count} {name}")).collect();
        let plural = if self.counts.anomalies == 1 { "y" } else { "ies" };
        format!("{} anomal{plural} ({})", self.counts.anomalies, parts.join(", "))
    }

    fn from(&self) -> String {
        let second = Duration::from_secs(1);
        self.since
            .map_or(String::new(), |since| format!(" since {}", since.floor(second)))
    }

    fn by_whom(&self) -> String {
        self.by.as_ref().map_or(String::new(), |by| format!(" by {by}"))
    }

    fn lasting(&self) -> String {
        let span = self.since.map(|since| self.at.since(since));
        let word = if self.phase == Phase::Closed {
            "after"
        } else {
            "for"
        };
        span.map_or(String::new(), |span| format!(" {word} {}", duration(span)))
    }

    /// The page of the anomaly in the dashboard.
    pub fn page(&self) -> Option<String> {
        let url = self.sender.url.as_ref()?;
        match self.first() {
            Some(first) if !self.is_sum() => Some(format!("{url}/anomalies/{}", first.id)),
            _ => Some(format!("{url}/")),
        }
    }

    /// The traffic of an anomaly in the dashboard: the same filter and time.
    pub fn traffic(&self, brief: &Brief) -> Option<String> {
        let url = self.sender.url.as_ref()?;
        let filter = filter_of(&brief.reproduce).unwrap_or_default();
        let since = brief.started_at - AROUND;
        let until = brief.ended_at.unwrap_or(brief.detected_at.max(self.at)) + AROUND;
        let until = until.floor(Duration::from_secs(1));
        let [filter, since, until] = [filter, &since.to_string(), &until.to_string()].map(percent);
        Some(format!(
            "{url}/explore?filter={filter}&since={since}&until={until}"
        ))
    }
}

/// `scan-horizontal at src_ip 10.0.0.1: 340 flows per 60 s, expected 4.2`.
fn headline(brief: &Brief) -> String {
    format!("{} at {}: {}", brief.kind, brief.place(), measured(brief))
}

/// Observed against expected.
pub(super) fn measured(brief: &Brief) -> String {
    let unit = brief
        .unit
        .strip_prefix("bytes")
        .filter(|_| brief.metric == "bytes");
    let unit = unit.map_or_else(|| format!(" {}", brief.unit), str::to_owned);
    format!(
        "{}{unit}, expected {}",
        number(brief.observed, &brief.metric),
        number(brief.expected, &brief.metric)
    )
}

/// The filter in the command that shows the traffic.
fn filter_of(reproduce: &str) -> Option<&str> {
    let (_, filter) = reproduce.split_once(" -f '")?;
    filter.rsplit_once('\'').map(|(filter, _)| filter)
}

/// As RFC 3986 wants it in a query.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(octet))
            }
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}
