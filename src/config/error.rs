//! What is wrong with a configuration, down to the line, the column and the key.

use std::fmt;
use std::ops::Range;

/// What is wrong with a configuration or rule file, and where.
///
/// ```text
/// tidemark.toml:3:12: `interval`: 7s does not divide a day evenly
///   3 | interval = "7s"
///     |            ^^^^
///   hint: 5s, 10s, 15s, 20s, 30s and 60s do
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: String,
    key: Option<String>,
    message: String,
    hint: Option<String>,
    place: Option<Box<Place>>,
}

/// A place in a text and the line it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    width: usize,
    text: String,
}

impl ConfigError {
    /// About a file as a whole.
    pub(super) fn about(file: &str, message: String) -> Self {
        Self {
            file: file.to_owned(),
            key: None,
            message,
            hint: None,
            place: None,
        }
    }

    /// About the octets `span` of `text`.
    pub(super) fn at(file: &str, text: &str, span: Range<usize>, message: String) -> Self {
        Self {
            place: Some(Box::new(Place::of(text, span))),
            ..Self::about(file, message)
        }
    }

    pub(super) fn key(self, key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }

    pub(super) fn hint(self, hint: impl Into<Option<String>>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// Line and column, both from 1, columns in characters; `None` where it is about a file as a whole.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| (place.line, place.column))
    }
}

impl Place {
    fn of(text: &str, span: Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.get(start..).and_then(|rest| rest.lines().next());
        let inside = text.get(span).and_then(|inside| inside.lines().next());
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(start..).map_or(0, |left| left.chars().count()) + 1,
            width: inside.map_or(1, |inside| inside.chars().count().max(1)),
            text: line.unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        if let Some(key) = &self.key {
            write!(f, ": `{key}`")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(place) = &self.place {
            let number = place.line.to_string();
            let margin = " ".repeat(number.len());
            // Tabs stay tabs, or the caret would stand elsewhere than the word.
            let left = place.text.chars().take(place.column - 1);
            let indent: String = left.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {number} | {}", place.text)?;
            write!(f, "\n  {margin} | {indent}{}", "^".repeat(place.width))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
