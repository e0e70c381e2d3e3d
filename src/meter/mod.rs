//! The Metering Process (RFC 5470): packets in, Flow Records and their growth out.
//!
//! One cache entry holds both directions of a conversation; a record ends by TCP FIN or RST, by the idle or active
//! time-out, because the cache is full, or because metering stops (flowEndReason, RFC 5102). Time is capture time
//! only: whether a packet still belongs to a record depends on packets, never on when [`Meter::sweep`] is called.
//!
//! Long flows must not reach aggregation in one piece at their end, so every sweep tells how much each conversation
//! *grew* since the last one. received = growth + late, for packets and octets alike.

mod cache;
mod entry;
mod fragments;
mod names;

use crate::model::{ConversationKey, Counters, EndReason, FlowKey, FlowRecord, Handshake, Role, Timestamp};
use crate::wire::{Fragment, Packet};
use cache::Cache;
use entry::{CacheKey, Entry};
use fragments::Fragments;
pub use names::{Hearing, Names};
use std::time::Duration;

/// How long an ended TCP conversation still takes in its own stragglers.
const LINGER: Duration = Duration::from_secs(1);

/// What a Metering Process is told to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// A flow that goes on is reported after this time.
    pub active_timeout: Duration,
    /// A flow that is silent for this time is over.
    pub idle_timeout: Duration,
    /// A contact without an answer for this time has failed.
    pub answer_timeout: Duration,
    /// Most conversations metered at once; beyond it the longest silent of a sample is ended early.
    pub cache_limit: usize,
    /// Most fragmented datagrams whose ports are remembered.
    pub fragment_limit: usize,
    /// Seeds the hash tables: source addresses are chosen by attackers.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            active_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(15),
            answer_timeout: Duration::from_secs(3),
            cache_limit: 1_000_000,
            fragment_limit: 4096,
            seed: 0x7469_6465_6d61_726b,
        }
    }
}

/// What a meter counted. Everything only grows, but `active`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets taken in.
    pub packets: u64,
    /// Octets of the IP layer taken in.
    pub bytes: u64,
    /// Flow Records given out.
    pub records: u64,
    /// Conversations ended early because the cache was full.
    pub evicted: u64,
    /// Packets from before the horizon of the last sweep: in their Flow Record, in no interval.
    pub late_packets: u64,
    /// Later fragments whose first fragment's ports had been given up.
    pub fragments_dropped: u64,
    /// Conversations in the cache.
    pub active: u64,
}

/// Takes what a meter gives out.
pub trait Sink {
    /// A Flow Record is complete.
    fn record(&mut self, record: FlowRecord);
    /// A conversation grew by `counters` since it was last told of.
    fn growth(&mut self, key: ConversationKey, counters: &Counters);
}

/// One Metering Process. See the module's documentation.
#[derive(Debug)]
pub struct Meter {
    config: Config,
    cache: Cache,
    fragments: Fragments,
    stats: Stats,
    /// Packets before this instant are late.
    horizon: Timestamp,
}

impl Meter {
    /// A meter with an empty cache.
    pub fn new(config: Config) -> Self {
        Self {
            cache: Cache::new(config.cache_limit, config.seed),
            fragments: Fragments::new(config.fragment_limit, config.seed),
            stats: Stats::default(),
            horizon: Timestamp::MIN,
            config,
        }
    }

    /// Meters one packet that passed at `at`.
    #[inline]
    pub fn observe(&mut self, at: Timestamp, packet: &Packet<'_>, sink: &mut impl Sink) {
        self.stats.packets += 1;
        self.stats.bytes += u64::from(packet.bytes);
        let flow = match packet.fragment {
            Fragment::None => packet.key,
            fragment => self.fragments.resolve(at, packet.key, fragment),
        };
        let (key, sender) = CacheKey::of(&flow);
        let hash = self.cache.hash(&key);
        let slot = match self.cache.find(hash, &key) {
            Some(slot) => slot,
            None => self.begin(hash, key, sender, at, packet, sink),
        };
        let Some(entry) = self.cache.get_mut(slot) else {
            return;
        };
        if at.since(entry.last()) >= self.config.idle_timeout || entry.is_over_for(packet) {
            let reason = if entry.ended {
                EndReason::EndOfFlow
            } else {
                EndReason::IdleTimeout
            };
            finish(entry, &self.config, &mut self.stats, reason, sink);
            *entry = Entry::begin(key, sender, at, packet);
        } else if at.since(entry.start()) >= self.config.active_timeout {
            report(entry, at, &self.config, &mut self.stats, sink);
        }
        entry.count(sender, at, packet);
        if at < self.horizon {
            self.stats.late_packets += 1;
            let side = &mut entry.sides[sender];
            side.told_packets += 1;
            side.told_bytes += u64::from(packet.bytes);
        }
    }

