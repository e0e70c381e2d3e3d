//! Which entities a conversation belongs to, for one combination of dimensions.

use crate::model::{Conversation, Country, Dimension, Entity, Ip, Origin, Value, mix_step};
use serde::{Deserialize, Serialize};

/// The values of an entity in a form that is compact to hash and compare; only its [`Grouping`] can read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct EntityKey {
    /// Addresses and first addresses of networks, in the order of the grouping's address dimensions.
    pub addresses: [Ip; 2],
    /// Other values, in the order of the grouping's other dimensions.
    pub numbers: [u32; 2],
}

/// An [`EntityKey`] as it is saved.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Written {
    addresses: [u128; 2],
    numbers: [u32; 2],
}

impl From<Written> for EntityKey {
    fn from(Written { addresses, numbers }: Written) -> Self {
        Self {
            addresses: addresses.map(Ip::from_bits),
            numbers,
        }
    }
}

impl From<EntityKey> for Written {
    fn from(EntityKey { addresses, numbers }: EntityKey) -> Self {
        Self {
            addresses: addresses.map(Ip::bits),
            numbers,
        }
    }
}

impl EntityKey {
    /// The key of one address.
    #[inline]
    pub fn of(address: Ip) -> Self {
        Self {
            addresses: [address, Ip::default()],
            numbers: [0, 0],
        }
    }

    /// Whether both are the same, without a branch per field.
    #[inline]
    pub(super) fn is(&self, other: &Self) -> bool {
        let [[a, b], [c, d]] = [self.addresses, other.addresses].map(|ends| ends.map(Ip::bits));
        let ([e, f], [g, h]) = (self.numbers, other.numbers);
        (a ^ c) | (b ^ d) | u128::from((e ^ g) | (f ^ h)) == 0
    }

    /// A hash that is the same in every process: for choices that must not depend on the order of arrival.
    pub fn spread(&self) -> u64 {
        let [a, b] = self.addresses.map(Ip::bits);
        let words = [a as u64, (a >> 64) as u64, b as u64, (b >> 64) as u64];
        let numbers = u64::from(self.numbers[0]) << 32 | u64::from(self.numbers[1]);
        words
            .into_iter()
            .fold(mix_step(numbers), |hash, word| mix_step(hash ^ word))
    }
}

/// A combination of dimensions, at most two of addresses and two of other values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grouping {
    dimensions: Vec<Dimension>,
}

/// Why dimensions cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupingError {
    /// An entity holds two addresses.
    #[error("at most two of src_ip, dst_ip, host and networks can be combined")]
    Addresses,
    /// An entity holds two values that are no addresses.
    #[error("at most two dimensions other than addresses can be combined")]
    Numbers,
    /// An address and a network of the same side, or two networks.
    #[error("{0} and {1} are the same address, told in different detail")]
    Nested(Dimension, Dimension),
    /// Twice the same.
    #[error("dimension {0} stands twice")]
    Repeated(Dimension),
}

fn is_address(dimension: Dimension) -> bool {
    dimension.finer().is_some() || matches!(dimension, Dimension::SrcIp | Dimension::DstIp | Dimension::Host)
}

/// The dimension of the addresses that a dimension of networks is made up of.
fn finest(dimension: Dimension) -> Dimension {
    dimension.finer().map_or(dimension, finest)
}

impl Grouping {
    /// Checks and keeps a combination; the empty one groups everything into a single entity.
    pub fn new(dimensions: &[Dimension]) -> Result<Self, GroupingError> {
        let addresses = dimensions.iter().filter(|d| is_address(**d)).count();
        if addresses > 2 {
            return Err(GroupingError::Addresses);
        }
        if dimensions.len() - addresses > 2 {
            return Err(GroupingError::Numbers);
        }
        for (i, dimension) in dimensions.iter().enumerate() {
            if dimensions.iter().take(i).any(|d| d == dimension) {
                return Err(GroupingError::Repeated(*dimension));
            }
            let nested = |d: &&Dimension| finest(**d) == finest(*dimension);
            if let Some(other) = dimensions.iter().take(i).find(nested) {
                return Err(GroupingError::Nested(*other, *dimension));
            }
        }
        Ok(Self {
            dimensions: dimensions.to_vec(),
        })
    }

    /// For groupings with networks, the one a step finer: its entities are what the entities of this one are made up of.
    pub fn finer(&self) -> Option<Self> {
        let networks = self.dimensions.iter().any(|d| d.finer().is_some());
        let step = |d: &Dimension| d.finer().unwrap_or(*d);
        networks.then(|| Self {
            dimensions: self.dimensions.iter().map(step).collect(),
        })
    }

