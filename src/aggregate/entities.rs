//! What one combination of dimensions sees: counters and distinct counts per entity and interval.

use super::grouping::EntityKey;
use crate::model::{Conversation, Counters, Index, Ip, Metric, Slab, mix_step};
use cardinality_estimator::CardinalityEstimator;
use std::hash::{BuildHasher, DefaultHasher, Hasher};

/// A distinct count: exact to about a hundred, HyperLogLog with 4096 registers (standard error 1.6 %) beyond.
///
/// Merging is commutative and associative; the estimate depends on the set of elements alone.
#[derive(Clone, Debug, Default)]
pub struct DistinctCount(CardinalityEstimator<u64, DefaultHasher, 12, 6>);

impl DistinctCount {
    /// The relative standard error of estimates above a hundred: 1.04 / sqrt(4096) (Flajolet 2007).
    pub const ERROR: f64 = 0.01625;

    /// Adds an element by its 64-bit hash; the same element must always have the same hash.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        self.0.insert_hash(hash);
    }

    /// About how many distinct elements were added.
    pub fn estimate(&self) -> u64 {
        self.0.estimate() as u64
    }

    /// Adds the elements of another.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// Octets on the heap.
    pub fn heap(&self) -> usize {
        self.0.size_of().saturating_sub(size_of::<Self>())
    }
}

/// Which distinct counts a table keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sets {
    /// Source addresses.
    pub sources: bool,
    /// Destination addresses.
    pub destinations: bool,
    /// Service ports asked for.
    pub ports: bool,
}

/// One entity: what was counted of it in this interval, and what the owner of the table keeps beside it.
#[derive(Debug)]
// In this order, so that what a conversation touches lies in two cache lines.
#[repr(C)]
pub struct Row<T> {
    /// Which entity.
    pub key: EntityKey,
    /// What was counted in this interval.
    pub counters: Counters,
    touched: bool,
    sources: DistinctCount,
    destinations: DistinctCount,
    ports: DistinctCount,
    /// The owner's.
    pub state: T,
}

impl<T> Row<T> {
    /// The value of a metric in this interval so far.
    pub fn metric(&self, metric: Metric) -> f64 {
        let value = match metric {
            Metric::Bytes => self.counters.bytes,
            Metric::Packets => self.counters.packets,
            Metric::Flows => u64::from(self.counters.flows),
            Metric::Sources => self.sources.estimate(),
            Metric::Destinations => self.destinations.estimate(),
            Metric::Ports => self.ports.estimate(),
            Metric::SynOnly => u64::from(self.counters.syn_only),
            Metric::Failed => u64::from(self.counters.failed),
            Metric::Unsolicited => u64::from(self.counters.unsolicited),
        };
        value as f64
    }

    /// Whether a metric may have reached `least` in this interval. Cheap, and never wrongly false.
    #[inline]
    pub fn metric_at_least(&self, metric: Metric, least: f64) -> bool {
        // An estimate of distinct things takes time; there are no more of them than packets, but for its error.
        match metric {
            Metric::Sources | Metric::Destinations | Metric::Ports => {
                self.counters.packets as f64 >= 0.9 * least && self.metric(metric) >= least
            }
            exact => self.metric(exact) >= least,
        }
    }

    /// Whether anything was counted in this interval.
    pub fn is_touched(&self) -> bool {
        self.touched
    }
}

/// The entities of one grouping, bounded; rows stay from interval to interval until they are let go.
#[derive(Debug)]
pub struct Entities<T> {
    index: Index,
    rows: Slab<Row<T>>,
    touched: Vec<u32>,
    sets: Sets,
    state: foldhash::fast::FixedState,
    limit: usize,
    refused: u64,
}

impl<T: Default> Entities<T> {
    /// At most `limit` entities; beyond it known ones stay and new ones are refused and counted, so that a flood of
    /// strangers cannot push out what is known.
    pub fn new(sets: Sets, limit: usize, seed: u64) -> Self {
        Self {
            index: Index::new(),
            rows: Slab::new(),
            touched: Vec::new(),
            sets,
            state: foldhash::fast::FixedState::with_seed(seed),
            limit: limit.clamp(1, 1 << 30),
            refused: 0,
        }
    }

    /// The row of `key`, added when there is room.
    #[inline]
    pub fn slot(&mut self, key: &EntityKey) -> Option<u32> {
        self.slot_of(self.hash(key), key)
    }

    /// The hash of `key`, the same in every table of the same seed.
    #[inline]
    pub fn hash(&self, key: &EntityKey) -> u64 {
        hash(&self.state, key)
    }

