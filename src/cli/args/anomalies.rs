//! The arguments of `tidemark anomalies`: the words of the API.

use crate::cli::moment;
use crate::model::{AnomalyId, Timestamp, Verdict};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// `tidemark anomalies`.
#[derive(Debug, Args)]
pub struct Anomalies {
    /// What to do with them.
    #[command(subcommand)]
    pub command: AnomaliesCommand,
    #[command(flatten)]
    pub place: Place,
}

/// Where the anomalies are kept, and who acts.
#[derive(Debug, Args)]
pub struct Place {
    /// The state of `run` or `replay --state`; as the configuration says without it.
    #[arg(long, value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
    /// Configuration; built-in defaults without it.
    #[arg(long, short, value_name = "CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Who acts; the name you are logged in with without it.
    #[arg(long, value_name = "NAME", global = true)]
    pub by: Option<String>,
}

/// What can be done with anomalies.
#[derive(Debug, Subcommand)]
pub enum AnomaliesCommand {
    /// List the newest, the newest last, with how they stand.
    List(List),
    /// Show one: what is known of it, its history, what was said of it and what followed.
    Show {
        /// Its id, as reports print it.
        #[arg(value_name = "ID")]
        id: AnomalyId,
        /// How it is written.
        #[arg(long, value_enum, default_value_t)]
        format: ListFormat,
    },
    /// Look after anomalies: nobody else needs to be told.
    Acknowledge {
        /// Which.
        #[arg(value_name = "ID", required = true)]
        ids: Vec<AnomalyId>,
        /// In your words.
        #[arg(long, value_name = "WORDS")]
        note: Option<String>,
    },
    /// Look after them no more.
    Unacknowledge {
        /// Which.
        #[arg(value_name = "ID", required = true)]
        ids: Vec<AnomalyId>,
    },
    /// Give anomalies to somebody to solve, or to nobody.
    Assign {
        /// Which.
        #[arg(value_name = "ID", required = true)]
        ids: Vec<AnomalyId>,
        /// To whom; nobody without it.
        #[arg(long, value_name = "NAME")]
        to: Option<String>,
    },
    /// Say something about an anomaly.
    Comment {
        /// Which.
        #[arg(value_name = "ID")]
        id: AnomalyId,
        /// What.
        #[arg(value_name = "WORDS")]
        text: String,
    },
    /// Say what an anomaly was; the newest word counts, and the detector heeds it.
    Verdict(VerdictArgs),
    /// Take a verdict back, and with it what followed.
    Retract {
        /// Of which.
        #[arg(value_name = "ID", required = true)]
        ids: Vec<AnomalyId>,
    },
    /// Have nobody told of certain anomalies for a while.
    Silence {
        /// Which: a filter over anomalies, such as `rule scan and net 10.1.0.0/16`.
        #[arg(value_name = "FILTER")]
        filter: String,
        #[command(flatten)]
        end: End,
        /// Why.
        #[arg(long, value_name = "WORDS")]
        why: String,
    },
    /// List silences, the newest last.
    Silences,
    /// End a silence before its time.
    Unsilence {
        /// Its number.
        #[arg(value_name = "N")]
        id: u64,
    },
    /// Allow something for good or for a while: its deviations open nothing.
    Allow(Allow),
    /// List what followed from verdicts and what is allowed, with what each did so far, the newest last.
    Measures,
    /// Take back what followed from a verdict, or what was allowed.
    Revoke {
        /// Its number.
        #[arg(value_name = "N")]
        id: u64,
    },
}

/// How lists are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For a terminal.
    #[default]
    Text,
    /// JSON lines: those of reports, each with its `life`.
    Json,
}

/// `tidemark anomalies list`.
#[derive(Debug, Args)]
pub struct List {
    /// Which: a filter over anomalies, such as `severity >= high and not acknowledged`.
    #[arg(long, short, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Only those that go on.
    #[arg(long)]
    pub open: bool,
    /// Detected from then on.
    #[arg(long, value_name = "TIME", value_parser = moment::from_now)]
    pub since: Option<Timestamp>,
    /// Detected before then.
    #[arg(long, value_name = "TIME", value_parser = moment::from_now)]
    pub until: Option<Timestamp>,
    /// At most so many.
    #[arg(short, value_name = "N", default_value_t = 50)]
    pub number: usize,
    /// How they are written.
    #[arg(long, value_enum, default_value_t)]
    pub format: ListFormat,
}

/// When something ends.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct End {
    /// Until then.
    #[arg(long, value_name = "TIME", value_parser = moment::from_now)]
    pub until: Option<Timestamp>,
    /// For so long from now.
    #[arg(long = "for", value_name = "DURATION", value_parser = moment::length)]
    pub lasts: Option<Duration>,
}

impl End {
    /// The instant it names.
    pub fn at(&self, now: Timestamp) -> Timestamp {
        let after = self.lasts.map(|lasts| now + lasts);
        self.until.or(after).unwrap_or(now)
    }
}

/// `tidemark anomalies verdict`.
#[derive(Debug, Args)]
pub struct VerdictArgs {
    /// Which, and what they were. attack: it was one. false: nothing was out of the ordinary; its like is told only where it is
    /// stranger still. expected: out of the ordinary, and known beforehand; excused, until a time if you like. new-normal: out
    /// of the ordinary, and to stay; the baseline moves there.
    #[arg(value_name = "ID... VERDICT", required = true, num_args = 2..)]
    pub words: Vec<String>,
    /// What is expected ends then.
    #[arg(long, value_name = "TIME", value_parser = moment::from_now)]
    pub until: Option<Timestamp>,
    /// Why.
    #[arg(long, value_name = "WORDS")]
    pub why: Option<String>,
}

impl VerdictArgs {
    /// The anomalies and what they were.
    ///
    /// # Errors
    ///
    /// A word is neither, or the verdict is missing.
    pub fn read(&self) -> Result<(Vec<AnomalyId>, Verdict), String> {
        let Some((last, ids)) = self.words.split_last() else {
            return Err("an id and a verdict".to_owned());
        };
        let known = Verdict::ALL.into_iter().find(|verdict| verdict.name() == last);
        let verdict = known.ok_or_else(|| {
            let names = Verdict::ALL.map(Verdict::name).join(", ");
            format!("`{last}` is no verdict; one of {names}")
        })?;
        let id = |word: &String| word.parse().map_err(|error| format!("`{word}`: {error}"));
        Ok((ids.iter().map(id).collect::<Result<_, String>>()?, verdict))
    }
}

/// `tidemark anomalies allow`.
#[derive(Debug, Args)]
pub struct Allow {
    /// Traffic of this network, either side.
    #[arg(long, value_name = "PREFIX")]
    pub net: Option<String>,
    /// Traffic of this autonomous system, either side.
    #[arg(long = "as", value_name = "NUMBER")]
    pub asn: Option<u32>,
    /// Hosts known by a name like this; `*` stands for any characters.
    #[arg(long, value_name = "PATTERN")]
    pub name: Option<String>,
    /// Only for this rule; may be given several times.
    #[arg(long, value_name = "RULE")]
    pub rule: Vec<String>,
    /// Traffic: any filter over flows.
    #[arg(long, short, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Until then; for good without it.
    #[arg(long, value_name = "TIME", value_parser = moment::from_now)]
    pub until: Option<Timestamp>,
    /// Why.
    #[arg(long, value_name = "WORDS")]
    pub why: Option<String>,
}
