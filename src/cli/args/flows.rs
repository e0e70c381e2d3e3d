//! The arguments of `tidemark flows`.

use super::{As, FlowFormat};
use clap::Args;
use std::path::PathBuf;

/// `tidemark flows`.
#[derive(Debug, Args)]
pub struct Flows {
    /// Captures (pcap or pcapng), or files of nfcapd, or Zeek's conn.log (gzip or zstd too), merged in time order; `-` is
    /// standard input; without any, flows that are stored.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The folder flows are stored in, instead of that of the configuration.
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    pub store: Option<PathBuf>,
    /// Configuration (time-outs, tunnels, networks, databases); built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// How to read the files.
    #[arg(long = "as", value_enum, default_value_t)]
    pub read_as: As,
    /// How to write the records.
    #[arg(long, value_enum, default_value_t)]
    pub format: FlowFormat,
    /// Where to write them, instead of standard output.
    #[arg(long, short, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Print only records that pass this filter, such as `dst port 443 and bytes > 1M`.
    #[arg(long, short, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Print at most this many records.
    #[arg(short, value_name = "N")]
    pub number: Option<u64>,
    /// Print only records that end at or after this time: RFC 3339, a date, `yesterday`, `2h ago`.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Print only records that start before this time.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
}
