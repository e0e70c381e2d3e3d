//! One entry of the flow cache: both directions of a conversation under one key, and what became of the contact.

use crate::model::{EndReason, FlowKey, FlowRecord, Handshake, Ip, Origin, Reverse, TcpFlags, Timestamp};
use crate::wire::Packet;
use std::time::Duration;

/// ICMP echo request and reply, of both families, as `dst_port` carries them.
const ECHO: [(u8, u16, u16); 2] = [(FlowKey::ICMP, 0x0800, 0x0000), (FlowKey::ICMPV6, 0x8000, 0x8100)];

/// What the two directions of a conversation have in common, so that one look-up serves both.
///
/// The end with the smaller (address, port) stands first; an ICMP echo reply is filed under its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CacheKey {
    ends: [Ip; 2],
    ports: [u16; 2],
    protocol: u8,
}

impl CacheKey {
    /// The key of a packet, and which end (0 or 1) sent it.
    #[inline]
    pub(super) fn of(key: &FlowKey) -> (Self, usize) {
        let mut key = *key;
        if matches!(key.protocol, FlowKey::ICMP | FlowKey::ICMPV6) {
            let question = ECHO
                .iter()
                .find(|(p, _, reply)| (*p, *reply) == (key.protocol, key.dst_port));
            key.dst_port = question.map_or(key.dst_port, |(_, request, _)| *request);
            // Type and code belong to the conversation, not to an end.
            key.src_port = key.dst_port;
        }
        let (a, b) = ((key.src, key.src_port), (key.dst, key.dst_port));
        let sender = usize::from(a > b);
        let (low, high) = if sender == 0 { (a, b) } else { (b, a) };
        (
            Self {
                ends: [low.0, high.0],
                ports: [low.1, high.1],
                protocol: key.protocol,
            },
            sender,
        )
    }

    /// A hash of all fields, mixed by `hasher`'s seed.
    #[inline]
    pub(super) fn hash(&self, state: &foldhash::fast::FixedState) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = state.build_hasher();
        hasher.write_u128(self.ends[0].bits());
        hasher.write_u128(self.ends[1].bits());
        hasher.write_u64(
            u64::from(self.ports[0]) << 24 | u64::from(self.ports[1]) << 8 | u64::from(self.protocol),
        );
        hasher.finish()
    }

    /// The Flow Key of packets that end `sender` sends, when `initiator` made the contact.
    pub(super) fn flow_key(&self, sender: usize, initiator: usize) -> FlowKey {
        let receiver = 1 - sender;
        let mut key = FlowKey {
            src: self.ends[sender],
            dst: self.ends[receiver],
            src_port: self.ports[sender],
            dst_port: self.ports[receiver],
            protocol: self.protocol,
        };
        if matches!(self.protocol, FlowKey::ICMP | FlowKey::ICMPV6) {
            key.src_port = 0;
            let echo = ECHO
                .iter()
                .find(|(p, request, _)| (*p, *request) == (key.protocol, key.dst_port));
            if let (Some((_, _, reply)), true) = (echo, sender != initiator) {
                key.dst_port = *reply;
            }
        }
        key
    }

    /// The end whose port looks like a service's: below 1024 before above, then the smaller; `None` when equal.
    fn service_end(&self) -> Option<usize> {
        let rank = |port: u16| (port >= 1024, port);
        match rank(self.ports[0]).cmp(&rank(self.ports[1])) {
            std::cmp::Ordering::Less => Some(0),
            std::cmp::Ordering::Greater => Some(1),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Whether `sender` answers from a service's port to a client's.
    fn looks_like_reply(&self, sender: usize) -> bool {
        self.ports[sender] < 1024 && self.ports[1 - sender] >= 1024 && self.service_end() == Some(sender)
    }

    /// The IANA protocol number.
    pub(super) fn protocol(&self) -> u8 {
        self.protocol
    }
}

/// One direction of an entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    /// Since the last Flow Record.
    pub packets: u64,
    /// Since the last Flow Record, octets of the IP layer.
    pub bytes: u64,
    /// Of `packets`, those already handed on to aggregation.
    pub told_packets: u64,
    /// Of `bytes`, those already handed on to aggregation.
    pub told_bytes: u64,
    start: Timestamp,
    last: Timestamp,
    /// Since the last Flow Record.
    flags: TcpFlags,
    /// Since the conversation began.
    ever: TcpFlags,
    /// Whether the direction was ever seen.
    seen: bool,
    /// Whether aggregation has been told that the flow began.
    pub told_flow: bool,
}

