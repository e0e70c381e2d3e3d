//! The half of the engine that remembers: it merges partials, closes intervals, keeps baselines and anomalies.

use super::carried::Carried;
use super::config::Config;
use super::front::FrontStats;
use super::hosts::Hosts;
use super::ledger::{Event, Ledger};
use super::memo::Memo;
use super::partial::Partial;
use super::plan::{Plan, PlanError};
use super::quality::Quality;
use super::scoring::{Load, Thresholds};
use super::series::EntityState;
use super::steering::Steering;
use crate::aggregate::{Conversations, Entities, Recent};
use crate::anomaly::Policy;
use crate::detect::{Budget, Newcomers, Priors, ThetaEstimate};
use crate::enrich::Origins;
use crate::model::{Anomaly, AnomalyId, Facts, Interval, RuleAccount, Timestamp, ahead};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

mod accounts;
mod closing;
mod excusing;
mod findings;
mod fleet;
mod gating;
mod looking;
mod networks;
pub(super) mod pairing;
pub(super) mod patterns;
mod persist;
mod quality;
mod renew;
mod rolling;
mod scanning;
mod stats;
mod steering;
mod strangers;
mod teaching;
mod usual;

use findings::Pending;
use gating::Gating;
pub use looking::Week;
use networks::Risen;
use pairing::{Apart, Pairing};
use patterns::Patterns;
use quality::Doubts;
pub(super) use quality::ended;
pub use renew::RenewError;
use rolling::Batch;
pub use stats::{JudgeStats, Watched};
use strangers::Stranger;

/// One entity a conversation belongs to: 8 octets, for there are several to each of very many conversations.
#[derive(Clone, Copy, Debug)]
struct Hit {
    slot: u32,
    view: u16,
}

/// One Judge. See the module's documentation.
#[derive(Debug)]
pub struct Judge {
    config: Arc<Config>,
    origins: Arc<Origins>,
    plan: Plan,
    memo: Memo,
    policy: Policy,
    budget: Budget,
    views: Vec<ViewState>,
    table: Conversations,
    /// The entities of the present interval's conversations, one after the other.
    hits: Vec<Hit>,
    /// Where the hits of each conversation begin.
    first_hit: Vec<u32>,
    batch: Batch,
    /// Tables of ticks, emptied, for the Fronts to use again: fresh memory costs more than what is put into it.
    spare: Vec<Conversations>,
    recent: Recent,
    hosts: Hosts,
    ledger: Ledger,
    /// What each rule did, in the order of the rules.
    accounts: Vec<RuleAccount>,
    gating: Gating,
    steering: Steering,
    theta: ThetaEstimate,
    /// How heavy tails are in this network, and the day whose end taught it.
    priors: Priors,
    refitted: Timestamp,
    load: Load,
    load_now: Load,
    thresholds: Thresholds,
    /// New internal hosts in each of the newest intervals.
    new_hosts: VecDeque<u32>,
    /// New internal hosts whose anomaly is open.
    strangers: Vec<Stranger>,
    patterns: Patterns,
    /// Anomalies whose conversations are to be looked at before the tick is over.
    asked: Vec<Pending>,
    /// What has an open rise in the interval that closes.
    risen: Risen,
    /// Anomalies whose hosts are to be profiled when the interval closes.
    to_profile: BTreeSet<u64>,
    present: Option<Present>,
    /// End of the newest closed interval.
    closed_until: Option<Timestamp>,
    started: Option<Timestamp>,
    /// From when on not all of what happened was told.
    ended: Timestamp,
    /// End of the last interval an earlier run learned from.
    learned_until: Timestamp,
    /// Whole intervals learned from, earlier runs too.
    learned: u64,
    pending: BTreeMap<Timestamp, Vec<Partial>>,
    watermarks: Vec<Timestamp>,
    fronts: Vec<FrontStats>,
    quality: Quality,
    doubts: Doubts,
    pairing: Pairing,
    /// What the present tick told of one direction only.
    apart: Apart,
    /// Packets and messages taken in up to the newest review.
    received: u64,
    charts_left: usize,
    /// Entities of a view that may have baselines.
    baselines: usize,
    /// Entities of a view of which it may be remembered who usually brings what.
    usuals: usize,
    stats: JudgeStats,
}

