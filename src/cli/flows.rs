//! `tidemark flows`: the Flow Records of captures.

use super::args::{FlowFormat, Flows};
use super::replay::refuse_export;
use super::{DONE, FAILED, Usage};
use crate::app::{Output, Setup, Walk, read_config};
use crate::enrich::Origins;
use crate::filter::Filter;
use crate::meter::{Meter, Sink};
use crate::model::{ConversationKey, Counters, FlowRecord, RawPacket, Timestamp};
use crate::report::{self, FlowLines, FlowOrigin};
use crate::wire::{Decap, Undecoded, decode};
use anyhow::Result;
use std::io;
use std::time::Duration;

/// Records that are over are given out at least so often, in event time.
const TICK: Duration = Duration::from_secs(10);

/// Runs the command; the exit status.
pub(super) fn run(args: &Flows, quiet: bool, verbose: bool) -> Result<u8> {
    refuse_export(args.read_as)?;
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
        origins: &setup.origins,
        since: args.since,
        until: args.until,
        left: args.number.unwrap_or(u64::MAX),
        failed: None,
    };
    let mut metering = Metering {
        meter: Meter::new(setup.metering()),
        next: Timestamp::MIN,
        decap: setup.decap(),
    };
    let mut walk = Walk::new(quiet, verbose);
    walk.run(&args.files, |packet| metering.take(packet, &mut records))?;
    metering.meter.finish(&mut records);
    if let Some(error) = records.failed.take() {
        return Err(error.into());
    }
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

/// A Metering Process driven by capture time.
struct Metering {
    meter: Meter,
    next: Timestamp,
    decap: Decap,
}

impl Metering {
    fn take(&mut self, raw: &RawPacket<'_>, records: &mut Records<'_>) -> io::Result<Result<(), Undecoded>> {
        let packet = match decode(raw.link, raw.octets, raw.original_length, self.decap) {
            Ok(packet) => packet,
            Err(undecoded) => return Ok(Err(undecoded)),
        };
        if raw.at >= self.next {
            self.meter.sweep(raw.at, Timestamp::MIN, records);
            self.next = raw.at + TICK;
        }
        self.meter.observe(raw.at, &packet, records);
        records.failed.take().map_or(Ok(Ok(())), Err)
    }
}

/// Writes the records that are asked for.
struct Records<'a> {
    lines: FlowLines<Output>,
    filter: Option<Filter>,
    origins: &'a Origins,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    left: u64,
    failed: Option<io::Error>,
}

impl Sink for Records<'_> {
    fn record(&mut self, mut record: FlowRecord) {
        record.src_origin = self.origins.origin(record.key.src);
        record.dst_origin = self.origins.origin(record.key.dst);
        let in_time = self.since.is_none_or(|since| record.end >= since)
            && self.until.is_none_or(|until| record.start < until);
        let passes = self.filter.as_ref().is_none_or(|filter| filter.matches(&record));
        if self.left == 0 || !in_time || !passes || self.failed.is_some() {
            return;
        }
        self.left -= 1;
        self.failed = self.lines.flow(&record, &FlowOrigin::default()).err();
    }

    fn growth(&mut self, _key: ConversationKey, _counters: &Counters) {}
}
