//! One entry of the flow cache: both directions of a conversation under one key, and what became of the contact.
//!
//! A packet touches [`Hot`], two cache lines that lie next to each other; what only reports need lies apart in
//! [`Cold`]. [`Entry`] is both in the hands of whoever reports.

use super::key::CacheKey;
use crate::model::{EndReason, FlowKey, FlowRecord, Handshake, Origin, Reverse, TcpFlags, Timestamp};
use std::time::Duration;

/// The place is taken.
const USED: u16 = 1;
/// TCP is over: FIN both ways, or RST.
const ENDED: u16 = 1 << 1;
/// The first packet was an answer, so far to nothing.
const HEADLESS: u16 = 1 << 2;
/// Aggregation has been told what became of the contact.
const TOLD_OUTCOME: u16 = 1 << 3;
/// End 1 made the contact.
const INITIATOR: u16 = 1 << 4;
/// The direction was ever seen; shifted by the sending end.
const SEEN: u16 = 1 << 5;
/// The direction was seen since the last Flow Record; shifted by the sending end.
const OPEN: u16 = 1 << 7;
/// Aggregation has been told that the flow began; shifted by the sending end.
const TOLD_FLOW: u16 = 1 << 9;

/// What is counted of one packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub key: CacheKey,
    pub hash: u64,
    pub at: Timestamp,
    pub bytes: u32,
    pub vlan: u16,
    pub tcp_flags: TcpFlags,
    /// Which end sent it.
    pub sender: u8,
    pub echo_reply: bool,
}

impl Arrival {
    #[inline]
    pub(super) fn sender(&self) -> usize {
        usize::from(self.sender & 1)
    }
}

/// Packets and octets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amount {
    pub packets: u64,
    pub bytes: u64,
}

/// What a packet touches. Fields are in the order of their use.
#[derive(Clone, Debug)]
#[repr(C, align(128))]
pub(super) struct Hot {
    key: CacheKey,
    /// By sending end: since aggregation was last told.
    packets: [u32; 2],
    bytes: [u64; 2],
    /// Newest packet of either direction.
    last: Timestamp,
    /// Start of the record that is being metered.
    start: Timestamp,
    state: u16,
    vlan: u16,
    /// By sending end: since the last Flow Record.
    flags: [TcpFlags; 2],
    /// By sending end: since the conversation began.
    ever: [TcpFlags; 2],
    /// By sending end: first and newest packet since the last Flow Record.
    first: [Timestamp; 2],
    newest: [Timestamp; 2],
}

const _: () = assert!(size_of::<Hot>() == 128, "an entry is two cache lines");

/// What only reports need.
#[derive(Clone, Debug)]
pub(super) struct Cold {
    /// By sending end: what aggregation has been told of since the last Flow Record.
    told: [Amount; 2],
    /// First packet of the conversation, for the outcome of the contact.
    pub(super) began: Timestamp,
}

impl Cold {
    pub(super) fn begin(first: &Arrival) -> Self {
        Self {
            told: [Amount::default(); 2],
            began: first.at,
        }
    }
}

impl Hot {
    /// An entry for the conversation that begins with `first`, which is not counted yet.
    pub(super) fn begin(first: &Arrival) -> Self {
        let (initiator, headless) = first_word(first);
        let state = USED | if initiator == 1 { INITIATOR } else { 0 } | if headless { HEADLESS } else { 0 };
        Self {
            key: first.key,
            packets: [0; 2],
            bytes: [0; 2],
            last: first.at,
            start: first.at,
            state,
            vlan: first.vlan,
            flags: [TcpFlags(0); 2],
            ever: [TcpFlags(0); 2],
            first: [Timestamp::default(); 2],
            newest: [Timestamp::default(); 2],
        }
    }

    /// Counts one packet.
    #[inline]
    pub(super) fn count(&mut self, arrival: &Arrival) {
        let (sender, at) = (arrival.sender(), arrival.at);
        let seen = (OPEN | SEEN) << sender;
        if self.state & seen != seen {
            if self.state & OPEN << sender == 0 {
                self.first[sender] = at;
                self.newest[sender] = at;
            }
            self.state |= seen;
        }
        self.packets[sender] += 1;
        self.bytes[sender] += u64::from(arrival.bytes);
        self.newest[sender] = self.newest[sender].max(at);
        self.last = self.last.max(at);
        if self.key.protocol() == FlowKey::TCP {
            let flags = arrival.tcp_flags;
            self.flags[sender].0 |= flags.0;
            self.ever[sender].0 |= flags.0;
            let over = flags.has(TcpFlags::RST) || self.ever.iter().all(|ever| ever.has(TcpFlags::FIN));
            self.state |= if over { ENDED } else { 0 };
        }
    }

