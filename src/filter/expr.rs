//! The expression tree a filter is read into, in a form that is quick to evaluate and has one way to be printed.

use crate::model::{Country, Networks, Prefix, Role};

/// Which side of a flow a test looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Side {
    /// The source.
    Src,
    /// The destination.
    Dst,
    /// One of them is enough.
    #[default]
    Either,
    /// Both of them.
    Both,
}

/// How an amount is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `>`
    More,
    /// `<`
    Less,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `=` or `==`
    Equal,
    /// `!=`
    Unequal,
}

/// What is counted or measured of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// Packets.
    Packets,
    /// Octets of the IP layer.
    Bytes,
    /// Flows.
    Flows,
    /// Time from first to last packet, in nanoseconds.
    Duration,
    /// Octets per packet.
    BytesPerPacket,
    /// Packets per second of the duration.
    PacketRate,
    /// Bits per second of the duration.
    BitRate,
}

/// What became of the contact (RFC 7011 has no word for it; Jung et al. 2004, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Refused or left unanswered.
    Failed,
    /// The other side took part.
    Answered,
    /// An answer to no question.
    Unsolicited,
}

/// A filter as a tree. `All` and `Any` hold at least two parts and none of their own kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// Everything.
    Any,
    /// All parts must match.
    All(Vec<Expr>),
    /// One part must match.
    OneOf(Vec<Expr>),
    /// The part must not match.
    Not(Box<Expr>),
    /// IPv6 if true, IPv4 if false.
    Family(bool),
    /// Protocol number.
    Protocol(Numbers),
    /// Address.
    Address(Side, Addresses),
    /// Port, of protocols that have ports.
    Port(Side, Numbers),
    /// Autonomous system; 0 where unknown.
    As(Side, Numbers),
    /// Country, sorted.
    Country(Side, Vec<Country>),
    /// Inside the configured networks if true, outside if false.
    Internal(Side, bool),
    /// An amount and what it is compared with.
    Amount(Amount, Compare, u64),
    /// All these TCP flags are set.
    Flags(u8),
    /// VLAN.
    Vlan(Numbers),
    /// Type of an ICMP or ICMPv6 message.
    IcmpType(Numbers),
    /// Code of an ICMP or ICMPv6 message.
    IcmpCode(Numbers),
    /// Direction of the conversation.
    Role(Role),
    /// What became of the contact.
    Outcome(Outcome),
    /// Who exported it.
    Exporter(Addresses),
    /// Interfaces of its exporter; the source's side is ingress.
    Interface(Side, Numbers),
}

/// Fields a filter reads that not every subject has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// TCP flags.
    pub flags: bool,
    /// Duration, also for `pps` and `bps`.
    pub duration: bool,
    /// VLAN.
    pub vlan: bool,
    /// Exporter and its interfaces.
    pub exporter: bool,
    /// Packets, bytes, flows or the contact's outcome: not given by what makes it one flow, but by how much of it has
    /// been seen so far.
    pub counts: bool,
}

impl Needs {
    /// What a [`crate::model::Conversation`] lacks of it, in the filter's words; empty when nothing.
    pub fn lacking_in_conversations(self) -> Vec<&'static str> {
        [
            (self.flags, "flags"),
            (self.duration, "duration, pps or bps"),
            (self.vlan, "vlan"),
            (self.exporter, "exporter or interfaces"),
        ]
        .into_iter()
        .filter_map(|(needed, word)| needed.then_some(word))
        .collect()
    }

    fn and(self, other: Self) -> Self {
        Self {
            flags: self.flags || other.flags,
            duration: self.duration || other.duration,
            vlan: self.vlan || other.vlan,
            exporter: self.exporter || other.exporter,
            counts: self.counts || other.counts,
        }
    }
}

