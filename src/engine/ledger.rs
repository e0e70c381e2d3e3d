//! The anomalies of one run: opened, made worse, closed; each complete enough at any time to be shown.

use super::carried::{self, Carried};
use super::evidence::Evidence;
use super::hosts::Hosts;
use crate::anomaly;
use crate::enrich::Origins;
use crate::model::{
    Anomaly, AnomalyId, DataQuality, Deviation, Dimension, Direction, Entity, IncidentId, Interval, Ip, Kind,
    Metric, Point, Rule, Severity, Test, Timestamp, UsualContribution, Value,
};
use std::collections::{BTreeMap, VecDeque};

/// What happened to an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It began.
    Opened,
    /// It became graver.
    Escalated,
    /// It ended.
    Closed,
}

/// Something that happened to an anomaly, with the anomaly as it then was.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What.
    pub what: What,
    /// To which.
    pub anomaly: Anomaly,
}

/// One deviation a test found: everything known before looking at the conversations under it.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) rule: usize,
    pub(super) entity: Entity,
    pub(super) metric: Metric,
    pub(super) direction: Direction,
    pub(super) deviation: Deviation,
    pub(super) interval: Interval,
    /// Start of the first deviating interval.
    pub(super) started_at: Timestamp,
    /// When it could be said.
    pub(super) at: Timestamp,
    /// The graver of the rule's severity and what the test itself says.
    pub(super) severity: Severity,
}

impl Finding {
    /// The id of the anomaly it would open: the same for the same rule, entity, metric, side and start.
    fn id(&self, rule: &Rule) -> u64 {
        let place = carried::place(&rule.name, &self.entity, self.metric, self.direction);
        carried::fnv1a(format!("{place}\n{}", self.started_at.as_nanos()).as_bytes())
    }
}

/// All anomalies of one run, bounded.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    anomalies: BTreeMap<u64, Anomaly>,
    events: VecDeque<Event>,
    limit: usize,
    /// What an earlier run left open.
    pub(super) carried: Carried,
    /// Anomalies that were not kept because the ledger was full.
    pub(super) refused: u64,
    /// Events that were not kept because nobody polled.
    pub(super) events_dropped: u64,
}

/// What the ledger needs to know to put an anomaly into words.
pub(super) struct Words<'a> {
    pub(super) hosts: &'a Hosts,
    pub(super) origins: &'a Origins,
    pub(super) source: &'a str,
    /// All rules in use: what belongs to a kind is in the rule of that kind.
    pub(super) rules: &'a [Rule],
}

impl Ledger {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// The id of the anomaly that a finding opens: where an earlier run left it open, the one it had.
    pub(super) fn name(&mut self, rule: &Rule, finding: &Finding) -> u64 {
        let known = self.carried.resume(&rule.name, finding);
        known.unwrap_or_else(|| finding.id(rule))
    }

    /// Opens an anomaly, or makes the one of the same id worse.
    pub(super) fn open(&mut self, id: u64, rule: &Rule, finding: &Finding) -> bool {
        if self.anomalies.len() >= self.limit && !self.anomalies.contains_key(&id) {
            self.refused += 1;
            return false;
        }
        let anomaly = self
            .anomalies
            .entry(id)
            .or_insert_with(|| blank(id, rule, finding));
        if let Some(past) = self.carried.past(id) {
            anomaly.started_at = past.started_at;
            anomaly.detected_at = past.detected_at;
            anomaly.severity = anomaly.severity.max(past.severity);
        }
        anomaly.ended_at = None;
        self.worse(id, finding);
        true
    }

