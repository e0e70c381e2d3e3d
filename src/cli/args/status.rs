//! The arguments of `tidemark status`.

use clap::Args;
use std::path::PathBuf;

/// `tidemark status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The state of `run`; as the configuration says without it.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Configuration; built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// A warning from so many open anomalies of high severity on.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub warning: u64,
    /// Critical from so many open anomalies of critical severity on.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub critical: u64,
}
