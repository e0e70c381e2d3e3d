//! What a rule says beside its test, calendars and exceptions as TOML text.

use super::super::Calendar;
use super::super::values::span;
use super::{list, quoted};
use crate::model::{Exception, Gates, Grace, Holiday, Hours, Nth, WEEKDAYS, Window};
use std::fmt::{self, Formatter};

/// The keys of a rule that say something.
pub(super) fn of_rule(f: &mut Formatter<'_>, gates: &Gates) -> fmt::Result {
    if let Some(when) = &gates.when {
        writeln!(f, "when = {}", quoted(&when.text))?;
    }
    if gates.grace != Grace::default() {
        let Grace {
            tidemark,
            exporter,
            host,
        } = gates.grace;
        let [tidemark, exporter, host] = [tidemark, exporter, host].map(span);
        writeln!(
            f,
            "grace = {{ tidemark = \"{tidemark}\", exporter = \"{exporter}\", host = \"{host}\" }}"
        )?;
    }
    for (key, names) in [("during", &gates.during), ("outside", &gates.outside)] {
        if !names.is_empty() {
            writeln!(f, "{key} = {}", list(names))?;
        }
    }
    if !gates.except.is_empty() {
        let all: Vec<String> = gates.except.iter().map(exception).collect();
        writeln!(f, "except = [{}]", all.join(", "))?;
    }
    if gates.shadow {
        writeln!(f, "shadow = true")?;
    }
    Ok(())
}

/// An exception as an inline table.
fn exception(exception: &Exception) -> String {
    let mut text = format!("{{ filter = {}", quoted(&exception.filter));
    if let Some(until) = exception.until {
        text.push_str(&format!(", until = \"{until}\""));
    }
    if !exception.why.is_empty() {
        text.push_str(&format!(", why = {}", quoted(&exception.why)));
    }
    if !exception.rules.is_empty() {
        text.push_str(&format!(", rules = {}", list(&exception.rules)));
    }
    text + " }"
}

/// Exceptions for all rules.
pub(super) fn exceptions(f: &mut Formatter<'_>, exceptions: &[Exception]) -> fmt::Result {
    if exceptions.is_empty() {
        return Ok(());
    }
    let all: Vec<String> = exceptions.iter().map(exception).collect();
    writeln!(f, "except = [{}]", all.join(", "))
}

/// All calendars.
pub(super) fn calendars(f: &mut Formatter<'_>, calendars: &[Calendar]) -> fmt::Result {
    for Calendar {
        calendar,
        holiday_files,
    } in calendars
    {
        writeln!(f, "\n[calendar.{}]", calendar.name)?;
        let zone = calendar.zone.iana_name().unwrap_or("UTC");
        writeln!(f, "zone = {}", quoted(zone))?;
        if let Some(week) = &calendar.week {
            writeln!(f, "{}", hours(week).join("\n"))?;
        }
        writeln!(f, "holidays = {}", list(calendar.holidays.iter().map(holiday)))?;
        writeln!(
            f,
            "holiday_files = {}",
            list(holiday_files.iter().map(|path| path.display()))
        )?;
        let windows: Vec<String> = calendar.windows.iter().map(window).collect();
        writeln!(f, "windows = [{}]", windows.join(", "))?;
    }
    Ok(())
}

/// `weekdays = [...]` and `hours = [...]`.
fn hours(week: &Hours) -> [String; 2] {
    let days = WEEKDAYS.iter().zip(week.days).filter(|(_, set)| *set);
    let stretches = week.hours.iter().map(|(from, to)| format!("{from}-{to}"));
    [
        format!("weekdays = {}", list(days.map(|((name, _), _)| *name))),
        format!("hours = {}", list(stretches)),
    ]
}

fn holiday(holiday: &Holiday) -> String {
    match holiday {
        Holiday::On(date) => date.to_string(),
        Holiday::Yearly(month, day) => format!("{month:02}-{day:02}"),
    }
}

fn window(window: &Window) -> String {
    match window {
        Window::Once(from, until) => format!("{{ from = \"{from}\", until = \"{until}\" }}"),
        Window::Again(week, nth) => {
            let nth = match nth {
                Nth::Every => String::new(),
                Nth::Number(n) => format!(", week = {n}"),
                Nth::Last => ", week = \"last\"".to_owned(),
            };
            format!("{{ {}{nth} }}", hours(week).join(", "))
        }
    }
}
