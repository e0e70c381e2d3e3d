//! The running engine as the API shows it: cheap numbers are published by the engine's thread every second, all else is
//! asked of it between two batches, so many times a second and no more.

use super::clerk::Counts;
use super::metrics;
use super::notifier::Shown;
use super::say::Say;
use super::watch::Gauge;
use super::worker::{Standing, Worker};
use crate::app::{serve, stored};
use crate::config::Config;
use crate::input::batch::now;
use crate::model::{Anomaly, AnomalyId, FlowRecord, Interval, Ip, Timestamp, Verdicts};
use crate::query::{Answer, Request};
use crate::store::flows::FlowStore;
use crate::web::view;
use crate::web::{Sheet, Source, Trouble};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Questions under way to the engine.
pub const QUESTIONS: usize = 8;
/// So many of them a second.
const A_SECOND: u32 = 20;
/// An answer is waited for no longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Answers that are the same for all are good for so long.
const FRESH: Duration = Duration::from_secs(1);
/// A share from which something is a problem, and a grave one.
const MARKS: [f64; 2] = [0.7, 0.95];

/// Something to be looked up on the engine's thread.
pub struct Question(Box<dyn FnOnce(&Worker) + Send>);

impl Question {
    /// Looks it up.
    pub fn answer(self, worker: &Worker) {
        (self.0)(worker);
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question(..)")
    }
}

/// What was used up when the control plane last looked.
pub type Gauges = Arc<Mutex<BTreeMap<String, Gauge>>>;

/// The running engine.
pub struct Live {
    questions: mpsc::Sender<Question>,
    standing: Arc<Mutex<Standing>>,
    gauges: Gauges,
    counts: Arc<Counts>,
    board: Option<Shown>,
    config: Config,
    folder: PathBuf,
    started: Timestamp,
    pace: Mutex<(Instant, u32)>,
    exporters: Fresh<Vec<view::Exporter>>,
    anomalies: Fresh<Vec<Anomaly>>,
    rules: Fresh<Vec<view::Rule>>,
    slow: Fresh<Slow>,
    rates: Mutex<BTreeMap<String, (Instant, u64)>>,
}

/// What changes slowly, of the status.
#[derive(Clone, Debug, Default)]
struct Slow {
    blind: Vec<String>,
    budget: view::Budget,
    counters: Vec<(String, u64)>,
}

/// An answer, and when it was given.
struct Fresh<T>(Mutex<Option<(Instant, T)>>);

impl<T: Clone> Fresh<T> {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The answer that is there while it is fresh, else a new one; who asks meanwhile waits for it.
    fn get(&self, ask: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, answer)) = kept.as_ref()
            && at.elapsed() < FRESH
        {
            return Ok(answer.clone());
        }
        let answer = ask()?;
        *kept = Some((Instant::now(), answer.clone()));
        Ok(answer)
    }
}

impl Live {
    /// Asks through `questions`.
    pub fn new(
        questions: mpsc::Sender<Question>,
        standing: Arc<Mutex<Standing>>,
        gauges: Gauges,
        (counts, board): (Arc<Counts>, Option<Shown>),
        config: Config,
        folder: PathBuf,
    ) -> Self {
        Self {
            questions,
            standing,
            gauges,
            counts,
            board,
            config,
            folder,
            started: now(),
            pace: Mutex::new((Instant::now(), 0)),
            exporters: Fresh::new(),
            anomalies: Fresh::new(),
            rules: Fresh::new(),
            slow: Fresh::new(),
            rates: Mutex::default(),
        }
    }

    /// Has something looked up on the engine's thread.
    fn ask<T: Send + 'static>(&self, look: impl FnOnce(&Worker) -> T + Send + 'static) -> Result<T, Trouble> {
        self.keep_pace()?;
        let (to, answer) = sync_channel(1);
        let question = Question(Box::new(move |worker| {
            // Who asked may have gone.
            let _ = to.try_send(look(worker));
        }));
        let busy = |_| Trouble::Busy("the detector has much to do: try again in a moment".to_owned());
        self.questions
            .try_send(question)
            .map_err(|error| busy(error.to_string()))?;
        answer
            .recv_timeout(PATIENCE)
            .map_err(|error| busy(error.to_string()))
    }

    fn keep_pace(&self) -> Result<(), Trouble> {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.0.elapsed() >= Duration::from_secs(1) {
            *pace = (Instant::now(), 0);
        }
        pace.1 += 1;
        match pace.1 <= A_SECOND {
            true => Ok(()),
            false => Err(Trouble::Busy(
                "the detector is asked as often as it may be: try again in a second".to_owned(),
            )),
        }
    }

    fn said(&self) -> BTreeMap<String, Verdicts> {
        serve::said(&self.folder)
    }

    fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slow(&self) -> Slow {
        let said = self.said();
        let slow = self.slow.get(|| self.ask(move |worker| slow(worker, &said)));
        slow.unwrap_or_default()
    }

    fn problems(&self, standing: &Standing) -> Vec<view::Problem> {
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        let [mark, grave] = MARKS;
        let full = gauges.values().filter(|gauge| gauge.share >= mark);
        let mut problems: Vec<view::Problem> = full
            .map(|gauge| view::Problem {
                severity: if gauge.share >= grave {
                    view::State::Critical
                } else {
                    view::State::Warning
                },
                text: format!(
                    "{}: {:.0} % used; {}",
                    gauge.name,
                    gauge.share * 100.0,
                    gauge.then
                ),
            })
            .collect();
        if standing.given_up > 0 {
            problems.push(view::Problem {
                severity: view::State::Warning,
                text: format!(
                    "{} Flow Records could not be stored: the disk does not follow or is full",
                    standing.given_up
                ),
            });
        }
        problems
    }

    /// Adds how many records a second came since the exporters were last looked at.
    fn rate(&self, exporters: &mut [view::Exporter]) {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        for exporter in exporters {
            let before = rates.insert(exporter.address.clone(), (now, exporter.records));
            exporter.records_per_s = before.map(|(at, records)| {
                let seconds = now.duration_since(at).as_secs_f64().max(1e-3);
                exporter.records.saturating_sub(records) as f64 / seconds
            });
        }
    }
}

