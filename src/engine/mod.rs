//! L3: the stages composed. It has never met a socket, a file or a clock: time comes in with the traffic.
//!
//! Two halves with a seam between them. A [`Front`] decodes, meters, enriches and aggregates its share of the traffic
//! into a [`Partial`] per tick; it holds no baseline. The [`Judge`] merges the partials of all Fronts, closes
//! intervals, keeps baselines, opens and closes anomalies. Partials merge commutatively and associatively, so any
//! split of the same conversations over Fronts gives the same anomalies with the same ids. [`Engine`] is both halves
//! on one thread, with the clock of event time between them.

mod carried;
mod channel;
mod clock;
mod config;
mod contacts;
mod evidence;
mod exported;
mod exporting;
mod front;
mod gate;
mod hosts;
mod judge;
mod keep;
mod ledger;
mod memo;
mod partial;
mod plan;
mod quality;
mod reproduce;
mod sampling;
mod scoring;
mod series;
mod split;
mod spread;
mod state;
mod steering;
mod telling;
mod unusable;

pub use config::{Config, ExporterRule};
pub use exporting::ExportStats;
pub use front::{Front, FrontStats};
pub use judge::{Judge, JudgeStats, RenewError, Watched, Week};
pub use keep::Keep;
pub use ledger::{Event, What};
pub use partial::{Bulletin, Contact, Partial, Sighting};
pub use plan::PlanError;
pub use reproduce::filter_text;
pub use state::{Snapshot, StateError};

use crate::collect::Account;
use crate::enrich::Origins;
use crate::model::{
    Anomaly, AnomalyId, Effect, ExportFault, ExportMessage, Facts, FlowRecord, Ip, Measure, RawPacket,
    RuleAccount, Timestamp,
};
use crate::wire::{self, Packet, Undecoded, decode};
use clock::{Clock, Seen};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Both halves on one thread. See the module's documentation.
#[derive(Debug)]
pub struct Engine {
    config: Arc<Config>,
    clock: Clock,
    fronts: Vec<Front>,
    judge: Judge,
    /// How long a tick waits for flow export of its time; zero until some comes.
    delay: Duration,
    /// Start of the oldest tick that flow export may still tell of.
    horizon: Timestamp,
    /// Who keeps Flow Records, if anybody does.
    keep: Option<Box<dyn Keep>>,
}

impl Engine {
    /// An engine with `fronts` Fronts (at least one).
    ///
    /// # Errors
    ///
    /// [`PlanError`]: a rule's filter or dimensions cannot be used.
    pub fn new(config: Config, origins: Arc<Origins>, fronts: usize) -> Result<Self, PlanError> {
        let fronts = fronts.max(1);
        let config = Arc::new(config);
        Ok(Self {
            clock: Clock::new(config.tick),
            fronts: (0..fronts)
                .map(|_| Front::new(&config, Arc::clone(&origins)))
                .collect(),
            judge: Judge::new(Arc::clone(&config), origins, fronts)?,
            delay: Duration::ZERO,
            horizon: Timestamp::MIN,
            keep: None,
            config,
        })
    }

    /// Hands every Flow Record that counts to `keep` from now on; gives back who kept them before.
    pub fn keep_with(&mut self, keep: Option<Box<dyn Keep>>) -> Option<Box<dyn Keep>> {
        std::mem::replace(&mut self.keep, keep)
    }

    /// Works on under other rules, networks, databases and exporters. No record is lost, no open anomaly forgotten unless
    /// its rule is gone; the interval that is open teaches nothing. Limits of tables and time-outs stay as they are.
    ///
    /// # Errors
    ///
    /// [`RenewError`]: a rule cannot be used, or the interval is another; nothing has changed.
    pub fn reconfigure(&mut self, config: Config, origins: Arc<Origins>) -> Result<(), RenewError> {
        let config = Arc::new(config);
        self.judge.renew(Arc::clone(&config), Arc::clone(&origins))?;
        for front in &mut self.fronts {
            front.renew(&config, Arc::clone(&origins));
        }
        self.config = config;
        Ok(())
    }

    /// Takes in one frame.
    ///
    /// # Errors
    ///
    /// [`Undecoded`]: the frame carries no IP packet that can be read; nothing else happened.
    #[inline(always)]
    pub fn observe(&mut self, raw: &RawPacket<'_>) -> Result<(), Undecoded> {
        if let Some(packet) = wire::plain(raw.link, raw.octets, self.config.decap) {
            self.meter(raw.at, &packet);
            return Ok(());
        }
        self.observe_any(raw)
    }

