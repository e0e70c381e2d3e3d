//! Scans: the walk over first contacts of every source, stepped at each tick.

use super::super::gate::Gate;
use super::super::ledger::Finding;
use super::super::series::{Contacts, EntityState};
use super::Judge;
use crate::aggregate::EntityKey;
use crate::model::{Conversation, Counters, Deviation, Direction, FlowKey, Metric, Timestamp};

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
}

/// A hash of the destination and service, the same in every process: SplitMix64's finaliser.
fn hash(row: &Conversation) -> u64 {
    let bits = row.key.dst.bits();
    let mut z =
        bits as u64 ^ (bits >> 64) as u64 ^ u64::from(row.key.port) << 48 ^ u64::from(row.key.protocol) << 40;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The least new failed contacts of an interval that keep an open scan open.
const STILL_SCANNING: u32 = 2;

impl Judge {
    /// Steps the walk of every source with news and opens what passes.
    pub(super) fn walk_scans(&mut self, until: Timestamp) {
        let theta = self.theta.theta();
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
                let score = contacts.walk.update(failed, answered, theta);
                if score >= self.thresholds.scan {
                    passed.push((row.key, f64::from(row.counters.failed), score));
                } else if scans_count {
                    self.theta.learn(failed, answered);
                }
            }
            self.account_contacts(view, stepped);
            passed.sort_by_key(|(key, ..)| *key);
            for (key, failed, score) in passed {
                self.found_scan(view, &key, failed, score, until);
            }
        }
    }

    fn found_scan(&mut self, view: usize, key: &EntityKey, failed: f64, score: f64, at: Timestamp) {
        let rules = self
            .plan
            .views
            .get(view)
            .map(|plan| plan.scans.clone())
            .unwrap_or_default();
        for rule in rules {
            let Some(finding) = self.scan_finding(view, key, rule, failed, score, at) else {
                continue;
            };
            let floor = self.plan.rules.get(rule).map_or(0.0, |r| r.floor);
            if failed >= floor {
                self.open(view, key, finding);
            }
        }
    }

    fn scan_finding(
        &self,
        view: usize,
        key: &EntityKey,
        rule: usize,
        failed: f64,
        score: f64,
        at: Timestamp,
    ) -> Option<Finding> {
        let deviation = Deviation {
            observed: failed,
            expected: 0.0,
            lower: 0.0,
            upper: 0.0,
            score,
        };
        Some(Finding {
            rule,
            entity: self.plan.views.get(view)?.grouping.entity(key),
            metric: Metric::Failed,
            direction: Direction::Above,
            deviation,
            interval: self.present.as_ref()?.interval,
            started_at: self.present.as_ref()?.interval.start,
            at,
            severity: self.plan.rules.get(rule)?.severity,
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
            let Some(row) = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot)) else {
                return;
            };
            let key = row.key;
            let failed = f64::from(row.counters.failed);
            let score = match &row.state.contacts {
                Some(contacts) if contacts.failed_in_interval >= STILL_SCANNING => contacts.walk.score(),
                _ => 0.0,
            };
            let open = row.state.episode(rule, Direction::Above).is_some();
            let passes = score >= self.thresholds.scan;
            // What held it back while the interval was open may hold no longer.
            let asks = |gate: &Gate| gate.condition.is_some() || !gate.excuses.is_empty();
            let asks = self.plan.gates.get(rule).is_some_and(asks);
            if !open && !(passes && asks) {
                continue;
            }
            let Some(finding) = self.scan_finding(view, &key, rule, failed, score, at) else {
                continue;
            };
            if self.step(view, slot, finding, passes) {
                let row = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot));
                if let Some(Contacts { walk, .. }) = row.and_then(|r| r.state.contacts.as_deref_mut()) {
                    walk.reset();
                }
            }
        }
    }
}