/// Tables of one view.
#[derive(Debug)]
struct ViewState {
    entities: Entities<EntityState>,
    /// One per metric of the view.
    newcomers: Vec<Newcomers>,
    /// Entities that have baselines.
    with_baselines: usize,
}

/// The interval that is open.
#[derive(Clone, Debug)]
struct Present {
    interval: Interval,
    /// What is watched began in the middle of it, or after it.
    partial: bool,
    /// Late packets when it began.
    late_before: u64,
}

/// Adds `more` to `all`. What a Front heard is not copied where there is only one Front.
fn gather<T>(all: &mut Vec<T>, more: Vec<T>) {
    if all.is_empty() {
        *all = more;
    } else {
        all.extend(more);
    }
}

impl Judge {
    /// A Judge that waits for partials of `fronts` Fronts.
    ///
    /// # Errors
    ///
    /// [`PlanError`]: a rule cannot be used.
    pub fn new(config: Arc<Config>, origins: Arc<Origins>, fronts: usize) -> Result<Self, PlanError> {
        let plan = Plan::new(&config)?;
        let shares = config.shares(plan.tables);
        let seed = config.metering.seed;
        let memo = Memo::new(plan.views.get(..plan.tables).unwrap_or_default(), seed);
        let budget = Budget {
            false_alarms_per_day: config.false_alarms_per_day,
        };
        let views = plan.views.iter().take(plan.tables).map(|view| ViewState {
            entities: Entities::new(view.sets, shares.entities, seed),
            newcomers: view.metrics.iter().map(|_| Newcomers::new()).collect(),
            with_baselines: 0,
        });
        Ok(Self {
            views: views.collect(),
            policy: Policy::default(),
            table: Conversations::new(shares.conversations, seed),
            hits: Vec::new(),
            first_hit: Vec::new(),
            batch: Batch::default(),
            spare: Vec::new(),
            recent: Recent::new(60, shares.recent),
            hosts: Hosts::new(config.profiled_hosts, config.questions_per_host),
            ledger: Ledger::new(config.anomaly_limit),
            accounts: accounts::blank(&plan),
            gating: Gating::default(),
            steering: Steering::default(),
            theta: ThetaEstimate::default(),
            priors: Priors::default(),
            refitted: Timestamp::MIN,
            load: Load::default(),
            load_now: Load::default(),
            thresholds: Load::default().thresholds(&budget, config.interval),
            new_hosts: VecDeque::new(),
            strangers: Vec::new(),
            patterns: Patterns::new(shares.hearings),
            asked: Vec::new(),
            risen: Risen::default(),
            to_profile: BTreeSet::new(),
            present: None,
            closed_until: None,
            started: None,
            ended: Timestamp::MAX,
            learned: 0,
            learned_until: Timestamp::MIN,
            pending: BTreeMap::new(),
            watermarks: vec![Timestamp::MIN; fronts],
            fronts: vec![FrontStats::default(); fronts],
            quality: Quality::default(),
            doubts: Doubts::new(),
            pairing: Pairing::default(),
            apart: Apart::default(),
            received: 0,
            charts_left: if config.history == 0 { 0 } else { shares.histories },
            baselines: shares.baselines,
            usuals: shares.usuals,
            stats: JudgeStats::default(),
            budget,
            memo,
            plan,
            config,
            origins,
        })
    }

    /// Takes in one tick of one Front. Ticks are judged once every Front has come that far, whatever the order.
    pub fn accept(&mut self, front: usize, partial: Partial) {
        if let Some(watermark) = self.watermarks.get_mut(front) {
            *watermark = (*watermark).max(partial.until);
        }
        if let Some(stats) = self.fronts.get_mut(front) {
            *stats = partial.stats;
        }
        self.pending.entry(partial.until).or_default().push(partial);
        let complete = self.watermarks.iter().copied().min().unwrap_or(Timestamp::MAX);
        while let Some(tick) = self.pending.first_entry().filter(|tick| *tick.key() <= complete) {
            let (until, partials) = tick.remove_entry();
            self.tick(until, partials);
        }
    }

