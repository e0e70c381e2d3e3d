//! What can be said of many records by the bounds of their fields alone: so a store leaves out what cannot pass.

use super::expr::{Addresses, Amount, Compare, Expr, Numbers, Side};
use super::select::is_outcome;
use super::subject::{has_ports, is_icmp};
use crate::model::{Field, FlowKey, Ip, Role};

/// Whether records pass a filter, as far as the bounds of their fields show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chance {
    /// None does.
    Never,
    /// Some may.
    Perhaps,
    /// All do.
    Always,
}

/// The smallest and the largest value of fields, where they are known.
type Bounds<'a> = &'a dyn Fn(Field) -> Option<[u128; 2]>;

impl Chance {
    fn not(self) -> Self {
        match self {
            Self::Never => Self::Always,
            Self::Perhaps => Self::Perhaps,
            Self::Always => Self::Never,
        }
    }

    /// The chance of a value that lies between bounds to be in one of some ranges.
    fn of_ranges(bounds: Option<[u128; 2]>, ranges: impl Iterator<Item = (u128, u128)>) -> Self {
        let Some([smallest, largest]) = bounds else {
            return Self::Perhaps;
        };
        let chance = |(first, last): (u128, u128)| match () {
            () if last < smallest || first > largest => Self::Never,
            () if first <= smallest && largest <= last => Self::Always,
            () => Self::Perhaps,
        };
        ranges.map(chance).max().unwrap_or(Self::Never)
    }

    /// The chance of a value of few possible ones.
    fn of_few(bounds: Option<[u128; 2]>, holds: impl Fn(u128) -> bool) -> Self {
        match bounds {
            Some([smallest, largest]) if largest.saturating_sub(smallest) < 256 => {
                let held = (smallest..=largest).filter(|value| holds(*value)).count() as u128;
                match held {
                    0 => Self::Never,
                    all if all == largest.saturating_sub(smallest) + 1 => Self::Always,
                    _ => Self::Perhaps,
                }
            }
            _ => Self::Perhaps,
        }
    }
}

impl Expr {
    /// What the bounds of fields say of records.
    pub(super) fn chance(&self, bounds: Bounds<'_>) -> Chance {
        let of = |field, numbers: &Numbers| Chance::of_ranges(bounds(field), ranges(numbers));
        let truth = |field, wanted: bool| Chance::of_few(bounds(field), |word| (word != 0) == wanted);
        let protocol = |is: fn(u8) -> bool| Chance::of_few(bounds(Field::Protocol), |word| is(word as u8));
        let sides = |side, [src, dst]: [Chance; 2]| match side {
            Side::Src => src,
            Side::Dst => dst,
            Side::Either => src.max(dst),
            Side::Both => src.min(dst),
        };
        match self {
            Self::Any => Chance::Always,
            Self::All(parts) => parts
                .iter()
                .map(|part| part.chance(bounds))
                .min()
                .unwrap_or(Chance::Always),
            Self::OneOf(parts) => parts
                .iter()
                .map(|part| part.chance(bounds))
                .max()
                .unwrap_or(Chance::Never),
            Self::Not(part) => part.chance(bounds).not(),
            Self::Protocol(numbers) => of(Field::Protocol, numbers),
            Self::Address(side, set) => sides(
                *side,
                [Field::SrcIp, Field::DstIp].map(|f| networks(bounds(f), set)),
            ),
            Self::Port(side, numbers) => {
                sides(*side, [Field::SrcPort, Field::DstPort].map(|f| of(f, numbers)))
                    .min(protocol(has_ports))
            }
            Self::As(side, numbers) => sides(*side, [Field::SrcAs, Field::DstAs].map(|f| of(f, numbers))),
            Self::Internal(side, inside) => sides(
                *side,
                [Field::SrcInternal, Field::DstInternal].map(|f| truth(f, *inside)),
            ),
            Self::Country(side, set) => {
                let codes = set
                    .iter()
                    .map(|country| u128::from(u16::from_be_bytes(country.0)));
                let field = |f| Chance::of_ranges(bounds(f), codes.clone().map(|code| (code, code)));
                sides(*side, [Field::SrcCountry, Field::DstCountry].map(field))
            }
            Self::Amount(amount, compare, value) => amounts(*amount, *compare, *value, bounds),
            Self::Vlan(numbers) => of(Field::Vlan, numbers).min(Chance::of_ranges(
                bounds(Field::Vlan),
                std::iter::once((1, u128::MAX)),
            )),
            Self::Flags(_) => protocol(|number| number == FlowKey::TCP).min(Chance::Perhaps),
            Self::IcmpType(_) | Self::IcmpCode(_) => protocol(is_icmp).min(Chance::Perhaps),
            Self::Role(role) => truth(Field::Initiator, *role == Role::Request),
            Self::Outcome(outcome) => {
                Chance::of_few(bounds(Field::Handshake), |word| is_outcome(word, *outcome))
            }
            Self::Exporter(set) => networks(bounds(Field::Exporter), set).min(exported(bounds)),
            Self::Interface(side, numbers) => {
                sides(*side, [Field::InIf, Field::OutIf].map(|f| of(f, numbers))).min(exported(bounds))
            }
            // IPv4 lies in the middle of IPv6.
            Self::Family(v6) => {
                let v4 = (Ip::v4(0).bits(), Ip::v4(u32::MAX).bits());
                let is_v4 = Chance::of_ranges(bounds(Field::SrcIp), std::iter::once(v4));
                if *v6 { is_v4.not() } else { is_v4 }
            }
        }
    }

