//! An answer as people want it: numbers with units under each other, shares, what is left beside the rows, and what it
//! was made of.

use super::{change, share};
use crate::model::units::{NONE, bit_rate, bytes, count, duration, grouped};
use crate::model::{Field, Timestamp};
use crate::query::{Answer, By, Figure, Measure, Request, Row, Unit, Value};
use crate::report::Style;
use crate::report::text::canvas::{Canvas, Ink, columns};
use crate::report::when::Clock;
use crate::report::words::protocol;
use std::io::{self, Write};
use std::time::Duration;

/// Blanks between columns.
const GAP: usize = 2;
/// The narrowest and the widest picture of a series.
const PICTURE: (usize, usize) = (8, 60);
/// Eighths of a character, from low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A column of the table.
struct Lane {
    title: String,
    cells: Vec<String>,
    /// Whether cells begin under each other; numbers end under each other.
    left: bool,
    ink: Ink,
}

impl Lane {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| columns(cell));
        cells.chain([columns(&self.title)]).max().unwrap_or(0)
    }

    fn padded(&self, cell: &str, width: usize) -> String {
        let blanks = " ".repeat(width.saturating_sub(columns(cell)));
        if self.left {
            format!("{cell}{blanks}")
        } else {
            format!("{blanks}{cell}")
        }
    }
}

pub(super) fn write(
    out: &mut impl Write,
    request: &Request,
    answer: &Answer,
    style: Style,
) -> io::Result<()> {
    let mut page = Canvas::new(style);
    page.line(&[(Ink::Strong, &title(answer))]);
    page.blank();
    let rows = rows(answer);
    if answer.by.is_empty() && !answer.steps.is_empty() {
        steps(&mut page, answer);
    } else {
        grouped_rows(&mut page, answer, &rows);
    }
    page.blank();
    footnotes(&mut page, request, answer);
    page.write_to(out)
}

/// Rows, the others, the total.
fn rows(answer: &Answer) -> Vec<&Row> {
    let rows = answer.rows.iter().chain(&answer.other);
    rows.chain([&answer.total]).collect()
}

fn title(answer: &Answer) -> String {
    if answer.by.is_empty() {
        return "All flows".to_owned();
    }
    let by: Vec<String> = answer.by.iter().map(By::to_string).collect();
    let order = match answer.order.ascending {
        true => format!("{}, the least first", answer.order.measure),
        false => answer.order.measure.to_string(),
    };
    let (shown, all) = (answer.rows.len() as u64, answer.groups);
    let which = match shown == all {
        true => grouped(all),
        false => format!("{} of {}", grouped(shown), grouped(all)),
    };
    format!("{} by {order}: {which}", by.join(", "))
}

/// The table of groups.
fn grouped_rows(page: &mut Canvas, answer: &Answer, rows: &[&Row]) {
    let mut lanes = keys(answer, rows);
    for (at, measure) in answer.measures.iter().enumerate() {
        lanes.extend(numbers(answer, rows, at, *measure));
    }
    let taken: usize = lanes.iter().map(|lane| lane.width() + GAP).sum();
    if !answer.steps.is_empty() {
        let room = page.width.saturating_sub(taken).clamp(PICTURE.0, PICTURE.1);
        lanes.push(pictures(answer, rows, room));
    }
    table(page, &lanes, answer.rows.len());
}

fn keys(answer: &Answer, rows: &[&Row]) -> Vec<Lane> {
    let summed = |at: usize, row: usize| match (at, row) {
        (0, row) if row + 1 == rows.len() => "total",
        (0, _) => "other",
        _ => "",
    };
    let cell = |at: usize, by: By, row: usize| match rows.get(row).and_then(|row| row.key.get(at)) {
        Some(value) => shown(by, *value),
        None => summed(at, row).to_owned(),
    };
    let lane = |(at, by): (usize, &By)| Lane {
        title: by.to_string(),
        cells: (0..rows.len()).map(|row| cell(at, *by, row)).collect(),
        left: true,
        ink: Ink::Plain,
    };
    let mut lanes: Vec<Lane> = answer.by.iter().enumerate().map(lane).collect();
    if lanes.is_empty() {
        lanes.push(Lane {
            title: String::new(),
            cells: vec!["total".to_owned()],
            left: true,
            ink: Ink::Plain,
        });
    }
    lanes
}

