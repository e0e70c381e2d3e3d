//! `[calendar.NAME]`: hours, holidays and windows in a zone; and dates as people write them.

use super::section::{Entry, Result, Section};
use super::{ConfigError, path};
use crate::filter::nearest;
use crate::model::{self, Holiday, Hours, Nth, Timestamp, WEEKDAYS, Window};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// A calendar, as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// What is written of it.
    pub calendar: model::Calendar,
    /// Files with further holidays, as written ([`super::Config::resolve`]).
    pub holiday_files: Vec<PathBuf>,
}

/// Which end of a day a date stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Its beginning.
    Begin,
    /// The beginning of the next: the day is inside.
    After,
}

/// Reads all calendars; those without a zone are in `zone`.
pub(super) fn read(section: Section<'_>, zone: &TimeZone) -> Result<Vec<Calendar>> {
    let calendars = section.into_entries().into_iter();
    calendars
        .map(|(name, entry)| {
            let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 64 || !name.chars().all(sound) {
                return Err(entry.error("a name has lower-case letters, digits and hyphens, at most 64"));
            }
            calendar(name, entry.section()?, zone)
        })
        .collect()
}

fn calendar(name: String, mut table: Section<'_>, zone: &TimeZone) -> Result<Calendar> {
    let zone = table.or("zone", zone.clone(), self::zone)?;
    let days = table.maybe("weekdays", weekdays)?;
    let hours = table.maybe("hours", hours)?;
    let windows = table.or("windows", Vec::new(), |entry| {
        entry
            .list()?
            .iter()
            .map(|part| window(part.section()?, &zone))
            .collect()
    })?;
    let holidays = table.or("holidays", Vec::new(), |entry| {
        entry.list()?.iter().map(holiday).collect()
    })?;
    let holiday_files = table.or("holiday_files", Vec::new(), |entry| {
        entry.list()?.iter().map(path).collect()
    })?;
    table.finish()?;
    let always = windows.is_empty();
    let week = (always || days.is_some() || hours.is_some()).then(|| Hours {
        days: days.unwrap_or([true; 7]),
        hours: hours.unwrap_or_default(),
    });
    Ok(Calendar {
        calendar: model::Calendar {
            name,
            zone,
            week,
            holidays,
            windows,
        },
        holiday_files,
    })
}

/// A zone by its name in the time zone database: that of the system, or where there is none the one built in.
pub(super) fn zone(entry: &Entry<'_>) -> Result<TimeZone> {
    let name = entry.line()?;
    TimeZone::get(&name).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let near = nearest(&name, known.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        let example = || Some("zones are named like `Europe/Berlin`".to_owned());
        entry
            .error(format!("there is no time zone `{name}`"))
            .hint(hint.or_else(example))
    })
}

/// `"mon"` or `"mon-fri"`, in a list or alone.
fn weekdays(entry: &Entry<'_>) -> Result<[bool; 7]> {
    let parts = match entry.text() {
        Ok(_) => return weekday_range(entry),
        Err(_) => entry.list()?,
    };
    let mut days = [false; 7];
    for part in &parts {
        let range = weekday_range(part)?;
        days.iter_mut().zip(range).for_each(|(day, more)| *day |= more);
    }
    Ok(days)
}

fn weekday_range(entry: &Entry<'_>) -> Result<[bool; 7]> {
    let text = entry.text()?;
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let number = |name: &str| {
        let name = name.trim().to_lowercase();
        WEEKDAYS.iter().position(|(short, _)| *short == name)
    };
    let (Some(from), Some(to)) = (number(from), number(to)) else {
        let error = entry.error(format!("`{text}` is no day of the week"));
        return Err(
            error.hint("known are mon, tue, wed, thu, fri, sat, sun, and ranges such as mon-fri".to_owned())
        );
    };
    // `sat-mon` goes over the end of the week.
    let length = (to + 7 - from) % 7;
    Ok(std::array::from_fn(|day| (day + 7 - from) % 7 <= length))
}

/// `"08:00-18:00"`, in a list or alone.
fn hours(entry: &Entry<'_>) -> Result<Vec<(Time, Time)>> {
    match entry.text() {
        Ok(_) => Ok(vec![stretch(entry)?]),
        Err(_) => entry.list()?.iter().map(stretch).collect(),
    }
}

fn stretch(entry: &Entry<'_>) -> Result<(Time, Time)> {
    let text = entry.text()?;
    let time = |text: &str| match text.trim() {
        "24:00" => Some(Time::midnight()),
        text => (text.len() >= 5).then(|| text.parse().ok()).flatten(),
    };
    let ends = text
        .split_once('-')
        .and_then(|(from, to)| Some((time(from)?, time(to)?)));
    ends.ok_or_else(|| {
        let error = entry.error(format!("`{text}` is no stretch of a day"));
        error.hint("write it like `08:00-18:00`, or `22:00-06:00` for a night".to_owned())
    })
}

