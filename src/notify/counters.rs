//! Counters of what was told: StatsD datagrams, or Graphite's lines.
//!
//! Sources: github.com/statsd/statsd, "Metric Types" (`name:value|c`); graphite.readthedocs.io, "Feeding In Your Data"
//! (`path value time`, over TCP). StatsD adds up by itself; Graphite gets sums since the program began, for
//! `nonNegativeDerivative`.

use super::channel::Outcome;
use super::message::Message;
use super::stream;
use crate::dispatch::Phase;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counters kept of rules; of further rules under `other`.
const NAMES: usize = 1000;

/// One server.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `host:port`.
    pub to: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// What every name begins with.
    pub prefix: String,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Datagrams.
    StatsD,
    /// Lines over TCP.
    Graphite,
}

impl Protocol {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StatsD => "statsd",
            Self::Graphite => "graphite",
        }
    }
}

/// A part of a name: what would cut it into parts becomes `_`.
fn part(text: &str) -> String {
    let sound = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let part: String = text.chars().map(sound).collect();
    if part.is_empty() { "other".to_owned() } else { part }
}

/// What a message adds to which counter.
pub(super) fn counts(message: &Message, prefix: &str) -> Vec<(String, u64)> {
    let phase = message.phase.name();
    if matches!(message.phase, Phase::Refresh | Phase::Test) {
        return Vec::new();
    }
    let mut counts = vec![(format!("{prefix}.messages.{phase}"), 1)];
    if message.is_sum() {
        let rules = message.counts.by_rule.iter();
        counts.extend(
            rules.map(|(rule, count)| (format!("{prefix}.anomalies.{}.{phase}", part(rule)), *count)),
        );
    } else if let Some(brief) = message.first() {
        counts.push((format!("{prefix}.anomalies.{}.{phase}", part(&brief.rule)), 1));
        counts.push((
            format!("{prefix}.severity.{}.{phase}", message.severity.name()),
            1,
        ));
    }
    counts
}

/// Sums since the program began.
#[derive(Debug, Default)]
pub(super) struct Sums(BTreeMap<String, u64>);

impl Sums {
    fn add(&mut self, counts: Vec<(String, u64)>) -> Vec<(String, u64)> {
        let mut sums = Vec::new();
        for (name, count) in counts {
            if self.0.len() < NAMES || self.0.contains_key(&name) {
                let sum = self.0.entry(name.clone()).or_default();
                *sum += count;
                sums.push((name, *sum));
            }
        }
        sums
    }

    /// Takes back what was added and did not arrive.
    fn take_back(&mut self, counts: &[(String, u64)]) {
        for (name, count) in counts {
            if let Some(sum) = self.0.get_mut(name) {
                *sum = sum.saturating_sub(*count);
            }
        }
    }
}

/// Sends what a message adds. It blocks.
pub(super) fn send(message: &Message, settings: &Settings, sums: &mut Sums, timeout: Duration) -> Outcome {
    let counts = counts(message, &settings.prefix);
    if counts.is_empty() {
        return Outcome::Nothing;
    }
    let sent = match settings.protocol {
        Protocol::StatsD => {
            let lines: Vec<String> = counts
                .iter()
                .map(|(name, count)| format!("{name}:{count}|c"))
                .collect();
            stream::datagram(&settings.to, lines.join("\n").as_bytes())
        }
        Protocol::Graphite => {
            let seconds = message.at.as_secs();
            let lines = sums.add(counts.clone());
            let lines: String = lines
                .iter()
                .map(|(name, sum)| format!("{name} {sum} {seconds}\n"))
                .collect();
            let written = stream::write(&settings.to, lines.as_bytes(), None, timeout);
            if written.is_err() {
                sums.take_back(&counts);
            }
            written
        }
    };
    match sent {
        Ok(()) => Outcome::Sent(format!("{} counters to {}", counts.len(), settings.to)),
        Err(error) => Outcome::again(format!("{}: {error}", settings.to)),
    }
}
