//! The engine's thread: batches in, anomalies out; ticks, snapshots and new rules in between.

mod looking;

use super::clerk::Clerk;
use super::output::Lines;
use super::say::Say;
use super::source::Question;
use super::state::Saver;
use crate::app::captures::Walk;
use crate::app::setup::Setup;
use crate::app::stored;
use crate::engine::{Engine, Event, What};
use crate::input::batch::{Arrival, Batch, Counters};
use crate::model::{Anomaly, Effect, Measure, RawPacket, Severity, Timestamp};
use crate::store::desk;
use crate::store::flows::{Notice, Overseer};
use crate::wire::Undecoded;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Time is said to have come only so far, for what is on its way from the receivers.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// Anomalies are kept so long after their end, to find incidents and for the last words.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Beats between two looks at open anomalies for the desk.
const REFRESH: u64 = 60;
/// Faults said within one minute; the rest is counted.
const SAID: u32 = 20;

/// What the control plane asks of the engine's thread.
#[derive(Debug)]
pub enum Command {
    /// It is so late now.
    Tick(Timestamp),
    /// Input was dropped before us.
    Lost(u64),
    /// Who receives, for the last words.
    Receivers(Vec<Arc<Counters>>),
    /// Save what was learned.
    Save,
    /// Heed these measures, and no others.
    Steer(Vec<(Measure, Effect)>),
    /// Work on with another configuration, and open the output anew.
    Reload(Box<Setup>),
}

/// How the engine's thread stands, for those who look from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Frames taken.
    pub packets: u64,
    /// Messages of flow export taken.
    pub messages: u64,
    /// Flow Records decoded or metered.
    pub records: u64,
    /// Exporters heard.
    pub exporters: u64,
    /// Octets the tables take.
    pub memory: u64,
    /// Anomalies that are open.
    pub open: u64,
    /// Anomalies found in this run.
    pub anomalies: u64,
    /// Of those that are open, how many of each severity, the least first.
    pub severities: [u64; 3],
    /// Flow Records that were stored.
    pub stored: u64,
    /// Flow Records given up on their way to the disk.
    pub given_up: u64,
    /// Commands answered: it is alive while this grows.
    pub beats: u64,
}

/// The engine with everything it writes to.
#[derive(Debug)]
pub struct Worker {
    pub(super) setup: Setup,
    pub(super) engine: Engine,
    pub(super) lines: Lines,
    pub(super) saver: Saver,
    /// Where the state lies.
    pub(super) folder: PathBuf,
    pub(super) say: Say,
    pub(super) standing: Arc<Mutex<Standing>>,
    pub(super) walk: Walk,
    pub(super) blind: Vec<String>,
    pub(super) inputs: Vec<String>,
    /// Early warnings so far.
    pub(super) warnings: Arc<AtomicU64>,
    pub(super) began: Instant,
    /// Watches over stored flows, where flows are stored.
    pub(super) overseer: Option<Overseer>,
    /// Takes down what happens to anomalies.
    pub(super) clerk: Option<Clerk>,
    receivers: Vec<Arc<Counters>>,
    /// Anomalies that are no longer kept.
    forgotten: u64,
    own: Standing,
    said: (Timestamp, u32),
}

impl Worker {
    /// Ready to work.
    pub fn new(setup: Setup, engine: Engine, lines: Lines, saver: Saver, say: Say) -> Self {
        Self {
            blind: setup.blind.clone(),
            walk: Walk::new(true, false),
            standing: Arc::default(),
            inputs: Vec::new(),
            warnings: Arc::default(),
            overseer: None,
            clerk: None,
            receivers: Vec::new(),
            began: Instant::now(),
            forgotten: 0,
            own: Standing::default(),
            said: (Timestamp::MIN, 0),
            folder: PathBuf::new(),
            setup,
            engine,
            lines,
            saver,
            say,
        }
    }

    /// Works until nobody sends batches any more, then says the last words.
    pub async fn work(
        mut self,
        mut batches: mpsc::Receiver<Batch>,
        mut commands: mpsc::Receiver<Command>,
        mut questions: mpsc::Receiver<Question>,
    ) {
        loop {
            tokio::select! {
                biased;
                Some(command) = commands.recv() => self.obey(command, batches.is_empty()),
                Some(question) = questions.recv() => question.answer(&self),
                batch = batches.recv() => match batch {
                    Some(batch) => self.take(batch),
                    None => break,
                },
            }
        }
        self.finish();
    }

