//! Whether a deviation may become an anomaly: learning, calendar, grace, conditions, exceptions, in this order.

use super::super::evidence::{self, Question};
use super::super::gate::{self, Facts, Gate, Waiting};
use super::super::ledger::Finding;
use super::super::partial::Bulletin;
use super::super::telling::Tales;
use super::Judge;
use crate::aggregate::EntityKey;
use crate::anomaly::Policy;
use crate::model::{Conversation, Dimension, Direction, Grace, Held, Ip, Metric, Timestamp, Value};
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

/// So many of those that bring the most are the leading ones.
const LEADING: usize = 5;
/// Times in an interval that the leading ones are looked for: each takes a walk over the conversations.
const WALKS: u32 = 64;
/// An exporter that tells so much of everything is missed while it starts.
const LARGE: u64 = 10;

/// What gating keeps beside the plan.
#[derive(Debug, Default)]
pub(super) struct Gating {
    /// Deviations that opened nothing yet.
    pub(super) waiting: gate::WaitingRoom,
    /// Times each exporter had begun anew when last heard of.
    restarts: BTreeMap<Ip, u64>,
    /// When large exporters last began anew, by their messages.
    began: BTreeMap<Ip, Timestamp>,
    /// Of what each exporter tells.
    tales: Tales,
    /// Conversations of the present interval that exceptions are about, once somebody asked.
    pub(super) excused: OnceCell<Vec<Conversation>>,
    /// Walks made in the present interval.
    walks: Cell<u32>,
    /// Walks there was no time for.
    pub(super) walks_refused: Cell<u64>,
}

impl Gating {
    /// Begins the next interval.
    pub(super) fn begin_interval(&mut self, at: Timestamp, step: std::time::Duration) {
        self.waiting.forget(at, step);
        self.walks.set(0);
    }
}

/// What held a deviation back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Learning,
    Calendar,
    Grace,
    Conditions,
    Exceptions,
    /// The measure of this number.
    Measure(u64),
}

impl Cause {
    fn count(self, held: &mut Held) {
        let counter = match self {
            Self::Learning => &mut held.learning,
            Self::Calendar => &mut held.calendar,
            Self::Grace => &mut held.grace,
            Self::Conditions => &mut held.conditions,
            Self::Exceptions => &mut held.exceptions,
            Self::Measure(_) => &mut held.measures,
        };
        *counter += 1;
    }
}

impl Judge {
    /// Whether a finding that passed its test may open an anomaly now. What holds it back is counted.
    ///
    /// Where a condition counts deviating intervals, the finding starts with the first of them.
    pub(super) fn may_open(&mut self, view: usize, key: &EntityKey, finding: &mut Finding) -> bool {
        let step = self.config.interval;
        let who = Waiting {
            rule: finding.rule,
            key: *key,
            direction: finding.direction,
        };
        let Some(gate) = self.plan.gates.get(finding.rule) else {
            return false;
        };
        if gate.lasts.is_some() {
            self.gating.waiting.deviated(who, finding.interval.start, step);
        }
        // A new host is met once; everything else is asked again when the interval is over.
        let early = finding.at < finding.interval.end && finding.direction != Direction::New;
        let cause = self.closed(gate, view, key, finding, early);
        let cause = cause.or_else(|| self.held_by(view, key, finding).map(Cause::Measure));
        let (lasts, holds) = (gate.lasts, gate.holds);
        if let Some(Cause::Measure(id)) = cause {
            self.count_held(id, finding.interval.start);
        }
        if early
            && matches!(
                cause,
                Some(Cause::Conditions | Cause::Exceptions | Cause::Measure(_))
            )
        {
            return false;
        }
        let Some(cause) = cause else {
            let first = lasts.and_then(|of| self.gating.waiting.lasted(&who, of, step).1);
            finding.started_at = first.map_or(finding.started_at, |first| finding.started_at.min(first));
            self.gating.waiting.leave(&who);
            return true;
        };
        self.gating.waiting.deviated(who, finding.interval.start, step);
        if self.gating.waiting.counts(&who)
            && let Some(account) = self.accounts.get_mut(finding.rule)
        {
            cause.count(&mut account.held);
        }
        if lasts.is_some() && holds && cause == Cause::Conditions {
            self.wait_for(view, key);
        }
        false
    }

