//! `tidemark flows`: the Flow Records of captures, metered from packets or decoded from export.

use super::args::{FlowFormat, Flows};
use super::{DONE, FAILED, Usage};
use crate::app::{Output, Setup, Walk, read_config};
use crate::filter::Filter;
use crate::model::{FlowRecord, Timestamp};
use crate::report::{self, FlowLines};
use anyhow::Result;
use std::io;

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
    let mut records = Records {
        lines: FlowLines::new(Output::create(args.output.as_deref())?, format(args.format)),
        filter,
        since: args.since,
        until: args.until,
        left: args.number.unwrap_or(u64::MAX),
    };
    let mut walk = Walk::new(quiet, verbose);
    let is_export = args.read_as.is_export(&args.files, quiet);
    walk.run_records(&args.files, &setup, is_export, &mut |record, _| {
        records.write(record)
    })?;
    records.lines.finish()?.finish()?;
    Ok(if walk.readable { DONE } else { FAILED })
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
