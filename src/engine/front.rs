//! The half of the engine that scales with traffic: meter, enrich, aggregate. It holds no baseline.

use super::config::Config;
use super::contacts::Contacts;
use super::exporting::{self, Around, ExportStats, Exporting};
use super::keep::Keeping;
use super::partial::{Bulletin, Partial};
use crate::aggregate::Conversations;
use crate::collect::{Account, Memory};
use crate::enrich::Origins;
use crate::filter::Filter;
use crate::meter::{self, Meter, Names, Sink};
use crate::model::{ConversationKey, Counters, ExportFault, ExportMessage, FlowRecord, Ip, Timestamp};
use crate::wire::Packet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What a Front counted since it began; sums over Fronts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontStats {
    /// The meter's.
    pub meter: meter::Stats,
    /// Flow export's.
    pub export: ExportStats,
    /// Conversations whose external address was folded into its network for lack of room.
    pub folded: u64,
    /// Conversations refused for lack of room.
    pub refused: u64,
    /// Names and questions dropped for lack of room.
    pub names_dropped: u64,
    /// Times of contacts dropped for lack of room.
    pub contacts_dropped: u64,
    /// Octets the tables take.
    pub memory: u64,
}

impl FrontStats {
    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let (a, b) = (&self.meter, &other.meter);
        Self {
            meter: meter::Stats {
                packets: a.packets + b.packets,
                bytes: a.bytes + b.bytes,
                records: a.records + b.records,
                evicted: a.evicted + b.evicted,
                late_packets: a.late_packets + b.late_packets,
                fragments_dropped: a.fragments_dropped + b.fragments_dropped,
                active: a.active + b.active,
            },
            export: self.export.plus(&other.export),
            folded: self.folded + other.folded,
            refused: self.refused + other.refused,
            names_dropped: self.names_dropped + other.names_dropped,
            contacts_dropped: self.contacts_dropped + other.contacts_dropped,
            memory: self.memory + other.memory,
        }
    }
}

/// One Front.
#[derive(Debug)]
pub struct Front {
    meter: Meter,
    names: Names,
    contacts: Contacts,
    table: Conversations,
    origins: Arc<Origins>,
    filter: Option<Filter>,
    interval: Duration,
    lateness: Duration,
    exporting: Exporting,
    /// Ticks that ended and wait for the flow export of their time.
    held: VecDeque<Partial>,
    /// End of the last tick that was ended.
    swept: Timestamp,
}

impl Front {
    /// A Front with empty tables. A filter that cannot be read lets everything through: the Judge, which is made of
    /// the same configuration, refuses it with its reason.
    pub fn new(config: &Config, origins: Arc<Origins>) -> Self {
        let shares = config.shares(1);
        let seed = config.metering.seed;
        let metering = meter::Config {
            cache_limit: shares.cache,
            ..config.metering.clone()
        };
        Self {
            meter: Meter::new(metering),
            names: Names::new(shares.hearings, seed),
            contacts: Contacts::new(shares.hearings),
            table: Conversations::new(shares.conversations, seed),
            origins,
            filter: config.filter.as_deref().and_then(|text| Filter::parse(text).ok()),
            interval: config.interval,
            lateness: config.lateness,
            exporting: Exporting::new(config),
            held: VecDeque::new(),
            swept: Timestamp::MIN,
        }
    }

    /// Takes over another filter, other origins and other rules for exporters. Flows under way go on.
    pub fn renew(&mut self, config: &Config, origins: Arc<Origins>) {
        self.origins = origins;
        self.filter = config.filter.as_deref().and_then(|text| Filter::parse(text).ok());
        self.lateness = config.lateness;
        self.exporting.renew(config);
    }

    /// Takes in one packet; Flow Records that end go to `keep`.
    #[inline(always)]
    pub fn observe(&mut self, at: Timestamp, packet: &Packet<'_>, keep: Keeping<'_>) {
        if !packet.payload.is_empty() {
            self.names.observe(at, packet);
        }
        let mut sink = Growth {
            table: &mut self.table,
            contacts: &mut self.contacts,
            origins: &self.origins,
            filter: self.filter.as_ref(),
            keep,
            now: self.swept,
        };
        self.meter.observe(at, packet, &mut sink);
    }

    /// Takes in one message of flow export, whose records go to `keep`; ticks from `oldest` on are open.
    #[inline]
    pub fn collect(&mut self, message: &ExportMessage<'_>, oldest: Timestamp, keep: Keeping<'_>) {
        let around = Around {
            origins: &self.origins,
            filter: self.filter.as_ref(),
            contacts: &mut self.contacts,
            keep,
        };
        self.exporting.observe(message, oldest, around);
    }

    /// Takes in one Flow Record that came at `at`, and hands it to `keep`; ticks from `oldest` on are open.
    pub fn take(&mut self, record: &FlowRecord, at: Timestamp, oldest: Timestamp, keep: Keeping<'_>) {
        let around = Around {
            origins: &self.origins,
            filter: self.filter.as_ref(),
            contacts: &mut self.contacts,
            keep,
        };
        self.exporting.add(record, at, oldest, around);
    }

