//! One entry of the history at a time: what it means for each route.

use super::decision::{Counts, Decision, Phase};
use super::route::{By, Own, Route};
use super::state::{Gathered, RouteState, Topic};
use crate::model::{self, Act, AnomalyId, Entry, IncidentId, MACHINE, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What routes ask of an anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Which.
    pub id: AnomalyId,
    /// The incident it belongs to.
    pub incident: IncidentId,
    /// The rule that found it.
    pub rule: String,
    /// What it is called.
    pub kind: String,
    /// How much it matters now.
    pub severity: Severity,
    /// Found by a rule in shadow: nobody is told.
    pub shadow: bool,
}

impl From<&model::Facts> for Facts {
    fn from(all: &model::Facts) -> Self {
        Self {
            id: all.id,
            incident: all.incident,
            rule: all.rule.clone(),
            kind: all.kind.name().to_owned(),
            severity: all.severity,
            shadow: all.shadow,
        }
    }
}

/// One entry with what is known of its anomaly.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// What happened.
    pub entry: &'a Entry,
    /// To what.
    pub facts: &'a Facts,
    /// Whether people silenced it.
    pub silenced: bool,
    /// Whether the filter of the route of this name lets it through.
    pub passes: &'a dyn Fn(&str) -> bool,
}

/// The time, and what holds at it.
#[derive(Clone, Copy)]
pub struct Now<'a> {
    /// By the wall clock.
    pub at: Timestamp,
    /// Whether the program does what it is for.
    pub alive: bool,
    /// Whether people silenced an anomaly.
    pub silenced: &'a dyn Fn(AnomalyId) -> bool,
}

/// All routes and how they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dispatcher {
    pub(super) routes: Vec<Route>,
    pub(super) states: BTreeMap<String, RouteState>,
}

impl Dispatcher {
    /// Goes on with the states of an earlier run; those of routes that are no more are left out.
    pub fn new(routes: Vec<Route>, mut states: BTreeMap<String, RouteState>) -> Self {
        let known = |name: &String| routes.iter().any(|route| route.name == *name);
        states.retain(|name, _| known(name));
        for route in &routes {
            states.entry(route.name.clone()).or_default();
        }
        Self { routes, states }
    }

    /// The routes.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// How they stand, by name.
    pub const fn states(&self) -> &BTreeMap<String, RouteState> {
        &self.states
    }

    /// Takes in an entry at `at`; what is to be told because of it.
    pub fn step(&mut self, input: &Input<'_>, at: Timestamp) -> Vec<Decision> {
        let mut told = Vec::new();
        for route in &self.routes {
            let Some(state) = self.states.get_mut(&route.name) else {
                continue;
            };
            Turn { route, state, at }.take(input, &mut told);
        }
        told
    }

    /// Takes in a trouble of the program itself, or its end.
    pub fn own(&mut self, own: &Own, at: Timestamp) -> Vec<Decision> {
        let mut told = Vec::new();
        for route in self.routes.iter().filter(|route| route.own) {
            if let Some(state) = self.states.get_mut(&route.name) {
                Turn { route, state, at }.trouble(own, &mut told);
            }
        }
        told
    }
}

/// One route at one instant.
pub(super) struct Turn<'a> {
    pub(super) route: &'a Route,
    pub(super) state: &'a mut RouteState,
    pub(super) at: Timestamp,
}