    fn take(&mut self, batch: Batch) {
        for arrival in batch.iter() {
            match arrival {
                Arrival::Message(message) => {
                    self.walk.count(message.at);
                    self.own.messages += 1;
                    self.engine.collect(&message);
                }
                Arrival::Frame(frame) => {
                    self.walk.count(frame.at);
                    self.own.packets += 1;
                    if let Err(undecoded) = self.engine.observe(&frame) {
                        self.undecoded(undecoded, &frame);
                    }
                }
            }
        }
        batch.done();
        self.tell();
    }

    fn obey(&mut self, command: Command, is_idle: bool) {
        match command {
            // What waits in the queue is older than now: its own times move the clock.
            Command::Tick(at) => {
                if is_idle {
                    self.engine.advance(at - ON_ITS_WAY);
                }
                self.forgotten += self.engine.forget(at - KEPT);
                self.tell();
                self.lose_sight(at);
                self.tell_stored();
                if self.own.beats.is_multiple_of(REFRESH) {
                    self.refresh(at);
                }
                self.publish();
            }
            Command::Receivers(receivers) => self.receivers = receivers,
            Command::Lost(count) => self.engine.lost(count),
            Command::Save if self.saver.is_busy() => {
                self.say
                    .warn("the state is not saved now: the last time is still being written");
            }
            Command::Steer(measures) => {
                let count = measures.len();
                match self.engine.steer(measures) {
                    Ok(()) => self.say.debug(format!("measures in force: {count}")),
                    Err(error) => self.say.error(format!("what people said is not heeded: {error}")),
                }
            }
            Command::Save => self.saver.save(self.engine.snapshot()),
            Command::Reload(setup) => self.reload(*setup),
        }
        self.own.beats += 1;
    }

    /// Writes what happened since, and says what was wrong.
    fn tell(&mut self) {
        while let Some(fault) = self.engine.fault() {
            self.trouble(fault.kind.name(), fault.to_string());
        }
        let events: Vec<Event> = std::iter::from_fn(|| self.engine.poll()).collect();
        if events.is_empty() {
            return;
        }
        // Incidents are found only when all anomalies are looked at together.
        let all = self.engine.anomalies();
        for mut event in events {
            if let Some(anomaly) = all.iter().find(|a| a.id == event.anomaly.id) {
                event.anomaly.incident = anomaly.incident;
                event.anomaly.headline = anomaly.headline;
            }
            self.lines.event(&event);
            self.take_down(&event);
        }
        let real = || all.iter().filter(|a| !a.shadow);
        self.own.anomalies = self.forgotten + real().count() as u64;
        let open = |severity| move |a: &&&Anomaly| a.ended_at.is_none() && a.severity == severity;
        let count = |severity| real().filter(|a| open(severity)(&a)).count() as u64;
        self.own.severities = Severity::ALL.map(count);
        self.own.open = self.own.severities.iter().sum();
    }

    /// Has the clerk take down what happened.
    fn take_down(&self, event: &Event) {
        let what = match event.what {
            What::Opened => desk::What::Opened,
            What::Escalated => desk::What::Escalated,
            What::Closed => desk::What::Closed,
        };
        let at = self.walk.last.unwrap_or(event.anomaly.detected_at);
        if let Some(clerk) = &self.clerk {
            clerk.tell(what, at, &event.anomaly);
        }
    }

    /// Has the clerk close what an earlier run left open and is not found again.
    fn lose_sight(&mut self, at: Timestamp) {
        let lost = self.engine.lost_sight();
        if let Some(clerk) = self.clerk.as_ref().filter(|_| !lost.is_empty()) {
            let count = lost.len();
            self.say.info(format!(
                "{count} anomalies of an earlier run are not found again; they are closed"
            ));
            clerk.lose_sight(at, lost);
        }
    }

    /// Has the clerk take down how open anomalies look now, and what measures did.
    fn refresh(&self, at: Timestamp) {
        let Some(clerk) = &self.clerk else { return };
        if self.own.open > 0 {
            let all = self.engine.anomalies();
            let open = all.iter().filter(|anomaly| anomaly.ended_at.is_none());
            open.for_each(|anomaly| clerk.tell(desk::What::Seen, at, anomaly));
        }
        let effects: Vec<Effect> = self.engine.effects().copied().collect();
        if !effects.is_empty() {
            clerk.effects(effects);
        }
    }

