//! The top of the page: what was looked at, how bad it is, and when everything happened.

use super::Page;
use super::chart::{percent, time_label};
use crate::model::units::duration;
use crate::model::units::{bytes, grouped, printable};
use crate::model::{Severity, Timestamp};
use crate::report::axes::time_ticks;
use crate::report::grouping::{Incident, by_severity};
use crate::report::when::Clock;
use crate::report::words;
use maud::{Markup, html};

/// So many incidents have a lane of their own in the strip; the rest share the last one.
const LANES: usize = 20;

/// Title, facts and the strip of time.
pub fn head(page: &Page, incidents: &[Incident], title: &str) -> Markup {
    let summary = page.summary;
    let when = Clock::default().span_or_unknown(summary.first, summary.last);
    let files = match summary.files.as_slice() {
        [] => "no files".to_owned(),
        [one] => printable(one),
        [one, rest @ ..] => format!("{} and {} more", printable(one), rest.len()),
    };
    html! {
        header {
            p.brand { "Tidemark report" }
            h1 { (title) }
            p.lead { (when) " · " (files) }
            div.overview {
                dl.facts {
                    @for (severity, n) in by_severity(incidents).into_iter().filter(|&(_, n)| n > 0) {
                        div class=(severity.name()) { dt { (severity_word(severity)) } dd { (n) } }
                    }
                    div { dt { "Time range" } dd { (duration(summary.span())) } }
                    div { dt { "Packets" } dd { (grouped(summary.packets)) } }
                    div { dt { "Traffic" } dd { (bytes(summary.bytes as f64)) } }
                    div { dt { "Flows" } dd { (grouped(summary.flows)) } }
                    div { dt { "Series judged" } dd { (grouped(summary.series_scored)) } }
                }
                @if !incidents.is_empty() { (strip(page, incidents)) }
            }
        }
    }
}

/// The heading over a number of incidents.
fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical incidents",
        Severity::High => "High incidents",
        Severity::Low => "Low incidents",
    }
}

/// All anomalies over time, a lane for each incident.
fn strip(page: &Page, incidents: &[Incident]) -> Markup {
    let (own, shared) = incidents.split_at_checked(LANES).unwrap_or((incidents, &[]));
    let (start, end) = page.span;
    html! {
        nav.strip aria-label="Incidents over time" {
            @for (i, incident) in own.iter().enumerate() {
                a href={ "#incident-" (incident.id) } title=(label(incident)) { (i + 1) "  " (label(incident)) }
                (lane(page, std::slice::from_ref(incident)))
            }
            @if !shared.is_empty() {
                span { (shared.len()) " more incidents" }
                (lane(page, shared))
            }
            div.axis aria-hidden="true" {
                @for (at, label) in time_ticks(start, end, 7) {
                    (time_label(share(page, at), &label))
                }
            }
        }
    }
}

/// What an incident is called in the strip.
fn label(incident: &Incident) -> String {
    let headline = incident.headline();
    headline
        .map(|a| {
            let mark = if a.shadow { " (shadow)" } else { "" };
            format!("{} {}{mark}", words::kind(a.kind), words::entity(&a.entity))
        })
        .unwrap_or_default()
}

/// The anomalies of one lane.
fn lane(page: &Page, incidents: &[Incident]) -> Markup {
    let mut anomalies: Vec<_> = incidents
        .iter()
        .flat_map(|i| i.anomalies.iter().copied())
        .collect();
    // The gravest are drawn last, over the others.
    anomalies.sort_by_key(|a| (a.severity, a.started_at, a.id));
    let spoken: Vec<_> = incidents
        .iter()
        .take(LANES)
        .map(|i| {
            format!(
                "{}, {}",
                i.severity.name(),
                page.clock.span(i.started_at, i.ended_at)
            )
        })
        .collect();
    html! {
        svg role="img" aria-label=(spoken.join("; ")) {
            rect.lane x="0" y="30%" width="100%" height="40%" rx="2" {}
            @for anomaly in anomalies {
                @let from = share(page, anomaly.started_at);
                @let to = anomaly.ended_at.map_or(1.0, |end| share(page, end));
                rect x=(percent(from)) y="18%" width=(percent((to - from).max(0.004))) height="64%" rx="2"
                    fill={ "var(--" (anomaly.severity.name()) ")" } {
                    title {
                        (words::kind(anomaly.kind)) " " (words::entity(&anomaly.entity)) ", "
                        (page.clock.span(anomaly.started_at, anomaly.ended_at))
                    }
                }
            }
        }
    }
}

/// How far along the page's stretch of time an instant lies, 0 to 1.
fn share(page: &Page, at: Timestamp) -> f64 {
    let (start, end) = page.span;
    let length = end.since(start).as_secs_f64();
    if length > 0.0 {
        (at.since(start).as_secs_f64() / length).min(1.0)
    } else {
        0.0
    }
}