    /// The fields of stored records that it reads, sorted.
    pub(super) fn fields(&self) -> Vec<Field> {
        let mut fields = self.all_fields();
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    fn all_fields(&self) -> Vec<Field> {
        use Field as F;
        let sides = |side: Side, [src, dst]: [Field; 2]| match side {
            Side::Src => vec![src],
            Side::Dst => vec![dst],
            Side::Either | Side::Both => vec![src, dst],
        };
        let and = |mut fields: Vec<Field>, field| {
            fields.push(field);
            fields
        };
        match self {
            Self::Any => vec![],
            Self::All(parts) | Self::OneOf(parts) => parts.iter().flat_map(Self::all_fields).collect(),
            Self::Not(part) => part.all_fields(),
            Self::Family(_) => vec![F::SrcIp],
            Self::Protocol(_) => vec![F::Protocol],
            Self::Address(side, _) => sides(*side, [F::SrcIp, F::DstIp]),
            Self::Port(side, _) => and(sides(*side, [F::SrcPort, F::DstPort]), F::Protocol),
            Self::As(side, _) => sides(*side, [F::SrcAs, F::DstAs]),
            Self::Country(side, _) => sides(*side, [F::SrcCountry, F::DstCountry]),
            Self::Internal(side, _) => sides(*side, [F::SrcInternal, F::DstInternal]),
            Self::Amount(amount, ..) => amount.fields().to_vec(),
            Self::Flags(_) => vec![F::TcpFlags, F::Protocol],
            Self::Vlan(_) => vec![F::Vlan],
            Self::IcmpType(_) | Self::IcmpCode(_) => vec![F::DstPort, F::Protocol],
            Self::Role(_) => vec![F::Initiator],
            Self::Outcome(_) => vec![F::Handshake],
            Self::Exporter(_) => vec![F::Exporter],
            Self::Interface(side, _) => and(sides(*side, [F::InIf, F::OutIf]), F::Exporter),
        }
    }
}

impl Amount {
    const fn fields(self) -> &'static [Field] {
        match self {
            Self::Packets => &[Field::Packets],
            Self::Bytes => &[Field::Bytes],
            Self::Flows => &[Field::Flows],
            Self::Duration => &[Field::Start, Field::End],
            Self::BytesPerPacket => &[Field::Bytes, Field::Packets],
            Self::PacketRate => &[Field::Packets, Field::Start, Field::End],
            Self::BitRate => &[Field::Bytes, Field::Start, Field::End],
        }
    }
}

fn ranges(numbers: &Numbers) -> impl Iterator<Item = (u128, u128)> + '_ {
    let wide = |&(first, last): &(u32, u32)| (u128::from(first), u128::from(last));
    numbers.ranges().iter().map(wide)
}

fn networks(bounds: Option<[u128; 2]>, set: &Addresses) -> Chance {
    let ranges = set
        .prefixes()
        .iter()
        .map(|prefix| (prefix.first().bits(), prefix.last().bits()));
    let chance = Chance::of_ranges(bounds, ranges);
    // A wide prefix of IPv6 as a range holds the IPv4 addresses too, which it does not.
    let v4 = Ip::v4(0);
    let wide = set
        .prefixes()
        .iter()
        .any(|p| !p.is_v4() && (p.first()..=p.last()).contains(&v4));
    if wide { chance.min(Chance::Perhaps) } else { chance }
}

fn exported(bounds: Bounds<'_>) -> Chance {
    Chance::of_ranges(bounds(Field::Exporter), std::iter::once((1, u128::MAX)))
}

fn amounts(amount: Amount, compare: Compare, value: u64, bounds: Bounds<'_>) -> Chance {
    let field = match amount {
        Amount::Packets => Field::Packets,
        Amount::Bytes => Field::Bytes,
        Amount::Flows => Field::Flows,
        _ => return Chance::Perhaps,
    };
    let value = u128::from(value);
    let below = value.checked_sub(1).map(|last| (0, last));
    let above = Some((value + 1, u128::MAX));
    let ranges = match compare {
        Compare::More => [above, None],
        Compare::Less => [below, None],
        Compare::AtLeast => [Some((value, u128::MAX)), None],
        Compare::AtMost => [Some((0, value)), None],
        Compare::Equal => [Some((value, value)), None],
        Compare::Unequal => [below, above],
    };
    Chance::of_ranges(bounds(field), ranges.into_iter().flatten())
}