    /// The entity of this grouping that an entity of [`Grouping::finer`] belongs to.
    pub fn coarsen(&self, finer: &EntityKey) -> EntityKey {
        let mut key = *finer;
        let addresses = self.dimensions.iter().filter(|d| is_address(**d));
        for (address, dimension) in key.addresses.iter_mut().zip(addresses) {
            if let Some(network) = dimension.network(*address) {
                *address = network.first();
            }
        }
        key
    }

    /// The addresses and networks of a key with their dimensions.
    pub fn addresses(&self, key: &EntityKey) -> impl Iterator<Item = (Dimension, Ip)> {
        let dimensions = self.dimensions.iter().copied().filter(|d| is_address(*d));
        dimensions.zip(key.addresses)
    }

    /// The dimensions, in the rule's order.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The entities `row` belongs to: none where it has no value, two where `host` is both its ends.
    #[inline]
    pub fn keys(&self, row: &Conversation) -> [Option<EntityKey>; 2] {
        // Most views have one of these dimensions alone.
        match self.dimensions.as_slice() {
            [Dimension::SrcIp] => return [Some(EntityKey::of(row.key.src)), None],
            [Dimension::DstIp] => return [Some(EntityKey::of(row.key.dst)), None],
            dimensions if !dimensions.contains(&Dimension::Host) => {
                return [self.key(row, row.key.src), None];
            }
            _ => {}
        }
        let src = if row.src_origin.internal {
            self.key(row, row.key.src)
        } else {
            None
        };
        let dst = if row.dst_origin.internal && row.key.dst != row.key.src {
            self.key(row, row.key.dst)
        } else {
            None
        };
        [src, dst]
    }

    fn key(&self, row: &Conversation, host: Ip) -> Option<EntityKey> {
        self.gather(|dimension| value(dimension, row, host))
    }

    #[inline]
    fn gather(&self, value: impl Fn(Dimension) -> Option<Value>) -> Option<EntityKey> {
        let mut key = EntityKey::default();
        let (mut address, mut number) = (0, 0);
        for &dimension in &self.dimensions {
            match value(dimension)? {
                Value::Ip(ip) => {
                    *key.addresses.get_mut(address)? = ip;
                    address += 1;
                }
                Value::Net(prefix) => {
                    *key.addresses.get_mut(address)? = prefix.first();
                    address += 1;
                }
                Value::Number(n) => {
                    *key.numbers.get_mut(number)? = n;
                    number += 1;
                }
                Value::Country(Country([a, b])) => {
                    *key.numbers.get_mut(number)? = u32::from(a) << 8 | u32::from(b);
                    number += 1;
                }
            }
        }
        Some(key)
    }

    /// The key of an entity of this grouping, in whichever order its dimensions stand; none for other entities.
    pub fn key_of(&self, entity: &Entity) -> Option<EntityKey> {
        if entity.0.len() != self.dimensions.len() {
            return None;
        }
        self.gather(|dimension| entity.get(dimension))
    }

    /// The entity a key of this grouping stands for.
    pub fn entity(&self, key: &EntityKey) -> Entity {
        let mut addresses = key.addresses.iter();
        let mut numbers = key.numbers.iter();
        let mut next_number = || numbers.next().copied().unwrap_or(0);
        let mut values = Vec::with_capacity(self.dimensions.len());
        for &dimension in &self.dimensions {
            values.push(match dimension {
                d if is_address(d) => {
                    let ip = addresses.next().copied().unwrap_or_default();
                    (d, d.network(ip).map_or(Value::Ip(ip), Value::Net))
                }
                d @ (Dimension::SrcCountry | Dimension::DstCountry) => {
                    let [_, _, a, b] = next_number().to_be_bytes();
                    (d, Value::Country(Country([a, b])))
                }
                d => (d, Value::Number(next_number())),
            });
        }
        Entity(values)
    }

    /// Every value of `dimension` in `row`: one, or for `host` up to two, or none.
    pub fn values(dimension: Dimension, row: &Conversation) -> impl Iterator<Item = Value> {
        let ends = match dimension {
            Dimension::Host => [
                row.src_origin.internal.then_some(row.key.src),
                row.dst_origin.internal.then_some(row.key.dst),
            ],
            _ => [Some(row.key.src), None],
        };
        ends.into_iter()
            .flatten()
            .filter_map(move |host| value(dimension, row, host))
    }
}

