//! Taking what was learned out of a Judge and putting it back.

use super::super::state::{SavedView, Snapshot, StateError};
use super::Judge;

impl Judge {
    /// What was learned. Everything that is still open is left out: an anomaly belongs to its run.
    pub fn snapshot(&self) -> Snapshot {
        let views = self.views.iter().zip(&self.plan.views).map(|(view, plan)| {
            let mut entities: Vec<_> = view
                .entities
                .rows()
                .filter(|row| !row.state.series.is_empty() || row.state.is_suspect(true))
                .map(|row| (row.key, row.state.saved()))
                .collect();
            entities.sort_by_key(|(key, _)| *key);
            SavedView {
                name: plan.fingerprint(),
                entities,
                newcomers: view.newcomers.clone(),
            }
        });
        Snapshot {
            interval: u64::try_from(self.config.interval.as_nanos()).unwrap_or(u64::MAX),
            until: self.closed_until.unwrap_or(self.learned_until),
            learned: self.learned,
            views: views.collect(),
            hosts: self.hosts.clone(),
            load: self.load,
            accounts: self.accounts.clone(),
            open: self.ledger.open_by_rule(),
            theta: self.theta.clone(),
            priors: self.priors,
            refitted: self.refitted,
            patterns: self.patterns.learned.clone(),
            new_hosts: self.new_hosts.iter().copied().collect(),
            undo: self.steering.undo.clone(),
            exporters: Vec::new(),
        }
    }

    /// Carries on with what an earlier run learned. Views whose rules have changed begin afresh.
    ///
    /// # Errors
    ///
    /// [`StateError`]: it was learned under another interval; nothing was taken over.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<(), StateError> {
        let configured = u64::try_from(self.config.interval.as_nanos()).unwrap_or(u64::MAX);
        if snapshot.interval != configured {
            let seconds = |nanos: u64| nanos / 1_000_000_000;
            return Err(StateError::Interval {
                saved: seconds(snapshot.interval),
                configured: seconds(configured),
            });
        }
        for saved in snapshot.views {
            let known = self
                .plan
                .views
                .iter()
                .position(|plan| plan.fingerprint() == saved.name);
            let Some(view) = known.and_then(|i| self.views.get_mut(i)) else {
                continue;
            };
            for (key, state) in saved.entities {
                view.entities.restore(&key, state);
            }
            if saved.newcomers.len() == view.newcomers.len() {
                view.newcomers = saved.newcomers;
            }
        }
        self.hosts = snapshot.hosts;
        self.hosts
            .limit(self.config.profiled_hosts, self.config.questions_per_host);
        self.learned = snapshot.learned;
        self.learned_until = snapshot.until;
        self.load = snapshot.load;
        self.take_accounts(snapshot.accounts);
        self.theta = snapshot.theta;
        self.priors = snapshot.priors;
        self.refitted = snapshot.refitted;
        self.patterns.learned = snapshot.patterns;
        let limit = self.config.shares(self.plan.tables).hearings;
        self.patterns.learned.limit(limit);
        self.new_hosts = snapshot.new_hosts.into();
        self.steering.undo = snapshot.undo;
        self.thresholds = self.load.thresholds(&self.budget, self.config.interval);
        Ok(())
    }
}
