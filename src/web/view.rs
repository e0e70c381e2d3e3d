//! What the API tells, as plain data: the shapes that are described in `/openapi.json`.

use crate::model::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An instant as RFC 3339 text in UTC.
pub fn time(at: Timestamp) -> String {
    at.to_string()
}

/// How well all is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As designed.
    #[default]
    Ok,
    /// Something is lost, or soon will be.
    Warning,
    /// Something does not work.
    Critical,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// How bad.
    pub severity: State,
    /// What, in a sentence.
    pub text: String,
}

/// Something used up to a limit.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Used {
    /// So much.
    pub used: u64,
    /// Of so much.
    pub limit: u64,
}

/// Anomalies that are open, by severity.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Open {
    /// Worth waking somebody.
    pub critical: u64,
    /// Worth a mail.
    pub high: u64,
    /// Worth a line in a digest.
    pub low: u64,
}

/// False alarms: promised, and what was opened.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Budget {
    /// False alarms a day that the thresholds are set for.
    pub promised_per_day: f64,
    /// Anomalies opened a day, of whatever cause.
    pub used_per_day: f64,
    /// Over how many days.
    pub days: f64,
    /// False alarms that the thresholds allowed in these days.
    pub promised: f64,
    /// Anomalies opened in these days.
    pub fired: u64,
    /// What people said of them.
    pub verdicts: BTreeMap<String, u64>,
}

/// How Tidemark is.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// The present: by the clock on the wall, or the end of what was replayed.
    #[schema(format = DateTime)]
    pub now: String,
    /// When it was started.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// Whether what is shown is a replay that is over.
    pub replay: bool,
    /// How well all is.
    pub state: State,
    /// What is not.
    pub problems: Vec<Problem>,
    /// What was counted since the start, by name.
    pub counters: BTreeMap<String, u64>,
    /// Octets the tables take.
    pub memory: Used,
    /// Anomalies that are open.
    pub open: Open,
    /// Exporters heard.
    pub exporters: u64,
    /// What could not be seen, a sentence each.
    pub blind: Vec<String>,
    /// False alarms, promised and used.
    pub budget: Budget,
}

/// Something that can be used up, and what follows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Tipping {
    /// What.
    pub name: String,
    /// How much of it is used, 1 for all.
    pub share: f64,
    /// What follows when nobody does anything.
    pub then: String,
}

/// One Exporter of flows.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Exporter {
    /// Where its messages come from.
    pub address: String,
    /// Its name in the configuration.
    pub name: Option<String>,
    /// How well it is.
    pub state: State,
    /// What stands out, a few words each.
    pub notes: Vec<String>,
    /// Messages taken in.
    pub messages: u64,
    /// Flow Records decoded.
    pub records: u64,
    /// Flow Records a second of late; null before that is known.
    pub records_per_s: Option<f64>,
    /// Templates in use.
    pub templates: u64,
    /// One in how many packets its records stand for; 0 and 1 for all.
    pub sampling: u32,
    /// Messages or records that never came, by sequence numbers.
    pub lost: u64,
    /// Share of what its sequence numbers count that never came, 0 to 1.
    pub loss: f64,
    /// Records that came when part of their time was judged already.
    pub late: u64,
    /// Times its sequence began anew.
    pub restarts: u64,
    /// Sets given up because their Template never came.
    pub gaps: u64,
    /// Messages, Sets or samples that could not be read.
    pub faults: u64,
    /// Seconds its clock is behind ours; negative when it is ahead.
    pub clock_offset_s: f64,
    /// Longest time of late between a flow's end and the arrival of its record, seconds.
    pub lateness_s: f64,
    /// Arrival of its first message.
    pub first: Option<String>,
    /// Arrival of its newest message.
    pub last: Option<String>,
}

/// One rule, and what it did.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What its anomalies are called.
    pub kind: String,
    /// How much they matter.
    pub severity: String,
    /// What it is for.
    pub text: String,
    /// What it looks at.
    pub filter: Option<String>,
    /// What traffic is grouped by.
    pub dimensions: Vec<String>,
    /// What is measured.
    pub metric: String,
    /// How it is judged.
    pub test: String,
    /// Anomalies it opened that count.
    pub fired: u64,
    /// Anomalies it opened in shadow.
    pub shadowed: u64,
    /// Those that are open.
    pub open: u64,
    /// What it opened as a multiple of what the budget allowed; null where nothing was promised.
    pub noise: Option<f64>,
    /// False alarms a day that the budget allows it.
    pub promised_per_day: f64,
    /// Its part of the budget, 0 to 1.
    pub budget_share: f64,
    /// It is judged and shown, and nobody is told.
    pub shadow: bool,
    /// Anomalies it would have opened, by what held them back.
    pub held: BTreeMap<String, u64>,
    /// What people said of its anomalies.
    pub verdicts: BTreeMap<String, u64>,
    /// What to check next.
    pub next: Vec<String>,
    /// What harmless thing its anomalies may be.
    pub false_causes: Vec<String>,
    /// MITRE ATT&CK technique.
    pub technique: Option<String>,
    /// Days it was in use.
    pub days: f64,
    /// Series it watches in an ordinary interval.
    pub series: f64,
    /// Tests it makes in a day.
    pub tests_per_day: f64,
}

/// A host in a list.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct HostLine {
    /// Its address.
    pub address: String,
    /// What it is called.
    pub name: Option<String>,
    /// When it first took part in traffic.
    pub first_seen: String,
}

/// Who a host talks with.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Peer {
    /// Its address.
    pub address: String,
    /// What it is called.
    pub name: Option<String>,
    /// Octets both ways.
    pub bytes: u64,
}

/// What is usual of a metric at an hour.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Hour {
    /// Expected.
    pub expected: f64,
    /// Less is one in a thousand.
    pub lower: f64,
    /// More is one in a thousand.
    pub upper: f64,
}

/// A series of a host and what is usual for it.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Baseline {
    /// The rules that look at it.
    pub rules: Vec<String>,
    /// The first of them.
    pub rule: String,
    /// What is measured.
    pub metric: String,
    /// What traffic it is of.
    pub view: String,
    /// Whether it has shown enough to be judged.
    pub ready: bool,
    /// Every hour of the week from Monday 00:00 in the configured zone: 168.
    pub by_hour: Vec<Hour>,
}

/// What is known of a host.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Host {
    /// Its address.
    pub address: String,
    /// Names others know it by.
    pub names: Vec<String>,
    /// When it first took part in traffic; null for who was never met.
    pub first_seen: Option<String>,
    /// Services it offers, `tcp/443` style, most used first.
    pub services: Vec<String>,
    /// Services it uses.
    pub uses: Vec<String>,
    /// Whom it talks with, most octets first.
    pub peers: Vec<Peer>,
    /// Names it asked the DNS for, newest first.
    pub questions: Vec<String>,
    /// What is usual for it.
    pub baselines: Vec<Baseline>,
    /// Length of the intervals the baselines are per, seconds.
    pub interval_s: f64,
    /// Its anomalies, the newest first, as in `/anomalies`.
    pub anomalies: Vec<Value>,
}

/// What a change of rules would make of past traffic.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Backtest {
    /// Anomalies that only the other rules find.
    pub appear: Vec<Value>,
    /// Anomalies that only the rules in use find.
    pub vanish: Vec<Value>,
    /// How many both find.
    pub both: u64,
}
