//! From a finding to the ledger: opens, goes on with and ends the episodes of an entity.

use super::super::evidence::{self, Question};
use super::super::ledger::{Finding, What, Words, profiled};
use super::Judge;
use crate::aggregate::EntityKey;
use crate::anomaly::{Episode, Step};
use crate::model::{Ip, Pattern, Timestamp};
use std::collections::BTreeSet;

/// An anomaly whose worst interval is the present one: its conversations are to be looked at.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    id: u64,
    rule: usize,
    question: Question,
    what: Option<What>,
}

impl Judge {
    /// A finding passes: makes its episode worse where it is open, opens one where there is none and nothing holds it
    /// back.
    pub(super) fn open(&mut self, view: usize, key: &EntityKey, mut finding: Finding) {
        let Some(slot) = self.views.get_mut(view).and_then(|v| v.entities.slot(key)) else {
            return;
        };
        let Some(row) = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot)) else {
            return;
        };
        match row.state.episode(finding.rule, finding.direction).copied() {
            Some(episode) => self.worsen(view, key, &finding, &episode),
            None if self.may_open(view, key, &mut finding) => self.begin_episode(view, slot, &finding),
            None => {}
        }
    }

    /// Makes an open episode worse; of one that is over, the close of the interval decides whether it is the same again.
    fn worsen(&mut self, view: usize, key: &EntityKey, finding: &Finding, episode: &Episode) {
        let goes_on = episode.is_open() && !self.is_learning(finding.at);
        // The conversations shown must be those of the interval that is shown.
        if goes_on && self.ledger.worse(episode.id, finding) {
            self.ask(view, *key, finding, episode.id, episode.started_at, None);
        }
    }

    /// Begins an episode and its anomaly.
    fn begin_episode(&mut self, view: usize, slot: u32, finding: &Finding) {
        let Some(rule) = self.plan.rules.get(finding.rule) else {
            return;
        };
        let Some(row) = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot)) else {
            return;
        };
        let (id, key) = (self.ledger.name(rule, finding), row.key);
        let mut episode = Episode::open(id, finding.interval, &finding.deviation);
        episode.started_at = finding.started_at;
        row.state
            .episodes
            .push((finding.rule as u16, finding.direction, episode));
        let opened = self.ledger.open(id, rule, finding);
        self.account_fired(finding.rule);
        if opened {
            self.ask(view, key, finding, id, finding.started_at, Some(What::Opened));
        }
    }

    /// An interval closed: goes on with an episode, opens one, or ends it; true when it ended.
    pub(super) fn step(&mut self, view: usize, slot: u32, mut finding: Finding, passes: bool) -> bool {
        let policy = self.policy;
        // What would open it again must pass the gates as what opens it does.
        let passes = passes && self.may_go_on(view, slot, &mut finding);
        let Some(row) = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot)) else {
            return false;
        };
        let key = row.key;
        let Some(episode) = row.state.episode(finding.rule, finding.direction) else {
            if passes {
                self.open(view, &key, finding);
            }
            return false;
        };
        let step = episode.step(finding.interval, finding.deviation.score, passes, &policy);
        let Episode {
            id,
            started_at,
            last_at,
            ..
        } = *episode;
        let Some(rule) = self.plan.rules.get(finding.rule) else {
            return false;
        };
        match step {
            Step::Closed => {
                self.ledger.close(id, last_at);
                return true;
            }
            Step::Reopened => {
                let worse = self.ledger.get_mut(id).is_none() || self.ledger.worse(id, &finding);
                self.ledger.open(id, rule, &finding);
                if worse {
                    self.ask(view, key, &finding, id, started_at, Some(What::Escalated));
                } else {
                    self.ledger.tell(id, What::Escalated);
                }
            }
            Step::Escalated | Step::Held | Step::Worse | Step::Opened => {
                let what = (step == Step::Escalated).then_some(What::Escalated);
                let worse = finding.deviation.score > 0.0 && self.ledger.worse(id, &finding);
                // The interval in which it was opened is whole only now.
                if worse || finding.interval.start == started_at {
                    self.ask(view, key, &finding, id, started_at, what);
                } else if let Some(what) = what {
                    self.ledger.tell(id, what);
                }
            }
            Step::Quiet => {}
        }
        false
    }

    /// Whether an episode of a finding is open or not there at all, or may be opened again.
    fn may_go_on(&mut self, view: usize, slot: u32, finding: &mut Finding) -> bool {
        let row = self.views.get_mut(view).and_then(|v| v.entities.get_mut(slot));
        let Some(row) = row else { return false };
        let key = row.key;
        let over = |episode: &mut Episode| !episode.is_open();
        let is_over = row
            .state
            .episode(finding.rule, finding.direction)
            .is_some_and(over);
        !is_over || self.may_open(view, &key, finding)
    }

    pub(super) fn ask(
        &mut self,
        view: usize,
        key: EntityKey,
        finding: &Finding,
        id: u64,
        before: Timestamp,
        what: Option<What>,
    ) {
        let question = Question {
            view,
            key,
            metric: finding.metric,
            before,
        };
        self.asked.push(Pending {
            id,
            rule: finding.rule,
            question,
            what,
        });
    }

    /// Looks at the conversations under everything that was asked about in this interval.
    pub(super) fn answer(&mut self) {
        let mut asked = std::mem::take(&mut self.asked);
        if asked.is_empty() {
            return;
        }
        asked.sort_by_key(|p| (p.rule, p.question.key, p.id));
        let questions: Vec<Question> = asked.iter().map(|p| p.question.clone()).collect();
        let mut answers = evidence::gather(&questions, &self.plan.views, self.table.rows(), &self.recent);
        for (question, answer) in questions.iter().zip(&mut answers) {
            self.remember_usual(question, answer);
        }
        let quality = self.quality();
        let words = Words {
            hosts: &self.hosts,
            origins: &self.origins,
            source: &self.config.source,
            rules: &self.plan.rules,
        };
        for (pending, evidence) in asked.iter().zip(&answers) {
            if let Some(rule) = self.plan.rules.get(pending.rule) {
                self.ledger.explain(pending.id, rule, evidence, &quality, &words);
            }
        }
        if self.plan.has(Pattern::Failover) {
            self.ledger.find_moves(&words);
        }
        for pending in &asked {
            self.to_profile.insert(pending.id);
            if let Some(what) = pending.what {
                self.ledger.tell(pending.id, what);
            }
        }
    }

    /// Puts the profiles of their hosts into anomalies, as they are known now, in one pass over the conversations.
    pub(super) fn profile_hosts(&mut self) {
        let ids = std::mem::take(&mut self.to_profile);
        let origins = &self.origins;
        let of = |ledger: &mut super::Ledger, id: u64| {
            ledger
                .get_mut(id)
                .map(|a| profiled(a, |ip| origins.origin(ip).internal))
                .unwrap_or_default()
        };
        let hosts: BTreeSet<Ip> = ids.iter().flat_map(|&id| of(&mut self.ledger, id)).collect();
        let rows = self
            .recent
            .iter()
            .flat_map(|(_, rows)| rows)
            .chain(self.table.rows());
        let profiles = self.hosts.profiles(hosts, rows);
        for id in ids {
            let hosts = of(&mut self.ledger, id);
            if let Some(anomaly) = self.ledger.get_mut(id) {
                anomaly.profiles = hosts
                    .iter()
                    .filter_map(|host| profiles.get(host).cloned())
                    .collect();
            }
        }
    }

    /// What is wrong with the data of the present interval, a sentence each.
    fn quality(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(present) = &self.present else {
            return notes;
        };
        if present.partial {
            notes.push("The capture begins in the middle of this interval.".to_owned());
        }
        notes.extend(self.quality.marks(present.interval).cloned());
        let late = self.late();
        if late > present.late_before {
            notes.push(format!(
                "{} packets or Flow Records of this interval came late and are not counted.",
                late - present.late_before
            ));
        }
        if self.table.refused() > 0 {
            notes.push("The table of conversations is full: some traffic is not counted.".to_owned());
        }
        notes
    }
}
