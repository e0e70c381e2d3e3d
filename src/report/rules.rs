//! How the rules did: what each fired, what held it back, how noisy it is and what it costs.

use super::when::Clock;
use super::words;
use crate::model::units::{count, duration, grouped, printable};
use crate::model::{Anomaly, Held, RuleAccount, Timestamp};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// One rule's account for people and scripts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuleLine {
    /// Its name.
    pub name: String,
    /// It is in shadow: judged and shown, and nobody is told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// Anomalies it opened that count.
    pub fired: u64,
    /// Anomalies it opened in shadow.
    pub shadowed: u64,
    /// Those that are open.
    pub open: u64,
    /// Anomalies it would have opened, by what held them back.
    pub held: Held,
    /// Days it was in use: whole intervals that were judged.
    pub days: f64,
    /// Series it watched in an ordinary interval.
    pub series: f64,
    /// Tests it made in a day.
    pub tests_per_day: f64,
    /// Its part of all that was promised, 0 to 1: what it costs of the budget.
    pub cost: f64,
    /// False alarms that the budget allowed it in these days.
    pub promised: f64,
    /// What it opened, in shadow or not, as a multiple of `promised`; null where nothing was promised. True findings
    /// count here too: above 1 it speaks more often than chance alone would let it.
    pub noise: Option<f64>,
}

/// `3 by conditions, 1 by grace`; empty for none.
pub fn causes(held: &Held) -> String {
    let causes = [
        (held.conditions, "conditions"),
        (held.grace, "grace"),
        (held.calendar, "the calendar"),
        (held.exceptions, "exceptions"),
        (held.measures, "measures"),
        (held.learning, "learning"),
    ];
    let said = causes.into_iter().filter(|(n, _)| *n > 0);
    let said: Vec<String> = said.map(|(n, by)| format!("{} by {by}", grouped(n))).collect();
    said.join(", ")
}

/// The lines of some accounts; `open` and `shadow` say how many anomalies of a rule are open and whether it is in shadow.
pub fn lines<'a>(
    accounts: impl Iterator<Item = &'a RuleAccount> + Clone,
    interval: Duration,
    open: impl Fn(&str) -> u64,
    shadow: impl Fn(&str) -> bool,
) -> Vec<RuleLine> {
    let all: f64 = accounts.clone().map(|account| account.promised).sum();
    accounts
        .map(|account| {
            let days = account.intervals as f64 * interval.as_secs_f64() / 86_400.0;
            let (tests, opened) = (account.tests as f64, account.fired + account.shadowed);
            let by = |whole: f64| if whole > 0.0 { tests / whole } else { 0.0 };
            RuleLine {
                name: account.rule.clone(),
                shadow: shadow(&account.rule),
                fired: account.fired,
                shadowed: account.shadowed,
                open: open(&account.rule),
                held: account.held,
                days,
                series: by(account.intervals as f64),
                tests_per_day: by(days),
                cost: account.promised / all.max(f64::MIN_POSITIVE),
                promised: account.promised,
                noise: (account.promised > 0.0).then(|| opened as f64 / account.promised),
            }
        })
        .collect()
}

/// Writes the review of rules that ran for a while: a line for each, the noisiest first.
///
/// # Errors
/// What the output reports.
pub fn review(out: &mut impl Write, lines: &[RuleLine]) -> io::Result<()> {
    let mut order: Vec<&RuleLine> = lines.iter().collect();
    let opened = |line: &RuleLine| line.fired + line.shadowed;
    order.sort_by(|a, b| opened(b).cmp(&opened(a)).then_with(|| a.name.cmp(&b.name)));
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0).max(4);
    writeln!(
        out,
        "{:width$}  {:>7} {:>7} {:>5} {:>7} {:>9} {:>8} {:>9} {:>7}  held back",
        "rule", "fired", "shadow", "open", "per day", "promised", "noise", "series", "cost"
    )?;
    for line in order {
        let per_day = match line.days > 0.0 {
            true => count(opened(line) as f64 / line.days),
            false => "-".to_owned(),
        };
        let noise = line
            .noise
            .map_or("-".to_owned(), |noise| format!("{} x", count(noise)));
        writeln!(
            out,
            "{:width$}  {:>7} {:>7} {:>5} {per_day:>7} {:>9} {noise:>8} {:>9} {:>6.1}%  {}",
            line.name,
            grouped(line.fired),
            if line.shadow {
                grouped(line.shadowed)
            } else {
                "-".to_owned()
            },
            grouped(line.open),
            format!("{:.2}", line.promised),
            count(line.series),
            100.0 * line.cost,
            causes(&line.held),
        )?;
    }
    Ok(())
}