    /// Flow export begins to come at `at`. It tells of flows that began before, but not of those that ended before:
    /// earlier intervals are not whole.
    pub(super) fn begin(&mut self, at: Timestamp) {
        self.started.get_or_insert(at);
    }

    /// Flow export ends. What happened from `at` on would have been told later, in part: such intervals are not whole.
    pub(super) fn end(&mut self, at: Timestamp) {
        self.ended = at;
    }

    /// Judges what is open as far as it goes; nothing more will come.
    pub fn finish(&mut self) {
        for (until, partials) in std::mem::take(&mut self.pending) {
            self.tick(until, partials);
        }
        if self.present.is_some() {
            self.close(false);
        }
    }

    /// An empty table that has room for a tick, where there is one.
    pub(super) fn spare(&mut self) -> Option<Conversations> {
        self.spare.pop()
    }

    /// The next thing that happened to an anomaly.
    pub fn poll(&mut self) -> Option<Event> {
        self.ledger.poll()
    }

    /// Takes over what an earlier run left open.
    pub(super) fn carry(&mut self, open: impl IntoIterator<Item = Facts>) {
        self.ledger.carried = Carried::new(open);
    }

    /// What of it was not found again, since this was asked last.
    pub(super) fn lost_sight(&mut self) -> Vec<AnomalyId> {
        self.ledger.carried.take_lost()
    }

    /// All anomalies so far with their incidents, in order of their start.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.ledger.all()
    }

    fn tick(&mut self, until: Timestamp, partials: Vec<Partial>) {
        self.enter(until);
        let known = self.table.rows().len();
        let mut apart = std::mem::take(&mut self.apart);
        let (mut heard, mut contacts) = (Vec::new(), Vec::new());
        for mut partial in partials {
            self.roll_up(&mut partial.conversations);
            if let Some(mut exported) = partial.exported {
                apart.take(&mut exported);
                self.roll_up(&mut exported);
            }
            if self.spare.len() < self.watermarks.len() {
                self.spare.push(partial.conversations);
            }
            gather(&mut heard, partial.heard);
            gather(&mut contacts, partial.contacts);
        }
        self.gating.excused.take();
        self.pair(&mut apart);
        self.apart = apart;
        self.walk_scans(until);
        self.look_early(until);
        self.meet_hosts(known, until);
        self.hear_all(heard, until);
        self.hear_beats(&contacts, until);
        self.answer();
        if self.present.as_ref().is_some_and(|p| p.interval.end <= until) {
            self.close(true);
        }
    }

    /// Makes the interval that ends with or holds the tick before `until` the present one.
    fn enter(&mut self, until: Timestamp) {
        let start = until - self.config.tick;
        let interval = Interval::holding(start, self.config.interval);
        if self.present.as_ref().is_some_and(|p| p.interval == interval) {
            return;
        }
        if self.present.is_some() {
            self.close(false);
        }
        if let Some(closed) = self.closed_until.filter(|&closed| closed < interval.start) {
            self.miss(closed, interval.start);
        }
        let started = *self.started.get_or_insert(start);
        let patience = self.config.interval * (self.policy.quiet + self.policy.reopen);
        self.ledger.carried.begin(started, self.learned_until, patience);
        self.ledger.carried.advance(interval.start);
        let late_before = self.late();
        self.present = Some(Present {
            interval,
            partial: started > interval.start,
            late_before,
        });
    }

    /// Packets and Flow Records that came too late to be counted.
    fn late(&self) -> u64 {
        self.fronts
            .iter()
            .map(|f| f.meter.late_packets + f.export.late_records)
            .sum()
    }

    /// What clocks in the configured zone show, as if it were UTC: days and weeks are learned by it.
    pub(super) fn local(&self, at: Timestamp) -> Timestamp {
        let seconds = ahead(&self.config.zone, at);
        let step = Duration::from_secs(u64::from(seconds.unsigned_abs()));
        if seconds < 0 { at - step } else { at + step }
    }

    /// Whether findings may be reported yet.
    fn is_learning(&self, at: Timestamp) -> bool {
        self.started
            .is_some_and(|start| at.since(start) <= self.config.learn && !self.config.learn.is_zero())
    }
}
