//! Row groups into files: one file after another, each whole before it has a name.

use super::FlowsError;
use super::layout::{Draft, Holds, HourOf, Part, Tier};
use super::parquet::Writer;
use crate::model::{Column, Columns, Field, Timestamp};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The file that is being written.
struct Open {
    draft: Draft,
    writer: Writer<File>,
    /// Earliest start and latest end, microseconds.
    span: [i64; 2],
    rows: u64,
}

/// Files of one tier, one after another.
pub(super) struct Filing {
    root: PathBuf,
    tier: Tier,
    open: Option<Open>,
}

/// A file that was written, and how many records it holds.
#[derive(Debug)]
pub struct Written {
    /// The file.
    pub part: Part,
    /// Records in it.
    pub rows: u64,
}

impl Filing {
    /// None is open.
    pub(super) fn new(root: &Path, tier: Tier) -> Self {
        Self {
            root: root.to_owned(),
            tier,
            open: None,
        }
    }

    /// How many records the open file holds.
    pub(super) fn rows(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.rows)
    }

    /// Adds a row group; opens a file of `hour` under `number` if none is open.
    ///
    /// # Errors
    ///
    /// It cannot be written; then the whole open file is given up, and [`Filing::rows`] was what it held.
    pub(super) fn add(&mut self, columns: &Columns, hour: HourOf, number: u64) -> Result<(), FlowsError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(hour, number)?,
        };
        let [from, to] = span(columns);
        if let Err(error) = open.writer.add(columns) {
            let error = FlowsError::format(open.draft.path())(error);
            open.draft.discard();
            return Err(error);
        }
        open.span = [open.span[0].min(from), open.span[1].max(to)];
        open.rows += columns.rows() as u64;
        self.open = Some(open);
        Ok(())
    }

    fn begin(&self, hour: HourOf, number: u64) -> Result<Open, FlowsError> {
        let (draft, file) =
            Draft::open(&self.root, self.tier, hour, number).map_err(FlowsError::io(&self.root))?;
        let writer = Writer::new(file).map_err(FlowsError::format(draft.path()))?;
        let span = [i64::MAX, i64::MIN];
        Ok(Open {
            draft,
            writer,
            span,
            rows: 0,
        })
    }

    /// Ends the open file: it is on the disk, under its name, with the numbers `first` to `last`. `None` if none is
    /// open.
    ///
    /// # Errors
    ///
    /// It cannot be written; then it is given up.
    pub(super) fn end(&mut self, first: u64, last: u64) -> Result<Option<Written>, FlowsError> {
        let Some(Open {
            draft,
            writer,
            span,
            rows,
        }) = self.open.take()
        else {
            return Ok(None);
        };
        let path = draft.path().to_owned();
        let file = match writer.finish() {
            Ok(file) => file,
            Err(error) => {
                draft.discard();
                return Err(FlowsError::format(&path)(error));
            }
        };
        let [from, to] = span.map(|micros| micros.div_euclid(1000));
        let holds = Holds {
            first,
            last,
            from,
            to,
        };
        let part = draft.publish(&file, holds).map_err(FlowsError::io(&path))?;
        Ok(Some(Written { part, rows }))
    }

    /// Gives up the open file.
    pub(super) fn discard(&mut self) {
        if let Some(open) = self.open.take() {
            open.draft.discard();
        }
    }
}

/// Earliest start and latest end, microseconds.
fn span(columns: &Columns) -> [i64; 2] {
    let ends = |field| -> Option<[i64; 2]> {
        let coded = |values: &[u128]| {
            let values = || values.iter().map(|value| *value as i64);
            Some([values().min()?, values().max()?])
        };
        match columns.get(field)? {
            Column::Plain(values) => Some([*values.iter().min()?, *values.iter().max()?]),
            Column::Coded { values, .. } => coded(values),
            Column::Constant(value) => coded(&[*value]),
        }
    };
    let from = ends(Field::Start).map_or(i64::MAX, |[first, _]| first);
    [from, ends(Field::End).map_or(i64::MIN, |[_, last]| last)]
}

/// When the first record of `columns` arrived.
pub(super) fn arrived(columns: &Columns) -> Timestamp {
    (0..columns.rows())
        .map(|row| columns.received(row))
        .min()
        .unwrap_or_default()
}
