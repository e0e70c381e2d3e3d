//! `tidemark run`: collects and captures live until told to stop.

use super::DONE;
use super::args::Run;
use crate::app;
use anyhow::Result;

/// Runs the command; the exit status.
pub(super) fn run(args: &Run, quiet: bool, verbose: bool) -> Result<u8> {
    let run = app::Run {
        config: args.config.clone(),
        quiet,
        verbose,
    };
    run.run().map(|()| DONE)
}
