//! Answers of stored flows as a table, as JSON lines and as CSV.

mod lines;
mod table;

use super::Style;
use crate::query::{Answer, Figure, Request, Row};
use std::io::{self, Write};

/// A format for answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryFormat {
    /// An aligned table for a terminal.
    #[default]
    Text,
    /// A JSON object for each row, and one for the summary.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// Writes an answer.
///
/// # Errors
/// What the output reports.
pub fn write(
    out: &mut impl Write,
    request: &Request,
    answer: &Answer,
    format: QueryFormat,
    style: Style,
) -> io::Result<()> {
    match format {
        QueryFormat::Text => table::write(out, request, answer, style),
        QueryFormat::Json => lines::json(out, request, answer),
        QueryFormat::Csv => lines::csv(out, answer),
    }
}

/// The part of a row in the total, for measure number `at`; nothing where parts do not add up.
fn share(answer: &Answer, row: &Row, at: usize) -> Option<f64> {
    answer.measures.get(at).filter(|measure| measure.adds_up())?;
    let number = |row: &Row| row.figures.get(at).copied().and_then(Figure::as_f64);
    let (part, whole) = (number(row)?, number(&answer.total)?);
    (whole > 0.0).then_some(part / whole)
}

/// How much measure number `at` of a row changed since the period before, in parts of what it was then.
fn change(row: &Row, at: usize) -> Option<f64> {
    let now = row.figures.get(at).copied().and_then(Figure::as_f64)?;
    let before = row.previous.get(at).copied().and_then(Figure::as_f64)?;
    (before > 0.0).then(|| now / before - 1.0)
}
