//! A TOML table that remembers where everything stands and which keys were asked for, so that the rest can be refused.

use super::ConfigError;
use super::values;
use crate::filter::nearest;
use crate::model::Severity;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) type Result<T> = std::result::Result<T, ConfigError>;

/// A file's name and text.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Source<'a> {
    /// Reads the text as TOML; the places of its errors are the parser's.
    pub(super) fn read(self) -> Result<Spanned<DeTable<'a>>> {
        DeTable::parse(self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            ConfigError::at(
                self.name,
                self.text,
                span,
                error.message().trim().replace('\n', ", "),
            )
        })
    }
}

/// One table.
pub(super) struct Section<'a> {
    source: Source<'a>,
    /// Its name with a dot at the end; empty for the outermost.
    path: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    asked: Vec<&'static str>,
}

/// One value and its key.
pub(super) struct Entry<'a> {
    pub(super) source: Source<'a>,
    pub(super) key: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(source: Source<'a>, root: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            source,
            path: String::new(),
            table: root.get_ref(),
            span: root.span(),
            asked: Vec::new(),
        }
    }

    /// The value of `key`, which is from now on a known key.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.asked.push(key);
        self.table.get(key).map(|value| Entry {
            source: self.source,
            key: format!("{}{key}", self.path),
            value,
        })
    }

    /// The value of `key` as `read` reads it, or `default`.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Entry<'a>) -> Result<T>,
    ) -> Result<T> {
        self.get(key).map_or(Ok(default), |entry| read(&entry))
    }

    /// The value of `key` as `read` reads it, if it is there.
    pub(super) fn maybe<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Entry<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.get(key).map(|entry| read(&entry)).transpose()
    }

    /// The value of `key`, which must be there.
    pub(super) fn need(&mut self, key: &'static str) -> Result<Entry<'a>> {
        self.get(key)
            .ok_or_else(|| self.error(format!("`{}{key}` is missing", self.path)))
    }

    /// Everything in it by its name, whatever that is, in the order of the file.
    pub(super) fn into_entries(self) -> Vec<(String, Entry<'a>)> {
        let mut all: Vec<_> = self.table.iter().collect();
        all.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (&'a Spanned<std::borrow::Cow<'_, str>>, &'a Spanned<DeValue<'a>>)| {
            let name = toml_text(key).to_owned();
            let key = format!("{}{name}", self.path);
            let source = self.source;
            (name, Entry { source, key, value })
        };
        all.into_iter().map(entry).collect()
    }

    /// A table inside; an empty one where there is none.
    pub(super) fn section<T: Default>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Section<'a>) -> Result<T>,
    ) -> Result<T> {
        self.get(key)
            .map_or_else(|| Ok(T::default()), |entry| read(entry.section()?))
    }

    /// Something is wrong with the table itself.
    pub(super) fn error(&self, message: String) -> ConfigError {
        let error = ConfigError::at(self.source.name, self.source.text, self.span.clone(), message);
        match self.path.strip_suffix('.') {
            Some(path) => error.key(path),
            None => error,
        }
    }

    /// Refuses keys nobody asked for, the first in the file first.
    pub(super) fn finish(self) -> Result<()> {
        let strange = |key: &&Spanned<_>| !self.asked.contains(&toml_text(key));
        let Some(key) = self
            .table
            .keys()
            .filter(strange)
            .min_by_key(|key| key.span().start)
        else {
            return Ok(());
        };
        let text = toml_text(key);
        let hint = match nearest(text, self.asked.iter().copied()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("known here: {}", self.asked.join(", ")),
        };
        let error = ConfigError::at(
            self.source.name,
            self.source.text,
            key.span(),
            "unknown key".to_owned(),
        );
        Err(error.key(format!("{}{text}", self.path)).hint(hint))
    }
}

fn toml_text<'k>(key: &'k Spanned<std::borrow::Cow<'_, str>>) -> &'k str {
    key.get_ref()
}

impl<'a> Entry<'a> {
    pub(super) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Something is wrong with the value.
    pub(super) fn error(&self, message: impl Into<String>) -> ConfigError {
        self.error_at(self.span(), message)
    }

