//! A configuration as TOML text: every key with the value in force, which reads back as the same.

mod gates;
mod live;
mod notify;

use super::values::{size, span};
use super::{Config, rule, web};
use crate::model::{Rule, Test};
use std::fmt::{self, Display, Formatter};

/// Text in quotes.
pub(super) fn quoted(text: impl Display) -> String {
    toml::Value::String(text.to_string()).to_string()
}

/// A list of texts.
pub(super) fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(quoted).collect();
    format!("[{}]", items.join(", "))
}

impl Display for Config {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Judging(self).fmt(f)?;
        notify::section(f, &self.notify)?;
        web::print(&self.web, f)
    }
}

/// What of a configuration decides what is found, as text: where it is shown, and who is told, does not.
pub struct Judging<'a>(pub &'a Config);

impl Display for Judging<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.judging(f)
    }
}

impl Config {
    fn judging(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "networks = {}", list(&self.networks))?;
        for (key, duration) in [
            ("interval", self.interval),
            ("tick", self.tick),
            ("lateness", self.lateness),
            ("learn", self.learn),
        ] {
            writeln!(f, "{key} = \"{}\"", span(duration))?;
        }
        writeln!(f, "zone = {}", quoted(self.zone.iana_name().unwrap_or("UTC")))?;
        writeln!(f, "false_alarms_per_day = {:?}", self.false_alarms_per_day)?;
        writeln!(f, "memory_limit = \"{}\"", size(self.memory_limit))?;
        gates::exceptions(f, &self.except)?;
        self.tables(f)?;
        gates::calendars(f, &self.calendars)?;
        self.rule.iter().try_for_each(|rule| print_rule(f, rule))
    }
}

impl Config {
    fn tables(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n[geoip]")?;
        for (key, path) in [("as", &self.geoip.as_db), ("country", &self.geoip.country)] {
            if let Some(path) = path {
                writeln!(f, "{key} = {}", quoted(path.display()))?;
            }
        }
        writeln!(f, "\n[metering]")?;
        writeln!(f, "active_timeout = \"{}\"", span(self.metering.active_timeout))?;
        writeln!(f, "idle_timeout = \"{}\"", span(self.metering.idle_timeout))?;
        writeln!(f, "cache_limit = {}", self.metering.cache_limit)?;
        writeln!(f, "answer_timeout = \"{}\"", span(self.metering.answer_timeout))?;
        writeln!(f, "\n[decapsulate]")?;
        writeln!(f, "gre = {}", self.decapsulate.gre)?;
        writeln!(f, "ip_in_ip = {}", self.decapsulate.ip_in_ip)?;
        writeln!(f, "vxlan = {}", self.decapsulate.vxlan)?;
        writeln!(f, "gtp_u = {}", self.decapsulate.gtp_u)?;
        writeln!(f, "\n[rules]")?;
        writeln!(f, "builtin = {}", self.rules.builtin)?;
        writeln!(f, "disable = {}", list(&self.rules.disable))?;
        writeln!(
            f,
            "files = {}",
            list(self.rules.files.iter().map(|path| path.display()))
        )?;
        writeln!(f, "quiet = {}", list(&self.rules.quiet))?;
        writeln!(f, "\n[profile]")?;
        writeln!(f, "questions_per_host = {}", self.profile.questions_per_host)?;
        writeln!(f, "hosts = {}", self.profile.hosts)?;
        live::tables(self, f)
    }
}

fn print_rule(f: &mut Formatter<'_>, rule: &Rule) -> fmt::Result {
    writeln!(f, "\n[[rule]]")?;
    writeln!(f, "name = {}", quoted(&rule.name))?;
    writeln!(f, "description = {}", quoted(&rule.description))?;
    if let Some(filter) = &rule.filter {
        writeln!(f, "filter = {}", quoted(filter))?;
    }
    writeln!(f, "dimensions = {}", list(&rule.dimensions))?;
    writeln!(f, "metric = \"{}\"", rule.metric)?;
    writeln!(f, "test = \"{}\"", rule::test_name(rule.test))?;
    match rule.test {
        Test::Baseline { above, below } => {
            writeln!(f, "direction = \"{}\"", rule::direction_name(above, below))?;
        }
        Test::Limit(limit) => {
            writeln!(f, "limit = {:?}", limit.value)?;
            writeln!(f, "per = \"{}\"", span(limit.per))?;
            writeln!(f, "warn_at = {:?}", limit.warn_at)?;
        }
        Test::Sequential | Test::Scan | Test::NewHost | Test::Pattern(_) => {}
    }
    writeln!(f, "floor = {:?}", rule.floor)?;
    writeln!(f, "severity = \"{}\"", rule.severity.name())?;
    writeln!(f, "kind = \"{}\"", rule.kind)?;
    if let Some(technique) = &rule.technique {
        writeln!(f, "technique = \"{technique}\"")?;
    }
    writeln!(f, "next = {}", list(&rule.next))?;
    writeln!(f, "false_causes = {}", list(&rule.false_causes))?;
    gates::of_rule(f, &rule.gates)
}
