//! Ways to group stored flows, and the values that groups have.

use crate::model::{Country, Dimension, Field, FieldKind, Ip, Prefix};
use std::fmt;

/// Which address, port, AS and so on of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The source's.
    Src,
    /// The destination's.
    Dst,
    /// Both: a flow counts for either of them, and once where they are equal.
    Either,
}

/// What both ends of a flow have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pair {
    /// Addresses.
    Ip,
    /// Ports of the record.
    Port,
    /// Autonomous systems.
    As,
    /// Countries.
    Country,
    /// Interfaces: ingress and egress.
    Interface,
}

/// One way to group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// A field as it is stored; no time and no count.
    Field(Field),
    /// The network of an address, with the prefix lengths for IPv4 and IPv6.
    Net(End, u8, u8),
    /// What either end has: a flow counts for both.
    Either(Pair),
    /// The internal address, whichever end it is; both ends where both are.
    Host,
    /// The port of the service: the destination's of requests, the source's of replies; of ICMP type * 256 + code.
    Service,
}

/// Where the value of a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// From a field.
    Of {
        field: Field,
        /// Prefix lengths for IPv4 and IPv6 to cut an address to.
        net: Option<(u8, u8)>,
        /// Only of records where this is true.
        only: Option<Field>,
    },
    /// From the port of the side that was contacted.
    Service,
}

impl Pair {
    const fn fields(self) -> [Field; 2] {
        match self {
            Self::Ip => [Field::SrcIp, Field::DstIp],
            Self::Port => [Field::SrcPort, Field::DstPort],
            Self::As => [Field::SrcAs, Field::DstAs],
            Self::Country => [Field::SrcCountry, Field::DstCountry],
            Self::Interface => [Field::InIf, Field::OutIf],
        }
    }
}

impl By {
    /// What groups 5-tuples.
    pub const RECORD: [Self; 5] = [
        Self::Field(Field::SrcIp),
        Self::Field(Field::DstIp),
        Self::Field(Field::SrcPort),
        Self::Field(Field::DstPort),
        Self::Field(Field::Protocol),
    ];

    /// The way in which rules and anomalies group. Their `src_port` and `dst_port` are ports of services, those of
    /// records are not; both are the same for requests.
    pub const fn of(dimension: Dimension) -> Self {
        match dimension {
            Dimension::SrcIp => Self::Field(Field::SrcIp),
            Dimension::DstIp => Self::Field(Field::DstIp),
            Dimension::Host => Self::Host,
            Dimension::SrcNet24 => Self::Net(End::Src, 24, 64),
            Dimension::SrcNet16 => Self::Net(End::Src, 16, 48),
            Dimension::DstNet24 => Self::Net(End::Dst, 24, 64),
            Dimension::DstNet16 => Self::Net(End::Dst, 16, 48),
            Dimension::SrcAs => Self::Field(Field::SrcAs),
            Dimension::DstAs => Self::Field(Field::DstAs),
            Dimension::SrcCountry => Self::Field(Field::SrcCountry),
            Dimension::DstCountry => Self::Field(Field::DstCountry),
            Dimension::DstPort => Self::Field(Field::DstPort),
            Dimension::SrcPort => Self::Field(Field::SrcPort),
            Dimension::Protocol => Self::Field(Field::Protocol),
            Dimension::Exporter => Self::Field(Field::Exporter),
        }
    }

    /// Whether flows can be grouped by a field: not by times and counts.
    pub const fn is_groupable(field: Field) -> bool {
        !matches!(field.kind(), FieldKind::Time | FieldKind::Count)
    }

    /// Whether a flow may count for two of its values.
    pub const fn is_two_sided(self) -> bool {
        matches!(self, Self::Either(_) | Self::Host | Self::Net(End::Either, ..))
    }

    /// Where values come from: one place, or two.
    pub(super) fn lanes(self) -> Vec<Lane> {
        let of = |field, net, only| Lane::Of { field, net, only };
        match self {
            Self::Field(field) => vec![of(field, None, None)],
            Self::Net(End::Src, v4, v6) => vec![of(Field::SrcIp, Some((v4, v6)), None)],
            Self::Net(End::Dst, v4, v6) => vec![of(Field::DstIp, Some((v4, v6)), None)],
            Self::Net(End::Either, v4, v6) => Pair::Ip
                .fields()
                .map(|field| of(field, Some((v4, v6)), None))
                .into(),
            Self::Either(pair) => pair.fields().map(|field| of(field, None, None)).into(),
            Self::Host => vec![
                of(Field::SrcIp, None, Some(Field::SrcInternal)),
                of(Field::DstIp, None, Some(Field::DstInternal)),
            ],
            Self::Service => vec![Lane::Service],
        }
    }

