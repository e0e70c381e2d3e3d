//! The numbers of one anomaly: what was seen and expected, who brought it, and a small curve of the series.

use super::canvas::{Canvas, Ink, columns, cut};
use crate::model::units::{factor, share};
use crate::model::{Anomaly, Contributor, Dimension, Direction, Severity};
use crate::report::words::{self, Measure};

/// Width of a column of numbers.
const NUMBER: usize = 11;
/// Width of the column of shares.
const SHARE: usize = 8;
/// Width of the bar beside a share.
const BAR: usize = 10;
/// So many contributors are listed for each dimension.
const LISTED: usize = 5;

/// Observed and expected of the series, then of its contributors by dimension.
pub fn table(canvas: &mut Canvas, anomaly: &Anomaly, measure: &Measure) {
    let is_new = anomaly.direction == Direction::New;
    let (observed, expected) = (anomaly.worst.observed, anomaly.worst.expected);
    let change = if is_new {
        "new".to_owned()
    } else {
        factor(observed, expected)
    };
    let usual = words::band(measure, anomaly)
        .map(|b| format!("  usual {b}"))
        .unwrap_or_default();
    row(canvas, Ink::Faint, ["", "observed", "expected", "change"], "");
    let expected = if is_new {
        String::new()
    } else {
        measure.number(expected)
    };
    row(
        canvas,
        Ink::Strong,
        [&measure.unit(), &measure.number(observed), &expected, &change],
        "",
    );
    if !usual.is_empty() {
        row(canvas, Ink::Faint, [&usual, "", "", ""], "");
    }
    for (&dimension, contributors) in &anomaly.contributors {
        self::contributors(canvas, dimension, contributors, measure);
    }
}

/// Contributors of one dimension.
fn contributors(canvas: &mut Canvas, dimension: Dimension, list: &[Contributor], measure: &Measure) {
    if list.is_empty() {
        return;
    }
    let heading = format!("by {}", words::dimension(dimension));
    row(canvas, Ink::Faint, [&heading, "", "", "share"], "");
    for contributor in list.iter().take(LISTED) {
        let (value, name) = words::contributor(dimension, contributor);
        let label = name.map_or_else(|| format!("  {value}"), |name| format!("  {value}  {name}"));
        let observed = measure.number(contributor.observed);
        let expected = measure.number(contributor.expected);
        let part = share(contributor.share);
        row(
            canvas,
            Ink::Plain,
            [&label, &observed, &expected, &part],
            &bar(contributor.share),
        );
    }
    if let Some(rest) = list.get(LISTED..).filter(|rest| !rest.is_empty()) {
        let label = format!("  {} more", rest.len());
        let part = share(rest.iter().map(|c| c.share).sum());
        row(canvas, Ink::Faint, [&label, "", "", &part], "");
    }
}

/// One row: a label, cut to its column, numbers to the right of theirs, and a bar.
fn row(canvas: &mut Canvas, ink: Ink, [label, observed, expected, part]: [&str; 4], bar: &str) {
    let room = canvas.width.saturating_sub(4 + 2 * NUMBER + SHARE + 1 + BAR);
    let label = cut(label, room.saturating_sub(1));
    let fill = " ".repeat(room.saturating_sub(columns(&label)));
    let text = format!("    {label}{fill}{observed:>NUMBER$}{expected:>NUMBER$}{part:>SHARE$} ");
    canvas.line(&[(ink, &text), (Ink::Low, bar)]);
}

/// A share as a bar of at most [`BAR`] columns, in eighths of a column; the same length for either sign.
fn bar(share: f64) -> String {
    if !share.is_finite() {
        return String::new();
    }
    let eighths = (share.abs().min(1.0) * (BAR * 8) as f64).round() as usize;
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        .get(eighths % 8)
        .copied()
        .unwrap_or_default();
    "█".repeat(eighths / 8) + part
}

/// The series around the anomaly in at most `width` columns, the deviating stretch in its severity's colour.
pub fn sparkline(anomaly: &Anomaly, width: usize) -> Vec<(Ink, String)> {
    let history = &anomaly.history;
    if history.len() < 2 || width == 0 {
        return Vec::new();
    }
    let step = history.len().div_ceil(width);
    let is_dip = anomaly.direction == Direction::Below;
    let top = history
        .iter()
        .map(|p| p.observed)
        .filter(|v| v.is_finite())
        .fold(0.0, f32::max);
    let alarm = super::ink(anomaly.severity.max(Severity::Low));
    let mut pieces: Vec<(Ink, String)> = Vec::new();
    for points in history.chunks(step) {
        let values = points.iter().map(|p| p.observed).filter(|v| v.is_finite());
        // A column shows its most telling interval.
        let value = values.reduce(|a, b| if is_dip { a.min(b) } else { a.max(b) });
        let inside = |at| at >= anomaly.started_at && anomaly.ended_at.is_none_or(|end| at < end);
        let ink = if points.iter().any(|p| inside(p.at)) {
            alarm
        } else {
            Ink::Faint
        };
        let glyph = level(value, top);
        match pieces.last_mut() {
            Some((last, text)) if *last == ink => text.push(glyph),
            _ => pieces.push((ink, glyph.to_string())),
        }
    }
    pieces
}

/// One of eight heights.
fn level(value: Option<f32>, top: f32) -> char {
    let Some(value) = value else { return ' ' };
    let height = if top > 0.0 {
        (value / top * 7.0).round().clamp(0.0, 7.0) as usize
    } else {
        0
    };
    ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
        .get(height)
        .copied()
        .unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn bars_are_as_long_as_the_share() {
        assert_eq!(
            [1.0, 0.5, 0.013, 0.0, -0.5, 7.0, f64::NAN].map(bar),
            ["██████████", "█████", "▏", "", "█████", "██████████", ""]
        );
    }

    #[test]
    fn the_curve_fits_its_width_whatever_the_history() {
        for mut anomaly in fixture::anomalies() {
            for length in [0, 1, 2, 23, 24, 25, 150] {
                anomaly.history.truncate(length.max(1));
                let curve = sparkline(&anomaly, 24);
                assert!(curve.iter().map(|(_, s)| columns(s)).sum::<usize>() <= 24);
            }
            anomaly.history.iter_mut().for_each(|p| p.observed = f32::NAN);
            assert!(sparkline(&anomaly, 24).iter().all(|(_, s)| s.trim().is_empty()));
        }
    }
}