    /// Tells the growth of every conversation up to `now` and ends those that are over by then.
    ///
    /// Packets from before `horizon` that come after this are late. Call it at every tick of event time.
    pub fn sweep(&mut self, now: Timestamp, horizon: Timestamp, sink: &mut impl Sink) {
        self.horizon = self.horizon.max(horizon);
        let (config, stats) = (&self.config, &mut self.stats);
        self.cache.retain(|entry| {
            let silent = now.since(entry.last());
            if silent >= config.idle_timeout || (entry.ended && silent >= LINGER) {
                let reason = if entry.ended {
                    EndReason::EndOfFlow
                } else {
                    EndReason::IdleTimeout
                };
                finish(entry, config, stats, reason, sink);
                return false;
            }
            if now.since(entry.start()) >= config.active_timeout {
                report(entry, now, config, stats, sink);
            } else {
                tell(entry, now, config, false, sink);
            }
            true
        });
    }

    /// Ends everything: metering stops.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        let (config, stats) = (&self.config, &mut self.stats);
        self.cache.retain(|entry| {
            let reason = if entry.ended {
                EndReason::EndOfFlow
            } else {
                EndReason::ForcedEnd
            };
            finish(entry, config, stats, reason, sink);
            false
        });
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        Stats {
            active: self.cache.len() as u64,
            fragments_dropped: self.fragments.dropped,
            ..self.stats
        }
    }

    /// Octets the cache occupies.
    pub fn memory(&self) -> usize {
        self.cache.memory()
    }

    #[cold]
    fn make_room(&mut self, sink: &mut impl Sink) {
        let (config, stats) = (&self.config, &mut self.stats);
        stats.evicted += 1;
        self.cache
            .evict(|entry| finish(entry, config, stats, EndReason::LackOfResources, sink));
    }

    fn begin(
        &mut self,
        hash: u64,
        key: CacheKey,
        sender: usize,
        at: Timestamp,
        packet: &Packet<'_>,
        sink: &mut impl Sink,
    ) -> u32 {
        if self.cache.is_full() {
            self.make_room(sink);
        }
        self.cache.insert(hash, Entry::begin(key, sender, at, packet))
    }
}

/// Tells growth, gives out the records, starts the next ones.
fn report(entry: &mut Entry, now: Timestamp, config: &Config, stats: &mut Stats, sink: &mut impl Sink) {
    tell(entry, now, config, false, sink);
    give_out(entry, EndReason::ActiveTimeout, stats, sink);
    entry.restart(now);
}

/// Tells growth with the outcome as it stands, and gives out the last records.
fn finish(entry: &mut Entry, config: &Config, stats: &mut Stats, reason: EndReason, sink: &mut impl Sink) {
    tell(entry, entry.last(), config, true, sink);
    give_out(entry, reason, stats, sink);
}

fn give_out(entry: &Entry, reason: EndReason, stats: &mut Stats, sink: &mut impl Sink) {
    for record in entry.records(reason) {
        stats.records += 1;
        sink.record(record);
    }
}

/// Tells how much each direction grew since it was last told of, and once what became of the contact.
fn tell(entry: &mut Entry, now: Timestamp, config: &Config, last: bool, sink: &mut impl Sink) {
    let outcome = if entry.told_outcome {
        None
    } else if last {
        Some(entry.handshake())
    } else {
        entry.outcome(now, config.answer_timeout)
    };
    entry.told_outcome |= outcome.is_some();
    let initiator = entry.initiator();
    for sender in [initiator, 1 - initiator] {
        let mut counters = grown(entry, sender);
        if let Some(outcome) = outcome {
            count_outcome(&mut counters, outcome, sender == initiator, entry);
        }
        if counters != Counters::default() {
            sink.growth(conversation(entry, sender), &counters);
        }
    }
}

/// What `sender` sent since it was last told of.
fn grown(entry: &mut Entry, sender: usize) -> Counters {
    let side = &mut entry.sides[sender];
    let counters = Counters {
        packets: side.packets - side.told_packets,
        bytes: side.bytes - side.told_bytes,
        flows: u32::from(side.packets > 0 && !side.told_flow),
        ..Counters::default()
    };
    side.told_packets = side.packets;
    side.told_bytes = side.bytes;
    side.told_flow |= side.packets > 0;
    counters
}

fn count_outcome(counters: &mut Counters, outcome: Handshake, request: bool, entry: &Entry) {
    match outcome {
        Handshake::Unsolicited if !request => counters.unsolicited += 1,
        Handshake::Answered if request => counters.answered += 1,
        Handshake::Refused | Handshake::Unanswered if request => {
            counters.failed += 1;
            let silent_syn = outcome == Handshake::Unanswered && entry.asked_with_syn();
            counters.syn_only += u32::from(silent_syn && entry.key.protocol() == FlowKey::TCP);
        }
        _ => {}
    }
}

/// The conversation that packets of `sender` belong to.
fn conversation(entry: &Entry, sender: usize) -> ConversationKey {
    let initiator = entry.initiator();
    // The service's port is where the initiator's packets go, whichever direction is asked for.
    let port = entry.key.flow_key(initiator, initiator).dst_port;
    let FlowKey {
        src, dst, protocol, ..
    } = entry.key.flow_key(sender, initiator);
    let role = if sender == initiator {
        Role::Request
    } else {
        Role::Reply
    };
    ConversationKey {
        src,
        dst,
        port,
        protocol,
        role,
    }
}

#[cfg(test)]
mod tests;
