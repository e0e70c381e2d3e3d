//! `tidemark check`: the effective configuration, or what is wrong with it.

use super::DONE;
use super::args::Check;
use crate::app::{Setup, read_config};
use crate::engine::Engine;
use anyhow::Result;

/// Runs the command; the exit status.
pub(super) fn run(args: &Check) -> Result<u8> {
    let setup = Setup::new(read_config(args.config.as_deref())?)?;
    // What an engine would refuse is wrong here already.
    Engine::new(setup.engine(None, String::new()), setup.origins.clone(), 1)
        .map_err(|error| super::Usage(error.to_string()))?;
    print!("{}", setup.config);
    println!(
        "\n# {} rules in use; `tidemark rules list` shows them.",
        setup.rules.len()
    );
    for database in setup.origins.databases() {
        println!("# {database}");
    }
    for words in &setup.blind {
        println!("# Missing: {words}");
    }
    for words in setup.idle_exceptions() {
        println!("# Idle: {words}");
    }
    Ok(DONE)
}
