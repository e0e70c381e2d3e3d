//! `tidemark anomalies`: the newest anomalies of a state, and what people say of them.

use super::args::{Anomalies, AnomaliesCommand, VerdictArgs};
use super::{DONE, Usage};
use crate::engine::Snapshot;
use crate::model::units::printable;
use crate::store::{self, verdicts};
use anyhow::Result;
use std::io::{self, Write};
use std::path::Path;

/// Runs the command; the exit status.
pub(super) fn run(args: &Anomalies) -> Result<u8> {
    match &args.command {
        AnomaliesCommand::List { state, number } => list(state, *number)?,
        AnomaliesCommand::Verdict(args) => say(args)?,
    }
    Ok(DONE)
}

fn snapshot(folder: &Path) -> Result<Snapshot> {
    let state = store::load::<Snapshot>(folder).map_err(|error| Usage(error.to_string()))?;
    Ok(state.ok_or_else(|| Usage(format!("there is no state in {}", folder.display())))?)
}

fn list(folder: &Path, number: usize) -> Result<()> {
    let snapshot = snapshot(folder)?;
    let book = verdicts::read(folder)?;
    book.faults
        .iter()
        .for_each(|fault| eprintln!("tidemark: {fault}"));
    let opened = snapshot.opened();
    let newest = opened
        .get(opened.len().saturating_sub(number)..)
        .unwrap_or_default();
    let width = newest.iter().map(|o| o.rule.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for opened in newest {
        let said = book.of(opened.id).map(|said| {
            let by = said.by.as_ref().map(|by| format!(" by {}", printable(by)));
            let why = said.why.as_ref().map(|why| format!(": {}", printable(why)));
            format!(
                "{}{}{}",
                said.verdict.name(),
                by.unwrap_or_default(),
                why.unwrap_or_default()
            )
        });
        let line = format!(
            "{}  {}  {:width$}  {}",
            opened.id,
            opened.at,
            opened.rule,
            said.unwrap_or_default()
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn say(args: &VerdictArgs) -> Result<()> {
    let snapshot = snapshot(&args.state)?;
    let opened = snapshot.opened().iter().rev().find(|opened| opened.id == args.id);
    let Some(opened) = opened else {
        let words = format!(
            "the state in {} knows no anomaly {} among its newest {}; a state is saved at the end of a replay, and by \
             `run` every 20 s",
            args.state.display(),
            args.id,
            snapshot.opened().len(),
        );
        return Err(Usage(words).into());
    };
    let said = verdicts::Said {
        id: args.id,
        rule: opened.rule.clone(),
        verdict: args.verdict,
        said_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        by: args.by.clone(),
        why: args.why.clone(),
    };
    let path = verdicts::say(&args.state, &said)?;
    eprintln!(
        "{}: {} of rule {} is {}",
        path.display(),
        said.id,
        said.rule,
        said.verdict.name()
    );
    Ok(())
}
