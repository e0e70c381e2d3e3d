//! One MaxMind DB to sorted ranges: checked as a whole first, then walked once with every step counted.

use super::schema::{CountryRecord, SystemRecord};
use crate::model::{Country, Timestamp};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// The most networks read of one database; the largest published have a tenth of it.
pub const MAX_NETWORKS: usize = 1 << 26;
/// The most ranges kept of one database, after equal neighbours are joined.
const MAX_RANGES: usize = 1 << 24;

/// What a database is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Autonomous systems.
    As,
    /// Countries.
    Country,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::As => "AS",
            Self::Country => "country",
        })
    }
}

/// Why a database cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrichError {
    /// It is no MaxMind DB or is damaged.
    #[error("the {purpose} database is damaged or no MaxMind DB: {detail}")]
    Damaged {
        /// Which.
        purpose: Purpose,
        /// What is wrong with it.
        detail: String,
    },
    /// It is sound but holds something else.
    #[error("the {purpose} database (type `{kind}`) holds no {wanted}: its records have {fields}")]
    Foreign {
        /// Which.
        purpose: Purpose,
        /// What it calls itself.
        kind: String,
        /// What it should hold.
        wanted: &'static str,
        /// What its records hold.
        fields: String,
    },
    /// It has more networks than are read.
    #[error("the {purpose} database has more than {limit} {what}")]
    TooLarge {
        /// Which.
        purpose: Purpose,
        /// How many are read.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
}

/// What was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// What it is used for.
    pub purpose: Purpose,
    /// What it calls itself, such as `GeoLite2-ASN`.
    pub kind: String,
    /// When it was built.
    pub built: Timestamp,
    /// How many networks it has something to say about.
    pub networks: usize,
}

impl fmt::Display for DatabaseInfo {
    /// `AS database GeoLite2-ASN of 2026-11-01T00:00:00Z: 540314 networks`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} database {} of {}: {} networks",
            self.purpose, self.kind, self.built, self.networks
        )
    }
}

/// Sorted starts of ranges and what holds until the next.
#[derive(Default)]
pub(super) struct Flat<V> {
    pub(super) v4: Vec<(u32, V)>,
    pub(super) v6: Vec<(u128, V)>,
    pub(super) info: Option<DatabaseInfo>,
}

/// Names by AS number, sorted.
pub(super) type Names = Vec<(u32, Box<str>)>;

/// Reads an AS database.
pub(super) fn systems(bytes: &[u8]) -> Result<(Flat<u32>, Names), EnrichError> {
    let mut names = BTreeMap::new();
    let flat = Walk::open(bytes, Purpose::As)?.flatten(|record: SystemRecord<'_>| {
        let number = record.number();
        if let (1.., Some(name)) = (number, record.name()) {
            names.entry(number).or_insert(name);
        }
        number
    })?;
    Ok((flat, names.into_iter().collect()))
}

/// Reads a country database.
pub(super) fn countries(bytes: &[u8]) -> Result<Flat<Country>, EnrichError> {
    Walk::open(bytes, Purpose::Country)?.flatten(|record: CountryRecord| record.country())
}

struct Walk<'b> {
    reader: Reader<&'b [u8]>,
    purpose: Purpose,
}

impl<'b> Walk<'b> {
    /// Opens it and checks all of it: metadata, every pointer of the tree, every record.
    fn open(bytes: &'b [u8], purpose: Purpose) -> Result<Self, EnrichError> {
        let damaged = |error: MaxMindDbError| EnrichError::Damaged {
            purpose,
            detail: error.to_string(),
        };
        let reader = Reader::from_source(bytes).map_err(damaged)?;
        reader.verify().map_err(damaged)?;
        Ok(Self { reader, purpose })
    }

