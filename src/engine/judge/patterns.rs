//! Patterns over single events, of which no series is kept: beacons, tunnels through the DNS, miners, new services. Here
//! is what they have in common: an anomaly that opens with a sign, goes on with further ones, and ends without.

mod beacons;
mod miners;
mod services;
mod tunnels;

use super::super::ledger::{Finding, What};
use super::Judge;
use crate::aggregate::EntityKey;
use crate::meter::Hearing;
use crate::model::{
    Conversation, ConversationKey, Counters, Deviation, Direction, Interval, Pattern, Timestamp,
};
use beacons::Beacons;
use miners::Miners;
use serde::{Deserialize, Serialize};
use services::Services;
use std::collections::BTreeMap;
use tunnels::Tunnels;

/// Intervals without a sign after which an anomaly of a pattern ends, where the pattern does not say otherwise.
const PATIENCE: u32 = 5;

/// What is remembered for patterns.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    pub(super) learned: Learned,
    open: BTreeMap<(usize, EntityKey), Open>,
    tunnels_now: tunnels::Present,
}

/// What is carried on by a later run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Learned {
    beacons: Beacons,
    tunnels: Tunnels,
    miners: Miners,
    services: Services,
}

impl Learned {
    /// At most `limit` of each thing that is remembered.
    pub(in crate::engine) fn limit(&mut self, limit: usize) {
        self.beacons.limit(limit);
        self.tunnels.limit(limit);
        self.miners.limit(limit);
        self.services.limit(limit);
    }

    /// What was given up for lack of room.
    pub(in crate::engine) fn given_up(&self) -> u64 {
        self.beacons.given_up + self.tunnels.given_up + self.miners.given_up + self.services.given_up
    }

    /// Octets it takes, about.
    pub(in crate::engine) fn memory(&self) -> usize {
        self.beacons.memory() + self.tunnels.memory() + self.miners.memory() + self.services.memory()
    }
}

impl Patterns {
    /// At most `limit` of each thing that is remembered.
    pub(super) fn new(limit: usize) -> Self {
        let mut new = Self::default();
        new.learned.limit(limit);
        new
    }

    /// Gives what is open the new numbers of its rule and view; id and end of what is gone.
    pub(super) fn renumber(
        &mut self,
        rule: &impl Fn(usize) -> Option<usize>,
        view: &impl Fn(usize) -> Option<usize>,
    ) -> Vec<(u64, Timestamp)> {
        let mut ended = Vec::new();
        for ((old, key), mut open) in std::mem::take(&mut self.open) {
            match (rule(old), view(open.view)) {
                (Some(rule), Some(view)) => {
                    open.view = view;
                    self.open.insert((rule, key), open);
                }
                _ => ended.push((open.id, open.last)),
            }
        }
        ended
    }
}

/// An anomaly of a pattern that goes on.
#[derive(Clone, Debug)]
struct Open {
    view: usize,
    id: u64,
    started_at: Timestamp,
    /// End of the newest interval with a sign.
    last: Timestamp,
    quiet: u32,
    patience: u32,
}

/// What shows that there is, or may be, a pattern.
struct Sign {
    pattern: Pattern,
    /// A conversation of it, without counters.
    row: Conversation,
    deviation: Deviation,
    direction: Direction,
    /// Whether it may open an anomaly; if not, it keeps an open one open.
    passes: bool,
    /// When the pattern began.
    since: Timestamp,
    patience: u32,
    /// What was seen, a clause.
    detail: String,
    /// The unit of what was observed, where it is not that of the metric.
    unit: Option<&'static str>,
}

impl Judge {
    /// Takes in what was heard in a tick.
    pub(super) fn hear_all(&mut self, heard: Vec<Hearing>, until: Timestamp) {
        for hearing in heard {
            match &hearing {
                Hearing::Question { client, name, .. } => self.hear_question(*client, name),
                Hearing::Stratum {
                    client,
                    server,
                    port,
                    at,
                } => self.hear_stratum((*client, *server, *port), *at, until),
                Hearing::Name { .. } => {}
            }
            self.hosts.hear(hearing);
        }
    }

