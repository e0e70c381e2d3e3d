//! Flow Records in memory: what queries over files read into, and what stands in for a store on disk in tests.

use super::{FlowStore, FlowsError, Scanned};
use crate::filter::Filter;
use crate::model::units::bytes;
use crate::model::{Column, Columns, Field, Interval, Timestamp};
use crate::query::{Answer, Inquiry, Request, Sure};
use std::ops::ControlFlow;

/// Batches as they were taken in, as many as there is room for.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    batches: Vec<Columns>,
    limit: usize,
    used: usize,
    /// From the first start to the last end.
    reach: Option<Interval>,
}

impl MemoryStore {
    /// An empty one that may occupy `limit` octets.
    pub const fn new(limit: usize) -> Self {
        Self {
            batches: Vec::new(),
            limit,
            used: 0,
            reach: None,
        }
    }

    /// Records in it.
    pub fn records(&self) -> u64 {
        self.batches.iter().map(|batch| batch.rows() as u64).sum()
    }
}

impl FlowStore for MemoryStore {
    fn query(&self, request: &Request) -> Result<Answer, FlowsError> {
        let mut inquiry = Inquiry::new(request)?;
        while let Some(stage) = inquiry.stage() {
            let mut grouping = stage.grouping(1);
            for batch in &self.batches {
                grouping.add(batch, Sure::default());
            }
            inquiry.take(&grouping)?;
        }
        let mut answer = inquiry.answer();
        answer.read.reach = self.reach;
        Ok(answer)
    }

    fn scan(
        &self,
        range: Interval,
        filter: &Filter,
        _fields: &[Field],
        each: &mut dyn FnMut(&Columns) -> ControlFlow<()>,
    ) -> Result<Scanned, FlowsError> {
        let mut scanned = Scanned::default();
        for batch in &self.batches {
            let selection = filter.select(batch);
            let in_range = |row: &u32| {
                let record = batch.record(*row as usize);
                record.start < range.end && (record.end > range.start || record.start >= range.start)
            };
            let passing = |row: &u32| selection.contains(*row as usize) && in_range(row);
            let rows: Vec<u32> = (0..batch.rows() as u32).filter(passing).collect();
            scanned.looked += batch.rows() as u64;
            scanned.given += rows.len() as u64;
            if !rows.is_empty() && each(&batch.pick(&rows)).is_break() {
                break;
            }
        }
        Ok(scanned)
    }

    fn write(&mut self, records: &Columns) -> Result<(), FlowsError> {
        let size: usize = Field::ALL
            .iter()
            .filter_map(|field| records.get(*field))
            .map(size)
            .sum();
        if self.used + size > self.limit {
            let what = format!(
                "the flows take more than {} of memory: ask for a shorter range, or pass fewer with a filter",
                bytes(self.limit as f64)
            );
            return Err(FlowsError::Full { what });
        }
        self.used += size;
        self.reach = reach(records, self.reach);
        self.batches.push(records.clone());
        Ok(())
    }
}

/// What `known` is with the times of these records.
fn reach(records: &Columns, known: Option<Interval>) -> Option<Interval> {
    records.get(Field::Start)?;
    let time = |field, row| Timestamp::from_nanos((records.word(field, row) as i64).saturating_mul(1000));
    (0..records.rows()).fold(known, |known, row| {
        let (start, end) = (time(Field::Start, row), time(Field::End, row));
        let known = known.unwrap_or(Interval { start, end });
        Some(Interval {
            start: known.start.min(start),
            end: known.end.max(end),
        })
    })
}

/// Octets of a column.
fn size(column: &Column) -> usize {
    match column {
        Column::Constant(_) => 0,
        Column::Plain(values) => values.len() * size_of::<i64>(),
        Column::Coded { codes, values } => codes.len() * size_of::<u32>() + values.len() * size_of::<u128>(),
    }
}
