//! What is remembered of a route: what was told and is not over, what is held back, how much of the budget is spent.

use super::account::Account;
use super::decision::{Counts, Decision, NAMED, Phase};
use super::machine::Facts;
use super::route::{Budget, Route};
use crate::model::{AnomalyId, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Anomalies of a route whose end will be told.
const FOLLOWED: usize = 20_000;
/// Troubles of the program itself that wait to be told together.
const TROUBLES: usize = 20;

/// How a route stands. It is plain data: kept as JSON beside the messages it led to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteState {
    /// What became of what.
    pub account: Account,
    /// Messages decided on so far.
    pub(super) numbered: u64,
    /// Which key an anomaly was told under.
    pub(super) followed: BTreeMap<AnomalyId, String>,
    /// What was told and is not over.
    pub(super) topics: BTreeMap<String, Topic>,
    /// When messages of the budget were told, oldest first.
    pub(super) spent: VecDeque<Timestamp>,
    /// What people silenced and is not over.
    pub(super) silenced: BTreeMap<AnomalyId, Facts>,
    /// When it was looked last whether a silence has ended.
    #[serde(skip)]
    pub(super) looked: Option<Timestamp>,
    /// What waits for a message that counts it.
    pub(super) held: Option<Gathered>,
    /// What waits for the digest.
    pub(super) digest: Option<Gathered>,
    /// When the digest is due.
    pub(super) digest_due: Option<Timestamp>,
    /// When the newest heartbeat was.
    pub(super) beaten: Option<Timestamp>,
    /// When what is open was told again.
    pub(super) refreshed: Option<Timestamp>,
}

/// What messages of one key are about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Topic {
    /// As it was told.
    pub(super) severity: Severity,
    /// Since when.
    pub(super) since: Timestamp,
    /// The anomaly to read first; none for a trouble of the program itself.
    pub(super) first: Option<AnomalyId>,
    /// Anomalies that are open.
    pub(super) open: BTreeSet<AnomalyId>,
    /// Everything it was ever about.
    pub(super) counts: Counts,
    /// Follow-ups that were told.
    pub(super) told: BTreeSet<Phase>,
    /// What waits for somebody to acknowledge it.
    pub(super) unanswered: Option<Unanswered>,
}

/// Somebody should acknowledge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unanswered {
    /// Until then.
    pub(super) due: Timestamp,
    /// So many reminders are left.
    pub(super) left: u32,
}

/// What waits to be counted by one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Gathered {
    pub(super) since: Timestamp,
    pub(super) counts: Counts,
    /// How many of them opened; the others became graver.
    pub(super) openings: u64,
    /// The gravest, in order of their arrival.
    pub(super) gravest: Vec<(Severity, AnomalyId)>,
    /// Those that are still open.
    pub(super) open: BTreeSet<AnomalyId>,
    /// Troubles of the program itself.
    pub(super) troubles: Vec<String>,
    /// The gravest trouble.
    pub(super) severity: Severity,
}

impl Gathered {
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            since,
            counts: Counts::default(),
            openings: 0,
            gravest: Vec::new(),
            open: BTreeSet::new(),
            troubles: Vec::new(),
            severity: Severity::Low,
        }
    }

    /// Takes in an anomaly.
    pub(super) fn add(&mut self, id: AnomalyId, severity: Severity, rule: &str, opens: bool) {
        self.counts.add(severity, rule);
        self.openings += u64::from(opens);
        self.severity = self.severity.max(severity);
        if self.open.len() < FOLLOWED {
            self.open.insert(id);
        }
        self.gravest.retain(|(_, other)| *other != id);
        // Behind all that are as grave: the earliest of them stay.
        let place = self.gravest.partition_point(|(other, _)| *other >= severity);
        self.gravest.insert(place, (severity, id));
        self.gravest.truncate(NAMED);
    }

    /// Takes in a trouble of the program itself.
    pub(super) fn trouble(&mut self, text: &str, severity: Severity) {
        self.severity = self.severity.max(severity);
        if self.troubles.len() < TROUBLES {
            self.troubles.push(text.to_owned());
        }
    }

    /// Puts it into a message.
    pub(super) fn fill(self, decision: &mut Decision) {
        decision.anomalies = self.gravest.into_iter().map(|(_, id)| id).collect();
        decision.counts = self.counts;
        decision.since = Some(self.since);
        decision.own = (!self.troubles.is_empty()).then(|| self.troubles.join("\n"));
    }
}

impl RouteState {
    /// Anomalies that wait to be counted by a message.
    pub fn waiting(&self) -> u64 {
        let both = [&self.held, &self.digest];
        both.into_iter().flatten().map(|gathered| gathered.openings).sum()
    }

    /// Anomalies held back by the budget or a quiet time, that are in no message yet.
    pub fn held(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.counts.anomalies)
    }

    /// Messages that may still say something new.
    pub(super) fn room(&mut self, budget: Option<&Budget>, at: Timestamp) -> u32 {
        let Some(budget) = budget else {
            self.spent.clear();
            return u32::MAX;
        };
        // A clock that was set back must not close a route for as long as it was ahead.
        let counts = |then: &Timestamp| *then <= at && at.since(*then) < budget.per;
        self.spent.retain(counts);
        budget.messages.saturating_sub(self.spent.len() as u32)
    }

    /// Whether one more may be told by itself: the last of a budget is kept for the message that counts the rest.
    pub(super) fn has_room(&mut self, budget: Option<&Budget>, at: Timestamp) -> bool {
        let alone = budget.is_some_and(|budget| budget.messages == 1) && self.held.is_none();
        self.room(budget, at) > u32::from(!alone)
    }

    /// Finishes a message that says something new.
    pub(super) fn spend(&mut self, route: &Route, at: Timestamp, decision: Decision) -> Decision {
        if route.budget.is_some() {
            self.spent.push_back(at);
        }
        self.issue(decision)
    }

    /// Finishes a message.
    pub(super) fn issue(&mut self, mut decision: Decision) -> Decision {
        self.numbered += 1;
        self.account.messages += 1;
        decision.number = self.numbered;
        decision
    }

    /// Remembers under which key an anomaly was told.
    pub(super) fn follow(&mut self, id: AnomalyId, key: &str) {
        if self.followed.len() < FOLLOWED || self.followed.contains_key(&id) {
            self.followed.insert(id, key.to_owned());
            if let Some(topic) = self.topics.get_mut(key) {
                topic.open.insert(id);
            }
        } else {
            self.account.unfollowed += 1;
        }
    }
}
