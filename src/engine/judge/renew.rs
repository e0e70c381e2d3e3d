//! Works on for long: under other rules, networks and databases, and without what nobody asks for any more.

use super::super::config::Config;
use super::super::plan::PlanError;
use super::{Judge, ViewState};
use crate::enrich::Origins;
use crate::model::Timestamp;
use std::sync::Arc;

/// Why another configuration cannot be taken over by a running engine.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// A rule cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What was learned, and every tick that is open, would mean something else.
    #[error("`interval` and `tick` cannot change while it runs: stop it and start it again")]
    Interval,
}

impl Judge {
    /// Where addresses belong.
    pub fn origins(&self) -> Arc<Origins> {
        Arc::clone(&self.origins)
    }

    /// Forgets anomalies that ended before `at`, so that there is room for new ones; how many.
    pub fn forget(&mut self, at: Timestamp) -> u64 {
        self.ledger.forget(at)
    }

    /// Takes over other rules and origins at once. Views that are the same go on with everything they know; new ones
    /// begin afresh. Anomalies stay open as long as their rule is still there. The present interval is seen by new
    /// views only from now on, so it teaches nothing.
    ///
    /// # Errors
    ///
    /// [`RenewError`]: nothing has changed.
    pub fn renew(&mut self, config: Arc<Config>, origins: Arc<Origins>) -> Result<(), RenewError> {
        if (config.interval, config.tick) != (self.config.interval, self.config.tick) {
            return Err(RenewError::Interval);
        }
        let fresh = Self::new(config, origins, self.watermarks.len())?;
        let old_plan = std::mem::replace(&mut self.plan, fresh.plan);
        let names = self.plan.views.iter().map(|view| view.fingerprint());
        let names: Vec<String> = names.collect();
        // Where each of the old views and rules stands now.
        let view = |old: usize| {
            let name = old_plan.views.get(old)?.fingerprint();
            names.iter().position(|new| *new == name)
        };
        let rules = &self.plan.rules;
        let rule = |old: usize| {
            let name = &old_plan.rules.get(old)?.name;
            rules.iter().position(|rule| rule.name == *name)
        };
        let old_views = std::mem::replace(&mut self.views, fresh.views);
        let mut ended = Vec::new();
        for (i, mut state) in old_views.into_iter().enumerate() {
            ended.extend(renumber(&mut state, &rule, view(i).is_some()));
            if let Some(place) = view(i).and_then(|place| self.views.get_mut(place)) {
                *place = state;
            }
        }
        self.strangers.retain_mut(|stranger| {
            let stays = stranger.renumber(&rule, &view);
            if !stays {
                ended.push(stranger.end());
            }
            stays
        });
        ended.extend(self.patterns.renumber(&rule, &view));
        ended.into_iter().for_each(|(id, at)| self.ledger.close(id, at));
        self.config = fresh.config;
        self.origins = fresh.origins;
        self.memo = fresh.memo;
        self.budget = fresh.budget;
        let accounts = std::mem::replace(&mut self.accounts, fresh.accounts);
        self.take_accounts(accounts);
        self.gating.waiting.clear();
        self.gating.excused.take();
        self.baselines = fresh.baselines;
        self.usuals = fresh.usuals;
        self.thresholds = self.load.thresholds(&self.budget, self.config.interval);
        self.place_all();
        if let Some(present) = &mut self.present {
            present.partial = true;
        }
        Ok(())
    }
}

/// Gives the episodes of a view the new numbers of their rules; id and end of those whose rule or view is gone.
fn renumber(
    state: &mut ViewState,
    rule: &impl Fn(usize) -> Option<usize>,
    view_stays: bool,
) -> Vec<(u64, Timestamp)> {
    let mut ended = Vec::new();
    for slot in 0..state.entities.len() as u32 {
        let Some(row) = state.entities.get_mut(slot) else {
            continue;
        };
        row.state.episodes.retain_mut(|(number, _, episode)| {
            let new = rule(usize::from(*number)).and_then(|new| u16::try_from(new).ok());
            match new.filter(|_| view_stays) {
                Some(new) => {
                    *number = new;
                    true
                }
                None => {
                    if episode.is_open() {
                        ended.push((episode.id, episode.last_at));
                    }
                    false
                }
            }
        });
    }
    ended
}
