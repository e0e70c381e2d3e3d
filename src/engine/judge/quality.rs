//! Anomalies of the data itself, and what became of contacts whose two directions were told of apart.

use super::super::ledger::{Finding, What};
use super::super::partial::Bulletin;
use super::super::quality::{self, Trouble};
use super::Judge;
use crate::aggregate::Conversations;
use crate::model::{
    Conversation, Counters, Deviation, Dimension, Direction, Entity, FlowKey, Interval, Ip, Kind, Metric,
    Role, Rule, Severity, Test, Timestamp, Value,
};

/// Ports from which clients choose theirs (Linux; RFC 6335 begins at 49152): which side is the service is a guess there.
const EPHEMERAL: u16 = 32_768;
/// Answers are looked for only where at least this share of questions gets one: some exporters see one direction.
const ANSWERED: f64 = 0.2;
/// Questions after which the share is believed, and how fast older ones are forgotten.
const ENOUGH: f64 = 200.0;

/// How many questions of flow export found their answer, lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pairing {
    asked: f64,
    answered: f64,
}

impl Judge {
    /// Takes in how the exporters of one Front do.
    pub fn hear(&mut self, bulletin: Bulletin) {
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
        let id = finding.id(&rule);
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

    /// Looks for the answers to what was asked in this tick over protocols without a handshake.
    pub(super) fn pair(&mut self, questions: &[Conversation]) {
        if questions.is_empty() {
            return;
        }
        let outcomes: Vec<bool> = questions.iter().map(|row| self.is_answered(row)).collect();
        let answered = outcomes.iter().filter(|&&answered| answered).count();
        if !self.pairing.learn(questions.len() as f64, answered as f64) {
            return;
        }
        let mut known = Conversations::new(questions.len(), self.config.metering.seed);
        for (row, answered) in questions.iter().zip(outcomes) {
            let flows = row.counters.flows;
            let outcome = Counters {
                answered: if answered { flows } else { 0 },
                failed: if answered { 0 } else { flows },
                ..Counters::default()
            };
            known.add(&row.key, &outcome, || (row.src_origin, row.dst_origin));
        }
        self.roll_up(&mut known);
    }

    fn is_answered(&self, row: &Conversation) -> bool {
        let mut answer = row.key;
        (answer.src, answer.dst, answer.role) = (row.key.dst, row.key.src, Role::Reply);
        self.table.contains(&answer)
    }
}

impl Pairing {
    /// Adds what was asked and answered; whether answers can be expected at all.
    fn learn(&mut self, asked: f64, answered: f64) -> bool {
        let keep = (ENOUGH * 10.0 / (self.asked + asked).max(1.0)).min(1.0);
        self.asked = (self.asked + asked) * keep;
        self.answered = (self.answered + answered) * keep;
        self.asked >= ENOUGH && self.answered >= ANSWERED * self.asked
    }
}

/// Whether a conversation asks over UDP for something that would be answered.
pub(super) fn is_question(row: &Conversation) -> bool {
    let key = &row.key;
    key.role == Role::Request
        && key.protocol == FlowKey::UDP
        && key.port < EPHEMERAL
        && row.counters.flows > 0
        && !key.dst.is_special()
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
