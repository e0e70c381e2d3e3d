//! `tidemark rules test`: captures replayed against rules; what each fired, and whether it was what was expected.

use super::args::{As, ReviewFormat, duration};
use super::{DONE, FOUND, Usage};
use crate::app::{self, Output, Pace, Setup, read_config};
use crate::config::Config;
use crate::model::Anomaly;
use crate::report::{self, RuleLine, Summary};
use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `tidemark rules test`.
#[derive(Debug, Args)]
pub struct RulesTest {
    /// Captures (pcap or pcapng), or files of nfcapd, or Zeek's conn.log (gzip or zstd too), merged in time order; `-` is
    /// standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Files of rules to test, and no others; without any, all rules of the configuration.
    #[arg(long, value_name = "RULES")]
    pub rules: Vec<PathBuf>,
    /// Configuration; built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// How to read the files.
    #[arg(long = "as", value_enum, default_value_t)]
    pub read_as: As,
    /// How to write what fired.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReviewFormat,
    /// Only learn for this long before anything may fire, such as `20m`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub learn: Option<Duration>,
    /// Exit with status 3 unless this rule fires, in shadow or not; may be given again.
    #[arg(long, value_name = "RULE")]
    pub must_fire: Vec<String>,
    /// Exit with status 3 if this rule fires, in shadow or not; may be given again.
    #[arg(long, value_name = "RULE")]
    pub must_not_fire: Vec<String>,
}

/// Runs the command; the exit status.
pub(super) fn run(args: &RulesTest, quiet: bool, verbose: bool) -> Result<u8> {
    let mut config = read_config(args.config.as_deref())?;
    config.learn = args.learn.unwrap_or(config.learn);
    if !args.rules.is_empty() {
        // Only what is asked for: the files are read as the configuration would read its own.
        config.rules.builtin = false;
        config.rule.clear();
        let files = args.rules.iter().map(|file| as_typed(file, &config));
        config.rules.files = files.collect::<Result<_>>()?;
    }
    let setup = Setup::new(config)?;
    let known = |name: &&String| setup.rules.iter().any(|rule| rule.name == **name);
    let expected = || args.must_fire.iter().chain(&args.must_not_fire);
    if let Some(name) = expected().find(|name| !known(name)) {
        return Err(Usage(format!("there is no rule `{name}` among those tested")).into());
    }
    let replay = app::Replay {
        files: args.files.clone(),
        holding: args.read_as.holding(&args.files, quiet)?,
        past: None,
        filter: None,
        state: None,
        keep: None,
        pace: Pace::Max,
        fronts: 1,
        quiet,
        verbose,
    };
    let (anomalies, summary) = replay.run(&setup)?;
    write(args, &anomalies, &summary)?;
    let wrong = surprises(args, &summary.rules);
    wrong.iter().for_each(|words| eprintln!("tidemark: {words}"));
    Ok(if wrong.is_empty() { DONE } else { FOUND })
}

/// A file named on the command line, so that a configuration in another folder finds it.
pub(super) fn as_typed(file: &Path, config: &Config) -> Result<PathBuf> {
    if config.file.is_empty() {
        return Ok(file.to_owned());
    }
    Ok(std::env::current_dir()?.join(file))
}

fn write(args: &RulesTest, anomalies: &[Anomaly], summary: &Summary) -> Result<()> {
    let mut out = Output::create(None)?;
    match args.format {
        ReviewFormat::Text => report::rules::fired(&mut out, &summary.rules, anomalies, summary.first)?,
        ReviewFormat::Json => {
            for anomaly in anomalies {
                report::json::anomaly(&mut out, anomaly)?;
            }
            for line in &summary.rules {
                report::json::rule(&mut out, line)?;
            }
        }
    }
    out.finish()
}

/// What came otherwise than expected, a sentence each.
fn surprises(args: &RulesTest, lines: &[RuleLine]) -> Vec<String> {
    let opened = |name: &str| {
        let line = lines.iter().find(|line| line.name == name);
        line.map_or(0, |line| line.fired + line.shadowed)
    };
    let silent = args.must_fire.iter().filter(|name| opened(name) == 0);
    let loud = args.must_not_fire.iter().filter(|name| opened(name) > 0);
    silent
        .map(|name| format!("`{name}` did not fire and must"))
        .chain(loud.map(|name| format!("`{name}` fired and must not")))
        .collect()
}
