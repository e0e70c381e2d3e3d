//! What a rule says beside its test: conditions, grace, calendars, exceptions, shadow.

use super::calendar::{Ends, instant};
use super::section::{Entry, Result, Section};
use super::{DAY, condition, rule};
use crate::filter::nearest;
use crate::model::{Condition, Dimension, Exception, Gates, Grace, Metric, Test, When};
use jiff::tz::TimeZone;
use std::time::Duration;

/// What rules may refer to.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// Where dates begin and end.
    pub(super) zone: TimeZone,
    /// The names of the calendars.
    pub(super) calendars: Vec<String>,
}

impl Context {
    /// For rules that refer to nothing: the built-in ones.
    pub(super) fn none() -> Self {
        Self {
            zone: TimeZone::UTC,
            calendars: Vec::new(),
        }
    }
}

/// Reads the keys of a rule that groups by `dimensions` and judges by `test`.
pub(super) fn read(
    table: &mut Section<'_>,
    context: &Context,
    dimensions: &[Dimension],
    test: Test,
) -> Result<Gates> {
    Ok(Gates {
        when: table.maybe("when", |entry| when(entry, dimensions, test))?,
        grace: table.or("grace", Grace::default(), |entry| grace(entry, test))?,
        during: table.or("during", Vec::new(), |entry| calendars(entry, context))?,
        outside: table.or("outside", Vec::new(), |entry| calendars(entry, context))?,
        except: table.or("except", Vec::new(), |entry| exceptions(entry, context, false))?,
        shadow: table.or("shadow", false, Entry::flag)?,
    })
}

fn when(entry: &Entry<'_>, own: &[Dimension], test: Test) -> Result<When> {
    let text = entry.text()?;
    if test == Test::NewHost {
        return Err(entry.error("the test `new-host` takes no condition: nothing is known of a new host"));
    }
    let dimensions: Vec<Dimension> = Dimension::ALL
        .into_iter()
        .filter(|d| *d != Dimension::Host && d.finer().is_none() && !own.contains(d))
        .collect();
    let read = condition::parse(text, &Metric::ALL, &dimensions);
    let when = read.map_err(|problem| {
        let span = rule::inside(entry, text, problem.span);
        entry.error_at(span, problem.message).hint(problem.hint)
    })?;
    let same =
        |c: &Condition| matches!(c, Condition::Compare { metric, per: Some(per), .. } if metric == per);
    if when.condition.has(&same) {
        return Err(entry.error("a metric divided by itself is always 1"));
    }
    Ok(when)
}

/// One duration for all, or a table of them.
fn grace(entry: &Entry<'_>, test: Test) -> Result<Grace> {
    let duration = |entry: &Entry<'_>| entry.duration(Duration::ZERO..=DAY);
    if !entry.is_table() {
        let all = duration(entry)?;
        return Ok(Grace {
            tidemark: all,
            exporter: all,
            // A new host cannot have been there before.
            host: if test == Test::NewHost {
                Duration::ZERO
            } else {
                all
            },
        });
    }
    let mut table = entry.section()?;
    let grace = Grace {
        tidemark: table.or("tidemark", Duration::ZERO, duration)?,
        exporter: table.or("exporter", Duration::ZERO, duration)?,
        host: table.or("host", Duration::ZERO, duration)?,
    };
    table.finish().map(|()| grace)
}

/// The name of a calendar, or a list of names.
pub(super) fn calendars(entry: &Entry<'_>, context: &Context) -> Result<Vec<String>> {
    let names = if entry.text().is_ok() {
        vec![calendar(entry, context)?]
    } else {
        let list = entry.list()?;
        list.iter()
            .map(|part| calendar(part, context))
            .collect::<Result<_>>()?
    };
    Ok(names)
}