    /// Whether something must be given out before `arrival` is counted; time-outs are in nanoseconds.
    #[inline]
    pub(super) fn must_turn(&self, arrival: &Arrival, idle: u64, active: u64) -> bool {
        // Without branches: none of it is true of nearly all packets.
        (elapsed(self.last, arrival.at) >= idle)
            | (elapsed(self.start, arrival.at) >= active)
            | self.ended()
            | self.is_full(arrival.sender())
    }

    /// Something of both cache lines.
    #[inline]
    pub(super) fn touch(&self) -> i64 {
        let [_, newest] = self.newest;
        (self.key.rest() as i64) ^ newest.as_nanos()
    }

    /// Whether the counter of end `sender` can hold no more before aggregation is told.
    #[inline]
    pub(super) fn is_full(&self, sender: usize) -> bool {
        self.packets[sender] == u32::MAX
    }

    /// The key; of a conversation that is over where the place is free.
    #[inline]
    pub(super) fn key(&self) -> &CacheKey {
        &self.key
    }

    /// Whether the place is taken by a conversation of `key`.
    #[inline]
    pub(super) fn is_of(&self, key: &CacheKey) -> bool {
        self.key.is(key) && self.is_used()
    }

    /// False for a free place.
    #[inline]
    pub(super) fn is_used(&self) -> bool {
        self.state & USED != 0
    }

    /// Frees the place.
    pub(super) fn free(&mut self) {
        self.state = 0;
    }

    /// TCP is over: FIN both ways, or RST.
    #[inline]
    pub(super) fn ended(&self) -> bool {
        self.state & ENDED != 0
    }

    /// Start of the record that is being metered.
    #[inline]
    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    /// Newest packet of either direction.
    #[inline]
    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    /// Whether a packet opens a new conversation on an old key: a fresh SYN after the end.
    #[inline]
    pub(super) fn is_over_for(&self, flags: TcpFlags) -> bool {
        self.ended() && flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK)
    }

    /// Which end made the contact.
    #[inline]
    pub(super) fn initiator(&self) -> usize {
        usize::from(self.state & INITIATOR != 0)
    }

    fn has(&self, what: u16, sender: usize) -> bool {
        self.state & what << sender != 0
    }
}

/// A conversation with all that is known of it.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub hot: &'a mut Hot,
    pub cold: &'a mut Cold,
}

