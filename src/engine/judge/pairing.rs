//! What became of contacts whose two directions were told of apart: questions without an answer, answers without a
//! question, probes that were refused.
//!
//! An exporter of one-directional records does not know the other direction. What waits for it is marked where
//! records are counted ([`mark`]), taken out again when the tick is judged ([`Apart::take`]) and decided there, with
//! all of the interval's conversations at hand. Marks of records that are sampled or wholly late do not get here.

use super::Judge;
use crate::aggregate::{Conversations, network_of};
use crate::anomaly::reflects;
use crate::model::{
    Conversation, ConversationKey, Counters, FlowKey, FlowRecord, Handshake, Ip, Role, TcpFlags,
};

/// Ports from which clients choose theirs (Linux; RFC 6335 begins at 49152): which side is the service is a guess there.
const EPHEMERAL: u16 = 32_768;
/// Ports that only services have (RFC 6335).
const SYSTEM: u16 = 1024;
/// Probes have few packets.
const PROBE: u64 = 2;
/// Type * 256 of echo requests and replies (RFC 792, RFC 4443), by protocol.
const ECHO: [(u8, u16, u16); 2] = [(FlowKey::ICMP, 8 << 8, 0), (FlowKey::ICMPV6, 128 << 8, 129 << 8)];
/// The other direction is looked for only where at least this share of those who ask get an answer: some exporters
/// see one direction.
const ANSWERED: f64 = 0.2;
/// Ticks with questions after which the share is believed.
const ENOUGH: f64 = 6.0;
/// Ticks over which it is taken. Three hours of ten seconds: an attack of half an hour does not turn it over.
const REMEMBERED: f64 = 1080.0;

/// Marks what waits for the other direction: `unsolicited` are flows to look for the other direction of, and `failed`
/// of an answering side are contacts it refused.
#[inline]
pub(in super::super) fn mark(record: &FlowRecord, counters: &mut Counters) {
    if record.reverse.is_some() {
        return;
    }
    let key = &record.key;
    let waits = match (key.protocol, record.initiator) {
        (FlowKey::UDP, true) => key.dst_port < EPHEMERAL && !is_everybody(key.dst),
        (FlowKey::UDP, false) => (key.src_port < SYSTEM && key.dst_port >= SYSTEM) || reflects(key.src_port),
        // NULL probes, and SYNs that are taken back at once; of exporters that know no flags everything is one, so
        // they are none unless refused.
        (FlowKey::TCP, true) => {
            let probes = !record.tcp_flags.has(TcpFlags::ACK) && record.packets <= PROBE;
            record.handshake == Handshake::Unknown && probes
        }
        (FlowKey::TCP, false) => {
            counters.failed = u32::from(record.handshake == Handshake::Refused);
            counters.failed > 0 || record.tcp_flags.has(TcpFlags::SYN | TcpFlags::ACK)
        }
        (protocol, true) => ECHO
            .iter()
            .any(|echo| (echo.0, echo.1) == (protocol, key.dst_port)),
        _ => false,
    };
    counters.unsolicited = u32::from(waits);
}

/// What is counted of a conversation without its marks.
#[inline]
pub(in super::super) fn unmarked(key: &ConversationKey, counters: Counters) -> Counters {
    Counters {
        unsolicited: 0,
        failed: if key.role == Role::Reply {
            0
        } else {
            counters.failed
        },
        ..counters
    }
}

/// What a tick told of one direction only.
#[derive(Debug, Default)]
pub(super) struct Apart {
    questions: Vec<Conversation>,
    answers: Vec<Conversation>,
}

impl Apart {
    /// Takes the marked out of a tick of flow export, and the marks.
    pub(super) fn take(&mut self, exported: &mut Conversations) {
        exported.amend(|row| {
            if row.counters.unsolicited == 0 {
                return None;
            }
            match row.key.role {
                Role::Request => self.questions.push(*row),
                Role::Reply => self.answers.push(*row),
            }
            Some(unmarked(&row.key, row.counters))
        });
    }

    /// Octets it occupies.
    pub(super) fn memory(&self) -> usize {
        (self.questions.capacity() + self.answers.capacity()) * size_of::<Conversation>()
    }

    /// Every conversation once, in order, whoever told of it.
    fn settle(&mut self) {
        for rows in [&mut self.questions, &mut self.answers] {
            rows.sort_unstable_by_key(|row| row.key);
            rows.dedup_by(|other, first| {
                let same = other.key == first.key;
                if same {
                    first.counters.add(&other.counters);
                }
                same
            });
        }
    }

    /// How many contacts of a conversation its other side refused in this tick.
    fn refused(&self, question: &ConversationKey) -> u32 {
        let answer = reversed(question);
        let at = self.answers.binary_search_by_key(&answer, |row| row.key);
        let row = at.ok().and_then(|at| self.answers.get(at));
        row.map_or(0, |row| row.counters.failed)
    }

    /// Of those who asked over UDP, the share that got an answer to anything; none where nobody did.
    ///
    /// Everybody has one voice: neither a scan of ours nor a flood counts for more. What comes in from outside has
    /// none, for there are as many forged sources as one likes.
    fn share(&self, is_answered: impl Fn(&Conversation) -> bool) -> Option<f64> {
        let mut voices = (0.0, 0.0);
        for asked in self.questions.chunk_by(|a, b| a.key.src == b.key.src) {
            let mut asked = asked
                .iter()
                .filter(|row| is_datagram(row) && !comes_in(row))
                .peekable();
            if asked.peek().is_some() {
                voices.0 += 1.0;
                voices.1 += f64::from(u8::from(asked.any(&is_answered)));
            }
        }
        (voices.0 > 0.0).then(|| voices.1 / voices.0)
    }
}

