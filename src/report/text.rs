//! The report for a terminal: incidents first, then what each is made of, then what was read and what was missed.

pub(super) mod canvas;
mod footer;
mod table;

use super::grouping::{self, Incident};
use super::holding::Holding;
use super::summary::Summary;
use super::when::Clock;
use super::words::{self, Measure};
use crate::model::units::duration;
use crate::model::units::{bytes, grouped, printable};
use crate::model::{Anomaly, HostProfile, Severity};
use canvas::{Canvas, Ink};
use std::io::{self, Write};

/// How the text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours (ANSI escapes).
    pub color: bool,
    /// Columns of the terminal; what lies outside 72 to 120 is brought inside.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            width: 80,
        }
    }
}

/// So many anomalies of an incident are shown in full; the others are counted.
const IN_FULL: usize = 20;

/// So many peers of a host are shown.
const PEERS: usize = 8;

/// Writes the report.
///
/// # Errors
/// What the output reports, such as a closed pipe.
pub fn write(out: &mut impl Write, anomalies: &[Anomaly], summary: &Summary, style: Style) -> io::Result<()> {
    let mut canvas = Canvas::new(style);
    let incidents = grouping::incidents(anomalies);
    let start = summary
        .first
        .or_else(|| incidents.iter().map(|i| i.started_at).min());
    let clock = Clock::new(start);
    let real = anomalies.iter().filter(|a| !a.shadow).count();
    title(&mut canvas, &incidents, real, summary);
    shadows(&mut canvas, &incidents, anomalies.len() - real);
    for (i, incident) in incidents.iter().enumerate() {
        self::incident(&mut canvas, incident, i + 1, clock);
        // One incident at a time: a long report is never held in memory whole.
        canvas.write_to(out)?;
    }
    footer::footer(&mut canvas, summary, clock);
    canvas.write_to(out)
}

/// What was looked at and how many incidents there are, or over what there are none.
fn title(canvas: &mut Canvas, incidents: &[Incident], anomalies: usize, summary: &Summary) {
    let real = incidents.iter().filter(|incident| !incident.shadow).count();
    if real == 0 {
        canvas.line(&[(Ink::Strong, "No anomalies."), (Ink::Plain, "")]);
        canvas.paragraph(0, &summary.judged());
        return;
    }
    let found = format!("{} of {}", words::incidents(real), words::anomalies(anomalies));
    let counts = grouping::by_severity(incidents);
    let mut parts = vec![(Ink::Strong, found)];
    for (severity, n) in counts.into_iter().filter(|&(_, n)| n > 0) {
        let before = if parts.len() == 1 { ": " } else { ", " };
        parts.push((Ink::Plain, before.to_owned()));
        parts.push((ink(severity), format!("{n} {}", severity.name())));
    }
    let parts: Vec<_> = parts.iter().map(|(ink, text)| (*ink, text.as_str())).collect();
    canvas.line(&parts);
    let when = Clock::new(None).span_or_unknown(summary.first, summary.last);
    let packets = grouped(summary.packets);
    canvas.line(&[(Ink::Faint, &format!("{when} · {packets} packets"))]);
}

/// How much of what follows is of rules in shadow.
fn shadows(canvas: &mut Canvas, incidents: &[Incident], anomalies: usize) {
    let shadow = incidents.iter().filter(|incident| incident.shadow).count();
    if shadow > 0 {
        let found = format!(
            "In shadow, told to nobody: {} of {}.",
            words::incidents(shadow),
            words::anomalies(anomalies)
        );
        canvas.line(&[(Ink::Faint, &found)]);
    }
}

/// The colour of a severity.
const fn ink(severity: Severity) -> Ink {
    match severity {
        Severity::Critical => Ink::Critical,
        Severity::High => Ink::High,
        Severity::Low => Ink::Low,
    }
}

/// One incident with all its anomalies.
fn incident(canvas: &mut Canvas, incident: &Incident, number: usize, clock: Clock) {
    let Some(headline) = incident.headline() else {
        return;
    };
    canvas.blank();
    canvas.rule();
    let when = clock.span(incident.started_at, incident.ended_at);
    let lasted = words::lasted(incident.started_at, incident.ended_at);
    let about = format!(
        " · {when} · {lasted} · {}",
        words::anomalies(incident.anomalies.len())
    );
    let severity = incident.severity.name().to_uppercase();
    let mark = if incident.shadow { " (shadow)" } else { "" };
    let title = format!("  Incident {number}{mark}");
    canvas.line(&[
        (ink(incident.severity), &severity),
        (Ink::Strong, &title),
        (Ink::Faint, &about),
    ]);
    canvas.paragraph(2, &printable(&headline.text));
    for anomaly in incident.anomalies.iter().take(IN_FULL) {
        self::anomaly(canvas, anomaly, anomaly.id != headline.id, clock);
    }
    if let Some(rest) = incident.anomalies.get(IN_FULL..).filter(|rest| !rest.is_empty()) {
        canvas.blank();
        canvas.paragraph(
            2,
            &printable(&Holding::of(incident.id, headline.id, rest).sentence()),
        );
    }
    for profile in incident.profiles() {
        host(canvas, profile, clock);
    }
}