    /// Something is wrong with a part of the value.
    pub(super) fn error_at(&self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.source.name, self.source.text, span, message.into()).key(self.key.clone())
    }

    fn expected<T>(&self, what: &str) -> Result<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        Err(self.error(format!("expected {what}, found {found}")))
    }

    pub(super) fn section(&self) -> Result<Section<'a>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Ok(Section {
                source: self.source,
                path: format!("{}.", self.key),
                table,
                span: self.span(),
                asked: Vec::new(),
            }),
            _ => self.expected("a table"),
        }
    }

    /// The parts of a list.
    pub(super) fn list(&self) -> Result<Vec<Entry<'a>>> {
        let DeValue::Array(values) = self.value.get_ref() else {
            return self.expected("a list");
        };
        let part = |value| Entry {
            source: self.source,
            key: self.key.clone(),
            value,
        };
        Ok(values.iter().map(part).collect())
    }

    pub(super) fn text(&self) -> Result<&'a str> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => self.expected("text in quotes"),
        }
    }

    /// Whether it is a table.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Table(_))
    }

    /// A date or time as it is written, in quotes or without.
    pub(super) fn written(&self) -> Result<String> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Datetime(datetime) => Ok(datetime.to_string()),
            _ => self.expected("a date or time"),
        }
    }

    /// Text that is not empty and of one line.
    pub(super) fn line(&self) -> Result<String> {
        let text = self.text()?;
        if text.trim().is_empty() || text.contains(char::is_control) {
            return Err(self.error("expected one line of text"));
        }
        Ok(text.to_owned())
    }

    pub(super) fn lines(&self) -> Result<Vec<String>> {
        self.list()?.iter().map(Entry::line).collect()
    }

    pub(super) fn flag(&self) -> Result<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => self.expected("true or false"),
        }
    }

    /// One of `known`, by name.
    pub(super) fn choice<T: Copy>(&self, what: &str, known: &[(&'static str, T)]) -> Result<T> {
        let text = self.text()?;
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let hint = match nearest(text, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known are {}", names.join(", ")),
        };
        Err(self.error(format!("`{text}` is not {what}")).hint(hint))
    }

    /// A severity by its name.
    pub(super) fn severity(&self) -> Result<Severity> {
        let known = Severity::ALL.map(|severity| (severity.name(), severity));
        self.choice("a severity", &known)
    }

    /// A duration in quotes within `range`.
    pub(super) fn duration(&self, range: RangeInclusive<Duration>) -> Result<Duration> {
        let DeValue::String(text) = self.value.get_ref() else {
            return self.expected("a duration in quotes such as \"90s\", \"5m\" or \"1h30m\"");
        };
        let duration = values::duration(text).map_err(|message| self.error(message))?;
        if range.contains(&duration) {
            return Ok(duration);
        }
        let ends = [range.start(), range.end()].map(|end| values::span(*end));
        Err(self.error(format!("{text} is not between {} and {}", ends[0], ends[1])))
    }

    /// A number of octets or other things, plain or in quotes with a unit, within `range`.
    pub(super) fn amount(&self, range: RangeInclusive<u64>) -> Result<u64> {
        let amount = match self.value.get_ref() {
            DeValue::String(text) => {
                crate::filter::parse_amount(text).map_err(|message| self.error(message))?
            }
            DeValue::Integer(_) => match self.number()? {
                number if number >= 0.0 => number as u64,
                _ => return Err(self.error("expected a number that is not negative")),
            },
            _ => return self.expected("a number or text such as \"64MiB\""),
        };
        if range.contains(&amount) {
            return Ok(amount);
        }
        Err(self.error(format!("not between {} and {}", range.start(), range.end())))
    }

    /// A finite number.
    pub(super) fn number(&self) -> Result<f64> {
        let number = match self.value.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .ok()
                .map(|n| n as f64),
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            _ => return self.expected("a number"),
        };
        number
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.error("this number is too large"))
    }
}
