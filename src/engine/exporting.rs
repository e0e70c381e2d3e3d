//! The half of a Front that collects flow export: Flow Records become what conversations grew by, each over its time.
//!
//! Which exporter, interface or direction counts is configured ([`ExporterRule`]), so that a conversation that
//! several exporters see counts once. Counters are scaled by the sampling rate here, where they begin to be compared
//! with others; the Flow Record keeps the raw ones.

use super::config::{Config, ExporterRule};
use super::contacts::Contacts;
use super::exported::{conversation, counters, reverse_counters, scale_of};
use super::judge::pairing;
use super::keep::Keeping;
use super::partial::Sighting;
use super::spread::{Spread, Stretch};
use super::telling::{Tellers, Told};
use crate::aggregate::Conversations;
use crate::collect::{Account, Collector, Memory, Sink};
use crate::enrich::Origins;
use crate::filter::Filter;
use crate::model::{
    Conversation, ConversationKey, Counters, ExportFault, ExportMessage, Exported, FlowKey, FlowRecord, Ip,
    Role, TcpFlags, Timestamp,
};
use std::collections::{BTreeMap, VecDeque};

/// Faults of export that wait to be named; more are counted by their exporter only.
const NAMED: usize = 64;
/// Sightings kept per tick: enough to estimate a share by.
const SIGHTINGS: usize = 1024;
/// Exporters whose late records are counted for each.
const EXPORTERS: usize = 4096;
/// One in so many flows is compared between exporters.
const COMPARED: u64 = 64;

/// What a Front counted of flow export; sums over Fronts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportStats {
    /// Messages taken in.
    pub messages: u64,
    /// Flow Records decoded, or taken as they were.
    pub records: u64,
    /// Flow Records that came without a message, out of a file.
    pub taken: u64,
    /// Packets they stand for, scaled by sampling.
    pub packets: u64,
    /// Octets they stand for, scaled by sampling.
    pub bytes: u64,
    /// Records that do not count, by configuration.
    pub uncounted: u64,
    /// Records that began before the oldest open tick.
    pub late_records: u64,
    /// Octets of them that are in no interval.
    pub late_bytes: u64,
}

impl ExportStats {
    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            records: self.records + other.records,
            taken: self.taken + other.taken,
            packets: self.packets + other.packets,
            bytes: self.bytes + other.bytes,
            uncounted: self.uncounted + other.uncounted,
            late_records: self.late_records + other.late_records,
            late_bytes: self.late_bytes + other.late_bytes,
        }
    }
}

/// What a Front lends while a message or record is taken in.
pub(super) struct Around<'a> {
    pub(super) origins: &'a Origins,
    pub(super) filter: Option<&'a Filter>,
    pub(super) contacts: &'a mut Contacts,
    pub(super) keep: Keeping<'a>,
}

/// Flow export in a Front.
#[derive(Debug)]
pub(super) struct Exporting {
    collector: Collector,
    spread: Spread,
    rules: Vec<ExporterRule>,
    stats: ExportStats,
    faults: VecDeque<ExportFault>,
    sightings: Vec<Sighting>,
    /// The exporter of the newest record and the rule for it: exporters send many records in a row.
    newest: Option<(Ip, Option<usize>)>,
    /// Late records by exporter.
    late: BTreeMap<Ip, u64>,
    tellers: Tellers,
}

impl Exporting {
    pub(super) fn new(config: &Config) -> Self {
        let shares = config.shares(1);
        let ticks = config.record_delay().as_nanos() / config.tick.as_nanos().max(1) + 2;
        let limit = shares.spread / usize::try_from(ticks).unwrap_or(usize::MAX);
        Self {
            collector: Collector::new(config.collecting.clone()),
            spread: Spread::new(config.tick, config.interval, limit.max(64), config.metering.seed),
            rules: config.exporters.clone(),
            stats: ExportStats::default(),
            faults: VecDeque::new(),
            sightings: Vec::new(),
            newest: None,
            late: BTreeMap::new(),
            tellers: Tellers::new(config),
        }
    }

    /// Takes over other rules for exporters.
    pub(super) fn renew(&mut self, config: &Config) {
        self.rules.clone_from(&config.exporters);
        self.newest = None;
        self.tellers = Tellers::new(config);
    }

