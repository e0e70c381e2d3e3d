//! The parts of the page below its overview: one anomaly, one host, what else was found, and the honest end.

use super::Page;
use super::chart::{chart, percent};
use crate::model::units::duration;
use crate::model::units::{bytes, count, factor, grouped, printable, share};
use crate::model::{Anomaly, Contributor, Dimension, Direction, HostProfile};
use crate::report::grouping::Incident;
use crate::report::summary::Summary;
use crate::report::when::Clock;
use crate::report::words::{self, Measure};
use maud::{Markup, html};

/// One anomaly in full. The headline's sentence already stands over the incident.
pub fn anomaly(page: &Page, anomaly: &Anomaly, with_sentence: bool) -> Markup {
    let measure = Measure::of(anomaly);
    html! {
        section class={ "part " (anomaly.severity.name()) } id={ "anomaly-" (anomaly.id) } aria-labelledby={ "name-" (anomaly.id) } {
            div {
                div.title {
                    h3 id={ "name-" (anomaly.id) } {
                        (words::kind(anomaly.kind)) " " span.where { (words::entity(&anomaly.entity)) }
                    }
                    span.rule { (page.clock.span(anomaly.started_at, anomaly.ended_at)) }
                }
                @if with_sentence { p.sentence { (printable(&anomaly.text)) } }
            }
            (values(page, anomaly, &measure))
            (chart(anomaly, &measure, page.clock))
            (contributors(anomaly, &measure))
            (notes(page, anomaly))
        }
    }
}

/// Observed, expected, band and factor.
fn values(page: &Page, anomaly: &Anomaly, measure: &Measure) -> Markup {
    let worst = &anomaly.worst;
    let is_new = anomaly.direction == Direction::New;
    let number = |value: f64| {
        html! {
            dd { (measure.full(value)) @if let Some(rate) = measure.rate(value) { small { (rate) } } }
        }
    };
    html! {
        dl.values {
            div { dt { "Observed at worst" } (number(worst.observed)) }
            @if is_new {
                div { dt { "Expected" } dd { "never seen before" } }
            } @else {
                div { dt { "Expected" } (number(worst.expected)) }
                div { dt { "Change" } dd { (factor(worst.observed, worst.expected)) } }
            }
            @if let Some(band) = words::band(measure, anomaly) {
                div { dt { "Usual band" } dd { (band) small { (measure.unit()) } } }
            }
            div {
                dt { "Found" }
                dd { (page.clock.at(anomaly.detected_at))
                    small { (duration(anomaly.detected_at.since(anomaly.started_at))) " after the start" } }
            }
        }
    }
}

/// Who brought it, a table for each dimension.
fn contributors(anomaly: &Anomaly, measure: &Measure) -> Markup {
    let tables = anomaly.contributors.iter().filter(|(_, list)| !list.is_empty());
    html! {
        @if anomaly.contributors.values().any(|list| !list.is_empty()) {
            div.tables {
                @for (&dimension, list) in tables {
                    div.scroll { (contributor_table(dimension, list, measure)) }
                }
            }
        }
    }
}

fn contributor_table(dimension: Dimension, list: &[Contributor], measure: &Measure) -> Markup {
    html! {
        table {
            caption { "By " (words::dimension(dimension)) }
            thead { tr {
                th scope="col" { (words::dimension(dimension)) }
                th.n scope="col" { "observed" }
                th.n scope="col" { "expected" }
                th scope="col" { "share" }
            } }
            tbody {
                @for contributor in list {
                    @let (value, name) = words::contributor(dimension, contributor);
                    tr {
                        th scope="row" { (value) @if let Some(name) = name { " " small { (name) } } }
                        td.n { (measure.number(contributor.observed)) }
                        td.n { (measure.number(contributor.expected)) }
                        (share_cell(contributor.share))
                    }
                }
            }
        }
    }
}

/// A share as a bar and a number; hatched where it moved the other way.
fn share_cell(part: f64) -> Markup {
    let width = if part.is_finite() {
        part.abs().min(1.0)
    } else {
        0.0
    };
    html! {
        td class=(if part < 0.0 { "share minus" } else { "share" }) {
            span.track aria-hidden="true" { i style={ "width:" (percent(width)) } {} }
            span.pct { (share(part)) }
        }
    }
}

