//! Which exporter tells of which addresses, so that the grace of an exporter that began anew is for those alone. Kept
//! only where a rule asks for such grace.

use super::config::Config;
use crate::model::{Dimension, Ip, Timestamp, mix};
use std::collections::BTreeMap;
use std::time::Duration;

/// Exporters that are followed, 8 KiB each; another is taken to tell of everything.
const FOLLOWED: usize = 256;
/// Words of bits of one set.
const WORDS: usize = 1024;
/// What an exporter told is remembered for one to two such stretches of time in which it speaks.
const TURN: Duration = Duration::from_secs(3600);
/// How an address is looked up: as itself, or as one of its networks.
const AS: [Dimension; 3] = [Dimension::SrcIp, Dimension::SrcNet24, Dimension::SrcNet16];

/// A set of addresses and their networks, by hash (Bloom 1970, with one hash): never without what was put in, and with
/// 10,000 addresses in it about one in seven others seems to be in it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told(Box<[u64; WORDS]>);

impl Default for Told {
    fn default() -> Self {
        Self(Box::new([0; WORDS]))
    }
}

/// The word and bit of an address of a dimension.
fn place(dimension: Dimension, bits: u128) -> (usize, u64) {
    let salt = match dimension {
        Dimension::SrcNet24 | Dimension::DstNet24 => 24,
        Dimension::SrcNet16 | Dimension::DstNet16 => 16,
        _ => 0,
    };
    let hash = mix(bits as u64 ^ ((bits >> 64) as u64).rotate_left(32) ^ salt << 56);
    ((hash >> 6) as usize % WORDS, 1 << (hash & 63))
}

impl Told {
    /// Puts in an address with its networks.
    pub fn tell(&mut self, ip: Ip) {
        for dimension in AS {
            let ip = dimension.network(ip).map_or(ip, |network| network.first());
            let (word, bit) = place(dimension, ip.bits());
            if let Some(word) = self.0.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(a, b)| *a |= b);
    }

    fn holds(&self, dimension: Dimension, bits: u128) -> bool {
        let (word, bit) = place(dimension, bits);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// What the exporters of a Front told since that was last passed on; nothing where no rule asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Tellers {
    asked: bool,
    told: BTreeMap<Ip, Told>,
}

impl Tellers {
    pub(super) fn new(config: &Config) -> Self {
        let mut graces = config.rules.iter().map(|rule| rule.gates.grace.exporter);
        Self {
            asked: graces.any(|grace| !grace.is_zero()),
            told: BTreeMap::new(),
        }
    }

    /// An exporter told of two addresses.
    #[inline]
    pub(super) fn tell(&mut self, exporter: Ip, src: Ip, dst: Ip) {
        if self.asked {
            self.note(exporter, [src, dst]);
        }
    }

    fn note(&mut self, exporter: Ip, ends: [Ip; 2]) {
        if self.told.len() < FOLLOWED || self.told.contains_key(&exporter) {
            let told = self.told.entry(exporter).or_default();
            ends.into_iter().for_each(|end| told.tell(end));
        }
    }

    /// What was told since the last call.
    pub(super) fn take(&mut self) -> Vec<(Ip, Told)> {
        std::mem::take(&mut self.told).into_iter().collect()
    }
}

/// What each exporter told in the newest hours in which it spoke.
#[derive(Clone, Debug, Default)]
pub(super) struct Tales(BTreeMap<Ip, Tale>);

#[derive(Clone, Debug)]
struct Tale {
    since: Timestamp,
    now: Told,
    before: Told,
}

impl Tales {
    /// Takes in what an exporter told up to `at`. While it is silent nothing is forgotten: it is then that one asks.
    pub(super) fn hear(&mut self, exporter: Ip, told: &Told, at: Timestamp) {
        if self.0.len() >= FOLLOWED && !self.0.contains_key(&exporter) {
            return;
        }
        let tale = self.0.entry(exporter).or_insert_with(|| Tale {
            since: at,
            now: Told::default(),
            before: Told::default(),
        });
        if at.since(tale.since) >= TURN {
            (tale.before, tale.since) = (std::mem::take(&mut tale.now), at);
        }
        tale.now.add(told);
    }

    /// Whether an exporter told of any of these addresses; yes where that is not known, or where there are none.
    pub(super) fn tells(&self, exporter: Ip, addresses: impl Iterator<Item = (Dimension, u128)>) -> bool {
        let Some(tale) = self.0.get(&exporter) else {
            return true;
        };
        let mut addresses = addresses.peekable();
        addresses.peek().is_none()
            || addresses.any(|(dimension, bits)| {
                tale.now.holds(dimension, bits) || tale.before.holds(dimension, bits)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORTER: Ip = Ip::v4(1);

    fn tells(tales: &Tales, dimension: Dimension, ip: u32) -> bool {
        tales.tells(EXPORTER, [(dimension, Ip::v4(ip).bits())].into_iter())
    }

    fn told(ip: u32) -> Told {
        let mut told = Told::default();
        told.tell(Ip::v4(ip));
        told
    }

    #[test]
    fn an_exporter_tells_of_what_it_told_and_of_the_networks_around_it() {
        let mut tales = Tales::default();
        assert!(tells(&tales, Dimension::SrcIp, 9), "not known");
        tales.hear(EXPORTER, &told(0x0a01_0203), Timestamp::from_secs(0));
        assert!(tells(&tales, Dimension::DstIp, 0x0a01_0203));
        assert!(tells(&tales, Dimension::DstNet24, 0x0a01_0200));
        assert!(tells(&tales, Dimension::SrcNet16, 0x0a01_0000));
        assert!(!tells(&tales, Dimension::Host, 0x0a01_0204));
        assert!(!tells(&tales, Dimension::SrcNet24, 0x0a01_0300));
        assert!(tales.tells(EXPORTER, std::iter::empty()), "all traffic");
    }

    #[test]
    fn what_was_not_told_for_hours_is_forgotten_unless_nothing_was() {
        let mut tales = Tales::default();
        let hour = |n: i64| Timestamp::from_secs(n * 3600);
        tales.hear(EXPORTER, &told(7), hour(0));
        tales.hear(EXPORTER, &told(8), hour(100));
        assert!(tells(&tales, Dimension::SrcIp, 7), "it was away");
        tales.hear(EXPORTER, &told(8), hour(101));
        assert!(!tells(&tales, Dimension::SrcIp, 7) && tells(&tales, Dimension::SrcIp, 8));
    }

    #[test]
    fn nothing_is_kept_where_no_rule_asks() {
        let mut tellers = Tellers::default();
        tellers.tell(EXPORTER, Ip::v4(2), Ip::v4(3));
        assert_eq!(tellers.take(), []);
    }
}