    #[inline(never)]
    fn observe_any(&mut self, raw: &RawPacket<'_>) -> Result<(), Undecoded> {
        let packet = decode(raw.link, raw.octets, raw.original_length, self.config.decap)?;
        self.meter(raw.at, &packet);
        Ok(())
    }

    /// Inlined twice, so that what is known of plain packets is not asked again.
    #[inline(always)]
    fn meter(&mut self, at: Timestamp, packet: &Packet<'_>) {
        let at = self.come_to(at);
        let front = self.front_of(packet);
        if let Some(front) = self.fronts.get_mut(front) {
            front.observe(at, packet, self.keep.as_deref_mut());
        }
    }

    /// Takes in one message of flow export. What is wrong with it is counted, and named by [`Engine::fault`].
    pub fn collect(&mut self, message: &ExportMessage<'_>) {
        let at = self.hear(message.at, self.config.export_delay());
        let front = self.front_of_exporter(message.exporter);
        if let Some(front) = self.fronts.get_mut(front) {
            let message = ExportMessage { at, ..*message };
            front.collect(&message, self.horizon, self.keep.as_deref_mut());
        }
    }

    /// Takes in one Flow Record that somebody else made, out of a file or a store; it was told of at `received`. It counts
    /// as one in a message of flow export would, and is late by the same measure.
    pub fn take(&mut self, record: &FlowRecord, received: Timestamp) {
        if self.delay.is_zero() {
            // What began long before the first record was told of elsewhere, or never.
            let begin = (record.start - self.config.interval).floor(self.config.tick);
            self.horizon = self.horizon.max(begin);
        }
        let at = self.hear(received, self.config.record_delay());
        let front = match &record.export {
            Some(export) => self.front_of_exporter(export.exporter),
            None => self.front_of_ends(&record.key),
        };
        if let Some(front) = self.fronts.get_mut(front) {
            front.take(record, at, self.horizon, self.keep.as_deref_mut());
        }
    }

    /// When flow export comes that says it comes at `at`: ticks wait so long for it from now on.
    fn hear(&mut self, at: Timestamp, delay: Duration) -> Timestamp {
        let at = self.come_to(at);
        if self.delay.is_zero() {
            self.delay = delay;
            self.judge.begin(at);
            // Ticks that were judged already stay as they are.
        }
        // Nothing is open from before a pause in which nothing happened.
        self.horizon = self.horizon.max((at - self.delay).floor(self.config.tick));
        at
    }

    /// When something happens that says it happens at `at`; ticks before it end.
    #[inline]
    fn come_to(&mut self, at: Timestamp) -> Timestamp {
        match self.clock.see(at) {
            Seen::Inside => at,
            Seen::Crossed => {
                self.advance(at);
                at
            }
            // A single instant far ahead of all others: until a second one confirms it, it happens now.
            Seen::Doubtful => self.clock.newest(),
        }
    }

    /// Says that event time has come to `at`: ticks and intervals before it end.
    #[cold]
    pub fn advance(&mut self, at: Timestamp) {
        while let Some(until) = self.clock.next_tick(at) {
            self.flush(until);
            let idle = self.fronts.iter().all(Front::is_idle) && !self.judge.is_waiting();
            if idle {
                self.clock.skip_to(at);
            }
        }
        if let Some(keep) = &mut self.keep {
            keep.advance(at);
        }
    }

    /// Ends everything that is still open on this side of the seam; anomalies that go on stay without an end.
    pub fn finish(&mut self) {
        let Some(until) = self.clock.end() else { return };
        for front in &mut self.fronts {
            front.finish(self.keep.as_deref_mut());
        }
        self.flush(until);
        if !self.delay.is_zero() {
            self.judge.end(until - self.config.export_delay());
        }
        self.release(until);
        self.judge.finish();
    }

    /// The next thing that was wrong with flow export, to be named. All is counted, a bounded number is named.
    pub fn fault(&mut self) -> Option<ExportFault> {
        self.fronts.iter_mut().find_map(Front::fault)
    }

    /// Every exporter's account, in order of address.
    pub fn accounts(&self) -> Vec<(Ip, Account)> {
        let mut all: Vec<_> = self.fronts.iter().flat_map(Front::accounts).collect();
        all.sort_by_key(|(exporter, _)| *exporter);
        all
    }

