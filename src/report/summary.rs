//! What a run read, dropped, watched and cost: the honest footnote under every report.

use super::budget::Budget;
use super::exporter::Exporter;
use super::holding::{self, Holding};
use super::rules::RuleLine;
use super::when;
use crate::model::units::{count, duration, grouped};
use crate::model::{Anomaly, IncidentId, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One way of grouping that was watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// The combination of dimensions, `dst_ip+dst_port` style.
    pub dimensions: String,
    /// Entities that had a baseline at the end.
    pub entities: u64,
    /// Series of these entities, one for each metric.
    pub series: u64,
}

/// One table that grows, and its limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// What it holds, in a word or two.
    pub table: String,
    /// Octets in use at the end.
    pub used: u64,
    /// Octets it may use.
    pub limit: u64,
}

/// What was stored of the Flow Records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Records on the disk.
    pub records: u64,
    /// Files they are in.
    pub files: u64,
    /// Octets these take.
    pub bytes: u64,
    /// Records that were given up: the disk was full, failed or did not follow.
    pub given_up: u64,
}

/// What a run read, dropped and why, what it watched and what that cost.
///
/// Serialises as the fields of the `summary` line, in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Version of the program.
    pub version: String,
    /// Input as it was named on the command line, `-` for standard input.
    pub files: Vec<String>,
    /// Packets read, and those that flow export tells of, scaled by sampling.
    pub packets: u64,
    /// Octets of the IP layer in them.
    pub bytes: u64,
    /// Flow Records metered or decoded.
    pub flows: u64,
    /// Messages of flow export taken in.
    pub messages: u64,
    /// Distinct conversations among them.
    pub conversations: u64,
    /// Closed intervals.
    pub intervals: u64,
    /// Length of an interval in seconds.
    pub interval_seconds: u64,
    /// Event time of the earliest packet or record.
    #[serde(serialize_with = "when::optional_rfc3339")]
    pub first: Option<Timestamp>,
    /// Event time of the latest.
    #[serde(serialize_with = "when::optional_rfc3339")]
    pub last: Option<Timestamp>,
    /// Up to when was learned without judging; none when nothing was only learned.
    #[serde(serialize_with = "when::optional_rfc3339")]
    pub learned_until: Option<Timestamp>,
    /// Anomalies found.
    pub anomalies: u64,
    /// Incidents they form.
    pub incidents: u64,
    /// What each incident of several anomalies holds, the largest first; at most a hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incident_counts: Vec<Holding>,
    /// What was given up, by reason: faults by kind, undecodable packets, late packets, evictions, full tables.
    /// Reasons with a count of zero may be left out.
    pub dropped: BTreeMap<String, u64>,
    /// Bad input, named: what and where. Bounded by whoever fills it.
    pub faults: Vec<String>,
    /// Faults beyond those listed.
    pub faults_unlisted: u64,
    /// Flow Records that were stored; none where none were to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
    /// Who sent flow export, in order of address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exporters: Vec<Exporter>,
    /// What could not be seen because of it, a sentence each.
    pub blind: Vec<String>,
    /// What was watched, by combination of dimensions.
    pub watched: Vec<Watched>,
    /// Tables and their limits.
    pub memory: Vec<Memory>,
    /// The one limit that divides into those of the tables, in octets; 0 for none.
    pub memory_limit: u64,
    /// Expected false alarms a day that the thresholds are set for.
    pub false_alarms_per_day: f64,
    /// Series scored in an ordinary interval, among which that budget is shared.
    pub series_scored: u64,
    /// The threshold that follows, in words.
    pub threshold: String,
    /// Promised against observed, and what each rule costs.
    pub budget: Budget,
    /// Hash of the effective configuration.
    pub configuration: String,
    /// Wall-clock seconds the run took; none where the report must be reproducible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elapsed_seconds: Option<f64>,
    /// Packets read per wall-clock second; none where the report must be reproducible, or none were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets_per_second: Option<f64>,
    /// Flow Records decoded per wall-clock second; none where there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_per_second: Option<f64>,
    /// Anomalies of rules in shadow; not among `anomalies` and `incidents`.
    #[serde(skip_serializing_if = "is_zero")]
    pub shadowed: u64,
    /// What each rule did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleLine>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Summary {
    /// Sets the numbers of anomalies and incidents.
    pub fn count(&mut self, anomalies: &[Anomaly]) {
        let real = || anomalies.iter().filter(|a| !a.shadow);
        let incidents: BTreeSet<IncidentId> = real().map(|a| a.incident).collect();
        self.anomalies = real().count() as u64;
        self.shadowed = anomalies.len() as u64 - self.anomalies;
        self.incidents = incidents.len() as u64;
        self.incident_counts = holding::holdings(anomalies);
    }

    /// Length of an interval.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds)
    }

    /// From the first event to the last.
    pub fn span(&self) -> Duration {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last.since(first),
            _ => Duration::ZERO,
        }
    }

    /// Whether nothing at all was read.
    pub fn is_empty(&self) -> bool {
        self.packets == 0 && self.flows == 0
    }

    /// Whether any series was seen long enough to be judged.
    pub fn has_judged(&self) -> bool {
        let only_learned = self
            .learned_until
            .is_some_and(|until| self.last.is_some_and(|last| last <= until));
        !self.is_empty() && self.series_scored > 0 && !only_learned
    }

    /// How fast it went, in words; empty where that is not to be said.
    pub fn pace(&self) -> String {
        let rates = [
            (self.packets_per_second, "packets/s"),
            (self.records_per_second, "records/s"),
        ];
        let rates = rates.into_iter().filter_map(|(rate, what)| Some((rate?, what)));
        rates
            .map(|(rate, what)| format!(", {} {what}", count(rate)))
            .collect()
    }

    /// What was dropped, reasons with a count above zero, in the order of their names.
    pub fn losses(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        self.dropped
            .iter()
            .filter(|&(_, &n)| n > 0)
            .map(|(reason, &n)| (reason.replace('_', " "), n))
    }

    /// What "no anomalies" was said over, in one or two sentences.
    pub fn judged(&self) -> String {
        if self.is_empty() {
            return "Nothing was read, so nothing could be judged.".to_owned();
        }
        let span = when::Clock::new(None).span_or_unknown(self.first, self.last);
        if !self.has_judged() {
            return format!(
                "Nothing was judged in {span}: {} of traffic is too little to learn what is usual.",
                duration(self.span())
            );
        }
        let mut text = format!(
            "{} intervals of {} series were judged in {span}.",
            grouped(self.intervals),
            grouped(self.series_scored)
        );
        if let Some(until) = self.learned_until {
            text.push_str(&format!(
                " Until {} it only learned.",
                when::Clock::new(self.first).at(until)
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_anomalies_says_over_what() {
        let mut summary = Summary::default();
        assert_eq!(summary.judged(), "Nothing was read, so nothing could be judged.");
        summary.packets = 10;
        summary.intervals = 1440;
        summary.first = Some(Timestamp::from_secs(1_773_100_800));
        summary.last = Some(Timestamp::from_secs(1_773_187_200));
        assert_eq!(
            summary.judged(),
            "Nothing was judged in 2026-03-10 00:00 – 2026-03-11 00:00 UTC: 1 d of traffic is too little to learn \
             what is usual."
        );
        summary.series_scored = 8412;
        summary.learned_until = Some(Timestamp::from_secs(1_773_102_000));
        assert_eq!(
            summary.judged(),
            "1,440 intervals of 8,412 series were judged in 2026-03-10 00:00 – 2026-03-11 00:00 UTC. \
             Until 00:20 it only learned."
        );
    }

    #[test]
    fn losses_of_zero_are_not_listed() {
        let mut summary = Summary::default();
        summary.dropped.insert("late_packets".into(), 0);
        summary.dropped.insert("bad_record".into(), 3);
        assert_eq!(
            summary.losses().collect::<Vec<_>>(),
            [("bad record".to_owned(), 3)]
        );
    }
}