    /// Has an entity learn as if its anomaly were open, or it would get used to what is waited for.
    fn wait_for(&mut self, view: usize, key: &EntityKey) {
        let Some(view) = self.views.get_mut(view) else {
            return;
        };
        let slot = view.entities.slot(key);
        if let Some(row) = slot.and_then(|slot| view.entities.get_mut(slot)) {
            row.state.awaited = true;
        }
    }

    /// Whether an interval that deviates, but not enough to open an anomaly, counts for one that is waited for.
    pub(super) fn is_awaited(&self, who: &Waiting, score: f64, policy: &Policy) -> bool {
        let lasts = self
            .plan
            .gates
            .get(who.rule)
            .is_some_and(|gate| gate.lasts.is_some());
        lasts && score >= policy.hold && self.gating.waiting.waits(who)
    }

    /// The first thing that keeps a finding from opening an anomaly.
    fn closed(
        &self,
        gate: &Gate,
        view: usize,
        key: &EntityKey,
        finding: &Finding,
        early: bool,
    ) -> Option<Cause> {
        if self.is_learning(finding.at) {
            return Some(Cause::Learning);
        }
        if !self.plan.gates.is_time_for(gate, finding.interval.start) {
            return Some(Cause::Calendar);
        }
        if self.is_in_grace(&gate.grace, view, key, finding) {
            return Some(Cause::Grace);
        }
        let holds = |condition| {
            let facts = Looked {
                judge: self,
                view,
                key,
                finding,
                early,
            };
            (gate.stays || !early) && gate::holds(condition, &facts)
        };
        if !gate.condition.as_ref().is_none_or(holds) {
            return Some(Cause::Conditions);
        }
        let excused = !gate.excuses.is_empty() && self.is_excused(gate, view, key, finding);
        excused.then_some(Cause::Exceptions)
    }

    fn is_in_grace(&self, grace: &Grace, view: usize, key: &EntityKey, finding: &Finding) -> bool {
        let interval = finding.interval;
        let since_start = self.started.map(|start| finding.at.since(start));
        if !grace.tidemark.is_zero() && since_start.is_some_and(|since| since <= grace.tidemark) {
            return true;
        }
        // What an exporter tells when it is back is about intervals that began before.
        let restarted = |began: Timestamp| {
            interval.end > began - self.config.export_delay() && interval.start < began + grace.exporter
        };
        let addresses = || {
            let plan = self.plan.views.get(view).into_iter();
            let all = plan.flat_map(|plan| plan.grouping.addresses(key));
            all.map(|(dimension, ip)| (dimension, ip.bits()))
        };
        let tells = |exporter: Ip| self.gating.tales.tells(exporter, addresses());
        let began = |(exporter, at): (&Ip, &Timestamp)| restarted(*at) && tells(*exporter);
        if !grace.exporter.is_zero() && self.gating.began.iter().any(began) {
            return true;
        }
        let row = || self.views.get(view)?.entities.find(key);
        let back = || row().and_then(|row| row.state.back(row.is_touched(), self.away()));
        let is_host = || finding.entity.addresses().next().is_some();
        !grace.host.is_zero()
            && is_host()
            && back().is_some_and(|intervals| self.config.interval * intervals <= grace.host)
    }

    /// Intervals of silence after which an entity is back.
    pub(super) fn away(&self) -> u32 {
        let step = self.config.interval.as_secs().max(1);
        u32::try_from(Grace::AWAY.as_secs().div_ceil(step)).unwrap_or(u32::MAX)
    }

