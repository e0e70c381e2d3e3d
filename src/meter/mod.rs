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
mod key;
mod names;

use crate::model::{ConversationKey, Counters, EndReason, FlowKey, FlowRecord, Handshake, Role, Timestamp};
use crate::wire::{Fragment, Packet};
use cache::Cache;
use entry::{Arrival, Entry, elapsed};
use fragments::Fragments;
use key::{CacheKey, is_echo_reply};
pub use names::{Hearing, Names};
use std::time::Duration;

/// How long an ended TCP conversation still takes in its own stragglers.
const LINGER: Duration = Duration::from_secs(1);
/// Packets counted at once: as many memory reads under way as a core can have, and no more than fit in its first cache.
const BATCH: usize = 32;
/// No place of the cache.
const NO_SLOT: u32 = u32::MAX;

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
    /// A flow of a conversation, told of by its growth, began at `at`.
    fn contact(&mut self, _key: &ConversationKey, _at: Timestamp) {}
}

/// One Metering Process. See the module's documentation.
///
/// Packets wait in a short queue and are counted a batch at a time, in their order: nearly all of a packet's cost is
/// waiting for its entry to come from memory, and the entries of a batch come at the same time.
#[derive(Debug)]
pub struct Meter {
    config: Config,
    /// Time-outs in nanoseconds.
    idle: u64,
    active: u64,
    cache: Cache,
    fragments: Fragments,
    stats: Stats,
    /// Packets before this instant are late.
    horizon: Timestamp,
    /// Packets not counted yet, fewer than `batch`.
    queue: Vec<Arrival>,
    /// 1 to [`BATCH`].
    batch: usize,
}

impl Meter {
    /// A meter with an empty cache.
    pub fn new(config: Config) -> Self {
        Self {
            cache: Cache::new(config.cache_limit, config.seed),
            fragments: Fragments::new(config.fragment_limit, config.seed),
            stats: Stats::default(),
            horizon: Timestamp::MIN,
            queue: Vec::with_capacity(BATCH),
            batch: BATCH,
            idle: nanos(config.idle_timeout),
            active: nanos(config.active_timeout),
            config,
        }
    }

    /// Meters one packet that passed at `at`. What it brings about may come out of a later call, at the latest of the
    /// next [`Meter::sweep`] or [`Meter::finish`].
    #[inline(always)]
    pub fn observe(&mut self, at: Timestamp, packet: &Packet<'_>, sink: &mut impl Sink) {
        self.stats.packets += 1;
        self.stats.bytes += u64::from(packet.bytes);
        let whole = match packet.fragment {
            Fragment::None => packet.key,
            fragment => self.fragments.resolve(at, packet.key, fragment),
        };
        let (key, sender) = CacheKey::of(&whole);
        self.queue.push(Arrival {
            hash: self.cache.hash(&key),
            key,
            at,
            bytes: packet.bytes,
            vlan: packet.vlan,
            tcp_flags: packet.tcp_flags,
            sender: sender as u8,
            echo_reply: is_echo_reply(&packet.key),
        });
        if self.queue.len() >= self.batch {
            self.settle(sink);
        }
    }

    /// Counts the packets that wait.
    #[inline(never)]
    fn settle(&mut self, sink: &mut impl Sink) {
        let mut queue = std::mem::take(&mut self.queue);
        let mut slots = [NO_SLOT; BATCH];
        for (slot, arrival) in slots.iter_mut().zip(&queue) {
            *slot = self.cache.guess(arrival.hash).unwrap_or(NO_SLOT);
        }
        let near = slots.iter().fold(0, |sum, &slot| sum ^ self.cache.touch(slot));
        std::hint::black_box(near);
        for (&slot, arrival) in slots.iter().zip(&queue) {
            self.count(slot, arrival, sink);
        }
        queue.clear();
        self.queue = queue;
    }

    /// Counts one packet, whose entry is probably in slot `guess`.
    #[inline]
    fn count(&mut self, guess: u32, arrival: &Arrival, sink: &mut impl Sink) {
        // Nearly every packet: of a conversation that goes on, in time.
        if let Some(hot) = self.cache.hot(guess)
            && hot.is_of(&arrival.key)
            && !hot.must_turn(arrival, self.idle, self.active)
            && arrival.at >= self.horizon
        {
            hot.count(arrival);
        } else {
            self.count_any(guess, arrival, sink);
        }
    }

    #[inline(never)]
    fn count_any(&mut self, guess: u32, arrival: &Arrival, sink: &mut impl Sink) {
        let slot = match self.cache.hot(guess) {
            Some(hot) if hot.is_of(&arrival.key) => guess,
            _ => match self.cache.find(arrival.hash, &arrival.key) {
                Some(slot) => slot,
                None => self.begin(arrival, sink),
            },
        };
        let Some(hot) = self.cache.hot(slot) else { return };
        if hot.must_turn(arrival, self.idle, self.active) {
            let idle = elapsed(hot.last(), arrival.at) >= self.idle;
            self.turn(slot, idle, arrival, sink);
        }
        let Some(hot) = self.cache.hot(slot) else { return };
        hot.count(arrival);
        if arrival.at < self.horizon {
            self.stats.late_packets += 1;
            if let Some(mut entry) = self.cache.entry(slot) {
                entry.keep_silent_of(arrival);
            }
        }
    }