    /// A conversation of `key`, without counters.
    fn row_of(&self, key: ConversationKey) -> Conversation {
        let (src_origin, dst_origin) = self.origins.ends(&key);
        Conversation {
            key,
            src_origin,
            dst_origin,
            counters: Counters::default(),
        }
    }

    /// Opens the anomalies of a sign, or goes on with them.
    fn show(&mut self, sign: &Sign, at: Timestamp) {
        let Some(interval) = self.present.as_ref().map(|p| p.interval) else {
            return;
        };
        for (rule, view) in self.plan.patterns(sign.pattern).collect::<Vec<_>>() {
            let Some(plan) = self.plan.views.get(view).filter(|v| v.passes(&sign.row)) else {
                continue;
            };
            let ([Some(key), _], Some(words)) = (plan.grouping.keys(&sign.row), self.plan.rules.get(rule))
            else {
                continue;
            };
            let open = self.patterns.open.get(&(rule, key)).cloned();
            let mut finding = Finding {
                rule,
                entity: plan.grouping.entity(&key),
                metric: words.metric,
                direction: sign.direction,
                deviation: sign.deviation,
                interval,
                started_at: open.as_ref().map_or(sign.since, |open| open.started_at),
                at,
                severity: words.severity,
            };
            let enough = sign.passes && sign.deviation.observed >= words.floor;
            match open {
                Some(open) => self.go_on(rule, key, &open, &finding, sign),
                None if enough && self.may_open(view, &key, &mut finding) => {
                    self.begin_pattern(rule, view, key, &finding, sign);
                }
                None => {}
            }
        }
    }

    fn begin_pattern(&mut self, rule: usize, view: usize, key: EntityKey, finding: &Finding, sign: &Sign) {
        let Some(words) = self.plan.rules.get(rule) else {
            return;
        };
        let id = self.ledger.name(words, finding);
        if !self.ledger.open(id, words, finding) {
            return;
        }
        self.account_fired(rule);
        self.ledger.specify(id, &sign.detail, sign.unit);
        self.ask(view, key, finding, id, finding.interval.start, Some(What::Opened));
        let open = Open {
            view,
            id,
            started_at: finding.started_at,
            last: finding.interval.end,
            quiet: 0,
            patience: sign.patience,
        };
        self.patterns.open.insert((rule, key), open);
    }

    fn go_on(&mut self, rule: usize, key: EntityKey, open: &Open, finding: &Finding, sign: &Sign) {
        let known = self.ledger.get_mut(open.id).map_or(0.0, |a| a.worst.observed);
        if finding.deviation.observed > known {
            self.ledger.worse(open.id, finding);
            self.ledger.specify(open.id, &sign.detail, sign.unit);
            self.ask(open.view, key, finding, open.id, open.started_at, None);
        }
        if let Some(open) = self.patterns.open.get_mut(&(rule, key)) {
            open.last = finding.interval.end;
            open.quiet = 0;
            open.patience = sign.patience;
        }
    }

    /// At the close: the patterns that show in whole intervals only, and the end of those that show no longer.
    pub(super) fn close_patterns(&mut self, interval: Interval) {
        self.close_tunnels(interval);
        self.close_miners(interval);
        self.close_services(interval);
        // Asked before closing, so that the closed anomaly is the explained one.
        self.answer();
        let mut ended = Vec::new();
        self.patterns.open.retain(|_, open| {
            open.quiet = if open.last < interval.end {
                open.quiet + 1
            } else {
                0
            };
            let goes_on = open.quiet < open.patience;
            if !goes_on {
                ended.push((open.id, open.last));
            }
            goes_on
        });
        ended.into_iter().for_each(|(id, at)| self.ledger.close(id, at));
    }

    /// Whether an anomaly of a pattern is open at a conversation of `key`.
    fn shows(&self, pattern: Pattern, row: &Conversation) -> bool {
        self.plan.patterns(pattern).any(|(rule, view)| {
            let key = self.plan.views.get(view).map(|v| v.grouping.keys(row));
            matches!(key, Some([Some(key), _]) if self.patterns.open.contains_key(&(rule, key)))
        })
    }
}