/// One anomaly: its place, its table, and what to do with it. The headline's sentence was already said.
fn anomaly(canvas: &mut Canvas, anomaly: &Anomaly, with_sentence: bool, clock: Clock) {
    canvas.blank();
    let kind = words::kind(anomaly.kind);
    let id = anomaly.id.to_string();
    let place = format!("  {}", words::entity(&anomaly.entity));
    canvas.spread(
        &[(ink(anomaly.severity), &kind), (Ink::Strong, &place)],
        &[(Ink::Faint, &id)],
    );
    let when = clock.span(anomaly.started_at, anomaly.ended_at);
    let lasted = words::lasted(anomaly.started_at, anomaly.ended_at);
    let found = format!("{when}, {lasted}, found {}", clock.at(anomaly.detected_at));
    let spark = table::sparkline(anomaly, 24);
    canvas.spread(
        &[(Ink::Faint, &found)],
        &spark.iter().map(|(i, s)| (*i, s.as_str())).collect::<Vec<_>>(),
    );
    if with_sentence {
        canvas.paragraph(2, &printable(&anomaly.text));
    }
    let measure = Measure::of(anomaly);
    table::table(canvas, anomaly, &measure);
    remarks(canvas, anomaly);
}

/// Doubts about the data, what to check, and how to see the traffic.
fn remarks(canvas: &mut Canvas, anomaly: &Anomaly) {
    let chance = words::odds(anomaly)
        .map(|odds| format!(": by chance {odds} (score {:.1})", anomaly.worst.score))
        .unwrap_or_default();
    canvas.labelled("rule", &format!("{}{chance}", printable(&anomaly.rule)));
    if let Some(technique) = &anomaly.technique {
        canvas.labelled("technique", &format!("MITRE ATT&CK {}", printable(technique)));
    }
    if anomaly.data_quality.grade != "good" && !anomaly.data_quality.grade.is_empty() {
        let notes = anomaly.data_quality.notes.join(" ");
        canvas.labelled(
            "data",
            &format!("{}. {}", anomaly.data_quality.grade, printable(&notes)),
        );
    }
    for next in &anomaly.next {
        canvas.labelled("check", &printable(next));
    }
    for cause in &anomaly.false_causes {
        canvas.labelled("or else", &printable(cause));
    }
    if !anomaly.reproduce.is_empty() {
        canvas.verbatim("show", &printable(&anomaly.reproduce));
    }
}

/// What is known of a host, as far as it helps to see what it is for.
fn host(canvas: &mut Canvas, profile: &HostProfile, clock: Clock) {
    canvas.blank();
    let title = format!("  {}", profile.address);
    canvas.line(&[(Ink::Plain, "  Host"), (Ink::Strong, &title)]);
    canvas.labelled("first seen", &clock.at(profile.first_seen));
    for (label, list) in [
        ("names", &profile.names),
        ("offers", &profile.services),
        ("uses", &profile.uses),
        ("asked DNS", &profile.questions),
    ] {
        if !list.is_empty() {
            canvas.labelled(label, &shortened(list, 8));
        }
    }
    let mut label = "peers";
    for peer in profile.peers.iter().take(PEERS) {
        let name = peer
            .name
            .as_ref()
            .map(|n| format!(" {}", printable(n)))
            .unwrap_or_default();
        canvas.labelled(
            label,
            &format!("{}{name} {}", peer.address, bytes(peer.bytes as f64)),
        );
        label = "";
    }
}

/// The first `limit` of a list, and how many more there are.
fn shortened(list: &[String], limit: usize) -> String {
    let mut text = list
        .iter()
        .take(limit)
        .map(|s| printable(s))
        .collect::<Vec<_>>()
        .join(", ");
    if list.len() > limit {
        text.push_str(&format!(" and {} more", list.len() - limit));
    }
    text
}

/// How long something took, for the footer.
fn seconds(value: f64) -> String {
    duration(std::time::Duration::try_from_secs_f64(value).unwrap_or_default())
}

#[cfg(test)]
mod tests;
