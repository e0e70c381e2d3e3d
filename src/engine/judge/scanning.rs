//! Scans: the walk over first contacts of every source, stepped at each tick.

use super::super::gate::Gate;
use super::super::ledger::Finding;
use super::super::series::EntityState;
use super::Judge;
use crate::aggregate::EntityKey;
use crate::anomaly;
use crate::model::{Conversation, Counters, Deviation, Direction, FlowKey, Kind, Metric, Timestamp, mix};
use std::time::Duration;

/// Notes whether a contact of the source of `row` failed or was answered.
pub(super) fn tell(state: &mut EntityState, row: &Conversation, counters: &Counters) {
    // A ping that stays unanswered is how one finds out whether a host is there; it is no failed service.
    if row.key.dst.is_group()
        || (row.key.protocol == FlowKey::ICMP && counters.failed > 0 && counters.answered > 0)
    {
        return;
    }
    let contacts = state.contacts.get_or_insert_default();
    contacts.tell(hash(row), counters.failed > 0, counters.answered > 0);
    if counters.failed > 0 {
        let bits = row.key.dst.bits();
        contacts.spread(
            mix(bits as u64 ^ (bits >> 64) as u64),
            mix(u64::from(row.key.port)),
        );
    }
}

/// A hash of the destination and service.
fn hash(row: &Conversation) -> u64 {
    let bits = row.key.dst.bits();
    mix(bits as u64 ^ (bits >> 64) as u64 ^ u64::from(row.key.port) << 48 ^ u64::from(row.key.protocol) << 40)
}

/// The least new failed contacts of an interval that keep an open scan open.
const STILL_SCANNING: u32 = 2;
/// A slow scan is over when nothing failed for so long.
const SLOW_PAUSE: Duration = Duration::from_secs(3600);

/// The state of one source's walk that passed.
#[derive(Clone, Copy, Debug)]
struct Walked {
    /// Contacts that failed: in this interval, and since the walk began.
    failed: f64,
    tried: f64,
    since: Timestamp,
    /// What it looks like by hosts and ports.
    kind: Kind,
    score: f64,
}

impl Judge {
    /// Steps the walk of every source with news and opens what passes.
    pub(super) fn walk_scans(&mut self, until: Timestamp) {
        let theta = self.theta.theta();
        let at = self.present.as_ref().map_or(until, |p| p.interval.start);
        for view in 0..self.views.len() {
            if self.plan.views.get(view).is_none_or(|plan| plan.scans.is_empty()) {
                continue;
            }
            // What is only in shadow teaches nothing that others go by.
            let scans_count = self.plan.views.get(view).is_some_and(|plan| plan.scans_count);
            let (mut passed, mut stepped) = (Vec::new(), 0);
            let Some(state) = self.views.get_mut(view) else {
                continue;
            };
            // The network's chances are learned source by source: the order must not be that of arrival.
            let news = |&slot: &u32| {
                let row = state.entities.get(slot)?;
                row.state.contacts.as_ref()?.has_news().then_some((row.key, slot))
            };
            let mut touched: Vec<_> = state.entities.touched().iter().filter_map(news).collect();
            touched.sort_unstable();
            for (_, slot) in touched {
                let Some(row) = state.entities.get_mut(slot) else {
                    continue;
                };
                let in_interval = f64::from(row.counters.failed);
                let Some(contacts) = row.state.contacts.as_mut() else {
                    continue;
                };
                let (failed, answered) = contacts.first_contacts();
                if failed + answered == 0 {
                    continue;
                }
                if scans_count {
                    self.load_now.contacts += f64::from(failed + answered);
                }
                stepped += u64::from(failed + answered);
                let before = contacts.walk.score();
                let score = contacts.step(failed, answered, theta, at);
                if score >= self.thresholds.scan {
                    let (hosts, ports) = contacts.width();
                    let walked = Walked {
                        failed: in_interval,
                        tried: f64::from(contacts.tried),
                        since: contacts.since.unwrap_or(at),
                        kind: anomaly::scan_kind(hosts, ports),
                        score,
                    };
                    passed.push((row.key, walked));
                } else if scans_count {
                    self.theta.learn(failed, answered, before);
                }
            }
            self.account_contacts(view, stepped);
            passed.sort_by_key(|(key, ..)| *key);
            for (key, walked) in passed {
                self.found_scan(view, &key, &walked, until);
            }
        }
    }

