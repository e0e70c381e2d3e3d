//! What becomes due as time goes by: messages that count what was held back, digests, reminders, signs of life.

use super::decision::{Decision, Phase};
use super::machine::{Dispatcher, Now, Turn};
use super::route::Route;
use super::state::{RouteState, Topic, Unanswered};
use crate::model::{AnomalyId, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Open topics told again at a time; more do not fit between two times.
const REFRESHED: usize = 500;

impl Dispatcher {
    /// What is due at `now`. Ask about once a second.
    pub fn tick(&mut self, now: &Now<'_>) -> Vec<Decision> {
        let mut told = Vec::new();
        for route in &self.routes {
            let Some(state) = self.states.get_mut(&route.name) else {
                continue;
            };
            let mut turn = Turn {
                route,
                state,
                at: now.at,
            };
            turn.unsilence(now, &mut told);
            turn.group(&mut told);
            turn.digest(&mut told);
            turn.heartbeat(now.alive, &mut told);
            turn.refresh(&mut told);
        }
        self.remind(now, &mut told);
        told
    }

    /// Reminds of what nobody acknowledged in time, by the route it escalates to.
    fn remind(&mut self, now: &Now<'_>, told: &mut Vec<Decision>) {
        let routes = self.routes.iter();
        for route in routes.filter(|route| route.escalation.is_some()) {
            for (key, topic) in overdue(route, &mut self.states, now) {
                let to = route.escalation.as_ref().map(|escalation| &escalation.to);
                let to = to.and_then(|to| self.routes.iter().find(|other| other.name == *to));
                let sent = to.is_some_and(|to| {
                    let state = self.states.get_mut(&to.name);
                    state.is_some_and(|state| reminder(to, route, state, &key, &topic, now, told))
                });
                if sent || to.is_none() {
                    reminded(&mut self.states, route, &key, now);
                }
            }
        }
    }
}

/// Counts a reminder; the next one is due later.
fn reminded(states: &mut BTreeMap<String, RouteState>, route: &Route, key: &str, now: &Now<'_>) {
    let after = route.escalation.as_ref().map_or(Duration::ZERO, |one| one.after);
    let topic = states
        .get_mut(&route.name)
        .and_then(|state| state.topics.get_mut(key));
    if let Some(topic) = topic {
        topic.unanswered = topic.unanswered.filter(|one| one.left > 1).map(|one| Unanswered {
            due: now.at + after,
            left: one.left - 1,
        });
    }
}

/// What waits for an answer for too long. What was silenced meanwhile waits on.
fn overdue(route: &Route, states: &mut BTreeMap<String, RouteState>, now: &Now<'_>) -> Vec<(String, Topic)> {
    let after = route.escalation.as_ref().map_or(Duration::ZERO, |one| one.after);
    let mut found = Vec::new();
    let topics = states.get_mut(&route.name).map(|state| &mut state.topics);
    for (key, topic) in topics.into_iter().flatten() {
        let Some(unanswered) = topic.unanswered else {
            continue;
        };
        // Farther ahead than it can be: the clock was set back.
        let is_lost = unanswered.due > now.at + after;
        if !is_lost && unanswered.due > now.at {
            continue;
        }
        if is_lost || topic.first.is_some_and(now.silenced) {
            topic.unanswered = Some(Unanswered {
                due: now.at + after,
                ..unanswered
            });
        } else {
            found.push((key.clone(), topic.clone()));
        }
    }
    found
}

/// Sends a reminder by route `to`; false where its budget has no room now.
fn reminder(
    to: &Route,
    from: &Route,
    state: &mut RouteState,
    key: &str,
    topic: &Topic,
    now: &Now<'_>,
    told: &mut Vec<Decision>,
) -> bool {
    if state.room(to.budget.as_ref(), now.at) == 0 {
        return false;
    }
    let mut decision = Decision::new(&to.name, key, Phase::Reminder, topic.severity, now.at);
    decision.anomalies = topic.first.into_iter().collect();
    decision.counts = topic.counts.clone();
    decision.since = Some(topic.since);
    state.account.reminders += 1;
    if to.name != from.name && !state.topics.contains_key(key) {
        let own = Topic {
            unanswered: None,
            told: BTreeSet::new(),
            open: BTreeSet::new(),
            ..topic.clone()
        };
        state.topics.insert(key.to_owned(), own);
        topic.open.iter().for_each(|id| state.follow(*id, key));
        let mut turn = Turn {
            route: to,
            state,
            at: now.at,
        };
        turn.await_answer(key);
    }
    told.push(state.spend(to, now.at, decision));
    true
}

impl Turn<'_> {
    /// From now on somebody should acknowledge it.
    pub(super) fn await_answer(&mut self, key: &str) {
        let Some(escalation) = &self.route.escalation else {
            return;
        };
        let topic = self.state.topics.get_mut(key);
        if let Some(topic) = topic.filter(|topic| topic.severity >= escalation.least) {
            topic.unanswered.get_or_insert(Unanswered {
                due: self.at + escalation.after,
                left: escalation.times,
            });
        }
    }

    /// Somebody looks after it.
    pub(super) fn answered(&mut self, key: &str) {
        if let Some(topic) = self.state.topics.get_mut(key) {
            topic.unanswered = None;
        }
    }

    /// The message that counts what was held back, when enough time went by and there is room.
    fn group(&mut self, told: &mut Vec<Decision>) {
        let wait = self.route.budget.map_or(Duration::ZERO, |budget| budget.wait);
        let Some(held) = &self.state.held else { return };
        let is_quiet = held.severity < Severity::Critical && self.route.is_quiet(self.at);
        let is_early = held.since <= self.at && self.at.since(held.since) < wait;
        if is_quiet || is_early || self.state.room(self.route.budget.as_ref(), self.at) == 0 {
            return;
        }
        let Some(held) = self.state.held.take() else {
            return;
        };
        let key = format!("group-{}", self.state.numbered + 1);
        let mut decision = Decision::new(&self.route.name, &key, Phase::Group, held.severity, self.at);
        self.state.account.grouped += held.openings;
        self.state.account.own += held.troubles.len() as u64;
        let open: Vec<AnomalyId> = held.open.iter().copied().collect();
        let topic = Topic {
            severity: held.severity,
            since: held.since,
            first: held.gravest.first().map(|(_, id)| *id),
            counts: held.counts.clone(),
            ..Topic::default()
        };
        held.fill(&mut decision);
        if !open.is_empty() {
            self.state.topics.insert(key.clone(), topic);
            // What was told by itself before it became graver ends by itself.
            let followed = &self.state.followed;
            let new: Vec<AnomalyId> = open.into_iter().filter(|id| !followed.contains_key(id)).collect();
            new.into_iter().for_each(|id| self.state.follow(id, &key));
            self.await_answer(&key);
            let is_empty = self
                .state
                .topics
                .get(&key)
                .is_none_or(|topic| topic.open.is_empty());
            if is_empty {
                self.state.topics.remove(&key);
            }
        }
        told.push(self.state.spend(self.route, self.at, decision));
    }

    fn digest(&mut self, told: &mut Vec<Decision>) {
        let Some(digest) = &self.route.digest else {
            return;
        };
        let next = digest.due.after(self.at);
        let due = *self.state.digest_due.get_or_insert(next);
        if self.at < due {
            // Nearer than it was only when the clock was set back, or the configuration changed.
            self.state.digest_due = Some(due.min(next));
            return;
        }
        self.state.digest_due = Some(next);
        if let Some(gathered) = self.state.digest.take() {
            let key = format!("digest-{}", self.state.numbered + 1);
            let mut decision =
                Decision::new(&self.route.name, &key, Phase::Digest, gathered.severity, self.at);
            self.state.account.digested += gathered.openings;
            gathered.fill(&mut decision);
            told.push(self.state.issue(decision));
        }
    }

    fn heartbeat(&mut self, alive: bool, told: &mut Vec<Decision>) {
        let Some(every) = self.route.heartbeat.filter(|_| alive) else {
            return;
        };
        if self
            .state
            .beaten
            .is_none_or(|then| self.at.since(then) >= every || self.at < then)
        {
            self.state.beaten = Some(self.at);
            told.push(Decision::new(
                &self.route.name,
                "heartbeat",
                Phase::Heartbeat,
                Severity::Low,
                self.at,
            ));
        }
    }

    /// Tells again what is open, to receivers that forget.
    fn refresh(&mut self, told: &mut Vec<Decision>) {
        let Some(every) = self.route.refresh else {
            return;
        };
        let is_due = self
            .state
            .refreshed
            .is_none_or(|then| self.at.since(then) >= every || self.at < then);
        if !is_due {
            return;
        }
        self.state.refreshed = Some(self.at);
        let open = self.state.topics.iter().take(REFRESHED);
        told.extend(open.map(|(key, topic)| {
            let mut decision = Decision::new(&self.route.name, key, Phase::Refresh, topic.severity, self.at);
            decision.anomalies = topic.first.into_iter().collect();
            decision.counts = topic.counts.clone();
            decision.since = Some(topic.since);
            decision
        }));
    }
}