    /// Walks all networks in order of address; `value` says what a record means, its default being nothing.
    fn flatten<'r, R, V>(&'r self, mut value: impl FnMut(R) -> V) -> Result<Flat<V>, EnrichError>
    where
        R: Deserialize<'r>,
        V: Copy + PartialEq + Default,
    {
        // A record stands for many networks: each is decoded once.
        let mut seen: HashMap<usize, V, FixedState> = HashMap::with_hasher(FixedState::default());
        let mut runs = Runs::default();
        // Empty networks are asked for too: a tree whose branches meet again could otherwise be walked for ever
        // without a network to count.
        let options = WithinOptions::default().include_networks_without_data();
        let networks = self
            .reader
            .networks(options)
            .map_err(|error| self.damaged(&error))?;
        for (count, network) in networks.enumerate() {
            if count >= MAX_NETWORKS {
                return Err(self.too_large(MAX_NETWORKS, "networks"));
            }
            let found = network.map_err(|error| self.damaged(&error))?;
            let place = found.network().map_err(|error| self.damaged(&error))?;
            let meaning = match found.offset() {
                None => V::default(),
                Some(offset) => match seen.get(&offset) {
                    Some(known) => *known,
                    None => {
                        let record = found
                            .decode::<R>()
                            .map_err(|error| self.unreadable(&found, &error))?;
                        let meaning = record.map_or(V::default(), &mut value);
                        seen.insert(offset, meaning);
                        meaning
                    }
                },
            };
            runs.push(place.ip(), place.prefix(), meaning);
            if runs.len() > MAX_RANGES {
                return Err(self.too_large(MAX_RANGES, "ranges"));
            }
        }
        if runs.known == 0 {
            return Err(self.foreign());
        }
        Ok(self.finish(runs))
    }

    fn finish<V>(&self, runs: Runs<V>) -> Flat<V> {
        let metadata = self.reader.metadata();
        let built = i64::try_from(metadata.build_epoch).unwrap_or(i64::MAX);
        Flat {
            info: Some(DatabaseInfo {
                purpose: self.purpose,
                kind: printable(&metadata.database_type),
                built: Timestamp::from_secs(built),
                networks: runs.known,
            }),
            v4: runs.v4,
            v6: runs.v6,
        }
    }

    fn damaged(&self, error: &MaxMindDbError) -> EnrichError {
        EnrichError::Damaged {
            purpose: self.purpose,
            detail: error.to_string(),
        }
    }

    fn too_large(&self, limit: usize, what: &'static str) -> EnrichError {
        EnrichError::TooLarge {
            purpose: self.purpose,
            limit,
            what,
        }
    }

    /// A record that is sound but does not have the form: another schema.
    fn unreadable(&self, found: &maxminddb::LookupResult<'_, &[u8]>, error: &MaxMindDbError) -> EnrichError {
        let at = found
            .network()
            .map_or(String::new(), |network| format!(" (at {network})"));
        self.foreign_with(format!("another form{at}: {error}"))
    }

    fn foreign(&self) -> EnrichError {
        let mut networks = self
            .reader
            .networks(WithinOptions::default())
            .into_iter()
            .flatten()
            .flatten();
        let fields = match networks.next() {
            None => "nothing, it is empty".to_owned(),
            Some(found) => match found.decode::<BTreeMap<String, IgnoredAny>>() {
                Ok(Some(fields)) if !fields.is_empty() => {
                    let names: Vec<String> = fields
                        .keys()
                        .take(12)
                        .map(|key| format!("`{}`", printable(key)))
                        .collect();
                    names.join(", ")
                }
                Ok(_) => "no fields".to_owned(),
                Err(_) => "no fields but plain values".to_owned(),
            },
        };
        self.foreign_with(fields)
    }

    fn foreign_with(&self, fields: String) -> EnrichError {
        EnrichError::Foreign {
            purpose: self.purpose,
            kind: printable(&self.reader.metadata().database_type),
            wanted: match self.purpose {
                Purpose::As => "AS numbers (`autonomous_system_number` or `asn`)",
                Purpose::Country => "countries (`country.iso_code`, `country_code` or `country`)",
            },
            fields,
        }
    }
}

/// At most 60 characters, none that moves a cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Networks in order of address, joined while they say the same.
#[derive(Default)]
struct Runs<V> {
    v4: Vec<(u32, V)>,
    v6: Vec<(u128, V)>,
    /// The address after the last network of each family; `None` after the last address of all.
    next_v4: Option<u32>,
    next_v6: Option<u128>,
    /// Networks that said something.
    known: usize,
}

impl<V: Copy + PartialEq + Default> Runs<V> {
    fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    fn push(&mut self, ip: IpAddr, length: u8, value: V) {
        self.known += usize::from(value != V::default());
        match ip {
            IpAddr::V4(ip) => self.push_v4(ip.to_bits(), length, value),
            IpAddr::V6(ip) => {
                let start = ip.to_bits();
                // A network that holds `::/96` holds IPv4, which lives there in this format.
                if start == 0 && length <= 96 {
                    self.push_v4(0, 0, value);
                }
                run(&mut self.v6, self.next_v6, start, value);
                self.next_v6 = 1_u128
                    .checked_shl(128 - u32::from(length.min(128)))
                    .and_then(|size| start.checked_add(size));
            }
        }
    }

    fn push_v4(&mut self, start: u32, length: u8, value: V) {
        run(&mut self.v4, self.next_v4, start, value);
        self.next_v4 = 1_u32
            .checked_shl(32 - u32::from(length.min(32)))
            .and_then(|size| start.checked_add(size));
    }
}

/// Appends a range; what lies between the one before and it (an alias that was not walked) says nothing.
fn run<K: Ord + Copy + Default, V: Copy + PartialEq + Default>(
    ranges: &mut Vec<(K, V)>,
    next: Option<K>,
    start: K,
    value: V,
) {
    let mut append = |start: K, value: V| match ranges.last() {
        // Out of order only in a tree that is none; the first to claim an address keeps it.
        Some((last, _)) if start <= *last => {}
        Some((_, last)) if *last == value => {}
        _ => ranges.push((start, value)),
    };
    let gap = next.unwrap_or_default();
    if gap < start {
        append(gap, V::default());
    }
    append(start, value);
}
