//! Internal hosts never seen before: strange only where new hosts are rare.

use super::super::ledger::{Finding, What};
use super::super::sampling;
use super::Judge;
use crate::aggregate::EntityKey;
use crate::model::{
    Conversation, Deviation, Dimension, Direction, Entity, Interval, Ip, Metric, Role, Timestamp, Value,
};
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use std::collections::BTreeSet;

/// Intervals that must have been learned from before a host can be called new.
const WARM_UP: u64 = 20;
/// Intervals over which new hosts are counted to see whether they are rare.
const MEMORY: usize = 20;
/// More new hosts than this in one tick are no hosts but a phenomenon.
const AT_ONCE: usize = 3;
/// Intervals for which a new host stays new.
const NOVELTY: u32 = 5;

/// A new host whose anomaly is open.
#[derive(Clone, Debug)]
pub(super) struct Stranger {
    host: Ip,
    rule: usize,
    view: usize,
    id: u64,
    since: Timestamp,
    last: Timestamp,
    left: u32,
}

impl Stranger {
    /// Takes on the new numbers of its rule and view; whether both are still there.
    pub(super) fn renumber(
        &mut self,
        rule: &impl Fn(usize) -> Option<usize>,
        view: &impl Fn(usize) -> Option<usize>,
    ) -> bool {
        let (Some(rule), Some(view)) = (rule(self.rule), view(self.view)) else {
            return false;
        };
        (self.rule, self.view) = (rule, view);
        true
    }

    /// Its anomaly, and when it ended if it ends now.
    pub(super) fn end(&self) -> (u64, Timestamp) {
        (self.id, self.last)
    }
}

impl Judge {
    /// Internal hosts that spoke for the first time in this tick, whose conversations are the table's from `known` on.
    pub(super) fn meet_hosts(&mut self, known: usize, until: Timestamp) {
        let Some(interval) = self.present.as_ref().map(|p| p.interval) else {
            return;
        };
        let usual = self.newcomers_are_usual();
        // Their first conversations. In the first tick of a run that is everybody.
        let mut met: Vec<u32> = Vec::new();
        let rows = || self.table.rows().iter().zip(0..).skip(known);
        for (row, id) in rows() {
            let speaks = row.src_origin.internal && !row.key.src.is_special() && row.counters.packets > 0;
            if speaks && self.hosts.meet(row.key.src, interval.start) {
                met.push(id);
            }
        }
        if met.is_empty() {
            return;
        }
        // Whoever only answers may just have been woken by a scan; who asks is up to something.
        let asks = rows().filter(|(row, _)| row.key.role == Role::Request && row.src_origin.internal);
        let mut asking = HashSet::with_hasher(FixedState::with_seed(self.config.metering.seed));
        asking.extend(asks.map(|(row, _)| row.key.src));
        let row_of = |id: &u32| self.table.get(*id).filter(|row| asking.contains(&row.key.src));
        met.retain(|id| row_of(id).is_some());
        if let Some(count) = self.new_hosts.back_mut() {
            *count = count.saturating_add(met.len() as u32);
        }
        // Many at once are forged addresses, or a network that was not seen before: other rules speak of those.
        if usual || met.len() > AT_ONCE {
            return;
        }
        let mut strangers: Vec<Conversation> = met.iter().filter_map(row_of).copied().collect();
        strangers.sort_by_key(|row| row.key);
        // Where hardly any packet is looked at, who was never seen may have been there all the time.
        strangers.retain(|row| !sampling::is_coarse(&row.counters));
        for row in &strangers {
            for (rule, view) in self.plan.new_host.clone() {
                if let Some(account) = self.accounts.get_mut(rule) {
                    account.tests += 1;
                }
                self.found_stranger(rule, view, row, interval, until);
            }
        }
    }

    /// Whether new hosts are nothing to speak of: too little is known yet, or they come all the time.
    fn newcomers_are_usual(&self) -> bool {
        let recent: u32 = self.new_hosts.iter().sum();
        let now = self.present.as_ref().map_or(Timestamp::MIN, |p| p.interval.start);
        !self.is_settled(now) || recent as usize > 1 + self.hosts.known() / 50
    }

