//! What a Flow Record that an exporter told of counts, and for which conversation.

use super::judge::pairing;
use crate::model::{
    ConversationKey, Counters, Exported, FlowKey, FlowRecord, Handshake, Reverse, Role, TcpFlags,
};

/// firewallEvent "flow denied" (IANA, element 233).
const DENIED: u8 = 3;

/// How many packets one packet of a record stands for.
#[inline]
pub(super) fn scale_of(record: &FlowRecord, export: &Exported) -> u64 {
    if export.scaled {
        1
    } else {
        u64::from(record.sampling_rate.max(1))
    }
}

/// How many packets were looked at for those of a record; 0 where it was every one. An exporter that scales by itself
/// may round: it looked at one at least.
#[inline]
fn looked_at(packets: u64, sampling_rate: u32, scaled: bool) -> u32 {
    if sampling_rate <= 1 || packets == 0 {
        return 0;
    }
    let raw = if scaled {
        (packets / u64::from(sampling_rate)).max(1)
    } else {
        packets
    };
    u32::try_from(raw).unwrap_or(u32::MAX)
}

/// The conversation a record belongs to.
#[inline]
pub(super) fn conversation(record: &FlowRecord) -> ConversationKey {
    let FlowKey {
        src,
        dst,
        src_port,
        dst_port,
        protocol,
    } = record.key;
    let icmp = protocol == FlowKey::ICMP || protocol == FlowKey::ICMPV6;
    let (role, port) = match record.initiator {
        true => (Role::Request, dst_port),
        false if icmp => (Role::Reply, dst_port),
        false => (Role::Reply, src_port),
    };
    ConversationKey {
        src,
        dst,
        port,
        protocol,
        role,
    }
}

/// What a record counts, scaled. What waits for the other direction is marked: see `judge::pairing`.
#[inline]
pub(super) fn counters(record: &FlowRecord, scale: u64) -> Counters {
    let denied = record.export.is_some_and(|export| export.event == DENIED);
    if record.packets == 0 && record.bytes == 0 && !denied {
        return Counters::default();
    }
    let mut counters = Counters {
        bytes: record.bytes.saturating_mul(scale),
        packets: record.packets.saturating_mul(scale),
        flows: 1,
        sampled: looked_at(record.packets, record.sampling_rate, scale == 1),
        ..Counters::default()
    };
    // Sampled packets do not show whether a SYN was answered, nor whether an answer was asked for.
    let seen = record.sampling_rate <= 1;
    if record.initiator && (record.key.protocol == FlowKey::TCP || denied) {
        match record.handshake {
            Handshake::Answered => counters.answered = u32::from(seen),
            Handshake::Unanswered | Handshake::Refused => {
                counters.failed = u32::from(seen);
                let syn = record.handshake == Handshake::Unanswered && record.tcp_flags.has(TcpFlags::SYN);
                counters.syn_only = u32::from(seen && syn);
            }
            Handshake::Unknown | Handshake::Unsolicited => counters.failed = u32::from(denied),
        }
    }
    if seen && counters.failed == 0 {
        pairing::mark(record, &mut counters);
    }
    counters
}

pub(super) fn reverse_counters(reverse: &Reverse, sampling_rate: u32, scale: u64) -> Counters {
    Counters {
        bytes: reverse.bytes.saturating_mul(scale),
        packets: reverse.packets.saturating_mul(scale),
        flows: u32::from(reverse.packets > 0 || reverse.bytes > 0),
        sampled: looked_at(reverse.packets, sampling_rate, scale == 1),
        ..Counters::default()
    }
}
