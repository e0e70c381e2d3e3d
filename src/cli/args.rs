//! The arguments, as clap reads them. Their documentation comments are the program's help.

pub mod anomalies;
mod flows;
mod notify;
mod past;
mod query;
mod status;
mod users;

use anomalies::Anomalies;
pub use flows::Flows;
pub use notify::{Notify, NotifyCommand};
pub use past::Past;
pub use query::{Query, QueryFormat};
pub use status::Status;
pub use users::{Users, UsersCommand};

use super::rules_backtest::RulesBacktest;
use super::rules_test::RulesTest;
use crate::app::{self, Holding};
use crate::model::{Severity, Timestamp};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Learns the usual level of a network's traffic and says when, where and why it leaves it.
#[derive(Debug, Parser)]
#[command(name = "tidemark", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// No words and no progress bar on standard error, only errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// More words: every fault, not the first of each file.
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect flow export and capture packets live; report what deviates as it happens, until told to stop.
    Run(Run),
    /// Replay captures or Flow Records through the detector and report what deviated, when, by how much and because of whom.
    Replay(Replay),
    /// Print the Flow Records of captures, or of files that others wrote.
    Flows(Flows),
    /// Group, measure and rank Flow Records: who sent the most, to where, when.
    Query(Query),
    /// Write the traffic of an incident to a capture, to train people and to test detectors.
    Drill(Drill),
    /// Say how the daemon is, as a monitoring plugin does: exit 0 well, 1 warning, 2 critical, 3 unknown.
    Status(Status),
    /// Print the effective configuration; exit 2 and name line and key on a bad one.
    Check(Check),
    /// List, check or test rules.
    Rules(Rules),
    /// List the anomalies that are kept, and look after them: acknowledge, assign, comment, judge, silence, allow.
    Anomalies(Anomalies),
    /// Try out who is told, and how.
    Notify(Notify),
    /// Add, list and remove who may use the dashboard and its API.
    Users(Users),
    /// Judge one series (timestamp,value) and print expected, band, score and anomaly (1 where one begins) for every row.
    Judge(Judge),
}

/// How files are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum As {
    /// By what is in them.
    #[default]
    Auto,
    /// Packets, to be metered.
    Packets,
    /// Datagrams of flow export, to be decoded.
    Export,
    /// Flow Records that others made: files of nfcapd, Zeek's conn.log.
    Records,
}

impl As {
    /// What `files` hold; that it is flow export is said on standard error where it had to be found out.
    ///
    /// # Errors
    ///
    /// They are of several kinds, which are not read together.
    pub fn holding(self, files: &[PathBuf], quiet: bool) -> anyhow::Result<Holding> {
        Ok(match self {
            Self::Auto if app::are_records(files)? => Holding::Records,
            Self::Auto if app::is_export(files, quiet) => Holding::Export,
            Self::Auto | Self::Packets => Holding::Packets,
            Self::Export => Holding::Export,
            Self::Records => Holding::Records,
        })
    }
}

/// How anomalies are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For a terminal.
    #[default]
    Text,
    /// A line for each anomaly and one for the summary.
    Json,
    /// One self-contained page with charts.
    Html,
}

/// How what rules did is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReviewFormat {
    /// For a terminal.
    #[default]
    Text,
    /// JSON lines.
    Json,
}

/// How Flow Records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FlowFormat {
    /// An aligned table with totals.
    #[default]
    Text,
    /// One object a line.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// `tidemark run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Configuration; built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
}

/// `tidemark replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Captures (pcap or pcapng), or files of nfcapd, or Zeek's conn.log (gzip or zstd too), merged in time order; `-` is
    /// standard input; without any, flows that are stored, with `--since` or `--store`.
    #[arg(required_unless_present_any = ["since", "store"], value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub past: Past,
    /// Configuration; built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// How to read the files.
    #[arg(long = "as", value_enum, default_value_t)]
    pub read_as: As,
    /// How to write what was found.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Where to write it, instead of standard output.
    #[arg(long, short, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Look only at conversations that pass this filter, such as `dst net 10.0.0.0/8 and not port 53`.
    #[arg(long, short, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Only learn for this long before reporting anything, such as `20m`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub learn: Option<Duration>,
    /// Carry on with the baselines in this folder, and leave them there for the next time.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Keep the Flow Records in this folder, for `tidemark query` and `tidemark flows`.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// How fast: `max`, or a multiple of the capture's own pace, such as `1` or `10`.
    #[arg(long, value_name = "SPEED", default_value = "max", value_parser = speed)]
    pub speed: Speed,
    /// Then show what was found in the dashboard, until interrupted; the address is that of the configuration if not said.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true)]
    pub serve: Option<Option<std::net::SocketAddr>>,
    /// Exit with status 3 when an anomaly of this severity or a higher one was found.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,
    /// Split the work over this many Fronts; the result is the same for any number.
    #[arg(long, value_name = "N", default_value_t = 1, hide = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub fronts: u16,
}

