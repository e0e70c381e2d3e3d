//! Lines of a terminal: colour, alignment and wrapping, so that nothing breaks where it should not.

use super::Style;
use std::io::{self, Write};

/// How a piece of text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The terminal's own colour.
    Plain,
    /// Bold.
    Strong,
    /// For what is read last.
    Faint,
    /// Bold red.
    Critical,
    /// Yellow.
    High,
    /// Cyan.
    Low,
}

impl Ink {
    /// The parameters of the escape sequence (ECMA-48, SGR).
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Critical => "1;31",
            Self::High => "33",
            Self::Low => "36",
        }
    }
}

/// Text with its colour.
pub type Piece<'a> = (Ink, &'a str);

/// Where the texts beside labels begin.
const LABEL: usize = 16;

/// A page under way.
#[derive(Debug)]
pub struct Canvas {
    text: String,
    color: bool,
    /// Columns.
    pub width: usize,
}

/// Columns that `text` takes. Every character counts as one, as nothing wide is ever written by the report itself.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// `text` in at most `width` columns, with an ellipsis where it was cut.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

impl Canvas {
    /// An empty page.
    pub fn new(style: Style) -> Self {
        Self {
            text: String::new(),
            color: style.color,
            width: style.width.clamp(72, 120),
        }
    }

    /// Writes out what was drawn since the last time.
    pub fn write_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line across the page.
    pub fn rule(&mut self) {
        let line = "─".repeat(self.width);
        self.line(&[(Ink::Faint, &line)]);
    }

    /// Pieces one after the other; nothing at the end of the line that cannot be seen.
    pub fn line(&mut self, pieces: &[Piece]) {
        let seen = pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        for (i, (ink, text)) in pieces.iter().enumerate().take(seen.map_or(0, |last| last + 1)) {
            let text = if Some(i) == seen { text.trim_end() } else { text };
            if self.color && *ink != Ink::Plain && !text.trim().is_empty() {
                self.text.push_str(&format!("\x1b[{}m{text}\x1b[0m", ink.code()));
            } else {
                self.text.push_str(text);
            }
        }
        self.text.push('\n');
    }

    /// `left` at an indent of two and `right` at the right edge, if there is room for both in one line.
    pub fn spread(&mut self, left: &[Piece], right: &[Piece]) {
        let width = |pieces: &[Piece]| pieces.iter().map(|(_, text)| columns(text)).sum::<usize>();
        let gap = self.width.saturating_sub(2 + width(left) + width(right));
        let spaces = " ".repeat(gap);
        let mut pieces = vec![(Ink::Plain, "  ")];
        pieces.extend_from_slice(left);
        if gap >= 2 {
            pieces.push((Ink::Plain, &spaces));
            pieces.extend_from_slice(right);
        }
        self.line(&pieces);
    }

    /// Text broken between words.
    pub fn paragraph(&mut self, indent: usize, text: &str) {
        let before = " ".repeat(indent);
        for row in wrapped(text, self.width - indent) {
            self.line(&[(Ink::Plain, &before), (Ink::Plain, &row)]);
        }
    }

    /// A faint label and text beside it, broken between words.
    pub fn labelled(&mut self, label: &str, text: &str) {
        let mut label = format!("    {label:<width$}", width = LABEL - 4);
        for row in wrapped(text, self.width - LABEL) {
            self.line(&[(Ink::Faint, &label), (Ink::Plain, &row)]);
            label = " ".repeat(LABEL);
        }
    }

    /// A label and text that must stay as it is, in columns or to be copied, however long it is.
    pub fn verbatim(&mut self, label: &str, text: &str) {
        let label = format!("    {label:<width$}", width = LABEL - 4);
        self.line(&[(Ink::Faint, &label), (Ink::Plain, text)]);
    }
}

/// Rows of at most `width` columns, broken between words; a longer word keeps its own row. A number stays with its
/// unit where the text has the two as `12 kB`.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(row) = rows.last_mut() else { break };
        if row.is_empty() {
            row.push_str(word);
        } else if columns(row) + 1 + columns(word) <= width {
            row.push(' ');
            row.push_str(word);
        } else {
            let carried = carry(row);
            rows.push(carried + word);
        }
    }
    rows
}

/// Takes a number off the end of a row, so that it goes to the next one together with what it counts.
fn carry(row: &mut String) -> String {
    let Some((before, last)) = row.rsplit_once(' ') else {
        return String::new();
    };
    if last.ends_with(['.', ',']) || last.replace(',', "").parse::<f64>().is_err() {
        return String::new();
    }
    let carried = format!("{last} ");
    *row = before.to_owned();
    carried
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_break_between_words_and_keep_numbers_with_their_units() {
        assert_eq!(
            wrapped("usual are 12 kB a minute", 12),
            ["usual are", "12 kB a", "minute"]
        );
        assert_eq!(
            wrapped("averyveryverylongword next", 5),
            ["averyveryverylongword", "next"]
        );
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(
            wrapped("it was 2026, then more", 12),
            ["it was 2026,", "then more"]
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_cut_with_an_ellipsis() {
        assert_eq!(cut("abcdef", 4), "abc…");
        let mut canvas = Canvas::new(Style {
            color: false,
            width: 60,
        });
        canvas.spread(&[(Ink::Plain, &"x".repeat(69))], &[(Ink::Plain, "right")]);
        assert_eq!(canvas.text, format!("  {}\n", "x".repeat(69)));
    }
}
