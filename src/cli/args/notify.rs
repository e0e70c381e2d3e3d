//! The arguments of `tidemark notify`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `tidemark notify`.
#[derive(Debug, Args)]
pub struct Notify {
    /// What to do with them.
    #[command(subcommand)]
    pub command: NotifyCommand,
}

/// What can be done with notifications.
#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Send a message that tries out a route through its real channel, and say what came back; exit 1 when one does not arrive.
    Test {
        /// The route; all of them without it.
        #[arg(value_name = "ROUTE")]
        route: Option<String>,
        /// The configuration.
        #[arg(long, short, value_name = "CONFIG")]
        config: PathBuf,
    },
}
