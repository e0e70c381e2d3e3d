//! The flow cache: slabs of entries under an index, bounded.

use super::entry::{Arrival, Cold, Entry, Hot};
use super::key::CacheKey;
use crate::model::{Index, Slab};

/// How many entries are compared when one must go.
const SAMPLE: usize = 16;

/// Conversations being metered. Slots are reused; the order of a sweep is the order of slots, so the same input
/// gives the same output whatever the hash seed.
#[derive(Debug)]
pub(super) struct Cache {
    index: Index,
    hot: Slab<Hot>,
    /// As many as `hot`.
    cold: Slab<Cold>,
    free: Vec<u32>,
    state: foldhash::fast::FixedState,
    limit: usize,
    hand: usize,
}

impl Cache {
    /// At most `limit` conversations (at least one).
    pub(super) fn new(limit: usize, seed: u64) -> Self {
        Self {
            index: Index::new(),
            hot: Slab::new(),
            cold: Slab::new(),
            free: Vec::new(),
            state: foldhash::fast::FixedState::with_seed(seed),
            limit: limit.clamp(1, 1 << 30),
            hand: 0,
        }
    }

    #[inline]
    pub(super) fn hash(&self, key: &CacheKey) -> u64 {
        key.hash(&self.state)
    }

    /// Where the conversation of `hash` probably is.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        self.index.guess(hash)
    }

    /// Something of both cache lines of an entry, read so that they are near when it is used.
    #[inline]
    pub(super) fn touch(&self, slot: u32) -> i64 {
        self.hot.get(slot as usize).map_or(0, Hot::touch)
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, key: &CacheKey) -> Option<u32> {
        let hot = &self.hot;
        self.index.find(hash, |slot| {
            hot.get(slot as usize).is_some_and(|hot| hot.is_of(key))
        })
    }

    /// What a packet touches of an entry.
    #[inline]
    pub(super) fn hot(&mut self, slot: u32) -> Option<&mut Hot> {
        self.hot.get_mut(slot as usize)
    }

    /// All of an entry.
    pub(super) fn entry(&mut self, slot: u32) -> Option<Entry<'_>> {
        let slot = slot as usize;
        Some(Entry {
            hot: self.hot.get_mut(slot)?,
            cold: self.cold.get_mut(slot)?,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.index.len() >= self.limit
    }

    pub(super) fn memory(&self) -> usize {
        self.hot.memory() + self.cold.memory() + self.free.capacity() * size_of::<u32>() + self.index.memory()
    }

    /// Adds an entry whose key is not in the cache; the caller keeps the limit.
    pub(super) fn insert(&mut self, first: &Arrival) -> u32 {
        let slot = self.free.pop().unwrap_or(self.hot.len() as u32);
        match self.entry(slot) {
            Some(mut entry) => entry.begin(first),
            None => {
                self.hot.push(Hot::begin(first));
                self.cold.push(Cold::begin(first));
            }
        }
        self.index.insert(first.hash, slot);
        slot
    }

    /// Visits every entry in slot order and lets go of those for which `keep` is false.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Entry<'_>) -> bool) {
        self.free.clear();
        for (slot, (hot, cold)) in self.hot.iter_mut().zip(self.cold.iter_mut()).enumerate() {
            if hot.is_used() && !keep(Entry { hot, cold }) {
                self.index.remove(hot.key().hash(&self.state), slot as u32);
                hot.free();
            }
            if !hot.is_used() {
                self.free.push(slot as u32);
            }
        }
        // The first slots are taken again first, so that the slab stays dense at its start.
        self.free.reverse();
    }

    /// Lets go of the longest silent of a sample, after `farewell`.
    pub(super) fn evict(&mut self, farewell: impl FnOnce(Entry<'_>)) {
        let n = self.hot.len();
        let sample = (0..n.min(SAMPLE)).map(|i| (self.hand + i) % n);
        let used = |slot| Some((slot, self.hot.get(slot).filter(|hot| hot.is_used())?.last()));
        let victim = sample.filter_map(used).min_by_key(|&(_, last)| last);
        self.hand = (self.hand + SAMPLE) % n.max(1);
        let Some((slot, _)) = victim else { return };
        let (Some(hot), Some(cold)) = (self.hot.get_mut(slot), self.cold.get_mut(slot)) else {
            return;
        };
        farewell(Entry { hot, cold });
        hot.free();
        if self.index.remove(hot.key().hash(&self.state), slot as u32) {
            self.free.push(slot as u32);
        }
    }
}
