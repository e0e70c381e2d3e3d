//! Answers for scripts: JSON lines and CSV, every number in full.

use super::{change, share};
use crate::query::{Answer, Figure, Request, Row, Value};
use crate::report::when::optional_rfc3339;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// Writes `row` lines, an `other` line where there are others, a `total` line and a `summary` line.
pub(super) fn json(out: &mut impl Write, request: &Request, answer: &Answer) -> io::Result<()> {
    for row in &answer.rows {
        line(out, &Line("row", answer, row))?;
    }
    if let Some(other) = &answer.other {
        line(out, &Line("other", answer, other))?;
    }
    line(out, &Line("total", answer, &answer.total))?;
    line(out, &summary(request, answer))
}

fn line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// A row with its type.
struct Line<'a>(&'static str, &'a Answer, &'a Row);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let &Self(kind, answer, row) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", kind)?;
        for (by, value) in answer.by.iter().zip(&row.key) {
            map.serialize_entry(&by.to_string(), &Shown(*value))?;
        }
        for (measure, figure) in answer.measures.iter().zip(&row.figures) {
            map.serialize_entry(&measure.to_string(), &Number(*figure))?;
        }
        let ordered = answer.measures.iter().position(|m| *m == answer.order.measure);
        if let Some(share) = ordered.and_then(|at| share(answer, row, at)) {
            map.serialize_entry("share", &share)?;
        }
        if !row.previous.is_empty() {
            map.serialize_entry(
                "previous",
                &Named(answer, |at| row.previous.get(at).map(|f| Number(*f))),
            )?;
            map.serialize_entry("change", &Named(answer, |at| Some(change(row, at))))?;
        }
        if !row.series.is_empty() {
            map.serialize_entry(
                "series",
                &Named(answer, |at| {
                    row.series.get(at).map(|s: &Vec<Figure>| Series(s.as_slice()))
                }),
            )?;
        }
        map.end()
    }
}

/// Something for each measure, by its name.
struct Named<'a, F>(&'a Answer, F);

impl<T: Serialize, F: Fn(usize) -> Option<T>> Serialize for Named<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, measure) in self.0.measures.iter().enumerate() {
            map.serialize_entry(&measure.to_string(), &(self.1)(at))?;
        }
        map.end()
    }
}

struct Series<'a>(&'a [Figure]);

impl Serialize for Series<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        self.0
            .iter()
            .try_for_each(|figure| list.serialize_element(&Number(*figure)))?;
        list.end()
    }
}

struct Number(Figure);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Figure::Unknown => serializer.serialize_none(),
            Figure::Whole(whole) => serializer.serialize_u64(whole),
            Figure::Real(real) => serializer.serialize_f64(real),
        }
    }
}

struct Shown(Value);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Unknown => serializer.serialize_none(),
            Value::Number(number) => serializer.serialize_u64(number),
            Value::Truth(truth) => serializer.serialize_bool(truth),
            other => serializer.collect_str(&other),
        }
    }
}

/// The `summary` line.
#[derive(Serialize)]
struct Summary {
    r#type: &'static str,
    by: Vec<String>,
    metrics: Vec<String>,
    order: String,
    ascending: bool,
    filter: String,
    raw: bool,
    #[serde(serialize_with = "optional_rfc3339")]
    since: Option<crate::model::Timestamp>,
    #[serde(serialize_with = "optional_rfc3339")]
    until: Option<crate::model::Timestamp>,
    every_seconds: Option<f64>,
    /// When each step begins.
    steps: Vec<String>,
    #[serde(serialize_with = "optional_rfc3339")]
    previous_since: Option<crate::model::Timestamp>,
    groups: u64,
    rows: usize,
    flows_read: u64,
    flows_passed: u64,
    flows_skipped: u64,
    files: u64,
    files_unreadable: u64,
    bytes_read: u64,
    groups_given_up: u64,
    flows_without_room: u64,
}

fn summary(request: &Request, answer: &Answer) -> Summary {
    let start = |interval: crate::model::Interval| interval.start;
    let range = answer.range.or(answer.read.reach);
    Summary {
        r#type: "summary",
        by: answer.by.iter().map(ToString::to_string).collect(),
        metrics: answer.measures.iter().map(ToString::to_string).collect(),
        order: answer.order.measure.to_string(),
        ascending: answer.order.ascending,
        filter: request.filter.to_string(),
        raw: request.raw,
        since: range.map(start),
        until: range.map(|range| range.end),
        every_seconds: request.every.map(|every| every.as_secs_f64()),
        steps: answer.steps.iter().map(|step| step.start.to_string()).collect(),
        previous_since: answer.previous.map(start),
        groups: answer.groups,
        rows: answer.rows.len(),
        flows_read: answer.counted.looked,
        flows_passed: answer.counted.passed,
        flows_skipped: answer.read.skipped,
        files: answer.read.files,
        files_unreadable: answer.read.unreadable,
        bytes_read: answer.read.bytes,
        groups_given_up: answer.counted.groups,
        flows_without_room: answer.counted.records,
    }
}

/// Writes a header and a line for each row, the others and the total; with steps a line for each of their steps. No
/// field can hold a comma or quote, so none is quoted.
pub(super) fn csv(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let stepped = !answer.steps.is_empty();
    let previous = !answer.total.previous.is_empty() && !stepped;
    let mut header = vec!["row".to_owned()];
    header.extend(stepped.then(|| "time".to_owned()));
    header.extend(answer.by.iter().map(ToString::to_string));
    header.extend(answer.measures.iter().map(ToString::to_string));
    if previous {
        header.extend(
            answer
                .measures
                .iter()
                .map(|measure| format!("previous_{measure}")),
        );
    }
    writeln!(out, "{}", header.join(","))?;
    let rows = answer.rows.iter().map(|row| ("row", row));
    let others = answer.other.iter().map(|other| ("other", other));
    for (kind, row) in rows.chain(others).chain([("total", &answer.total)]) {
        let key: Vec<String> = match row.key.is_empty() {
            true => vec![String::new(); answer.by.len()],
            false => row.key.iter().map(text).collect(),
        };
        let mut write = |time: Option<String>, figures: &mut dyn Iterator<Item = Figure>| {
            let fields = [kind.to_owned()]
                .into_iter()
                .chain(time)
                .chain(key.iter().cloned());
            let line: Vec<String> = fields.chain(figures.map(number)).collect();
            writeln!(out, "{}", line.join(","))
        };
        if !stepped {
            write(None, &mut row.figures.iter().chain(&row.previous).copied())?;
        }
        for (at, step) in answer.steps.iter().enumerate() {
            let mut figures = row
                .series
                .iter()
                .map(|s| s.get(at).copied().unwrap_or(Figure::Unknown));
            write(Some(step.start.to_string()), &mut figures)?;
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::Unknown => String::new(),
        Value::Truth(truth) => truth.to_string(),
        other => other.to_string(),
    }
}

fn number(figure: Figure) -> String {
    match figure {
        Figure::Unknown => String::new(),
        Figure::Whole(whole) => whole.to_string(),
        Figure::Real(real) => real.to_string(),
    }
}