/// The columns of a measure: its numbers; their share of the total, for that which orders the rows; what was before,
/// and the change.
fn numbers(answer: &Answer, rows: &[&Row], at: usize, measure: Measure) -> Vec<Lane> {
    let lane = |title: String, ink, cell: &dyn Fn(&Row) -> String| Lane {
        title,
        cells: rows.iter().map(|row| cell(row)).collect(),
        left: false,
        ink,
    };
    let number = |figures: &[Figure]| figures.get(at).map_or(NONE.to_owned(), |f| figure(*f, measure));
    let leads = measure == answer.order.measure;
    let mut lanes = vec![lane(measure.to_string(), Ink::Plain, &|row| number(&row.figures))];
    if leads && measure.adds_up() && !answer.by.is_empty() {
        let percent = |row: &Row| share(answer, row, at).map_or(NONE.to_owned(), percent);
        lanes.push(lane("share".to_owned(), Ink::Faint, &percent));
    }
    if !answer.total.previous.is_empty() && !measure.is_over_steps() {
        if leads {
            lanes.push(lane("before".to_owned(), Ink::Plain, &|row| {
                number(&row.previous)
            }));
        }
        lanes.push(lane("change".to_owned(), Ink::Faint, &|row| changed(row, at)));
    }
    lanes
}

fn changed(row: &Row, at: usize) -> String {
    match change(row, at) {
        Some(change) if change >= 9.995 => format!("{}×", count(change + 1.0)),
        Some(change) => format!("{:+.0} %", change * 100.0 + 0.0),
        None => {
            let now = row.figures.get(at).copied().and_then(Figure::as_f64);
            if now.is_some_and(|now| now > 0.0) {
                "new"
            } else {
                NONE
            }
            .to_owned()
        }
    }
}

/// A share with as many digits as say something.
fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p == 0.0 || p >= 99.95 => format!("{p:.0} %"),
        p if p < 0.05 => "<0.1 %".to_owned(),
        p => format!("{p:.1} %"),
    }
}

/// A number as people read it.
fn figure(figure: Figure, measure: Measure) -> String {
    let Some(value) = figure.as_f64() else {
        return NONE.to_owned();
    };
    match (measure.unit(), figure) {
        (Unit::Bytes, _) => bytes(value),
        (Unit::BitRate, _) => bit_rate(value / 8.0, Duration::from_secs(1)).unwrap_or_default(),
        (Unit::Rate, _) => format!("{}/s", count(value)),
        (Unit::Seconds, _) => duration(Duration::try_from_secs_f64(value).unwrap_or_default()),
        (Unit::Count, Figure::Whole(whole)) if measure.is_distinct() && whole > 100 => {
            format!("~{}", count(value))
        }
        (Unit::Count, Figure::Whole(whole)) if whole < 100_000_000 => grouped(whole),
        (Unit::Count, _) => count(value),
    }
}

/// A value as people know it.
fn shown(by: By, value: Value) -> String {
    match (by, value) {
        (By::Field(Field::Protocol), Value::Number(number)) => protocol(number as u32),
        (_, value) => value.to_string(),
    }
}

/// A small picture of each row's series, as high as its own highest step.
fn pictures(answer: &Answer, rows: &[&Row], room: usize) -> Lane {
    let at = answer
        .measures
        .iter()
        .position(|m| *m == answer.order.measure)
        .unwrap_or(0);
    let picture = |row: &&Row| {
        let series = row.series.get(at).map_or(&[][..], Vec::as_slice);
        bars(&drawn(series, room))
    };
    Lane {
        title: format!(
            "{} over time",
            answer.measures.get(at).copied().unwrap_or(answer.order.measure)
        ),
        cells: rows.iter().map(picture).collect(),
        left: true,
        ink: Ink::Low,
    }
}

/// As many values as there is room for: of neighbours the largest.
fn drawn(series: &[Figure], room: usize) -> Vec<f64> {
    let each = series.len().div_ceil(room.max(1)).max(1);
    let largest = |part: &[Figure]| part.iter().filter_map(|f| f.as_f64()).fold(0.0, f64::max);
    series.chunks(each).map(largest).collect()
}

fn bars(values: &[f64]) -> String {
    let most = values.iter().copied().fold(0.0, f64::max);
    let bar = |value: &f64| match (value / most * 8.0).ceil() as usize {
        0 => ' ',
        eighths => BARS.get(eighths.min(8) - 1).copied().unwrap_or('█'),
    };
    values.iter().map(bar).collect()
}