    /// Replaces the worst interval when this one deviates by more; whether it does.
    ///
    /// The score is the highest of all: evidence that adds up peaks when the worst is over.
    pub(super) fn worse(&mut self, id: u64, finding: &Finding) -> bool {
        let Some(anomaly) = self.anomalies.get_mut(&id) else {
            return false;
        };
        if finding.severity > anomaly.severity {
            anomaly.severity = finding.severity;
            anomaly.escalated_at = Some(finding.at);
        }
        let score = finding.deviation.score.max(anomaly.worst.score);
        let size = |d: &Deviation| (d.observed - d.expected).abs();
        // A limit is a fixed mark: what comes nearest to it or passes it by most is the worst.
        let worse = match anomaly.kind {
            Kind::RateLimit => finding.deviation.observed >= anomaly.worst.observed,
            _ => size(&finding.deviation) >= size(&anomaly.worst),
        };
        if anomaly.worst.score == f64::NEG_INFINITY {
            anomaly.worst = finding.deviation;
        } else if worse {
            // The band is the one it broke out of: while it is open the volatility swells with it.
            let (lower, upper) = (anomaly.worst.lower, anomaly.worst.upper);
            anomaly.worst = Deviation {
                lower,
                upper,
                ..finding.deviation
            };
        }
        anomaly.worst.score = score;
        worse
    }

    /// Puts in who brought the worst interval about, what it is called, and the sentence.
    pub(super) fn explain(
        &mut self,
        id: u64,
        rule: &Rule,
        evidence: &Evidence,
        quality: &[String],
        words: &Words<'_>,
    ) {
        let Some(anomaly) = self.anomalies.get_mut(&id) else {
            return;
        };
        let own: Vec<Dimension> = anomaly.entity.0.iter().map(|(dimension, _)| *dimension).collect();
        anomaly.contributors = anomaly::rank(
            &evidence.parts,
            evidence.total,
            anomaly.metric,
            &own,
            |dimension, value| words.value_name(dimension, value),
        );
        for (&dimension, list) in &mut anomaly.contributors {
            for line in list {
                let known = evidence.usual_parts.get(&(dimension, line.value));
                line.usual = known.map(|part| UsualContribution {
                    mean: part.mean,
                    spread: part.spread,
                    error: part.error,
                });
            }
        }
        // Once it is known where the load went, that stays so.
        if anomaly.kind != Kind::Failover {
            anomaly.kind = anomaly::name(rule.kind, anomaly, &evidence.now, &evidence.usual);
        }
        match anomaly.kind {
            Kind::Reflection => anomaly.detail = anomaly::reflectors(&anomaly.contributors),
            Kind::Amplifier => anomaly.detail = anomaly::amplified(&evidence.now),
            _ => {}
        }
        anomaly::advise(anomaly, rule, words.rules);
        anomaly.data_quality = DataQuality {
            grade: if quality.is_empty() { "good" } else { "partial" },
            notes: quality.to_vec(),
        };
        anomaly.text = anomaly::sentence(anomaly, &|ip| words.hosts.name(ip));
        anomaly.reproduce = format!(
            "tidemark flows {} -f '{}'",
            words.source,
            super::reproduce::filter_text(&anomaly.entity)
        );
    }

    /// Says what the test itself saw, and in which unit it counts.
    pub(super) fn specify(&mut self, id: u64, detail: &str, unit: Option<&str>) {
        if let Some(anomaly) = self.anomalies.get_mut(&id) {
            anomaly.detail = Some(detail.to_owned());
            if let Some(unit) = unit {
                anomaly.unit = unit.to_owned();
            }
        }
    }

    /// Names rises and dips of one rule that cancel each other out.
    pub(super) fn find_moves(&mut self, words: &Words<'_>) {
        let mut open: Vec<&mut Anomaly> = self
            .anomalies
            .values_mut()
            .filter(|a| a.ended_at.is_none())
            .collect();
        for anomaly in anomaly::moved(&mut open) {
            if let Some(rule) = words.rules.iter().find(|rule| rule.name == anomaly.rule) {
                anomaly::advise(anomaly, rule, words.rules);
            }
            anomaly.text = anomaly::sentence(anomaly, &|ip| words.hosts.name(ip));
        }
    }

