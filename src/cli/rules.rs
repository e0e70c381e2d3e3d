//! `tidemark rules`: which rules are in use, what they did, and whether a file of them is sound.

use super::args::{ReviewFormat, Rules, RulesCommand};
use super::{DONE, Usage, rules_backtest, rules_test};
use crate::app::{Output, Setup, read_config};
use crate::config::Config;
use crate::engine::{self, Engine, Snapshot};
use crate::model::{Rule, RuleAccount, Test};
use crate::report;
use crate::store;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Runs the command; the exit status.
pub(super) fn run(args: &Rules, quiet: bool, verbose: bool) -> Result<u8> {
    match &args.command {
        RulesCommand::List(args) => {
            let setup = Setup::new(read_config(args.config.as_deref())?)?;
            setup
                .idle_exceptions()
                .iter()
                .for_each(|words| eprintln!("tidemark: {words}"));
            match &args.state {
                Some(folder) => review(&setup, folder, args.format)?,
                None => list(&setup.rules),
            }
        }
        RulesCommand::Check { file, config } => {
            let rules = check(file, read_config(config.as_deref())?)?;
            println!("{}: {} rules, all sound", file.display(), rules);
        }
        RulesCommand::Test(args) => return rules_test::run(args, quiet, verbose),
        RulesCommand::Backtest(args) => return rules_backtest::run(args, quiet, verbose),
    }
    Ok(DONE)
}

/// What the rules in use did, as the state in a folder has it.
fn review(setup: &Setup, folder: &Path, format: ReviewFormat) -> Result<()> {
    let Some(snapshot) = store::load::<Snapshot>(folder)? else {
        return Err(Usage(format!("there is no state in {}", folder.display())).into());
    };
    let blank = |rule: &Rule| RuleAccount::of(&rule.name);
    let account = |rule: &Rule| {
        snapshot
            .rule_account(&rule.name)
            .cloned()
            .unwrap_or_else(|| blank(rule))
    };
    let accounts: Vec<RuleAccount> = setup.rules.iter().map(account).collect();
    let shadow = |name: &str| {
        setup
            .rules
            .iter()
            .any(|rule| rule.name == name && rule.gates.shadow)
    };
    let interval = snapshot.interval();
    let lines = report::rules::lines(accounts.iter(), interval, |name| snapshot.open(name), shadow);
    let mut out = Output::create(None)?;
    match format {
        ReviewFormat::Text => report::rules::review(&mut out, &lines)?,
        ReviewFormat::Json => {
            for line in &lines {
                report::json::rule(&mut out, line)?;
            }
        }
    }
    out.finish()
}

fn list(rules: &[Rule]) {
    let width = rules.iter().map(|r| r.name.len()).max().unwrap_or(0);
    for rule in rules {
        let dimensions: Vec<&str> = rule.dimensions.iter().map(|d| d.name()).collect();
        println!(
            "{:width$}  {:8}  {:10}  {:11}  {:17}  {}",
            rule.name,
            rule.severity.name(),
            test(&rule.test),
            rule.metric.name(),
            dimensions.join("+"),
            described(rule)
        );
    }
}

/// Its description, and that it is in shadow.
fn described(rule: &Rule) -> String {
    let mark = if rule.gates.shadow { "(shadow) " } else { "" };
    format!("{mark}{}", rule.description)
}

fn test(test: &Test) -> &'static str {
    match test {
        Test::Baseline { .. } => "baseline",
        Test::Limit(_) => "limit",
        Test::Sequential => "sequential",
        Test::Scan => "scan",
        Test::NewHost => "new-host",
        Test::Pattern(pattern) => pattern.name(),
    }
}

/// Reads a file of rules as a configuration would that names it, without the built-in ones.
fn check(file: &Path, mut config: Config) -> Result<usize> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|e| Usage(format!("{name}: {e}")))?;
    config.rules.builtin = false;
    config.rule.clear();
    config.rules.files = vec![rules_test::as_typed(file, &config)?];
    let rules = config
        .all_rules(|_| Ok(text.clone()))
        .map_err(|e| Usage(e.to_string()))?;
    let calendars = config
        .all_calendars(|path| fs::read_to_string(path))
        .map_err(|e| Usage(e.to_string()))?;
    // Dimensions that cannot be combined are found where they are.
    let engine = engine::Config {
        rules: rules.clone(),
        calendars,
        ..engine::Config::default()
    };
    Engine::new(engine, Arc::default(), 1).map_err(|e| Usage(format!("{name}: {e}")))?;
    Ok(rules.len())
}
