//! `tidemark flows`: the Flow Records of captures, metered from packets or decoded from export, and of files.

use super::args::{FlowFormat, Flows};
use super::{DONE, FAILED, Usage};
use crate::app::{Holding, Output, Setup, Walk, read_config};
use crate::collect::{self, Collector};
use crate::enrich::Origins;
use crate::filter::Filter;
use crate::meter::{self, Meter};
use crate::model::{
    ConversationKey, Counters, ExportFault, ExportMessage, FlowRecord, Origin, RawPacket, Timestamp,
};
use crate::report::{self, FlowLines};
use crate::wire::{Decap, Undecoded, decode};
use anyhow::Result;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Records that are over are given out at least so often, in event time.
const TICK: Duration = Duration::from_secs(10);

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
        origins: &setup.origins,
        since: args.since,
        until: args.until,
        left: args.number.unwrap_or(u64::MAX),
        failed: None,
    };
    let mut walk = Walk::new(quiet, verbose);
    match args.read_as.holding(&args.files, quiet)? {
        Holding::Export => decode_export(&args.files, &setup, &mut walk, &mut records)?,
        Holding::Packets => meter_packets(&args.files, &setup, &mut walk, &mut records)?,
        Holding::Records => walk.run_records(&args.files, |recorded| {
            records.take(recorded.record.clone());
            records.failed.take().map_or(Ok(()), Err)
        })?,
    }
    if let Some(error) = records.failed.take() {
        return Err(error.into());
    }
    records.lines.finish()?.finish()?;
    Ok(if walk.readable { DONE } else { FAILED })
}

fn meter_packets(
    files: &[PathBuf],
    setup: &Setup,
    walk: &mut Walk,
    records: &mut Records<'_>,
) -> io::Result<()> {
    let mut metering = Metering {
        meter: Meter::new(setup.metering()),
        next: Timestamp::MIN,
        decap: setup.decap(),
    };
    walk.run(files, |packet| metering.take(packet, records))?;
    metering.meter.finish(records);
    Ok(())
}

fn decode_export(
    files: &[PathBuf],
    setup: &Setup,
    walk: &mut Walk,
    records: &mut Records<'_>,
) -> io::Result<()> {
    let mut collector = Collector::new(setup.collecting());
    walk.run_export(files, |message: &ExportMessage<'_>, faults| {
        collector.observe(message, &mut Decoded { records, faults });
        collector.advance(message.at);
        records.failed.take().map_or(Ok(()), Err)
    })?;
    Ok(())
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

impl Records<'_> {
    /// Writes a record that somebody else made, with where its addresses belong.
    fn take(&mut self, mut record: FlowRecord) {
        let (src_as, dst_as) = record.export.map_or((0, 0), |e| (e.src_as, e.dst_as));
        record.src_origin = or_as(self.origins.origin(record.key.src), src_as);
        record.dst_origin = or_as(self.origins.origin(record.key.dst), dst_as);
        self.write(&record);
    }

    fn write(&mut self, record: &FlowRecord) {
        let in_time = self.since.is_none_or(|since| record.end >= since)
            && self.until.is_none_or(|until| record.start < until);
        let passes = self.filter.as_ref().is_none_or(|filter| filter.matches(record));
        if self.left == 0 || !in_time || !passes || self.failed.is_some() {
            return;
        }
        self.left -= 1;
        self.failed = self.lines.flow(record).err();
    }
}

impl meter::Sink for Records<'_> {
    fn record(&mut self, mut record: FlowRecord) {
        record.src_origin = self.origins.origin(record.key.src);
        record.dst_origin = self.origins.origin(record.key.dst);
        self.write(&record);
    }

    fn growth(&mut self, _key: ConversationKey, _counters: &Counters) {}
}

/// Records out of one message, and what is wrong with it.
struct Decoded<'a, 'b> {
    records: &'a mut Records<'b>,
    faults: &'a mut Vec<ExportFault>,
}

impl collect::Sink for Decoded<'_, '_> {
    fn record(&mut self, record: &FlowRecord) {
        self.records.take(record.clone());
    }

    fn fault(&mut self, fault: ExportFault) {
        self.faults.push(fault);
    }
}

/// What the databases know; the AS as the exporter knows it, where they do not.
fn or_as(origin: Origin, exported: u32) -> Origin {
    match origin.asn {
        0 => Origin {
            asn: exported,
            ..origin
        },
        _ => origin,
    }
}