    /// Where the row of a key of that hash probably is.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        self.index.guess(hash)
    }

    /// Something of the row in `slot`, read so that it is near when it is used.
    #[inline]
    pub fn touch(&self, slot: u32) -> u64 {
        let near =
            |row: &Row<T>| row.counters.packets ^ row.key.addresses[0].folded() ^ u64::from(row.touched);
        self.rows.get(slot as usize).map_or(0, near)
    }

    /// Whether the row in `slot` is that of `key`.
    #[inline]
    pub fn is_at(&self, slot: u32, key: &EntityKey) -> bool {
        self.rows.get(slot as usize).is_some_and(|row| row.key.is(key))
    }

    /// The row of `key`, whose hash is known; added when there is room.
    pub fn slot_of(&mut self, hash: u64, key: &EntityKey) -> Option<u32> {
        let rows = &mut self.rows;
        let same = |r: u32| rows.get(r as usize).is_some_and(|x| x.key.is(key));
        if let Some(slot) = self.index.find(hash, same) {
            return Some(slot);
        }
        if rows.len() >= self.limit {
            self.refused += 1;
            return None;
        }
        let slot = rows.len() as u32;
        rows.push(Row {
            key: *key,
            counters: Counters::default(),
            touched: false,
            sources: DistinctCount::default(),
            destinations: DistinctCount::default(),
            ports: DistinctCount::default(),
            state: T::default(),
        });
        self.index.insert(hash, slot);
        Some(slot)
    }

    /// Adds what a conversation counted; `first` says that the conversation is new in this interval.
    #[inline]
    pub fn add(&mut self, slot: u32, row: &Conversation, counters: &Counters, first: bool) -> Option<&mut T> {
        let sets = self.sets;
        let entity = self.rows.get_mut(slot as usize)?;
        entity.counters.add(counters);
        if !entity.touched {
            entity.touched = true;
            self.touched.push(slot);
        }
        if first {
            if sets.sources {
                entity.sources.insert(hash_ip(row.key.src));
            }
            if sets.destinations {
                entity.destinations.insert(hash_ip(row.key.dst));
            }
            if let (true, Some(port)) = (sets.ports, row.key.dst_port()) {
                entity.ports.insert(mix_step(u64::from(port)));
            }
        }
        Some(&mut entity.state)
    }

    /// Adds to the row of `key` what `part` counted, or `counters` of it and then none of its sets. For entities that
    /// are made up of others.
    pub fn fold<U>(&mut self, key: &EntityKey, part: &Row<U>, counters: Option<&Counters>) {
        let sets = self.sets;
        let Some(slot) = self.slot(key) else { return };
        let Some(whole) = self.rows.get_mut(slot as usize) else {
            return;
        };
        whole.counters.add(counters.unwrap_or(&part.counters));
        if !whole.touched {
            whole.touched = true;
            self.touched.push(slot);
        }
        let merge = |wanted: bool, into: &mut DistinctCount, from: &DistinctCount| {
            if wanted && counters.is_none() {
                into.merge(from);
            }
        };
        merge(sets.sources, &mut whole.sources, &part.sources);
        merge(sets.destinations, &mut whole.destinations, &part.destinations);
        merge(sets.ports, &mut whole.ports, &part.ports);
    }

    /// The rows counted in this interval, by slot.
    pub fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &Row<T>> {
        self.rows.iter()
    }

    /// Whether less than half of the room is left: then nobody is remembered on a mere suspicion.
    pub fn is_crowded(&self) -> bool {
        self.rows.len() * 2 >= self.limit
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One row.
    pub fn get(&self, slot: u32) -> Option<&Row<T>> {
        self.rows.get(slot as usize)
    }

    /// One row, to change.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Row<T>> {
        self.rows.get_mut(slot as usize)
    }

    /// The row of `key`, if there is one.
    pub fn find(&self, key: &EntityKey) -> Option<&Row<T>> {
        let same = |r: u32| self.rows.get(r as usize).is_some_and(|x| x.key == *key);
        self.index
            .find(hash(&self.state, key), same)
            .and_then(|r| self.rows.get(r as usize))
    }

    /// Begins the next interval: counters at zero, and rows let go for which `keep` is false. `keep` is told whether
    /// the row was counted in the interval that ends.
    ///
    /// Slots change; whoever remembered one must ask again.
    pub fn begin_interval(&mut self, mut keep: impl FnMut(&EntityKey, bool, &mut T) -> bool) {
        self.touched.clear();
        let before = self.rows.len();
        self.rows.retain_mut(|row| {
            let touched = std::mem::take(&mut row.touched);
            if touched {
                row.counters = Counters::default();
                row.sources = DistinctCount::default();
                row.destinations = DistinctCount::default();
                row.ports = DistinctCount::default();
            }
            keep(&row.key, touched, &mut row.state)
        });
        if self.rows.len() != before {
            self.index_again();
        }
    }

    fn index_again(&mut self) {
        self.index.clear();
        let (rows, state) = (&self.rows, &self.state);
        for (slot, row) in rows.iter().enumerate() {
            self.index.insert(hash(state, &row.key), slot as u32);
        }
    }

    /// Puts back a row that was saved.
    pub fn restore(&mut self, key: &EntityKey, state: T) -> bool {
        let slot = self.slot(key);
        let row = slot.and_then(|slot| self.rows.get_mut(slot as usize));
        row.map(|row| row.state = state).is_some()
    }

    /// How many times an entity was refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Octets it occupies, without what the owner's states hold on the heap.
    pub fn memory(&self) -> usize {
        let touched = self
            .touched
            .iter()
            .filter_map(|&slot| self.rows.get(slot as usize));
        let sets: usize = touched
            .map(|r| r.sources.heap() + r.destinations.heap() + r.ports.heap())
            .sum();
        self.rows.memory() + self.index.memory() + sets
    }
}

