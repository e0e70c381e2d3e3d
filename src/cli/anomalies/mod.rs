//! `tidemark anomalies`: anomalies that are kept, and what people do about them.

mod show;

use super::args::anomalies::{Allow, Anomalies, AnomaliesCommand, List, ListFormat, VerdictArgs};
use super::{DONE, Usage, moment};
use crate::app::desk;
use crate::filter::AnomalyFilter;
use crate::model::units::printable;
use crate::model::{Act, AnomalyId, Entry, Scope, Timestamp};
use crate::store::desk::{Ask, Desk, DeskError, NewMeasure, Phase};
use anyhow::Result;
use std::io::{self, Write};

/// Runs the command; the exit status.
pub(super) fn run(args: &Anomalies) -> Result<u8> {
    let folder = desk::folder(args.place.state.as_deref(), args.place.config.as_deref())?;
    let mut clerk = Clerk {
        desk: desk::open(&folder)?,
        by: args.place.by.clone().unwrap_or_else(myself),
        now: moment::present(),
    };
    clerk
        .run(&args.command)
        .map_err(|error| match error.downcast::<DeskError>() {
            // What was asked for cannot be done; the desk itself is well.
            Ok(error @ (DeskError::File { .. } | DeskError::Sqlite(_) | DeskError::Damaged { .. })) => {
                error.into()
            }
            Ok(error) => Usage(error.to_string()).into(),
            Err(error) => error,
        })?;
    Ok(DONE)
}

/// Whoever is logged in.
fn myself() -> String {
    let known = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    known
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "somebody".to_owned())
}

/// Does one command.
struct Clerk {
    desk: Desk,
    by: String,
    now: Timestamp,
}

impl Clerk {
    fn run(&mut self, command: &AnomaliesCommand) -> Result<()> {
        match command {
            AnomaliesCommand::List(args) => self.list(args),
            AnomaliesCommand::Show { id, format } => self.show(*id, *format),
            AnomaliesCommand::Acknowledge { ids, note } => {
                self.act(ids, &Act::Acknowledged { note: note.clone() })
            }
            AnomaliesCommand::Unacknowledge { ids } => self.act(ids, &Act::Unacknowledged),
            AnomaliesCommand::Assign { ids, to } => self.act(ids, &Act::Assigned { to: to.clone() }),
            AnomaliesCommand::Comment { id, text } => {
                self.act(&[*id], &Act::Commented { text: text.clone() })
            }
            AnomaliesCommand::Verdict(args) => self.verdict(args),
            AnomaliesCommand::Retract { ids } => self.act(ids, &Act::Retracted),
            AnomaliesCommand::Silence { filter, end, why } => {
                let until = end.at(self.now);
                let id = self.desk.silence(self.now, &self.by, filter, until, why)?;
                eprintln!("silence {id} until {until}");
                Ok(())
            }
            AnomaliesCommand::Silences => self.silences(),
            AnomaliesCommand::Unsilence { id } => Ok(self.desk.end_silence(self.now, *id)?),
            AnomaliesCommand::Allow(args) => self.allow(args),
            AnomaliesCommand::Measures => self.measures(),
            AnomaliesCommand::Revoke { id } => Ok(self.desk.end_measure(self.now, *id)?),
        }
    }

    fn list(&self, args: &List) -> Result<()> {
        let filter = args.filter.as_deref().map(AnomalyFilter::parse).transpose();
        let ask = Ask {
            filter: filter.map_err(DeskError::from)?,
            phase: args.open.then_some(Phase::Open),
            since: args.since,
            until: args.until,
            limit: args.number,
            ..Ask::all(self.now)
        };
        let mut found = self.desk.anomalies(&ask)?;
        found.reverse();
        let mut out = io::stdout().lock();
        match args.format {
            ListFormat::Json => found.iter().try_for_each(|kept| show::json(&mut out, kept))?,
            ListFormat::Text => show::table(&mut out, &found)?,
        }
        Ok(())
    }

    fn show(&self, id: AnomalyId, format: ListFormat) -> Result<()> {
        let kept = self.desk.anomaly(id, self.now)?;
        let kept = kept.ok_or_else(|| DeskError::Unknown {
            what: "anomaly",
            id: id.to_string(),
        })?;
        let mut out = io::stdout().lock();
        match format {
            ListFormat::Json => show::json(&mut out, &kept)?,
            ListFormat::Text => {
                show::page(&mut out, &kept)?;
                show::history(&mut out, &self.desk.history(id)?)?;
                show::measures(&mut out, &self.desk.measures_of(id)?, self.now)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, ids: &[AnomalyId], act: &Act) -> Result<()> {
        let entries = self.desk.act(self.now, &self.by, ids, act)?;
        entries.iter().for_each(say);
        Ok(())
    }

    fn verdict(&mut self, args: &VerdictArgs) -> Result<()> {
        let (ids, verdict) = args.read().map_err(Usage)?;
        let (until, why) = (args.until, args.why.clone());
        self.act(&ids, &Act::Judged { verdict, until, why })?;
        for id in ids {
            for (measure, _) in self.desk.measures_of(id)?.iter().take(1) {
                if measure.is_active(self.now) {
                    eprintln!("measure {}: {}", measure.id, show::what(measure));
                }
            }
        }
        Ok(())
    }

    fn silences(&self) -> Result<()> {
        let mut all = self.desk.silences(1000)?;
        all.reverse();
        show::silences(&mut io::stdout().lock(), &all, self.now)?;
        Ok(())
    }

    fn allow(&mut self, args: &Allow) -> Result<()> {
        let mut parts: Vec<String> = args.filter.iter().map(|filter| format!("({filter})")).collect();
        parts.extend(args.net.as_ref().map(|net| format!("net {net}")));
        parts.extend(args.asn.map(|asn| format!("as {asn}")));
        let new = NewMeasure {
            scope: Scope {
                rules: args.rule.clone(),
                filter: (!parts.is_empty()).then(|| parts.join(" and ")),
                name: args.name.clone(),
                ..Scope::default()
            },
            until: args.until,
            why: args.why.clone(),
        };
        let id = self.desk.allow(self.now, &self.by, &new)?;
        eprintln!("measure {id}: {} opens nothing", new.scope);
        Ok(())
    }

    fn measures(&self) -> Result<()> {
        let mut all = self.desk.measures(1000)?;
        all.reverse();
        let mut out = io::stdout().lock();
        if all.is_empty() {
            writeln!(out, "No verdict and no allowlist steers the detector.")?;
        }
        show::measures(&mut out, &all, self.now)?;
        Ok(())
    }
}

fn say(entry: &Entry) {
    eprintln!(
        "{}: {} by {}",
        entry.anomaly,
        show::words(&entry.act),
        printable(&entry.by)
    );
}
