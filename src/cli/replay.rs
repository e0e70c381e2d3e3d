//! `tidemark replay`: captures in, explained anomalies out.

use super::args::{Replay, ReportFormat, Speed};
use super::{DONE, FOUND};
use crate::app::{self, Output, Pace, Setup, read_config};
use crate::model::Anomaly;
use crate::report::{self, Style, Summary};
use anyhow::Result;
use std::io::Write;

/// Runs the command; the exit status.
pub(super) fn run(args: &Replay, quiet: bool, verbose: bool) -> Result<u8> {
    let mut config = read_config(args.config.as_deref())?;
    config.learn = args.learn.unwrap_or(config.learn);
    let setup = Setup::new(config)?;
    let replay = app::Replay {
        files: args.files.clone(),
        holding: args.read_as.holding(&args.files, quiet)?,
        past: args.past.meant(&args.files)?,
        filter: args.filter.clone(),
        state: args.state.clone(),
        keep: args.keep.clone(),
        pace: match args.speed {
            Speed::Max => Pace::Max,
            Speed::Times(times) => Pace::Times(times),
        },
        fronts: usize::from(args.fronts),
        quiet,
        verbose,
    };
    let (anomalies, summary) = replay.run(&setup)?;
    write(args, &anomalies, &summary)?;
    let found = args
        .fail_on
        .is_some_and(|severity| anomalies.iter().any(|a| !a.shadow && a.severity >= severity));
    Ok(if found { FOUND } else { DONE })
}

fn write(args: &Replay, anomalies: &[Anomaly], summary: &Summary) -> Result<()> {
    let mut out = Output::create(args.output.as_deref())?;
    match args.format {
        ReportFormat::Text => {
            let style = Style {
                color: app::wants_color(args.output.is_some()),
                width: app::terminal_width(),
            };
            report::text::write(&mut out, anomalies, summary, style)?;
        }
        ReportFormat::Json => {
            for anomaly in anomalies {
                report::json::anomaly(&mut out, anomaly)?;
            }
            report::json::summary(&mut out, summary)?;
        }
        ReportFormat::Html => out.write_all(report::html::render(anomalies, summary).as_bytes())?,
    }
    out.finish()
}
