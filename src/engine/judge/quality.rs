//! Anomalies of the data itself.

use super::super::ledger::{Finding, What};
use super::super::partial::Bulletin;
use super::super::quality::{self, Trouble};
use super::Judge;
use crate::model::{
    Deviation, Dimension, Direction, Entity, Gates, Interval, Ip, Kind, Metric, Rule, Severity, Test,
    Timestamp, Value,
};

impl Judge {
    /// Takes in how the exporters of one Front do.
    pub fn hear(&mut self, bulletin: Bulletin) {
        self.note_restarts(bulletin.accounts.iter());
        self.note_told(&bulletin);
        self.quality.hear(bulletin);
    }

    /// `count` packets or messages were dropped before they could be read.
    pub fn lose(&mut self, count: u64) {
        self.stats.dropped_before += count;
        self.quality.lose(count);
    }

    /// Whether something is expected that may yet turn out to be missing.
    pub fn is_waiting(&self) -> bool {
        self.quality.is_waiting()
    }

    /// Reviews the quality of the data that came in an interval; `received` counts packets and messages so far.
    pub fn review(&mut self, interval: Interval, received: u64) {
        let taken = received.saturating_sub(self.received);
        self.received = received;
        let silence = self.config.collecting.silence;
        let findings = self.quality.review(interval, taken, silence);
        let (new, over) = self.quality.change(findings);
        for finding in new {
            self.doubt(&finding, interval);
        }
        for (exporter, trouble) in over {
            if let Some(id) = self.doubts.remove(&(exporter, trouble)) {
                self.ledger.close(id, interval.end);
            }
        }
    }

    /// Opens an anomaly of the data itself.
    fn doubt(&mut self, found: &quality::Finding, interval: Interval) {
        let rule = rule(found.trouble);
        let finding = Finding {
            rule: 0,
            entity: Entity(vec![(Dimension::Exporter, Value::Ip(found.exporter))]),
            metric: Metric::Flows,
            direction: match found.observed < found.expected {
                true => Direction::Below,
                false => Direction::Above,
            },
            deviation: Deviation {
                observed: found.observed,
                expected: found.expected,
                ..Deviation::default()
            },
            interval,
            started_at: interval.start,
            at: interval.end,
            severity: rule.severity,
        };
        let id = self.ledger.name(&rule, &finding);
        if self.ledger.open(id, &rule, &finding) {
            if let Some(anomaly) = self.ledger.get_mut(id) {
                anomaly.text = found.text.clone();
                anomaly.data_quality.grade = "partial";
                anomaly.data_quality.notes = vec![found.text.clone()];
                anomaly.reproduce = format!("tidemark flows {} --as export -f 'any'", self.config.source);
            }
            self.ledger.tell(id, What::Opened);
            self.doubts.insert((found.exporter, found.trouble), id);
        }
    }
}

/// The rule an anomaly of the data goes by.
fn rule(trouble: Trouble) -> Rule {
    let (name, description, severity, next): (_, _, _, &[&str]) = match trouble {
        Trouble::Silence => (
            "exporter-silence",
            "An exporter that sent all the time sends no more.",
            Severity::High,
            &[
                "Is the exporter up, and is its export still configured?",
                "Does a filter or route between it and the collector drop the datagrams?",
            ],
        ),
        Trouble::Loss => (
            "exporter-loss",
            "Messages of an exporter do not arrive.",
            Severity::High,
            &[
                "Were datagrams dropped here? See the drops of the listener; give it a larger buffer.",
                "Else they are lost on the way: look at the path and at the exporter's own counters.",
            ],
        ),
        Trouble::Templates => (
            "exporter-templates",
            "Data came for which no Template came.",
            Severity::Low,
            &["Let the exporter send its Templates more often: every minute or every twenty packets."],
        ),
        Trouble::Clock => (
            "exporter-clock",
            "The clock of an exporter is wrong.",
            Severity::Low,
            &["Does the exporter synchronise its clock (NTP)? Is its time zone set?"],
        ),
        Trouble::Lateness => (
            "exporter-lateness",
            "Many records of an exporter come when part of their time was judged already.",
            Severity::Low,
            &[
                "Set the exporter's active time-out to 60 s, or raise `[collect] lateness` to its active time-out and 20 s.",
            ],
        ),
        Trouble::Doubling => (
            "exporter-doubling",
            "Two exporters tell of the same flows.",
            Severity::Low,
            &["Say in the configuration which exporter, interface or direction counts."],
        ),
    };
    Rule {
        name: name.to_owned(),
        description: description.to_owned(),
        filter: None,
        dimensions: vec![Dimension::Exporter],
        metric: Metric::Flows,
        test: Test::Baseline {
            above: true,
            below: true,
        },
        floor: 0.0,
        severity,
        kind: Kind::DataQuality,
        technique: None,
        next: next.iter().map(|&words| words.to_owned()).collect(),
        false_causes: Vec::new(),
        gates: Gates::default(),
    }
}

/// Anomalies of the data that are open.
pub(super) type Doubts = std::collections::BTreeMap<(Ip, Trouble), u64>;

/// When the interval before `until` ended, if it ends there.
pub(in super::super) fn ended(until: Timestamp, length: std::time::Duration) -> Option<Interval> {
    (until.floor(length) == until).then(|| Interval {
        start: until - length,
        end: until,
    })
}