    /// Notes which exporters began anew.
    pub(super) fn note_restarts<'a>(
        &mut self,
        accounts: impl Iterator<Item = &'a (Ip, crate::collect::Account)> + Clone,
    ) {
        let all: u64 = accounts.clone().map(|(_, account)| account.messages).sum();
        for (exporter, account) in accounts {
            let known = self.gating.restarts.insert(*exporter, account.restarts);
            let again = known.is_none_or(|before| before < account.restarts);
            if again && account.messages.saturating_mul(LARGE) >= all {
                let seen = account.last_seen.unwrap_or(Timestamp::MIN);
                let began = self.gating.began.entry(*exporter).or_insert(seen);
                *began = seen.max(*began);
            }
        }
    }

    /// Notes of what exporters told.
    pub(super) fn note_told(&mut self, bulletin: &Bulletin) {
        for (exporter, told) in &bulletin.told {
            let account = bulletin.accounts.iter().find(|(of, _)| of == exporter);
            if let Some(at) = account.and_then(|(_, account)| account.last_seen) {
                self.gating.tales.hear(*exporter, told, at);
            }
        }
    }
}

/// What a condition may ask, answered from the tables of the present interval.
struct Looked<'a> {
    judge: &'a Judge,
    view: usize,
    key: &'a EntityKey,
    finding: &'a Finding,
    early: bool,
}

impl Facts for Looked<'_> {
    fn value(&self, metric: Metric) -> f64 {
        let row = self.judge.views.get(self.view);
        let row = row.and_then(|view| view.entities.find(self.key));
        row.map_or(0.0, |row| row.metric(metric))
    }

    fn usual(&self, metric: Metric) -> [f64; 3] {
        let judge = self.judge;
        let plan = judge.plan.views.get(self.view);
        let known = plan.and_then(|view| view.metrics.iter().position(|m| m.metric == metric));
        let row = judge.views.get(self.view).and_then(|v| v.entities.find(self.key));
        let (Some(i), Some(row)) = (known, row) else {
            return [0.0; 3];
        };
        let at = self.finding.interval.start;
        let case = judge.case(self.view, i, row, [at, judge.local(at)], !self.early);
        let verdict = case
            .map(|case| case.verdict(row.state.series.get(i)))
            .unwrap_or_default();
        [verdict.expected, verdict.lower, verdict.upper]
    }

    fn top(&self, dimension: Dimension, joins: bool) -> bool {
        let (judge, walks) = (self.judge, &self.judge.gating.walks);
        if walks.get() >= WALKS {
            let refused = &judge.gating.walks_refused;
            refused.set(refused.get() + 1);
            return false;
        }
        walks.set(walks.get() + 1);
        let question = Question {
            view: self.view,
            key: *self.key,
            metric: self.finding.metric,
            before: self.finding.interval.start,
        };
        let views = &judge.plan.views;
        let mut answers = evidence::gather(&[question], views, judge.table.rows(), &judge.recent);
        let parts = answers.pop().unwrap_or_default().parts;
        let of = |by: &dyn Fn(&crate::anomaly::Part) -> f64| {
            let mut all: Vec<(f64, Value)> = parts
                .iter()
                .filter(|((d, _), part)| *d == dimension && by(part) > 0.0)
                .map(|((_, value), part)| (by(part), *value))
                .collect();
            all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            all.truncate(LEADING);
            all.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        let (now, before) = (of(&|part| part.observed), of(&|part| part.expected));
        let (first, others) = if joins { (now, before) } else { (before, now) };
        // Where nothing came before, or nothing comes now, nobody joins or leaves anybody.
        !others.is_empty() && first.first().is_some_and(|leading| !others.contains(leading))
    }

    fn lasted(&self, of: u8) -> u32 {
        let who = Waiting {
            rule: self.finding.rule,
            key: *self.key,
            direction: self.finding.direction,
        };
        let waiting = &self.judge.gating.waiting;
        waiting.lasted(&who, of, self.judge.config.interval).0
    }
}
