//! What each rule did: tests counted as they are made, and what was learned of rules taken over.

use super::super::plan::{MetricPlan, Plan};
use super::super::scoring::Thresholds;
use super::super::series::Series;
use super::Judge;
use crate::detect::Verdict;
use crate::model::{Pattern, RuleAccount, Test};
use std::collections::BTreeMap;

/// Tests made on one metric of a view in one interval.
#[derive(Clone, Copy, Debug, Default)]
struct Made {
    point: u64,
    slow: u64,
    sequential: u64,
    newcomer: u64,
}

/// Tests made on the metrics of a view in one interval.
#[derive(Clone, Debug)]
pub(super) struct Tested(Vec<Made>);

impl Tested {
    /// None yet, of so many metrics.
    pub(super) fn none(metrics: usize) -> Self {
        Self(vec![Made::default(); metrics])
    }

    /// Counts the tests of one entity: its verdicts and series, by metric.
    pub(super) fn count(&mut self, verdicts: &[Verdict], series: &[Series]) {
        for (i, (made, verdict)) in self.0.iter_mut().zip(verdicts).enumerate() {
            made.point += u64::from(verdict.ready);
            made.slow += u64::from(verdict.slow.ready);
            made.newcomer += u64::from(!verdict.ready);
            let sequential = series.get(i).is_some_and(|s| s.sequential.is_some());
            made.sequential += u64::from(sequential);
        }
    }
}

impl Judge {
    /// What each rule did so far, in the order of the rules.
    pub fn accounts(&self) -> &[RuleAccount] {
        &self.accounts
    }

    /// How many anomalies of each rule are open.
    pub fn open_by_rule(&self) -> BTreeMap<String, u64> {
        self.ledger.open_by_rule()
    }

    /// Enters the tests of an interval into the accounts of the rules that asked for them.
    pub(super) fn account_tests(&mut self, view: usize, tested: &Tested) {
        let Some(plan) = self.plan.views.get(view) else {
            return;
        };
        for (metric, made) in plan.metrics.iter().zip(&tested.0) {
            enter(&mut self.accounts, metric, *made, &self.thresholds);
        }
    }

    /// Enters first contacts that the scan test of a view was stepped over.
    pub(super) fn account_contacts(&mut self, view: usize, contacts: u64) {
        let scans = self.plan.views.get(view).map_or(&[][..], |plan| &plan.scans);
        // There is one walk, whichever of the rules it opens.
        for &rule in scans.iter().take(1) {
            if let Some(account) = self.accounts.get_mut(rule) {
                account.test(contacts, self.thresholds.scan);
            }
        }
    }

    /// Enters that a rule opened an anomaly.
    pub(super) fn account_fired(&mut self, rule: usize) {
        let shadow = self.plan.gates.get(rule).is_some_and(|gate| gate.shadow);
        if let Some(account) = self.accounts.get_mut(rule) {
            account.fired += u64::from(!shadow);
            account.shadowed += u64::from(shadow);
        }
    }

    /// Enters a test of a pattern.
    pub(super) fn account_pattern(&mut self, pattern: Pattern) {
        for (rule, _) in self.plan.patterns(pattern) {
            if let Some(account) = self.accounts.get_mut(rule) {
                account.test(1, self.thresholds.pattern);
            }
        }
    }

    /// Carries on with the accounts of an earlier run, by name.
    pub(super) fn take_accounts(&mut self, earlier: Vec<RuleAccount>) {
        for old in earlier {
            if let Some(account) = self.accounts.iter_mut().find(|new| new.rule == old.rule) {
                *account = old;
            }
        }
    }
}

/// Empty accounts of all rules.
pub(super) fn blank(plan: &Plan) -> Vec<RuleAccount> {
    plan.rules
        .iter()
        .map(|rule| RuleAccount::of(&rule.name))
        .collect()
}

/// What the rules of one metric tested, each by the channels it listens to.
fn enter(accounts: &mut [RuleAccount], metric: &MetricPlan, made: Made, thresholds: &Thresholds) {
    for (rule, test, _) in &metric.rules {
        let Some(account) = accounts.get_mut(*rule) else {
            continue;
        };
        match test {
            Test::Baseline { above, .. } => {
                account.test(made.point, thresholds.point);
                account.test(made.slow, thresholds.slow_an_interval);
                account.test(made.sequential, thresholds.sequential);
                let newcomers = if *above { made.newcomer } else { 0 };
                account.test(newcomers, thresholds.newcomer);
            }
            Test::Sequential => account.test(made.sequential, thresholds.sequential),
            _ => account.test(made.point + made.newcomer, f64::INFINITY),
        }
    }
}
