//! The report as one self-contained page: no request leaves it, no script is needed to read it.
//!
//! Everything that came from the network passes through maud's escaping as text or attribute; the only text written
//! as is are the style sheet and numbers of this module's own making.

mod chart;
mod overview;
mod parts;
mod style;

use super::grouping::{self, Incident};
use super::holding::Holding;
use super::summary::Summary;
use super::when::Clock;
use super::words;
use crate::model::units::printable;
use crate::model::{Anomaly, Timestamp};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// So many anomalies are shown in full, gravest incidents first; the rest have a row in a table each. Keeps the page
/// within some ten megabytes whatever was found.
const IN_FULL: usize = 300;
/// So many of one incident have a row; there is a sentence about all of them.
const ROWS: usize = 1000;

/// What the parts of a page share.
struct Page<'a> {
    summary: &'a Summary,
    /// Writes times without the date of the day the report starts.
    clock: Clock,
    /// The stretch of time the overview shows.
    span: (Timestamp, Timestamp),
}

/// The whole page.
pub fn render(anomalies: &[Anomaly], summary: &Summary) -> String {
    let incidents = grouping::incidents(anomalies);
    let span = span(&incidents, summary);
    let page = Page {
        summary,
        clock: Clock::new(Some(span.0)),
        span,
    };
    let real = incidents.iter().filter(|incident| !incident.shadow).count();
    let counting = anomalies.iter().filter(|a| !a.shadow).count();
    let title = match real {
        0 => "No anomalies".to_owned(),
        n => format!("{} of {}", words::incidents(n), words::anomalies(counting)),
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "tidemark " (printable(&summary.version)) };
                title { (title) " · Tidemark" }
                style { (PreEscaped(style::SHEET)) }
            }
            body {
                (overview::head(&page, &incidents, &title))
                main {
                    @if incidents.is_empty() {
                        (parts::nothing(summary))
                    }
                    (all(&page, &incidents))
                }
                (parts::footer(&page))
            }
        }
    }
    .into_string()
}

/// From the first event to the last, as far as known, and never without the anomalies.
fn span(incidents: &[Incident], summary: &Summary) -> (Timestamp, Timestamp) {
    let starts = incidents.iter().map(|i| i.started_at).chain(summary.first);
    let ends = incidents
        .iter()
        .map(|i| i.ended_at.unwrap_or(i.started_at))
        .chain(summary.last);
    (starts.min().unwrap_or_default(), ends.max().unwrap_or_default())
}

/// Incidents in full as far as there is room, then the rest as a table.
fn all(page: &Page, incidents: &[Incident]) -> Markup {
    let mut left = IN_FULL;
    let fits = |incident: &&Incident| {
        let fits = left > 0;
        left = left.saturating_sub(incident.anomalies.len());
        fits
    };
    let full = incidents.iter().take_while(fits).count();
    let (shown, rest) = incidents.split_at_checked(full).unwrap_or((incidents, &[]));
    html! {
        @for (i, incident) in shown.iter().enumerate() {
            (self::incident(page, incident, i + 1))
        }
        @if !rest.is_empty() {
            (parts::brief(page, rest, full))
        }
    }
}

/// One incident: its sentence, its anomalies, the hosts it is about.
fn incident(page: &Page, incident: &Incident, number: usize) -> Markup {
    let sentence = incident
        .headline()
        .map(|a| printable(&a.text))
        .unwrap_or_default();
    let severity = incident.severity.name();
    let when = page.clock.span(incident.started_at, incident.ended_at);
    html! {
        article class={ "incident " (severity) } id={ "incident-" (incident.id) } aria-labelledby={ "title-" (incident.id) } {
            header {
                p.meta {
                    span.badge { (severity) }
                    @if incident.shadow { span.badge { "shadow" } }
                    span { "Incident " (number) }
                    span { (when) }
                    span { (words::lasted(incident.started_at, incident.ended_at)) }
                    span { (words::anomalies(incident.anomalies.len())) }
                }
                h2 id={ "title-" (incident.id) } { (sentence) }
            }
            @for (i, anomaly) in incident.anomalies.iter().take(IN_FULL).enumerate() {
                (parts::anomaly(page, anomaly, i > 0))
            }
            @if let Some((rest, headline)) = incident.anomalies.get(IN_FULL..).filter(|rest| !rest.is_empty()).zip(incident.headline()) {
                p.meta { (printable(&Holding::of(incident.id, headline.id, rest).sentence())) }
                (parts::rows(page, rest.get(..ROWS).unwrap_or(rest)))
            }
            @for profile in incident.profiles() {
                (parts::profile(page, profile))
            }
        }
    }
}

#[cfg(test)]
mod tests;