/// Both directions of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: CacheKey,
    pub sides: [Side; 2],
    /// Start of the record that is being metered.
    start: Timestamp,
    /// Newest packet of either direction.
    last: Timestamp,
    /// First packet of the conversation, for the outcome of the contact.
    began: Timestamp,
    vlan: u16,
    initiator: u8,
    /// The first packet was an answer, so far to nothing.
    headless: bool,
    /// TCP is over: FIN both ways, or RST.
    pub ended: bool,
    /// Whether aggregation has been told what became of the contact.
    pub told_outcome: bool,
    /// False for a free slot.
    pub used: bool,
}

impl Entry {
    /// An entry for a conversation that begins with `packet`, sent by end `sender`.
    pub(super) fn begin(key: CacheKey, sender: usize, at: Timestamp, packet: &Packet<'_>) -> Self {
        let (initiator, headless) = first_word(&key, sender, packet);
        Self {
            key,
            sides: [Side::default(); 2],
            start: at,
            last: at,
            began: at,
            vlan: packet.vlan,
            initiator: initiator as u8,
            headless,
            ended: false,
            told_outcome: false,
            used: true,
        }
    }

    /// Counts one packet.
    #[inline]
    pub(super) fn count(&mut self, sender: usize, at: Timestamp, packet: &Packet<'_>) {
        let side = &mut self.sides[sender];
        if side.packets == 0 {
            side.start = at;
            side.last = at;
        }
        side.packets += 1;
        side.bytes += u64::from(packet.bytes);
        side.seen = true;
        side.last = side.last.max(at);
        self.last = self.last.max(at);
        if self.key.protocol == FlowKey::TCP {
            side.flags.0 |= packet.tcp_flags.0;
            side.ever.0 |= packet.tcp_flags.0;
            self.ended |= packet.tcp_flags.has(TcpFlags::RST)
                || (self.sides[0].ever.has(TcpFlags::FIN) && self.sides[1].ever.has(TcpFlags::FIN));
        }
    }

    /// Which end made the contact.
    pub(super) fn initiator(&self) -> usize {
        usize::from(self.initiator)
    }

    /// Start of the record that is being metered.
    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    /// Newest packet of either direction.
    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    /// Whether a packet at `at` opens a new conversation on an old key: a fresh SYN after the end.
    pub(super) fn is_over_for(&self, packet: &Packet<'_>) -> bool {
        self.ended && packet.tcp_flags.has(TcpFlags::SYN) && !packet.tcp_flags.has(TcpFlags::ACK)
    }

    /// What became of the contact, once `wait` has passed since it began (or at the end).
    pub(super) fn outcome(&self, now: Timestamp, wait: Duration) -> Option<Handshake> {
        (self.ended || now.since(self.began) >= wait).then(|| self.handshake())
    }

    /// What can be said of the contact so far.
    pub(super) fn handshake(&self) -> Handshake {
        let asked = &self.sides[self.initiator()];
        let answered = &self.sides[1 - self.initiator()];
        if !asked.seen {
            return if self.headless {
                Handshake::Unsolicited
            } else {
                Handshake::Unknown
            };
        }
        match self.key.protocol {
            FlowKey::TCP => tcp_handshake(asked, answered),
            FlowKey::ICMP | FlowKey::ICMPV6 if !self.is_echo() => Handshake::Unknown,
            FlowKey::ICMP | FlowKey::ICMPV6 | FlowKey::UDP | FlowKey::SCTP => {
                if answered.seen {
                    Handshake::Answered
                } else if self.key.ends[1 - self.initiator()].is_group() {
                    Handshake::Unknown
                } else {
                    Handshake::Unanswered
                }
            }
            _ => Handshake::Unknown,
        }
    }