    /// Says that something happened to an anomaly.
    pub(super) fn tell(&mut self, id: u64, what: What) {
        let Some(anomaly) = self.anomalies.get(&id) else {
            return;
        };
        if self.events.len() >= self.limit {
            self.events_dropped += 1;
            self.events.pop_front();
        }
        self.events.push_back(Event {
            what,
            anomaly: anomaly.clone(),
        });
    }

    /// Ends an anomaly at the end of its last deviating interval.
    pub(super) fn close(&mut self, id: u64, ended_at: Timestamp) {
        if let Some(anomaly) = self.anomalies.get_mut(&id) {
            anomaly.ended_at = Some(ended_at);
        }
        self.tell(id, What::Closed);
    }

    /// Keeps the series around an open anomaly for its chart.
    pub(super) fn chart(&mut self, id: u64, history: &VecDeque<Point>) {
        if let Some(anomaly) = self.anomalies.get_mut(&id) {
            anomaly.history = history.iter().copied().collect();
        }
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Anomaly> {
        self.anomalies.get_mut(&id)
    }

    pub(super) fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// All anomalies with their incidents, by start and id.
    pub(super) fn all(&self) -> Vec<Anomaly> {
        let mut all: Vec<Anomaly> = self.anomalies.values().cloned().collect();
        // What is in shadow makes no incident with what counts.
        all.sort_by_key(|a| (a.shadow, a.started_at, a.detected_at, a.id));
        let real = all.partition_point(|a| !a.shadow);
        let (real, shadow) = all.split_at_mut(real);
        anomaly::group(real);
        anomaly::group(shadow);
        self.carried.keep_incidents(real);
        all.sort_by_key(|a| (a.started_at, a.detected_at, a.id));
        all
    }

    /// How many anomalies of each rule are open.
    pub(super) fn open_by_rule(&self) -> BTreeMap<String, u64> {
        let mut open = BTreeMap::new();
        for anomaly in self.anomalies.values().filter(|a| a.ended_at.is_none()) {
            *open.entry(anomaly.rule.clone()).or_insert(0) += 1;
        }
        open
    }

    /// Forgets anomalies that ended before `at`; how many.
    pub(super) fn forget(&mut self, at: Timestamp) -> u64 {
        let before = self.anomalies.len();
        self.anomalies
            .retain(|_, a| a.ended_at.is_none_or(|end| end >= at));
        self.carried.forget(|id| self.anomalies.contains_key(&id));
        (before - self.anomalies.len()) as u64
    }

    /// Octets it takes, about.
    pub(super) fn memory(&self) -> usize {
        self.anomalies.values().map(|a| 2048 + a.history.len() * 24).sum()
    }
}

impl Words<'_> {
    fn value_name(&self, dimension: Dimension, value: Value) -> Option<String> {
        match (dimension, value) {
            (_, Value::Ip(ip)) => self.hosts.name(ip),
            (Dimension::SrcAs | Dimension::DstAs, Value::Number(asn)) => {
                self.origins.as_name(asn).map(str::to_owned)
            }
            _ => None,
        }
    }
}

fn blank(id: u64, rule: &Rule, finding: &Finding) -> Anomaly {
    Anomaly {
        id: AnomalyId(id),
        rule: rule.name.clone(),
        kind: rule.kind,
        severity: finding.severity,
        entity: finding.entity.clone(),
        metric: finding.metric,
        direction: finding.direction,
        worst: Deviation {
            score: f64::NEG_INFINITY,
            ..finding.deviation
        },
        unit: match rule.kind {
            Kind::ScanSlow => "contacts".to_owned(),
            _ => anomaly::unit(finding.metric, finding.interval.length()),
        },
        started_at: finding.started_at,
        detected_at: finding.at,
        escalated_at: None,
        ended_at: None,
        incident: IncidentId(id),
        headline: false,
        shadow: rule.gates.shadow,
        contributors: BTreeMap::new(),
        data_quality: DataQuality {
            grade: "good",
            notes: Vec::new(),
        },
        text: String::new(),
        detail: None,
        reproduce: String::new(),
        technique: rule.technique.clone(),
        next: rule.next.clone(),
        false_causes: rule.false_causes.clone(),
        profiles: Vec::new(),
        history: Vec::new(),
        interval: finding.interval.length(),
    }
}

