//! Beacons: the contacts of our hosts with services outside, and which of them come at a pace.
//!
//! A pair of host and service is admitted with its second contact, so that the many that meet once take no room. Where
//! many of our hosts reach the same service, its pace is that of the software they all run, and no secret.

use super::super::super::partial::Contact;
use super::{Judge, PATIENCE, Sign};
use crate::detect::{Beats, Rhythm, constants as c};
use crate::model::{ConversationKey, Deviation, Direction, Ip, Pattern, Timestamp, mix, units};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Places for first contacts; a power of two.
const SIEVE: usize = 1 << 14;
/// A service that more than this share of our hosts reach is popular.
const POPULAR: usize = 20;
/// Beats that may be missed before a beacon is over.
const MISSED: f64 = 3.0;

/// Which of our hosts reached a service outside, a bit for each hash.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Popularity(#[serde(with = "sorted")] HashMap<Ip, u64, foldhash::fast::FixedState>);

/// What is remembered of contacts, bounded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Beacons {
    #[serde(with = "sorted")]
    pairs: HashMap<ConversationKey, Beats, foldhash::fast::FixedState>,
    /// First contacts by hash: the newest of each place.
    #[serde(skip)]
    sieve: Vec<(u64, Timestamp)>,
    /// Of now and before.
    popularity: [Popularity; 2],
    limit: usize,
    /// Pairs and services given up for lack of room.
    pub(super) given_up: u64,
}

impl Beacons {
    pub(super) fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn memory(&self) -> usize {
        let pairs: usize = self.pairs.values().map(|beats| 64 + beats.memory()).sum();
        pairs + self.sieve.len() * 16 + self.popularity.iter().map(|p| p.0.len() * 40).sum::<usize>()
    }

    /// Takes in a contact; the rhythm of its pair, where that can be told.
    fn take(&mut self, contact: &Contact) -> Option<Rhythm> {
        let Contact { key, at } = contact;
        self.reach(key.src, key.dst);
        if let Some(beats) = self.pairs.get_mut(key) {
            return beats.beat(*at).then(|| beats.follow()).flatten();
        }
        if self.sieve.is_empty() {
            self.sieve = vec![(0, Timestamp::MIN); SIEVE];
        }
        let hash = hash(key);
        let place = self.sieve.get_mut(hash as usize % SIEVE)?;
        let before = std::mem::replace(place, (hash, *at));
        let again = before.0 == hash && at.since(before.1) >= c::BEACON_SAME;
        if before.0 == hash && !again {
            place.1 = before.1;
        }
        if again {
            self.make_room();
            let mut beats = Beats::new(before.1);
            beats.beat(*at);
            self.pairs.insert(*key, beats);
        }
        None
    }

    /// Gives up the eighth of the pairs that were silent for longest when there is no room.
    fn make_room(&mut self) {
        if self.pairs.len() < self.limit.max(16) {
            return;
        }
        let mut ages: Vec<(Timestamp, ConversationKey)> = self
            .pairs
            .iter()
            .map(|(key, beats)| (beats.last(), *key))
            .collect();
        let some = (ages.len() / 8).max(1);
        ages.select_nth_unstable(some);
        for (_, key) in ages.into_iter().take(some) {
            self.pairs.remove(&key);
            self.given_up += 1;
        }
    }

    fn reach(&mut self, src: Ip, dst: Ip) {
        let [now, before] = &mut self.popularity;
        if now.0.len() >= self.limit.max(16) && !now.0.contains_key(&dst) {
            self.given_up += before.0.len() as u64;
            *before = std::mem::take(now);
        }
        *now.0.entry(dst).or_default() |= 1 << (mix(src.folded()) & 63);
    }

    /// How many of our hosts reach a service outside, about; 64 and more are not told apart.
    pub(super) fn reached_by(&self, dst: Ip) -> usize {
        let bits = self
            .popularity
            .iter()
            .filter_map(|p| p.0.get(&dst))
            .fold(0, |a, b| a | b);
        // Linear counting (Whang et al. 1990).
        let empty = bits.count_zeros().max(1);
        (64.0 * (64.0 / f64::from(empty)).ln()).round() as usize
    }

    fn beats(&self, key: &ConversationKey) -> Option<&Beats> {
        self.pairs.get(key)
    }
}

fn hash(key: &ConversationKey) -> u64 {
    let ends = mix(key.src.folded()).rotate_left(17) ^ mix(key.dst.folded());
    mix(ends ^ u64::from(key.port) << 8 ^ u64::from(key.protocol)) | 1
}

/// Contacts in order of time, and of one time in order of conversations. Numbers are sorted in their stead, which are a
/// third as long.
fn in_order(contacts: &[Contact]) -> impl Iterator<Item = &Contact> {
    let mut order: Vec<(Timestamp, u32)> = contacts.iter().map(|contact| contact.at).zip(0..).collect();
    let key = |n: u32| contacts.get(n as usize).map(|contact| contact.key);
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(&key(b.1))));
    order.into_iter().filter_map(|(_, n)| contacts.get(n as usize))
}

