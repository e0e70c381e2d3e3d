//! `[notify]`: who is told what, through which channel, and when.

mod channel;

use super::section::{Entry, Result, Section};
use super::{Calendar, HOUR, SECOND};
use crate::dispatch::{Budget, By, Digest, Due, Escalation, On, Route};
use crate::filter::{AnomalyFilter, nearest};
use crate::model::{self, Severity, WEEKDAYS};
use crate::notify::{Channel, Kind};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// What a message is about, by name.
const BY: [(&str, By); 2] = [("incident", By::Incident), ("anomaly", By::Anomaly)];

/// Notifications, as configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notify {
    /// The name of this instance in messages; that of the machine unless configured.
    pub name: Option<String>,
    /// Where people reach the dashboard, for links.
    pub public_url: Option<String>,
    /// Ways out.
    pub channels: Vec<Channel>,
    /// Who is told.
    pub routes: Vec<Way>,
}

/// A route and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Everything but its calendars.
    pub route: Route,
    /// The name of its channel.
    pub channel: String,
    /// Only anomalies that pass it.
    pub filter: Option<AnomalyFilter>,
    /// Names of the calendars while which it speaks.
    pub during: Vec<String>,
    /// Names of the calendars while which it does not.
    pub outside: Vec<String>,
    /// Names of the calendars while which only what is critical is told at once.
    pub quiet: Vec<String>,
    /// Messages that may wait; 10 to 1,000,000.
    pub queue: u64,
    /// A message that could not be sent for so long is given up; 1 min to 30 days.
    pub give_up: Duration,
}

/// Reads the section; digests go by clocks in `zone`.
pub(super) fn read(mut section: Section<'_>, zone: &TimeZone, calendars: &[Calendar]) -> Result<Notify> {
    let name = section.maybe("name", Entry::line)?;
    let public_url = section.maybe("public_url", address)?;
    let channels = match section.get("channel") {
        Some(entry) => channel::all(entry.section()?)?,
        None => Vec::new(),
    };
    let routes = section.get("route");
    section.finish()?;
    let mut all = Vec::new();
    let mut targets = Vec::new();
    if let Some(entry) = routes {
        for (name, entry) in entry.section()?.into_entries() {
            let context = Context {
                zone,
                calendars,
                channels: &channels,
            };
            let (way, to) = route(&name, entry.section()?, &context)?;
            targets.extend(to);
            all.push(way);
        }
    }
    for (to, entry) in targets {
        if !all.iter().any(|way| way.route.name == to) {
            return Err(unknown(
                &entry,
                "route",
                &to,
                all.iter().map(|way| way.route.name.as_str()),
            ));
        }
    }
    Ok(Notify {
        name,
        public_url,
        channels,
        routes: all,
    })
}

/// What a route may refer to.
struct Context<'a> {
    zone: &'a TimeZone,
    calendars: &'a [Calendar],
    channels: &'a [Channel],
}

fn unknown<'a>(
    entry: &Entry<'_>,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> super::ConfigError {
    let hint = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    entry.error(format!("there is no {what} `{name}`")).hint(hint)
}

/// An address without credentials and without a slash at its end.
fn address(entry: &Entry<'_>) -> Result<String> {
    let url = channel::url(entry)?;
    Ok(url.trim_end_matches('/').to_owned())
}

/// A name of lower-case letters, digits and hyphens.
fn sound_name(entry: &Entry<'_>, name: &str) -> Result<()> {
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(sound) {
        return Err(entry.error("a name has lower-case letters, digits and hyphens, at most 64"));
    }
    Ok(())
}

type Target<'a> = Option<(String, Entry<'a>)>;

fn route<'a>(name: &str, mut table: Section<'a>, context: &Context<'_>) -> Result<(Way, Target<'a>)> {
    let entry = table.need("channel")?;
    sound_name(&entry, name)?;
    let channel = entry.line()?;
    let Some(through) = context.channels.iter().find(|one| one.name == channel) else {
        let known = context.channels.iter().map(|one| one.name.as_str());
        return Err(unknown(&entry, "channel", &channel, known));
    };
    let standard = standard(name, &through.kind);
    let (escalation, to) = match table.get("escalate") {
        Some(entry) => escalation(entry.section()?)?,
        None => (None, None),
    };
    let route = Route {
        least: table.or("severity", standard.least, Entry::severity)?,
        rules: table.or("rules", Vec::new(), Entry::lines)?,
        kinds: table.or("kinds", Vec::new(), kinds)?,
        on: table.or("on", standard.on, on)?,
        by: table.or("by", standard.by, |e| e.choice("what a message is about", &BY))?,
        budget: table.or("budget", standard.budget, budget)?,
        digest: table.maybe("digest", |e| digest(e.section()?, context.zone))?,
        escalation,
        is_last_resort: table.or("only_escalated", false, Entry::flag)?,
        own: table.or("self", false, Entry::flag)?,
        heartbeat: table.maybe("heartbeat", |e| e.duration(SECOND..=DAY))?,
        refresh: table.or("refresh", standard.refresh, |e| {
            e.duration(SECOND * 5..=HOUR).map(Some)
        })?,
        ..standard
    };
    let mut calendars = |key| table.or(key, Vec::new(), |e| named(e, context.calendars));
    let way = Way {
        during: calendars("during")?,
        outside: calendars("outside")?,
        quiet: calendars("quiet")?,
        filter: table.maybe("filter", filter)?,
        queue: table.or("queue", 1000, |e| e.amount(10..=1_000_000))?,
        give_up: table.or("give_up", DAY, |e| e.duration(SECOND * 60..=DAY * 30))?,
        route,
        channel,
    };
    table.finish()?;
    Ok((way, to))
}