    /// Takes in one message that came at `message.at`; ticks from `oldest` on are open.
    pub(super) fn observe(&mut self, message: &ExportMessage<'_>, oldest: Timestamp, around: Around<'_>) {
        self.stats.messages += 1;
        let origins = around.origins;
        self.spread.open(oldest, message.at);
        let (collector, mut taking) = self.taking(message.at, around);
        collector.observe(message, &mut taking);
        self.settle(origins);
    }

    /// Takes in one record that came at `at`; ticks from `oldest` on are open. It is spread with others that follow, at the
    /// latest by the next [`Exporting::settle`].
    pub(super) fn add(&mut self, record: &FlowRecord, at: Timestamp, oldest: Timestamp, around: Around<'_>) {
        self.stats.taken += 1;
        let origins = around.origins;
        self.spread.open(oldest, at);
        self.taking(at, around).1.record(record);
        if self.spread.has_batch() {
            self.settle(origins);
        }
    }

    /// Spreads what was taken in.
    pub(super) fn settle(&mut self, origins: &Origins) {
        self.spread.settle(|key| origins.ends(key));
    }

    /// Who decodes, and who takes in what comes at `at`.
    fn taking<'a>(&'a mut self, at: Timestamp, around: Around<'a>) -> (&'a mut Collector, Taking<'a>) {
        let taking = Taking {
            spread: &mut self.spread,
            rules: &self.rules,
            stats: &mut self.stats,
            faults: &mut self.faults,
            sightings: &mut self.sightings,
            newest: &mut self.newest,
            late: &mut self.late,
            tellers: &mut self.tellers,
            at,
            around,
        };
        (&mut self.collector, taking)
    }

    /// Says what time it is: Templates grow old.
    pub(super) fn advance(&mut self, at: Timestamp) {
        self.collector.advance(at);
    }

    /// End of the tick that leaves next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.spread.next()
    }

    /// Takes out the oldest tick if it ends at or before `until`.
    pub(super) fn take(&mut self, until: Timestamp) -> Option<(Timestamp, Conversations)> {
        self.spread.take(until)
    }

    /// Which flows were seen by whom in this tick, a sample.
    pub(super) fn sightings(&mut self) -> Vec<Sighting> {
        std::mem::take(&mut self.sightings)
    }

    /// What each exporter told of since the last call, where a rule asks for that.
    pub(super) fn told(&mut self) -> Vec<(Ip, Told)> {
        self.tellers.take()
    }

    /// Every exporter's account, in order of address.
    pub(super) fn accounts(&self) -> Vec<(Ip, Account)> {
        self.collector
            .accounts()
            .map(|(ip, account)| (ip, *account))
            .collect()
    }

    /// How many records of each exporter came late, in order of address.
    pub(super) fn late(&self) -> impl Iterator<Item = (Ip, u64)> {
        self.late.iter().map(|(ip, records)| (*ip, *records))
    }

    pub(super) fn fault(&mut self) -> Option<ExportFault> {
        self.faults.pop_front()
    }

    pub(super) fn snapshot(&self) -> Memory {
        self.collector.snapshot()
    }

    pub(super) fn restore(&mut self, memory: Memory) {
        self.collector.restore(memory);
    }

    pub(super) fn stats(&self) -> ExportStats {
        ExportStats {
            late_bytes: self.spread.late_bytes(),
            ..self.stats
        }
    }

    /// Conversations folded and refused for lack of room.
    pub(super) fn given_up(&self) -> (u64, u64) {
        self.spread.given_up()
    }

    /// Octets it occupies.
    pub(super) fn memory(&self) -> usize {
        self.spread.memory() + self.collector.memory()
    }
}

/// Takes records in as they are decoded.
struct Taking<'a> {
    spread: &'a mut Spread,
    rules: &'a [ExporterRule],
    stats: &'a mut ExportStats,
    faults: &'a mut VecDeque<ExportFault>,
    sightings: &'a mut Vec<Sighting>,
    newest: &'a mut Option<(Ip, Option<usize>)>,
    late: &'a mut BTreeMap<Ip, u64>,
    tellers: &'a mut Tellers,
    /// When it came.
    at: Timestamp,
    around: Around<'a>,
}