impl Expr {
    /// All of `parts`: flattened, and the part itself where there is one.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let nested = |part| match part {
            Self::All(inner) => inner,
            other => vec![other],
        };
        let mut parts: Vec<Self> = parts.into_iter().flat_map(nested).collect();
        match parts.len() {
            0 => Self::Any,
            1 => parts.remove(0),
            _ => Self::All(parts),
        }
    }

    /// One of `parts`: flattened, and the part itself where there is one.
    pub(super) fn one_of(parts: Vec<Self>) -> Self {
        let nested = |part| match part {
            Self::OneOf(inner) => inner,
            other => vec![other],
        };
        let mut parts: Vec<Self> = parts.into_iter().flat_map(nested).collect();
        match parts.len() {
            0 => Self::Any,
            1 => parts.remove(0),
            _ => Self::OneOf(parts),
        }
    }

    pub(super) fn needs(&self) -> Needs {
        let none = Needs::default();
        match self {
            Self::All(parts) | Self::OneOf(parts) => {
                parts.iter().fold(none, |needs, part| needs.and(part.needs()))
            }
            Self::Not(part) => part.needs(),
            Self::Flags(_) => Needs { flags: true, ..none },
            Self::Vlan(_) => Needs { vlan: true, ..none },
            Self::Exporter(_) | Self::Interface(..) => Needs {
                exporter: true,
                ..none
            },
            Self::Outcome(_) => Needs { counts: true, ..none },
            Self::Amount(amount, ..) => Needs {
                duration: amount.needs_duration(),
                counts: *amount != Amount::Duration,
                ..none
            },
            _ => none,
        }
    }
}

impl Amount {
    fn needs_duration(self) -> bool {
        matches!(self, Self::Duration | Self::PacketRate | Self::BitRate)
    }
}

/// A set of numbers as sorted, disjoint, inclusive ranges that do not touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    /// The union of inclusive ranges; a range whose ends are swapped is turned round.
    pub(super) fn new(mut ranges: Vec<(u32, u32)>) -> Self {
        for range in &mut ranges {
            *range = (range.0.min(range.1), range.0.max(range.1));
        }
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let touches = next.0 <= kept.1.saturating_add(1);
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
        Self(ranges)
    }

    /// The numbers up to `most` that compare with `number` as said; may be none.
    pub(super) fn compared(compare: Compare, number: u32, most: u32) -> Self {
        let below = number.checked_sub(1).map(|last| (0, last.min(most)));
        let above = number.checked_add(1).filter(|&first| first <= most);
        let above = above.map(|first| (first, most));
        let itself = (number <= most).then_some((number, number));
        let parts = match compare {
            Compare::More => [above, None],
            Compare::Less => [below, None],
            Compare::AtLeast => [itself, above],
            Compare::AtMost => [below, itself],
            Compare::Equal => [itself, None],
            Compare::Unequal => [below, above],
        };
        Self::new(parts.into_iter().flatten().collect())
    }

    /// Whether `number` is one of them.
    #[inline]
    pub fn contains(&self, number: u32) -> bool {
        match self.0.as_slice() {
            [(first, last)] => *first <= number && number <= *last,
            ranges => {
                let at = ranges.partition_point(|&(_, last)| last < number);
                ranges.get(at).is_some_and(|&(first, _)| first <= number)
            }
        }
    }

    /// The ranges.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }
}

/// A set of prefixes, quick to search and remembered as written.
#[derive(Clone, Debug)]
pub struct Addresses {
    prefixes: Vec<Prefix>,
    v4: Networks,
    v6: Networks,
}

impl Addresses {
    /// The union of `prefixes`.
    pub(super) fn new(mut prefixes: Vec<Prefix>) -> Self {
        prefixes.sort_unstable();
        prefixes.dedup();
        let (v4, v6): (Vec<_>, Vec<_>) = prefixes.iter().partition(|prefix| prefix.is_v4());
        Self {
            v4: Networks::new(&v4),
            v6: Networks::new(&v6),
            prefixes,
        }
    }

    /// Whether `ip` lies in one of them.
    #[inline]
    pub fn contains(&self, ip: crate::model::Ip) -> bool {
        match self.prefixes.as_slice() {
            [only] => only.contains(ip),
            // Searched by family: `::/0` as a range would hold the mapped IPv4 addresses as well.
            _ if ip.is_v4() => self.v4.contains(ip),
            _ => self.v6.contains(ip),
        }
    }

    /// The prefixes, sorted, none twice.
    pub fn prefixes(&self) -> &[Prefix] {
        &self.prefixes
    }
}

impl PartialEq for Addresses {
    fn eq(&self, other: &Self) -> bool {
        self.prefixes == other.prefixes
    }
}

impl Eq for Addresses {}
