//! Anomalies that are kept, their histories, silences and measures, for a terminal and for scripts.

use crate::model::units::printable;
use crate::model::{Act, Effect, Entry, Measure, Silence, Steer, Timestamp};
use crate::store::desk::Kept;
use std::io::{Result, Write};
use std::time::Duration;

/// The line of a report, with how the anomaly stands.
pub(super) fn json(out: &mut impl Write, kept: &Kept) -> Result<()> {
    let life = serde_json::to_string(&kept.life)?;
    let silence = kept
        .silence
        .map(|id| format!(",\"silence\":{id}"))
        .unwrap_or_default();
    let line = kept.json.trim_end().strip_suffix('}').unwrap_or(&kept.json);
    writeln!(out, "{line},\"life\":{life}{silence}}}")
}

/// A line for each anomaly.
pub(super) fn table(out: &mut impl Write, all: &[Kept]) -> Result<()> {
    let rule = all.iter().map(|kept| kept.facts.rule.len()).max().unwrap_or(0);
    for kept in all {
        let line = format!(
            "{}  {}  {:8}  {:6}  {:rule$}  {}  {}",
            kept.facts.id,
            second(kept.facts.detected_at),
            kept.life.severity.name(),
            if kept.life.open { "open" } else { "closed" },
            kept.facts.rule,
            printable(&kept.facts.entity.to_string()),
            stands(kept),
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// How people left it, in few words.
fn stands(kept: &Kept) -> String {
    let life = &kept.life;
    let mut parts = Vec::new();
    if let Some(said) = &life.verdict {
        let why = said.why.as_ref().map(|why| format!(": {}", printable(why)));
        let by = printable(&said.by);
        parts.push(format!(
            "{} by {by}{}",
            said.verdict.name(),
            why.unwrap_or_default()
        ));
    }
    parts.extend(
        life.acknowledged
            .as_ref()
            .map(|ack| format!("acknowledged by {}", printable(&ack.by))),
    );
    parts.extend(
        life.assignee
            .as_ref()
            .map(|name| format!("for {}", printable(name))),
    );
    parts.extend(kept.silence.map(|id| format!("silence {id}")));
    parts.join(", ")
}

/// Everything about one anomaly but its history.
pub(super) fn page(out: &mut impl Write, kept: &Kept) -> Result<()> {
    let facts = &kept.facts;
    writeln!(out, "{} {} ({})", facts.id, facts.kind, kept.life.severity.name())?;
    writeln!(out, "{}", printable(&facts.text))?;
    writeln!(out)?;
    let ended = facts
        .ended_at
        .map_or("goes on".to_owned(), |at| format!("until {}", second(at)));
    writeln!(out, "  rule       {}", facts.rule)?;
    writeln!(out, "  where      {}", printable(&facts.entity.to_string()))?;
    writeln!(
        out,
        "  when       {} {ended}, detected {}",
        second(facts.started_at),
        second(facts.detected_at)
    )?;
    writeln!(out, "  incident   {}", facts.incident)?;
    let stands = stands(kept);
    if !stands.is_empty() {
        writeln!(out, "  stands     {stands}")?;
    }
    let whole: serde_json::Value = serde_json::from_str(&kept.json).unwrap_or_default();
    if let Some(command) = whole.get("reproduce").and_then(|value| value.as_str()) {
        writeln!(out, "  look with  {}", printable(command))?;
    }
    for step in whole
        .get("next")
        .and_then(|value| value.as_array())
        .into_iter()
        .flatten()
    {
        writeln!(
            out,
            "  next       {}",
            printable(step.as_str().unwrap_or_default())
        )?;
    }
    Ok(())
}

/// A line for each entry.
pub(super) fn history(out: &mut impl Write, entries: &[Entry]) -> Result<()> {
    writeln!(out, "\nHistory")?;
    let by = entries
        .iter()
        .map(|entry| entry.by.chars().count())
        .max()
        .unwrap_or(0);
    for entry in entries {
        let who = printable(&entry.by);
        writeln!(out, "  {}  {who:by$}  {}", second(entry.at), words(&entry.act))?;
    }
    Ok(())
}

/// What was done, in words.
pub(super) fn words(act: &Act) -> String {
    let with = |what: &str, text: &Option<String>| match text {
        Some(text) => format!("{what}: {}", printable(text)),
        None => what.to_owned(),
    };
    match act {
        Act::Opened { severity } => format!("opened, {}", severity.name()),
        Act::Escalated { severity } => format!("escalated, {}", severity.name()),
        Act::Closed { ended_at: Some(at) } => format!("closed, it ended {}", second(*at)),
        Act::Closed { ended_at: None } => "closed, lost sight of".to_owned(),
        Act::Acknowledged { note } => with("acknowledged", note),
        Act::Assigned { to: Some(name) } => format!("assigned to {}", printable(name)),
        Act::Assigned { to: None } => "assigned to nobody".to_owned(),
        Act::Commented { text } => format!("commented: {}", printable(text)),
        Act::Judged { verdict, until, why } => {
            let until = until.map(|until| format!(" until {}", second(until)));
            let what = format!("judged {}{}", verdict.name(), until.unwrap_or_default());
            with(&what, why)
        }
        Act::Updated | Act::Reopened | Act::Unacknowledged | Act::Retracted => act.name().to_owned(),
    }
}

/// A line for each silence.
pub(super) fn silences(out: &mut impl Write, all: &[Silence], now: Timestamp) -> Result<()> {
    if all.is_empty() {
        return writeln!(out, "No silence was ever asked for.");
    }
    for silence in all {
        let state = match silence.ended_at {
            Some(at) => format!("ended {}", second(at)),
            None if silence.until <= now => format!("over since {}", second(silence.until)),
            None => format!("until {}", second(silence.until)),
        };
        writeln!(
            out,
            "{:>4}  {state}  fell on {}  by {}  {}  [{}]",
            silence.id,
            silence.held,
            printable(&silence.by),
            printable(&silence.why),
            printable(&silence.filter),
        )?;
    }
    Ok(())
}

/// Two lines for each measure: what it does, and what it did.
pub(super) fn measures(out: &mut impl Write, all: &[(Measure, Effect)], now: Timestamp) -> Result<()> {
    if !all.is_empty() {
        writeln!(out, "\nMeasures")?;
    }
    for (measure, effect) in all {
        let state = match (measure.ended_at, measure.until) {
            (Some(at), _) => format!("taken back {}", second(at)),
            (None, Some(until)) if until <= now => format!("over since {}", second(until)),
            (None, Some(until)) => format!("until {}", second(until)),
            (None, None) => "in force".to_owned(),
        };
        let why = measure.why.as_ref().map(|why| format!(": {}", printable(why)));
        let by = printable(&measure.by);
        writeln!(out, "{:>4}  {}", measure.id, what(measure))?;
        writeln!(
            out,
            "      {state}, by {by}{}; {}",
            why.unwrap_or_default(),
            did(measure, effect)
        )?;
    }
    Ok(())
}

/// What a measure does, in words.
pub(super) fn what(measure: &Measure) -> String {
    let scope = printable(&measure.scope.to_string());
    match measure.steer {
        Steer::Excuse => format!("{scope} opens nothing"),
        Steer::Raise { score } => format!("{scope} opens something only from a score of {score:.1} on"),
        Steer::Accept => format!("{scope}: its present level is usual"),
    }
}

fn did(measure: &Measure, effect: &Effect) -> String {
    match (measure.steer, effect.before, effect.after, effect.held) {
        (Steer::Accept, Some(before), Some(after), _) => {
            format!("the expected value went from {before:.1} to {after:.1}")
        }
        (Steer::Accept, ..) => "nothing yet: it takes effect when an interval of it closes".to_owned(),
        (_, _, _, 0) => "it has held nothing back so far".to_owned(),
        (_, _, _, held) => {
            let last = effect
                .last
                .map(|last| format!(", the newest of {}", second(last)));
            format!(
                "it has held something back in {held} intervals{}",
                last.unwrap_or_default()
            )
        }
    }
}

fn second(at: Timestamp) -> Timestamp {
    at.floor(Duration::from_secs(1))
}