fn slow(worker: &Worker, said: &BTreeMap<String, Verdicts>) -> Slow {
    let counters = worker.received().into_iter();
    Slow {
        blind: worker.blind_now(),
        budget: serve::budget(&worker.setup, &worker.engine, said),
        counters: counters.map(|(name, count)| (name.to_owned(), count)).collect(),
    }
}

impl Source for Live {
    fn now(&self) -> Timestamp {
        now()
    }

    fn status(&self) -> view::Status {
        let (standing, slow) = (self.standing(), self.slow());
        let problems = self.problems(&standing);
        let counters = standing
            .counters()
            .into_iter()
            .chain([("messages", standing.messages)]);
        let mut counters: BTreeMap<String, u64> =
            counters.map(|(name, count)| (name.to_owned(), count)).collect();
        counters.extend(slow.counters);
        let [low, high, critical] = standing.severities;
        view::Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: view::time(now()),
            started_at: view::time(self.started),
            replay: false,
            state: problems
                .iter()
                .map(|problem| problem.severity)
                .max()
                .unwrap_or_default(),
            problems,
            counters,
            memory: view::Used {
                used: standing.memory,
                limit: self.config.memory_limit,
            },
            open: view::Open { critical, high, low },
            exporters: standing.exporters,
            blind: slow.blind,
            budget: slow.budget,
        }
    }

    fn metrics(&self) -> Sheet {
        let sheet = self.ask(|worker| {
            let mut sheet = Sheet::default();
            metrics::of_worker(&mut sheet, worker);
            sheet
        });
        let mut sheet = sheet.unwrap_or_default();
        metrics::of_clerk(&mut sheet, &self.counts);
        if let Some(board) = &self.board {
            let board = board.lock().unwrap_or_else(PoisonError::into_inner).clone();
            metrics::of_routes(&mut sheet, &board);
        }
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        for gauge in gauges.values() {
            let help = "Part of something that can be used up that is used, from 0 to 1.";
            sheet.gauge(
                "tidemark_used_ratio",
                help,
                &[("what", gauge.name.as_str())],
                gauge.share,
            );
        }
        sheet
    }

    fn tipping(&self) -> Vec<view::Tipping> {
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        let tipping = gauges.values().map(|gauge| view::Tipping {
            name: gauge.name.clone(),
            share: gauge.share,
            then: gauge.then.to_owned(),
        });
        tipping.collect()
    }

    fn exporters(&self) -> Result<Vec<view::Exporter>, Trouble> {
        self.exporters.get(|| {
            let mut exporters = self.ask(|worker| serve::exporters(&worker.setup, &worker.engine, now()))?;
            self.rate(&mut exporters);
            Ok(exporters)
        })
    }

    fn rules(&self) -> Result<Vec<view::Rule>, Trouble> {
        let said = self.said();
        self.rules
            .get(|| self.ask(move |worker| serve::rules(&worker.setup, &worker.engine, &said)))
    }

    fn hosts(&self, search: &str, limit: usize) -> Result<Vec<view::HostLine>, Trouble> {
        let search = search.to_owned();
        self.ask(move |worker| serve::hosts(&worker.engine, &search, limit))
    }

    fn host(&self, address: Ip) -> Result<view::Host, Trouble> {
        self.ask(move |worker| serve::host(&worker.setup, &worker.engine, address))
    }

    fn anomalies(&self) -> Result<Vec<Anomaly>, Trouble> {
        self.anomalies
            .get(|| self.ask(|worker| worker.engine.anomalies()))
    }

    fn flows(&self) -> Result<Box<dyn FlowStore>, Trouble> {
        let folder = stored::folder(&self.config, &self.folder);
        serve::flows(Some(&folder), &self.config)
    }

    fn anomaly_json(&self, anomaly: &Anomaly) -> Value {
        serve::anomaly_json(anomaly)
    }

    fn answer_json(&self, request: &Request, answer: &Answer) -> Value {
        serve::answer_json(request, answer)
    }

    fn answer_csv(&self, request: &Request, answer: &Answer) -> String {
        serve::answer_csv(request, answer)
    }

    fn flow_json(&self, flow: &FlowRecord) -> Value {
        serve::flow_json(flow)
    }

    fn report(&self, id: AnomalyId) -> Result<Option<String>, Trouble> {
        let (all, summary) = self.ask(|worker| (worker.engine.anomalies(), worker.summary_now()))?;
        Ok(serve::report(&all, id, summary))
    }

    fn backtest(&self, range: Interval, rules: Option<&str>) -> Result<view::Backtest, Trouble> {
        let folder = stored::folder(&self.config, &self.folder);
        serve::backtest(&self.config, Some(&folder), range, rules)
    }
}

/// Takes lines for the log of the daemon.
pub fn log(say: Say) -> Arc<dyn Fn(&str) + Send + Sync> {
    Arc::new(move |words| say.warn(words))
}
