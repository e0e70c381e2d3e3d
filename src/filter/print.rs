//! The canonical text of a filter: every qualifier written out, parentheses only where needed.

use super::expr::{Addresses, Amount, Compare, Expr, Numbers, Outcome, Side};
use super::words;
use crate::model::{Country, Role};
use std::fmt::{self, Formatter};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::All(parts) => list(f, parts, " and ", |part| matches!(part, Self::OneOf(_))),
            Self::OneOf(parts) => list(f, parts, " or ", |_| false),
            Self::Not(part) => {
                f.write_str("not ")?;
                grouped(f, part, matches!(**part, Self::All(_) | Self::OneOf(_)))
            }
            Self::Family(v6) => f.write_str(if *v6 { "ipv6" } else { "ipv4" }),
            Self::Protocol(numbers) => protocols(f, numbers),
            Self::Address(side, set) => addresses(f, *side, set),
            Self::Port(side, set) => numbers(f, *side, "port", set, 0xffff),
            Self::As(side, set) => numbers(f, *side, "as", set, u32::MAX),
            Self::Country(side, set) => countries(f, *side, set),
            Self::Internal(side, true) => write!(f, "{side}internal"),
            Self::Internal(side, false) => write!(f, "{side}external"),
            Self::Amount(Amount::Duration, compare, nanos) => {
                write!(f, "duration {compare} {}", span(*nanos))
            }
            Self::Amount(amount, compare, value) => {
                write!(f, "{} {compare} {}", amount.name(), scaled(*value))
            }
            Self::Flags(mask) => {
                let letters = (0..8).rev().filter(|bit| mask & (1 << bit) != 0);
                let letters: String = letters.map(|bit| char::from(b"FSRPAUEC"[bit])).collect();
                write!(f, "flags {letters}")
            }
            Self::Vlan(set) => numbers(f, Side::Either, "vlan", set, 0xffff),
            Self::IcmpType(set) => numbers(f, Side::Either, "icmp_type", set, 0xff),
            Self::IcmpCode(set) => numbers(f, Side::Either, "icmp_code", set, 0xff),
            Self::Role(Role::Request) => f.write_str("request"),
            Self::Role(Role::Reply) => f.write_str("reply"),
            Self::Outcome(Outcome::Failed) => f.write_str("failed"),
            Self::Outcome(Outcome::Answered) => f.write_str("answered"),
            Self::Outcome(Outcome::Unsolicited) => f.write_str("unsolicited"),
            Self::Exporter(set) => exporters(f, set),
            Self::Interface(Side::Src, set) => numbers(f, Side::Either, "in_if", set, u32::MAX),
            Self::Interface(Side::Dst, set) => numbers(f, Side::Either, "out_if", set, u32::MAX),
            Self::Interface(side, set) => numbers(f, *side, "if", set, u32::MAX),
        }
    }
}

fn grouped(f: &mut Formatter<'_>, part: &Expr, parentheses: bool) -> fmt::Result {
    if parentheses {
        write!(f, "({part})")
    } else {
        write!(f, "{part}")
    }
}

fn list(f: &mut Formatter<'_>, parts: &[Expr], word: &str, group: fn(&Expr) -> bool) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        grouped(f, part, group(part))?;
    }
    Ok(())
}

impl fmt::Display for Side {
    /// The qualifier with the space after it.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Src => "src ",
            Self::Dst => "dst ",
            Self::Either => "",
            Self::Both => "src and dst ",
        })
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::More => ">",
            Self::Less => "<",
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Unequal => "!=",
        })
    }
}

impl Amount {
    const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Bytes => "bytes",
            Self::Flows => "flows",
            Self::Duration => "duration",
            Self::BytesPerPacket => "bpp",
            Self::PacketRate => "pps",
            Self::BitRate => "bps",
        }
    }
}

fn numbers(f: &mut Formatter<'_>, side: Side, field: &str, set: &Numbers, most: u32) -> fmt::Result {
    write!(f, "{side}{field} ")?;
    match *set.ranges() {
        [(only, last)] if only == last => write!(f, "{only}"),
        [(first, last)] if last == most => write!(f, ">= {first}"),
        [(0, last)] => write!(f, "<= {last}"),
        _ => bracketed(f, set.ranges(), |f, range| match range {
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) => write!(f, "{first}-{last}"),
        }),
    }
}

fn protocols(f: &mut Formatter<'_>, set: &Numbers) -> fmt::Result {
    let named = |f: &mut Formatter<'_>, number: &u32| match words::protocol_name(*number) {
        Some(name) => f.write_str(name),
        None => write!(f, "{number}"),
    };
    let single: Vec<u32> = set
        .ranges()
        .iter()
        .flat_map(|&(first, last)| first..=last)
        .collect();
    match single.as_slice() {
        [only] if words::protocol_name(*only).is_some() => named(f, only),
        [only] => write!(f, "proto {only}"),
        many => {
            f.write_str("proto ")?;
            bracketed(f, many, named)
        }
    }
}

/// A prefix, as an address where it holds one only.
fn prefix(f: &mut Formatter<'_>, prefix: &crate::model::Prefix) -> fmt::Result {
    if prefix.first() == prefix.last() {
        write!(f, "{}", prefix.first())
    } else {
        write!(f, "{prefix}")
    }
}

fn exporters(f: &mut Formatter<'_>, set: &Addresses) -> fmt::Result {
    f.write_str("exporter ")?;
    match set.prefixes() {
        [only] => prefix(f, only),
        many => bracketed(f, many, prefix),
    }
}

fn addresses(f: &mut Formatter<'_>, side: Side, set: &Addresses) -> fmt::Result {
    match set.prefixes() {
        [only] if only.first() == only.last() => write!(f, "{side}host {}", only.first()),
        [only] => write!(f, "{side}net {only}"),
        many => {
            write!(f, "{side}ip ")?;
            bracketed(f, many, prefix)
        }
    }
}

fn countries(f: &mut Formatter<'_>, side: Side, set: &[Country]) -> fmt::Result {
    let code = |f: &mut Formatter<'_>, country: &Country| {
        if country.is_known() {
            write!(f, "{country}")
        } else {
            f.write_str("unknown")
        }
    };
    write!(f, "{side}country ")?;
    match set {
        [only] => code(f, only),
        many => bracketed(f, many, code),
    }
}

fn bracketed<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    each: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("in [")?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(" ")?;
        }
        each(f, item)?;
    }
    f.write_str("]")
}

/// With the largest unit that divides it: `1500000` is `1500k`.
fn scaled(value: u64) -> String {
    let units = [
        ("T", 1_000_000_000_000),
        ("G", 1_000_000_000),
        ("M", 1_000_000),
        ("k", 1000),
    ];
    match units
        .iter()
        .find(|(_, unit)| value != 0 && value.is_multiple_of(*unit))
    {
        Some((suffix, unit)) => format!("{}{suffix}", value / unit),
        None => value.to_string(),
    }
}

/// With the largest unit that divides it: 90 s is `90s`.
fn span(nanos: u64) -> String {
    let units = [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1000),
    ];
    match units
        .iter()
        .find(|(_, unit)| nanos != 0 && nanos.is_multiple_of(*unit))
    {
        Some((suffix, unit)) => format!("{}{suffix}", nanos / unit),
        None if nanos == 0 => "0s".to_owned(),
        None => format!("{nanos}ns"),
    }
}