    /// Gives out what must be before `arrival` is counted.
    #[cold]
    fn turn(&mut self, slot: u32, idle: bool, arrival: &Arrival, sink: &mut impl Sink) {
        let (config, stats) = (&self.config, &mut self.stats);
        let Some(mut entry) = self.cache.entry(slot) else {
            return;
        };
        if idle || entry.hot.is_over_for(arrival.tcp_flags) {
            let reason = end_of(&entry, EndReason::IdleTimeout);
            finish(&mut entry, config, stats, reason, sink);
            entry.begin(arrival);
        } else if elapsed(entry.hot.start(), arrival.at) >= self.active {
            report(&mut entry, arrival.at, config, stats, sink);
        } else if entry.hot.is_full(arrival.sender()) {
            tell(&mut entry, arrival.at, config, false, sink);
        }
    }

    /// Tells the growth of every conversation up to `now` and ends those that are over by then.
    ///
    /// Packets from before `horizon` that come after this are late. Call it at every tick of event time.
    pub fn sweep(&mut self, now: Timestamp, horizon: Timestamp, sink: &mut impl Sink) {
        self.settle(sink);
        self.horizon = self.horizon.max(horizon);
        let (config, stats) = (&self.config, &mut self.stats);
        self.cache.retain(|mut entry| {
            let silent = now.since(entry.hot.last());
            if silent >= config.idle_timeout || (entry.hot.ended() && silent >= LINGER) {
                let reason = end_of(&entry, EndReason::IdleTimeout);
                finish(&mut entry, config, stats, reason, sink);
                return false;
            }
            if now.since(entry.hot.start()) >= config.active_timeout {
                report(&mut entry, now, config, stats, sink);
            } else {
                tell(&mut entry, now, config, false, sink);
            }
            true
        });
    }

    /// Ends everything: metering stops.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        self.settle(sink);
        let (config, stats) = (&self.config, &mut self.stats);
        self.cache.clear(|mut entry| {
            let reason = end_of(&entry, EndReason::ForcedEnd);
            finish(&mut entry, config, stats, reason, sink);
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
            .evict(|mut entry| finish(&mut entry, config, stats, EndReason::LackOfResources, sink));
    }

    fn begin(&mut self, first: &Arrival, sink: &mut impl Sink) -> u32 {
        if self.cache.is_full() {
            self.make_room(sink);
        }
        self.cache.insert(first)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Why an entry ends that would otherwise end for `reason`.
fn end_of(entry: &Entry<'_>, reason: EndReason) -> EndReason {
    if entry.hot.ended() {
        EndReason::EndOfFlow
    } else {
        reason
    }
}

/// Tells growth, gives out the records, starts the next ones.
fn report(entry: &mut Entry<'_>, now: Timestamp, config: &Config, stats: &mut Stats, sink: &mut impl Sink) {
    tell(entry, now, config, false, sink);
    give_out(entry, EndReason::ActiveTimeout, stats, sink);
    entry.restart(now);
}

/// Tells growth with the outcome as it stands, and gives out the last records.
fn finish(
    entry: &mut Entry<'_>,
    config: &Config,
    stats: &mut Stats,
    reason: EndReason,
    sink: &mut impl Sink,
) {
    tell(entry, entry.hot.last(), config, true, sink);
    give_out(entry, reason, stats, sink);
}

fn give_out(entry: &Entry<'_>, reason: EndReason, stats: &mut Stats, sink: &mut impl Sink) {
    for record in entry.records(reason) {
        stats.records += 1;
        sink.record(record);
    }
}

/// Tells how much each direction grew since it was last told of, and once what became of the contact.
fn tell(entry: &mut Entry<'_>, now: Timestamp, config: &Config, last: bool, sink: &mut impl Sink) {
    let outcome = entry.outcome(now, config.answer_timeout, last);
    let initiator = entry.hot.initiator();
    for sender in [initiator, 1 - initiator] {
        let (amount, new) = entry.grown(sender);
        let mut counters = Counters {
            packets: amount.packets,
            bytes: amount.bytes,
            flows: u32::from(new),
            ..Counters::default()
        };
        if let Some(outcome) = outcome {
            count_outcome(&mut counters, outcome, sender == initiator, entry);
        }
        if counters != Counters::default() {
            let key = conversation(entry, sender);
            if new && sender == initiator {
                sink.contact(&key, entry.cold.began);
            }
            sink.growth(key, &counters);
        }
    }
}

fn count_outcome(counters: &mut Counters, outcome: Handshake, request: bool, entry: &Entry<'_>) {
    match outcome {
        Handshake::Unsolicited if !request => counters.unsolicited += 1,
        Handshake::Answered if request => counters.answered += 1,
        Handshake::Refused | Handshake::Unanswered if request => {
            counters.failed += 1;
            let silent_syn = outcome == Handshake::Unanswered && entry.asked_with_syn();
            counters.syn_only += u32::from(silent_syn && entry.hot.key().protocol() == FlowKey::TCP);
        }
        _ => {}
    }
}

/// The conversation that packets of `sender` belong to.
fn conversation(entry: &Entry<'_>, sender: usize) -> ConversationKey {
    let (key, initiator) = (entry.hot.key(), entry.hot.initiator());
    // The service's port is where the initiator's packets go, whichever direction is asked for.
    let port = key.flow_key(initiator, initiator).dst_port;
    let FlowKey {
        src, dst, protocol, ..
    } = key.flow_key(sender, initiator);
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