    /// Says what happened to stored flows.
    fn tell_stored(&self) {
        let notices = self.overseer.iter();
        for notice in notices.flat_map(|overseer| std::iter::from_fn(|| overseer.notice())) {
            self.notice(notice);
        }
    }

    fn notice(&self, notice: Notice) {
        match notice {
            Notice::Info(words) => self.say.info(words),
            Notice::Warn(words) => self.say.warn(words),
        }
    }

    #[cold]
    fn undecoded(&mut self, undecoded: Undecoded, frame: &RawPacket<'_>) {
        match undecoded.kind() {
            None => self.walk.not_ip += 1,
            Some(kind) => {
                let words = format!("a packet of {} octets: {undecoded}", frame.octets.len());
                self.trouble(kind.name(), words);
            }
        }
    }

    /// Says what was wrong with the input, but not more of it than anyone reads.
    #[cold]
    fn trouble(&mut self, kind: &str, words: String) {
        self.walk.troubles.add(kind);
        let minute = self.walk.last.unwrap_or_default().floor(Duration::from_secs(60));
        if self.said.0 != minute {
            self.said = (minute, 0);
        }
        self.said.1 += 1;
        match self.said.1 {
            1..=SAID => self.say.warn(&words),
            n if n == SAID + 1 => self.say.warn("more bad input this minute; it is counted"),
            _ => {}
        }
        self.walk.troubles.list(words);
    }

    fn publish(&mut self) {
        let front = self.engine.front_stats();
        // The accounts of exporters go back to before this run.
        self.own.records = front.meter.records + front.export.records;
        self.own.exporters = self.engine.accounts().len() as u64;
        if let Some(overseer) = &self.overseer {
            let counters = overseer.counters();
            self.own.stored = counters.stored.load(Ordering::Relaxed);
            self.own.given_up = counters.given_up.load(Ordering::Relaxed);
        }
        // Counting through the Judge's tables takes its time; they do not change as fast.
        if self.own.beats.is_multiple_of(16) {
            self.own.memory = front.memory + self.engine.judge_stats().memory;
        }
        if let Ok(mut standing) = self.standing.lock() {
            *standing = self.own;
        }
    }

    /// Takes over another configuration; the old one stays where the new one cannot be used.
    fn reload(&mut self, setup: Setup) {
        let config = setup.engine(None, String::from("FILE"));
        match self.engine.reconfigure(config, Arc::clone(&setup.origins)) {
            Ok(()) => {
                self.say
                    .info(format!("configuration reloaded: {} rules", setup.rules.len()));
                self.setup = setup;
            }
            Err(error) => self
                .say
                .error(format!("the old configuration stays in use: {error}")),
        }
        self.lines.reopen();
    }

    /// Keeps what was learned and says the last words. Intervals that are still open are not closed: half of one would
    /// teach that there is half as much.
    fn finish(mut self) {
        self.tell();
        self.refresh(self.walk.last.unwrap_or_default());
        self.saver.save(self.engine.snapshot());
        let overseer = self.overseer.take();
        let stored = overseer.map(|overseer| {
            let (stored, notices) = stored::end(&mut self.engine, overseer);
            notices.into_iter().for_each(|notice| self.notice(notice));
            stored
        });
        let mut summary = self.summary_now();
        summary.stored = stored;
        let counted = self.received();
        let lost = [
            "refused",
            "cut",
            "kernel_drops",
            "interface_drops",
            "connections_closed",
        ];
        let lost = counted
            .into_iter()
            .filter(|(name, count)| *count > 0 && lost.contains(name));
        summary
            .dropped
            .extend(lost.map(|(name, count)| (name.to_owned(), count)));
        let warnings = self.warnings.load(Ordering::Relaxed);
        if warnings > 0 {
            summary
                .blind
                .push(format!("Early warnings given: {warnings}; see the log."));
        }
        self.lines.summary(&summary);
        if let Some(clerk) = self.clerk.take() {
            clerk.finish();
        }
        self.saver.finish();
    }
}