/// Writes what every rule fired: its anomalies under its name, in the order of the rules.
///
/// # Errors
/// What the output reports.
pub fn fired(
    out: &mut impl Write,
    lines: &[RuleLine],
    anomalies: &[Anomaly],
    start: Option<Timestamp>,
) -> io::Result<()> {
    let clock = Clock::new(start);
    for line in lines {
        writeln!(out, "{}: {}", line.name, verdict(line))?;
        for anomaly in anomalies.iter().filter(|anomaly| anomaly.rule == line.name) {
            let lasted = words::lasted(anomaly.started_at, anomaly.ended_at);
            writeln!(
                out,
                "  {}  {}  {}, score {:.1}, {lasted}",
                clock.at(anomaly.started_at),
                words::kind(anomaly.kind),
                words::entity(&anomaly.entity),
                anomaly.worst.score,
            )?;
            writeln!(out, "      {}", printable(&anomaly.text))?;
        }
    }
    Ok(())
}

/// Writes what a change of rules makes of the anomalies of some traffic: each change with those it befalls, and how many
/// stay.
///
/// # Errors
///
/// What the output reports.
pub fn changed(
    out: &mut impl Write,
    changes: &[(&str, &[Anomaly])],
    stay: usize,
    start: Option<Timestamp>,
) -> io::Result<()> {
    let clock = Clock::new(start);
    for (change, anomalies) in changes {
        for anomaly in *anomalies {
            let lasted = words::lasted(anomaly.started_at, anomaly.ended_at);
            let shadow = if anomaly.shadow { ", in shadow" } else { "" };
            writeln!(
                out,
                "{change:<9} {}  {}: {}  {}, score {:.1}, {lasted}{shadow}",
                clock.at(anomaly.started_at),
                anomaly.rule,
                words::kind(anomaly.kind),
                words::entity(&anomaly.entity),
                anomaly.worst.score,
            )?;
        }
    }
    let counts = changes
        .iter()
        .map(|(change, all)| format!("{} {change}", all.len()));
    writeln!(out, "{}, {stay} stay", counts.collect::<Vec<_>>().join(", "))
}

/// `fired 2 in 58 min, held back 1 by grace; 12,300 tests`.
fn verdict(line: &RuleLine) -> String {
    let mut text = match (line.fired, line.shadowed) {
        (0, 0) => "nothing fired".to_owned(),
        (fired, 0) => format!("fired {}", grouped(fired)),
        (0, shadowed) => format!("fired {} in shadow", grouped(shadowed)),
        (fired, shadowed) => format!("fired {} and {} in shadow", grouped(fired), grouped(shadowed)),
    };
    let held = causes(&line.held);
    if !held.is_empty() {
        let _ = write!(text, "; held back {held}");
    }
    let watched = Duration::try_from_secs_f64(line.days * 86_400.0).unwrap_or_default();
    let tests = (line.tests_per_day * line.days).round() as u64;
    let _ = write!(text, "; {} tests in {}", grouped(tests), duration(watched));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn accounts() -> Vec<RuleAccount> {
        let busy = RuleAccount {
            fired: 4,
            held: Held {
                conditions: 1200,
                grace: 1,
                ..Held::default()
            },
            intervals: 2 * 1440,
            tests: 288_000,
            promised: 0.5,
            ..RuleAccount::of("busy")
        };
        let shy = RuleAccount {
            shadowed: 1,
            intervals: 720,
            tests: 96_000,
            ..RuleAccount::of("shy")
        };
        vec![busy, RuleAccount::of("idle"), shy]
    }

    fn made() -> Vec<RuleLine> {
        let accounts = accounts();
        let open = |name: &str| u64::from(name == "busy");
        lines(accounts.iter(), Duration::from_secs(60), open, |name| {
            name == "shy"
        })
    }

    #[test]
    fn a_review_says_who_fired_how_often_and_at_what_cost() {
        let mut out = Vec::new();
        review(&mut out, &made()).unwrap();
        let text = String::from_utf8(out).unwrap();
        let want = "\
rule    fired  shadow  open per day  promised    noise    series    cost  held back
busy        4       -     1       2      0.50      8 x       100  100.0%  1,200 by conditions, 1 by grace
shy         0       1     0       2      0.00        -       133    0.0%  
idle        0       -     0       -      0.00        -         0    0.0%  
";
        assert_eq!(text, want, "{text}");
    }

    #[test]
    fn what_fired_stands_under_its_rule() {
        let anomaly = fixture::anomalies().remove(0);
        let mut account = accounts().remove(0);
        account.rule = anomaly.rule.clone();
        account.fired = 1;
        let lines = lines([&account].into_iter(), Duration::from_secs(60), |_| 0, |_| false);
        let mut out = Vec::new();
        fired(&mut out, &lines, std::slice::from_ref(&anomaly), None).unwrap();
        let text = String::from_utf8(out).unwrap();
        let first = format!(
            "{}: fired 1; held back 1,200 by conditions, 1 by grace; 288,000 tests in 2 d",
            anomaly.rule
        );
        assert!(text.starts_with(&first), "{text}");
        assert!(text.contains(&printable(&anomaly.text)), "{text}");
    }
}