fn calendar(entry: &Entry<'_>, context: &Context) -> Result<String> {
    let name = entry.line()?;
    if context.calendars.contains(&name) {
        return Ok(name);
    }
    let names = context.calendars.iter().map(String::as_str);
    let hint = match nearest(&name, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if context.calendars.is_empty() => {
            format!("the configuration has none; write `[calendar.{name}]`")
        }
        None => format!("known are {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(entry.error(format!("there is no calendar `{name}`")).hint(hint))
}

/// A list of exceptions; those for all rules may name the rules they are for.
pub(super) fn exceptions(entry: &Entry<'_>, context: &Context, for_all: bool) -> Result<Vec<Exception>> {
    let read = |part: &Entry<'_>| exception(part.section()?, context, for_all);
    entry.list()?.iter().map(read).collect()
}

fn exception(mut table: Section<'_>, context: &Context, for_all: bool) -> Result<Exception> {
    let exception = Exception {
        filter: rule::filter(&table.need("filter")?)?,
        until: table.maybe("until", |entry| instant(entry, &context.zone, Ends::After))?,
        why: table.or("why", String::new(), Entry::line)?,
        rules: match for_all {
            true => table.or("rules", Vec::new(), Entry::lines)?,
            false => Vec::new(),
        },
    };
    table.finish().map(|()| exception)
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    const RULE: &str = r#"zone = "Europe/Berlin"
[calendar.office]
hours = "08:00-18:00"
[[rule]]
name = "x"
description = "X."
dimensions = ["dst_ip"]
metric = "packets"
test = "baseline"
"#;

    fn read(keys: &str) -> Result<Config, String> {
        let text = format!("{RULE}{keys}\n");
        Config::parse(&text, "t.toml").map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_rule_says_beside_its_test_reads_back_as_it_was() {
        let keys = r#"when = "2 of 3 intervals and (bytes / packets < 100 or top src_ip joins)"
grace = { tidemark = "10m", host = "15m" }
during = "office"
outside = ["office"]
except = [{ filter = "src host 10.0.0.5", until = 2026-12-01, why = "backup" }, { filter = "port 9" }]
shadow = true
[[except]]
filter = "host 10.9.9.9"
rules = ["x"]
[rules]
quiet = ["office"]"#;
        let config = read(keys).unwrap();
        assert_eq!(
            Config::parse(&config.to_string(), "t.toml").unwrap(),
            config,
            "{config}"
        );
        let gates = &config.rule[0].gates;
        assert!(gates.shadow && gates.when.is_some());
        // The day of `until` is inside: it ends at midnight in Berlin.
        assert_eq!(gates.except[0].until.unwrap().to_string(), "2026-12-01T23:00:00Z");
        assert_eq!(
            (gates.grace.tidemark.as_secs(), gates.grace.exporter.as_secs()),
            (600, 0)
        );
        assert_eq!(config.except[0].rules, ["x"]);
        let all = read("grace = \"10m\"").unwrap().rule[0].gates.grace;
        assert!(all.tidemark == all.exporter && all.exporter == all.host && all.host.as_secs() == 600);
    }

    #[test]
    fn what_makes_no_sense_is_named_with_line_column_and_key() {
        let said = |keys: &str| {
            let error = read(keys).unwrap_err();
            let hint = error.lines().find_map(|line| line.trim().strip_prefix("hint: "));
            let hint = hint.map(|hint| format!(" | {hint}")).unwrap_or_default();
            format!("{}{hint}", error.lines().next().unwrap_or_default())
        };
        let wrong = [
            (
                "when = \"byts > 3\"",
                "t.toml:10:9: `rule.when`: expected a metric, found `byts` | did you mean `bytes`?",
            ),
            (
                "when = \"top dst_ip joins\"",
                "t.toml:10:13: `rule.when`: expected a dimension to rank by, found `dst_ip` | did you mean `dst_as`?",
            ),
            (
                "when = \"flows / flows > 3\"",
                "t.toml:10:8: `rule.when`: a metric divided by itself is always 1",
            ),
            (
                "grace = { host = \"2d\" }",
                "t.toml:10:18: `rule.grace.host`: 2d is not between 0s and 24h",
            ),
            (
                "during = \"ofice\"",
                "t.toml:10:10: `rule.during`: there is no calendar `ofice` | did you mean `office`?",
            ),
            ("except = [{ filter = \"src hst 1\" }]", "t.toml:10:"),
            (
                "except = [{ filter = \"port 9\", until = \"soon\" }]",
                "t.toml:10:40: `rule.except.until`: `soon` is no date or time | write it like 2026-12-01, 2026-12-01T22:00:00 or 2026-12-01T22:00:00Z",
            ),
            (
                "except = [{ filter = \"port 9\", rules = [\"x\"] }]",
                "t.toml:10:32: `rule.except.rules`: unknown key",
            ),
            (
                "shadow = \"yes\"",
                "t.toml:10:10: `rule.shadow`: expected true or false, found text",
            ),
        ];
        for (keys, words) in wrong {
            let said = said(keys);
            assert!(said.starts_with(words), "{said}");
        }
    }

    #[test]
    fn a_new_host_takes_no_condition() {
        let new_host =
            "[[rule]]\nname = \"n\"\ndescription = \"N.\"\ntest = \"new-host\"\nwhen = \"flows > 3\"";
        assert!(read(new_host).unwrap_err().contains("takes no condition"));
    }
}
