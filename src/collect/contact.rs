//! Who began, and what became of it, inferred from one record: exporters send what they saw in one direction, without
//! saying which side asked.

use crate::model::{FlowKey, FlowRecord, Handshake, TcpFlags};

/// What a record says beyond the Flow Record it became.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    /// Whether it has TCP flags at all.
    pub flags: bool,
    /// Whether it has counters of the reverse direction, be they zero.
    pub both_ways: bool,
    /// biflowDirection (RFC 5103 section 6.3): 1 the source began, 2 the destination; 0 where not said.
    pub biflow_direction: u8,
}

/// Sets `initiator` and `handshake` of a record whose other fields are set.
///
/// Records of both directions name the initiator as their source, unless they say otherwise (RFC 5103 section 6.3).
/// Of others the TCP flags tell, where they are unambiguous, then the ICMP type, then the ports.
#[inline]
pub fn infer(record: &mut FlowRecord, hints: Hints) {
    let (initiator, handshake) = if hints.both_ways {
        (hints.biflow_direction != 2, both_ways(record))
    } else {
        match record.key.protocol {
            FlowKey::TCP if hints.flags => tcp(record),
            FlowKey::ICMP | FlowKey::ICMPV6 => (asks(&record.key), Handshake::Unknown),
            _ => (by_ports(&record.key), Handshake::Unknown),
        }
    };
    record.initiator = match hints.biflow_direction {
        1 => true,
        2 => false,
        _ => initiator,
    };
    record.handshake = handshake;
}

/// Few packets of the answering side that end a contact are a refusal (packets).
const REFUSAL: u64 = 2;
/// So many packets with SYN and ACK alone are no conversation yet (packets).
const OPENING: u64 = 3;

/// By the union of the flags of one direction.
fn tcp(record: &FlowRecord) -> (bool, Handshake) {
    let flags = record.tcp_flags.0;
    let (syn, ack) = (flags & TcpFlags::SYN != 0, flags & TcpFlags::ACK != 0);
    let (rst, fin) = (flags & TcpFlags::RST != 0, flags & TcpFlags::FIN != 0);
    let pushed = flags & TcpFlags::PSH != 0;
    match (syn, ack) {
        (true, false) if !rst && !fin => (true, Handshake::Unanswered),
        // Every packet of the answering side has ACK.
        (true, false) => (true, Handshake::Unknown),
        (false, _) if rst && !fin && !pushed && record.packets <= REFUSAL && !is_client(&record.key) => {
            (false, Handshake::Refused)
        }
        // Could be the answer to a forged SYN, so nothing is said.
        (true, true) if !rst && !fin && !pushed && record.packets <= OPENING => (false, Handshake::Unknown),
        (true, true) => (by_ports(&record.key), Handshake::Answered),
        // FIN and Xmas probes: whatever belongs to a connection has ACK.
        (false, false) if !rst && flags != 0 => (true, Handshake::Unanswered),
        (false, _) => (by_ports(&record.key), Handshake::Unknown),
    }
}

/// By what came back.
fn both_ways(record: &FlowRecord) -> Handshake {
    match record.reverse {
        Some(reverse) => {
            let flags = reverse.tcp_flags.0;
            let refused = flags & TcpFlags::RST != 0 && flags & (TcpFlags::SYN | TcpFlags::FIN) == 0;
            if record.key.protocol == FlowKey::TCP && refused && reverse.packets <= REFUSAL {
                Handshake::Refused
            } else {
                Handshake::Answered
            }
        }
        // Events say that something happened, not that nothing came back.
        None if record.packets == 0 && record.bytes == 0 => Handshake::Unknown,
        None if record.export.is_some_and(|export| export.event != 0) => Handshake::Unknown,
        None => Handshake::Unanswered,
    }
}

/// Ports from which on systems choose their own (the lowest of the usual ranges of ephemeral ports).
const EPHEMERAL: u16 = 32768;

/// Whether the source began, by ports: the lower one is the service's. Where they say nothing, the source did.
fn by_ports(key: &FlowKey) -> bool {
    let both_high = key.src_port >= EPHEMERAL && key.dst_port >= EPHEMERAL;
    both_high || key.src_port >= key.dst_port
}

/// Whether the source is the side that asked without any doubt: a client's port towards a service's.
fn is_client(key: &FlowKey) -> bool {
    key.src_port >= EPHEMERAL && key.dst_port < EPHEMERAL
}

