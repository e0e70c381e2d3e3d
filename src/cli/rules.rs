//! `tidemark rules`: which rules are in use, and whether a file of them is sound.

use super::args::{Rules, RulesCommand};
use super::{DONE, Usage};
use crate::app::{Setup, read_config};
use crate::config::Config;
use crate::engine::{self, Engine};
use crate::model::{Rule, Test};
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Runs the command; the exit status.
pub(super) fn run(args: &Rules) -> Result<u8> {
    match &args.command {
        RulesCommand::List(args) => {
            let setup = Setup::new(read_config(args.config.as_deref())?)?;
            list(&setup.rules);
        }
        RulesCommand::Check { file } => {
            let rules = check(file)?;
            println!("{}: {} rules, all sound", file.display(), rules);
        }
    }
    Ok(DONE)
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
            rule.description
        );
    }
}

fn test(test: &Test) -> &'static str {
    match test {
        Test::Baseline { .. } => "baseline",
        Test::Limit(_) => "limit",
        Test::Sequential => "sequential",
        Test::Scan => "scan",
        Test::NewHost => "new-host",
    }
}

/// Reads a file of rules as a configuration would that names it, without the built-in ones.
fn check(file: &Path) -> Result<usize> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|e| Usage(format!("{name}: {e}")))?;
    let mut config = Config::default();
    config.rules.builtin = false;
    config.rules.files = vec![file.to_owned()];
    let rules = config
        .all_rules(|_| Ok(text.clone()))
        .map_err(|e| Usage(e.to_string()))?;
    // Dimensions that cannot be combined are found where they are.
    let engine = engine::Config {
        rules: rules.clone(),
        ..engine::Config::default()
    };
    Engine::new(engine, Arc::default(), 1).map_err(|e| Usage(format!("{name}: {e}")))?;
    Ok(rules.len())
}