/// A date, or `"12-25"` for every year.
fn holiday(entry: &Entry<'_>) -> Result<Holiday> {
    let text = entry.written()?;
    day(&text).ok_or_else(|| {
        let error = entry.error(format!("`{text}` is no day"));
        error.hint("write it like 2026-12-25, or \"12-25\" for every year".to_owned())
    })
}

fn day(text: &str) -> Option<Holiday> {
    if text.len() == 10 {
        return text.parse().ok().map(Holiday::On);
    }
    let (month, day) = text.split_once('-').filter(|_| text.len() == 5)?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    // A leap year, so that 29 February is a day.
    Date::new(2024, month, day)
        .ok()
        .map(|_| Holiday::Yearly(month, day))
}

/// Days of a file: one a line at its beginning, what follows on the line is for people; `#` begins a comment.
pub(super) fn days(name: &str, text: &str) -> Result<Vec<Holiday>> {
    let mut days = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let word = line
            .split_whitespace()
            .next()
            .filter(|word| !word.starts_with('#'));
        if let Some(word) = word {
            let wrong = || {
                let message = format!("`{word}` is no day such as 2026-12-25 or 12-25");
                ConfigError::at(name, text, start..start + line.trim_end().len(), message)
            };
            days.push(day(word).ok_or_else(wrong)?);
        }
        start += line.len();
    }
    Ok(days)
}

/// Adds the holidays of its files to a calendar.
pub(super) fn complete(
    calendar: &Calendar,
    config: &super::Config,
    read: &impl Fn(&Path) -> std::io::Result<String>,
) -> Result<model::Calendar> {
    let mut whole = calendar.calendar.clone();
    for file in &calendar.holiday_files {
        let path = config.resolve(file);
        let name = path.display().to_string();
        let text = read(&path).map_err(|error| {
            let message = format!("the file of holidays {name} cannot be read: {error}");
            ConfigError::about(&config.file, message).key(format!("calendar.{}.holiday_files", whole.name))
        })?;
        whole.holidays.extend(days(&name, &text)?);
    }
    Ok(whole)
}

/// `{ from, until }` once, or `{ weekdays, hours, week }` again and again.
fn window(mut table: Section<'_>, zone: &TimeZone) -> Result<Window> {
    // For people who read the file.
    table.maybe("why", Entry::line)?;
    let from = table.maybe("from", |entry| instant(entry, zone, Ends::Begin))?;
    let window = match from {
        Some(from) => {
            let entry = table.need("until")?;
            let until = instant(&entry, zone, Ends::After)?;
            if until <= from {
                return Err(entry.error("is not after `from`"));
            }
            Window::Once(from, until)
        }
        None => {
            let days = table.maybe("weekdays", weekdays)?;
            let hours = table.maybe("hours", hours)?;
            if days.is_none() && hours.is_none() {
                return Err(table.error("needs `from` and `until`, or `weekdays` or `hours`".to_owned()));
            }
            let hours = Hours {
                days: days.unwrap_or([true; 7]),
                hours: hours.unwrap_or_default(),
            };
            Window::Again(hours, table.or("week", Nth::Every, nth)?)
        }
    };
    table.finish().map(|()| window)
}

/// `1` to `5`, or `"last"`.
fn nth(entry: &Entry<'_>) -> Result<Nth> {
    if entry.text().is_ok_and(|text| text == "last") {
        return Ok(Nth::Last);
    }
    match entry.number() {
        Ok(n) if (1.0..=5.0).contains(&n) && n.fract() == 0.0 => Ok(Nth::Number(n as i8)),
        _ => Err(entry.error("expected 1 to 5, or \"last\"")),
    }
}

/// A date, a local time in `zone`, or an instant. A time that comes twice is the first of them at the beginning of a
/// stretch and the second at its end.
pub(super) fn instant(entry: &Entry<'_>, zone: &TimeZone, ends: Ends) -> Result<Timestamp> {
    let text = entry.written()?;
    let found = absolute(&text).or_else(|| local(&text, zone, ends));
    let at = found.and_then(|at| i64::try_from(at.as_nanosecond()).ok());
    at.map(Timestamp::from_nanos).ok_or_else(|| {
        let error = entry.error(format!("`{text}` is no date or time"));
        error.hint("write it like 2026-12-01, 2026-12-01T22:00:00 or 2026-12-01T22:00:00Z".to_owned())
    })
}