/// Whether an ICMP message is one that asks: all are but replies and errors (RFC 792, RFC 4443). ICMPv6 has no type 0:
/// there nothing is said.
fn asks(key: &FlowKey) -> bool {
    let kind = key.dst_port >> 8;
    if key.protocol == FlowKey::ICMPV6 {
        !matches!(kind, 1..=4 | 129)
    } else {
        !matches!(kind, 0 | 3 | 4 | 5 | 11 | 12 | 14 | 16 | 18)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ip, Reverse};

    fn inferred(record: &FlowRecord, hints: Hints) -> String {
        let mut record = record.clone();
        infer(&mut record, hints);
        format!(
            "{} {:?}",
            if record.initiator { "began" } else { "replied" },
            record.handshake
        )
    }

    fn record(protocol: u8, ports: (u16, u16), flags: u8, packets: u64) -> FlowRecord {
        FlowRecord {
            key: FlowKey {
                src: Ip::v4(1),
                dst: Ip::v4(2),
                src_port: ports.0,
                dst_port: ports.1,
                protocol,
            },
            tcp_flags: TcpFlags(flags),
            packets,
            bytes: packets * 40,
            ..FlowRecord::unknown()
        }
    }

    #[test]
    fn tcp_flags_tell_who_began_and_what_became_of_it() {
        let flags = Hints {
            flags: true,
            ..Hints::default()
        };
        for (ports, seen, packets, said) in [
            ((40000, 443), 0x02, 3, "began Unanswered"),
            ((443, 40000), 0x14, 1, "replied Refused"),
            ((443, 40000), 0x12, 2, "replied Unknown"),
            ((443, 40000), 0x1b, 9, "replied Answered"),
            ((40000, 443), 0x1b, 9, "began Answered"),
            ((40000, 443), 0x06, 2, "began Unknown"),
            ((40000, 443), 0x18, 9, "began Unknown"),
            ((40000, 443), 0x14, 9, "began Unknown"),
            ((40000, 443), 0x04, 1, "began Unknown"),
            ((50000, 40000), 0x14, 1, "replied Refused"),
            ((40000, 443), 0, 9, "began Unknown"),
            ((443, 40000), 0x29, 1, "began Unanswered"),
            ((443, 40000), 0x01, 1, "began Unanswered"),
        ] {
            let record = record(6, ports, seen, packets);
            assert_eq!(inferred(&record, flags), said, "{ports:?} {seen:#x} {packets}");
        }
        let record = record(6, (443, 40000), 0x02, 1);
        assert_eq!(
            inferred(&record, Hints::default()),
            "replied Unknown",
            "no flags said"
        );
    }

    #[test]
    fn ports_tell_where_flags_do_not() {
        for (ports, said) in [
            ((53, 40000), "replied Unknown"),
            ((40000, 53), "began Unknown"),
            ((123, 123), "began Unknown"),
            ((40000, 50000), "began Unknown"),
            ((30000, 50000), "replied Unknown"),
            ((0, 0), "began Unknown"),
        ] {
            assert_eq!(
                inferred(&record(17, ports, 0, 1), Hints::default()),
                said,
                "{ports:?}"
            );
        }
    }

    #[test]
    fn icmp_types_tell_questions_from_replies_and_errors() {
        for (protocol, kind, said) in [
            (1, 8, "began Unknown"),
            (1, 0, "replied Unknown"),
            (1, 3, "replied Unknown"),
            (58, 128, "began Unknown"),
            (58, 129, "replied Unknown"),
            (58, 0, "began Unknown"),
            (58, 135, "began Unknown"),
        ] {
            let record = record(protocol, (0, kind << 8), 0, 1);
            assert_eq!(inferred(&record, Hints::default()), said, "{protocol} {kind}");
        }
    }

    #[test]
    fn what_came_back_tells_most() {
        let both = |biflow_direction| Hints {
            flags: true,
            both_ways: true,
            biflow_direction,
        };
        let reverse = |packets, flags| {
            Some(Reverse {
                packets,
                bytes: packets * 40,
                tcp_flags: TcpFlags(flags),
            })
        };
        let record = |reverse| FlowRecord {
            reverse,
            ..record(6, (443, 40000), 0x02, 1)
        };
        assert_eq!(inferred(&record(reverse(3, 0x12)), both(0)), "began Answered");
        assert_eq!(inferred(&record(reverse(3, 0x12)), both(2)), "replied Answered");
        assert_eq!(inferred(&record(reverse(1, 0x14)), both(1)), "began Refused");
        assert_eq!(inferred(&record(None), both(0)), "began Unanswered");
    }
}
