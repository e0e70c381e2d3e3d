//! The key of a conversation: what both of its directions have in common, so that one look-up serves both.

use crate::model::{FlowKey, Ip};

/// ICMP echo request and reply, of both families, as `dst_port` carries them.
const ECHO: [(u8, u16, u16); 2] = [(FlowKey::ICMP, 0x0800, 0x0000), (FlowKey::ICMPV6, 0x8000, 0x8100)];

/// Both ends of a conversation. The one with the smaller (address, port) stands first; an ICMP echo reply is filed
/// under its request.
///
/// Words of 64 bits, because it shares a cache line with counters: 128-bit alignment would cost eight octets of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CacheKey {
    /// The upper and lower half of both addresses.
    ends: [[u64; 2]; 2],
    /// Both ports, then the protocol, from bit 24, 8 and 0 on.
    rest: u64,
}

impl CacheKey {
    /// The key of a packet, and which end (0 or 1) sent it.
    #[inline(always)]
    pub(super) fn of(key: &FlowKey) -> (Self, usize) {
        let (mut src_port, mut dst_port) = (key.src_port, key.dst_port);
        if matches!(key.protocol, FlowKey::ICMP | FlowKey::ICMPV6) {
            let question = ECHO
                .iter()
                .find(|(p, _, reply)| (*p, *reply) == (key.protocol, dst_port));
            dst_port = question.map_or(dst_port, |(_, request, _)| *request);
            // Type and code belong to the conversation, not to an end.
            src_port = dst_port;
        }
        let swap = (key.src, src_port) > (key.dst, dst_port);
        let (low, high) = if swap {
            (key.dst, key.src)
        } else {
            (key.src, key.dst)
        };
        let (first, second) = if swap {
            (dst_port, src_port)
        } else {
            (src_port, dst_port)
        };
        let rest = u64::from(first) << 24 | u64::from(second) << 8 | u64::from(key.protocol);
        (
            Self {
                ends: [halves(low), halves(high)],
                rest,
            },
            usize::from(swap),
        )
    }

    /// A hash of all fields, mixed by `state`'s seed.
    #[inline]
    pub(super) fn hash(&self, state: &foldhash::fast::FixedState) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = state.build_hasher();
        hasher.write_u128(self.address(0).bits());
        hasher.write_u128(self.address(1).bits());
        hasher.write_u64(self.rest);
        hasher.finish()
    }

    /// Whether both are the same, without a branch per field.
    #[inline]
    pub(super) fn is(&self, other: &Self) -> bool {
        let [[a, b], [c, d]] = self.ends;
        let [[e, f], [g, h]] = other.ends;
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) | (self.rest ^ other.rest) == 0
    }

    /// The address of an end.
    #[inline]
    pub(super) fn address(&self, end: usize) -> Ip {
        let [high, low] = self.ends[end];
        Ip::from_bits(u128::from(high) << 64 | u128::from(low))
    }

    #[inline]
    fn port(&self, end: usize) -> u16 {
        (self.rest >> (24 - 16 * end)) as u16
    }

    /// The IANA protocol number.
    #[inline]
    pub(super) fn protocol(&self) -> u8 {
        self.rest as u8
    }

    /// Ports and protocol in one word.
    #[inline]
    pub(super) fn rest(&self) -> u64 {
        self.rest
    }

    /// The Flow Key of packets that end `sender` sends, when `initiator` made the contact.
    pub(super) fn flow_key(&self, sender: usize, initiator: usize) -> FlowKey {
        let receiver = 1 - sender;
        let mut key = FlowKey {
            src: self.address(sender),
            dst: self.address(receiver),
            src_port: self.port(sender),
            dst_port: self.port(receiver),
            protocol: self.protocol(),
        };
        if matches!(key.protocol, FlowKey::ICMP | FlowKey::ICMPV6) {
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
    pub(super) fn service_end(&self) -> Option<usize> {
        let rank = |port: u16| (port >= 1024, port);
        match rank(self.port(0)).cmp(&rank(self.port(1))) {
            std::cmp::Ordering::Less => Some(0),
            std::cmp::Ordering::Greater => Some(1),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Whether `sender` answers from a service's port to a client's.
    pub(super) fn looks_like_reply(&self, sender: usize) -> bool {
        self.port(sender) < 1024 && self.port(1 - sender) >= 1024 && self.service_end() == Some(sender)
    }

    /// Whether it is of echo requests and replies.
    pub(super) fn is_echo(&self) -> bool {
        ECHO.iter()
            .any(|(p, request, _)| (*p, *request) == (self.protocol(), self.port(0)))
    }
}

#[inline]
fn halves(ip: Ip) -> [u64; 2] {
    [(ip.bits() >> 64) as u64, ip.bits() as u64]
}

/// Whether a packet of that Flow Key is an echo reply.
#[inline]
pub(super) fn is_echo_reply(key: &FlowKey) -> bool {
    ECHO.iter()
        .any(|(p, _, reply)| (*p, *reply) == (key.protocol, key.dst_port))
}
