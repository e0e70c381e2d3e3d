//! Whether a subject passes: no allocation, first failing part decides.

use super::expr::{Amount, Compare, Expr, Side};
use super::subject::Subject;
use std::time::Duration;

/// Whether `subject` passes `expr`. Depth is bounded by the parser.
pub(super) fn matches<S: Subject>(expr: &Expr, subject: &S) -> bool {
    match expr {
        Expr::Any => true,
        Expr::All(parts) => parts.iter().all(|part| matches(part, subject)),
        Expr::OneOf(parts) => parts.iter().any(|part| matches(part, subject)),
        Expr::Not(part) => !matches(part, subject),
        Expr::Family(v6) => subject.src().is_v4() != *v6,
        Expr::Protocol(numbers) => numbers.contains(u32::from(subject.protocol())),
        Expr::Address(side, set) => either(
            *side,
            || set.contains(subject.src()),
            || set.contains(subject.dst()),
        ),
        Expr::Port(side, numbers) => {
            let known = |port: Option<u16>| port.is_some_and(|port| numbers.contains(u32::from(port)));
            either(*side, || known(subject.src_port()), || known(subject.dst_port()))
        }
        Expr::As(side, numbers) => either(
            *side,
            || numbers.contains(subject.src_origin().asn),
            || numbers.contains(subject.dst_origin().asn),
        ),
        Expr::Country(side, countries) => either(
            *side,
            || countries.contains(&subject.src_origin().country),
            || countries.contains(&subject.dst_origin().country),
        ),
        Expr::Internal(side, wanted) => either(
            *side,
            || subject.src_origin().internal == *wanted,
            || subject.dst_origin().internal == *wanted,
        ),
        Expr::Amount(amount, compare, value) => compares(*amount, *compare, *value, subject),
        Expr::Flags(mask) => subject.tcp_flags().is_some_and(|flags| flags.has(*mask)),
        Expr::Vlan(numbers) => subject
            .vlan()
            .is_some_and(|vlan| numbers.contains(u32::from(vlan))),
        Expr::IcmpType(numbers) => subject
            .icmp()
            .is_some_and(|(kind, _)| numbers.contains(u32::from(kind))),
        Expr::IcmpCode(numbers) => subject
            .icmp()
            .is_some_and(|(_, code)| numbers.contains(u32::from(code))),
        Expr::Role(role) => subject.role() == Some(*role),
        Expr::Outcome(outcome) => subject.outcome(*outcome),
        Expr::Exporter(set) => subject.exporter().is_some_and(|exporter| set.contains(exporter)),
        Expr::Interface(side, numbers) => subject.interfaces().is_some_and(|(in_if, out_if)| {
            either(*side, || numbers.contains(in_if), || numbers.contains(out_if))
        }),
    }
}

#[inline]
fn either(side: Side, src: impl FnOnce() -> bool, dst: impl FnOnce() -> bool) -> bool {
    match side {
        Side::Src => src(),
        Side::Dst => dst(),
        Side::Either => src() || dst(),
        Side::Both => src() && dst(),
    }
}

fn compares<S: Subject>(amount: Amount, compare: Compare, value: u64, subject: &S) -> bool {
    let plain = |amount: u64| compare.holds(u128::from(amount), u128::from(value));
    // A duration of 64 bits of nanoseconds (584 years), so that the product with 64 bits fits.
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    match amount {
        Amount::Packets => plain(subject.packets()),
        Amount::Bytes => plain(subject.bytes()),
        Amount::Flows => plain(subject.flows()),
        Amount::Duration => subject
            .duration()
            .is_some_and(|duration| compare.holds(duration.as_nanos(), u128::from(value))),
        Amount::BytesPerPacket | Amount::PacketRate | Amount::BitRate => amount.compares(
            compare,
            value,
            subject.bytes(),
            subject.packets(),
            subject.duration().map_or(0, nanos),
        ),
    }
}

impl Amount {
    /// Ratios are compared by cross-multiplying in 128 bits, hence exactly; a ratio to nothing is not known, so false.
    pub(super) fn compares(self, compare: Compare, value: u64, bytes: u64, packets: u64, nanos: u64) -> bool {
        let ratio = |over: u128, under: u64| {
            let under = u128::from(under);
            under != 0 && compare.holds(over, u128::from(value) * under)
        };
        match self {
            Self::BytesPerPacket => ratio(u128::from(bytes), packets),
            Self::PacketRate => ratio(u128::from(packets) * 1_000_000_000, nanos),
            Self::BitRate => ratio(u128::from(bytes) * 8_000_000_000, nanos),
            Self::Packets | Self::Bytes | Self::Flows | Self::Duration => false,
        }
    }
}

impl Compare {
    #[inline]
    pub(super) fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Self::More => left > right,
            Self::Less => left < right,
            Self::AtLeast => left >= right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::Unequal => left != right,
        }
    }
}