/// All flows over time: a line for each step.
fn steps(page: &mut Canvas, answer: &Answer) {
    let clock = Clock::new(answer.range.map(|range| range.start));
    let mut lanes = vec![Lane {
        title: "from (UTC)".to_owned(),
        cells: answer.steps.iter().map(|step| clock.at(step.start)).collect(),
        left: false,
        ink: Ink::Plain,
    }];
    lanes
        .iter_mut()
        .for_each(|lane| lane.cells.push("total".to_owned()));
    for (at, measure) in answer.measures.iter().enumerate() {
        let series = answer.total.series.get(at).map_or(&[][..], Vec::as_slice);
        let total = answer.total.figures.get(at).copied().unwrap_or(Figure::Unknown);
        lanes.push(Lane {
            title: measure.to_string(),
            cells: series
                .iter()
                .chain([&total])
                .map(|f| figure(*f, *measure))
                .collect(),
            left: false,
            ink: Ink::Plain,
        });
    }
    let taken: usize = lanes.iter().map(|lane| lane.width() + GAP).sum();
    let room = page.width.saturating_sub(taken).clamp(PICTURE.0, PICTURE.1);
    let first = answer.total.series.first().map_or(&[][..], Vec::as_slice);
    let values: Vec<f64> = first.iter().map(|f| f.as_f64().unwrap_or(0.0)).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let bar = |value: &f64| "█".repeat((value / most * room as f64).round() as usize);
    lanes.push(Lane {
        title: String::new(),
        cells: values.iter().map(bar).chain([String::new()]).collect(),
        left: true,
        ink: Ink::Low,
    });
    table(page, &lanes, answer.steps.len());
}

/// Draws lanes; the rows after the first `rows` are sums.
fn table(page: &mut Canvas, lanes: &[Lane], rows: usize) {
    let widths: Vec<usize> = lanes.iter().map(Lane::width).collect();
    let gap = " ".repeat(GAP);
    let line = |page: &mut Canvas, text: &dyn Fn(&Lane) -> String, ink: &dyn Fn(&Lane) -> Ink| {
        let cells: Vec<(Ink, String)> = lanes
            .iter()
            .zip(&widths)
            .map(|(lane, width)| (ink(lane), lane.padded(&text(lane), *width)))
            .collect();
        let pieces: Vec<(Ink, &str)> = cells
            .iter()
            .flat_map(|(ink, cell)| [(*ink, cell.as_str()), (Ink::Plain, gap.as_str())])
            .collect();
        page.line(&pieces);
    };
    line(page, &|lane| lane.title.clone(), &|_| Ink::Faint);
    let count = lanes.first().map_or(0, |lane| lane.cells.len());
    for row in 0..count {
        let ink = |lane: &Lane| match lane.ink {
            Ink::Plain if row >= rows => Ink::Strong,
            ink => ink,
        };
        line(
            page,
            &|lane| lane.cells.get(row).cloned().unwrap_or_default(),
            &ink,
        );
    }
}

/// What the answer is made of, and what it lacks.
fn footnotes(page: &mut Canvas, request: &Request, answer: &Answer) {
    let (counted, read) = (answer.counted, answer.read);
    let clock = Clock::default();
    let span = |start: Timestamp, end: Timestamp| clock.span_or_unknown(Some(start), Some(end));
    let mut made = Vec::new();
    let range = answer.range.or(read.reach);
    made.extend(range.map(|range| span(range.start, range.end)));
    made.extend(
        answer
            .previous
            .map(|range| format!("before: {}", span(range.start, range.end))),
    );
    made.push(match counted.passed == counted.looked {
        true => format!("{} flows", grouped(counted.looked)),
        false => format!("{} of {} flows", grouped(counted.passed), grouped(counted.looked)),
    });
    if read.skipped > 0 {
        made.push(format!("{} left out unread", grouped(read.skipped)));
    }
    if read.files > 0 {
        let files = if read.files == 1 { "file" } else { "files" };
        made.push(format!(
            "{} {files}, {}",
            grouped(read.files),
            bytes(read.bytes as f64)
        ));
    }
    if request.raw {
        made.push("not scaled by sampling".to_owned());
    }
    page.paragraph(0, &made.join(" · "));
    let mut notes = Vec::new();
    if read.unreadable > 0 {
        notes.push(format!("{} files could not be read", grouped(read.unreadable)));
    }
    if counted.groups + counted.records > 0 {
        notes.push(format!(
            "memory did not suffice: {} groups with the least {} were given up, and {} flows found no room; they are in \
             the total, rows may lack a part",
            grouped(counted.groups),
            answer.order.measure,
            grouped(counted.records)
        ));
    }
    if answer.by.iter().any(|by| by.is_two_sided()) {
        notes.push("a flow counts for both its ends: rows add up to more than the total".to_owned());
    }
    if answer.measures.iter().any(|measure| measure.is_distinct()) {
        notes.push("~ is an estimate, 1.6 % standard error".to_owned());
    }
    notes.iter().for_each(|note| page.paragraph(0, note));
}