/// Whether both directions are seen, by what became of questions, and what was asked in the interval before.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    ticks: f64,
    share: f64,
    /// Hashes of what was asked in the interval before, in order.
    before: Vec<u64>,
    /// Flow export came since.
    in_use: bool,
}

impl Pairing {
    /// One tick, one voice.
    fn learn(&mut self, share: f64) {
        self.ticks = (self.ticks + 1.0).min(REMEMBERED);
        self.share += (share - self.share) / self.ticks;
    }

    /// Whether the other direction can be expected at all.
    fn is_expected(&self) -> bool {
        self.ticks >= ENOUGH && self.share >= ANSWERED
    }

    /// Octets it occupies.
    pub(super) fn memory(&self) -> usize {
        self.before.capacity() * size_of::<u64>()
    }
}

impl Judge {
    /// Decides what became of what this tick told of one direction only, and empties `apart`.
    pub(super) fn pair(&mut self, apart: &mut Apart) {
        if apart.questions.is_empty() && apart.answers.is_empty() {
            return;
        }
        self.pairing.in_use = true;
        apart.settle();
        if let Some(share) = apart.share(|row| self.is_answered(row)) {
            self.pairing.learn(share);
        }
        let most = apart.questions.len() + apart.answers.len();
        let mut known = Conversations::new(most, self.config.metering.seed);
        let mut tell = |row: &Conversation, outcome: Counters| {
            if outcome != Counters::default() {
                known.add(&row.key, &outcome, || (row.src_origin, row.dst_origin));
            }
        };
        for row in &apart.questions {
            tell(row, self.outcome(row, apart));
        }
        for row in apart.answers.iter().filter(|row| self.is_unsolicited(row)) {
            let unsolicited = row.counters.unsolicited;
            tell(
                row,
                Counters {
                    unsolicited,
                    ..Counters::default()
                },
            );
        }
        self.roll_up(&mut known);
        apart.questions.clear();
        apart.answers.clear();
    }

    /// Keeps what was asked in the interval that closes: its answer may come in the next.
    pub(super) fn remember_questions(&mut self) {
        let mut before = std::mem::take(&mut self.pairing.before);
        before.clear();
        if std::mem::take(&mut self.pairing.in_use) {
            let asked = self
                .table
                .rows()
                .iter()
                .filter(|row| row.key.role == Role::Request);
            before.extend(asked.map(|row| self.table.hash(&row.key)));
            before.sort_unstable();
        }
        self.pairing.before = before;
    }

    /// What became of a question.
    fn outcome(&self, row: &Conversation, apart: &Apart) -> Counters {
        let flows = row.counters.unsolicited;
        let (answered, failed) = match row.key.protocol != FlowKey::TCP {
            false => (0, flows.min(apart.refused(&row.key))),
            true if !self.pairing.is_expected() => (0, 0),
            true if self.is_answered(row) => (flows, 0),
            true => (0, flows),
        };
        Counters {
            answered,
            failed,
            ..Counters::default()
        }
    }

    fn is_answered(&self, row: &Conversation) -> bool {
        self.table.contains(&reversed(&row.key))
            || is_datagram(row) && self.table.contains(&asked_back(&row.key))
    }

    /// Whether nobody asked for an answer: neither in this interval nor in the one before.
    fn is_unsolicited(&self, row: &Conversation) -> bool {
        // Hosts of one network answer what was asked of all of them.
        let to_all =
            row.src_origin.internal && row.dst_origin.internal && is_datagram(row) && row.key.port >= SYSTEM;
        let folded = [(row.key.src, row.src_origin), (row.key.dst, row.dst_origin)];
        let folded = folded
            .iter()
            .any(|(ip, origin)| !origin.internal && network_of(*ip) == *ip);
        self.pairing.is_expected()
            && !to_all
            && !folded
            && !is_everybody(row.key.dst)
            && !self.was_asked(&reversed(&row.key))
    }

    fn was_asked(&self, question: &ConversationKey) -> bool {
        let asked = |key: &ConversationKey| {
            let before = &self.pairing.before;
            self.table.contains(key) || before.binary_search(&self.table.hash(key)).is_ok()
        };
        // For lack of room it may be counted as its network's.
        let of_network = ConversationKey {
            dst: network_of(question.dst),
            ..*question
        };
        asked(question) || (self.table.folded() > 0 && asked(&of_network))
    }
}

/// Whether nobody in particular is addressed. The last address of a /24 is nearly always that of a broadcast.
fn is_everybody(ip: Ip) -> bool {
    ip.is_special() || ip.as_v4().is_some_and(|bits| bits & 0xff == 0xff)
}

fn is_datagram(row: &Conversation) -> bool {
    row.key.protocol == FlowKey::UDP
}

fn comes_in(row: &Conversation) -> bool {
    !row.src_origin.internal && row.dst_origin.internal
}

/// The question the other way on the same port: where both sides use the port of the service (NTP among servers, IKE), each
/// answer looks like one.
fn asked_back(key: &ConversationKey) -> ConversationKey {
    ConversationKey {
        src: key.dst,
        dst: key.src,
        ..*key
    }
}

fn reversed(key: &ConversationKey) -> ConversationKey {
    let echo = ECHO.iter().find(|(protocol, request, reply)| {
        *protocol == key.protocol
            && key.port
                == if key.role == Role::Request {
                    *request
                } else {
                    *reply
                }
    });
    let port = echo.map_or(key.port, |(_, request, reply)| match key.role {
        Role::Request => *reply,
        Role::Reply => *request,
    });
    ConversationKey {
        port,
        ..key.reversed()
    }
}

#[cfg(test)]
mod tests;
