//! Rules of several files as one set: built-in, from files, written in the configuration.

use super::gates::{self, Context};
use super::rule;
use super::section::{Entry, Result, Section, Source};
use super::{Config, ConfigError};
use crate::filter::nearest;
use crate::model::Rule;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The built-in rule files: name and text.
pub(super) const BUILTIN: [(&str, &str); 9] = [
    ("rules/levels.toml", include_str!("../../rules/levels.toml")),
    ("rules/floods.toml", include_str!("../../rules/floods.toml")),
    ("rules/sources.toml", include_str!("../../rules/sources.toml")),
    ("rules/scans.toml", include_str!("../../rules/scans.toml")),
    ("rules/hosts.toml", include_str!("../../rules/hosts.toml")),
    ("rules/logins.toml", include_str!("../../rules/logins.toml")),
    ("rules/networks.toml", include_str!("../../rules/networks.toml")),
    ("rules/transfers.toml", include_str!("../../rules/transfers.toml")),
    ("rules/channels.toml", include_str!("../../rules/channels.toml")),
];

/// Names in use and the file each is in.
pub(super) type Taken = BTreeMap<String, String>;

/// Which rules to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChoice {
    /// Use the built-in ones.
    pub builtin: bool,
    /// Built-in ones to leave out, by name.
    pub disable: Vec<String>,
    /// Files with more, as written ([`Config::resolve`]).
    pub files: Vec<PathBuf>,
    /// Calendars, by name, during which no rule opens anything.
    pub quiet: Vec<String>,
}

impl Default for RuleChoice {
    fn default() -> Self {
        Self {
            builtin: true,
            disable: Vec::new(),
            files: Vec::new(),
            quiet: Vec::new(),
        }
    }
}

/// The rules that come with the program.
pub fn builtin_rules() -> Vec<Rule> {
    // That every one of these files can be read is what the tests of this module prove.
    builtin().unwrap_or_default()
}

/// The same with what is wrong with them, should anything be.
pub(super) fn builtin() -> Result<Vec<Rule>> {
    let mut taken = Taken::new();
    let mut rules = Vec::new();
    for (name, text) in BUILTIN {
        rules.extend(read_file(name, text, &mut taken, &Context::none())?);
    }
    Ok(rules)
}

/// Reads a file that holds nothing but `[[rule]]` tables; leaves out those switched off.
pub(super) fn read_file(name: &str, text: &str, taken: &mut Taken, context: &Context) -> Result<Vec<Rule>> {
    let source = Source { name, text };
    let root = source.read()?;
    let mut top = Section::new(source, &root);
    let rules = top.or("rule", Vec::new(), |entry| read(entry, taken, context))?;
    top.finish()?;
    Ok(rules)
}

/// Reads `[[rule]]` tables and takes their names.
pub(super) fn read(entry: &Entry<'_>, taken: &mut Taken, context: &Context) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for table in entry.list()? {
        let read = rule::read(table.section()?, context)?;
        if !read.enabled {
            continue;
        }
        let name = read.rule.name.clone();
        if let Some(other) = taken.insert(name.clone(), entry.source.name.to_owned()) {
            let error = read
                .name
                .error(format!("the name `{name}` is taken by a rule in {other}"));
            let builtin = BUILTIN.iter().any(|(file, _)| *file == other);
            let hint = format!("to replace the built-in rule, set `disable = [\"{name}\"]` under `[rules]`");
            return Err(error.hint(builtin.then_some(hint)));
        }
        rules.push(read.rule);
    }
    Ok(rules)
}

/// Reads `[rules]`.
pub(super) fn choice(mut section: Section<'_>, context: &Context) -> Result<RuleChoice> {
    let names: Vec<String> = builtin_rules().into_iter().map(|rule| rule.name).collect();
    let known = |entry: &Entry<'_>| {
        let name = entry.line()?;
        if names.contains(&name) {
            return Ok(name);
        }
        let hint =
            nearest(&name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        let every = || Some(format!("built in are {}", names.join(", ")));
        Err(entry
            .error(format!("there is no built-in rule `{name}`"))
            .hint(hint.or_else(every)))
    };
    let choice = RuleChoice {
        builtin: section.or("builtin", true, Entry::flag)?,
        disable: section.or("disable", Vec::new(), |entry| {
            entry.list()?.iter().map(known).collect()
        })?,
        files: section.or("files", Vec::new(), |entry| {
            let lines = entry.lines()?;
            Ok(lines.into_iter().map(PathBuf::from).collect())
        })?,
        quiet: section.or("quiet", Vec::new(), |entry| gates::calendars(entry, context))?,
    };
    section.finish().map(|()| choice)
}

/// The built-in rules of a choice.
fn chosen(choice: &RuleChoice) -> Vec<Rule> {
    let mut rules = if choice.builtin {
        builtin_rules()
    } else {
        Vec::new()
    };
    rules.retain(|rule| !choice.disable.contains(&rule.name));
    rules
}

/// The names the built-in rules of a choice take.
pub(super) fn taken(choice: &RuleChoice) -> Taken {
    let mut taken = Taken::new();
    for (file, text) in BUILTIN {
        // Each file by itself, so that each name is remembered with its file.
        let _ = read_file(file, text, &mut taken, &Context::none());
    }
    let chosen = chosen(choice);
    taken.retain(|name, _| chosen.iter().any(|rule| rule.name == *name));
    taken
}

/// All rules a configuration asks for.
pub(super) fn gather(config: &Config, read: impl Fn(&Path) -> std::io::Result<String>) -> Result<Vec<Rule>> {
    let mut taken = taken(&config.rules);
    taken.extend(
        config
            .rule
            .iter()
            .map(|rule| (rule.name.clone(), config.file.clone())),
    );
    let mut rules = chosen(&config.rules);
    let context = config.context();
    for file in &config.rules.files {
        let path = config.resolve(file);
        let name = path.display().to_string();
        let text = read(&path).map_err(|error| {
            let message = format!("the rule file {name} cannot be read: {error}");
            ConfigError::about(&config.file, message).key("rules.files")
        })?;
        rules.extend(read_file(&name, &text, &mut taken, &context)?);
    }
    rules.extend(config.rule.iter().cloned());
    Ok(rules)
}

impl Config {
    /// The rules of a text alone, as in a file of rules; they may name this configuration's calendars. `name` is for messages.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn rules_of(&self, text: &str, name: &str) -> Result<Vec<Rule>> {
        read_file(name, text, &mut Taken::new(), &self.context())
    }
}