fn absolute(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

fn local(text: &str, zone: &TimeZone, ends: Ends) -> Option<jiff::Timestamp> {
    let at: DateTime = if text.len() > 10 {
        text.parse().ok()?
    } else {
        let date: Date = text.parse().ok()?;
        let day = if ends == Ends::After {
            date.tomorrow().ok()?
        } else {
            date
        };
        day.at(0, 0, 0, 0)
    };
    let at = zone.to_ambiguous_timestamp(at);
    let found = match ends {
        Ends::Begin => at.earlier(),
        Ends::After => at.later(),
    };
    found.ok()
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn berlin(body: &str) -> std::result::Result<Config, String> {
        let text = format!("zone = \"Europe/Berlin\"\n[calendar.it]\n{body}\n");
        Config::parse(&text, "t.toml").map_err(|error| error.to_string())
    }

    fn held(body: &str, instants: &[&str]) -> Vec<bool> {
        let config = berlin(body).unwrap();
        assert_eq!(
            Config::parse(&config.to_string(), "t.toml").unwrap(),
            config,
            "{config}"
        );
        let at = |text: &&str| {
            let at: jiff::Timestamp = text.parse().unwrap();
            let at = Timestamp::from_nanos(at.as_nanosecond() as i64);
            config.calendars[0].calendar.holds(at)
        };
        instants.iter().map(at).collect()
    }

    #[test]
    fn working_hours_of_a_zone_with_daylight_saving() {
        let office = "weekdays = \"mon-fri\"\nhours = \"08:00-18:00\"\nholidays = [2026-05-01, \"12-25\"]";
        // Winter and summer, a Saturday, May Day, Christmas Day of a year nobody wrote down.
        let instants = [
            "2026-01-08T07:00:00Z",
            "2026-07-08T06:00:00Z",
            "2026-07-08T16:00:00Z",
            "2026-07-11T08:00:00Z",
            "2026-05-01T08:00:00Z",
            "2030-12-25T08:00:00Z",
        ];
        assert_eq!(held(office, &instants), [true, true, false, false, false, false]);
    }

    #[test]
    fn windows_once_weekly_and_monthly() {
        let windows = r#"windows = [
            { from = 2026-11-28T22:00:00, until = "2026-11-29T04:00:00Z", why = "core switch" },
            { from = 2026-12-24, until = 2026-12-26 },
            { weekdays = ["sun"], hours = "23:00-01:00", week = "last" },
        ]"#;
        let instants = [
            ("2026-11-28T20:59:59Z", false),
            ("2026-11-28T21:00:00Z", true),
            ("2026-11-29T04:00:00Z", false),
            ("2026-12-23T22:59:59Z", false),
            ("2026-12-26T22:59:59Z", true),
            ("2026-12-26T23:00:00Z", false),
            // The last Sunday of November 2026 is the 29th; the window ends on Monday.
            ("2026-11-29T23:59:59Z", true),
            ("2026-11-22T23:00:00Z", false),
        ];
        assert_eq!(
            held(windows, &instants.map(|(at, _)| at)),
            instants.map(|(_, holds)| holds)
        );
    }

    #[test]
    fn a_stretch_between_times_that_come_twice_takes_in_both() {
        let window = "windows = [{ from = 2026-10-25T02:30:00, until = 2026-10-25T02:40:00 }]";
        let instants = [
            "2026-10-25T00:29:59Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:39:59Z",
            "2026-10-25T01:40:00Z",
        ];
        assert_eq!(held(window, &instants), [false, true, true, false]);
    }

    #[test]
    fn what_makes_no_sense_is_named_with_its_key() {
        let said = |body: &str| {
            berlin(body)
                .unwrap_err()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(
            said("weekdays = [\"mon\", \"someday\"]"),
            "t.toml:3:20: `calendar.it.weekdays`: `someday` is no day of the week"
        );
        assert_eq!(
            said("hours = \"8-18\""),
            "t.toml:3:9: `calendar.it.hours`: `8-18` is no stretch of a day"
        );
        assert_eq!(
            said("holidays = [\"02-30\"]"),
            "t.toml:3:13: `calendar.it.holidays`: `02-30` is no day"
        );
        assert_eq!(
            said("zone = \"Europe/Berln\""),
            "t.toml:3:8: `calendar.it.zone`: there is no time zone `Europe/Berln`"
        );
        assert!(
            berlin("zone = \"Europe/Berln\"")
                .unwrap_err()
                .ends_with("did you mean `Europe/Berlin`?")
        );
        assert!(
            said("windows = [{ from = 2026-01-02, until = 2026-01-01 }]").ends_with("is not after `from`")
        );
        assert!(
            said("windows = [{ why = \"?\" }]")
                .contains("needs `from` and `until`, or `weekdays` or `hours`")
        );
    }

    #[test]
    fn holidays_are_read_from_a_file_that_people_keep() {
        let text = "# Bavaria\n2026-05-14  Ascension Day\n\n12-25\tChristmas Day\n";
        assert_eq!(
            days("days.txt", text).unwrap(),
            [
                Holiday::On(jiff::civil::date(2026, 5, 14)),
                Holiday::Yearly(12, 25)
            ]
        );
        let error = days("days.txt", "2026-05-14\n14.5.2026 no\n").unwrap_err();
        assert_eq!(error.line_and_column(), Some((2, 1)));
    }
}
