//! `tidemark rules backtest`: what a change of rules would make appear and vanish in traffic that is over.

use super::args::{As, Past, ReviewFormat, duration};
use super::rules_test::as_typed;
use super::{DONE, FAILED};
use crate::app::{Backtest, Difference, Holding, Output, Setup, Walk, read_config};
use crate::config::Config;
use crate::model::Rule;
use crate::report;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `tidemark rules backtest`.
#[derive(Debug, Args)]
pub struct RulesBacktest {
    /// Captures (pcap or pcapng), or files of nfcapd, or Zeek's conn.log (gzip or zstd too), merged in time order; `-` is
    /// standard input; without any, flows that are stored.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub past: Past,
    /// File of rules to try: those of a name in use take its place, others come beside; may be given again. Without any,
    /// the rules in use are tried against none.
    #[arg(long, value_name = "RULES")]
    pub rule: Vec<PathBuf>,
    /// Configuration with the rules in use; built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// How to read the files.
    #[arg(long = "as", value_enum, default_value_t)]
    pub read_as: As,
    /// How to write what changes.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReviewFormat,
    /// Only learn for this long before anything may fire, such as `20m`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub learn: Option<Duration>,
}

/// Runs the command; the exit status.
pub(super) fn run(args: &RulesBacktest, quiet: bool, verbose: bool) -> Result<u8> {
    let mut config = read_config(args.config.as_deref())?;
    config.learn = args.learn.unwrap_or(config.learn);
    let others = match args.rule.is_empty() {
        true => None,
        false => Some(others(args, config.clone())?),
    };
    let setup = Setup::new(config)?;
    let holding = args.read_as.holding(&args.files, quiet)?;
    let past = args.past.meant(&args.files)?;
    let records = holding == Holding::Records || past.is_some();
    let mut test = Backtest::new(&setup, others.as_deref(), records)?;
    let mut walk = Walk::new(quiet, verbose);
    match past {
        Some(past) => test.past(&past, &setup.config, &mut walk)?,
        None => test.files(&args.files, holding, &mut walk),
    }
    write(args.format, &test.finish(), &walk)?;
    Ok(if walk.readable { DONE } else { FAILED })
}

/// The rules of the files to try, alone.
fn others(args: &RulesBacktest, mut config: Config) -> Result<Vec<Rule>> {
    config.rules.builtin = false;
    config.rule.clear();
    let files = args.rule.iter().map(|file| as_typed(file, &config));
    config.rules.files = files.collect::<Result<_>>()?;
    Ok(Setup::new(config)?.rules)
}

fn write(format: ReviewFormat, difference: &Difference, walk: &Walk) -> Result<()> {
    let mut out = Output::create(None)?;
    let changes = [("appears", &difference.appear), ("vanishes", &difference.vanish)];
    match format {
        ReviewFormat::Text => {
            let all = changes.map(|(change, anomalies)| (change, &anomalies[..]));
            report::rules::changed(&mut out, &all, difference.stay, walk.first)?;
        }
        ReviewFormat::Json => {
            for (change, anomalies) in changes {
                for anomaly in anomalies {
                    report::json::event(&mut out, anomaly, change)?;
                }
            }
        }
    }
    out.finish()
}