    /// How many Flow Records of each exporter came late; exporters without any are left out.
    pub fn late(&self) -> BTreeMap<Ip, u64> {
        self.fronts.iter().flat_map(Front::late).collect()
    }

    /// Says that `count` packets or messages were dropped on their way here: the present interval is not whole, if that
    /// is much of it.
    pub fn lost(&mut self, count: u64) {
        self.judge.lose(count);
    }

    /// The next thing that happened to an anomaly.
    pub fn poll(&mut self) -> Option<Event> {
        self.judge.poll()
    }

    /// Takes over what an earlier run left open: what deviates in the same place within fifteen intervals goes on under
    /// its name, start and incident; after more than an hour without learning nothing does.
    pub fn carry(&mut self, open: impl IntoIterator<Item = Facts>) {
        self.judge.carry(open);
    }

    /// Anomalies of an earlier run that were not found again, since this was asked last.
    pub fn lost_sight(&mut self) -> Vec<AnomalyId> {
        self.judge.lost_sight()
    }

    /// All anomalies of this run so far, with their incidents, in order of their start.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.judge.anomalies()
    }

    /// Forgets anomalies that ended before `at`, for runs without an end; how many. They must have ended so long ago that
    /// they cannot open again: fifteen intervals.
    pub fn forget(&mut self, at: Timestamp) -> u64 {
        self.judge.forget(at)
    }

    /// What the Fronts counted, summed.
    pub fn front_stats(&self) -> FrontStats {
        self.fronts
            .iter()
            .fold(FrontStats::default(), |sum, front| sum.plus(&front.stats()))
    }

    /// What each rule did so far, earlier runs of the same state too; in the order of the rules.
    pub fn rule_accounts(&self) -> &[RuleAccount] {
        self.judge.accounts()
    }

    /// How many anomalies of each rule are open; rules without any are left out.
    pub fn open_by_rule(&self) -> BTreeMap<String, u64> {
        self.judge.open_by_rule()
    }

    /// The half that remembers, for those who look.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// What the Judge counted.
    pub fn judge_stats(&self) -> JudgeStats {
        self.judge.stats()
    }

    /// Frames whose time was far ahead of all others and was not believed.
    pub fn doubtful_times(&self) -> u64 {
        self.clock.doubted()
    }

    /// Has these measures in force from now on, each with what it did so far, and no others.
    ///
    /// # Errors
    ///
    /// [`PlanError`]: a measure's filter cannot be used; nothing has changed.
    pub fn steer(&mut self, measures: Vec<(Measure, Effect)>) -> Result<(), PlanError> {
        self.judge.steer(measures)
    }

    /// What the measures in force did so far, in the order of their numbers.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.judge.effects()
    }

    /// What was learned, to carry on later.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            exporters: self.fronts.iter().map(Front::memory).collect(),
            ..self.judge.snapshot()
        }
    }

    /// Carries on with what an earlier run learned.
    ///
    /// # Errors
    ///
    /// [`StateError`]: it was learned under another interval; nothing was taken over.
    pub fn restore(&mut self, mut snapshot: Snapshot) -> Result<(), StateError> {
        // Templates are good whatever becomes of the baselines; a Front makes no use of another's.
        for memory in std::mem::take(&mut snapshot.exporters) {
            self.fronts
                .iter_mut()
                .for_each(|front| front.remember(memory.clone()));
        }
        self.judge.restore(snapshot)
    }

    fn flush(&mut self, until: Timestamp) {
        for front in &mut self.fronts {
            front.flush(until, self.keep.as_deref_mut());
            self.judge.hear(front.bulletin());
        }
        if let Some(interval) = judge::ended(until, self.config.interval) {
            let stats = self.front_stats();
            self.judge.review(
                interval,
                stats.meter.packets + stats.export.messages + stats.export.taken,
            );
        }
        self.release(until - self.delay);
    }

    /// Hands the ticks that ended at or before `until` to the Judge.
    fn release(&mut self, until: Timestamp) {
        for (i, front) in self.fronts.iter_mut().enumerate() {
            while let Some(partial) = front.release(until) {
                self.judge.accept(i, partial);
            }
            if let Some(spare) = self.judge.spare() {
                front.reuse(spare);
            }
        }
        self.horizon = self.horizon.max(until);
    }
}

#[cfg(test)]
mod gating_tests;
#[cfg(test)]
mod steering_tests;
#[cfg(test)]
mod test_data;
#[cfg(test)]
mod tests;