impl Sink for Taking<'_> {
    #[inline]
    fn record(&mut self, record: &FlowRecord) {
        self.stats.records += 1;
        let export = record.export.as_ref();
        if let Some(export) = export
            && self
                .rule(export.exporter)
                .is_some_and(|rule| !rule.counts_record(export))
        {
            self.stats.uncounted += 1;
            return;
        }
        if let Some(keep) = &mut self.around.keep {
            keep.keep(record, self.at);
        }
        // What nobody exported was not sampled either.
        let scale = export.map_or(1, |export| scale_of(record, export));
        let key = conversation(record);
        let counters = counters(record, scale);
        if counters == Counters::default() {
            return;
        }
        self.stats.packets += counters.packets;
        self.stats.bytes += counters.bytes;
        if let Some(export) = export {
            self.sight(record, export);
            self.tellers.tell(export.exporter, key.src, key.dst);
        }
        if self.spread.is_late(record.start) {
            self.is_late(export);
        }
        // Of a connection only the record with its SYN tells when it began; records of UDP do not say that at all.
        let began = record.tcp_flags.has(TcpFlags::SYN) && key.protocol == FlowKey::TCP;
        if began && key.role == Role::Request {
            let Around {
                contacts,
                origins,
                filter,
                ..
            } = &mut self.around;
            contacts.tell(&key, record.start, origins, *filter);
        }
        self.grow(&key, record, counters);
        if let Some(reverse) = &record.reverse {
            let counters = reverse_counters(reverse, record.sampling_rate, scale);
            self.stats.packets += counters.packets;
            self.stats.bytes += counters.bytes;
            self.grow(&key.reversed(), record, counters);
        }
    }

    fn fault(&mut self, fault: ExportFault) {
        if self.faults.len() < NAMED {
            self.faults.push_back(fault);
        }
    }
}

impl Taking<'_> {
    /// The first rule that speaks of an exporter.
    #[inline]
    fn rule(&mut self, exporter: Ip) -> Option<&ExporterRule> {
        let index = match *self.newest {
            Some((newest, index)) if newest == exporter => index,
            _ => {
                let index = self.rules.iter().position(|rule| rule.address.contains(exporter));
                *self.newest = Some((exporter, index));
                index
            }
        };
        self.rules.get(index?)
    }

    #[inline]
    fn grow(&mut self, key: &ConversationKey, record: &FlowRecord, counters: Counters) {
        if let Some(filter) = self.around.filter
            && !passes(
                filter,
                key,
                &pairing::unmarked(key, counters),
                self.around.origins,
            )
        {
            return;
        }
        let stretch = Stretch {
            start: record.start,
            end: record.end,
            counters,
        };
        self.spread.add(key, stretch);
    }

    #[cold]
    fn is_late(&mut self, export: Option<&Exported>) {
        self.stats.late_records += 1;
        let Some(&Exported { exporter, .. }) = export else {
            return;
        };
        if self.late.len() < EXPORTERS || self.late.contains_key(&exporter) {
            *self.late.entry(exporter).or_default() += 1;
        }
    }

    /// Remembers one in many flows with who saw it: where two exporters see the same, it counts twice.
    #[inline]
    fn sight(&mut self, record: &FlowRecord, export: &Exported) {
        let flow = flow_hash(&record.key);
        if flow.is_multiple_of(COMPARED) && self.sightings.len() < SIGHTINGS {
            self.sightings.push(Sighting {
                flow,
                exporter: export.exporter,
            });
        }
    }
}

/// A number that stands for a flow in one direction, the same everywhere.
#[inline]
fn flow_hash(key: &FlowKey) -> u64 {
    let ends = key.src.bits() ^ key.dst.bits().rotate_left(64);
    let ports = u64::from(key.src_port) << 24 | u64::from(key.dst_port) << 8 | u64::from(key.protocol);
    let mixed =
        ((ends >> 64) as u64 ^ (ends as u64).rotate_left(29) ^ ports).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 31)
}

/// Whether what a conversation grew by is to be aggregated.
pub(super) fn passes(filter: &Filter, key: &ConversationKey, counters: &Counters, origins: &Origins) -> bool {
    let (src_origin, dst_origin) = origins.ends(key);
    filter.matches(&Conversation {
        key: *key,
        src_origin,
        dst_origin,
        counters: *counters,
    })
}