    /// Ends the tick that ends at `until`. What it brought comes out of [`Front::release`].
    pub fn flush(&mut self, until: Timestamp, keep: Keeping<'_>) {
        self.swept = until;
        let mut sink = Growth {
            table: &mut self.table,
            contacts: &mut self.contacts,
            origins: &self.origins,
            filter: self.filter.as_ref(),
            keep,
            now: self.swept,
        };
        // Growth is put into the present interval, so packets are late when they lie before it.
        self.meter
            .sweep(until, until.floor(self.interval) - self.lateness, &mut sink);
        self.exporting.advance(until);
        self.held.push_back(Partial {
            until,
            conversations: self.table.hand_over(),
            exported: None,
            heard: self.names.take(),
            contacts: self.contacts.take(),
            stats: self.stats(),
        });
    }

    /// How the exporters do.
    pub fn bulletin(&mut self) -> Bulletin {
        Bulletin {
            accounts: self.exporting.accounts(),
            late: self.exporting.late().collect(),
            sightings: self.exporting.sightings(),
            told: self.exporting.told(),
        }
    }

    /// The oldest tick that ended at or before `until` and has not been released, with the flow export of its time.
    pub fn release(&mut self, until: Timestamp) -> Option<Partial> {
        self.exporting.settle(&self.origins);
        let (held, open) = (self.held.front().map(|p| p.until), self.exporting.next());
        // Export tells of ticks before the first one that passed here.
        let early = open.filter(|&open| held.is_none_or(|held| open < held));
        if let Some((end, exported)) = early.and_then(|_| self.exporting.take(until)) {
            return Some(Partial {
                until: end,
                conversations: Conversations::new(0, 0),
                exported: Some(exported),
                heard: Vec::new(),
                contacts: Vec::new(),
                stats: self.stats(),
            });
        }
        self.held.front().filter(|partial| partial.until <= until)?;
        let mut partial = self.held.pop_front()?;
        partial.exported = self.exporting.take(partial.until).map(|(_, rows)| rows);
        Some(partial)
    }

    /// Something that was wrong with flow export, to be named; all is counted.
    pub fn fault(&mut self) -> Option<ExportFault> {
        self.exporting.fault()
    }

    /// Every exporter's account, in order of address.
    pub fn accounts(&self) -> Vec<(Ip, Account)> {
        self.exporting.accounts()
    }

    /// How many Flow Records of each exporter came late, in order of address; exporters without any are left out.
    pub fn late(&self) -> impl Iterator<Item = (Ip, u64)> {
        self.exporting.late()
    }

    /// Templates and sampling rates, to decode with after a restart.
    pub fn memory(&self) -> Memory {
        self.exporting.snapshot()
    }

    /// Takes over what was known of exporters.
    pub fn remember(&mut self, memory: Memory) {
        self.exporting.restore(memory);
    }

    /// Gives back a table, emptied, to be filled again.
    pub fn reuse(&mut self, spare: Conversations) {
        self.table.reuse(spare);
    }

    /// Ends every flow: no more packets will come.
    pub fn finish(&mut self, keep: Keeping<'_>) {
        let mut sink = Growth {
            table: &mut self.table,
            contacts: &mut self.contacts,
            origins: &self.origins,
            filter: self.filter.as_ref(),
            keep,
            now: self.swept,
        };
        self.meter.finish(&mut sink);
    }

    /// Whether no conversation is being metered and nothing waits for the next flush.
    pub fn is_idle(&self) -> bool {
        let settled = self.exporting.next().is_none() && self.held.is_empty();
        self.meter.stats().active == 0 && self.table.rows().is_empty() && settled
    }

    /// What was counted so far.
    pub fn stats(&self) -> FrontStats {
        let (folded, refused) = self.exporting.given_up();
        FrontStats {
            meter: self.meter.stats(),
            export: self.exporting.stats(),
            folded: self.table.folded() + folded,
            refused: self.table.refused() + refused,
            names_dropped: self.names.dropped(),
            contacts_dropped: self.contacts.dropped(),
            memory: (self.meter.memory() + self.table.memory() + self.exporting.memory()) as u64,
        }
    }
}

/// Puts what conversations grew by into the tick's table; Flow Records themselves are only handed on.
struct Growth<'a> {
    table: &'a mut Conversations,
    contacts: &'a mut Contacts,
    origins: &'a Origins,
    filter: Option<&'a Filter>,
    keep: Keeping<'a>,
    /// Start of the present tick. Packets are counted many at a time, so nothing finer is the same on every Front.
    now: Timestamp,
}

impl Sink for Growth<'_> {
    #[inline]
    fn record(&mut self, mut record: FlowRecord) {
        if let Some(keep) = &mut self.keep {
            // The other direction has a record of its own.
            record.reverse = None;
            keep.keep(&record, record.end.max(self.now));
        }
    }

    #[inline]
    fn growth(&mut self, key: ConversationKey, counters: &Counters) {
        if let Some(filter) = self.filter
            && !exporting::passes(filter, &key, counters, self.origins)
        {
            return;
        }
        self.table.add(&key, counters, || self.origins.ends(&key));
    }

    #[inline]
    fn contact(&mut self, key: &ConversationKey, at: Timestamp) {
        self.contacts.tell(key, at, self.origins, self.filter);
    }
}
