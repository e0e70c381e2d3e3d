//! A replay that is over, as the API shows it.

use super::opening;
use super::shown;
use crate::app::Setup;
use crate::engine::Engine;
use crate::input::batch::now;
use crate::model::{Anomaly, AnomalyId, FlowRecord, Interval, Ip, Severity, Timestamp, Verdicts};
use crate::query::{Answer, Request};
use crate::report::Summary;
use crate::store::flows::FlowStore;
use crate::web::view;
use crate::web::{Source, Trouble};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a replay found, and the engine that found it.
pub struct Finished {
    setup: Setup,
    engine: Mutex<Engine>,
    anomalies: Vec<Anomaly>,
    summary: Summary,
    /// Where its flows were kept.
    flows: Option<PathBuf>,
    started: Timestamp,
}

impl Finished {
    /// A replay that is over; `flows` is where its Flow Records were kept, if they were.
    pub fn new(
        setup: Setup,
        engine: Engine,
        anomalies: Vec<Anomaly>,
        summary: Summary,
        flows: Option<PathBuf>,
    ) -> Self {
        Self {
            setup,
            engine: Mutex::new(engine),
            anomalies,
            summary,
            flows,
            started: now(),
        }
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody speaks of anomalies that are not kept.
const NOTHING_SAID: BTreeMap<String, Verdicts> = BTreeMap::new();

impl Source for Finished {
    fn now(&self) -> Timestamp {
        self.summary.last.unwrap_or(self.started)
    }

    fn status(&self) -> view::Status {
        let summary = &self.summary;
        let counters = [
            ("packets", summary.packets),
            ("messages", summary.messages),
            ("records", summary.flows),
            ("bytes", summary.bytes),
        ];
        let mut counters: BTreeMap<String, u64> = counters
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count))
            .collect();
        counters.extend(
            summary
                .dropped
                .iter()
                .map(|(name, count)| (format!("dropped_{name}"), *count)),
        );
        view::Status {
            version: summary.version.clone(),
            now: view::time(self.now()),
            started_at: view::time(self.started),
            replay: true,
            state: view::State::Ok,
            problems: Vec::new(),
            counters,
            memory: view::Used {
                used: summary.memory.iter().map(|table| table.used).sum(),
                limit: summary.memory_limit,
            },
            open: open(&self.anomalies),
            exporters: summary.exporters.len() as u64,
            blind: summary.blind.clone(),
            budget: shown::budget(&self.setup, &self.engine(), &NOTHING_SAID),
        }
    }

    fn tipping(&self) -> Vec<view::Tipping> {
        Vec::new()
    }

    fn exporters(&self) -> Result<Vec<view::Exporter>, Trouble> {
        Ok(shown::exporters(&self.setup, &self.engine(), self.now()))
    }

    fn rules(&self) -> Result<Vec<view::Rule>, Trouble> {
        Ok(shown::rules(&self.setup, &self.engine(), &NOTHING_SAID))
    }

    fn hosts(&self, search: &str, limit: usize) -> Result<Vec<view::HostLine>, Trouble> {
        Ok(shown::hosts(&self.engine(), search, limit))
    }

    fn host(&self, address: Ip) -> Result<view::Host, Trouble> {
        Ok(shown::host(&self.setup, &self.engine(), address))
    }

    fn anomalies(&self) -> Result<Vec<Anomaly>, Trouble> {
        Ok(self.anomalies.clone())
    }

    fn flows(&self) -> Result<Box<dyn FlowStore>, Trouble> {
        let Some(folder) = &self.flows else {
            return Err(Trouble::Missing(
                "the flows of this replay were not kept: replay with `--keep DIR`".to_owned(),
            ));
        };
        opening::flows(Some(folder), &self.setup.config)
    }

    fn anomaly_json(&self, anomaly: &Anomaly) -> Value {
        shown::anomaly_json(anomaly)
    }

    fn answer_json(&self, request: &Request, answer: &Answer) -> Value {
        shown::answer_json(request, answer)
    }

    fn answer_csv(&self, request: &Request, answer: &Answer) -> String {
        shown::answer_csv(request, answer)
    }

    fn flow_json(&self, flow: &FlowRecord) -> Value {
        shown::flow_json(flow)
    }

    fn report(&self, id: AnomalyId) -> Result<Option<String>, Trouble> {
        Ok(shown::report(&self.anomalies, id, self.summary.clone()))
    }

    fn backtest(&self, range: Interval, rules: Option<&str>) -> Result<view::Backtest, Trouble> {
        let folder = self.flows.as_deref().ok_or_else(|| {
            Trouble::Missing("the flows of this replay were not kept: replay with `--keep DIR`".to_owned())
        })?;
        shown::backtest(&self.setup.config, Some(folder), range, rules)
    }
}

/// Anomalies that are open, by severity.
pub fn open(anomalies: &[Anomaly]) -> view::Open {
    let mut open = view::Open::default();
    for anomaly in anomalies.iter().filter(|a| a.ended_at.is_none() && !a.shadow) {
        *match anomaly.severity {
            Severity::Critical => &mut open.critical,
            Severity::High => &mut open.high,
            Severity::Low => &mut open.low,
        } += 1;
    }
    open
}
