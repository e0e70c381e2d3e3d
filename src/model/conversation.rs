//! Conversations: the finest Aggregated Flow (RFC 7015), from which every dimension is rolled up.

use super::{Ip, Origin};
use serde::{Deserialize, Serialize};

/// Which way a conversation's packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// From the side that made contact to the service.
    Request,
    /// From the service back.
    Reply,
}

/// The Flow Key of an Aggregated Flow: what its contributing flows have in common.
///
/// The client's ephemeral port is left out: a hundred connections of one client to one service are one
/// conversation with `flows` = 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConversationKey {
    /// Where the packets come from.
    pub src: Ip,
    /// Where they go.
    pub dst: Ip,
    /// The service's port: destination port of a request, source port of a reply. For ICMP type * 256 + code.
    pub port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// Direction.
    pub role: Role,
}

impl ConversationKey {
    /// The port the packets are sent to, where it is the service's; the client's port of a reply is not kept.
    pub fn dst_port(&self) -> Option<u16> {
        (self.role == Role::Request).then_some(self.port)
    }

    /// The other direction.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            src: self.dst,
            dst: self.src,
            role: match self.role {
                Role::Request => Role::Reply,
                Role::Reply => Role::Request,
            },
            ..*self
        }
    }

    /// The port the packets come from, where it is the service's.
    pub fn src_port(&self) -> Option<u16> {
        (self.role == Role::Reply).then_some(self.port)
    }
}

/// What is counted for a conversation or an entity over a stretch of time. Adding is commutative and saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Counters {
    /// Octets of the IP layer.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Flows that began.
    pub flows: u32,
    /// TCP flows that began with a SYN and saw no answer.
    pub syn_only: u32,
    /// Contacts that failed: refused or unanswered, SYN-only ones among them.
    pub failed: u32,
    /// Contacts that succeeded.
    pub answered: u32,
    /// Flows of answers without a question.
    pub unsolicited: u32,
    /// Packets that were looked at, of those that stand for others (sampling): what `packets` and `bytes` rest on. Where
    /// every packet was looked at, 0.
    pub sampled: u32,
}

impl Counters {
    /// Adds what `other` counted.
    #[inline]
    pub fn add(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.packets = self.packets.saturating_add(other.packets);
        self.flows = self.flows.saturating_add(other.flows);
        self.syn_only = self.syn_only.saturating_add(other.syn_only);
        self.failed = self.failed.saturating_add(other.failed);
        self.answered = self.answered.saturating_add(other.answered);
        self.unsolicited = self.unsolicited.saturating_add(other.unsolicited);
        self.sampled = self.sampled.saturating_add(other.sampled);
    }
}

/// One Aggregated Flow: a conversation and what was counted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conversation {
    /// What the contributing flows have in common.
    pub key: ConversationKey,
    /// Where the source belongs.
    pub src_origin: Origin,
    /// Where the destination belongs.
    pub dst_origin: Origin,
    /// What was counted.
    pub counters: Counters,
}
