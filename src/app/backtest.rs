//! A back-test: the same traffic through two engines, one with the rules in use and one with others, and what the change
//! of rules would make appear and vanish.
//!
//! Both engines learn from the beginning, so they differ in nothing but their rules.

use super::captures::Walk;
use super::records::{Holding, PATIENCE};
use super::setup::Setup;
use super::stored::Past;
use crate::cli::Usage;
use crate::config::Config;
use crate::engine::Engine;
use crate::input::Recorded;
use crate::model::{Anomaly, FlowRecord, Rule, Timestamp};
use anyhow::Result;
use std::convert::Infallible;
use std::path::PathBuf;

/// Two engines on the same traffic.
#[derive(Debug)]
pub struct Backtest {
    /// With the rules in use, and with the others.
    engines: [Engine; 2],
}

/// What a change of rules does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Only the other rules find it, in order of time.
    pub appear: Vec<Anomaly>,
    /// Only the rules in use find it.
    pub vanish: Vec<Anomaly>,
    /// Both find so many: the same rule, of the same entity, at a time they share.
    pub stay: usize,
}

impl Backtest {
    /// Two engines: with the rules of `setup`, and with `others` instead of those of the same names and beside the rest.
    /// Without others: with no rules, and with those of `setup`, so that all they find appears.
    /// `records` says that Flow Records will be taken as files list them.
    ///
    /// # Errors
    ///
    /// [`Usage`]: a rule cannot be used.
    pub fn new(setup: &Setup, others: Option<&[Rule]>, records: bool) -> Result<Self> {
        let engine = |rules: Vec<Rule>| -> Result<Engine> {
            let mut config = setup.engine(None, "FILE".to_owned());
            config.rules = rules;
            if records {
                config.patience = PATIENCE;
            }
            Ok(Engine::new(config, setup.origins.clone(), 1).map_err(|error| Usage(error.to_string()))?)
        };
        let used = || setup.rules.clone();
        let [first, second] = match others {
            Some(others) => [used(), with(&setup.rules, others)],
            None => [Vec::new(), used()],
        };
        Ok(Self {
            engines: [engine(first)?, engine(second)?],
        })
    }

    /// Takes in the traffic of files.
    pub fn files(&mut self, files: &[PathBuf], holding: Holding, walk: &mut Walk) {
        let Ok(()) = match holding {
            Holding::Packets => walk.run(files, |packet| {
                let [used, other] = &mut self.engines;
                let outcome = used.observe(packet);
                let _ = other.observe(packet);
                self.settle();
                Ok::<_, Infallible>(outcome)
            }),
            Holding::Export => walk
                .run_export(files, |message, faults| {
                    let [used, other] = &mut self.engines;
                    used.collect(message);
                    other.collect(message);
                    faults.extend(std::iter::from_fn(|| used.fault()));
                    while other.fault().is_some() {}
                    self.settle();
                    Ok::<_, Infallible>(())
                })
                .map(|_| ()),
            Holding::Records => walk.run_records(files, |Recorded { record, received }| {
                self.take(record, *received);
                Ok::<_, Infallible>(())
            }),
        };
    }

    /// Takes in stored flows.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn past(&mut self, past: &Past, config: &Config, walk: &mut Walk) -> Result<()> {
        walk.run_stored(past, config, |record, received| {
            self.take(record, received);
            Ok(())
        })
    }

    /// Takes in one Flow Record, told of at `received`: in order of arrival, from wherever it is kept.
    pub fn take(&mut self, record: &FlowRecord, received: Timestamp) {
        for engine in &mut self.engines {
            engine.take(record, received);
        }
        self.settle();
    }

    /// Ends the traffic.
    pub fn finish(mut self) -> Difference {
        let [used, other] = &mut self.engines;
        used.finish();
        other.finish();
        difference(used.anomalies(), other.anomalies())
    }

    /// Nobody is told of anything while it happens.
    fn settle(&mut self) {
        for engine in &mut self.engines {
            while engine.poll().is_some() {}
        }
    }
}

/// `rules` with `others` in the places of those of the same names, and behind them.
fn with(rules: &[Rule], others: &[Rule]) -> Vec<Rule> {
    let other = |name: &str| others.iter().find(|rule| rule.name == name);
    let replaced = rules.iter().map(|rule| other(&rule.name).unwrap_or(rule));
    let new = others
        .iter()
        .filter(|new| rules.iter().all(|rule| rule.name != new.name));
    replaced.chain(new).cloned().collect()
}

/// Whether both tell of the same thing.
fn same(a: &Anomaly, b: &Anomaly) -> bool {
    let end = |anomaly: &Anomaly| anomaly.ended_at.unwrap_or(Timestamp::MAX);
    let of = |anomaly: &Anomaly| (anomaly.metric, anomaly.direction, anomaly.shadow);
    a.rule == b.rule
        && a.entity == b.entity
        && of(a) == of(b)
        && a.started_at <= end(b)
        && b.started_at <= end(a)
}

fn difference(used: Vec<Anomaly>, other: Vec<Anomaly>) -> Difference {
    let not_in = |all: &[Anomaly], found: &Anomaly| !all.iter().any(|known| same(known, found));
    let appear: Vec<_> = other
        .iter()
        .filter(|found| not_in(&used, found))
        .cloned()
        .collect();
    Difference {
        stay: other.len() - appear.len(),
        vanish: used.into_iter().filter(|found| not_in(&other, found)).collect(),
        appear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::read_config;
    use crate::drill::{Plan, Scenario, frames};
    use crate::model::{LinkType, RawPacket};
    use std::time::Duration;

    /// Half an hour of an incident, and what changes when one of the rules does.
    fn tested(change: impl Fn(&mut Rule)) -> Difference {
        let setup = Setup::new(read_config(None).unwrap()).unwrap();
        let mut rule = setup
            .rules
            .iter()
            .find(|rule| rule.name == "syn-flood")
            .unwrap()
            .clone();
        change(&mut rule);
        let mut test = Backtest::new(&setup, Some(&[rule]), false).unwrap();
        let plan = Plan {
            duration: Duration::from_secs(40 * 60),
            ..Plan::new(Scenario::SynFlood, 1)
        };
        let mut traffic = frames(&plan);
        while let Some(frame) = traffic.next_frame() {
            let raw = RawPacket {
                at: frame.at,
                link: LinkType(1),
                octets: frame.octets,
                original_length: frame.original_length,
            };
            for engine in &mut test.engines {
                let _ = engine.observe(&raw);
            }
        }
        test.finish()
    }

    #[test]
    fn the_same_rules_change_nothing() {
        let same = tested(|_| {});
        assert!(same.appear.is_empty() && same.vanish.is_empty());
        assert!(same.stay > 0);
    }

    #[test]
    fn a_floor_that_nothing_reaches_makes_the_anomalies_of_its_rule_vanish() {
        let higher = tested(|rule| rule.floor = 1e12);
        assert!(higher.appear.iter().all(|anomaly| anomaly.rule != "syn-flood"));
        assert!(higher.vanish.iter().any(|anomaly| anomaly.rule == "syn-flood"));
    }

    #[test]
    fn a_rule_of_a_new_name_is_added_and_its_anomalies_appear() {
        let added = tested(|rule| rule.name = "floods-too".to_owned());
        assert!(added.vanish.is_empty(), "{:?}", added.vanish);
        assert!(added.appear.iter().any(|anomaly| anomaly.rule == "floods-too"));
    }
}