    /// Whether the network was watched long enough, by this run or an earlier one, to know what is rare in it.
    pub(super) fn is_settled(&self, at: Timestamp) -> bool {
        let watched = self.started.map_or(0, |start| at.since(start).as_nanos());
        let enough = self.config.interval.as_nanos() * u128::from(WARM_UP);
        watched >= enough || self.learned >= WARM_UP
    }

    fn found_stranger(
        &mut self,
        rule: usize,
        view: usize,
        row: &Conversation,
        interval: Interval,
        at: Timestamp,
    ) {
        let host = row.key.src;
        let passes = self.plan.views.get(view).is_some_and(|view| view.passes(row));
        let (Some(words), true) = (self.plan.rules.get(rule), passes) else {
            return;
        };
        let floor = words.floor;
        let mut finding = self.stranger_finding(rule, host, interval, at);
        let found =
            finding.deviation.observed >= floor && self.may_open(view, &EntityKey::of(host), &mut finding);
        let Some(words) = self.plan.rules.get(rule).filter(|_| found) else {
            return;
        };
        let id = self.ledger.name(words, &finding);
        if self.ledger.open(id, words, &finding) {
            let stranger = Stranger {
                host,
                rule,
                view,
                id,
                since: interval.start,
                last: interval.end,
                left: NOVELTY,
            };
            self.ask(
                view,
                EntityKey::of(host),
                &finding,
                id,
                interval.start,
                Some(What::Opened),
            );
            self.strangers.push(stranger);
            self.account_fired(rule);
        }
    }

    fn stranger_finding(&self, rule: usize, host: Ip, interval: Interval, at: Timestamp) -> Finding {
        let peers = peers(host, self.table.rows()) as f64;
        let new: u32 = self.new_hosts.iter().sum();
        // One more where there were `new` in so many intervals, by Laplace's rule of succession.
        let rate = f64::from(new + 1) / (self.learned as f64 + 2.0);
        let deviation = Deviation {
            observed: peers,
            expected: 0.0,
            lower: 0.0,
            upper: 0.0,
            score: -rate.min(1.0).ln(),
        };
        Finding {
            rule,
            entity: Entity(vec![(Dimension::Host, Value::Ip(host))]),
            metric: Metric::Sources,
            direction: Direction::New,
            deviation,
            interval,
            started_at: interval.start,
            at,
            severity: self.plan.rules.get(rule).map(|r| r.severity).unwrap_or_default(),
        }
    }

    /// At the close: a stranger becomes better known, and after a while is none.
    pub(super) fn close_strangers(&mut self, interval: Interval) {
        let mut strangers = std::mem::take(&mut self.strangers);
        for stranger in &mut strangers {
            let mut finding = self.stranger_finding(stranger.rule, stranger.host, interval, interval.end);
            stranger.left = stranger.left.saturating_sub(1);
            if finding.deviation.observed > 0.0 {
                stranger.last = interval.end;
            }
            let known = self.ledger.get_mut(stranger.id).map_or(0.0, |a| a.worst.observed);
            let score = self.ledger.get_mut(stranger.id).map_or(0.0, |a| a.worst.score);
            if finding.deviation.observed > known || interval.start == stranger.since {
                finding.deviation.score = score;
                self.ledger.worse(stranger.id, &finding);
                self.ask(
                    stranger.view,
                    EntityKey::of(stranger.host),
                    &finding,
                    stranger.id,
                    stranger.since,
                    None,
                );
            }
        }
        // Asked before closing, so that the closed anomaly is the explained one.
        self.answer();
        for stranger in strangers.iter().filter(|s| s.left == 0) {
            self.ledger.close(stranger.id, stranger.last);
        }
        strangers.retain(|s| s.left > 0);
        self.strangers = strangers;
        self.new_hosts.push_back(0);
        if self.new_hosts.len() > MEMORY {
            self.new_hosts.pop_front();
        }
    }
}

/// With how many others a host took part in traffic.
fn peers(host: Ip, rows: &[Conversation]) -> usize {
    let others = rows
        .iter()
        .filter_map(|row| match (row.key.src == host, row.key.dst == host) {
            (true, false) => Some(row.key.dst),
            (false, true) => Some(row.key.src),
            _ => None,
        });
    others.collect::<BTreeSet<Ip>>().len()
}