    /// Opens a scan: fast where enough failed in this interval alone, slow where it took longer.
    fn found_scan(&mut self, view: usize, key: &EntityKey, walked: &Walked, at: Timestamp) {
        for slow in [false, true] {
            let Some(rule) = self.scan_rule(view, key, walked.kind, slow) else {
                continue;
            };
            let floor = self.plan.rules.get(rule).map_or(0.0, |r| r.floor);
            let seen = if slow { walked.tried } else { walked.failed };
            if seen < floor {
                continue;
            }
            if let Some(finding) = self.scan_finding(view, key, rule, walked, at) {
                self.open(view, key, finding);
            }
            return;
        }
    }

    /// The rule a scan belongs to: one whose anomaly of the source is open, else that of its kind, else the first.
    fn scan_rule(&mut self, view: usize, key: &EntityKey, kind: Kind, slow: bool) -> Option<usize> {
        let scans = self.plan.views.get(view)?.scans.clone();
        let kind_of = |rule: usize| self.plan.rules.get(rule).map(|rule| rule.kind);
        let fitting = |rule: &usize| (kind_of(*rule) == Some(Kind::ScanSlow)) == slow;
        let scans: Vec<usize> = scans.into_iter().filter(fitting).collect();
        let same = scans.iter().copied().find(|&rule| kind_of(rule) == Some(kind));
        let first = same.or(scans.first().copied());
        let entities = &mut self.views.get_mut(view)?.entities;
        let slot = entities.slot(key)?;
        let state = &mut entities.get_mut(slot)?.state;
        let open = scans
            .into_iter()
            .find(|&rule| state.episode(rule, Direction::Above).is_some());
        open.or(first)
    }

    fn scan_finding(
        &self,
        view: usize,
        key: &EntityKey,
        rule: usize,
        walked: &Walked,
        at: Timestamp,
    ) -> Option<Finding> {
        let words = self.plan.rules.get(rule)?;
        let slow = words.kind == Kind::ScanSlow;
        let interval = self.present.as_ref()?.interval;
        let deviation = Deviation {
            observed: if slow { walked.tried } else { walked.failed },
            expected: 0.0,
            lower: 0.0,
            upper: 0.0,
            score: walked.score,
        };
        Some(Finding {
            rule,
            entity: self.plan.views.get(view)?.grouping.entity(key),
            metric: Metric::Failed,
            direction: Direction::Above,
            deviation,
            interval,
            started_at: if slow { walked.since } else { interval.start },
            at,
            severity: words.severity,
        })
    }

    /// At the close: goes on with open scans, and forgets the walk of those that ended.
    pub(super) fn close_scans(&mut self, view: usize, slot: u32, at: Timestamp) {
        let rules = self
            .plan
            .views
            .get(view)
            .map(|plan| plan.scans.clone())
            .unwrap_or_default();
        for rule in rules {
            let slow = self
                .plan
                .rules
                .get(rule)
                .is_some_and(|rule| rule.kind == Kind::ScanSlow);
            let Some(row) = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot)) else {
                return;
            };
            let (key, failed) = (row.key, f64::from(row.counters.failed));
            let walked = row.state.contacts.as_ref().map(|contacts| {
                let lasts = slow && at.since(contacts.newest) <= SLOW_PAUSE;
                let goes_on = lasts || contacts.failed_in_interval >= STILL_SCANNING;
                Walked {
                    failed,
                    tried: f64::from(contacts.tried),
                    since: contacts.since.unwrap_or(at),
                    kind: Kind::ScanBlock,
                    score: if goes_on { contacts.walk.score() } else { 0.0 },
                }
            });
            let Some(walked) = walked else { continue };
            let open = row.state.episode(rule, Direction::Above).is_some();
            let passes = walked.score >= self.thresholds.scan;
            // What held it back while the interval was open may hold no longer.
            let asks = |gate: &Gate| gate.condition.is_some() || !gate.excuses.is_empty();
            let asks = self.plan.gates.get(rule).is_some_and(asks);
            let concerns = open || (passes && asks);
            if !concerns {
                continue;
            }
            let Some(finding) = self.scan_finding(view, &key, rule, &walked, at) else {
                continue;
            };
            if self.step(view, slot, finding, passes) {
                let row = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot));
                if let Some(contacts) = row.and_then(|r| r.state.contacts.as_deref_mut()) {
                    contacts.forget_walk();
                }
            }
        }
    }
}
