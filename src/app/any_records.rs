//! The Flow Records of files of any kind: metered from packets, decoded from flow export, or as others wrote them.

use super::{Holding, Setup, Walk};
use crate::collect::{self, Collector};
use crate::enrich::Origins;
use crate::meter::{self, Meter};
use crate::model::{
    ConversationKey, Counters, ExportFault, ExportMessage, FlowRecord, Origin, RawPacket, Timestamp,
};
use crate::wire::{Decap, Undecoded, decode};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Records that are over are given out at least so often, in event time.
const TICK: Duration = Duration::from_secs(10);

/// Takes a record and when it was told of: the arrival of its message, or the moment metering ended it.
pub type TakeRecord<'a> = dyn FnMut(&FlowRecord, Timestamp) -> io::Result<()> + 'a;

impl Walk {
    /// Hands the Flow Records of files to `take`, with origins looked up.
    ///
    /// # Errors
    ///
    /// What `take` says, at once.
    pub fn run_any(
        &mut self,
        files: &[PathBuf],
        setup: &Setup,
        holding: Holding,
        take: &mut TakeRecord<'_>,
    ) -> io::Result<()> {
        let mut records = Records {
            origins: &setup.origins,
            at: Timestamp::MIN,
            take,
            failed: None,
        };
        match holding {
            Holding::Packets => self.metered_records(files, setup, &mut records),
            Holding::Export => self.decoded_records(files, setup, &mut records),
            Holding::Records => self.run_records(files, |recorded| {
                records.at = recorded.received;
                records.give_exported(recorded.record.clone());
                records.failed.take().map_or(Ok(()), Err)
            }),
        }
    }

    fn metered_records(
        &mut self,
        files: &[PathBuf],
        setup: &Setup,
        records: &mut Records<'_, '_>,
    ) -> io::Result<()> {
        let mut metering = Metering {
            meter: Meter::new(setup.metering()),
            next: Timestamp::MIN,
            decap: setup.decap(),
        };
        self.run(files, |packet| metering.take(packet, records))?;
        metering.meter.finish(records);
        records.failed.take().map_or(Ok(()), Err)
    }

    fn decoded_records(
        &mut self,
        files: &[PathBuf],
        setup: &Setup,
        records: &mut Records<'_, '_>,
    ) -> io::Result<()> {
        let mut collector = Collector::new(setup.collecting());
        self.run_export(files, |message: &ExportMessage<'_>, faults| {
            records.at = message.at;
            collector.observe(message, &mut Decoded { records, faults });
            collector.advance(message.at);
            records.failed.take().map_or(Ok(()), Err)
        })?;
        Ok(())
    }
}

/// A Metering Process driven by capture time.
struct Metering {
    meter: Meter,
    next: Timestamp,
    decap: Decap,
}

impl Metering {
    fn take(
        &mut self,
        raw: &RawPacket<'_>,
        records: &mut Records<'_, '_>,
    ) -> io::Result<Result<(), Undecoded>> {
        let packet = match decode(raw.link, raw.octets, raw.original_length, self.decap) {
            Ok(packet) => packet,
            Err(undecoded) => return Ok(Err(undecoded)),
        };
        records.at = records.at.max(raw.at);
        if raw.at >= self.next {
            self.meter.sweep(raw.at, Timestamp::MIN, records);
            self.next = raw.at + TICK;
        }
        self.meter.observe(raw.at, &packet, records);
        records.failed.take().map_or(Ok(Ok(())), Err)
    }
}

/// Hands records on until that fails.
struct Records<'a, 'b> {
    origins: &'a Origins,
    at: Timestamp,
    take: &'a mut TakeRecord<'b>,
    failed: Option<io::Error>,
}

impl Records<'_, '_> {
    /// Hands on a record that somebody else made, with where its addresses belong.
    fn give_exported(&mut self, mut record: FlowRecord) {
        let (src_as, dst_as) = record.export.map_or((0, 0), |e| (e.src_as, e.dst_as));
        record.src_origin = or_as(self.origins.origin(record.key.src), src_as);
        record.dst_origin = or_as(self.origins.origin(record.key.dst), dst_as);
        self.give(&record);
    }

    fn give(&mut self, record: &FlowRecord) {
        if self.failed.is_none() {
            self.failed = (self.take)(record, self.at).err();
        }
    }
}

impl meter::Sink for Records<'_, '_> {
    fn record(&mut self, mut record: FlowRecord) {
        record.src_origin = self.origins.origin(record.key.src);
        record.dst_origin = self.origins.origin(record.key.dst);
        self.give(&record);
    }

    fn growth(&mut self, _key: ConversationKey, _counters: &Counters) {}
}

/// Records out of one message, and what is wrong with it.
struct Decoded<'m, 'a, 'b> {
    records: &'m mut Records<'a, 'b>,
    faults: &'m mut Vec<ExportFault>,
}

impl collect::Sink for Decoded<'_, '_, '_> {
    fn record(&mut self, record: &FlowRecord) {
        self.records.give_exported(record.clone());
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
