//! The command line: what can be asked, and which exit status answers.

mod anomalies;
mod args;
mod check;
mod drill;
mod flows;
pub mod judge;
mod judge_command;
mod moment;
mod notify;
mod query;
mod replay;
mod rules;
mod rules_backtest;
mod rules_test;
mod run;
mod status;
mod users;

pub use args::{As, Cli, Command};

use clap::Parser;
use std::io;
use std::process::ExitCode;

/// Done.
const DONE: u8 = 0;
/// Failed: nothing could be read, or the output could not be written.
const FAILED: u8 = 1;
/// Bad usage or configuration.
const USAGE: u8 = 2;
/// `--fail-on` found something, or rules under test did not do what they must.
const FOUND: u8 = 3;

/// What is wrong with how the program was called or configured.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Runs the program on the arguments of the process and says how it went.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { DONE });
        }
    };
    match run(&cli) {
        Ok(status) => ExitCode::from(status),
        Err(error) if is_closed_pipe(&error) => ExitCode::from(DONE),
        Err(error) => {
            eprintln!("tidemark: {error:#}");
            ExitCode::from(if error.is::<Usage>() { USAGE } else { FAILED })
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<u8> {
    match &cli.command {
        Command::Run(args) => run::run(args, cli.quiet, cli.verbose),
        Command::Replay(args) => replay::run(args, cli.quiet, cli.verbose),
        Command::Flows(args) => flows::run(args, cli.quiet, cli.verbose),
        Command::Query(args) => query::run(args, cli.quiet, cli.verbose),
        Command::Drill(args) => drill::run(args, cli.quiet),
        Command::Status(args) => status::run(args),
        Command::Check(args) => check::run(args),
        Command::Anomalies(args) => anomalies::run(args),
        Command::Rules(args) => rules::run(args, cli.quiet, cli.verbose),
        Command::Notify(args) => notify::run(args),
        Command::Users(args) => users::run(args),
        Command::Judge(args) => judge_command::run(args),
    }
}

/// Whoever read our output had enough: that is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|e| e.downcast_ref::<io::Error>())
        .any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
