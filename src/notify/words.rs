//! A message in words, for receivers that people read: plain text, and HTML of the same.

use super::brief::{Brief, number};
use super::message::{Message, measured};
use crate::dispatch::Phase;
use crate::model::Timestamp;
use crate::model::units::printable;
use maud::{DOCTYPE, html};
use std::time::Duration;

/// Anomalies listed of many.
const LISTED: usize = 20;

/// What is to be said of an anomaly, by name: what, where, observed against expected, because of whom, since when.
pub(super) fn fields(brief: &Brief) -> Vec<(&'static str, String)> {
    let usual = format!(
        "{} to {}",
        number(brief.lower, &brief.metric),
        number(brief.upper, &brief.metric)
    );
    let mut fields = vec![
        ("What", format!("{} (rule {})", brief.kind, brief.rule)),
        ("Where", brief.place()),
        ("Observed", format!("{}; usually {usual}", measured(brief))),
        ("Because of", brief.who(5).join("; ")),
        ("Since", time(brief.started_at)),
    ];
    if let Some(ended) = brief.ended_at {
        fields.push(("Until", time(ended)));
    }
    if let Some(technique) = &brief.technique {
        fields.push(("ATT&CK", technique.clone()));
    }
    fields.retain(|(_, text)| !text.is_empty());
    fields
        .iter()
        .map(|(name, text)| (*name, printable(text)))
        .collect()
}

/// An instant to the second.
pub(super) fn time(at: Timestamp) -> String {
    at.floor(Duration::from_secs(1)).to_string()
}

/// One line of an anomaly in a list.
pub(super) fn line(brief: &Brief) -> String {
    printable(&format!(
        "{:8} {} at {}: {}",
        brief.severity.name(),
        brief.kind,
        brief.place(),
        measured(brief)
    ))
}

/// The anomalies of a sum that are listed, and how many are not.
fn listed(message: &Message) -> (&[Brief], u64) {
    let listed = message.anomalies.get(..LISTED).unwrap_or(&message.anomalies);
    (
        listed,
        message.counts.anomalies.saturating_sub(listed.len() as u64),
    )
}

/// How many of which rule.
fn rules(message: &Message) -> String {
    let mut rules: Vec<(&String, &u64)> = message.counts.by_rule.iter().collect();
    rules.sort_by(|a, b| b.1.cmp(a.1));
    let name = |name: &str| {
        if name.is_empty() {
            "other rules".to_owned()
        } else {
            name.to_owned()
        }
    };
    let rules = rules
        .iter()
        .map(|(rule, count)| format!("{count} of {}", name(rule)));
    rules.collect::<Vec<_>>().join(", ")
}

/// The message as plain text, without its title.
pub(super) fn text(message: &Message) -> String {
    let mut out = String::new();
    if let Some(note) = &message.note {
        out += &format!(
            "{}: {}\n\n",
            message.by.as_deref().unwrap_or("note"),
            printable(note)
        );
    }
    if let Some(trouble) = &message.trouble {
        out += &format!(
            "{}\n\n",
            trouble.lines().map(printable).collect::<Vec<_>>().join("\n")
        );
    }
    if message.is_sum() {
        out += &sum(message);
    } else if let Some(brief) = message.first() {
        out += &single(message, brief);
    }
    if let Some(page) = message.page() {
        out += &format!("Dashboard: {page}\n");
    }
    out += &format!(
        "\nTidemark on {}, route {}, {}\n",
        message.sender.name,
        message.route,
        time(message.at)
    );
    out
}

fn sum(message: &Message) -> String {
    let (listed, more) = listed(message);
    let mut out = format!("By rule: {}\n\n", rules(message));
    listed
        .iter()
        .for_each(|brief| out += &format!("{}\n", line(brief)));
    if more > 0 {
        out += &format!("and {more} more\n");
    }
    out + "\n"
}

fn single(message: &Message, brief: &Brief) -> String {
    let mut out = format!("{}\n\n", printable(&brief.text));
    for (name, text) in fields(brief) {
        out += &format!("{:<11} {text}\n", format!("{name}:"));
    }
    let lists = [
        ("What to check", &brief.next),
        ("What harmless thing it may be", &brief.false_causes),
    ];
    for (name, list) in lists
        .iter()
        .filter(|(_, list)| !list.is_empty() && message.phase != Phase::Closed)
    {
        out += &format!("\n{name}:\n");
        list.iter()
            .for_each(|one| out += &format!("- {}\n", printable(one)));
    }
    out += &format!("\nIts traffic: {}\n", printable(&brief.reproduce));
    if let Some(traffic) = message.traffic(brief) {
        out += &format!("Its traffic in the dashboard: {traffic}\n");
    }
    out
}

/// The message as a page of HTML: nothing in it is loaded from anywhere.
pub(super) fn page(message: &Message) -> String {
    let color = match message.severity {
        _ if message.is_over() => "#2e7d32",
        crate::model::Severity::Critical => "#b71c1c",
        crate::model::Severity::High => "#e65100",
        crate::model::Severity::Low => "#455a64",
    };
    let (listed, more) = listed(message);
    let first = message.first().filter(|_| !message.is_sum());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (message.title()) } }
            body style="font-family:sans-serif;font-size:14px;color:#212121" {
                h2 style=(format!("font-size:18px;border-left:6px solid {color};padding-left:10px")) { (message.title()) }
                @if let Some(note) = &message.note { p { b { (message.by.as_deref().unwrap_or("note")) } ": " (printable(note)) } }
                @if let Some(trouble) = &message.trouble { @for line in trouble.lines() { p { (printable(line)) } } }
                @if let Some(brief) = first {
                    p { (printable(&brief.text)) }
                    table cellpadding="4" { @for (name, text) in fields(brief) { tr { th align="left" valign="top" { (name) } td { (text) } } } }
                    @if !brief.next.is_empty() { p { b { "What to check" } } ul { @for one in &brief.next { li { (printable(one)) } } } }
                    @if let Some(traffic) = message.traffic(brief) { p { a href=(traffic) { "Its traffic in the dashboard" } } }
                }
                @if message.is_sum() {
                    p { (rules(message)) }
                    ul { @for brief in listed { li { (line(brief)) } } }
                    @if more > 0 { p { "and " (more) " more" } }
                }
                @if let Some(link) = message.page() { p { a href=(link) { "Dashboard" } } }
                p style="color:#757575;font-size:12px" { "Tidemark on " (message.sender.name) ", route " (message.route) ", " (time(message.at)) }
            }
        }
    };
    page.into_string()
}
