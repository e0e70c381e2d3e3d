//! Why a filter could not be read, and where.

use std::fmt;
use std::ops::Range;

/// Why a filter could not be read: what is wrong, where, what was expected, and a guess at what was meant.
///
/// Displays as one sentence, then the line it is about with a caret under the place:
///
/// ```text
/// unknown word `dst_prot`, expected a condition; did you mean `dst_port`?
///   src net 10.0.0.0/8 and dst_prot 80
///                          ^^^^^^^^
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    text: String,
    span: Range<usize>,
    problem: String,
    expected: Option<&'static str>,
    hint: Option<String>,
}

impl FilterError {
    /// `span` is in bytes of `text`; its ends are brought inside the text and to the borders of characters.
    pub(super) fn new(text: &str, span: Range<usize>, problem: String) -> Self {
        let start = border(text, span.start);
        let end = border(text, span.end).max(start);
        Self {
            text: text.to_owned(),
            span: start..end,
            problem,
            expected: None,
            hint: None,
        }
    }

    pub(super) fn expected(mut self, what: &'static str) -> Self {
        self.expected = Some(what);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    pub(super) fn did_you_mean(self, word: Option<&str>) -> Self {
        self.hint(word.map(|word| format!("did you mean `{word}`?")))
    }

    /// Where, in bytes of the text; empty at the end of the text.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The sentence, without the caret line.
    pub fn message(&self) -> String {
        let mut message = self.problem.clone();
        if let Some(expected) = self.expected {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        if let Some(hint) = &self.hint {
            message.push_str("; ");
            message.push_str(hint);
        }
        message
    }
}

/// The nearest border of a character at or below `at`.
fn border(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The line of `text` that holds byte `at` and the byte at which it begins.
fn line_of(text: &str, at: usize) -> (usize, &str) {
    let start = text
        .get(..at)
        .and_then(|t| t.rfind('\n'))
        .map_or(0, |newline| newline + 1);
    let rest = text.get(start..).unwrap_or_default();
    (start, rest.lines().next().unwrap_or_default())
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, line) = line_of(&self.text, self.span.start);
        let before = line.get(..self.span.start - start).unwrap_or(line);
        let inside = self.text.get(self.span.clone()).unwrap_or_default();
        let width = inside.lines().next().unwrap_or_default().chars().count().max(1);
        writeln!(f, "{}", self.message())?;
        writeln!(f, "  {line}")?;
        // Tabs stay tabs, or the caret would stand elsewhere than the word.
        let indent: String = before
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        write!(f, "  {indent}{}", "^".repeat(width))
    }
}

impl std::error::Error for FilterError {}
