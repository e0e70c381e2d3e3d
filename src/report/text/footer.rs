//! The end of the report: what was read, watched, dropped, and what the detector was blind to.

use super::canvas::Canvas;
use super::seconds;
use crate::model::units::duration;
use crate::model::units::{bytes, count, grouped, printable};
use crate::report::rules::causes;
use crate::report::summary::Summary;
use crate::report::when::Clock;

/// So many faults and files are listed by name.
const LISTED: usize = 10;

/// Everything the summary says.
pub fn footer(canvas: &mut Canvas, summary: &Summary, clock: Clock) {
    canvas.blank();
    canvas.rule();
    read(canvas, summary, clock);
    exporters(canvas, summary);
    watched(canvas, summary);
    held(canvas, summary);
    missed(canvas, summary);
    cost(canvas, summary);
}

fn read(canvas: &mut Canvas, summary: &Summary, clock: Clock) {
    let named = summary
        .files
        .iter()
        .take(LISTED)
        .map(|f| printable(f))
        .collect::<Vec<_>>()
        .join(", ");
    let more = match summary.files.len().saturating_sub(LISTED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    canvas.labelled("read", &format!("{named}{more}"));
    canvas.labelled(
        "",
        &format!(
            "{} packets, {}, {} flows, {} conversations",
            grouped(summary.packets),
            bytes(summary.bytes as f64),
            grouped(summary.flows),
            grouped(summary.conversations)
        ),
    );
    let span = Clock::new(None).span_or_unknown(summary.first, summary.last);
    let intervals = grouped(summary.intervals);
    let interval = duration(summary.interval());
    canvas.labelled(
        "",
        &format!(
            "{span} ({}), {intervals} intervals of {interval}",
            duration(summary.span())
        ),
    );
    if let Some(until) = summary.learned_until {
        canvas.labelled(
            "learned",
            &format!("until {}, judged from then on", clock.at(until)),
        );
    }
}

/// Who sent flow export, and what stands out.
fn exporters(canvas: &mut Canvas, summary: &Summary) {
    let mut label = "exporters";
    for exporter in summary.exporters.iter().take(LISTED) {
        let (records, messages) = (grouped(exporter.records), grouped(exporter.messages));
        let line = format!(
            "{:<22}{records:>8} records in {messages} messages",
            exporter.title()
        );
        canvas.verbatim(label, &line);
        let remarks = exporter.remarks();
        if !remarks.is_empty() {
            canvas.labelled("", &format!("  {remarks}"));
        }
        label = "";
    }
    match summary.exporters.len().saturating_sub(LISTED) {
        0 => {}
        n => canvas.labelled(label, &format!("{} more", grouped(n as u64))),
    }
}

fn watched(canvas: &mut Canvas, summary: &Summary) {
    let mut label = "watched";
    for watched in &summary.watched {
        let entities = grouped(watched.entities);
        let series = grouped(watched.series);
        canvas.verbatim(
            label,
            &format!(
                "{:<22}{entities:>8} entities {series:>9} series",
                watched.dimensions
            ),
        );
        label = "";
    }
    if summary.series_scored > 0 {
        let budget = count(summary.false_alarms_per_day);
        let alarms = if budget == "1" { "alarm" } else { "alarms" };
        let text = format!(
            "at most {budget} false {alarms} a day over {} scored series: {}",
            grouped(summary.series_scored),
            printable(&summary.threshold)
        );
        canvas.labelled("promised", &text);
    }
    if let Some(words) = summary.budget.words() {
        canvas.labelled("budget", &words);
    }
    if let Some(dearest) = summary.budget.dearest(3) {
        canvas.labelled("", &format!("spent on {dearest}"));
    }
}

/// What rules would have opened, and what held them back.
fn held(canvas: &mut Canvas, summary: &Summary) {
    let mut label = "held back";
    for rule in summary.rules.iter().filter(|rule| rule.held.total() > 0) {
        canvas.labelled(
            label,
            &format!("{}: {}", printable(&rule.name), causes(&rule.held)),
        );
        label = "";
    }
}

/// What was dropped and why, and what follows from it.
fn missed(canvas: &mut Canvas, summary: &Summary) {
    let mut label = "dropped";
    for (reason, n) in summary.losses() {
        canvas.verbatim(label, &format!("{:<22}{:>8}", printable(&reason), grouped(n)));
        label = "";
    }
    if label == "dropped" {
        canvas.labelled(label, "nothing");
    }
    let mut label = "faults";
    for fault in summary.faults.iter().take(LISTED) {
        canvas.labelled(label, &printable(fault));
        label = "";
    }
    match summary.faults_unlisted + summary.faults.len().saturating_sub(LISTED) as u64 {
        0 => {}
        n => canvas.labelled(label, &format!("{} more", grouped(n))),
    }
    let mut label = "blind to";
    for blind in &summary.blind {
        canvas.labelled(label, &printable(blind));
        label = "";
    }
}

fn cost(canvas: &mut Canvas, summary: &Summary) {
    if !summary.memory.is_empty() {
        let used = bytes(summary.memory.iter().map(|m| m.used).sum::<u64>() as f64);
        let limit = match summary.memory_limit {
            0 => String::new(),
            n => format!(" of {}", bytes(n as f64)),
        };
        let table = |m: &crate::report::Memory| {
            format!(
                "{} {} of {}",
                printable(&m.table),
                bytes(m.used as f64),
                bytes(m.limit as f64)
            )
        };
        let tables: Vec<_> = summary.memory.iter().map(table).collect();
        canvas.labelled("memory", &format!("{used}{limit}: {}", tables.join(", ")));
    }
    if let Some(elapsed) = summary.elapsed_seconds {
        canvas.labelled("took", &format!("{}{}", seconds(elapsed), summary.pace()));
    }
    let configuration = printable(&summary.configuration);
    let version = printable(&summary.version);
    canvas.labelled(
        "made by",
        &format!("tidemark {version}, configuration {configuration}"),
    );
}
