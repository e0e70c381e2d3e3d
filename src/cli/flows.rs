//! `tidemark flows`: the Flow Records of captures, metered from packets or decoded from export, and those that are stored.

use super::args::{FlowFormat, Flows};
use super::moment::{present, range};
use super::{DONE, FAILED, Usage};
use crate::app::{Output, Setup, Walk, read_config, stored};
use crate::filter::Filter;
use crate::model::{Field, FlowRecord, Interval, Timestamp};
use crate::report::{self, FlowLines};
use crate::store::flows::FlowStore;
use anyhow::Result;
use std::io;
use std::ops::ControlFlow;

/// Runs the command; the exit status.
pub(super) fn run(args: &Flows, quiet: bool, verbose: bool) -> Result<u8> {
    let setup = Setup::new(read_config(args.config.as_deref())?)?;
    setup
        .blind
        .iter()
        .for_each(|words| eprintln!("tidemark: {words}"));
    let filter = args
        .filter
        .as_deref()
        .map(Filter::parse)
        .transpose()
        .map_err(|e| Usage(format!("-f: {e}")))?;
    let lines = FlowLines::new(Output::create(args.output.as_deref())?, format(args.format));
    let [since, until] = range(args.since.as_deref(), args.until.as_deref(), present()).map_err(Usage)?;
    let mut records = Records {
        lines,
        since,
        until,
        left: args.number.unwrap_or(u64::MAX),
        filter,
    };
    let readable = if args.files.is_empty() {
        stored_records(args, &setup, &mut records)?
    } else {
        let mut walk = Walk::new(quiet, verbose);
        let holding = args.read_as.holding(&args.files, quiet)?;
        walk.run_any(&args.files, &setup, holding, &mut |record, _| {
            records.write(record)
        })?;
        walk.readable
    };
    records.lines.finish()?.finish()?;
    Ok(if readable { DONE } else { FAILED })
}

/// Writes records of the store; whether all could be read.
fn stored_records(args: &Flows, setup: &Setup, records: &mut Records) -> Result<bool> {
    let store = stored::open(args.store.as_deref(), &setup.config)?;
    let range = Interval {
        start: records.since.unwrap_or(Timestamp::MIN),
        end: records.until.unwrap_or(Timestamp::MAX),
    };
    let filter = records.filter.take().unwrap_or_default();
    let mut failed = None;
    let scanned = store.scan(range, &filter, Field::ALL, &mut |columns| {
        for row in 0..columns.rows() {
            if let Err(error) = records.write(&columns.record(row)) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            if records.left == 0 {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    if let Some(trouble) = &scanned.trouble {
        eprintln!(
            "tidemark: {} files cannot be read, the first: {trouble}",
            scanned.unreadable
        );
    }
    failed.map_or(Ok(scanned.unreadable == 0), |error| Err(error.into()))
}

fn format(format: FlowFormat) -> report::FlowFormat {
    match format {
        FlowFormat::Text => report::FlowFormat::Text,
        FlowFormat::Json => report::FlowFormat::Json,
        FlowFormat::Csv => report::FlowFormat::Csv,
    }
}

/// Writes the records that are asked for.
struct Records {
    lines: FlowLines<Output>,
    filter: Option<Filter>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    left: u64,
}

impl Records {
    fn write(&mut self, record: &FlowRecord) -> io::Result<()> {
        let in_time = self.since.is_none_or(|since| record.end >= since)
            && self.until.is_none_or(|until| record.start < until);
        let passes = self.filter.as_ref().is_none_or(|filter| filter.matches(record));
        if self.left == 0 || !in_time || !passes {
            return Ok(());
        }
        self.left -= 1;
        self.lines.flow(record)
    }
}