/// `tidemark drill`.
#[derive(Debug, Args)]
pub struct Drill {
    /// What happens; `list` prints all scenarios.
    #[arg(value_name = "SCENARIO")]
    pub scenario: String,
    /// The capture to write (.gz and .zst compress it); FILE.truth.json beside it says what is wrong in it.
    #[arg(
        short = 'w',
        long = "write",
        value_name = "FILE",
        required_unless_present = "scenario"
    )]
    pub write: Option<PathBuf>,
    /// Decides everything that is left to chance.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How long; an hour by default, a day for `quiet`.
    #[arg(long, value_name = "D", value_parser = duration)]
    pub duration: Option<Duration>,
    /// First instant (RFC 3339); Monday 2026-03-02 08:00 UTC by default.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub start: Option<Timestamp>,
    /// Multiplies the usual traffic.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub scale: f64,
    /// Octets kept of each frame.
    #[arg(long, value_name = "N")]
    pub snap: Option<usize>,
}

/// `tidemark check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The configuration; built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
}

/// `tidemark rules`.
#[derive(Debug, Args)]
pub struct Rules {
    /// What to do with them.
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the rules in use; with a state, what each fired, its noise and its cost.
    List(RulesList),
    /// Check a file of rules; exit 2 and name line and key on a bad one.
    Check {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Configuration whose calendars and zone the rules may name.
        #[arg(long, short, value_name = "CONFIG")]
        config: Option<PathBuf>,
    },
    /// Replay captures against rules and print what each fired; exit 3 when that is not what must come of it.
    Test(RulesTest),
    /// Replay captures or Flow Records with the rules in use and with others, and print what would appear and vanish.
    Backtest(RulesBacktest),
}

/// `tidemark rules list`.
#[derive(Debug, Args)]
pub struct RulesList {
    /// The configuration; built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder with the state of `run` or `replay`: review what the rules did in it.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How to write the review.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReviewFormat,
}

/// `tidemark judge`.
#[derive(Debug, Args)]
pub struct Judge {
    /// CSV with a header; the first two columns are timestamp and value. `-` is standard input.
    #[arg(value_name = "SERIES.csv")]
    pub series: PathBuf,
    /// How many false alarms a week are acceptable.
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    pub false_alarms_per_week: f64,
    /// Also draw it: a picture (SVG) of the series, its usual band, the score and the anomalies.
    #[arg(long, value_name = "FILE.svg")]
    pub chart: Option<PathBuf>,
}

/// How fast to replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as it goes.
    Max,
    /// So many times the capture's own pace.
    Times(f64),
}

fn speed(text: &str) -> Result<Speed, String> {
    match text {
        "max" => Ok(Speed::Max),
        _ => match text.parse::<f64>() {
            Ok(times) if times > 0.0 && times.is_finite() => Ok(Speed::Times(times)),
            _ => Err("`max` or a number above 0".to_owned()),
        },
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "a duration such as 90s, 20m or 1h30m".to_owned())?;
    Duration::try_from(span).map_err(|_| "a duration that is not negative".to_owned())
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let at: jiff::Timestamp = text
        .parse()
        .map_err(|e| format!("{e}; an example is 2026-03-02T08:40:00Z"))?;
    i64::try_from(at.as_nanosecond())
        .map(Timestamp::from_nanos)
        .map_err(|_| "a year from 1678 to 2261".to_owned())
}

fn severity(text: &str) -> Result<Severity, String> {
    [Severity::Low, Severity::High, Severity::Critical]
        .into_iter()
        .find(|s| s.name() == text)
        .ok_or_else(|| "low, high or critical".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_and_durations_read_as_people_write_them() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert!(duration("-5m").is_err() && duration("soon").is_err());
        assert_eq!(
            instant("2026-03-02T08:00:00Z"),
            Ok(Timestamp::from_secs(1_772_438_400))
        );
        assert_eq!(speed("10"), Ok(Speed::Times(10.0)));
        assert!(speed("0").is_err() && speed("fast").is_err());
    }
}