/// How far to trust it, how it was computed, what to do next.
fn notes(page: &Page, anomaly: &Anomaly) -> Markup {
    let quality = &anomaly.data_quality;
    let is_good = quality.grade == "good" || quality.grade.is_empty();
    html! {
        dl.notes {
            @if !anomaly.next.is_empty() {
                dt { "Check next" }
                dd { ul { @for next in &anomaly.next { li { (printable(next)) } } } }
            }
            @if !anomaly.false_causes.is_empty() {
                dt { "Harmless causes it may have" }
                dd { ul { @for cause in &anomaly.false_causes { li { (printable(cause)) } } } }
            }
            @if !anomaly.reproduce.is_empty() {
                dt { "See the traffic" }
                dd { code.command { (printable(&anomaly.reproduce)) } }
            }
            @if let Some(technique) = &anomaly.technique {
                dt { "Technique" }
                dd { "MITRE ATT&CK " (printable(technique)) " (attack.mitre.org/techniques/" (printable(&technique.replace('.', "/"))) ")" }
            }
            dt { "Data" }
            dd {
                @if is_good { "Complete for this stretch of time." }
                @else { span.doubt { (quality.grade) } ". " (printable(&quality.notes.join(" "))) }
            }
            dt { "How computed" }
            dd { (computed(page.summary, anomaly)) }
            dt { "Rule and id" }
            dd { code { (printable(&anomaly.rule)) " · " (anomaly.id) } }
        }
    }
}

/// The score in words, beside the threshold it had to pass.
fn computed(summary: &Summary, anomaly: &Anomaly) -> String {
    let score = match words::odds(anomaly) {
        Some(odds) => format!(
            "Had nothing changed, the chance of an interval as strange as the worst one would be {odds} (score {:.1}).",
            anomaly.worst.score
        ),
        None => "The rule decides without a probability.".to_owned(),
    };
    match summary.threshold.as_str() {
        "" => score,
        threshold => format!("{score} The threshold is {}.", printable(threshold)),
    }
}

/// What is known of a host, enough to see what it is for.
pub fn profile(page: &Page, profile: &HostProfile) -> Markup {
    let list = |names: &[String]| names.iter().map(|n| printable(n)).collect::<Vec<_>>().join(", ");
    html! {
        section.part.profile aria-label={ "Profile of host " (profile.address) } {
            h3 { "Host " span.where { (profile.address) } }
            dl.notes {
                dt { "First seen" } dd { (page.clock.at(profile.first_seen)) " UTC" }
                @for (label, names) in [("Known as", &profile.names), ("Offers", &profile.services), ("Uses", &profile.uses)] {
                    @if !names.is_empty() { dt { (label) } dd { (list(names)) } }
                }
                @if !profile.questions.is_empty() {
                    dt { "Asked the DNS for" }
                    dd { ul.names { @for name in &profile.questions { li.mono { (printable(name)) } } } }
                }
            }
            @if !profile.peers.is_empty() { div.scroll { (peers(profile)) } }
        }
    }
}

fn peers(profile: &HostProfile) -> Markup {
    html! {
        table {
            caption { "Talks with" }
            thead { tr { th scope="col" { "peer" } th scope="col" { "name" } th.n scope="col" { "traffic" } } }
            tbody {
                @for peer in &profile.peers {
                    tr {
                        th scope="row" { (peer.address) }
                        td { (peer.name.as_deref().map(printable).unwrap_or_default()) }
                        td.n { (bytes(peer.bytes as f64)) }
                    }
                }
            }
        }
    }
}

/// Incidents that are listed only.
pub fn brief(page: &Page, incidents: &[Incident], before: usize) -> Markup {
    let anomalies: Vec<&Anomaly> = incidents
        .iter()
        .flat_map(|i| i.anomalies.iter().copied())
        .collect();
    html! {
        section.card {
            h2 { (incidents.len()) " more incidents" }
            p.lead { "The " (before) " gravest are shown in full above; these are in the JSON output with all they hold." }
        }
        (rows(page, &anomalies))
    }
}

/// Anomalies with a row each.
pub fn rows(page: &Page, anomalies: &[&Anomaly]) -> Markup {
    html! {
        div.part.scroll {
            table {
                thead { tr {
                    th scope="col" { "when" } th scope="col" { "severity" } th scope="col" { "what" } th scope="col" { "id" }
                } }
                tbody {
                    @for anomaly in anomalies {
                        tr id={ "anomaly-" (anomaly.id) } {
                            td { (page.clock.span(anomaly.started_at, anomaly.ended_at)) }
                            td { (anomaly.severity.name()) }
                            th scope="row" { (printable(&anomaly.text)) }
                            td { code { (anomaly.id) } }
                        }
                    }
                }
            }
        }
    }
}

/// What to make of a report without anomalies.
pub fn nothing(summary: &Summary) -> Markup {
    html! {
        section.card {
            h2 { @if summary.has_judged() { "Nothing left its usual band" } @else { "Nothing could be judged" } }
            p { (summary.judged()) }
            @if summary.is_empty() {
                p { "Check that the file is a capture that holds IP packets, and that the filter lets some through." }
            } @else {
                p {
                    "Something missing? A series is judged once enough of it was seen: a longer capture, a shorter learning time ("
                    code { "--learn" } ") or baselines carried on from earlier captures (" code { "--state" }
                    ") let more be judged. What was dropped, and what could not be seen because of it, stands below."
                }
            }
        }
    }
}