/// What a route is unless configured: people get a message an incident and at most 20 an hour, machines everything.
fn standard(name: &str, kind: &Kind) -> Route {
    let standard = Route::new(name, Severity::Low);
    match kind {
        Kind::PagerDuty(_) | Kind::Slack(_) | Kind::Mattermost(_) | Kind::Telegram(_) | Kind::Mail(_) => {
            Route {
                budget: Some(Budget {
                    messages: 20,
                    per: HOUR,
                    wait: SECOND * 30,
                }),
                ..standard
            }
        }
        Kind::Alertmanager(_) => Route {
            by: By::Anomaly,
            refresh: Some(SECOND * 60),
            ..standard
        },
        _ => Route {
            by: By::Anomaly,
            ..standard
        },
    }
}

fn filter(entry: &Entry<'_>) -> Result<AnomalyFilter> {
    AnomalyFilter::parse(entry.text()?).map_err(|error| entry.error(error.to_string()))
}

fn kinds(entry: &Entry<'_>) -> Result<Vec<String>> {
    let known = model::Kind::ALL.map(|kind| (kind.name(), kind.name()));
    let kind = |entry: &Entry<'_>| entry.choice("a kind of anomaly", &known).map(str::to_owned);
    entry.list()?.iter().map(kind).collect()
}

fn named(entry: &Entry<'_>, calendars: &[Calendar]) -> Result<Vec<String>> {
    let parts = match entry.text() {
        Ok(name) => vec![(name.to_owned(), None)],
        Err(_) => entry
            .list()?
            .into_iter()
            .map(|part| Ok((part.line()?, Some(part))))
            .collect::<Result<Vec<_>>>()?,
    };
    for (name, part) in &parts {
        let known = calendars.iter().map(|one| one.calendar.name.as_str());
        if !known.clone().any(|one| one == name) {
            return Err(unknown(part.as_ref().unwrap_or(entry), "calendar", name, known));
        }
    }
    Ok(parts.into_iter().map(|(name, _)| name).collect())
}

/// What a route tells of beside what begins, by name.
fn on(entry: &Entry<'_>) -> Result<On> {
    let mut on = On {
        updated: false,
        escalated: false,
        acknowledged: false,
        discussed: false,
        closed: false,
    };
    let known = ["updated", "escalated", "acknowledged", "discussed", "closed"];
    for part in entry.list()? {
        match part.text()? {
            "updated" => on.updated = true,
            "escalated" => on.escalated = true,
            "acknowledged" => on.acknowledged = true,
            "discussed" => on.discussed = true,
            "closed" => on.closed = true,
            other => {
                let error = part.error(format!("`{other}` is nothing that can be told of"));
                return Err(error.hint(format!(
                    "known are {}; what opens is always told",
                    known.join(", ")
                )));
            }
        }
    }
    Ok(on)
}

/// `false` for none, or a table.
fn budget(entry: &Entry<'_>) -> Result<Option<Budget>> {
    if !entry.is_table() {
        return match entry.flag()? {
            false => Ok(None),
            true => Err(entry.error("expected a table such as { messages = 20, per = \"1h\" }, or false")),
        };
    }
    let mut table = entry.section()?;
    let budget = Budget {
        messages: table.need("messages")?.amount(1..=1_000_000)? as u32,
        per: table.or("per", HOUR, |e| e.duration(SECOND..=DAY))?,
        wait: table.or("wait", SECOND * 30, |e| e.duration(Duration::ZERO..=HOUR))?,
    };
    table.finish().map(|()| Some(budget))
}

fn digest(mut table: Section<'_>, zone: &TimeZone) -> Result<Digest> {
    let every = table.maybe("every", |e| e.duration(SECOND * 60..=DAY * 7))?;
    let due = match every {
        Some(every) => Due::Every(every),
        None => {
            let entry = table.need("at")?;
            let (time, day) = hour(&entry)?;
            Due::At(time, day, zone.clone())
        }
    };
    let digest = Digest {
        due,
        least: table.or("severity", Severity::Low, Entry::severity)?,
    };
    table.finish().map(|()| digest)
}

/// `08:00`, or `mon 08:00`.
fn hour(entry: &Entry<'_>) -> Result<(Time, Option<Weekday>)> {
    let text = entry.text()?;
    let (day, time) = match text.split_once(' ') {
        Some((day, time)) => (Some(day), time),
        None => (None, text),
    };
    let named = day.map(|day| {
        WEEKDAYS
            .iter()
            .find(|(name, _)| *name == day)
            .map(|(_, day)| *day)
    });
    match (named, time.parse::<Time>().ok().filter(|_| time.len() >= 5)) {
        (Some(None), _) | (_, None) => {
            let error = entry.error(format!("`{text}` is no hour"));
            Err(error.hint("write it like \"08:00\" or \"mon 08:00\"".to_owned()))
        }
        (day, Some(time)) => Ok((time, day.flatten())),
    }
}

fn escalation(mut table: Section<'_>) -> Result<(Option<Escalation>, Target<'_>)> {
    let entry = table.need("to")?;
    let to = entry.line()?;
    let escalation = Escalation {
        after: table.or("after", SECOND * 900, |e| e.duration(SECOND..=DAY))?,
        times: table.or("times", 3, |e| e.amount(1..=1000))? as u32,
        least: table.or("severity", Severity::Critical, Entry::severity)?,
        to: to.clone(),
    };
    table.finish()?;
    Ok((Some(escalation), Some((to, entry))))
}

#[cfg(test)]
mod tests;