/// A hash that is the same in every process, so that distinct counts of several Fronts and runs agree.
///
/// An attacker who knows it can craft addresses that collide in an estimate; he gains an under-count of his own
/// sources, which the count of flows does not share.
fn hash_ip(ip: Ip) -> u64 {
    let bits = ip.bits();
    mix_step(bits as u64 ^ mix_step((bits >> 64) as u64))
}

fn hash(state: &foldhash::fast::FixedState, key: &EntityKey) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write_u128(key.addresses[0].bits());
    hasher.write_u128(key.addresses[1].bits());
    hasher.write_u64(u64::from(key.numbers[0]) << 32 | u64::from(key.numbers[1]));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConversationKey, Origin, Role};

    fn key(n: u128) -> EntityKey {
        EntityKey {
            addresses: [Ip::from_bits(n), Ip::default()],
            numbers: [0, 0],
        }
    }

    fn row(src: u32) -> Conversation {
        Conversation {
            key: ConversationKey {
                src: Ip::v4(src),
                dst: Ip::v4(9),
                port: 80,
                protocol: 6,
                role: Role::Request,
            },
            src_origin: Origin::default(),
            dst_origin: Origin::default(),
            counters: Counters {
                packets: 1,
                ..Counters::default()
            },
        }
    }

    fn table(limit: usize) -> Entities<u32> {
        Entities::new(
            Sets {
                sources: true,
                destinations: true,
                ports: true,
            },
            limit,
            1,
        )
    }

    #[test]
    fn distinct_sources_are_exact_while_few_and_close_while_many() {
        for (n, slack) in [(50u32, 0.0), (1000, 0.07), (40_000, 0.07)] {
            let mut all = table(10);
            let slot = all.slot(&key(1)).unwrap();
            for src in (0..n).chain(0..n / 2) {
                all.add(slot, &row(src), &row(src).counters, true);
            }
            let seen = all.get(slot).unwrap().metric(Metric::Sources);
            assert!(
                (seen - f64::from(n)).abs() <= slack * f64::from(n),
                "{seen} of {n}"
            );
            assert_eq!(all.get(slot).unwrap().metric(Metric::Destinations), 1.0);
        }
    }

    #[test]
    fn strangers_cannot_push_out_what_is_known() {
        let mut all = table(3);
        for n in 0..10 {
            all.slot(&key(n));
        }
        assert_eq!((all.len(), all.refused()), (3, 7));
        assert!(all.find(&key(0)).is_some() && all.find(&key(5)).is_none());
    }

    #[test]
    fn a_new_interval_counts_from_zero_and_forgets_what_it_is_told_to() {
        let mut all = table(10);
        for n in 0..6 {
            let slot = all.slot(&key(n)).unwrap();
            *all.add(slot, &row(1), &row(1).counters, true).unwrap() = n as u32;
        }
        all.begin_interval(|_, touched, state| touched && *state % 2 == 0);
        assert_eq!(all.len(), 3);
        assert!(all.touched().is_empty());
        let kept = all.find(&key(4)).unwrap();
        assert_eq!(
            (
                kept.state,
                kept.metric(Metric::Packets),
                kept.metric(Metric::Sources)
            ),
            (4, 0.0, 0.0)
        );
        assert!(all.find(&key(3)).is_none());
    }
}