    /// Whether the initiator sent a SYN.
    pub(super) fn asked_with_syn(&self) -> bool {
        self.sides[self.initiator()].ever.has(TcpFlags::SYN)
    }

    fn is_echo(&self) -> bool {
        ECHO.iter()
            .any(|(p, request, _)| (*p, *request) == (self.key.protocol, self.key.ports[0]))
    }

    /// The Flow Records of the directions that were seen since the last report, the initiator's first.
    pub(super) fn records(&self, end_reason: EndReason) -> impl Iterator<Item = FlowRecord> + '_ {
        let initiator = self.initiator();
        [initiator, 1 - initiator]
            .into_iter()
            .filter(|&s| self.sides[s].packets > 0)
            .map(move |sender| {
                let (side, other) = (&self.sides[sender], &self.sides[1 - sender]);
                let reverse = Reverse {
                    packets: other.packets,
                    bytes: other.bytes,
                    tcp_flags: other.flags,
                };
                FlowRecord {
                    key: self.key.flow_key(sender, initiator),
                    start: side.start,
                    end: side.last,
                    packets: side.packets,
                    bytes: side.bytes,
                    tcp_flags: side.flags,
                    end_reason,
                    handshake: self.handshake(),
                    initiator: sender == initiator,
                    reverse: (other.packets > 0).then_some(reverse),
                    src_origin: Origin::default(),
                    dst_origin: Origin::default(),
                    vlan: self.vlan,
                    sampling_rate: 1,
                }
            })
    }

    /// Starts the next record of the same conversation at `at`.
    pub(super) fn restart(&mut self, at: Timestamp) {
        self.start = at;
        for side in &mut self.sides {
            *side = Side {
                ever: side.ever,
                seen: side.seen,
                told_flow: side.told_flow,
                ..Side::default()
            };
        }
    }
}

/// Who made the contact that begins with `packet`, and whether that packet is an answer without a question.
fn first_word(key: &CacheKey, sender: usize, packet: &Packet<'_>) -> (usize, bool) {
    let flags = packet.tcp_flags;
    match key.protocol {
        FlowKey::TCP if flags.has(TcpFlags::SYN | TcpFlags::ACK) => (1 - sender, true),
        FlowKey::TCP if flags.has(TcpFlags::SYN) => (sender, false),
        FlowKey::TCP if flags.has(TcpFlags::RST) => (1 - sender, true),
        // Without an acknowledgement it is no part of a connection (NULL, FIN and Xmas probes).
        FlowKey::TCP if !flags.has(TcpFlags::ACK) => (sender, false),
        FlowKey::TCP => (key.service_end().map_or(sender, |service| 1 - service), false),
        FlowKey::UDP | FlowKey::SCTP if key.looks_like_reply(sender) => (1 - sender, true),
        FlowKey::ICMP | FlowKey::ICMPV6 => {
            let reply = ECHO
                .iter()
                .any(|(p, _, r)| (*p, *r) == (packet.key.protocol, packet.key.dst_port));
            (if reply { 1 - sender } else { sender }, reply)
        }
        _ => (sender, false),
    }
}

/// The outcome of a TCP contact of which packets of the asking side were seen.
fn tcp_handshake(asked: &Side, answered: &Side) -> Handshake {
    let only_reset =
        answered.ever.has(TcpFlags::RST) && answered.ever.0 & !(TcpFlags::RST | TcpFlags::ACK) == 0;
    let probe = !asked.ever.has(TcpFlags::ACK) || asked.ever.has(TcpFlags::SYN);
    match (answered.seen, probe) {
        (true, _) if only_reset && (probe || asked.packets <= 2) => Handshake::Refused,
        (true, _) => Handshake::Answered,
        (false, true) if asked.ever.has(TcpFlags::SYN | TcpFlags::ACK) => Handshake::Unknown,
        (false, true) => Handshake::Unanswered,
        (false, false) => Handshake::Unknown,
    }
}
