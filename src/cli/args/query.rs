//! The arguments of `tidemark query`.

use super::As;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// A table with shares, the others and the total.
    #[default]
    Text,
    /// A line for each row and one for the summary.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// `tidemark query`.
#[derive(Debug, Args)]
pub struct Query {
    /// Captures of packets or of flow export (pcap or pcapng, gzip or zstd too), `-` for standard input; without any,
    /// flows that are stored.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The folder flows are stored in, instead of that of the configuration.
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    pub store: Option<PathBuf>,
    /// What to group by and to measure, such as `src_ip/bytes` or `srcip,dst_port/bytes,flows,p95_bytes`.
    #[arg(
        short = 's',
        long = "statistic",
        value_name = "DIMS/METRICS",
        default_value = "record/bytes"
    )]
    pub statistic: String,
    /// How many rows; 0 for all of them.
    #[arg(short, value_name = "N", default_value_t = 10)]
    pub number: usize,
    /// Count only flows that pass this filter, such as `dst port 443 and bytes > 1M`.
    #[arg(long, short, value_name = "FILTER")]
    pub filter: Option<String>,
    /// From when on: RFC 3339, a date, `yesterday`, `2h ago`; in UTC where no zone is given.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Until when, itself left out.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// A time series in steps of this length, such as `5m`.
    #[arg(long, value_name = "DURATION", value_parser = crate::cli::moment::length)]
    pub every: Option<Duration>,
    /// Put the stretch of equal length before --since beside it, with the change in per cent.
    #[arg(long)]
    pub previous: bool,
    /// Order rows by this metric, the first one asked for by default; `METRIC:asc` puts the least first.
    #[arg(long, short = 'O', value_name = "METRIC")]
    pub order: Option<String>,
    /// How to write the answer.
    #[arg(long, value_enum, default_value_t)]
    pub format: QueryFormat,
    /// Leave amounts as they were exported, instead of multiplying by the sampling rate.
    #[arg(long)]
    pub raw: bool,
    /// Where to write it, instead of standard output.
    #[arg(long, short, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Configuration (time-outs, tunnels, networks, databases); built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// How to read the captures.
    #[arg(long = "as", value_enum, default_value_t)]
    pub read_as: As,
    /// How much memory flows and groups may occupy each, such as `512M` or `2Gi`.
    #[arg(long, value_name = "SIZE", default_value = "1Gi", value_parser = crate::filter::parse_amount)]
    pub memory: u64,
}