    /// The fields it reads.
    pub fn fields(self) -> Vec<Field> {
        let of = |lane: Lane| match lane {
            Lane::Of { field, only, .. } => [Some(field)].into_iter().chain([only]).flatten().collect(),
            Lane::Service => vec![Field::SrcPort, Field::DstPort, Field::Protocol, Field::Initiator],
        };
        self.lanes().into_iter().flat_map(of).collect()
    }

    /// What a word of a column means.
    pub fn value(self, word: u128) -> Value {
        match self {
            Self::Field(field) => value_of(field, word),
            Self::Net(_, v4, v6) => {
                let ip = Ip::from_bits(word);
                Value::Net(Prefix::new(ip, if ip.is_v4() { v4 } else { v6 }))
            }
            Self::Either(pair) => {
                let [field, _] = pair.fields();
                value_of(field, word)
            }
            Self::Host => Value::Ip(Ip::from_bits(word)),
            Self::Service => Value::Number(word as u64),
        }
    }
}

/// The first address of the network that holds `word`, with the prefix lengths for IPv4 and IPv6.
pub(super) fn network(word: u128, (v4, v6): (u8, u8)) -> u128 {
    let ip = Ip::from_bits(word);
    Prefix::new(ip, if ip.is_v4() { v4 } else { v6 }).first().bits()
}

fn value_of(field: Field, word: u128) -> Value {
    // No AS, VLAN or address is 0 where one is known; 0 is an interface, a port and a class of service like others.
    let may_lack = matches!(
        field,
        Field::SrcAs
            | Field::DstAs
            | Field::ExportedSrcAs
            | Field::ExportedDstAs
            | Field::Vlan
            | Field::MplsLabel
            | Field::Exporter
            | Field::Agent
            | Field::NextHop
            | Field::NatSrcIp
            | Field::NatDstIp
    );
    match field.kind() {
        _ if word == 0 && may_lack => Value::Unknown,
        FieldKind::Address => Value::Ip(Ip::from_bits(word)),
        FieldKind::Country if word == 0 => Value::Unknown,
        FieldKind::Country => Value::Country(Country((word as u16).to_be_bytes())),
        FieldKind::Word => Value::Word(field.words().get(word as usize).copied().unwrap_or("unknown")),
        FieldKind::Truth => Value::Truth(word != 0),
        FieldKind::Number | FieldKind::Count | FieldKind::Time => Value::Number(word as u64),
    }
}

impl fmt::Display for By {
    /// The name in requests, JSON and CSV; [`By::from_str`](std::str::FromStr) reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Field(field) => f.pad(field.name()),
            Self::Net(end, v4, v6) => {
                f.write_str(match end {
                    End::Src => "src_net",
                    End::Dst => "dst_net",
                    End::Either => "net",
                })?;
                match (v4, v6) {
                    (24, 64) | (16, 48) => write!(f, "{v4}"),
                    _ if v6 == wide(v4) => write!(f, "/{v4}"),
                    _ => write!(f, "/{v4}/{v6}"),
                }
            }
            Self::Either(Pair::Ip) => f.pad("ip"),
            Self::Either(Pair::Port) => f.pad("port"),
            Self::Either(Pair::As) => f.pad("as"),
            Self::Either(Pair::Country) => f.pad("country"),
            Self::Either(Pair::Interface) => f.pad("if"),
            Self::Host => f.pad("host"),
            Self::Service => f.pad("service"),
        }
    }
}

/// The IPv6 prefix length that goes with one of IPv4: 64 with 24, 48 with 16, an address with an address.
pub(super) const fn wide(v4: u8) -> u8 {
    if v4 >= 32 { 128 } else { 16 + 2 * v4 }
}

/// The value of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing is known.
    Unknown,
    /// An address.
    Ip(Ip),
    /// A network.
    Net(Prefix),
    /// A number.
    Number(u64),
    /// A country.
    Country(Country),
    /// One of some words.
    Word(&'static str),
    /// Whether something holds.
    Truth(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.pad("-"),
            Self::Ip(ip) => f.pad(&ip.to_string()),
            Self::Net(prefix) => f.pad(&prefix.to_string()),
            Self::Number(number) => fmt::Display::fmt(number, f),
            Self::Country(country) => f.pad(&country.to_string()),
            Self::Word(word) => f.pad(word),
            Self::Truth(truth) => f.pad(if *truth { "yes" } else { "no" }),
        }
    }
}