impl Turn<'_> {
    fn take(&mut self, input: &Input<'_>, told: &mut Vec<Decision>) {
        match &input.entry.act {
            Act::Opened { .. } | Act::Reopened => self.begins(input, told),
            Act::Escalated { severity } => self.escalates(input, *severity, told),
            Act::Closed { .. } => self.ends(input, told),
            other => self.follows(input, other, told),
        }
    }

    /// Whether it is for this route at all, whatever its severity and the time.
    fn is_for(&self, input: &Input<'_>) -> bool {
        !self.route.is_last_resort
            && self.route.concerns(&input.facts.rule, &input.facts.kind)
            && (input.passes)(&self.route.name)
    }

    fn begins(&mut self, input: &Input<'_>, told: &mut Vec<Decision>) {
        let facts = input.facts;
        self.state.account.offered += 1;
        let account = &mut self.state.account;
        if facts.shadow {
            account.shadowed += 1;
        } else if !self.is_for(input) {
            self.state.account.passed += 1;
        } else if input.silenced {
            self.hush(facts);
        } else {
            self.heed(facts, input.entry.at, told);
        }
    }

    /// One that is for this route, and that nobody silenced, began at `since`, or may be told from then on.
    pub(super) fn heed(&mut self, facts: &Facts, since: Timestamp, told: &mut Vec<Decision>) {
        if facts.severity < self.route.least || !self.route.speaks(self.at) {
            self.sum_up(facts);
        } else {
            self.tell_of(facts, true, since, told);
        }
    }

    /// Into the digest, where there is one that it matters enough for.
    fn sum_up(&mut self, facts: &Facts) {
        let digest = self.route.digest.as_ref();
        if digest.is_some_and(|digest| facts.severity >= digest.least) {
            let gathered = self.state.digest.get_or_insert_with(|| Gathered::new(self.at));
            gathered.add(facts.id, facts.severity, &facts.rule, true);
        } else {
            self.state.account.passed += 1;
        }
    }

    fn key(&self, facts: &Facts) -> String {
        match self.route.by {
            By::Incident => format!("incident-{}", facts.incident),
            By::Anomaly => format!("anomaly-{}", facts.id),
        }
    }

    /// Tells of an anomaly that begins or became graver, or holds it back.
    fn tell_of(&mut self, facts: &Facts, opens: bool, since: Timestamp, told: &mut Vec<Decision>) {
        let key = self.state.followed.get(&facts.id).cloned();
        let key = key.unwrap_or_else(|| self.key(facts));
        let topic = self.state.topics.get_mut(&key);
        if let Some(topic) = topic.filter(|topic| opens && topic.severity >= facts.severity) {
            topic.counts.add(facts.severity, &facts.rule);
            self.state.account.joined += 1;
            self.state.follow(facts.id, &key);
            return;
        }
        let waits = facts.severity < Severity::Critical && self.route.is_quiet(self.at);
        if waits || !self.state.has_room(self.route.budget.as_ref(), self.at) {
            let held = self.state.held.get_or_insert_with(|| Gathered::new(self.at));
            held.add(facts.id, facts.severity, &facts.rule, opens);
            return;
        }
        self.state.account.told += u64::from(opens);
        let phase = if opens && !self.state.topics.contains_key(&key) {
            Phase::Opened
        } else {
            Phase::Escalated
        };
        let mut decision = self.decision(&key, phase, facts.severity);
        decision.anomalies = vec![facts.id];
        decision.since = Some(since);
        self.enter(&key, facts, opens);
        decision.counts = self
            .state
            .topics
            .get(&key)
            .map(|t| t.counts.clone())
            .unwrap_or_default();
        told.push(self.state.spend(self.route, self.at, decision));
    }

    fn decision(&self, key: &str, phase: Phase, severity: Severity) -> Decision {
        Decision::new(&self.route.name, key, phase, severity, self.at)
    }

    /// Remembers that messages of `key` are about this anomaly.
    fn enter(&mut self, key: &str, facts: &Facts, opens: bool) {
        let at = self.at;
        let topic = self.state.topics.entry(key.to_owned()).or_insert_with(|| Topic {
            since: at,
            ..Topic::default()
        });
        if opens || topic.counts.anomalies == 0 {
            topic.counts.add(facts.severity, &facts.rule);
        }
        topic.severity = topic.severity.max(facts.severity);
        topic.first = Some(facts.id);
        topic.told.clear();
        self.state.follow(facts.id, key);
        self.await_answer(key);
    }

    fn escalates(&mut self, input: &Input<'_>, severity: Severity, told: &mut Vec<Decision>) {
        let facts = Facts {
            severity: severity.max(input.facts.severity),
            ..input.facts.clone()
        };
        self.hush_graver(facts.id, facts.severity);
        let known = self.state.followed.get(&facts.id);
        let known = known
            .and_then(|key| self.state.topics.get(key))
            .map(|topic| topic.severity);
        let is_waiting = self
            .state
            .held
            .as_ref()
            .is_some_and(|held| held.open.contains(&facts.id));
        let is_news = match known {
            Some(as_told) => self.route.on.escalated && facts.severity > as_told,
            None if is_waiting => true,
            // It did not matter enough before, or was silenced then.
            None => {
                !facts.shadow
                    && !input.silenced
                    && self.is_for(input)
                    && facts.severity >= self.route.least
                    && self.route.speaks(self.at)
            }
        };
        if is_news {
            self.state.silenced.remove(&facts.id);
            self.tell_of(&facts, false, input.entry.at, told);
        }
    }

    fn ends(&mut self, input: &Input<'_>, told: &mut Vec<Decision>) {
        let id = input.facts.id;
        self.state.silenced.remove(&id);
        if let Some(held) = &mut self.state.held {
            held.open.remove(&id);
        }
        let Some(key) = self.state.followed.remove(&id) else {
            return;
        };
        let Some(topic) = self.state.topics.get_mut(&key) else {
            return;
        };
        topic.open.remove(&id);
        if !topic.open.is_empty() {
            return;
        }
        if let Some(topic) = self.state.topics.remove(&key).filter(|_| self.route.on.closed) {
            let mut decision = self.decision(&key, Phase::Closed, topic.severity);
            decision.anomalies = vec![topic.first.unwrap_or(id)];
            decision.since = Some(topic.since);
            decision.counts = topic.counts;
            told.push(self.state.issue(decision));
        }
    }

    /// What people do about it, and what more is known.
    fn follows(&mut self, input: &Input<'_>, act: &Act, told: &mut Vec<Decision>) {
        let Some(key) = self.state.followed.get(&input.facts.id).cloned() else {
            return;
        };
        let phase = match act {
            Act::Acknowledged { .. } => Phase::Acknowledged,
            Act::Unacknowledged => Phase::Unacknowledged,
            Act::Updated => Phase::Updated,
            _ => Phase::Discussed,
        };
        match act {
            Act::Acknowledged { .. } | Act::Judged { .. } => self.answered(&key),
            Act::Unacknowledged => self.await_answer(&key),
            _ => {}
        }
        let Some(topic) = self.state.topics.get_mut(&key) else {
            return;
        };
        let mut decision = Decision::new(&self.route.name, &key, phase, topic.severity, self.at);
        decision.anomalies = vec![input.facts.id];
        decision.since = Some(topic.since);
        decision.counts = topic.counts.clone();
        decision.by = (input.entry.by != MACHINE).then(|| input.entry.by.clone());
        decision.note = note(act);
        let is_free = phase == Phase::Acknowledged && !topic.told.contains(&phase);
        if !self.route.on.tells(act) {
            return;
        }
        topic.told.insert(phase);
        if is_free {
            told.push(self.state.issue(decision));
        } else if self.state.has_room(self.route.budget.as_ref(), self.at) {
            told.push(self.state.spend(self.route, self.at, decision));
        } else {
            self.state.account.unsaid += 1;
        }
    }

    fn trouble(&mut self, own: &Own, told: &mut Vec<Decision>) {
        let key = format!("own-{}", own.name);
        let is_known = self.state.topics.contains_key(&key);
        if own.is_over {
            if self.state.topics.remove(&key).is_some() {
                let mut decision = self.decision(&key, Phase::Well, own.severity);
                decision.own = Some(own.text.clone());
                told.push(self.state.issue(decision));
            }
        } else if !is_known && own.severity >= self.route.least {
            if !self.state.has_room(self.route.budget.as_ref(), self.at) {
                let held = self.state.held.get_or_insert_with(|| Gathered::new(self.at));
                held.trouble(&own.text, own.severity);
                return;
            }
            let topic = Topic {
                severity: own.severity,
                since: self.at,
                ..Topic::default()
            };
            self.state.topics.insert(key.clone(), topic);
            self.state.account.own += 1;
            let mut decision = self.decision(&key, Phase::Trouble, own.severity);
            decision.own = Some(own.text.clone());
            decision.counts = Counts::default();
            told.push(self.state.spend(self.route, self.at, decision));
        }
    }
}

/// What somebody said, in words.
fn note(act: &Act) -> Option<String> {
    match act {
        Act::Acknowledged { note } => note.clone(),
        Act::Assigned { to: Some(to) } => Some(format!("assigned to {to}")),
        Act::Assigned { to: None } => Some("assigned to nobody".to_owned()),
        Act::Commented { text } => Some(text.clone()),
        Act::Judged { verdict, why, .. } => Some(match why {
            Some(why) => format!("{}: {why}", verdict.name()),
            None => verdict.name().to_owned(),
        }),
        Act::Retracted => Some("the verdict is taken back".to_owned()),
        _ => None,
    }
}