/// The value of `dimension`; unknown AS and country are no value.
fn value(dimension: Dimension, row: &Conversation, host: Ip) -> Option<Value> {
    let asn = |origin: Origin| (origin.asn != 0).then_some(Value::Number(origin.asn));
    let country = |origin: Origin| {
        origin
            .country
            .is_known()
            .then_some(Value::Country(origin.country))
    };
    let has_ports = !matches!(row.key.protocol, 1 | 58);
    let port = |port: Option<u16>| {
        port.filter(|&p| has_ports && p != 0)
            .map(|p| Value::Number(u32::from(p)))
    };
    match dimension {
        Dimension::SrcIp => Some(Value::Ip(row.key.src)),
        Dimension::DstIp => Some(Value::Ip(row.key.dst)),
        Dimension::Host => Some(Value::Ip(host)),
        Dimension::SrcNet24 | Dimension::SrcNet16 => dimension.network(row.key.src).map(Value::Net),
        Dimension::DstNet24 | Dimension::DstNet16 => dimension.network(row.key.dst).map(Value::Net),
        Dimension::SrcAs => asn(row.src_origin),
        Dimension::DstAs => asn(row.dst_origin),
        Dimension::SrcCountry => country(row.src_origin),
        Dimension::DstCountry => country(row.dst_origin),
        Dimension::DstPort => port(row.key.dst_port()),
        Dimension::SrcPort => port(row.key.src_port()),
        Dimension::Protocol => Some(Value::Number(u32::from(row.key.protocol))),
        Dimension::Exporter => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConversationKey, Counters, Role};

    fn row(role: Role) -> Conversation {
        Conversation {
            key: ConversationKey {
                src: Ip::v4(0x0a00_0001),
                dst: Ip::v4(0x0a00_0002),
                port: 443,
                protocol: 6,
                role,
            },
            src_origin: Origin {
                asn: 64500,
                country: Country(*b"FI"),
                internal: true,
            },
            dst_origin: Origin {
                internal: true,
                ..Origin::default()
            },
            counters: Counters::default(),
        }
    }

    fn entities(dimensions: &[Dimension], role: Role) -> String {
        let grouping = Grouping::new(dimensions).unwrap();
        let keys = grouping.keys(&row(role)).into_iter().flatten();
        keys.map(|k| grouping.entity(&k).to_string())
            .collect::<Vec<_>>()
            .join(" | ")
    }

    #[test]
    fn a_key_reads_back_as_the_entity_it_came_from() {
        use Dimension::*;
        assert_eq!(
            entities(&[DstIp, DstPort], Role::Request),
            "dst_ip 10.0.0.2, dst_port 443"
        );
        assert_eq!(
            entities(&[SrcAs, SrcIp], Role::Request),
            "src_as 64500, src_ip 10.0.0.1"
        );
        assert_eq!(
            entities(&[SrcCountry, Protocol], Role::Request),
            "src_country FI, protocol 6"
        );
        assert_eq!(entities(&[], Role::Request), "all traffic");
    }

    #[test]
    fn a_network_is_made_up_of_what_the_finer_grouping_has() {
        use Dimension::*;
        assert_eq!(
            entities(&[DstPort, DstNet16], Role::Request),
            "dst_port 443, dst_net16 10.0.0.0/16"
        );
        let (wide, row) = (Grouping::new(&[SrcNet16, DstPort]).unwrap(), row(Role::Request));
        let finer = wide.finer().unwrap();
        assert_eq!(finer.dimensions(), [SrcNet24, DstPort]);
        assert_eq!(finer.finer().unwrap().dimensions(), [SrcIp, DstPort]);
        assert!(finer.finer().unwrap().finer().is_none());
        let key = |grouping: &Grouping| grouping.keys(&row)[0].unwrap();
        assert_eq!(wide.coarsen(&key(&finer)), key(&wide));
        assert_eq!(finer.coarsen(&key(&finer.finer().unwrap())), key(&finer));
    }

    #[test]
    fn networks_of_ipv6_are_of_sixty_four_and_forty_eight_bits() {
        let ip: Ip = "2001:db8:1:2::3".parse().unwrap();
        let net = |d: Dimension| d.network(ip).unwrap().to_string();
        assert_eq!(net(Dimension::SrcNet24), "2001:db8:1:2::/64");
        assert_eq!(net(Dimension::DstNet16), "2001:db8:1::/48");
    }

    #[test]
    fn what_has_no_value_is_no_entity() {
        assert_eq!(entities(&[Dimension::DstPort], Role::Reply), "");
        assert_eq!(entities(&[Dimension::DstAs], Role::Request), "");
    }

    #[test]
    fn traffic_between_two_of_ours_counts_for_both_hosts() {
        assert_eq!(
            entities(&[Dimension::Host], Role::Reply),
            "host 10.0.0.1 | host 10.0.0.2"
        );
    }

    #[test]
    fn combinations_that_do_not_fit_are_refused_with_words() {
        use Dimension::*;
        let error = |d: &[Dimension]| Grouping::new(d).unwrap_err().to_string();
        assert_eq!(
            error(&[SrcIp, DstIp, Host]),
            "at most two of src_ip, dst_ip, host and networks can be combined"
        );
        assert_eq!(
            error(&[SrcNet16, SrcIp]),
            "src_net16 and src_ip are the same address, told in different detail"
        );
        assert_eq!(error(&[SrcAs, SrcAs]), "dimension src_as stands twice");
        assert!(Grouping::new(&[SrcAs, DstAs, DstPort]).is_err());
    }
}