/// The severity of a finding: a limit that is only near is low, whatever its rule says of reaching it.
pub(super) fn severity(rule: &Rule, test: &Test, deviation: &Deviation) -> Severity {
    match test {
        Test::Limit(_) if deviation.observed < deviation.expected => Severity::Low,
        _ => rule.severity,
    }
}

/// Hosts whose profile belongs to an anomaly: the internal addresses it is about.
pub(super) fn profiled(anomaly: &Anomaly, is_internal: impl Fn(Ip) -> bool) -> Vec<Ip> {
    let mut hosts: Vec<Ip> = anomaly.entity.addresses().filter(|&ip| is_internal(ip)).collect();
    if hosts.is_empty() && !matches!(anomaly.kind, Kind::DataQuality) {
        let lists = [Dimension::SrcIp, Dimension::DstIp]
            .into_iter()
            .filter_map(|d| anomaly.contributors.get(&d));
        for contributor in lists.flatten().filter(|c| c.share >= 0.25) {
            if let Value::Ip(ip) = contributor.value
                && is_internal(ip)
                && !hosts.contains(&ip)
            {
                hosts.push(ip);
            }
        }
    }
    hosts.truncate(4);
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::test_data::rule;

    fn finding(start: i64, score: f64) -> Finding {
        let interval = Interval::holding(Timestamp::from_secs(start), std::time::Duration::from_secs(60));
        Finding {
            rule: 0,
            entity: Entity(vec![(Dimension::DstIp, Value::Ip(Ip::v4(1)))]),
            metric: Metric::Bytes,
            direction: Direction::Above,
            deviation: Deviation {
                observed: score,
                score,
                ..Deviation::default()
            },
            interval,
            started_at: interval.start,
            at: interval.end,
            severity: Severity::High,
        }
    }

    #[test]
    fn the_same_deviation_has_the_same_id_and_another_start_another() {
        assert_eq!(finding(60, 1.0).id(&rule()), finding(119, 9.0).id(&rule()));
        assert_ne!(finding(60, 1.0).id(&rule()), finding(120, 1.0).id(&rule()));
    }

    #[test]
    fn the_worst_interval_stays() {
        let mut ledger = Ledger::new(10);
        ledger.open(7, &rule(), &finding(60, 20.0));
        ledger.worse(7, &finding(120, 30.0));
        ledger.worse(7, &finding(180, 25.0));
        assert_eq!(ledger.all()[0].worst.observed, 30.0);
    }

    #[test]
    fn a_full_ledger_counts_what_it_refuses() {
        let mut ledger = Ledger::new(1);
        assert!(ledger.open(1, &rule(), &finding(60, 20.0)));
        assert!(!ledger.open(2, &rule(), &finding(60, 20.0)));
        assert!(ledger.open(1, &rule(), &finding(120, 20.0)));
        assert_eq!((ledger.all().len(), ledger.refused), (1, 1));
    }

    #[test]
    fn what_ended_long_ago_is_forgotten_and_what_is_open_is_not() {
        let mut ledger = Ledger::new(2);
        ledger.open(1, &rule(), &finding(60, 20.0));
        ledger.open(2, &rule(), &finding(60, 20.0));
        ledger.close(1, Timestamp::from_secs(120));
        assert_eq!(ledger.forget(Timestamp::from_secs(120)), 0);
        assert_eq!(ledger.forget(Timestamp::from_secs(121)), 1);
        assert!(
            ledger.open(3, &rule(), &finding(180, 20.0)),
            "there is room again"
        );
    }
}
