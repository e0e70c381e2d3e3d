//! Where an address belongs: its autonomous system, its country, and whether it is ours.
//!
//! Databases in the MaxMind DB format (version 2.0) are flattened once, at load, into sorted tables of disjoint
//! ranges; after that a look-up is an index of the first 16 bits and a short binary search, without the tree, without
//! decoding, and without the file. Bytes come in; who reads files is elsewhere.

mod database;
mod schema;
mod table;

pub use database::{DatabaseInfo, EnrichError, MAX_NETWORKS, Purpose};

use crate::model::{ConversationKey, Country, Ip, Networks, Origin};
use database::Flat;
use table::{Place, Table, merge};

/// Answers where addresses belong.
///
/// ```
/// use tidemark::enrich::Origins;
/// use tidemark::model::Networks;
/// let origins = Origins::new(Networks::default());
/// assert!(origins.origin("10.0.0.1".parse().unwrap()).internal);
/// assert_eq!(origins.origin("192.0.2.1".parse().unwrap()).asn, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Origins {
    networks: Networks,
    v4: Table<u32>,
    v6: Table<u128>,
    /// Sorted by AS number.
    names: Vec<(u32, Box<str>)>,
    databases: Vec<DatabaseInfo>,
}

impl Origins {
    /// Without databases: only what is internal is known.
    pub fn new(networks: Networks) -> Self {
        Self {
            networks,
            ..Self::default()
        }
    }

    /// From the bytes of an AS database, a country database, both or none.
    ///
    /// Read are GeoLite2 and GeoIP2 (ASN, ISP, Country, City), DB-IP (same form) and ipinfo (`asn` and `country` as
    /// text). A damaged database, or one that has no AS numbers (no countries), is an error that says so; at most
    /// [`MAX_NETWORKS`] networks are read of each.
    pub fn build(
        as_db: Option<&[u8]>,
        country_db: Option<&[u8]>,
        networks: Networks,
    ) -> Result<Self, EnrichError> {
        let systems = as_db.map(database::systems).transpose()?;
        let countries = country_db.map(database::countries).transpose()?;
        let (systems, names) = systems.unwrap_or_default();
        let countries: Flat<Country> = countries.unwrap_or_default();
        let databases = [systems.info, countries.info].into_iter().flatten().collect();
        Ok(Self {
            networks,
            v4: Table::new(merge(&systems.v4, &countries.v4)),
            v6: Table::new(merge(&systems.v6, &countries.v6)),
            names,
            databases,
        })
    }

    /// Where both ends of a conversation belong: source and destination.
    #[inline]
    pub fn ends(&self, key: &ConversationKey) -> (Origin, Origin) {
        (self.origin(key.src), self.origin(key.dst))
    }

    /// Where `ip` belongs. An IPv6 address that stands for an IPv4 address (6to4, RFC 3056; NAT64, RFC 6052) and is
    /// in no database itself belongs where that one does.
    #[inline]
    pub fn origin(&self, ip: Ip) -> Origin {
        let place = match ip.as_v4() {
            Some(bits) => self.v4.get(bits),
            None => self.v6_place(ip.bits()),
        };
        Origin {
            asn: place.asn,
            country: place.country,
            internal: self.networks.contains(ip),
        }
    }

    /// Whether `ip` is ours.
    #[inline]
    pub fn is_internal(&self, ip: Ip) -> bool {
        self.networks.contains(ip)
    }

    fn v6_place(&self, bits: u128) -> Place {
        let place = self.v6.get(bits);
        if place != Place::default() {
            return place;
        }
        if bits >> 112 == 0x2002 {
            self.v4.get((bits >> 80) as u32)
        } else if bits >> 32 == 0x0064_ff9b << 64 {
            self.v4.get(bits as u32)
        } else {
            place
        }
    }

    /// The name of an autonomous system, where the AS database has one.
    pub fn as_name(&self, asn: u32) -> Option<&str> {
        let at = self.names.binary_search_by_key(&asn, |(asn, _)| *asn).ok()?;
        self.names.get(at).map(|(_, name)| name.as_ref())
    }

    /// What was loaded, for people.
    pub fn databases(&self) -> &[DatabaseInfo] {
        &self.databases
    }

    /// Octets the tables take.
    pub fn memory(&self) -> usize {
        let names = self.names.iter().map(|(_, name)| name.len() + 24).sum::<usize>();
        self.v4.memory() + self.v6.memory() + names
    }
}

#[cfg(test)]
mod tests;
