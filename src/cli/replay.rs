//! `tidemark replay`: captures in, explained anomalies out.

use super::args::{Replay, ReportFormat, Speed};
use super::{DONE, FOUND};
use crate::app::serve::Showing;
use crate::app::{self, Output, Pace, Setup, read_config};
use crate::model::Anomaly;
use crate::report::{self, Style, Summary};
use anyhow::Result;
use std::io::Write;
use std::net::SocketAddr;

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
    if let Some(address) = args.serve {
        return serve(args, setup, replay, address);
    }
    let (anomalies, summary) = replay.run(&setup)?;
    write(args, &anomalies, &summary)?;
    Ok(found(args, &anomalies))
}

/// Replays, writes what was found, and shows it until interrupted. The port is opened first: to replay for an hour and then
/// find it taken helps nobody.
fn serve(
    args: &Replay,
    mut setup: Setup,
    mut replay: app::Replay,
    address: Option<SocketAddr>,
) -> Result<u8> {
    setup.config.web.enabled = true;
    setup.config.web.listen = address.or(setup.config.web.listen);
    let showing = Showing::new(&setup.config, args.keep.clone())?;
    replay.keep = Some(showing.flows());
    let (anomalies, summary, engine) = replay.run_whole(&setup)?;
    write(args, &anomalies, &summary)?;
    let status = found(args, &anomalies);
    showing.run(setup, engine, anomalies, summary)?;
    Ok(status)
}

fn found(args: &Replay, anomalies: &[Anomaly]) -> u8 {
    let found = args
        .fail_on
        .is_some_and(|severity| anomalies.iter().any(|a| !a.shadow && a.severity >= severity));
    if found { FOUND } else { DONE }
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