impl Entry<'_> {
    /// Begins anew with `first`, which is not counted yet.
    pub(super) fn begin(&mut self, first: &Arrival) {
        *self.hot = Hot::begin(first);
        *self.cold = Cold::begin(first);
    }

    /// The packet that was just counted needs no telling.
    pub(super) fn keep_silent_of(&mut self, arrival: &Arrival) {
        let sender = arrival.sender();
        self.hot.packets[sender] -= 1;
        self.hot.bytes[sender] -= u64::from(arrival.bytes);
        self.cold.told[sender].packets += 1;
        self.cold.told[sender].bytes += u64::from(arrival.bytes);
    }

    /// What `sender` sent since it was last asked, and whether its flow is told of for the first time.
    pub(super) fn grown(&mut self, sender: usize) -> (Amount, bool) {
        let open = self.hot.has(OPEN, sender);
        if !open {
            return (Amount::default(), false);
        }
        let amount = Amount {
            packets: u64::from(std::mem::take(&mut self.hot.packets[sender])),
            bytes: std::mem::take(&mut self.hot.bytes[sender]),
        };
        let told = &mut self.cold.told[sender];
        told.packets += amount.packets;
        told.bytes += amount.bytes;
        let new = !self.hot.has(TOLD_FLOW, sender);
        self.hot.state |= TOLD_FLOW << sender;
        (amount, new)
    }

    /// What became of the contact, once: when `wait` has passed since it began, when it has ended, or as it stands
    /// when this is the `last` that will be asked.
    pub(super) fn outcome(&mut self, now: Timestamp, wait: Duration, last: bool) -> Option<Handshake> {
        if self.hot.state & TOLD_OUTCOME != 0 {
            return None;
        }
        let due = last || self.hot.ended() || now.since(self.cold.began) >= wait;
        due.then(|| {
            self.hot.state |= TOLD_OUTCOME;
            self.handshake()
        })
    }

    /// Of the record that is being metered.
    fn amount(&self, sender: usize) -> Amount {
        let told = &self.cold.told[sender];
        Amount {
            packets: told.packets + u64::from(self.hot.packets[sender]),
            bytes: told.bytes + self.hot.bytes[sender],
        }
    }

    /// What can be said of the contact so far.
    pub(super) fn handshake(&self) -> Handshake {
        let hot = &*self.hot;
        let (asked, answered) = (hot.initiator(), 1 - hot.initiator());
        if !hot.has(SEEN, asked) {
            return if hot.state & HEADLESS != 0 {
                Handshake::Unsolicited
            } else {
                Handshake::Unknown
            };
        }
        match hot.key.protocol() {
            FlowKey::TCP => self.tcp_handshake(asked, answered),
            FlowKey::ICMP | FlowKey::ICMPV6 if !hot.key.is_echo() => Handshake::Unknown,
            FlowKey::ICMP | FlowKey::ICMPV6 | FlowKey::UDP | FlowKey::SCTP => {
                if hot.has(SEEN, answered) {
                    Handshake::Answered
                } else if hot.key.address(answered).is_group() {
                    Handshake::Unknown
                } else {
                    Handshake::Unanswered
                }
            }
            _ => Handshake::Unknown,
        }
    }

    /// The outcome of a TCP contact of which packets of the asking side were seen.
    fn tcp_handshake(&self, asked: usize, answered: usize) -> Handshake {
        let [question, answer] = [self.hot.ever[asked], self.hot.ever[answered]];
        let only_reset = answer.has(TcpFlags::RST) && answer.0 & !(TcpFlags::RST | TcpFlags::ACK) == 0;
        let probe = !question.has(TcpFlags::ACK) || question.has(TcpFlags::SYN);
        match (self.hot.has(SEEN, answered), probe) {
            (true, _) if only_reset && (probe || self.amount(asked).packets <= 2) => Handshake::Refused,
            (true, _) => Handshake::Answered,
            (false, true) if question.has(TcpFlags::SYN | TcpFlags::ACK) => Handshake::Unknown,
            (false, true) => Handshake::Unanswered,
            (false, false) => Handshake::Unknown,
        }
    }

    /// Whether the initiator sent a SYN.
    pub(super) fn asked_with_syn(&self) -> bool {
        self.hot.ever[self.hot.initiator()].has(TcpFlags::SYN)
    }

    /// The Flow Records of the directions that were seen since the last report, the initiator's first.
    pub(super) fn records(&self, end_reason: EndReason) -> impl Iterator<Item = FlowRecord> + '_ {
        let initiator = self.hot.initiator();
        [initiator, 1 - initiator]
            .into_iter()
            .filter(|&sender| self.hot.has(OPEN, sender))
            .map(move |sender| self.record(sender, initiator, end_reason))
    }

    fn record(&self, sender: usize, initiator: usize, end_reason: EndReason) -> FlowRecord {
        let (hot, other) = (&*self.hot, 1 - sender);
        let (amount, back) = (self.amount(sender), self.amount(other));
        let reverse = Reverse {
            packets: back.packets,
            bytes: back.bytes,
            tcp_flags: hot.flags[other],
        };
        FlowRecord {
            key: hot.key.flow_key(sender, initiator),
            start: hot.first[sender],
            end: hot.newest[sender],
            packets: amount.packets,
            bytes: amount.bytes,
            tcp_flags: hot.flags[sender],
            end_reason,
            handshake: self.handshake(),
            initiator: sender == initiator,
            reverse: hot.has(OPEN, other).then_some(reverse),
            src_origin: Origin::default(),
            dst_origin: Origin::default(),
            vlan: hot.vlan,
            sampling_rate: 1,
            export: None,
        }
    }

    /// Starts the next record of the same conversation at `at`; aggregation has been told of all before.
    pub(super) fn restart(&mut self, at: Timestamp) {
        self.hot.start = at;
        self.hot.state &= !(OPEN | OPEN << 1);
        self.hot.flags = [TcpFlags(0); 2];
        self.cold.told = [Amount::default(); 2];
    }
}

/// What [`Timestamp::since`] gives, in nanoseconds.
#[inline]
pub(super) fn elapsed(earlier: Timestamp, at: Timestamp) -> u64 {
    at.as_nanos().saturating_sub(earlier.as_nanos()).max(0) as u64
}

/// Who made the contact that begins with `first`, and whether that packet is an answer without a question.
fn first_word(first: &Arrival) -> (usize, bool) {
    let (key, flags, sender) = (&first.key, first.tcp_flags, first.sender());
    match key.protocol() {
        FlowKey::TCP if flags.has(TcpFlags::SYN | TcpFlags::ACK) => (1 - sender, true),
        FlowKey::TCP if flags.has(TcpFlags::SYN) => (sender, false),
        FlowKey::TCP if flags.has(TcpFlags::RST) => (1 - sender, true),
        // Without an acknowledgement it is no part of a connection (NULL, FIN and Xmas probes).
        FlowKey::TCP if !flags.has(TcpFlags::ACK) => (sender, false),
        FlowKey::TCP => (key.service_end().map_or(sender, |service| 1 - service), false),
        FlowKey::UDP | FlowKey::SCTP if key.looks_like_reply(sender) => (1 - sender, true),
        FlowKey::ICMP | FlowKey::ICMPV6 if first.echo_reply => (1 - sender, true),
        _ => (sender, false),
    }
}
