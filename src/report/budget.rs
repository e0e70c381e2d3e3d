//! The false-alarm budget, kept: what was promised, what was observed, and what each rule costs of it.

use crate::model::units::{count, duration, grouped};
use crate::model::{RuleAccount, Verdicts};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Promised against observed, over all runs that the state connects.
///
/// Serialises as the field `budget` of the `summary` line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Budget {
    /// For how many days rules judged.
    pub days: f64,
    /// Tests made: a series in an interval, a first contact, a newcomer.
    pub tests: u64,
    /// False alarms that the thresholds allowed for these tests. Floors and correlation keep what comes below it.
    pub promised: f64,
    /// Anomalies opened, of whatever cause; at most so many were false.
    pub fired: u64,
    /// What people said of them.
    pub verdicts: Verdicts,
    /// By rule, the most expensive first, then by name.
    pub rules: Vec<RuleBudget>,
}

/// One rule's part of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuleBudget {
    /// The rule.
    pub rule: String,
    /// Tests it made.
    pub tests: u64,
    /// False alarms that its thresholds allowed for them.
    pub promised: f64,
    /// Its part of all that was promised, 0 to 1: what it costs. Without it the others could be as much more sensitive.
    pub cost: f64,
    /// Anomalies it opened.
    pub fired: u64,
    /// What people said of them.
    pub verdicts: Verdicts,
}

impl Budget {
    /// From the accounts of the rules, an interval's length and what people said, by rule.
    pub fn of(accounts: &[RuleAccount], interval: Duration, said: &BTreeMap<String, Verdicts>) -> Self {
        let longest = accounts.iter().map(|a| a.intervals).max().unwrap_or(0);
        let mut budget = Self {
            days: longest as f64 * interval.as_secs_f64() / 86_400.0,
            tests: accounts.iter().map(|a| a.tests).sum(),
            promised: accounts.iter().map(|a| a.promised).sum(),
            fired: accounts.iter().map(|a| a.fired).sum(),
            ..Self::default()
        };
        for account in accounts {
            let verdicts = said.get(&account.rule).copied().unwrap_or_default();
            budget.verdicts.merge(&verdicts);
            budget.rules.push(RuleBudget {
                rule: account.rule.clone(),
                tests: account.tests,
                promised: account.promised,
                cost: account.promised / budget.promised.max(f64::MIN_POSITIVE),
                fired: account.fired,
                verdicts,
            });
        }
        let dearest = |a: &RuleBudget, b: &RuleBudget| b.promised.total_cmp(&a.promised);
        budget
            .rules
            .sort_by(|a, b| dearest(a, b).then_with(|| a.rule.cmp(&b.rule)));
        budget
    }

    /// Promised against observed, in words; `None` before anything was tested.
    pub fn words(&self) -> Option<String> {
        if self.tests == 0 {
            return None;
        }
        let time = Duration::try_from_secs_f64(self.days * 86_400.0).unwrap_or_default();
        let mut text = format!(
            "{} in {} tests over {}; {}",
            alarms(self.promised, "false alarm"),
            grouped(self.tests),
            duration(time),
            alarms(self.fired as f64, "anomaly")
        );
        if self.verdicts.total() > 0 {
            let (said, wrong) = (self.verdicts.total(), self.verdicts.false_alarm);
            text += &format!(
                ", {} judged by people, {} of them false",
                grouped(said),
                grouped(wrong)
            );
        }
        Some(text)
    }

    /// The rules that cost most, in words; `None` where none costs anything.
    pub fn dearest(&self, most: usize) -> Option<String> {
        let dear = self.rules.iter().filter(|rule| rule.cost >= 0.005).take(most);
        let named: Vec<String> = dear
            .map(|rule| format!("{} {:.0} %", rule.rule, rule.cost * 100.0))
            .collect();
        (!named.is_empty()).then(|| named.join(", "))
    }
}

/// A number of things, in words.
fn alarms(number: f64, what: &str) -> String {
    let plural = match what.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{what}s"),
    };
    match number {
        // Two digits of what is small: to be far below one is the point of it.
        n if n > 0.0 && n < 0.1 => {
            let decimals = (1.0 - n.log10()).ceil().clamp(0.0, 9.0) as usize;
            format!("{n:.decimals$} {plural}")
        }
        n if (n - 1.0).abs() < 0.05 => format!("1 {what}"),
        n => format!("{} {plural}", count(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;

    fn account(rule: &str, tests: u64, promised: f64, fired: u64) -> RuleAccount {
        RuleAccount {
            tests,
            promised,
            fired,
            intervals: 1440,
            ..RuleAccount::of(rule)
        }
    }

    fn budget() -> Budget {
        let accounts = [
            account("scan", 5_000, 0.1, 2),
            account("host-bytes-in", 1_000_000, 0.3, 1),
            account("limit", 0, 0.0, 0),
        ];
        let mut scans = Verdicts::default();
        [Verdict::False, Verdict::Attack]
            .into_iter()
            .for_each(|v| scans.add(v));
        let said = BTreeMap::from([("scan".to_owned(), scans), ("gone".to_owned(), scans)]);
        Budget::of(&accounts, Duration::from_secs(60), &said)
    }

    #[test]
    fn the_dearest_rule_comes_first_and_costs_are_parts_of_the_whole() {
        let budget = budget();
        let names: Vec<&str> = budget.rules.iter().map(|r| r.rule.as_str()).collect();
        assert_eq!(names, ["host-bytes-in", "scan", "limit"]);
        let costs: Vec<f64> = budget.rules.iter().map(|r| (r.cost * 100.0).round()).collect();
        assert_eq!(costs, [75.0, 25.0, 0.0]);
        assert_eq!(budget.dearest(2).unwrap(), "host-bytes-in 75 %, scan 25 %");
    }

    #[test]
    fn promised_stands_beside_observed_and_what_people_said() {
        assert_eq!(
            budget().words().unwrap(),
            "0.4 false alarms in 1,005,000 tests over 1 d; 3 anomalies, 2 judged by people, 1 of them false"
        );
        assert_eq!(alarms(0.0312, "false alarm"), "0.031 false alarms");
        assert_eq!(alarms(1.0, "anomaly"), "1 anomaly");
        assert_eq!(Budget::default().words(), None);
        assert_eq!(Budget::default().dearest(3), None);
    }
}