/// What was read, watched, dropped, and what it cost.
pub fn footer(page: &Page) -> Markup {
    let summary = page.summary;
    html! {
        footer {
            h2 { "What this rests on" }
            (basis(page))
            div.tables {
                (exporters(summary))
                (losses(summary))
                (watched(summary))
                (memory(summary))
            }
        }
    }
}

fn basis(page: &Page) -> Markup {
    let s = page.summary;
    html! {
        dl.notes {
            dt { "Read" }
            dd { ul {
                @for file in s.files.iter().take(50) { li { (printable(file)) } }
                @if s.files.len() > 50 { li { (s.files.len() - 50) " more files" } }
            } }
            dt { "Held" }
            dd { (grouped(s.packets)) " packets, " (bytes(s.bytes as f64)) ", " (grouped(s.flows)) " flows in "
                (grouped(s.conversations)) " conversations, over " (grouped(s.intervals)) " intervals of " (duration(s.interval())) }
            dt { "Time" }
            dd { (Clock::default().span_or_unknown(s.first, s.last)) " (" (duration(s.span())) ")"
                @if let Some(until) = s.learned_until { ", only learned until " (page.clock.at(until)) } }
            @if s.series_scored > 0 {
                dt { "False alarms" }
                dd { "At most " (count(s.false_alarms_per_day)) " a day expected over " (grouped(s.series_scored)) " scored series: " (printable(&s.threshold)) }
            }
            @if let Some(words) = s.budget.words() {
                dt { "Budget" }
                dd { (words)
                    @if let Some(dearest) = s.budget.dearest(5) { ". Spent on " (printable(&dearest)) } }
            }
            @if !s.blind.is_empty() {
                dt { "Blind to" }
                dd { ul { @for blind in &s.blind { li { (printable(blind)) } } } }
            }
            @if !s.faults.is_empty() {
                dt { "Faults" }
                dd { ul {
                    @for fault in &s.faults { li { (printable(fault)) } }
                    @if s.faults_unlisted > 0 { li { (grouped(s.faults_unlisted)) " more" } }
                } }
            }
            @if let Some(elapsed) = s.elapsed_seconds.and_then(|e| std::time::Duration::try_from_secs_f64(e).ok()) {
                dt { "Took" }
                dd { (duration(elapsed)) (s.pace()) }
            }
            dt { "Made by" }
            dd { "tidemark " (printable(&s.version)) ", configuration " code { (printable(&s.configuration)) } }
        }
    }
}

fn exporters(summary: &Summary) -> Markup {
    html! {
        @if !summary.exporters.is_empty() {
            div {
                h4 { "Exporters" }
                table {
                    thead { tr {
                        th scope="col" { "exporter" } th.n scope="col" { "records" } th.n scope="col" { "messages" }
                        th scope="col" { "what stands out" }
                    } }
                    tbody { @for e in &summary.exporters {
                        tr {
                            th scope="row" { (e.title()) } td.n { (grouped(e.records)) } td.n { (grouped(e.messages)) }
                            td { (e.remarks()) }
                        }
                    } }
                }
            }
        }
    }
}

fn losses(summary: &Summary) -> Markup {
    html! {
        div {
            h4 { "Dropped, and why" }
            @if summary.losses().next().is_none() { p { "Nothing was dropped." } }
            @else {
                table {
                    thead { tr { th scope="col" { "reason" } th.n scope="col" { "count" } } }
                    tbody { @for (reason, n) in summary.losses() {
                        tr { th scope="row" { (printable(&reason)) } td.n { (grouped(n)) } }
                    } }
                }
            }
        }
    }
}

fn watched(summary: &Summary) -> Markup {
    html! {
        @if !summary.watched.is_empty() {
            div {
                h4 { "Watched" }
                table {
                    thead { tr { th scope="col" { "dimensions" } th.n scope="col" { "entities" } th.n scope="col" { "series" } } }
                    tbody { @for w in &summary.watched {
                        tr { th scope="row" { (printable(&w.dimensions)) } td.n { (grouped(w.entities)) } td.n { (grouped(w.series)) } }
                    } }
                }
            }
        }
    }
}

fn memory(summary: &Summary) -> Markup {
    html! {
        @if !summary.memory.is_empty() {
            div {
                h4 { "Memory" @if summary.memory_limit > 0 { ", limit " (bytes(summary.memory_limit as f64)) } }
                table {
                    thead { tr { th scope="col" { "table" } th.n scope="col" { "used" } th.n scope="col" { "limit" } } }
                    tbody { @for m in &summary.memory {
                        tr { th scope="row" { (printable(&m.table)) } td.n { (bytes(m.used as f64)) } td.n { (bytes(m.limit as f64)) } }
                    } }
                }
            }
        }
    }
}