impl Judge {
    /// Whether more of our hosts reach a service outside than would keep a secret.
    pub(super) fn is_popular(&self, dst: Ip) -> bool {
        let few = 2.max(self.hosts.known() / POPULAR);
        self.patterns.learned.beacons.reached_by(dst) > few
    }

    /// Takes in the contacts of a tick, in order of time.
    pub(in crate::engine::judge) fn hear_beats(&mut self, contacts: &[Contact], until: Timestamp) {
        if !self.plan.has(Pattern::Beacon) && !self.plan.has(Pattern::Mining) {
            return;
        }
        for contact in in_order(contacts) {
            let Some(rhythm) = self.patterns.learned.beacons.take(contact) else {
                continue;
            };
            self.load_now.patterns += 1.0;
            self.account_pattern(Pattern::Beacon);
            if rhythm.score < self.policy.hold || self.is_popular(contact.key.dst) {
                continue;
            }
            if let Some(sign) = self.beacon_sign(contact.key, &rhythm) {
                self.show(&sign, until);
            }
        }
    }

    fn beacon_sign(&self, key: ConversationKey, rhythm: &Rhythm) -> Option<Sign> {
        let beats = self.patterns.learned.beacons.beats(&key)?;
        let contacts = (rhythm.gaps + 1) as f64;
        let missed = match rhythm.missed {
            0 => String::new(),
            missed => format!(", {missed} beats missed"),
        };
        // Without a break: a minute of chatter after an hour of calm is no pace of an hour.
        let long = beats.kept_for() >= c::BEACON_SPAN;
        let periods = rhythm.period.as_secs_f64() / self.config.interval.as_secs_f64().max(1.0);
        Some(Sign {
            pattern: Pattern::Beacon,
            row: self.row_of(key),
            deviation: Deviation {
                observed: contacts,
                score: rhythm.score,
                ..Deviation::default()
            },
            direction: Direction::Above,
            passes: rhythm.score >= self.thresholds.pattern && long,
            since: beats.first(),
            patience: PATIENCE + (MISSED * periods).ceil().min(1e6) as u32,
            detail: format!(
                "every {}, {:.0} % off, {} contacts{missed}",
                units::duration(rhythm.period),
                100.0 * rhythm.jitter,
                rhythm.gaps + 1,
            ),
            unit: Some("contacts"),
        })
    }
}

/// A hash map written in the order of its keys, so that the same contacts give the same octets.
mod sorted {
    use foldhash::fast::FixedState;
    use hashbrown::HashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::hash::Hash;

    pub(super) fn serialize<K: Ord + Serialize, V: Serialize, S: Serializer>(
        map: &HashMap<K, V, FixedState>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut list: Vec<_> = map.iter().collect();
        list.sort_unstable_by(|a, b| a.0.cmp(b.0));
        list.serialize(serializer)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<HashMap<K, V, FixedState>, D::Error>
    where
        K: Eq + Hash + Deserialize<'de>,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn contact(src: u32, dst: u32, at: i64) -> Contact {
        let key = ConversationKey {
            src: Ip::v4(src),
            dst: Ip::v4(dst),
            port: 443,
            protocol: 6,
            role: Role::Request,
        };
        Contact {
            key,
            at: Timestamp::from_secs(at),
        }
    }

    fn book(limit: usize) -> Beacons {
        let mut beacons = Beacons::default();
        beacons.limit(limit);
        beacons
    }

    #[test]
    fn who_meets_once_takes_no_room() {
        let mut beacons = book(100);
        (0..1000).for_each(|n| _ = beacons.take(&contact(1, n, 10)));
        assert_eq!(beacons.pairs.len(), 0);
        (0..10).for_each(|n| _ = beacons.take(&contact(1, 999 - n, 70)));
        assert_eq!(beacons.pairs.len(), 10);
    }

    #[test]
    fn a_full_table_gives_up_the_longest_silent_and_counts_them() {
        let mut beacons = book(16);
        for n in 0..40 {
            beacons.take(&contact(1, n, 100 * i64::from(n)));
            beacons.take(&contact(1, n, 100 * i64::from(n) + 60));
        }
        assert!(beacons.pairs.len() <= 16);
        assert!(beacons.beats(&contact(1, 39, 0).key).is_some());
        assert!(beacons.beats(&contact(1, 0, 0).key).is_none());
        assert!(beacons.given_up > 0);
    }

    #[test]
    fn a_service_is_as_popular_as_hosts_reach_it() {
        let mut beacons = book(100);
        (0..200).for_each(|n| _ = beacons.take(&contact(n % 12, 7, 1)));
        (0..200).for_each(|n| _ = beacons.take(&contact(3, 8, n)));
        assert!((10..=14).contains(&beacons.reached_by(Ip::v4(7))));
        assert_eq!(beacons.reached_by(Ip::v4(8)), 1);
        assert_eq!(beacons.reached_by(Ip::v4(9)), 0);
    }
}
